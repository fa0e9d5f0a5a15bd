"""measure(): groups that close, two clocks, filters that hold."""

import math
from datetime import datetime, timedelta

import pytest

from data.dimensions import UnknownName, dimensions
from data.indicators import INDICATORS
from data.measure import measure
from data.scope import Grant, Scope, ScopeError
from tests.data.given import SINCE, SITE, UNTIL, given

FULL = Grant.full()
WEEK = Scope(since=SINCE, until=UNTIL)


def rows(edition, key, by=(), scope=WEEK, grant=FULL):
    """Code(s) -> (numerator, denominator)."""
    frame = measure(edition, key, by, scope, grant)
    codes = [
        tuple(row) if len(by) > 1 else row[0] for row in frame[list(by)].itertuples(index=False)
    ]
    parts = frame[["numerator", "denominator"]].astype(object).itertuples(index=False)
    return dict(zip(codes, (tuple(part) for part in parts), strict=True))


def value(edition, key, scope=WEEK, grant=FULL):
    return measure(edition, key, (), scope, grant)["value"].iloc[0]


def test_a_rate_of_a_merged_area_adds_before_dividing():
    court = [{"department": "court", "closed_at": "2026-11-03"}]
    police = [{"department": "police"}] * 9
    edition = given(*court, *police)
    assert rows(edition, "closure_rate", ("department",)) == {"court": (1, 1), "police": (0, 9)}
    assert value(edition, "closure_rate") == 0.1  # not the mean of 100 % and 0 %


def test_no_value_is_a_group_of_its_own_so_that_totals_close():
    edition = given({"town": "t1"}, {"town": None}, {"town": "t2"}, {"town": None})
    assert rows(edition, "accepted", ("town",)) == {
        "-": (2, None),
        "t1": (1, None),
        "t2": (1, None),
    }


def test_groups_are_sorted_by_code_and_carry_all_dimensions():
    edition = given({"town": "t2", "risk": "red"}, {"town": "t1", "risk": "blue"})
    frame = measure(edition, "accepted", ("town", "risk"), WEEK, FULL)
    assert frame.columns.tolist() == ["town", "risk", "numerator", "denominator", "value"]
    assert frame[["town", "risk", "value"]].values.tolist() == [["t1", "blue", 1], ["t2", "red", 1]]


def test_without_dimensions_there_is_one_row_even_of_nothing():
    frame = measure(given(), "accepted", (), WEEK, FULL)
    assert frame["value"].tolist() == [0]


def test_the_window_is_half_open_and_a_missing_end_is_all_time():
    edition = given({}, {"accepted_at": "2026-11-08 23:59:59"}, {"accepted_at": "2020-01-01"})
    assert value(edition, "accepted") == 2
    assert value(edition, "accepted", Scope()) == 3
    assert value(edition, "accepted", Scope(until=SINCE)) == 1
    assert value(edition, "accepted", Scope(since="2026-11-08 23:59:59")) == 1


TIMES = {
    "day": "2026-11-04",
    "week": "2026-11-02",
    "month": "2026-11",
    "weekday": "3",
    "hour": "08",
}


@pytest.mark.parametrize("key", TIMES)
def test_a_time_dimension_gives_the_time_of_the_event(key):
    edition = given({"accepted_at": "2026-11-04 08:30"})
    assert list(rows(edition, "accepted", (key,))) == [TIMES[key]]


@pytest.mark.parametrize(
    ("precision", "known"), [("day", {"day", "week", "month", "weekday"}), ("month", {"month"})]
)
def test_a_dimension_finer_than_the_date_has_no_value(precision, known):
    edition = given({"accepted_at": "2026-11-04", "precision": precision})
    for key, code in TIMES.items():
        assert list(rows(edition, "accepted", (key,))) == [code if key in known else "-"]


def test_each_side_of_a_rate_falls_on_its_own_day():
    edition = given({"accepted_at": "2026-11-03", "closed_at": "2026-11-05"})
    found = rows(edition, "closed_to_accepted", ("day",))
    assert found == {"2026-11-03": (0, 1), "2026-11-05": (1, 0)}


LAMPS = {
    "red": {"due_at": "2026-11-08"},
    "yellow": {"due_at": "2026-11-09 12:00"},
    "green": {"due_at": "2026-11-12"},
    "-": {"due_at": None},
}


@pytest.mark.parametrize("lamp", LAMPS)
def test_the_lamp_is_that_of_the_as_of_time(lamp):
    assert list(rows(given(LAMPS[lamp]), "open", ("lamp",))) == [lamp]


def test_a_closed_case_keeps_the_lamp_it_had_when_it_closed():
    edition = given({"due_at": "2026-11-05", "closed_at": "2026-11-03"})
    assert list(rows(edition, "accepted", ("lamp",))) == ["green"]


def test_located_and_placeholder_are_dimensions_and_filters():
    edition = given({"is_located": False}, {"point_quality": "placeholder"}, {})
    assert rows(edition, "accepted", ("located",)) == {"false": (1, None), "true": (2, None)}
    without = WEEK.with_filter("placeholder", "false")
    assert value(edition, "accepted", without) == 2
    assert value(edition, "accepted", WEEK.with_filter("located", "false")) == 1


def test_stages_hold_cases_by_status_and_take_in_steps_by_kind():
    edition = given({}, {"dispatched_at": "2026-11-03"})
    stock = rows(edition, "in_hand", ("stage",))
    assert stock == {"accepted": (1, None), "dispatched": (1, None)}
    came = rows(edition, "arrivals", ("stage",))
    assert came == {"accepted": (2, None), "dispatched": (1, None), "registered": (2, None)}
    for stage, (n, _) in came.items():  # a filter takes what its group holds
        for as_of in (None, "2026-11-08"):
            asked = WEEK.narrowed(as_of=as_of).with_filter("stage", stage)
            assert value(edition, "arrivals", asked) == n
    for stage, (n, _) in stock.items():
        assert value(edition, "in_hand", WEEK.with_filter("stage", stage)) == n


# State at a past time


def test_a_step_after_t_does_not_exist():
    edition = given({"closed_at": "2026-11-05"}, {"accepted_at": "2026-11-06"})
    assert value(edition, "closure_rate") == 0.5
    assert value(edition, "closure_rate", WEEK.narrowed(as_of="2026-11-04")) == 0.0
    assert value(edition, "accepted", WEEK.narrowed(as_of="2026-11-05")) == 1
    assert value(edition, "open", WEEK.narrowed(as_of="2026-11-04")) == 1


def test_what_a_clock_ahead_tells_of_has_not_happened_at_the_data_time():
    noon = datetime(2026, 11, 8, 12)
    ahead = {"closed_at": "2026-11-08 18:00"}
    edition = given(ahead, {"accepted_at": "2026-11-08 20:00"}, {}, data_time=noon)
    assert value(edition, "accepted") == 2
    assert value(edition, "closed") == 0
    assert value(edition, "open") == 2
    assert value(edition, "closure_rate") == 0.0


def test_a_flow_without_a_beginning_has_nothing_open_before_it():
    edition = given({"closed_at": "2026-11-03"}, {})
    assert value(edition, "closure_flow_rate", Scope(until=datetime(2026, 11, 5))) == 0.5


def test_what_happens_at_t_itself_has_happened():
    edition = given({"closed_at": "2026-11-05"})
    assert value(edition, "closed", WEEK.narrowed(as_of="2026-11-05")) == 1


REOPENED = {"steps": [("close", "2026-11-03"), ("reopen", "2026-11-05"), ("close", "2026-11-07")]}


@pytest.mark.parametrize(
    ("day", "closed"), [(2, 0), (3, 1), (4, 1), (5, 0), (6, 0), (7, 1), (8, 1)]
)
def test_reopening_undoes_closure_from_then_on(day, closed):
    asked = WEEK.narrowed(as_of=datetime(2026, 11, day))
    edition = given(REOPENED)
    assert value(edition, "closure_rate", asked) == closed
    assert value(edition, "open", asked) == 1 - closed
    assert value(edition, "closed", asked) == closed


def test_a_case_belongs_to_the_department_that_held_it_at_t():
    move = {"kind": "transfer", "at": "2026-11-05", "department": "b"}
    edition = given({"department": "a", "steps": [move]})
    assert list(rows(edition, "open", ("department",))) == ["b"]
    before = WEEK.narrowed(as_of="2026-11-04")
    assert list(rows(edition, "open", ("department",), before)) == ["a"]
    assert value(edition, "open", before.with_filter("department", "b")) == 0


def test_risk_and_deadline_are_those_of_t():
    extend = {"kind": "extend", "at": "2026-11-05", "due_at": "2026-11-20", "risk": "red"}
    edition = given({"risk": "blue", "due_at": "2026-11-04", "steps": [extend]})
    before = WEEK.narrowed(as_of="2026-11-04 12:00")
    assert list(rows(edition, "open", ("risk",), before)) == ["blue"]
    assert list(rows(edition, "open", ("risk",))) == ["red"]
    assert value(edition, "overdue_open", before) == 1
    assert value(edition, "overdue_open") == 0
    assert value(edition, "on_time_closure_rate", before) == 0.0  # due by then, and open
    assert math.isnan(value(edition, "on_time_closure_rate"))  # the approved deadline counts


def test_a_withdrawn_case_is_out_from_its_withdrawal_on():
    edition = given({"withdrawn_at": "2026-11-05"}, {})
    assert value(edition, "accepted") == 1
    assert value(edition, "accepted", WEEK.narrowed(as_of="2026-11-04")) == 2
    assert value(edition, "accepted", WEEK.narrowed(as_of="2026-11-05")) == 1


def test_a_repeated_closing_step_is_one_closure():
    twice = {"steps": [("close", "2026-11-03"), ("close", "2026-11-05")]}
    edition = given(twice)
    assert rows(edition, "closure_flow_rate", ("town",)) == {"-": (1, 1)}
    assert value(edition, "closed", WEEK.narrowed(since="2026-11-04")) == 1  # the last one counts
    earlier = Scope(since=SINCE, until=datetime(2026, 11, 4), as_of=datetime(2026, 11, 4))
    assert value(edition, "closed", earlier) == 1


def test_flow_starts_from_what_was_open_just_before_the_window():
    edition = given(
        {"accepted_at": "2026-10-20"},
        {"accepted_at": "2026-10-20", "closed_at": "2026-11-02"},  # closed at t0: within W
        {"accepted_at": "2026-10-20", "closed_at": "2026-11-01"},
        {"accepted_at": "2026-10-20", "steps": [("close", "2026-11-01"), ("reopen", "2026-11-03")]},
        {"accepted_at": "2026-11-02"},
    )
    assert rows(edition, "closure_flow_rate", ("force",)) == {"-": (1, 4)}


# Quantiles and places


def test_a_quantile_is_taken_from_the_rows_and_says_from_how_many():
    edition = given(
        {"town": "t1", "closed_at": "2026-11-03"},
        {"town": "t2", "closed_at": "2026-11-04"},
        {"town": "t2", "closed_at": "2026-11-05"},
    )
    frame = measure(edition, "handling_hours_median", ("town",), WEEK, FULL)
    assert frame[["town", "denominator", "value"]].values.tolist() == [["t1", 1, 24], ["t2", 2, 60]]
    assert value(edition, "handling_hours_median") == 48  # not the median of 24 and 60


def test_durations_leave_out_what_closed_before_it_was_accepted_and_count_it():
    edition = given({"closed_at": "2026-11-01"}, {"closed_at": "2026-11-03"})
    everything = Scope()
    assert value(edition, "handling_hours_mean", everything) == 24
    assert value(edition, "closed_before_accepted", everything) == 1
    assert value(edition, "closed", everything) == 2


def test_suspension_does_not_count_and_may_be_renewed():
    halted = [("suspend", "2026-11-03"), ("assist", "2026-11-04"), ("resume", "2026-11-05")]
    edition = given({"steps": [*halted, ("close", "2026-11-06")]})
    assert value(edition, "handling_hours_mean") == 2 * 24


def test_people_of_the_place_divide_and_a_place_without_cases_has_0():
    edition = given({"town": "t1", "grid": "g1"}, {"town": None, "grid": None})
    found = rows(edition, "per_10k", ("town",))
    assert found.pop("-")[0] == 1
    assert found == {"t1": (1, 900), "t2": (0, 100)}
    frame = measure(edition, "per_10k", ("grid",), WEEK, FULL)
    assert frame["denominator"].tolist()[1:] == [600, 300, 100]


def test_people_of_the_scope_divide_where_the_split_is_not_by_place():
    edition = given({"town": "t1", "risk": "red"}, {"town": "t1", "risk": "blue"})
    in_t1 = WEEK.narrowed(regions=(("town", "t1"),))
    assert rows(edition, "per_10k", ("risk",), in_t1) == {"blue": (1, 900), "red": (1, 900)}
    assert value(edition, "per_10k", in_t1) == pytest.approx(2 / 900 * 10_000)


def test_where_population_is_not_known_there_is_no_rate_by_people():
    edition = given({"beat": "b1"})
    frame = measure(edition, "per_10k", ("beat",), WEEK, FULL)
    assert frame["numerator"].tolist() == [1]
    assert math.isnan(frame["value"].iloc[0])
    assert value(edition, "per_grid", WEEK.narrowed(regions=(("town", "t2"),))) == 0


# Filters, grants, and names that are wrong


def test_codes_of_one_dimension_are_alternatives_and_dimensions_add_up():
    edition = given(
        {"risk": "red", "town": "t1"}, {"risk": "blue", "town": "t1"}, {"risk": "red", "town": "t2"}
    )
    either = Scope(where=(("risk", "red"), ("risk", "blue")), regions=(("town", "t1"),))
    assert value(edition, "accepted", either) == 2
    assert value(edition, "accepted", either.with_filter("risk", "red")) == 1
    assert value(edition, "accepted", either.with_filter("risk", "yellow")) == 0
    assert math.isnan(value(edition, "per_grid", either.with_filter("town", "t2")))
    assert value(edition, "accepted", Scope(where=(("category", "-"),))) == 3


def test_where_an_area_is_drawn_there_is_no_rate_by_people():
    square = ((0.0, 0.0), (2.0, 0.0), (2.0, 2.0), (0.0, 2.0))
    edition = given({"lon": 1.0, "lat": 1.0, "town": "t1"})
    for by in ((), ("town",)):  # it is not known how many of them live inside
        frame = measure(edition, "per_10k", by, WEEK.narrowed(area=square), FULL)
        assert (frame["numerator"].tolist(), frame["value"].isna().all()) == ([1], True)


def test_a_dimension_given_twice_is_one():
    edition = given({"town": "t1"})
    twice = measure(edition, "per_10k", ("town", "town"), WEEK, FULL)
    once = measure(edition, "per_10k", ("town",), WEEK, FULL)
    assert twice.equals(once) and twice.columns[0] == "town"


def test_a_grant_of_no_place_is_a_grant_of_nobody_there():
    edition = given({"risk": "red", "town": "t1"})
    for regions in ((("risk", "red"),), (("force", "f"),)):
        nobody = measure(edition, "per_10k", (), WEEK, Grant(regions, departments=None))
        assert math.isnan(nobody["value"].iloc[0])


def test_a_drawn_area_takes_the_right_points_inside():
    square = ((0.0, 0.0), (2.0, 0.0), (2.0, 2.0), (0.0, 2.0))
    edition = given(
        {"lon": 1.0, "lat": 1.0},
        {"lon": 3.0, "lat": 1.0},
        {"lon": 1.0, "lat": 1.0, "point_quality": "placeholder"},
        {},
    )
    assert value(edition, "accepted", WEEK.narrowed(area=square)) == 1
    notch = ((0.0, 0.0), (2.0, 0.0), (1.0, 1.5), (2.0, 2.0), (0.0, 2.0))
    assert value(edition, "accepted", WEEK.narrowed(area=notch)) == 1


def test_a_grant_is_intersected_with_what_is_asked():
    edition = given(
        {"town": "t1", "department": "a"},
        {"town": "t2", "department": "a"},
        {"town": "t1", "department": "b"},
    )
    town = Grant(regions=(("town", "t1"),), departments=None)
    assert value(edition, "accepted", grant=town) == 2
    assert value(edition, "accepted", WEEK.narrowed(regions=(("town", "t2"),)), town) == 0
    assert (
        value(edition, "accepted", grant=Grant(regions=(("town", "t1"),), departments=("a",))) == 1
    )
    assert value(edition, "accepted", grant=Grant()) == 0  # no grant, nothing
    either = Grant(regions=(("town", "t2"), ("grid", "g9")), departments=None)
    assert value(edition, "accepted", grant=either) == 1


def test_an_unknown_dimension_is_refused_with_names_that_are_near():
    with pytest.raises(UnknownName, match="department"):
        measure(given(), "accepted", ("departmet",), WEEK, FULL)
    with pytest.raises(UnknownName, match="town"):
        measure(given(), "accepted", (), WEEK.narrowed(where=(("towm", "x"),)), FULL)
    with pytest.raises(UnknownName):
        measure(given(), "accepted", (), WEEK, Grant(regions=(("nowhere", "x"),)))


def test_a_time_after_the_data_is_refused_since_its_state_is_not_known():
    edition = given({"due_at": UNTIL})
    assert value(edition, "overdue_open", WEEK.narrowed(as_of=UNTIL)) == 0
    with pytest.raises(ScopeError, match="数据时间"):
        value(edition, "overdue_open", WEEK.narrowed(as_of=UNTIL + timedelta(seconds=1)))


@pytest.mark.parametrize("key", INDICATORS)
def test_every_indicator_can_be_split_by_every_dimension_now_and_then(key):
    edition = given({"town": "t1", "grid": "g1", "closed_at": "2026-11-04"}, REOPENED)
    for by in dimensions(SITE):
        for scope in (WEEK, WEEK.narrowed(as_of=UNTIL - timedelta(days=4)), Scope()):
            frame = measure(edition, key, (by,), scope, FULL)
            assert frame.columns.tolist() == [by, "numerator", "denominator", "value"]


def test_steps_after_t_are_neither_closures_nor_arrivals():
    edition = given({"closed_at": "2026-11-05"})
    before = WEEK.narrowed(as_of="2026-11-04")
    assert rows(edition, "closure_flow_rate", ("force",), before) == {"-": (0, 1)}
    assert value(edition, "arrivals") == 3
    assert value(edition, "arrivals", before) == 2
