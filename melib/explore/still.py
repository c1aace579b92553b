"""Widgets as plain HTML, from the state that an executed notebook stores of them: for pages without a kernel."""

from __future__ import annotations

import html
import itertools
import json
from collections.abc import Mapping

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
REFERENCE = "IPY_MODEL_"
PLOTLY = "plotly.min.js"  # beside the page

_numbers = itertools.count()


def still(models: Mapping[str, dict], model_id: str) -> str:
    """The widget `model_id` of a notebook's widget `models` as HTML: pictures inlined, controls as words.

    A plotly figure becomes one that needs PLOTLY beside the page and can still be hovered over. A widget of an unknown
    kind is named.
    """
    model = models.get(model_id)
    if model is None:
        return "<i>A widget without stored state.</i>"
    state, name = model["state"], model["model_name"]
    if _hidden(models, state):
        return ""
    if name in ("HBoxModel", "VBoxModel"):
        children = "".join(still(models, child.removeprefix(REFERENCE)) for child in state.get("children", []))
        flow = "column" if name == "VBoxModel" else "row"
        return f"<div style='display:flex;flex-flow:{flow} wrap;gap:4px 12px;align-items:flex-start'>{children}</div>"
    draw = DRAWN.get(name)
    return draw(model) if draw else f"<i>{html.escape(name)}</i>"


def _hidden(models: Mapping[str, dict], state: Mapping) -> bool:
    layout = models.get(str(state.get("layout") or "").removeprefix(REFERENCE))
    return bool(layout) and layout["state"].get("display") == "none"


def _image(model: dict) -> str:
    data = next((part["data"] for part in model.get("buffers", []) if part["path"] == ["value"]), "")
    if not data.strip():
        return ""
    width = model["state"].get("width")
    size = f" width='{html.escape(str(width))}'" if width else ""
    return f"<img alt='a picture of the panel' src='data:image/png;base64,{data.strip()}' style='max-width:100%'{size}>"


def _html(model: dict) -> str:
    state = model["state"]
    return f"<div>{html.escape(state.get('description') or '')} {state.get('value') or ''}</div>"


def _label(model: dict) -> str:
    return f"<div>{html.escape(model['state'].get('value') or '')}</div>"


def _choice(model: dict) -> str:
    state = model["state"]
    labels, place = state.get("_options_labels") or [], state.get("index")
    value = labels[place] if place is not None and place < len(labels) else "—"
    return _named(state, value)


def _several(model: dict) -> str:
    state = model["state"]
    labels = state.get("_options_labels") or []
    return _named(state, ", ".join(labels[place] for place in state.get("index") or ()) or "—")


def _value(model: dict) -> str:
    state = model["state"]
    value = state.get("value")
    return _named(state, f"{value:g}" if isinstance(value, float) else value)


def _named(state: Mapping, value: object) -> str:
    return f"<div><small>{html.escape(state.get('description') or '')}</small> <b>{html.escape(str(value))}</b></div>"


def _button(model: dict) -> str:
    return f"<button disabled>{html.escape(model['state'].get('description') or '')}</button>"


def _progress(model: dict) -> str:
    state = model["state"]
    return f"<progress max='{state.get('max', 100)}' value='{state.get('value', 0)}'></progress>"


def _nothing(model: dict) -> str:
    return ""


def _any(model: dict) -> str:
    """A panel's table, or a plotly figure."""
    state = model["state"]
    if "html" in state:
        return f"<div>{state['html']}</div>"
    if "_widget_data" not in state:
        return "<i>AnyModel</i>"
    place = f"figure{next(_numbers)}"
    data, layout = (json.dumps(state[part]).replace("</", "<\\/") for part in ("_widget_data", "_widget_layout"))
    return f"<div id='{place}'></div><script>Plotly.newPlot('{place}', {data}, {layout});</script>"


DRAWN = {
    "ImageModel": _image,
    "HTMLModel": _html,
    "LabelModel": _label,
    "DropdownModel": _choice,
    "ToggleButtonsModel": _choice,
    "SelectMultipleModel": _several,
    "FileUploadModel": _button,
    "FloatSliderModel": _value,
    "IntSliderModel": _value,
    "CheckboxModel": _value,
    "TextModel": _value,
    "ButtonModel": _button,
    "FloatProgressModel": _progress,
    "PlayModel": _nothing,
    "AnyModel": _any,
}
