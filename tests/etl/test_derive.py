"""What follows from a case's facts: its steps, its state after each, its risk and its deadlines."""

from datetime import datetime, timedelta

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.editions.tables import create_tables
from data.site import Day, Layer, RiskRule, Site, TimeLimit
from etl.derive import Rules, derive
from rules.deadlines import lamp
from rules.status import KINDS, OUTCOMES, Step, state_at

START = datetime(2026, 11, 2, 8)  # a Monday
SITE = Site(
    name="x",
    title="x",
    zone="Asia/Shanghai",
    levels=(Layer(key="grid", name="格", files=("x",)),),
    risk=(
        RiskRule(id="R1", risk="red", min_people=50, scale=("03",)),
        RiskRule(id="R2", risk="yellow", min_people=10, is_threat=True),
        RiskRule(id="R3", risk="blue", otherwise=True),
    ),
    routing={"red": "county", "yellow": "town", "blue": "village"},
    time_limits=(
        TimeLimit(stage="handle", amount=7, unit="work_days"),
        TimeLimit(stage="handle", amount=48, unit="hours", risk="red"),
        TimeLimit(stage="accept", amount=1, unit="work_days"),
    ),
    calendar=(Day(day="2026-11-05", kind="holiday"), Day(day="2026-11-07", kind="workday")),
)
GIVEN = ("department", "status", "risk", "outcome", "accepted_at", "dispatched_at")
GIVEN += ("responded_at", "closed_at", "accept_due_at", "due_at")


def derived(
    *cases: dict,
    handlings: dict[int, list[Step]] | None = None,
    site: Site = SITE,
    backwards: bool = False,
):
    """The derived rows of `cases` and their steps, for cases as sources deliver them.

    `backwards`: the last handling of each case comes first.
    """
    with duckdb.connect(":memory:") as connection:
        create_tables(connection, site)
        for n, case in enumerate(cases):
            _insert_case(connection, n, case)
            own = list(enumerate((handlings or {}).get(n, [])))
            for number, step in own[::-1] if backwards else own:
                _insert_handling(connection, n, number, step)
        connection.execute("CREATE TEMP TABLE pending AS SELECT * FROM cases")
        derive(connection, Rules(site))
        rows = connection.execute("SELECT * FROM pending ORDER BY case_code").df()
        steps = connection.execute("SELECT * FROM pending_steps ORDER BY case_code, seq").df()
        return _plain(rows), _plain(steps)


def _plain(frame) -> list[dict]:
    records = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return [
        {k: v.to_pydatetime() if hasattr(v, "to_pydatetime") else v for k, v in row.items()}
        for row in records
    ]


def _insert_case(connection, n: int, case: dict) -> None:
    given_values = {name: case.get(name) for name in GIVEN}
    own = {k: v for k, v in case.items() if k not in GIVEN}
    row = {"case_code": f"c{n:04d}", "source": "s", "member": "m", "line": n, "row_hash": "x"}
    row |= {"precision": "second", "reopen_count": 0, "point_quality": "missing"}
    row |= {"is_located": False, "reported_at": START, **own}
    names = ", ".join(f'"{name}"' for name in row)
    marks = ", ".join(f"${name}" for name in row)
    struct = ", ".join(
        f"{name} := ${name}::{'TIMESTAMP' if name.endswith('_at') else 'VARCHAR'}" for name in GIVEN
    )
    connection.execute(
        f"INSERT INTO cases ({names}, given) VALUES ({marks}, struct_pack({struct}))",
        {**row, **given_values},
    )


def _insert_handling(connection, n: int, number: int, step: Step) -> None:
    connection.execute(
        'INSERT INTO handlings (handling_code, source, source_key, case_code, "at", kind,'
        " department, risk, outcome, due_at, precision, row_hash, member, line)"
        " VALUES ($1, 'f', $1, $2, $3, $4, $5, $6, $7, $8, 'second', 'x', 'm', $9)",
        [
            *(f"h{n}-{number}", f"c{n:04d}", step.at, step.kind, step.department),
            *(step.risk, step.outcome, step.due_at, number),
        ],
    )


def one(case: dict, *handlings: Step, site: Site = SITE):
    rows, steps = derived(case, handlings={0: list(handlings)}, site=site)
    return rows[0], steps


def day(n: float) -> datetime:
    return START + timedelta(days=n)


# Steps and states


def test_two_steps_of_one_kind_and_moment_count_once_whichever_came_first():
    sent = [Step("dispatch", day(1), department=to) for to in ("police", "court")]
    results = [
        derived({"accepted_at": day(0)}, handlings={0: sent}, backwards=backwards)
        for backwards in (False, True)
    ]
    assert results[0] == results[1]
    [row], steps = results[0]
    assert row["department"] == "court"
    assert [step["kind"] for step in steps].count("dispatch") == 1


def test_a_step_says_since_when_the_state_before_it_held():
    rows, steps = derived({"accepted_at": day(1), "closed_at": day(4)})
    assert [(step["since"], step["at"]) for step in steps] == [
        (day(0), day(0)),
        (day(0), day(1)),
        (day(1), day(4)),
    ]
    assert rows[0]["last_step_at"] == day(4)


def test_the_columns_of_a_case_tell_its_steps(tmp_path):
    row, steps = one(
        {
            "accepted_at": day(1),
            "dispatched_at": day(2),
            "responded_at": day(3),
            "closed_at": day(4),
            "department": "police",
            "outcome": "resolved",
        }
    )
    assert [(step["seq"], step["kind"], step["at"]) for step in steps] == [
        (1, "register", day(0)),
        (2, "accept", day(1)),
        (3, "dispatch", day(2)),
        (4, "respond", day(3)),
        (5, "close", day(4)),
    ]
    assert [step["status_before"] for step in steps] == [None, "10", "30", "50", "60"]
    assert [step["department_before"] for step in steps] == [None, None, None, "police", "police"]
    assert (row["status"], row["outcome"], row["closed_at"]) == ("81", "resolved", day(4))
    assert row["department"] == "police"


def test_a_case_not_accepted_yet_is_registered():
    row, steps = one({})
    assert (row["status"], row["accepted_at"], [step["kind"] for step in steps]) == (
        *("10", None),
        ["register"],
    )


def test_closed_before_accepted_stays_closed():
    row, steps = one({"accepted_at": day(2), "closed_at": day(1)})
    assert (row["status"], row["closed_at"], row["accepted_at"]) == ("80", day(1), day(2))
    assert [step["kind"] for step in steps] == ["register", "close", "accept"]


def test_the_status_of_the_source_counts_where_it_agrees_with_the_steps():
    assert one({"accepted_at": day(1), "status": "63"})[0]["status"] == "63"
    assert one({"accepted_at": day(1), "status": "80"})[0]["status"] == "30"
    assert one({"accepted_at": day(1), "closed_at": day(2), "status": "60"})[0]["status"] == "80"


def test_reopened_it_is_open_again_and_counts_how_often():
    row, steps = one(
        {"accepted_at": day(1), "closed_at": day(2), "outcome": "resolved"},
        Step("reopen", day(3)),
        Step("close", day(4), outcome="unresolved"),
        Step("reopen", day(5)),
    )
    assert (row["status"], row["closed_at"], row["outcome"], row["reopen_count"]) == (
        *("88", None, None, 2),
    )
    assert [step["closed_before"] for step in steps[-2:]] == [None, day(4)]


def test_a_delivered_step_counts_before_the_column_that_tells_of_it():
    row, steps = one(
        {"accepted_at": day(1), "dispatched_at": day(2), "department": "police"},
        Step("dispatch", day(1.5), department="court"),
        Step("transfer", day(3), department="police"),
    )
    assert [step["kind"] for step in steps] == ["register", "accept", "dispatch", "transfer"]
    assert [step["department_before"] for step in steps] == [None, None, None, "court"]
    assert row["department"] == "police"


def test_withdrawn_is_an_end_of_its_own():
    row, _ = one({"accepted_at": day(1)}, Step("withdraw", day(2)))
    assert (row["status"], row["outcome"], row["closed_at"]) == ("83", "withdrawn", day(2))


STEPS = st.lists(
    st.builds(
        Step,
        st.sampled_from([kind for kind in KINDS if kind not in ("register", "accept")]),
        st.integers(0, 60).map(lambda hours: START + timedelta(hours=hours, minutes=30)),
        department=st.sampled_from([None, "police", "court"]),
        risk=st.sampled_from([None, "red", "yellow"]),
        due_at=st.sampled_from([None, day(9), day(20)]),
        outcome=st.sampled_from([None, *OUTCOMES]),
    ),
    max_size=6,
    unique_by=lambda step: (step.kind, step.at),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, min_size=1, max_size=4))
def test_the_state_at_any_time_is_that_of_the_fold(histories):
    """`*_before` of the first step after T, or the row itself: the same as folding up to T."""
    bare = SITE.model_copy(update={"time_limits": (), "risk": ()})
    case = {"accepted_at": START, "department": "police", "risk": "blue"}
    rows, steps = derived(*[case] * len(histories), handlings=dict(enumerate(histories)), site=bare)
    for n, (row, history) in enumerate(zip(rows, histories, strict=True)):
        own = [step for step in steps if step["case_code"] == f"c{n:04d}"]
        hands_over = any(s.kind in ("dispatch", "transfer") and s.department for s in history)
        first = Step("register", START, 0, None if hands_over else "police", "blue")
        oracle = [first, Step("accept", START), *history]
        for hours in (0, 1, 7, 30, 61):
            at = START + timedelta(hours=hours)
            found = _state(row, own, at)
            wanted = state_at(oracle, at)
            assert wanted is not None
            assert found == (
                *(str(int(wanted.status)), wanted.risk, wanted.outcome),
                *(wanted.closed_at, wanted.due_at),
            )
            if hours < 61:  # nobody's at first is, in the end, the source's department
                held = next((s for s in own if s["at"] > at), None)
                assert held is None or held["department_before"] == wanted.department


def _state(row: dict, steps: list[dict], at: datetime) -> tuple:
    later = next((step for step in steps if step["at"] > at), None)
    names = ("status", "risk", "outcome", "closed_at", "due_at")
    if later is None:
        return tuple(row[name] for name in names)
    befores = ("status_before", "risk_before", "outcome_before", "closed_before", "due_before")
    return tuple(later[name] for name in befores)


# Risk


@pytest.mark.parametrize(
    ("facts", "risk", "rule", "level"),
    [
        ({"people_involved": 50}, "red", "R1", "county"),
        ({"people_involved": 49}, "yellow", "R2", "town"),
        ({"people_involved": 9, "scale": "03"}, "red", "R1", "county"),
        ({"people_involved": 2, "is_threat": True}, "yellow", "R2", "town"),
        ({"people_involved": 9}, "blue", "R3", "village"),
        ({}, None, None, None),
        ({"people_involved": 50, "risk": "blue"}, "blue", None, "village"),
        ({"people_involved": 50, "risk": "green"}, "green", None, None),
    ],
)
def test_the_risk_is_the_source_s_or_the_first_rule_s(facts, risk, rule, level):
    row, _ = one({"accepted_at": day(1), **facts})
    assert (row["risk"], row["risk_rule"], row["handling_level"]) == (risk, rule, level)


def test_a_changed_risk_is_no_longer_the_rule_s():
    step = Step("risk", day(2), risk="red")
    row, steps = one({"accepted_at": day(1), "people_involved": 5}, step)
    assert (row["risk"], row["risk_rule"], row["handling_level"]) == ("red", None, "county")
    assert (steps[-1]["risk_before"], steps[-1]["handling_before"]) == ("blue", "village")


def test_without_rules_and_routing_nothing_is_invented():
    bare = SITE.model_copy(update={"risk": (), "routing": {}})
    row, _ = one({"accepted_at": day(1), "people_involved": 50}, site=bare)
    assert (row["risk"], row["risk_rule"], row["handling_level"]) == (None, None, None)


# Deadlines


def test_the_deadline_counts_work_days_from_acceptance():
    """Monday 2nd plus 7 work days: not Thursday (holiday) but Saturday (worked) counts."""
    row, _ = one({"accepted_at": day(0), "people_involved": 5})
    assert row["due_at"] == datetime(2026, 11, 11, 8)
    assert row["warn_at"] == datetime(2026, 11, 7, 8)  # 4 of 7
    assert row["accept_due_at"] == datetime(2026, 11, 3, 8)


def test_the_deadline_of_a_red_case_counts_hours():
    row, _ = one({"accepted_at": day(0), "people_involved": 60})
    assert row["due_at"] == START + timedelta(hours=48)
    assert row["warn_at"] == START + timedelta(hours=33, minutes=36)


def test_the_source_s_own_deadline_counts_before_ours():
    row, _ = one({"accepted_at": day(0), "due_at": day(10), "accept_due_at": day(5)})
    assert (row["due_at"], row["warn_at"], row["accept_due_at"]) == (day(10), day(7), day(5))


def test_an_extended_deadline_holds_from_then_on():
    row, steps = one(
        {"accepted_at": day(0), "people_involved": 5}, Step("extend", day(3), due_at=day(20))
    )
    assert (row["due_at"], row["warn_at"]) == (day(20), day(14))
    assert steps[-1]["due_before"] == datetime(2026, 11, 11, 8)
    assert steps[-1]["warn_before"] == datetime(2026, 11, 7, 8)


def test_a_case_that_nobody_accepted_has_no_deadline_yet():
    row, _ = one({"people_involved": 5})
    assert (row["due_at"], row["warn_at"]) == (None, None)
    assert row["accept_due_at"] == datetime(2026, 11, 3, 8)


def test_the_lamp_turns_with_the_derived_times():
    row, _ = one({"accepted_at": day(0), "people_involved": 60})
    times = [START, row["warn_at"], row["due_at"], row["due_at"] + timedelta(seconds=1)]
    shown = [str(lamp(t, row["due_at"], row["warn_at"], None)) for t in times]
    assert shown == ["green", "yellow", "yellow", "red"]


def test_a_hundred_cases_at_once_are_a_hundred_alone():
    cases = [
        {"accepted_at": day(n % 5), "people_involved": n, "closed_at": day(9) if n % 3 else None}
        for n in range(100)
    ]
    rows, steps = derived(*cases)
    for n in (0, 1, 49, 50, 99):
        alone, own = one(cases[n])
        assert rows[n] | {"case_code": "", "line": 0} == alone | {"case_code": "", "line": 0}
        assert len([step for step in steps if step["case_code"] == f"c{n:04d}"]) == len(own)
