"""The map: polygons in bands, heat, outlines; its legend, trail and 落格率. Plain figure dicts."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from dash import html

from data.codes import label
from data.display import NOTHING
from layouts.controls import Act
from layouts.marks import flag, numbered, outlined, shape, stamp
from layouts.theme import (
    GRID_LINE,
    HEAT,
    INK,
    MAP_REM,
    NO_FILL,
    PX_PER_REM,
    RISK,
    RISK_FILL,
)

STYLE_URL = "/assets/style.json"
RISK_BANDS = ("blue", "yellow", "orange", "red")  # a polygon's band by its highest open risk
NO_BAND = -1
BORDER = 1.0  # px of the map's frame, left and right, above and below
CANVAS = tuple(PX_PER_REM * rem - 2 * BORDER for rem in MAP_REM)  # px at 1920 x 1080
HEADROOM, MARGIN = 78.0, 22.0  # px kept free for the controls above, and all round
RADIUS = 20.0  # px that a heat cell spreads
PEAKS = 200  # cells among which the densest spot is looked for
TILE = 512.0  # px of the whole world at zoom 0


@dataclass(frozen=True)
class Band:
    """One line of the legend: its colour, what it holds, and how many polygons are in it."""

    colour: str
    words: str
    count: int
    risk: str = ""


@dataclass(frozen=True)
class Pinned:
    """What the pins stand for: how many red matters are open, and how many have a place on it."""

    red: int = 0
    red_pinned: int = 0
    is_newest: bool = False  # there are more than can be pinned, and the newest are
    alerts: int = 0
    alerts_pinned: int = 0
    red_beside: int = 0  # without a place of their own: they stand beside the name of their region
    ranked: int = 0  # regions that carry their place in the ranking beside the map


@dataclass(frozen=True)
class Box:
    """What the map must show, or what a place covers, in degrees."""

    west: float
    south: float
    east: float
    north: float


def figure(
    codes: Sequence[str],
    bands: Sequence[int],
    colours: Sequence[str],
    geometry_url: str,
    outline_url: str | None,
    box: Box,
    heat: pd.DataFrame | None,
    chosen: str | None,
    scale: float,
) -> dict[str, Any]:
    """The whole figure but for its zoom, which the browser fits to the room that the map has.

    `bands` are positions in `colours`, NO_BAND where there is no value.

    `heat` (lon, lat, weight) covers the polygons instead of filling them; None = no heat."""
    polygons = {
        "type": "choroplethmap",
        "geojson": geometry_url,
        "featureidkey": "id",
        "locations": list(codes),
        "showscale": False,
        "hoverinfo": "none",
        "zmin": -1.5,
        "marker": {"line": _line(codes, chosen, scale)},
    }
    density = {
        "type": "densitymap",
        "radius": RADIUS * scale,
        "colorscale": [list(stop) for stop in HEAT],
        "showscale": False,
        "hoverinfo": "skip",
    }
    traces = [polygons, density]
    for trace, changes in zip(traces, values(bands, colours, box, heat), strict=True):
        _merge(trace, changes)
    return {"data": traces, "layout": _layout(box, outline_url, geometry_url, scale)}


def values(
    bands: Sequence[int], colours: Sequence[str], box: Box, heat: pd.DataFrame | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What changes while the geometry stays: of the polygons, and of the heat."""
    is_heat = heat is not None
    polygons = {
        "z": list(bands),
        "zmax": len(colours) - 0.5,
        "colorscale": _steps((NO_FILL, *colours)),
        "marker": {"opacity": 0.28 if is_heat else 0.92},
    }
    density = {
        "lon": heat["lon"].round(5).tolist() if is_heat else [],
        "lat": heat["lat"].round(5).tolist() if is_heat else [],
        "z": heat["weight"].round(2).tolist() if is_heat else [],
        "visible": is_heat,
        "zmin": 0,
        "zmax": _densest(heat, box),
    }
    return polygons, density


def legend(title: str, bands: Sequence[Band], note: str = "") -> list:
    """The legend box: every band with the number of polygons in it, from the top down."""
    rows = [_legend_row(band) for band in bands]
    return [html.Div(title, className="legend-title"), *rows, *([html.Small(note)] if note else [])]


def pin_legend(pinned: Pinned) -> list:
    """What the shapes over the map are, and how many of all of them are there."""
    rows = []
    if pinned.red:
        shown = f"{'最新 ' if pinned.is_newest else ''}{pinned.red_pinned:,}/{pinned.red:,} 件"
        rows.append(_pin_row(shape("red", "红色事项"), "红色定位", shown))
    if pinned.red_beside:
        rows.append(_pin_row(beside(), "地名旁", f"{pinned.red_beside:,} 件"))
    if pinned.alerts:
        shown = f"{pinned.alerts_pinned:,}/{pinned.alerts:,} 条"
        rows.append(_pin_row(flag(None), "预警定位", shown))
    if pinned.ranked:
        rows.append(_pin_row(numbered(1, "名次"), "受理最多", f"{pinned.ranked} 个"))
    return [html.Div(rows, className="legend-pins")] if rows else []


def window(words: str, as_of: datetime | None, edition: int | None) -> list:
    """The window of the numbers; loudly, if they are not how things stand now."""
    past = [f"{as_of:%Y-%m-%d %H:%M} 的情况"] if as_of else []
    past += [f"第 {edition} 版数据"] if edition is not None else []
    badge = [html.B(f"历史　{'　'.join(past)}", className="past")] if past else []
    return [html.Span(words), *badge]


def heat_legend(cases: str) -> list:
    """The legend of the heat layer: a ramp from few to many."""
    stops = ",".join(f"{colour} {100 * at:.0f}%" for at, colour in HEAT)
    ramp = html.Div(className="ramp", style={"background": f"linear-gradient(90deg,{stops})"})
    ends = html.Div([html.Span("疏"), html.Span("密")], className="ends")
    return [html.Div("事项密度", className="legend-title"), ramp, ends, html.Small(cases)]


def risk_band(risk: str, count: int) -> Band:
    """The legend line of a risk: shape and word beside the colour."""
    return Band(RISK_FILL[risk], f"{label('risk', risk)}色", count, risk)


def trail(names: Sequence[str], top: str) -> list:
    """The way down as buttons, the last one being here: 全域 › 镇 › 村 › 网格."""
    steps = [top, *names]
    parts: list = []
    for depth, name in enumerate(steps[:-1]):
        parts.append(html.Button(name, id={"type": Act.BACK.value, "index": depth}, n_clicks=0))
        parts.append(html.Span("›", className="between"))
    return [*parts, html.Span(steps[-1], className="here")]


def placed(rate: str, part: str, unlocated: int | None, whose: str = "") -> list:
    """落格率 with both its numbers, and how many have no place (None where a wall is not to know);
    always on the map, and with `whose` they are where the map shows only a part."""
    missing = NOTHING if unlocated is None else f"{unlocated:,}"
    return [
        html.Div([html.Span(f"{whose}落格率 "), html.B(rate), html.Span(f"　{part}")]),
        html.Div([html.Span(f"{whose}未落格 "), html.B(missing), html.Span(" 件")]),
    ]


def label_item(name: str, lon: float, lat: float, within: Box, red: int = 0) -> dict:
    """A place's name over the map; it may step aside, yet not out of the place's own bounds. `red`
    is how many red matters there are somewhere in it."""
    bounds = [round(each, 5) for each in (within.west, within.south, within.east, within.north)]
    item = {"kind": "label", "text": name, "lon": lon, "lat": lat, "bounds": bounds}
    return item | ({"beside": {"shape": beside().src, "count": red}} if red else {})  # type: ignore


def beside() -> html.Img:
    """The mark of red matters that have no place of their own: the outline of their triangle."""
    return outlined("red", "红色事项，无坐标")


def pin_item(risk: str, text: str, lon: float, lat: float) -> dict:
    """The shape of a risk over the map."""
    return {**_pin(shape(risk, text), lon, lat), "mark": f"risk-{risk}"}


def rank_item(number: int, name: str, lon: float, lat: float) -> dict:
    """The place of a region in the ranking beside the map."""
    return {**_pin(numbered(number, f"第 {number}：{name}"), lon, lat), "mark": "muted"}


def alert_item(signal: str | None, status: str | None, lon: float, lat: float) -> dict:
    """The flag of an alert over the map, with a ring; 演练 or 测试 stands beside it."""
    words = "".join(part.children for part in stamp(status))
    mark = f"risk-{signal}" if signal in RISK else "muted"
    return {**_pin(flag(signal), lon, lat), "mark": mark, "is_alert": True, "stamp": words}


def _pin(mark: html.Img, lon: float, lat: float) -> dict:
    image, word = mark.src, mark.alt  # type: ignore[attr-defined]
    return {"kind": "pin", "shape": image, "text": word, "lon": lon, "lat": lat}


def _pin_row(mark: html.Img, words: str, shown: str) -> html.Div:
    figure, unit = shown.rsplit(" ", 1)
    count = html.Span([html.B(figure), f" {unit}"], className="count")
    return html.Div([mark, html.Span(words), count], className="pin-row")


def _legend_row(band: Band) -> html.Div:
    swatch = html.Div(className="swatch", style={"background": band.colour})
    words = [shape(band.risk, band.words), html.Span(band.words)] if band.risk else band.words
    count = html.Span([html.B(f"{band.count:,}"), " 个"], className="count")
    parts = [swatch, html.Span(words, className="words"), count]
    return html.Div(parts, className="legend-row")


def _line(codes: Sequence[str], chosen: str | None, scale: float) -> dict:
    if chosen is None:
        return {"width": 0.7 * scale, "color": GRID_LINE}
    return {
        "width": [(5 if code == chosen else 1.2) * scale for code in codes],
        "color": [INK if code == chosen else GRID_LINE for code in codes],
    }


def _layout(box: Box, outline_url: str | None, geometry_url: str, scale: float) -> dict:
    outlines = [] if outline_url is None else [_outline(outline_url, scale)]
    return {
        "map": {
            "style": STYLE_URL,
            "layers": outlines,
        },
        "meta": _room(box, scale),
        "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "showlegend": False,
        "clickmode": "event",
        "uirevision": f"{geometry_url} {scale}",
    }


def _room(box: Box, scale: float) -> dict:
    """What the browser fits into the room that the map has: `box`, with px free `above` for the
    controls and `around`. A heat cell has its radius at `radius_zoom`, and grows with the map."""
    return {
        "box": [box.west, box.south, box.east, box.north],
        "above": HEADROOM * scale,
        "around": MARGIN * scale,
        "radius_zoom": round(math.log2(_world(box) * scale / TILE), 3),
    }


def _outline(url: str, scale: float) -> dict:
    return {
        "sourcetype": "geojson",
        "source": url,
        "type": "line",
        "color": "rgba(214,238,255,0.62)",
        "line": {"width": 1.5 * scale},
    }


def _world(box: Box) -> float:
    """The width of the whole world in px, in Web Mercator, at which the box fills the map of the
    wall's canvas."""
    width = max((box.east - box.west) / 360, 1e-6)
    height = max((_mercator(box.north) - _mercator(box.south)) / (2 * math.pi), 1e-6)
    across, down = CANVAS[0] - 2 * MARGIN, CANVAS[1] - HEADROOM - MARGIN
    return min(across / width, down / height)


def _mercator(lat: float) -> float:
    return math.asinh(math.tan(math.radians(max(-85.0, min(85.0, lat)))))


def _steps(colours: Sequence[str]) -> list:
    """A colour scale of equal flat steps."""
    count = len(colours)
    return [
        [edge / count, colour]
        for place, colour in enumerate(colours)
        for edge in (place, place + 1)
    ]


def _densest(heat: pd.DataFrame | None, box: Box) -> float:
    """The weight at which the densest spot just reaches the end of the colours.

    MapLibre adds up weight * 0.4 * exp(-4.5 (d / radius)^2) of every cell within the radius."""
    if heat is None or heat.empty:
        return 1.0
    across = _world(box) / 360
    x = heat["lon"].to_numpy(float) * across
    y = np.array([_mercator(lat) for lat in heat["lat"]]) * _world(box) / (2 * math.pi)
    weight = heat["weight"].to_numpy(float)
    peaks = np.argsort(weight)[-PEAKS:]
    far = (x[peaks, None] - x) ** 2 + (y[peaks, None] - y) ** 2
    density = (0.4 * np.exp(-4.5 * far / RADIUS**2) * weight).sum(axis=1)
    return float(density.max())


def _merge(trace: dict, changes: dict) -> None:
    for key, value in changes.items():
        if isinstance(value, dict):
            _merge(trace.setdefault(key, {}), value)
        else:
            trace[key] = value
