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
browser = ClipBrowser(samples, root)
dlink((hover, "selected"), (browser, "pool"))
widgets.VBox([hover, browser])
"""
FACE = "from melib.explore.faces import FacePanel\nFacePanel()"


def test_clips_are_chosen_played_and_magnified(open_panel, demo):
    panel = open_panel("clips", demo + CLIPS)
    panel.page.wait_for_function("document.querySelectorAll('.jp-OutputArea-output img').length >= 5")
    first = panel.picture(0)
    panel.shot("clip_browser")
    panel.choose("dataset", "SAMM")
    second = panel.changed(0, first)
    slider = panel.page.locator(".widget-slider", has_text="frame").locator(".noUi-handle")
    slider.focus()
    slider.press("ArrowLeft")
    third = panel.changed(0, second)
    strength = panel.page.locator(".widget-slider", has_text="motion").locator(".noUi-handle")
    slider.press("ArrowRight")
    panel.changed(0, third)
    again = panel.picture(0)
    strength.focus()
    strength.press("ArrowRight")
    magnified = panel.changed(0, again)
    panel.page.locator(".widget-play button").first.click()
    panel.changed(0, magnified)


def test_a_cell_of_the_confusion_matrix_opens_its_clips(open_panel, demo):
    panel = open_panel("errors", demo + ERRORS)
    panel.page.wait_for_selector("[data-key*='|']")
    panel.page.wait_for_selector(".jp-OutputArea-output img")
    panel.shot("error_browser")
    before = panel.picture(2)
    panel.page.locator("[data-key='positive|positive'], [data-key='negative|negative']").first.click()
    rows = panel.page.locator("tr[data-key]")
    if rows.count() > 1:
        rows.nth(1).click()
    panel.changed(2, before)
    assert panel.page.get_by_text("other runs that never saw this clip").count() == 1


def test_two_runs_are_compared_and_a_menu_changes_the_curves(open_panel, demo):
    panel = open_panel("runs", demo + RUNS)
    panel.page.wait_for_selector(".jp-OutputArea-output img")
    panel.shot("run_browser")
    before = panel.picture(0)
    panel.choose("held_out", "SMIC")
    panel.changed(0, before)
    assert panel.page.get_by_text("a paired test needs the same clips").count() == 1
    panel.choose("epoch by", "oracle: best accuracy on the held-out clips")
    panel.page.get_by_text("an upper bound, not a result").wait_for()


def test_a_cell_of_the_grid_opens_its_run(open_panel, demo):
    panel = open_panel("grid", demo + GRID)
    cell = panel.page.locator("td[data-key^='SAMM__erm']")
    cell.wait_for()
    assert cell.inner_text().strip().isdigit()
    cell.click()
    panel.page.get_by_text("epoch by").wait_for()
    panel.shot("grid_panel")


def test_hovering_shows_a_clip_and_a_lasso_fills_the_browser(open_panel, demo):
    panel = open_panel("map", demo + MAP, ".js-plotly-plot .points path")
    panel.page.wait_for_selector(".jp-OutputArea-output img")
    before = panel.picture(0)
    points = panel.page.locator(".js-plotly-plot .points path")
    points.nth(40).hover(force=True)
    panel.changed(0, before)
    panel.shot("hover_map")
    box = panel.page.locator(".js-plotly-plot .nsewdrag").first.bounding_box()
    mouse = panel.page.mouse
    corners = [(0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7), (0.3, 0.31)]
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    mouse.move(*places[0])
    mouse.down()
    for place in places[1:]:
        mouse.move(*place, steps=8)
    mouse.up()
    panel.page.get_by_text("clips selected.").wait_for()
    said = panel.page.get_by_text("clips selected.").inner_text()
    clips = panel.page.locator(".widget-dropdown", has=panel.page.get_by_text("clip", exact=True)).locator("option")
    panel.page.wait_for_function("count => true", arg=1)
    assert clips.count() == int(said.split()[0])


def test_a_slider_of_the_face_moves_the_face(open_panel):
    panel = open_panel("face", FACE)
    panel.page.wait_for_selector(".jp-OutputArea-output img")
    before = panel.picture(0)
    slider = panel.page.locator(".widget-slider", has_text="AU26").locator(".noUi-handle")
    slider.focus()
    for _ in range(8):
        slider.press("PageUp")
    panel.changed(0, before)
    panel.shot("face_panel")
