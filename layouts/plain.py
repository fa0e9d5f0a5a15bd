"""A picture as plain lists. Dash keeps a component for every element that it draws and asks all of
them at every change on the page: for the forty pictures of a wall that is a second of each edition.
The browser builds these without any (assets/pictures.js)."""

from collections.abc import Sequence
from typing import Any

from dash.development.base_component import Component

Plain = str | list  # text, or [tag, attributes, children]


def plain(children: Any) -> list[Plain]:
    """The children of a picture, as `draw` gives them; TypeError for what is no element or text."""
    match children:
        case None:
            return []
        case str():
            return [children]
        case bool():
            raise TypeError("a picture shows no truth value")
        case int():
            return [str(children)]
        case Component():
            return [_element(children)]
        case Sequence():
            return [part for child in children for part in plain(child)]
    raise TypeError(f"a picture cannot show {type(children).__name__}")


def _element(component: Component) -> list:
    told = component.to_plotly_json()
    if told["namespace"] != "dash_html_components":
        raise TypeError(f"a picture cannot show {told['namespace']}.{told['type']}")
    props = {key: value for key, value in told["props"].items() if value is not None}
    return [told["type"].lower(), props, plain(props.pop("children", None))]
