"""The shell around every page: header with trust and time, footer with the ticker and the pages."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from dash import dcc, html, page_container, page_registry

from access.roles import Power
from layouts.controls import Control, stores


@dataclass(frozen=True)
class Reader:
    """Who reads the page: what it may do, and of a person the name and post that the page shows;
    a screen in a hall has none."""

    powers: frozenset[Power] = frozenset()
    name: str | None = None


def shell(title: str, is_demo: bool, wall: str = "{}", reader: Reader = Reader()) -> html.Div:
    """The header names the centre; what is drawn from the clock is filled in by the heartbeat.

    `wall` says how this centre's wall behaves, as JSON of data.wall_view.WallView."""
    parts = [_header(title), page_container, _footer(is_demo, reader)]
    across, down = json.loads(wall).get("seams", (1, 1))
    told = {"data-wall": wall, "data-across": str(across), "data-down": str(down)}
    if not reader.powers.isdisjoint((Power.FIGURES, Power.COMMAND)):
        told["data-live"] = "1"  # it is told of alerts
    if reader.name is not None:
        told["data-person"] = reader.name  # who is not there for long is signed out
    return html.Div(parts, className="shell", **told)  # type: ignore[arg-type]


def _header(title: str) -> html.Header:
    trust = [_shown("data-age", "is-quiet"), _shown("sources", "", html.I(className="dot"))]
    now = [html.Div([_shown("date"), _shown("clock", "clock")]), _shown("duty", "duty")]
    scene = [
        html.Span([_shown("scene", "scene-name"), _shown("question")]),
        html.Nav(className="steps"),
    ]
    return html.Header(
        [
            html.Div(trust, className="trust"),
            html.Div([html.H1(title), html.Div(scene, className="scene-line")], className="name"),
            html.Div(now, className="now"),
        ],
        className="head",
    )


def _footer(is_demo: bool, reader: Reader) -> html.Footer:
    links = html.Nav(
        [html.A(page["name"], href=page["path"]) for page in _pages(reader.powers)]
        + ([html.A(reader.name, href="/account", className="own")] if reader.name else [])
    )
    ticker = [
        html.Span("最新", className="tag"),
        html.Span("", className="line", **{"data-show": "ticker"}),  # type: ignore[arg-type]
        dcc.Store(id=Control.TICKER),
    ]
    is_told = Power.FIGURES in reader.powers
    parts = [*(ticker if is_told else [html.Span(className="line")]), links]
    if is_demo:
        parts.append(html.Span("演示数据", className="demo"))
    return html.Footer(parts, className="foot")


def _pages(powers: frozenset[Power]) -> list[dict]:
    """Those that somebody with these powers may open, in their order."""
    pages = [page for page in page_registry.values() if not page["path_template"]]
    return [page for page in pages if not powers.isdisjoint(page.get("powers", ()))]


def _shown(part: str, className: str = "", *children) -> html.Span:  # noqa: N803
    """A place that the heartbeat writes into."""
    return html.Span(list(children), className=className, **{"data-show": part})  # type: ignore


def page(
    parts: list,
    scope: str,
    poll_ms: int,
    className: str,  # noqa: N803
    told: Mapping[str, str] = MappingProxyType({}),
) -> html.Main:
    """A page's content with its stores; `poll_ms` is how often its heartbeat asks, `told` are data
    attributes for the page's own scripts."""
    return html.Main(
        [*stores(scope), *parts],
        id=Control.PAGE,
        className=className,
        **{  # type: ignore[arg-type]
            "data-poll": str(poll_ms),
            "data-heartbeat": "/heartbeat",
            "data-pulse": Control.PULSE.value,
            **told,
        },
    )
