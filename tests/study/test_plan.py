import json
from pathlib import Path

import pytest
import yaml

from melib.folder import write_done
from melib.learning.settings import SettingsError
from melib.study.lock import take
from melib.study.plan import expand, expected_seconds, make_plan, read_grid, read_plan, table
from melib.study.unit import read_state


def write(path, content):
    path.write_text(yaml.safe_dump(content))
    return path


def test_lists_are_multiplied_out_and_shared_runs_planned_once(tmp_path):
    grid = write(
        tmp_path / "g.yaml", [{"held_out": ["SAMM", "SMIC"], "lam": [0, 0.5]}, {"held_out": "SAMM", "seed": [0, 1]}]
    )
    runs = read_grid(grid)
    assert [(r.held_out, r.option("lam"), r.seed) for r in runs] == [
        ("SAMM", 0, 0), ("SAMM", 0.5, 0), ("SMIC", 0, 0), ("SMIC", 0.5, 0), ("SAMM", 0.5, 1),
    ]  # fmt: skip


def test_a_grid_includes_others_beside_it(tmp_path):
    (tmp_path / "one.yaml").write_text("held_out: [SAMM, CASME]\nmethod: erm\n")
    (tmp_path / "two.yaml").write_text("held_out: [CASME, SMIC]\nmethod: erm\n")
    (tmp_path / "all.yaml").write_text("include: [one.yaml, two.yaml]\n")
    assert [run.held_out for run in read_grid(tmp_path / "all.yaml", seed=3)] == ["SAMM", "CASME", "SMIC"]
    (tmp_path / "lost.yaml").write_text("include: [gone.yaml]\n")
    with pytest.raises(SettingsError, match=r"No grid file .*gone\.yaml"):
        read_grid(tmp_path / "lost.yaml")


def test_sources_take_a_list_of_lists():
    runs = expand({"held_out": "SAMM", "sources": [["SMIC", "MMEW"], ["CASME", "MMEW"]]})
    assert [r.sources for r in runs] == [("SMIC", "MMEW"), ("CASME", "MMEW")]


def test_values_may_hang_on_the_held_out_dataset():
    runs = expand({"held_out": ["SAMM", "SMIC"], "corpus": "demo-shift-{held_out}"})
    assert [run.corpus for run in runs] == ["demo-shift-SAMM", "demo-shift-SMIC"]
    runs = expand({"held_out": ["SAMM", "SMIC", "MMEW", "CASME"], "sources": "inner", "seed": [0, 1]})
    every = {"SAMM", "SMIC", "MMEW", "CASME"}
    inner = [(run.held_out, frozenset(run.sources)) for run in runs if run.seed == 1]
    assert len(runs) == 2 * len(inner) and len(set(inner)) == len(inner) == 12
    assert set(inner) == {(name, frozenset(every - {name, out})) for name in every for out in every - {name}}


@pytest.mark.parametrize(
    "content, message",
    [
        ({"held_out": ["SAMM", "SMIC"], "sources": "inner"}, "row 1 .*one of the other datasets that held_out lists"),
        ({"held_out": ["SAMM", "SMIK"]}, "grid 1, row 2 .*'SMIK'.*'SMIC'"),
        ([{"held_out": "SAMM"}, {"held_out": "SAMM", "lamda": 0.5}], "grid 2, row 1 .*'lamda'.*'lam'"),
        (["held_out"], "grid 1 is 'held_out'"),
        (None, "grid 1 is None"),
    ],
)
def test_a_wrong_row_is_named_before_anything_starts(tmp_path, content, message):
    with pytest.raises(SettingsError, match=message):
        read_grid(write(tmp_path / "g.yaml", content))


def test_a_grid_that_is_not_there(tmp_path):
    with pytest.raises(SettingsError, match="No grid file"):
        read_grid(tmp_path / "none.yaml")


def test_state_is_read_from_disk_and_a_corpus_named_once(tmp_path):
    asked = []
    runs = expand({"held_out": ["SAMM", "SMIC", "MMEW", "CASME"], "out": str(tmp_path)})
    units = make_plan(runs, lambda settings: asked.append(settings.corpus) or "f00d")
    assert asked == ["demo"]
    assert list(table(units)["state"]) == ["planned"] * 4

    units[0].folder.mkdir()
    write_done(units[0].folder)
    units[1].folder.mkdir()  # a folder without `done` is none
    for unit in units[2:]:
        unit.work.mkdir(parents=True)
    (units[2].work / "error").write_text("ValueError: no\n")
    progress = {"done": 12, "total": 40, "left": 95.2}
    (units[3].work / "progress.json").write_text(json.dumps(progress))
    rows = table(units)
    assert list(rows["state"]) == ["done", "planned", "failed", "planned"]
    assert list(rows["note"]) == ["", "", "ValueError: no", "was stopped after epoch 12 of 40"]
    assert list(rows["part"]) == [1, 0, 0, 0.3]
    assert list(rows["held_out"]) == ["SAMM", "SMIC", "MMEW", "CASME"]

    lock = take(units[3].work, 1)
    assert read_state(units[3]).state == "running"
    assert read_state(units[3]).note.startswith("epoch 12 of 40, about 1:35 left, on ")
    lock.release()
    assert list(table(make_plan(runs, lambda _: "beef"))["state"]) == ["planned"] * 4  # other data, other runs


def test_a_top_up_waits_for_its_generated_folder_which_is_made_once(tmp_path):
    grid = {"held_out": ["SAMM", "SMIC"], "augment": ["none", "even", "shuffled"], "out": str(tmp_path / "runs")}
    units = make_plan(expand(grid | {"generated": str(tmp_path / "generated")}), lambda _: "f00d")
    assert [unit.settings.held_out for unit in units[:2]] == ["SAMM", "SMIC"]
    assert {unit.notebook.name for unit in units[:2]} == {"03_gan_augmentation.ipynb"}
    assert len(units) == 2 + 6
    assert [unit.needs for unit in units[2:5]] == [(), (units[0].folder,), (units[0].folder,)]
    assert list(table(units)["note"])[3] == f"waits for {units[0].name}"
    assert units[2].name == units[2].settings.run_name("f00d")
    assert units[3].name == units[3].settings.run_name(f"f00d+{units[0].name}")
    assert Path(units[3].settings.generated) == units[0].folder  # whatever else comes to lie beside it


def test_a_generated_folder_that_a_run_names_is_not_made(tmp_path):
    folder = tmp_path / "generated" / "by hand"
    folder.mkdir(parents=True)
    (folder / "gan.json").touch()
    runs = expand({"held_out": "SAMM", "augment": "even", "generated": str(folder), "out": str(tmp_path / "runs")})
    (unit,) = make_plan(runs, lambda _: "f00d")
    assert unit.needs == ()
    assert unit.name == unit.settings.run_name("f00d+by hand")


def test_a_slip_in_the_yaml_is_named(tmp_path):
    (tmp_path / "g.yaml").write_text("held_out: [SAMM\nlam: 0")
    with pytest.raises(SettingsError, match=r"g\.yaml is no YAML"):
        read_grid(tmp_path / "g.yaml")


def expected(units):
    return expected_seconds(units, {unit.name: read_state(unit) for unit in units})


def test_the_time_of_a_plan_is_read_off_runs_that_are_alike(tmp_path):
    grid = {"held_out": "SAMM", "network": ["cnn", "resnet18"], "seed": [0, 1, 2, 3], "out": str(tmp_path)}
    units = make_plan(expand(grid), lambda _: "f00d")
    guess = expected(units)
    assert guess[0] > 0 and guess[1] == 8
    assert expected(make_plan(expand(grid | {"epochs": 80}), lambda _: "f00d")) == (2 * guess[0], 8)
    for unit, seconds in zip(units, (10, 50, 20), strict=False):
        unit.folder.mkdir()
        facts = {"seconds": seconds, "settings": unit.parameters}
        (unit.folder / "run.json").write_text(json.dumps(facts))
        write_done(unit.folder)
    rest = expected([unit for unit in units if unit.settings.network == "resnet18"])
    assert expected(units) == (20 + rest[0], 4)  # one CNN is left, at the median; no ResNet-18 was run yet
    other = make_plan(expand(grid | {"network": "cnn", "lam": 0.9}), lambda _: "f00d")
    assert expected(other) == (80, 0)  # another grid in the same folder


def test_an_empty_plan_is_a_table_too():
    assert list(table([])["state"]) == []


def test_a_corpus_is_read_again_for_a_plan_only_where_a_file_has_changed(tmp_path, monkeypatch):
    monkeypatch.setattr("melib.home.home", lambda: tmp_path)
    (tmp_path / "corpus" / "SMIC").mkdir(parents=True)
    (tmp_path / "corpus" / "SMIC" / "loop").symlink_to(tmp_path / "corpus")
    (tmp_path / "corpus" / "SMIC" / "a.bmp").write_bytes(b"1")
    grid = write(tmp_path / "g.yaml", {"held_out": "SAMM", "corpus": "corpus"})
    names = []

    def name_corpus(*given):
        names.append(given)
        return f"{len(names)}" * 32

    monkeypatch.setattr("melib.prepare.data.name_corpus", name_corpus)
    first = read_plan(grid, quick=False)[0].name
    assert read_plan(grid, quick=False)[0].name == first and len(names) == 1
    (tmp_path / "corpus" / "SMIC" / "b.bmp").write_bytes(b"1")
    assert read_plan(grid)[0].name == first and len(names) == 1
    assert read_plan(grid, quick=False)[0].name != first and len(names) == 2
