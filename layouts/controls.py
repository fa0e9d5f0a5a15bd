"""Ids and controls that more than one page shares."""

from enum import StrEnum
from typing import Any

from dash import dcc, html


class Control(StrEnum):
    """The id of every control; callbacks import it and never spell one."""

    PAGE = "page"
    PULSE = "pulse"  # what the heartbeat last saw: {edition, alerts, scale, beat}
    SCOPE = "scope"  # what the viewer has chosen, as Scope.to_json gives it
    MEASURE = "measure"  # the measure that colours the map
    HEAT = "heat"
    TRAIL = "trail"  # 县 > 镇 > 村 > 网格, and the way back
    MAP = "map"
    MAP_FIGURE = "map-figure"  # what the map shows, however the browser draws it
    MAP_CANVAS = "map-canvas"  # where it is drawn without a GPU
    MAP_DRAWING = "map-drawing"  # by what it is drawn, in words
    MAP_FRAME = "map-frame"
    MAP_LAYER = "map-layer"  # where the browser puts labels and pins
    MAP_DRAWN = "map-drawn"  # the geometry on screen: while it stays, only values travel
    MAP_OVERLAY = "map-overlay"  # labels and pins, placed by the browser
    MAP_WINDOW = "map-window"  # 近 30 日, and loudly what is not the present
    MAP_LEGEND = "map-legend"
    MAP_PLACED = "map-placed"  # 落格率
    MAP_APPROVAL = "map-approval"  # 审图号
    NOTICE = "notice"  # why what was asked for cannot be shown
    TICKER = "ticker"
    ADDRESS = "address"  # the query that the page's address should have
    SINK = "sink"  # output of callbacks that only act in the browser


class Act(StrEnum):
    """`type` of ids that exist once per item: {"type": Act.BACK, "index": code}."""

    BACK = "back"
    EDIT = "edit"  # an account
    DISABLE = "disable"
    ENABLE = "enable"
    RESET = "reset"  # its password
    UNLOCK = "unlock"
    DROP_TOTP = "drop-totp"
    END = "end"  # its sessions
    REVOKE = "revoke"  # a device
    UNMASK = "unmask"  # a field of a case


def stores(scope: str) -> list:
    """The two stores of a page: the viewer's scope, and what the heartbeat saw last."""
    return [
        dcc.Store(id=Control.SCOPE, data=scope),
        dcc.Store(id=Control.PULSE),
        dcc.Store(id=Control.ADDRESS),
        html.Div(id=Control.SINK, hidden=True),
    ]


def field(name: str, control: Any) -> html.Label:
    """A control of a desk page under its name."""
    return html.Label([html.Span(name), control])
