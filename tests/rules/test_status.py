"""The status machine and the state of a case at any time."""

from datetime import datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.history import fold
from rules.status import (
    CLOSED,
    CLOSING,
    FLOW,
    KINDS,
    LOOPS,
    OPEN,
    OUTCOMES,
    Loop,
    MoveError,
    Status,
    Step,
    after,
    allowed,
    entered,
    flow_stage,
    is_allowed,
    is_closed,
    is_open,
    move,
    state_at,
    states,
    suspended_between,
)

DAY = datetime(2026, 3, 2, 9)


def at(hours: float) -> datetime:
    return DAY + timedelta(hours=hours)


def history(*kinds: str) -> list[Step]:
    return [Step(kind, at(hour)) for hour, kind in enumerate(kinds)]


STEPS = st.lists(
    st.builds(
        Step,
        kind=st.sampled_from(KINDS),
        at=st.integers(0, 30).map(at),
        seq=st.integers(0, 2),
        department=st.sampled_from([None, "police", "labour"]),
        risk=st.sampled_from([None, "red", "blue"]),
        due_at=st.none() | st.integers(0, 99).map(at),
        outcome=st.sampled_from([None, *OUTCOMES]),
    ),
    max_size=14,
    unique_by=lambda s: (s.at, s.seq, s.kind),
)


def test_the_main_line_of_a_case():
    line = "register accept file dispatch sign respond submit verify close follow_up archive"
    reached = [int(state.status) for _, state in states(history(*line.split()))]
    assert reached == [10, 30, 40, 50, 60, 60, 70, 70, 80, 95, 100]
    status = None
    for kind in line.split():
        status = move(kind, status)


def test_closing_says_how_it_ended():
    ends = {outcome: int(after("close", Status.VERIFYING, outcome)) for outcome in OUTCOMES}
    assert ends == {"resolved": 81, "unresolved": 82, "withdrawn": 83, "judicial": 84}
    assert after("withdraw", Status.HANDLING) == Status.WITHDRAWN


def test_returns_lead_to_the_station_before():
    assert after("return", Status.VERIFYING) == Status.SENT_BACK
    assert after("return", Status.DISPATCHED) == Status.FILED
    assert after("return", Status.ACCEPTED) == Status.WAITING


def test_what_is_not_allowed_is_refused_at_the_desk_but_folded_from_a_source():
    with pytest.raises(MoveError, match="10 不允许步骤 sign"):
        move("sign", Status.REGISTERED)
    assert after("sign", Status.REGISTERED) == Status.HANDLING
    assert allowed(None) == ("register",)
    assert allowed(Status.SUSPENDED) == (
        ("respond", "assist", "extend", "resume", "close", "withdraw", "risk")
    )


def test_a_step_after_t_does_not_exist_and_one_at_t_does():
    steps = history("register", "accept", "close")
    assert state_at(steps, at(-1)) is None
    assert state_at(steps, at(1.9)).status == Status.ACCEPTED
    assert state_at(steps, at(2)).closed_at == at(2)


def test_reopening_undoes_closure():
    steps = [Step("accept", at(0)), Step("close", at(1), outcome="resolved")]
    steps += [Step("reopen", at(2)), Step("close", at(5), outcome="judicial")]
    seen = [state_at(steps, at(h)) for h in (1, 3, 5)]
    assert [s.closed_at for s in seen] == [at(1), None, at(5)]
    assert [s.outcome for s in seen] == ["resolved", None, "judicial"]
    assert [int(s.status) for s in seen] == [81, 88, 84]


def test_a_late_handling_step_does_not_reopen_and_late_intake_does_not_set_back():
    assert state_at(history("accept", "close", "respond"), at(9)).closed_at == at(1)
    assert state_at(history("dispatch", "sign", "accept"), at(9)).status == Status.HANDLING


def test_an_assisting_department_does_not_take_the_case_over():
    steps = [Step("dispatch", at(0), department="labour"), Step("sign", at(1))]
    steps += [Step("assist", at(2), department="police")]
    assert state_at(steps, at(3)).department == "labour"
    steps += [Step("transfer", at(3), department="police")]
    assert state_at(steps, at(3)).department == "police"


def test_an_extension_moves_the_deadline_and_a_risk_step_the_risk():
    steps = [Step("accept", at(0), risk="blue", due_at=at(24)), Step("dispatch", at(1))]
    steps += [Step("extend", at(2), due_at=at(72)), Step("risk", at(3), risk="red")]
    state = state_at(steps, at(4))
    assert (state.due_at, state.risk, state.status) == (at(72), "red", Status.DISPATCHED)


def test_suspended_time_is_counted_within_the_window():
    steps = history("accept", "sign", "suspend", "respond", "resume", "suspend")
    assert suspended_between(steps, at(0), at(10)) == timedelta(hours=2 + 5)
    assert suspended_between(steps, at(3), at(6)) == timedelta(hours=1 + 1)


def test_every_status_is_open_closed_or_rejected():
    assert OPEN | CLOSED | {Status.REJECTED} == set(Status)
    assert not OPEN & CLOSED
    assert (is_open(60), is_open(81), is_closed(81), is_closed(21)) == (True, False, True, False)


def test_every_status_has_one_place_in_the_flow_of_the_wall():
    names = [stage.name for stage in FLOW]
    assert names == ["登记", "受理", "派遣", "签收", "办理", "核查", "办结", "回访"]
    stock = [status for stage in FLOW for status in stage.statuses]
    assert sorted(stock) == sorted(set(Status) - {Status.REJECTED})
    assert flow_stage(Status.REJECTED) == "-"
    assert all((flow_stage(s) in ("closed", "followed_up")) == is_closed(s) for s in Status)
    counts = entered(history("register", "accept", "dispatch", "dispatch"), at(1), at(3))
    assert (counts["registered"], counts["accepted"], counts["dispatched"]) == (0, 1, 1)


def test_loops_name_every_status_in_their_order():
    assert [len(LOOPS[key].steps) for key in LOOPS] == [6, 5, 5, 4]
    six = LOOPS["six_steps"]
    assert [six.label(s) for s in (Status.REGISTERED, Status.SENT_BACK, Status.ARCHIVED)] == [
        "问题上报",
        "调查落实",
        "结案归档",
    ]
    assert all(loop.label(status) for loop in LOOPS.values() for status in Status)
    with pytest.raises(ValueError, match="递增"):
        Loop("坏", (("b", Status.HANDLING), ("a", Status.REGISTERED)))


@settings(max_examples=100)
@given(STEPS, st.integers(-1, 31).map(at), st.randoms())
def test_the_state_at_t_needs_only_the_steps_up_to_t_in_any_order(steps, t, random):
    known = [step for step in steps if step.at <= t]
    random.shuffle(known)
    assert state_at(steps, t) == state_at(known, t)


@settings(max_examples=100)
@given(STEPS)
def test_the_last_closing_or_reopening_step_decides(steps):
    state = state_at(steps, at(99))
    deciding = [s for s, _ in states(steps) if s.kind in CLOSING | {"reopen"}]
    closing = deciding[-1] if deciding and deciding[-1].kind in CLOSING else None
    assert (state.closed_at if state else None) == (closing and closing.at)
    if state:
        assert (state.closed_at is not None) == is_closed(state.status)


@settings(max_examples=100)
@given(STEPS)
def test_the_last_given_risk_and_deadline_are_in_force(steps):
    for _, state in list(states(steps))[-1:]:
        ordered = [s for s, _ in states(steps)]
        assert state.risk == next((s.risk for s in reversed(ordered) if s.risk), None)
        assert state.due_at == next((s.due_at for s in reversed(ordered) if s.due_at), None)


@given(st.sampled_from(KINDS), st.none() | st.sampled_from(Status))
def test_an_allowed_move_is_the_folded_one(kind, status):
    if is_allowed(kind, status):
        assert move(kind, status) == after(kind, status)
    assert isinstance(after(kind, status), Status)


@settings(max_examples=60)
@given(st.lists(STEPS, max_size=4))
def test_folding_columns_equals_folding_each_case(cases):
    fields = ["kind", "at", "seq", "department", "risk", "due_at", "outcome"]
    rows = [
        {"case": f"C{i}", **{f: getattr(step, f) for f in fields}}
        for i, steps in enumerate(cases)
        for step in steps
    ]
    frame = pd.DataFrame(rows, columns=["case", *fields])
    frame = frame.astype({"at": "datetime64[us]", "due_at": "datetime64[us]", "seq": int})
    frame = frame.sample(frac=1, random_state=1)
    folded = fold(frame).astype(object)
    folded = folded.where(folded.notna(), None)
    for i, steps in enumerate(cases):
        mine = folded[folded["case"] == f"C{i}"].to_dict("records")
        expected = list(states(steps))
        assert len(mine) == len(expected)
        for row, (step, state) in zip(mine, expected, strict=True):
            assert (row["kind"], row["at"], row["status"]) == (step.kind, step.at, state.status)
            for field in ("department", "risk", "due_at", "accepted_at", "closed_at", "outcome"):
                assert row[field] == getattr(state, field), field
            reopened = [s for s, _ in expected[: expected.index((step, state)) + 1]]
            assert row["reopen_count"] == [s.kind for s in reopened].count("reopen")


def test_an_unknown_step_is_refused():
    frame = pd.DataFrame({"case": ["a"], "at": [DAY], "seq": [0], "kind": ["fly"]})
    frame = frame.assign(department=None, risk=None, due_at=pd.NaT, outcome=None)
    with pytest.raises(ValueError, match="fly"):
        fold(frame)
