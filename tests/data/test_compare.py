"""compare(): two windows with equal follow-up, and changes as the press may print them."""

import json
import math
from collections.abc import Mapping
from datetime import datetime, timedelta

import duckdb
import pytest

from data.compare import compare, earlier
from data.display import change, change_text, rate_change, rate_text
from data.editions.edition import memory_edition
from data.editions.tables import create_tables
from data.indicators import indicator_of
from data.measure import measure
from data.scope import Grant, Scope, ScopeError
from tests.data.given import SINCE, SITE, UNTIL, given

FULL = Grant.full()
WEEK = Scope(since=SINCE, until=UNTIL)
LAST_WEEK = "2026-10-28"


def compared(edition, key, by=(), scope=WEEK, base="previous"):
    return compare(edition, key, by, scope, FULL, base)


def test_the_base_is_the_window_before_seen_as_long_after_its_end():
    scope = WEEK.narrowed(as_of="2026-11-11 08:00")
    base = earlier(scope, UNTIL)
    assert (base.since, base.until) == (datetime(2026, 10, 26), datetime(2026, 11, 2))
    assert base.as_of - base.until == scope.as_of - scope.until == timedelta(days=2, hours=8)


def test_the_base_of_a_year_has_the_same_weekdays():
    base = earlier(WEEK, UNTIL, "year")
    assert base.since == datetime(2025, 11, 3)
    assert base.since.weekday() == WEEK.since.weekday() == 0
    assert base.as_of == UNTIL - timedelta(days=364)


def test_the_base_by_spring_festival_lies_as_far_from_it():
    before = Scope(since="2026-02-10", until="2026-02-17")  # the week before 2026-02-17
    base = earlier(before, UNTIL, "spring_festival")
    assert (base.since, base.until) == (datetime(2025, 1, 22), datetime(2025, 1, 29))


def test_a_window_that_is_not_over_is_compared_up_to_the_same_point():
    edition = given(
        {"accepted_at": "2026-11-02"},
        {"accepted_at": "2026-10-27"},
        {"accepted_at": "2026-10-31"},  # later in its week than now in this
        data_time=datetime(2026, 11, 5),
    )
    row = compared(edition, "accepted").iloc[0]
    assert (row["current"], row["base"]) == (1, 1)


def test_both_windows_get_equal_follow_up():
    late = {"accepted_at": "2026-10-28", "closed_at": "2026-11-04"}  # closed a week after
    edition = given(late, {"accepted_at": "2026-11-04"})
    row = compared(edition, "closure_rate").iloc[0]
    assert (row["current_numerator"], row["current_denominator"]) == (0, 1)
    assert (row["base_numerator"], row["base_denominator"]) == (0, 1)
    assert (row["change"], row["change_kind"]) == (0.0, "points")


def test_kinds_of_change():
    edition = given(
        *[{"town": "t1"}] * 12,
        *[{"town": "t1", "accepted_at": LAST_WEEK}] * 10,
        *[{"town": "t2"}] * 12,
        *[{"town": "t2", "accepted_at": LAST_WEEK}] * 9,
        {"town": None},
    )
    frame = compared(edition, "accepted", ("town",)).set_index("town")
    assert frame["change_kind"].to_dict() == {
        "-": "no_base",
        "t1": "percent",
        "t2": "difference",
    }
    assert frame["change"]["t1"] == pytest.approx(0.2)
    assert frame["change"]["t2"] == 3
    assert math.isnan(frame["change"]["-"])
    assert frame["base"].tolist() == [0, 10, 9]


def test_a_group_of_one_window_only_counts_0_in_the_other():
    edition = given({"town": "t1"}, {"town": "t2", "accepted_at": LAST_WEEK})
    frame = compared(edition, "accepted", ("town",))
    assert frame[["town", "current", "base"]].values.tolist() == [["t1", 1, 0], ["t2", 0, 1]]


def test_a_rate_without_a_base_has_no_change():
    row = compared(given({"closed_at": "2026-11-03"}), "closure_rate").iloc[0]
    assert row["change_kind"] == "none"
    assert math.isnan(row["change"]) and row["current"] == 1.0


def test_a_stock_is_compared_with_what_was_there_then():
    edition = given(
        {"accepted_at": "2026-10-20", "closed_at": "2026-11-05"}, {"accepted_at": "2026-11-03"}
    )
    row = compared(edition, "open").iloc[0]
    assert (row["current"], row["base"]) == (1, 1)


def test_a_median_changes_by_percent_of_hours():
    closed = {"accepted_at": "2026-11-02", "closed_at": "2026-11-04"}
    before = {"accepted_at": "2026-10-26", "closed_at": "2026-10-27"}
    edition = given(*[closed] * 10, *[before] * 10)
    row = compared(edition, "handling_hours_median").iloc[0]
    assert (row["current"], row["base"], row["change"]) == (48, 24, 1.0)
    assert row["change_kind"] == "percent"


def test_without_a_beginning_there_is_nothing_to_compare():
    with pytest.raises(ScopeError, match="起始时间"):
        compared(given(), "accepted", scope=Scope())
    with pytest.raises(ScopeError, match="基期"):
        compared(given(), "accepted", base="last")


# Figures that were printed: the rows exist, and measure, compare and the formatter reproduce them.


def counted(
    accepted: int,
    good: int,
    outcome: str = "resolved",
    base: int = 0,
    categories: Mapping[str, int] | None = None,
):
    """An edition of so many disputes this week, the first `good` closed so, and `base` the last;
    of each category so many, and none of what is left."""
    connection = duckdb.connect(":memory:")
    create_tables(connection, SITE)
    connection.execute(
        "INSERT INTO cases (case_code, source, kind, reported_at, accepted_at, closed_at, outcome,"
        " precision, reopen_count, point_quality, is_located, row_hash, member, line)"
        " SELECT 'c' || i, 's', 'dispute', at_, at_,"
        " CASE WHEN i < $good THEN at_ + INTERVAL 1 HOUR END,"
        " CASE WHEN i < $good THEN $outcome END, 'second', 0, 'ok', true, 'h', 'm', i FROM ("
        " SELECT i, CASE WHEN i < $now THEN $since ELSE $since - INTERVAL 3 DAY END AS at_"
        " FROM range($now + $base) AS numbers(i))",
        {"now": accepted, "good": good, "outcome": outcome, "base": base, "since": SINCE},
    )
    for category, count in (categories or {}).items():
        connection.execute(
            "UPDATE cases SET category = $category WHERE case_code IN"
            " (SELECT case_code FROM cases WHERE category IS NULL ORDER BY line LIMIT $count)",
            {"category": category, "count": count},
        )
    return memory_edition(connection, SITE, data_time=UNTIL)


def test_printed_rates_come_out_half_up():
    for n, d, decimals, printed in (
        (8037, 8696, 2, "92.42%"),
        (16198, 16412, 1, "98.7%"),
        (661, 686, 1, "96.4%"),
        (32612, 32614, 2, "99.99%"),
    ):
        row = measure(counted(d, n), "resolution_rate", (), WEEK, FULL).iloc[0]
        assert rate_text(row["numerator"], row["denominator"], decimals) == printed


def test_printed_changes_come_out_and_the_wrong_one_does_not():
    row = compared(counted(70, 0, base=62), "accepted").iloc[0]
    assert change_text(row["current"], row["base"]) == "+12.9%"  # printed: 上升13.9%
    assert row["change"] == pytest.approx(8 / 62)


def test_every_quoted_rate_is_reproduced(shared):
    for quoted in json.loads((shared / "fixtures.json").read_text("utf-8"))["rates"]:
        n, d, places = quoted["numerator"], quoted["denominator"], quoted["quoted_decimals"]
        key = "closure_rate" if "办结" in quoted["metric"] else "resolution_rate"
        row = measure(counted(d, n), key, (), WEEK, FULL).iloc[0]
        assert (row["numerator"], row["denominator"]) == (n, d)
        shown = rate_text(row["numerator"], row["denominator"], places)
        assert float(shown.strip("%")) == float(quoted["half_up"]), quoted["id"]


def test_every_quoted_sum_closes_or_shows_its_gap(shared):
    for quoted in json.loads((shared / "fixtures.json").read_text("utf-8"))["sums"]:
        parts = {name: n for name, n in quoted["parts"].items() if n}
        edition = counted(quoted["total"], 0, categories=parts)
        frame = measure(edition, "accepted", ("category",), WEEK, FULL)
        found = dict(zip(frame["category"], frame["value"], strict=True))
        assert found.pop("-", 0) == quoted["gap"], quoted["id"]
        assert found == parts
        assert measure(edition, "accepted", (), WEEK, FULL)["value"].tolist() == [quoted["total"]]


def test_every_quoted_change_is_recomputed(shared):
    for quoted in json.loads((shared / "fixtures.json").read_text("utf-8"))["changes"]:
        if quoted["id"] == "youyu_cycle":  # days, not cases
            continue
        now, base = quoted["current"], quoted["base"]
        row = compared(counted(now, 0, base=base), "accepted").iloc[0]
        assert change_text(row["current"], row["base"]).strip("+%") == quoted["recomputed_1dp"]


def test_changes_are_those_of_the_formatter():
    edition = given(*[{"closed_at": "2026-11-03"}] * 3, {}, *[{"accepted_at": LAST_WEEK}] * 11)
    row = compared(edition, "accepted").iloc[0]
    shown = change(row["current"], row["base"])
    assert (row["change_kind"], row["change"]) == (shown.kind, pytest.approx(float(shown.value)))
    rate = compared(edition, "closure_rate").iloc[0]
    sides = ("current_numerator", "current_denominator", "base_numerator", "base_denominator")
    shown = rate_change(*(rate[side] for side in sides))
    assert (rate["change_kind"], rate["change"]) == (shown.kind, float(shown.value))
    assert indicator_of("closure_rate").unit == "%"
