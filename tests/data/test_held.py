"""Since when the level that handles a case has had it: accepted, routed anew, reopened."""

from datetime import datetime

import duckdb
import pandas as pd
import pytest

from data.editions.edition import Edition, memory_edition
from data.editions.tables import create_tables
from data.held import held_cases, longest_held
from data.scope import Grant, Scope
from data.wall_views import create_wall_views
from tests.data.given import SITE, UNTIL, fill

RED = {"kind": "risk", "at": "2026-11-05 09:00", "risk": "red"}
ROUTED = "CASE {} WHEN 'red' THEN 'county' WHEN 'yellow' THEN 'town' WHEN 'blue' THEN 'village' END"


def routed(*cases: dict) -> Edition:
    """The cases of `given`, each risk with the level that it is routed to, as the load does."""
    connection = duckdb.connect(":memory:")
    create_tables(connection, SITE)
    fill(connection, *cases)
    connection.execute(f"UPDATE cases SET handling_level = {ROUTED.format('risk')}")
    connection.execute(f"UPDATE steps SET handling_before = {ROUTED.format('risk_before')}")
    create_wall_views(connection, SITE)
    return memory_edition(connection, SITE, data_time=UNTIL)


def since(edition: Edition, at: datetime | None = None, grant: Grant | None = None) -> list[str]:
    frame = held_cases(edition, Scope(as_of=at), grant or Grant.full()).sort_values("case_code")
    return [f"{row['handling_level']} {row['since']:%m-%d %H}" for row in frame.to_dict("records")]


def test_a_level_has_a_case_since_it_was_accepted():
    case = {"risk": "blue", "reported_at": "2026-11-02", "accepted_at": "2026-11-03 10:00"}
    assert since(routed(case)) == ["village 11-03 10"]


def test_a_step_that_changes_the_risk_hands_it_to_another_level():
    assert since(routed({"risk": "blue", "steps": [RED]})) == ["county 11-05 09"]


def test_a_risk_that_is_given_late_counts_from_then():
    assert since(routed({"steps": [RED]})) == ["county 11-05 09"]


def test_a_step_that_leaves_it_at_its_level_changes_nothing():
    steps = [RED, {**RED, "at": "2026-11-07"}, ("dispatch", "2026-11-08")]
    assert since(routed({"risk": "blue", "steps": steps})) == ["county 11-05 09"]


def test_a_reopened_case_counts_from_its_reopening():
    steps = [("close", "2026-11-04"), ("reopen", "2026-11-06 08:00")]
    assert since(routed({"risk": "red", "steps": steps})) == ["county 11-06 08"]


def test_of_a_past_time_only_what_had_happened_counts():
    edition = routed({"risk": "blue", "steps": [RED]})
    assert since(edition, datetime(2026, 11, 4)) == ["village 11-02 00"]
    assert since(edition, datetime(2026, 11, 5, 9)) == ["county 11-05 09"]


def test_what_is_not_open_is_held_by_nobody():
    assert since(routed({"risk": "red", "closed_at": "2026-11-04"})) == []


@pytest.mark.parametrize("only", [[], ["c00002"], ["c00002", "none"]])
def test_of_a_few_cases_only_these_are_answered(only: list[str]):
    edition = routed({"risk": "red"}, {"risk": "blue", "steps": [RED]})
    frame = held_cases(edition, Scope(), Grant.full(), only)
    assert frame["case_code"].tolist() == only[:1]
    assert list(frame["since"]) == [pd.Timestamp("2026-11-05 09:00")] * len(only[:1])


@pytest.mark.parametrize("grant", [Grant.full(), Grant.wall()])
def test_of_each_level_the_one_that_it_has_had_longest(grant: Grant):
    edition = routed(
        {"risk": "red", "accepted_at": "2026-11-04"},
        {"risk": "red", "accepted_at": "2026-11-03"},
        {"risk": "yellow", "accepted_at": "2026-11-05"},
        {"accepted_at": "2026-11-06"},
    )
    frame = longest_held(edition, Scope(), grant)
    assert frame.values.tolist() == [
        ["-", "-", pd.Timestamp("2026-11-06")],
        ["red", "county", pd.Timestamp("2026-11-03")],
        ["yellow", "town", pd.Timestamp("2026-11-05")],
    ]
