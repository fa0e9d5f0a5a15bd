"""Small cells: what a wall is not told, because from it one could tell who it was.

A number that describes matters (by category, kind, outcome, channel, ...) at a place beneath the
top level of the tree is withheld where it counts one or two cases (`[wall] fewest` of site.toml).
Plain numbers of a place, by risk, lamp, department, stage or status, are what a wall is for, and
stay; 0 stays, it tells of nobody. Where the sum of a line is known and what is withheld of it could
be computed, the next smallest cell is withheld too (complementary suppression). Two questions whose
windows or areas differ by a little can still be subtracted from each other.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from data.indicators import Indicator
from data.scope import Scope
from data.site import Site

if TYPE_CHECKING:
    import pandas as pd

# What describes no matter; whatever else one can split or filter by does, a site's columns too.
PLAIN = frozenset(
    (
        *("risk", "lamp", "department", "status", "stage", "handling_level", "precision"),
        *("day", "week", "month", "weekday", "hour", "located", "placeholder"),
    )
)
DESCRIBED = ("kind", "category", "outcome", "satisfaction", "is_evaluated", "follow_up_result")


def is_crossing(indicator: Indicator, by: tuple[str, ...], scope: Scope, site: Site) -> bool:
    """Whether the question describes matters at a place beneath the top level."""
    used = {*by, *scope.filters}
    fine = set(site.place_keys) - {site.levels[0].key}
    is_fine = bool(scope.area) or not used.isdisjoint(fine)
    counts = (indicator.numerator, *indicator.denominator)
    told = any(word in count.where for count in counts for word in DESCRIBED)
    return is_fine and (told or bool(used - PLAIN - set(site.place_keys)))


def withheld(
    frame: "pd.DataFrame", indicator: Indicator, by: tuple[str, ...], scope: Scope, site: Site
) -> "pd.DataFrame":
    """`frame` of `measure` with `is_suppressed`, and of a small count `below`, the least that would
    be told (else NaN); numerator, denominator and value of what is suppressed are NaN."""
    hidden = np.zeros(len(frame), bool)
    if is_crossing(indicator, by, scope, site):
        small = _is_small(frame, indicator, site.wall.fewest)
        hidden = _complemented(frame, indicator, by, small, site.wall.fewest)
    else:
        small = hidden
    is_count = indicator.kind == "count"
    frame = frame.assign(
        is_suppressed=hidden, below=np.where(small & is_count, float(site.wall.fewest), np.nan)
    )
    if hidden.any():
        for name in ("numerator", "denominator", "value"):
            if frame[name].notna().any():
                frame[name] = frame[name].astype(float).mask(hidden)
    return frame


def _is_small(frame: "pd.DataFrame", indicator: Indicator, fewest: int) -> np.ndarray:
    """Rows of which a count, or what a rate leaves out, lies between nothing and `fewest`."""
    counts = list(_counts(frame, indicator))
    if indicator.kind == "rate":
        counts.append(counts[1] - counts[0])
    return np.any([(count > 0) & (count < fewest) for count in counts], axis=0)


def _counts(frame: "pd.DataFrame", indicator: Indicator) -> Iterator[np.ndarray]:
    if indicator.kind != "quantile":
        yield frame["numerator"].fillna(0).to_numpy(float)
    if indicator.kind in ("rate", "quantile"):
        yield frame["denominator"].fillna(0).to_numpy(float)


def _complemented(
    frame: "pd.DataFrame", indicator: Indicator, by: tuple[str, ...], small: np.ndarray, fewest: int
) -> np.ndarray:
    """With the cells without which a small one could be computed from the sum of its line."""
    hidden = small.copy()
    size = list(_counts(frame, indicator))[-1]
    lines = [line for key in by for line in _lines(frame, [each for each in by if each != key])]
    is_open = hidden.any()
    while is_open:
        is_open = False
        for line in lines:
            more = _next_smallest(line, hidden, size)
            if more is not None and _is_known(size[line[hidden[line]]], fewest):
                hidden[more] = is_open = True
    return hidden


def _lines(frame: "pd.DataFrame", keys: list[str]) -> list[np.ndarray]:
    """The positions of the cells that add up to one sum."""
    if not keys:
        return [np.arange(len(frame))]
    return [np.asarray(at) for at in frame.groupby(keys, sort=False).indices.values()]


def _is_known(sizes: np.ndarray, fewest: int) -> bool:
    """Whether the sum of what is withheld tells the cells: there is one, or all are as small, or as
    large, as such cells can be."""
    count, total = len(sizes), sizes.sum()
    return count == 1 or (count > 1 and total in (count, count * (fewest - 1)))


def _next_smallest(line: np.ndarray, hidden: np.ndarray, size: np.ndarray) -> int | None:
    left = line[~hidden[line] & (size[line] > 0)]
    return int(left[np.argmin(size[left])]) if len(left) else None
