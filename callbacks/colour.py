"""Colour the map by the chosen measure, or cover it with heat; keep the viewer's zoom."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from dash import Dash, Input, Output, Patch, State

from access.policy import needs
from access.roles import Power
from callbacks.answer import Answers, Inquiry, answered, risks_of, whole, window_words
from callbacks.refresh import asked, guarded, scale_of
from callbacks.services import Services
from data.alerts import alerts_in_force
from data.bands import banded, ranges, readable_level, year_of_values
from data.cases import cases_behind
from data.display import NOTHING, SMALL, count_text, edge_text, part_text, rate_text
from data.indicators import indicator_of
from data.measure import measure
from data.points import points
from data.regions import View, beneath, reached, shapes_hash, view
from data.scope import Scope
from geo.heat import heat_cells
from layouts import map as drawing
from layouts.controls import Control
from layouts.measures import DEFAULT, MEASURES, RISK, WITHOUT_RISK
from layouts.painted import Painted, by_measure, by_risk
from layouts.panel import FINEST
from layouts.panels import PANELS
from layouts.rankings import largest_rows

CELLS_ACROSS = 120  # heat cells, however large the place
MOST_LABELS = 40
RANKED = "accepted"  # the measure whose five largest grids stand beside the map
MOST_PINS = 60  # beyond, triangles cover each other; the legend says that there are more


@dataclass(frozen=True)
class Picture:
    """Everything the map shows; `drawn` names the geometry, so that values can travel alone."""

    figure: dict[str, Any]
    values: tuple[dict[str, Any], dict[str, Any]]
    drawn: str
    overlay: list[dict]
    legend: list
    trail: list
    window: list
    placed: list
    approval: str  # 审图号
    measure: str
    past: str  # the time in ms since 1970 whose state is shown, where it is not the newest


def register(app: Dash, services: Services) -> None:
    app.callback(
        Output(Control.MAP_FIGURE, "data"),
        Output(Control.MAP_DRAWN, "data"),
        Output(Control.MAP_OVERLAY, "data"),
        Output(Control.MAP_LEGEND, "children"),
        Output(Control.TRAIL, "children"),
        Output(Control.MAP_WINDOW, "children"),
        Output(Control.MAP_PLACED, "children"),
        Output(Control.MAP_APPROVAL, "children"),
        Output(Control.MEASURE, "value"),
        Output(Control.MAP_FRAME, "data-edition"),
        Output(Control.MAP_FRAME, "data-time"),
        Input(Control.SCOPE, "data"),
        Input(Control.PULSE, "data"),
        Input(Control.MEASURE, "value"),
        Input(Control.HEAT, "value"),
        State(Control.MAP_DRAWN, "data"),
        prevent_initial_call=True,
    )(needs(Power.FIGURES)(guarded(colourer(services.answers))))


def colourer(answers: Answers):
    """The callback: a whole figure for another geometry, else only the values."""

    def colour(scope_json, pulse, key, heat, drawn) -> tuple:
        key = key if isinstance(key, str) and key in MEASURES else None  # None = the site's default
        scale = scale_of(pulse)
        asks = (key, bool(heat), scale)

        def compute(question: Inquiry) -> Picture:
            return pictured(question, *asks)

        shown, edition = answers.of("map", asked(scope_json), compute, asks)
        figure = patched(shown) if drawn == shown.drawn else shown.figure
        words = (shown.legend, shown.trail, shown.window, shown.placed, shown.approval)
        return figure, shown.drawn, shown.overlay, *words, shown.measure, str(edition), shown.past

    return colour


def patched(shown: Picture) -> Patch:
    """Only what changed of the figure on screen: the viewer's zoom stays, and 1 kB travels."""
    patch = Patch()
    for number, changes in enumerate(shown.values):
        for name, value in changes.items():
            if isinstance(value, dict):
                for inner, what in value.items():
                    patch["data"][number][name][inner] = what
            else:
                patch["data"][number][name] = value
    return patch


def pictured(question: Inquiry, key: str | None, is_heat: bool, scale: float) -> Picture:
    """The map of a question; without a key by risk, or by cases where the site gives no risk."""
    key = key or (DEFAULT if risks_of(question.edition) else WITHOUT_RISK)
    on_map = view(question.edition, question.scope, question.grant)
    around = question.within(on_map.within) if on_map.is_whole else question
    on_map = replace(on_map, level=level_for(around, key, on_map.levels))
    polygons = beneath(question.edition, on_map.level, on_map.within)
    codes = polygons["code"].tolist()
    colours = _within_grant(around, key, on_map.level, codes)
    box = _box(polygons)
    heat = _heat(around, box) if is_heat else None
    shapes_url = geometry_url(question, on_map.level, on_map)
    ranks = [] if is_heat else _ranks(question, key, on_map.level, polygons)
    pins, pinned, beside = _pins(around, on_map, polygons, not ranks)
    figure = drawing.figure(
        codes=codes,
        bands=colours.bands,
        colours=colours.colours,
        geometry_url=shapes_url,
        outline_url=_outline_url(question, on_map),
        box=box,
        heat=heat,
        chosen=on_map.chosen,
        scale=scale,
    )
    return Picture(
        figure=figure,
        values=drawing.values(colours.bands, colours.colours, box, heat),
        drawn=f"{shapes_url} {on_map.chosen} {scale}",
        overlay=_labels(question, on_map, beside) + pins + ranks,
        legend=_legend(colours, heat) + drawing.pin_legend(replace(pinned, ranked=len(ranks))),
        trail=drawing.trail([region.name for region in on_map.trail], _top(question, on_map)),
        window=_window(question, is_stock=not is_heat and _is_stock(key)),
        placed=_placed(question),
        approval=question.edition.site.map.approval,
        measure=key,
        past=_past(question),
    )


def level_for(question: Inquiry, key: str, levels: Sequence[str]) -> str:
    """The finest of `levels` that can be painted by a key of MEASURES."""
    if key == RISK:
        return levels[0]
    ask = (question.scope, question.grant)
    return readable_level(question.edition, indicator_of(key), levels, *ask)


def _within_grant(question: Inquiry, key: str, level: str, codes: Sequence[str]) -> Painted:
    """The colours of polygons of which some may lie outside the grant: of those nothing is said,
    not even that nothing is there."""
    seen = reached(question.edition, level, question.grant)
    inside = [code for code in codes if seen is None or code in seen]
    found = painted(question, key, level, inside)
    band_of = dict(zip(inside, found.bands, strict=True))
    return replace(found, bands=[band_of.get(code, drawing.NO_BAND) for code in codes])


def _top(question: Inquiry, on_map: View) -> str:
    """What the trail starts with."""
    return on_map.top.name if on_map.top else whole(question.grant)


def painted(question: Inquiry, key: str, level: str, codes: Sequence[str]) -> Painted:
    """The colours of the polygons `codes` of a level by a key of MEASURES."""
    if key == RISK:
        return _by_risk(question, level, codes)
    indicator, scope = indicator_of(key), question.scope
    frame = measure(question.edition, key, (level,), scope, question.grant)
    ask = (question.edition, indicator, level, scope, question.grant)
    # Kept for the day: a polygon changes its colour only when it changes itself.
    past = question.of_the_day(("edges", key, level, scope), lambda: year_of_values(*ask))
    found = banded(frame, indicator, level, codes, past)
    ends = ranges(indicator, found.edges, lambda edge: edge_text(edge, indicator))
    title = f"{question.edition.site.layer(level).name}{MEASURES[key]}（{indicator.unit}）"
    return by_measure(title, found.band, found.is_small, ends, f"不足 {SMALL} 件")


def _by_risk(question: Inquiry, level: str, codes: Sequence[str]) -> Painted:
    """A polygon's colour is the highest risk among its open cases."""
    frame = measure(question.edition, "open", (level, "risk"), question.scope, question.grant)
    frame = frame[frame["numerator"] > 0]
    highest = {
        str(code): max(risks, key=drawing.RISK_BANDS.index)
        for code, risks in frame[frame["risk"].isin(drawing.RISK_BANDS)].groupby(level)["risk"]
    }
    ungraded = set(frame[level]) - set(highest)
    title = f"{question.edition.site.layer(level).name}最高在办风险"
    return by_risk(title, highest, ungraded, codes, risks_of(question.edition))


def geometry_url(question: Inquiry, level: str, on_map: View) -> str:
    """Where the shapes are: the address names their content, so they may be kept for ever."""
    digest = shapes_hash(question.edition, level, on_map.within)
    of_old = f"?edition={question.scope.edition}" if question.scope.edition is not None else ""
    return f"/geometry/{digest}/{level}/{on_map.part}.json{of_old}"


def _outline_url(question: Inquiry, on_map: View) -> str | None:
    if on_map.outline == on_map.level:
        return None
    return geometry_url(question, on_map.outline, on_map)


def _box(polygons: pd.DataFrame) -> drawing.Box:
    if polygons.empty or polygons["west"].isna().all():
        return drawing.Box(73.0, 18.0, 135.0, 53.0)  # no polygons yet: the whole country
    return drawing.Box(
        float(polygons["west"].min()),
        float(polygons["south"].min()),
        float(polygons["east"].max()),
        float(polygons["north"].max()),
    )


def _heat(question: Inquiry, box: drawing.Box) -> pd.DataFrame:
    """Cells of the cases accepted in the window; placeholders and unplaced ones are left out."""
    found = points(question.edition, question.scope, question.grant)
    lon, lat = found["lon"].to_numpy(float), found["lat"].to_numpy(float)
    across = (box.east - box.west) * 111_320 * np.cos(np.radians((box.south + box.north) / 2))
    return heat_cells(lon, lat, max(float(across) / CELLS_ACROSS, 20.0))


def _labels(question: Inquiry, on_map: View, beside: Mapping[str, int]) -> list[dict]:
    """Names of the regions one can drill to, the largest first so that they keep their place, each
    with how many red matters lie in it without a place of their own."""
    named = beneath(question.edition, on_map.outline, on_map.within)
    size = (named["east"] - named["west"]) * (named["north"] - named["south"])
    largest = named.assign(size=size).nlargest(MOST_LABELS, "size")
    return [
        drawing.label_item(
            row["name"],
            row["lon"],
            row["lat"],
            drawing.Box(row["west"], row["south"], row["east"], row["north"]),
            beside.get(row["code"], 0),
        )
        for row in largest.dropna(subset=["lon", "lat"]).to_dict("records")
    ]


def _pins(
    question: Inquiry, on_map: View, polygons: pd.DataFrame, is_of_risk: bool
) -> tuple[list[dict], drawing.Pinned, Counter[str]]:
    """Every alert in force, and the red cases unless the map answers another question."""
    no_cases: tuple = ([], drawing.Pinned(), Counter())
    red, told, beside = _red_pins(question, on_map, polygons) if is_of_risk else no_cases
    ask = (question.edition, question.scope, question.grant)
    in_force = alerts_in_force(*ask, MOST_PINS, question.now)
    alerts = in_force.dropna(subset=["lon", "lat"])
    flags = zip(alerts["signal"], alerts["status"], _places(alerts), strict=True)
    pins = [*red, *(drawing.alert_item(signal, status, *at) for signal, status, at in flags)]
    return pins, replace(told, alerts=len(in_force), alerts_pinned=len(alerts)), beside


def _red_pins(
    question: Inquiry, on_map: View, polygons: pd.DataFrame
) -> tuple[list[dict], drawing.Pinned, Counter[str]]:
    """Every open red case, the newest where they are too many; none where a wall is not to know
    how many they are. Those of which only a region with a name on the map is known, are counted
    by it."""
    scope = question.scope.narrowed(since=None, until=None).with_filter("risk", "red")
    count = measure(question.edition, "open", (), scope, question.grant).iloc[0]
    if bool(count.get("is_suppressed", False)):
        return [], drawing.Pinned(), Counter()
    newest = cases_behind(question.edition, scope, question.grant, MOST_PINS, "open")
    total, red = int(count["numerator"] or 0), _with_points(newest, on_map.level, polygons)
    beside = Counter(newest.drop(red.index)[on_map.outline].dropna())
    told = drawing.Pinned(
        red=total,
        red_pinned=len(red),
        is_newest=total > MOST_PINS,
        red_beside=beside.total(),
    )
    return [drawing.pin_item("red", "红色事项", *at) for at in _places(red)], told, beside


def _ranks(question: Inquiry, key: str, level: str, polygons: pd.DataFrame) -> list[dict]:
    """The numbers of the grids with most accepted matters, as the ranking beside the map has
    them; only where grids are painted by it."""
    if key != RANKED or level != question.edition.site.grid_key:
        return []
    asked_of_panel = PANELS["accepted_by_grid"].asks["rows"]
    rows = largest_rows(answered(asked_of_panel, question), FINEST)
    middles = polygons.set_index("code")[["lon", "lat"]].reindex(rows[FINEST])
    told = zip(rows["name"], middles["lon"], middles["lat"], strict=True)
    return [
        drawing.rank_item(number, name, float(lon), float(lat))
        for number, (name, lon, lat) in enumerate(told, 1)
        if pd.notna(lon)
    ]


def _with_points(cases: pd.DataFrame, level: str, polygons: pd.DataFrame) -> pd.DataFrame:
    """Cases with their point, or that of the polygon they lie in: a red polygon has its pin."""
    middles = polygons.set_index("code")[["lon", "lat"]].reindex(cases[level])
    is_point = ((cases["point_quality"] == "ok") & cases["lon"].notna()).to_numpy()
    placed = cases.assign(
        lon=np.where(is_point, cases["lon"].to_numpy(float), middles["lon"].to_numpy(float)),
        lat=np.where(is_point, cases["lat"].to_numpy(float), middles["lat"].to_numpy(float)),
    )
    return placed.dropna(subset=["lon", "lat"])


def _places(frame: pd.DataFrame) -> list[tuple[float, float]]:
    lon, lat = frame["lon"].to_numpy(float), frame["lat"].to_numpy(float)
    return list(zip(lon.tolist(), lat.tolist(), strict=True))


def _legend(colours: Painted, heat: pd.DataFrame | None) -> list:
    if heat is not None:
        count = int(heat["weight"].sum()) if len(heat) else 0
        return drawing.heat_legend(f"{count_text(count)} 件有坐标的事项")
    return drawing.legend(colours.title, colours.legend, colours.note)


def _window(question: Inquiry, is_stock: bool) -> list:
    scope = question.scope
    of_then = "当前在办" if scope.as_of is None else "当时在办"
    words = of_then if is_stock else window_words(scope, question.edition)
    return drawing.window(words, scope.as_of, scope.edition)


def _is_stock(key: str) -> bool:
    """Whether it counts what is there at one moment, whatever the window."""
    return key == RISK or indicator_of(key).numerator.at.startswith("stock")


def _past(question: Inquiry) -> str:
    edition, scope = question.edition, question.scope
    if scope.edition is None and scope.as_of is None:
        return ""
    at = (scope.as_of or edition.data_time).replace(tzinfo=edition.site.tzinfo)
    return str(round(at.timestamp() * 1000))


def _placed(question: Inquiry) -> list:
    """落格率 of everything in the window: what has no place belongs to no region."""
    scope: Scope = question.scope.narrowed(regions=())
    row = measure(question.edition, "located_rate", (), scope, question.grant).iloc[0]
    whose = whole(question.grant) if question.scope.regions else ""
    if row.get("is_suppressed", False):
        return drawing.placed(NOTHING, "", None, whose)
    n, d = int(row["numerator"] or 0), int(row["denominator"] or 0)
    return drawing.placed(rate_text(n, d), part_text(n, d), d - n, whose)
