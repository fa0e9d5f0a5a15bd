"""Bands: between which values the polygons of a map change their colour, and at which level."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import ceil

import numpy as np
import pandas as pd

from data.display import SMALL
from data.editions.edition import Edition
from data.indicators import Indicator
from data.measure import measure
from data.scope import Grant, Scope

QUANTILES = (0.25, 0.5, 0.75)
QUARTER, QUARTERS = 91, 4  # days; windows of the rolling year


@dataclass(frozen=True)
class Banded:
    """For every polygon its band, counted from the lowest, and whether it has too few cases for
    one; NaN = no value. `edges` lie between the bands."""

    band: np.ndarray
    is_small: np.ndarray
    edges: list[float]


def readable_level(
    edition: Edition, indicator: Indicator, levels: Sequence[str], scope: Scope, grant: Grant
) -> str:
    """The finest of `levels` at which the measure says something: a rate of three cases does not,
    so a rate goes up the tree until half of the polygons with cases have enough of them."""
    if indicator.kind != "rate":
        return levels[0]
    for level in levels:
        frame = measure(edition, indicator.key, (level,), scope, grant)
        sizes = frame.loc[frame["denominator"] > 0, "denominator"]
        if len(sizes) and (sizes >= SMALL).mean() >= 0.5:
            return level
    return levels[-1]


def banded(
    frame: pd.DataFrame, indicator: Indicator, level: str, codes: Sequence[str], past: np.ndarray
) -> Banded:
    """The bands of the polygons `codes`, from the measure by `level` and its `year_of_values`."""
    frame = frame.set_index(level).reindex(pd.Index(codes))
    if indicator.kind == "count":
        frame["value"] = frame["value"].fillna(0)
    small = _is_small(indicator, frame)
    values = frame["value"].where(~small).to_numpy(float)
    edges = _edges(indicator, past if past.size > len(QUANTILES) else values[~np.isnan(values)])
    found = np.searchsorted(np.array(edges), values, side="right")
    return Banded(np.where(np.isnan(values), np.nan, found), small.to_numpy(bool), edges)


def year_of_values(
    edition: Edition, indicator: Indicator, level: str, scope: Scope, grant: Grant
) -> np.ndarray:
    """The values of every polygon in windows like ours, a quarter of a year apart.

    Each is seen as long after its end as ours is: cases of last spring have had time to close."""
    now = scope.as_of or edition.data_time
    found = []
    for back in (timedelta(days=QUARTER * number) for number in range(QUARTERS)):
        earlier = scope.narrowed(
            since=scope.since and scope.since - back,
            until=scope.until and scope.until - back,
            as_of=now - back,
        )
        frame = measure(edition, indicator.key, (level,), earlier, grant)
        found.append(frame["value"].where(~_is_small(indicator, frame)).to_numpy(float))
    pooled = np.concatenate(found)
    return pooled[~np.isnan(pooled)]


def ranges(
    indicator: Indicator, edges: list[float], write: Callable[[float], str]
) -> list[tuple[str, str]]:
    """The ends of each band as `write` puts them, the lowest first: "" to 0.2, 0.2 to 0.5.

    Bands of counts begin at 0 and end at the whole number before the next one: 0 to 2, 3 to ""."""
    if not edges:
        return [("", "")]
    if indicator.kind == "count":
        lows, highs = [0.0, *edges], [edge - 1 for edge in edges]
        return list(zip(map(write, lows), [*map(write, highs), ""], strict=True))
    ends = [*map(write, edges)]
    return list(zip(["", *ends], [*ends, ""], strict=True))


def _is_small(indicator: Indicator, frame: pd.DataFrame) -> pd.Series:
    if indicator.kind != "rate":
        return pd.Series(False, index=frame.index)
    size = frame["denominator"].astype(float)
    return (size > 0) & (size < SMALL)


def _edges(indicator: Indicator, values: np.ndarray) -> list[float]:
    if not values.size:
        return []
    quartiles = np.quantile(values, QUANTILES)
    edges = {float(edge) for edge in quartiles}
    if indicator.kind == "count":
        edges = {float(ceil(edge)) for edge in (*quartiles, *_far_out(values, quartiles))}
    return sorted(edge for edge in edges if edge > 0)  # nothing lies below 0


def _far_out(values: np.ndarray, quartiles: np.ndarray) -> list[float]:
    """From where on a count is far out, by Tukey's outer fence (Exploratory Data Analysis, 1977,
    2D); nothing where none is. Without it 4 and 100 were of one colour."""
    lower, _, upper = quartiles
    fence = upper + 3 * max(upper - lower, 1.0)
    return [float(fence)] if values.max() >= ceil(fence) else []
