"""Banding: which colour each polygon gets, by its highest open risk or by a chosen measure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import ceil

import numpy as np
import pandas as pd

from callbacks.answer import Question, risks_of
from data.display import SMALL, text
from data.indicators import Indicator, indicator_of
from data.measure import measure
from layouts.map import NO_BAND, RISK_BANDS, Band, risk_band
from layouts.measures import MEASURES, RISK
from layouts.theme import BANDS, NO_FILL, RISK_FILL, UNKNOWN_FILL

QUANTILES = (0.25, 0.5, 0.75)
QUARTER, QUARTERS = 91, 4  # days; windows of the rolling year


@dataclass(frozen=True)
class Painted:
    """A band for every polygon (NO_BAND = no value), the colours of the bands, and their legend."""

    bands: list[int]
    colours: tuple[str, ...]
    title: str
    legend: list[Band]
    note: str = ""


def level_for(question: Question, key: str, levels: Sequence[str]) -> str:
    """The finest of `levels` at which the measure says something: a rate of three cases does not,
    so a rate goes up the tree until half of the polygons with cases have enough of them."""
    if key == RISK or indicator_of(key).kind != "rate":
        return levels[0]
    for level in levels:
        frame = measure(question.edition, key, (level,), question.scope, question.grant)
        sizes = frame.loc[frame["denominator"] > 0, "denominator"]
        if len(sizes) and (sizes >= SMALL).mean() >= 0.5:
            return level
    return levels[-1]


def painted(question: Question, key: str, level: str, codes: Sequence[str]) -> Painted:
    """The colours of the polygons `codes` of a level by a key of MEASURES."""
    name = question.edition.site.layer(level).name
    if key == RISK:
        return _by_risk(question, level, codes, name)
    return _by_measure(question, indicator_of(key), level, codes, name)


def _by_risk(question: Question, level: str, codes: Sequence[str], name: str) -> Painted:
    """A polygon's colour is the highest risk among its open cases."""
    frame = measure(question.edition, "open", (level, "risk"), question.scope, question.grant)
    frame = frame[frame["numerator"] > 0]
    held = frame[frame["risk"].isin(RISK_BANDS)]
    highest = held["risk"].map(RISK_BANDS.index).groupby(held[level]).max()
    ungraded = (set(frame[level]) - set(held[level])) & set(codes)
    without = {code: len(RISK_BANDS) for code in ungraded}
    bands = [int(highest.get(code, without.get(code, NO_BAND))) for code in codes]
    used = risks_of(question.edition)
    rows = [
        risk_band(risk, bands.count(place))
        for place, risk in reversed(list(enumerate(RISK_BANDS)))
        if risk in used or place in bands
    ]
    if ungraded:
        rows.append(Band(UNKNOWN_FILL, "未定级", len(ungraded)))
    rows.append(Band(NO_FILL, "无在办", bands.count(NO_BAND)))
    colours = (*(RISK_FILL[risk] for risk in RISK_BANDS), UNKNOWN_FILL)
    return Painted(bands, colours, f"{name}最高在办风险", rows)


def _by_measure(
    question: Question, indicator: Indicator, level: str, codes: Sequence[str], name: str
) -> Painted:
    scope = question.scope
    frame = measure(question.edition, indicator.key, (level,), scope, question.grant)
    frame = frame.set_index(level).reindex(pd.Index(codes))
    if indicator.kind == "count":
        frame["value"] = frame["value"].fillna(0)
    small = _is_small(indicator, frame)
    values = frame["value"].where(~small).to_numpy(float)
    edges = _edges(question, indicator, level, values)
    found = np.searchsorted(np.array(edges), values, side="right")
    colours = BANDS[: len(edges) + 1]
    unvalued = np.where(small, len(colours), NO_BAND)
    bands = np.where(np.isnan(values), unvalued, found).astype(int).tolist()
    rows = _legend_rows(indicator, edges, colours, bands)
    few, without = bands.count(len(colours)), bands.count(NO_BAND)
    if few:
        rows.append(Band(UNKNOWN_FILL, f"不足 {SMALL} 件", few))
    if without:
        rows.append(Band(NO_FILL, "无数据", without))
    title = f"{name}{MEASURES[indicator.key]}（{indicator.unit}）"
    return Painted(bands, (*colours, UNKNOWN_FILL), title, rows)


def _is_small(indicator: Indicator, frame: pd.DataFrame) -> pd.Series:
    if indicator.kind != "rate":
        return pd.Series(False, index=frame.index)
    size = frame["denominator"].astype(float)
    return (size > 0) & (size < SMALL)


def _edges(question: Question, indicator: Indicator, level: str, values: np.ndarray) -> list[float]:
    """The quantiles between the bands, from the rolling year and kept for the day: a polygon
    changes its colour only when it changes itself."""
    scope = question.scope
    name = ("edges", indicator.key, level, question.days, scope.regions, scope.where, scope.area)
    usable = question.of_the_day(name, lambda: _history(question, indicator, level))
    if usable.size < len(BANDS):
        usable = values[~np.isnan(values)]
    if not usable.size:
        return []
    edges = {float(edge) for edge in np.quantile(usable, QUANTILES)}
    if indicator.kind == "count":
        edges = {float(ceil(edge)) for edge in edges}
    return sorted(edge for edge in edges if edge > 0)  # nothing lies below 0


def _history(question: Question, indicator: Indicator, level: str) -> np.ndarray:
    """The values of every polygon in windows like ours, a quarter of a year apart.

    Each is seen as long after its end as ours is: cases of last spring have had time to close."""
    scope = question.scope
    now = scope.as_of or question.edition.data_time
    found = []
    for back in (timedelta(days=QUARTER * number) for number in range(QUARTERS)):
        earlier = scope.narrowed(
            since=scope.since and scope.since - back,
            until=scope.until and scope.until - back,
            as_of=now - back,
        )
        frame = measure(question.edition, indicator.key, (level,), earlier, question.grant)
        found.append(frame["value"].where(~_is_small(indicator, frame)).to_numpy(float))
    pooled = np.concatenate(found)
    return pooled[~np.isnan(pooled)]


def _legend_rows(
    indicator: Indicator, edges: list[float], colours: Sequence[str], bands: list[int]
) -> list[Band]:
    words = _ranges(indicator, edges)
    return [
        Band(colours[place], words[place], bands.count(place))
        for place in reversed(range(len(colours)))
    ]


def _ranges(indicator: Indicator, edges: list[float]) -> list[str]:
    """What each band holds, from the lowest; of counts in whole numbers: < 1, 1 – 2, 3, ≥ 4."""
    if not edges:
        return ["全部"]
    step = 1 if indicator.kind == "count" else 0
    between = [
        _span(indicator, low, high - step) for low, high in zip(edges, edges[1:], strict=False)
    ]
    first, last = _edge_text(indicator, edges[0]), _edge_text(indicator, edges[-1])
    return [f"< {first}", *between, f"≥ {last}"]


def _span(indicator: Indicator, low: float, high: float) -> str:
    ends = [_edge_text(indicator, edge) for edge in sorted({low, high})]
    return " – ".join(ends)


def _edge_text(indicator: Indicator, edge: float) -> str:
    if indicator.kind == "rate":
        return f"{100 * edge:.0f}%" if float(100 * edge).is_integer() else f"{100 * edge:.1f}%"
    return text(edge, edge, None, indicator, decimals=1).removesuffix(".0")
