"""What was known at T of what belongs to a case: reopenings, follow-ups, evaluations."""

from datetime import datetime

import pytest

from data.cases import cases_behind
from data.measure import measure
from data.scope import Grant, Scope
from tests.data.given import SINCE, UNTIL, given

FULL = Grant.full()


def at(edition, key, day, since=SINCE, until=UNTIL, **where) -> tuple[int, int]:
    """Numerator and denominator as of a time."""
    scope = Scope(since=since, until=until, as_of=day, **where)
    row = measure(edition, key, (), scope, FULL).iloc[0]
    return int(row["numerator"]), int(row["denominator"])


DISPUTE = {"kind": "dispute"}


@pytest.mark.parametrize(
    ("day", "known"),
    [
        ("2026-11-03", (0, 0)),  # the first is due on the 4th
        ("2026-11-04", (0, 1)),  # due, and not done yet
        ("2026-11-04 10:00", (0, 1)),
        ("2026-11-05", (1, 2)),  # the first was late; the second was done before it was due
        ("2026-11-09", (1, 2)),
    ],
)
def test_a_follow_up_counts_from_when_it_is_due_and_is_done_from_when_it_is_done(day, known):
    edition = given(
        {"follow_ups": [("2026-11-04", "2026-11-04 10:00", "stable")]},
        {"follow_ups": [("2026-11-05", "2026-11-03", "stable")]},
    )
    assert at(edition, "follow_up_rate", day) == known


def test_a_follow_up_that_reached_nobody_is_not_done():
    edition = given({"follow_ups": [("2026-11-05", "2026-11-05", "unreached")]})
    assert at(edition, "follow_up_rate", "2026-11-09") == (0, 1)


@pytest.mark.parametrize(
    ("key", "first", "last"),
    [
        ("satisfaction_rate", (1, 1), (1, 2)),
        ("strict_satisfaction_rate", (0, 1), (0, 2)),
        ("evaluation_rate", (1, 2), (2, 2)),
    ],
)
def test_an_evaluation_after_t_does_not_exist(key, first, last):
    edition = given(
        {"closed_at": "2026-11-03", "evaluations": [("2026-11-04", "fair")]},
        {"closed_at": "2026-11-03", "evaluations": [("2026-11-06", "dissatisfied")]},
    )
    assert at(edition, key, "2026-11-05") == first
    assert at(edition, key, "2026-11-07") == last


def test_what_was_withdrawn_counts_until_then():
    edition = given(
        {
            "closed_at": "2026-11-03",
            "evaluations": [("2026-11-04", "fair", "2026-11-06")],
            "follow_ups": [("2026-11-04", "2026-11-04", "stable", "2026-11-06")],
        }
    )
    for key in ("satisfaction_rate", "follow_up_rate", "evaluation_rate"):
        assert at(edition, key, "2026-11-05")[0] == 1
        assert at(edition, key, "2026-11-07")[0] == 0


def test_a_case_that_is_withdrawn_takes_its_evaluations_along():
    edition = given(
        {"withdrawn_at": "2026-11-06", "evaluations": [("2026-11-04", "fair")]},
    )
    assert at(edition, "satisfaction_rate", "2026-11-05") == (1, 1)
    assert at(edition, "satisfaction_rate", "2026-11-07") == (0, 0)


RELAPSE = {
    **DISPUTE,
    "accepted_at": "2026-07-01",
    "steps": [
        {"kind": "close", "at": "2026-08-05", "outcome": "resolved"},  # 90 days: 2026-11-03
        {"kind": "reopen", "at": "2026-08-20"},
        {"kind": "close", "at": "2026-08-25", "outcome": "resolved"},  # 90 days: 2026-11-23
    ],
}


@pytest.mark.parametrize(
    ("day", "known"),
    [
        ("2026-11-02", (0, 0)),  # the 90 days are not over
        ("2026-11-03", (1, 1)),
        ("2026-11-24", (1, 2)),
    ],
)
def test_a_resolution_is_judged_when_its_90_days_are_over(day, known):
    edition = given(RELAPSE, data_time=datetime(2026, 12, 1))
    assert at(edition, "rebound_rate", day, until=datetime(2026, 12, 1)) == known


def test_a_reopening_after_t_has_not_undone_the_resolution_yet():
    late = {
        **DISPUTE,
        "accepted_at": "2026-07-01",
        "steps": [
            {"kind": "close", "at": "2026-08-05", "outcome": "resolved"},
            {"kind": "reopen", "at": "2026-11-06"},
        ],
    }
    edition = given(late)
    assert at(edition, "rebound_rate", "2026-11-05") == (0, 1)
    assert at(edition, "rebound_rate", "2026-11-08") == (0, 1)  # later than 90 days: no rebound
    listed = cases_behind(
        edition, Scope(since=SINCE, until=UNTIL), FULL, indicator="rebound_rate", side="denominator"
    )
    assert len(listed) == 1


def test_a_success_of_mediation_is_that_of_the_outcome_at_t():
    twice = {
        **DISPUTE,
        "handling_level": "town",
        "steps": [
            {"kind": "close", "at": "2026-11-03", "outcome": "unresolved"},
            {"kind": "reopen", "at": "2026-11-05"},
            {"kind": "close", "at": "2026-11-07", "outcome": "resolved"},
        ],
    }
    edition = given(twice)
    assert at(edition, "mediation_success_rate", "2026-11-04") == (0, 1)
    assert at(edition, "mediation_success_rate", "2026-11-06") == (0, 0)
    assert at(edition, "mediation_success_rate", "2026-11-08") == (1, 1)
    assert at(edition, "grassroots_resolution_rate", "2026-11-04") == (0, 0)
    assert at(edition, "grassroots_resolution_rate", "2026-11-09") == (1, 1)


def test_returns_and_rework_are_told_apart_and_known_from_when_they_happen():
    steps = [("dispatch", "2026-11-02"), ("return", "2026-11-03"), ("dispatch", "2026-11-04")]
    steps += [("submit", "2026-11-05"), ("return", "2026-11-06")]
    edition = given({"steps": steps})
    assert at(edition, "return_rate", "2026-11-02") == (0, 1)
    assert at(edition, "return_rate", "2026-11-09") == (1, 2)
    assert at(edition, "rework_rate", "2026-11-05") == (0, 1)
    assert at(edition, "rework_rate", "2026-11-09") == (1, 1)


def test_what_belongs_to_a_case_is_split_filtered_and_granted_as_its_case():
    edition = given(
        {"town": "t1", "department": "a", "evaluations": [("2026-11-04", "fair")]},
        {"town": "t2", "department": "b", "evaluations": [("2026-11-04", "dissatisfied")]},
    )
    week = Scope(since=SINCE, until=UNTIL)
    frame = measure(edition, "satisfaction_rate", ("town",), week, FULL)
    assert frame[["town", "numerator", "denominator"]].values.tolist() == [
        ["t1", 1, 1],
        ["t2", 0, 1],
    ]
    asked = week.with_filter("department", "b")
    assert measure(edition, "satisfaction_rate", (), asked, FULL)["denominator"].tolist() == [1]
    grant = Grant((("town", "t1"),), None)
    assert measure(edition, "evaluations", (), week, grant)["value"].tolist() == [1]
