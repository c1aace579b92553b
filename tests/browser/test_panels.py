"""Each panel in JupyterLab: it opens, a control is moved, the picture changes, the console stays without errors."""

CLIPS = """
from melib.explore.clips import ClipBrowser, au_curves
ClipBrowser(samples, root, au_curves(root, samples.index), True)
"""
ERRORS = """
from melib.explore.errors import ErrorBrowser
ErrorBrowser(folders_in(runs), samples, root)
"""
RUNS = """
from melib.explore.runs import RunBrowser
RunBrowser(folders_in(runs))
"""
GRID = """
from melib.explore.grid import GridPanel
from melib.study.plan import expand, make_plan
common = {"corpus": root, "profile": "tiny", "inputs": "flow", "out": runs}
wanted = [*expand(common | {"held_out": ["SAMM", "SMIC", "MMEW"], "method": ["erm", "brl"]})]
GridPanel(make_plan(wanted, lambda settings: data.fingerprint))
"""
MAP = """
import ipywidgets as widgets, numpy as np
from traitlets import dlink
from melib.explore.clips import ClipBrowser
from melib.explore.hover import HoverMap
x, y = samples.arrays["flow"].astype(float).mean((2, 3)).T
hover = HoverMap(samples.index[["clip_id", "dataset", "label"]].assign(x=x, y=y), samples, True)
browser = ClipBrowser(samples, root, synthetic=True)
dlink((hover, "selected"), (browser, "pool"))
widgets.VBox([hover, browser])
"""
FACE = """
import numpy as np, pandas as pd
from melib.aus.table import NAMES
from melib.explore.faces import FacePanel
FacePanel({"apex": pd.DataFrame(np.eye(17)[:2], index=["positive", "negative"], columns=list(NAMES))})
"""
GENERATED = """
import numpy as np
from melib.aus.face import DrawnFace
from melib.explore.generated import GeneratorPanel
drawn = DrawnFace(64)
faces = {name: samples.arrays["onset"][place] for name, place in (("first", 0), ("last", -1))}
def blend(face, aus):  # stands in for a trained generator, whose weights the demo corpus' tests do not have
    return np.uint8(face * 0.5 + 0.5 * DrawnFace.draw(drawn, aus, 1)[::2, ::2][: len(face), : len(face)])
GeneratorPanel(blend, faces)
"""
OWN_CLIP = """
from melib.explore.own_clip import OwnClipPanel
from melib.study.models import load_models
OwnClipPanel(load_models([folders_in(runs)[0]]))
"""


def test_clips_are_chosen_played_and_magnified(open_panel, demo):
    panel = open_panel("clips", demo + CLIPS)
    panel.until(lambda: panel.output.locator("img").count() >= 5, "five pictures")
    panel.shot("clip_browser")
    before = panel.picture(0)
    panel.choose("dataset", "SAMM")
    panel.changed(0, before)
    panel.settle()
    before = panel.picture(0)
    panel.slide("frame", "ArrowLeft")
    panel.changed(0, before)
    panel.settle()
    before = panel.picture(0)
    panel.slide("motion", "ArrowRight")
    panel.changed(0, before)
    panel.settle()
    before = panel.picture(0)
    panel.click(".widget-play button")
    panel.changed(0, before)


def test_a_cell_of_the_confusion_matrix_opens_its_clips(open_panel, demo):
    panel = open_panel("errors", demo + ERRORS)
    panel.output.locator("[data-key*='|']").first.wait_for()
    panel.output.locator("img").first.wait_for()
    panel.shot("error_browser")
    before = panel.picture(2)
    panel.click("tr[data-key]", 1)  # the second clip of the open cell
    panel.changed(2, before)
    assert panel.output.get_by_text("other runs that never saw this clip").count() == 1
    panel.settle()
    before = panel.look()
    panel.click("[data-key='positive|surprise'], [data-key='positive|positive']")
    panel.until(lambda: panel.look() != before, "another list of clips")


def test_two_runs_are_compared_and_a_menu_changes_the_curves(open_panel, demo):
    panel = open_panel("runs", demo + RUNS)
    panel.output.locator("img").first.wait_for()
    panel.shot("run_browser")
    before = panel.picture(0)
    panel.choose("held_out", "SMIC")
    panel.changed(0, before)
    panel.output.get_by_text("a paired test needs the same clips").wait_for()
    panel.choose("epoch by", "oracle: best accuracy on the held-out clips")
    panel.output.get_by_text("optimistic, and no result").wait_for()


def test_a_cell_of_the_grid_opens_its_run(open_panel, demo):
    panel = open_panel("grid", demo + GRID)
    cell = panel.output.locator("td[data-key^='SAMM__erm']")
    cell.wait_for()
    assert cell.inner_text().strip().isdigit()
    cell.click()
    panel.output.get_by_text("epoch by").wait_for()
    panel.shot("grid_panel")


def test_hovering_shows_a_clip_and_a_lasso_fills_the_browser(open_panel, demo):
    panel = open_panel("map", demo + MAP)
    points = panel.output.locator(".js-plotly-plot .points path")
    points.first.wait_for()
    panel.output.locator("img").first.wait_for()
    before = panel.picture(0)
    points.nth(40).hover(force=True)
    panel.changed(0, before)
    panel.shot("hover_map")
    box = panel.output.locator(".js-plotly-plot .nsewdrag").first.bounding_box()
    mouse = panel.page.mouse
    corners = [(0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7), (0.3, 0.31)]
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    mouse.move(*places[0])
    mouse.down()
    for place in places[1:]:
        mouse.move(*place, steps=8)
    mouse.up()
    said = panel.output.get_by_text("clips selected.")
    said.wait_for()
    panel.settle()
    menu = panel.output.locator(".widget-dropdown", has=panel.page.get_by_text("clip", exact=True))
    assert menu.locator("option").count() == int(said.inner_text().split()[0])


def test_the_drawn_face_follows_sliders_presets_play_and_another_face(open_panel):
    panel = open_panel("face", FACE)
    panel.output.locator("img").first.wait_for()
    before = panel.picture(0)
    panel.slide("AU26", "PageUp", 8)
    panel.changed(0, before)
    panel.settle()
    before = panel.picture(0)
    panel.choose("presets", "EMFACS prototypes")
    panel.output.get_by_role("button", name="happiness").click()
    panel.changed(0, before)
    panel.settle()
    before = panel.picture(0)
    panel.output.get_by_label("arrows of the motion").click()
    panel.changed(0, before)
    panel.shot("face_panel")
    before = panel.picture(0)
    panel.choose("face", "drawn face 3")
    before = panel.changed(0, before)
    panel.click(".widget-play button")
    panel.changed(0, before)


def test_the_generated_face_follows_the_sliders_and_its_source(open_panel, demo):
    panel = open_panel("generated", demo + GENERATED)
    panel.output.locator("img").nth(2).wait_for()
    before = [panel.picture(place) for place in range(3)]
    panel.slide("AU26", "PageUp", 8)
    for place in range(3):
        panel.changed(place, before[place])
    panel.settle()
    before = panel.picture(0)
    panel.choose("source face", "last")
    panel.changed(0, before)


def test_a_clip_of_ones_own_is_predicted_and_bad_input_leaves_a_usable_panel(open_panel, demo, tiny_root):
    panel = open_panel("own_clip", demo + OWN_CLIP)
    path = panel.output.get_by_role("textbox", name="or path")
    path.fill("/nowhere/at/all.mp4")
    path.press("Enter")
    panel.output.get_by_role("button", name="Predict").click()
    panel.output.get_by_text("This cannot be used").wait_for()
    clip = next(path for path in sorted((tiny_root / "SAMM").rglob("*")) if len([*path.glob("*.jpg")]) > 3)
    path.fill(str(clip))
    path.press("Enter")
    panel.output.get_by_role("button", name="Predict").click()
    panel.output.get_by_text("NOT TO BE RELIED ON").wait_for()
    panel.until(lambda: panel.output.locator("img:visible").count() == 2, "two pictures")
    panel.shot("own_clip_panel")
