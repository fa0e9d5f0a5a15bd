"""Small cells: what describes one or two matters at a fine place is withheld, and cannot be had."""

from itertools import product

import pandas as pd
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from data.compare import compare
from data.display import text
from data.indicators import INDICATORS, indicator_of
from data.measure import measure
from data.scope import Grant, Scope
from data.small_cells import withheld
from data.wall_view import WallView
from tests.data.given import SINCE, SITE, UNTIL, given

WALL = Grant.wall()
WEEK = Scope(since=SINCE, until=UNTIL)
IN_G1 = WEEK.with_filter("grid", "g1")
ACCEPTED = indicator_of("accepted")


def cases(**counts: int) -> list[dict]:
    """So many cases of each category, in grid g1."""
    return [
        {"town": "t1", "grid": "g1", "category": category, "kind": "dispute"}
        for category, count in counts.items()
        for _ in range(count)
    ]


def told(rows: list[dict], by: tuple[str, ...], scope: Scope, key: str = "accepted") -> dict:
    """The number of each group, as it is written."""
    frame = measure(given(*rows), key, by, scope, WALL)
    return {
        row[by[-1]]: text(
            row["value"],
            row["numerator"],
            row["denominator"],
            indicator_of(key),
            below=row["below"],
        )
        for row in frame.to_dict("records")
    }


def test_of_one_or_two_is_said_that_they_are_few():
    rows = cases(noise=1, wages=2, home=3)
    assert told(rows, ("category",), IN_G1) == {"noise": "<3", "wages": "<3", "home": "3"}


def test_what_follows_from_the_sum_is_withheld_too():
    rows = cases(noise=1, wages=5, home=9)
    assert told(rows, ("category",), IN_G1) == {"noise": "<3", "wages": "—", "home": "9"}


def test_two_whose_sum_tells_both_take_a_third_with_them():
    assert told(cases(noise=1, wages=1, home=4), ("category",), IN_G1)["home"] == "—"
    assert told(cases(noise=2, wages=2, home=4), ("category",), IN_G1)["home"] == "—"


def test_a_town_is_no_fine_place():
    rows = cases(noise=1, wages=5)
    for scope in (WEEK, WEEK.with_filter("town", "t1")):
        assert told(rows, ("category",), scope) == {"noise": "1", "wages": "5"}


@pytest.mark.parametrize("by", ["risk", "lamp", "department", "status", "grid", "day"])
def test_what_describes_nothing_stays(by):
    assert list(told(cases(noise=1), (by,), IN_G1).values()) == ["1"]


def test_a_drawn_area_is_a_fine_place():
    ring = ((112.0, 28.0), (113.0, 28.0), (113.0, 29.0))
    rows = [{"category": "noise", "lon": 112.6, "lat": 28.2, "point_quality": "ok"}]
    assert told(rows, ("category",), WEEK.narrowed(area=ring)) == {"noise": "<3"}


def test_a_filter_describes_like_a_split():
    assert told(cases(noise=1), ("grid",), WEEK.with_filter("category", "noise")) == {"g1": "<3"}
    assert told(cases(noise=1), ("grid",), WEEK) == {"g1": "1"}


def test_an_indicator_that_describes_counts_too():
    assert told(cases(noise=1), ("grid",), WEEK, "disputes") == {"g1": "<3"}
    assert told(cases(noise=1), ("town",), WEEK, "disputes") == {"t1": "1"}


def test_nothing_is_nothing():
    frame = measure(given(), "disputes", (), IN_G1, WALL)
    assert frame["value"].fillna(0).tolist() == [0] and not frame["is_suppressed"].any()


@pytest.mark.parametrize("resolved", [1, 2, 19, 18])
def test_a_rate_of_few_or_without_few_is_withheld(resolved):
    rows = cases(noise=20)
    for row in rows[:resolved]:
        row |= {"closed_at": "2026-11-03", "outcome": "resolved"}
    assert told(rows, ("grid",), WEEK, "resolution_rate") == {"g1": "—"}


def test_a_rate_of_enough_is_told():
    rows = cases(noise=20)
    for row in rows[:10]:
        row |= {"closed_at": "2026-11-03", "outcome": "resolved"}
    assert told(rows, ("grid",), WEEK, "resolution_rate") == {"g1": "50.0%"}


def test_a_comparison_does_not_tell_it_either():
    rows = cases(noise=2, wages=2, home=5)
    rows += [{**row, "accepted_at": "2026-10-27"} for row in cases(home=5, wages=4)]
    frame = compare(given(*rows), "accepted", ("category",), IN_G1, WALL).set_index("category")
    assert frame["current_below"].to_dict() == pytest.approx(
        {"home": float("nan"), "noise": 3, "wages": 3}, nan_ok=True
    )
    assert frame["current"].isna().all()  # 2 + 2 would be known, so 5 is withheld too
    assert frame["change"].isna().all() and set(frame["change_kind"]) == {"none"}
    assert frame["base"].to_dict() == {"home": 5, "noise": 0, "wages": 4}


def test_others_than_a_wall_are_told_all():
    frame = measure(given(*cases(noise=1)), "accepted", ("category",), IN_G1, Grant.full())
    assert frame["value"].tolist() == [1] and "is_suppressed" not in frame


GRIDS, KINDS = ("g1", "g2", "g3", "g4"), ("a", "b", "c", "d")


@settings(max_examples=100, deadline=None)
@drawn(
    counts=st.lists(st.integers(0, 6), min_size=16, max_size=16),
    fewest=st.integers(2, 5),
)
def test_no_line_gives_a_small_cell_away(counts: list[int], fewest: int):
    """From the sum of a line, known, and all that is told of it, every withheld cell of it can have
    two values at least, unless nothing else is in the line."""
    rows = [
        {"grid": g, "category": k, "numerator": n, "denominator": None, "value": n}
        for (g, k), n in zip(product(GRIDS, KINDS), counts, strict=True)
        if n
    ]
    frame = pd.DataFrame(rows, columns=["grid", "category", "numerator", "denominator", "value"])
    site = SITE.model_copy(update={"wall": WallView(fewest=fewest)})
    shown = withheld(frame, ACCEPTED, ("grid", "category"), WEEK, site)
    true = frame["numerator"].to_numpy()
    assert shown["below"].notna().tolist() == [0 < n < fewest for n in true]
    assert (shown["value"].isna() == shown["is_suppressed"]).all()
    assert shown.loc[~shown["is_suppressed"], "value"].tolist() == [
        n for n, hidden in zip(true, shown["is_suppressed"], strict=True) if not hidden
    ]
    for key in ("grid", "category"):
        for line in shown.groupby(key).indices.values():
            part = shown.iloc[line]
            hidden = part[part["is_suppressed"]]
            assert len(hidden) != 1 or len(part) == 1
            if len(hidden) and len(hidden) < len(part):
                small = hidden["below"].notna()
                total = int(true[hidden.index].sum())
                assert not small.all() or len(hidden) < total < len(hidden) * (fewest - 1)


def test_every_indicator_can_be_withheld():
    rows = cases(noise=1)
    for key in INDICATORS:
        frame = measure(given(*rows), key, ("grid", "category"), WEEK, WALL)
        hidden = frame["is_suppressed"].to_numpy()
        assert frame.loc[hidden, "value"].isna().all()
