"""The shell around every page: header with trust and time, footer with the ticker and the pages."""

import json
from collections.abc import Mapping
from types import MappingProxyType

from dash import dcc, html, page_container

from layouts.controls import Control, stores

PAGES = (("/", "指挥大厅"), ("/quality", "数据质量"), ("/indicators", "指标口径"))


def shell(title: str, is_demo: bool, wall: str = "{}") -> html.Div:
    """The header names the centre; what is drawn from the clock is filled in by the heartbeat.

    `wall` says how this centre's wall behaves, as JSON of data.wall_view.WallView."""
    parts = [_header(title), page_container, _footer(is_demo)]
    across, down = json.loads(wall).get("seams", (1, 1))
    told = {"data-wall": wall, "data-across": str(across), "data-down": str(down)}
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


def _footer(is_demo: bool) -> html.Footer:
    links = html.Nav([html.A(name, href=path) for path, name in PAGES])
    parts = [
        html.Span("最新", className="tag"),
        html.Span("", className="line", **{"data-show": "ticker"}),  # type: ignore[arg-type]
        dcc.Store(id=Control.TICKER),
        links,
    ]
    if is_demo:
        parts.append(html.Span("演示数据", className="demo"))
    return html.Footer(parts, className="foot")


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
