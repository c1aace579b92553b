"""A panel for a clip of one's own: choose a recording, see what finished runs make of it and how far to believe it."""

from __future__ import annotations

import html
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import ipywidgets as widgets
import matplotlib.pyplot as plt
import traitlets
from matplotlib.figure import Figure

from melib.figures import own_clip as draw
from melib.figures.motion import one_clip
from melib.prepare.own_clip import Workspace
from melib.prepare.settings import PrepareError
from melib.prepare.spot import Candidates
from melib.study.models import Model, load_models
from melib.study.predict import Prediction, examine, occlusion
from melib.study.verdict import in_words

NUMBERS = ("onset", "apex", "offset", "fps")
WAITING = "Upload a video, or give the path of one or of a folder of frames, and press Predict."
EACH = 25  # frames between two signs of life of a search


class OwnClipPanel(widgets.VBox):
    """Predictions of `models` for a video that is uploaded, or for a path; onset, apex and offset given or found.

    Where `folders` of runs are given, a list of them chooses which are averaged; those that cannot be are refused.
    Its state is traits: `prediction`, None until there is one, and `message`, its words or what was wrong with the
    input, after which the panel can be used as before. `candidates` of a long recording are offered, none is taken.

    >>> OwnClipPanel(load_models())  # doctest: +SKIP
    """

    prediction = traitlets.Instance(Prediction, allow_none=True)
    candidates = traitlets.Instance(Candidates, allow_none=True)
    message = traitlets.Unicode(WAITING)

    def __init__(self, models: Sequence[Model], folders: Iterable[Path] = ()):
        self.models = list(models)
        known = {folder.name: folder for folder in folders}
        known |= {model.run.folder.name: model.run.folder for model in models}
        self.runs = widgets.SelectMultiple(
            description="runs", options=list(known.items()), value=self._loaded(), rows=min(6, len(known)),
            layout=widgets.Layout(width="620px", display="" if len(known) > len(models) else "none"),
        )  # fmt: skip
        self._workspace = Workspace()
        self.upload = widgets.FileUpload(accept="video/*", multiple=False, description="Upload a video")
        self.path = _text("or path", "video file, or folder of frames", "420px")
        self.numbers = {name: _text(name, "found" if name != "fps" else "as stated", "190px") for name in NUMBERS}
        self.box = _text("face box", "x,y,w,h, found where empty", "300px")
        self.cropped = widgets.Checkbox(description="frames show the face alone", indent=False)
        self.choice = widgets.Dropdown(description="candidate", options=[("none chosen", None)])
        self.choice.layout.display = "none"
        self.button = widgets.Button(description="Predict", button_style="primary")
        self.words = widgets.HTML()
        self.pictures = {name: widgets.Image(format="png") for name in ("verdict", "clip", "candidates")}
        super().__init__(
            [
                self.runs,
                widgets.HBox([self.upload, self.path]),
                widgets.HBox(list(self.numbers.values())),
                widgets.HBox([self.box, self.cropped, self.button]),
                self.choice,
                self.words,
                *self.pictures.values(),
            ]
        )
        self.button.on_click(self._run)
        self.runs.observe(self._take_runs, "value")
        self.upload.observe(self._take_upload, "value")
        self.path.observe(self._forget, "value")
        self.choice.observe(self._take_candidate, "value")
        self.observe(self._show_message, "message")
        self._show_message()
        self._show({})

    def show(self, result: Prediction | Candidates) -> OwnClipPanel:
        """Show what `predict.examine` gave for a clip already; returns the panel."""
        self._offer(result) if isinstance(result, Candidates) else self._say(result)
        return self

    def _loaded(self) -> tuple[Path, ...]:
        return tuple(model.run.folder for model in self.models)

    def _take_runs(self, change) -> None:
        """Load the chosen runs; where they cannot be averaged, say why and keep those that were loaded."""
        if change["new"] == self._loaded():
            return
        try:
            if not change["new"]:
                raise ValueError("no run is chosen.")
            self.models = load_models(change["new"])
            self.message = f"{len(self.models)} runs loaded. {WAITING}"
        except (ValueError, OSError) as error:
            self.message = f"This cannot be used: {error}"
            self.runs.value = self._loaded()

    def _run(self, _=None) -> None:
        """Predict for what is chosen; what is wrong with it becomes the message."""
        self.button.disabled = True
        self.prediction = None
        self._show({})
        self.message = "Reading the recording ..."
        try:
            numbers = {name: self._number(name) for name in NUMBERS}
            result = examine(
                self.models, self._place(), **numbers, box=self.box.value.strip(), cropped=self.cropped.value,
                progress=self._looked_at,
            )  # fmt: skip
            self.show(result)
        except (ValueError, OSError) as error:
            self.message = f"This cannot be used: {error}"
        finally:
            self.button.disabled = False

    def _place(self) -> Path:
        """The recording's path; what was uploaded is written to a folder that lasts as long as the panel."""
        if self.path.value.strip():
            return Path(self.path.value.strip())
        if not self.upload.value:
            raise PrepareError(f"nothing was chosen. {WAITING}")
        sent = self.upload.value[0]
        place = self._workspace.folder / Path(sent["name"]).name
        place.write_bytes(sent["content"])
        return place

    def _number(self, name: str) -> int | float | None:
        text = self.numbers[name].value.strip()
        try:
            return None if not text else float(text) if name == "fps" else int(text)
        except ValueError:
            raise PrepareError(f"{name} is {text!r}; expected a number, or nothing to have it found.") from None

    def _looked_at(self, number: int) -> None:
        """A sign of life of a search."""
        if number % EACH == 0:
            self.message = f"Searching: frame {number} ..."

    def _offer(self, candidates: Candidates) -> None:
        """Offer the candidates of a long recording."""
        self.candidates = candidates
        rows = list(candidates.table.itertuples(index=False))
        options = [
            (f"{number}: {row.seconds:.2f} s, frames {row.onset} to {row.offset} {row.note}", number - 1)
            for number, row in enumerate(rows, start=1)
        ]
        self.choice.options = [("none chosen", None), *options]
        self.choice.layout.display = ""
        self.message = in_words(candidates)
        if rows:
            figure, ax = plt.subplots(figsize=(10, 2.6), layout="constrained")
            draw.curves(candidates.table, ax)
            self._show({"candidates": figure})

    def _take_candidate(self, change) -> None:
        """Load the numbers of the candidate that the user chose, and predict."""
        if change["new"] is None:
            return
        row = self.candidates.table.iloc[change["new"]]
        for name in ("onset", "apex", "offset"):
            self.numbers[name].value = str(int(row[name]))
        self._run()

    def _take_upload(self, _=None) -> None:
        """An upload takes the place of a path."""
        self.path.value = ""
        self._forget()

    def _forget(self, _=None) -> None:
        """Another recording has other frames."""
        self.choice.options = [("none chosen", None)]
        self.choice.layout.display = "none"
        for name in ("onset", "apex", "offset"):
            self.numbers[name].value = ""

    def _say(self, prediction: Prediction) -> None:
        regions = occlusion(self.models, prediction)
        self._show(
            {
                "verdict": draw.verdict(prediction, regions),
                "clip": one_clip(prediction.samples, prediction.own.frames(), prediction.own.motion()),
            }
        )
        self.prediction = prediction
        self.message = in_words(prediction)

    def _show(self, figures: dict[str, Figure]) -> None:
        for name, image in self.pictures.items():
            image.layout.display = "" if name in figures else "none"
            if name in figures:
                image.value = _png(figures[name])

    def _show_message(self, _=None) -> None:
        colour = "#777777" if self.prediction and self.prediction.doubts else "#222222"
        if self.message.startswith("This cannot"):
            colour = "#B00020"
        style = f"white-space:pre-wrap;line-height:1.35;color:{colour};max-width:1000px"
        self.words.value = f"<pre style='{style}'>{html.escape(self.message)}</pre>"


def _text(name: str, hint: str, width: str) -> widgets.Text:
    return widgets.Text(
        description=name, placeholder=hint, layout=widgets.Layout(width=width), continuous_update=False
    )  # fmt: skip


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=80, bbox_inches="tight")
    plt.close(figure)
    return buffer.getvalue()
