# Each target sets up what it needs and works again when that is there.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MAIN_JOB := notebooks/grids/main_job.yaml
STUDY := notebooks/grids/study.yaml
BACKBONES := notebooks/grids/backbones.yaml

REAL := $(addprefix notebooks/grids/real_,core.yaml losses.yaml tuned.yaml)

.PHONY: demo test lab study real calibration likeness controls figures

demo: $(VENV)/.notebooks
	$(BIN)/melib demo
	$(BIN)/melib run $(MAIN_JOB) --launcher plain
	$(BIN)/melib collect $(MAIN_JOB) --to figures
	$(BIN)/melib figures figures main_job

test: $(VENV)/.all
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal

# JupyterLab in a headless Chromium; the tests skip, and say why, where there is none (apt install chromium).
test-browser: $(VENV)/.all
	$(BIN)/python -m pytest tests/browser -n 0 -rs

lab: $(VENV)/.notebooks
	$(BIN)/jupyter lab notebooks

# Stopped at any moment, it goes on where it was. Its last lines need its runs alone; figures come from the CSVs they write.
study: $(VENV)/.notebooks
	$(BIN)/melib run $(STUDY) --launcher plain
	$(BIN)/melib tables $(STUDY) $(BACKBONES) --to figures
	$(BIN)/papermill notebooks/03_gan_augmentation.ipynb runs/03_gan_augmentation.ipynb -p figures figures
	$(BIN)/papermill notebooks/05_decision_boundaries.ipynb runs/05_decision_boundaries.ipynb -p out figures
	$(BIN)/papermill notebooks/06_results.ipynb runs/06_results.ipynb
	$(BIN)/melib figures

# CLONE: a clone of one of the public repositories that hold the flow images (docs/real-clips.md).
real: $(VENV)/.notebooks
	test -d data/megc2019 || $(BIN)/melib import "$(CLONE)" --to data/megc2019
	for grid in $(REAL); do $(BIN)/melib run $$grid --launcher plain || exit 1; done
	$(BIN)/melib compare $(REAL) --to figures/real

# How hard the demo corpus is, beside the bands that it was set to.
calibration: $(VENV)/.notebooks
	$(BIN)/melib run notebooks/grids/calibration.yaml --launcher plain
	$(BIN)/melib calibration

# The demo corpus beside real clips on the same terms; REAL_SAMPLES: a folder of samples of these clips.
REAL_SAMPLES := data/megc2019
likeness: $(VENV)/.notebooks
	$(BIN)/melib run notebooks/grids/likeness.yaml --launcher plain
	$(BIN)/melib likeness $(REAL_SAMPLES)

# Every loss on the demo corpus and on one with a misleading cue, beside real clips.
controls: $(VENV)/.notebooks
	$(BIN)/melib run notebooks/grids/demo_core.yaml --launcher plain
	$(BIN)/melib run notebooks/grids/shift.yaml --launcher plain
	$(BIN)/melib compare notebooks/grids/demo_core.yaml --to figures/demo
	$(BIN)/melib compare notebooks/grids/shift.yaml --to figures/shift
	$(BIN)/melib controls

# Faces cannot be redrawn from a table, so the notebook that shows them runs; the rest comes from the CSVs alone, but
# for generated faces (notebook 03).
figures: $(VENV)/.notebooks
	mkdir -p runs
	$(BIN)/papermill notebooks/01_dataset_analysis.ipynb runs/01_dataset_analysis.ipynb -p out figures
	$(BIN)/melib figures

# The notebooks executed on the demo corpus, as a static site in book/; only what has changed runs again.
book: $(VENV)/.notebooks
	$(BIN)/melib demo
	$(BIN)/melib run $(MAIN_JOB) --launcher plain
	$(BIN)/melib book --grid $(MAIN_JOB)

# torch and torchvision come in one command, so that they are a pair: alone, either may fetch one that does not fit.
$(VENV)/.notebooks: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet torch torchvision --editable '.[notebooks]'
	touch $@

$(VENV)/.all: $(VENV)/.notebooks
	$(BIN)/python -m pip install --quiet torch torchvision --editable '.[all]'
	touch $@
