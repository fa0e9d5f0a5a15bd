"""What the colours of the map's polygons are and say: by the highest open risk, or by a measure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from layouts.map import NO_BAND, RISK_BANDS, Band, risk_band
from layouts.marks import UNGRADED
from layouts.theme import BANDS, NO_FILL, RISK_FILL, UNKNOWN_FILL

# The band of counts far above the others (data/bands.py), in the legend where there is one.
FAR_OUT = 4


@dataclass(frozen=True)
class Painted:
    """A band for every polygon (NO_BAND = no value), the colours of the bands, and their legend."""

    bands: list[int]
    colours: tuple[str, ...]
    title: str
    legend: list[Band]
    note: str = ""


def by_risk(
    title: str,
    highest: Mapping[str, str],
    ungraded: Collection[str],
    codes: Sequence[str],
    used: Collection[str],
) -> Painted:
    """`highest` is the gravest open risk of a polygon; `ungraded` have open cases without one."""
    bands = [
        RISK_BANDS.index(highest[code])
        if code in highest
        else (len(RISK_BANDS) if code in ungraded else NO_BAND)
        for code in codes
    ]
    rows = [
        risk_band(risk, bands.count(place))
        for place, risk in reversed(list(enumerate(RISK_BANDS)))
        if risk in used or place in bands
    ]
    without = bands.count(len(RISK_BANDS))
    if without:
        rows.append(Band(UNKNOWN_FILL, UNGRADED, without))
    rows.append(Band(NO_FILL, "无在办", bands.count(NO_BAND)))
    colours = (*(RISK_FILL[risk] for risk in RISK_BANDS), UNKNOWN_FILL)
    return Painted(bands, colours, title, rows)


def by_measure(
    title: str, band: np.ndarray, is_small: np.ndarray, ends: Sequence[tuple[str, str]], few: str
) -> Painted:
    """`ends` are what each band reaches from and to, from the lowest; `few` says what is small."""
    colours = BANDS[: len(ends)]
    unvalued = np.where(is_small, len(colours), NO_BAND)
    bands = np.where(np.isnan(band), unvalued, band).astype(int).tolist()
    rows = [
        Band(colours[place], _range(*ends[place]), bands.count(place))
        for place in reversed(range(len(colours)))
        if place in bands or len(colours) > 1 and place < FAR_OUT
    ]
    small, without = bands.count(len(colours)), bands.count(NO_BAND)
    if small:
        rows.append(Band(UNKNOWN_FILL, few, small))
    if without:
        rows.append(Band(NO_FILL, "无数据", without))
    return Painted(bands, (*colours, UNKNOWN_FILL), title, rows)


def _range(low: str, high: str) -> str:
    """< 5%, 5% – 20%, 3, ≥ 4."""
    match low, high:
        case "", "":
            return "全部"
        case "", _:
            return f"< {high}"
        case _, "":
            return f"≥ {low}"
    return low if low == high else f"{low} – {high}"
