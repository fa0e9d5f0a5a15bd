"""Laws that every number obeys on any edition; the state at T against the status machine's fold."""

from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.indicators import INDICATORS
from data.measure import measure
from data.scope import Grant, Scope
from rules.status import KINDS, Status, state_at, states
from tests.data.given import UNTIL, moment, steps_of
from tests.data.given import given as edition_of

FULL = Grant.full()
START = datetime(2026, 10, 20)
HOURS = st.integers(0, 20 * 24)
ADDITIVE = [key for key, indicator in INDICATORS.items() if indicator.is_additive]
few = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


def hours(number: int) -> datetime:
    return START + timedelta(hours=number)


@st.composite
def steps(draw, accepted: int) -> dict:
    kind = draw(st.sampled_from([k for k in KINDS if k not in ("register", "accept")]))
    step = {"kind": kind, "at": hours(accepted + draw(st.integers(0, 15 * 24)))}
    step["seq"] = draw(st.integers(1, 9))
    step["department"] = draw(st.sampled_from([None, "a", "b"]))
    step["risk"] = draw(st.sampled_from([None, None, "red"]))
    if kind == "extend":
        step["due_at"] = hours(draw(HOURS))
    if kind == "close":
        step["outcome"] = draw(st.sampled_from([None, "resolved", "unresolved"]))
    return step


@st.composite
def cases(draw) -> dict:
    accepted = draw(HOURS)
    case = {
        "reported_at": hours(accepted - draw(st.integers(0, 5))),
        "accepted_at": hours(accepted),
        "accept_due_at": hours(accepted + draw(st.integers(-4, 4))),
        "happened_at": hours(accepted - draw(st.integers(0, 60))),
        "due_at": draw(st.none() | HOURS.map(hours)),
        "department": draw(st.sampled_from([None, "a", "b"])),
        "risk": draw(st.sampled_from([None, "red", "blue"])),
        "kind": draw(st.sampled_from(["dispute", "event"])),
        "town": draw(st.sampled_from([None, "t1", "t2"])),
        "precision": draw(st.sampled_from(["second", "second", "day", "month"])),
        "steps": draw(st.lists(steps(accepted), max_size=5)),
    }
    times = st.none() | HOURS.map(hours)
    results = st.sampled_from([None, "stable", "unreached"])
    follow_up = st.tuples(HOURS.map(hours), times, results, times)
    said = st.sampled_from(["satisfied", "fair", "dissatisfied", "none"])
    case["follow_ups"] = draw(st.lists(follow_up, max_size=2))
    case["evaluations"] = draw(st.lists(st.tuples(HOURS.map(hours), said, times), max_size=2))
    case["withdrawn_at"] = draw(st.none() | st.none() | HOURS.map(hours))
    return case


editions = st.lists(cases(), max_size=7)


@st.composite
def scopes(draw) -> Scope:
    since, until = sorted(draw(st.lists(HOURS, min_size=2, max_size=2, unique=True)))
    as_of = draw(st.none() | HOURS.map(hours))
    window = Scope(since=hours(since), until=hours(until), as_of=as_of)
    return draw(st.sampled_from([window, window, Scope(as_of=as_of)]))


def parts(edition, key, by=(), scope=None, grant=FULL) -> dict:
    frame = measure(edition, key, by, scope or Scope(), grant)
    codes = frame[by[0]] if by else ["all"]
    sides = frame[["numerator", "denominator"]].astype(float).fillna(0).itertuples(index=False)
    return dict(zip(codes, (tuple(side) for side in sides), strict=True))


# The oracle: plain Python over the fold of the steps up to T.


def at_time(case: dict, as_of: datetime, data_time: datetime):
    """The state of a case at T, None where it does not exist or is withdrawn."""
    withdrawn = case["withdrawn_at"]
    if withdrawn and (withdrawn <= as_of or as_of >= data_time):
        return None
    state = state_at([s for s in steps_of(case) if s.at <= data_time], as_of)
    return state if moment(case["reported_at"]) <= as_of else None


def is_open(case: dict, state, as_of: datetime) -> bool:
    return case["accepted_at"] <= as_of and not state.closed_at and state.status != Status.REJECTED


def expected(given_cases: list[dict], scope: Scope, key: str) -> tuple[int, int]:
    as_of = scope.as_of or UNTIL
    since, until = scope.since or START - timedelta(9), scope.until or datetime.max
    n = d = 0
    for case in given_cases:
        state = at_time(case, as_of, UNTIL)
        if state is None:
            continue
        accepted = case["accepted_at"] if case["accepted_at"] <= as_of else None
        is_new = accepted is not None and since <= accepted < until
        due, closed = state.due_at, state.closed_at
        said = [e for e in case["evaluations"] if e[0] <= as_of and there(e[2], as_of)]
        said = [e for e in said if e[1] != "none"]
        decided = closed is not None and since <= closed < until and case["kind"] == "dispute"
        match key:
            case "closure_rate":
                d += is_new
                n += is_new and closed is not None
            case "late_rate":
                d += is_new and due is not None
                n += is_new and due is not None and (closed or as_of) > due
            case "on_time_closure_rate":
                is_due = due is not None and since <= due < until and due < as_of
                d += is_due
                n += is_due and closed is not None and closed <= due
            case "overdue_open_rate":
                d += is_open(case, state, as_of)
                n += is_open(case, state, as_of) and due is not None and due < as_of
            case "on_time_share_of_closed":
                is_closed = closed is not None and since <= closed < until
                d += is_closed
                n += is_closed and due is not None and closed <= due
            case "resolution_rate":
                d += is_new and case["kind"] == "dispute"
                n += is_new and case["kind"] == "dispute" and state.outcome == "resolved"
            case "mediation_success_rate":
                d += decided and state.outcome in ("resolved", "unresolved")
                n += decided and state.outcome == "resolved"
            case "evaluation_rate":
                is_closed = closed is not None and since <= closed < until
                d += is_closed
                n += is_closed and bool(said)
            case "satisfaction_rate":
                within = [e[1] for e in said if since <= e[0] < until]
                d += len(within)
                n += len([e for e in within if e != "dissatisfied"])
            case "follow_up_rate":
                for due, done, result, withdrawn in case["follow_ups"]:
                    is_due = since <= due < until and due <= as_of and there(withdrawn, as_of)
                    d += is_due
                    n += is_due and done is not None and done <= due and result != "unreached"
    return n, d


def there(withdrawn: datetime | None, as_of: datetime) -> bool:
    """Whether what was withdrawn at a time is there at T; of the newest state all is gone."""
    return withdrawn is None or (as_of < withdrawn and as_of < UNTIL)


def resolutions(case: dict, as_of: datetime) -> list[tuple[datetime, datetime | None]]:
    """When a dispute was resolved, each with when it was opened again."""
    found, before = [], None
    for step, state in states(s for s in steps_of(case) if s.at <= as_of):
        if before and before.closed_at and before.outcome == "resolved" and not state.closed_at:
            found.append((before.closed_at, step.at))
        before = state
    if before and before.closed_at and before.outcome == "resolved":
        found.append((before.closed_at, None))
    return found if case["kind"] == "dispute" else []


FOLDED = (
    "mediation_success_rate",
    "evaluation_rate",
    "satisfaction_rate",
    "follow_up_rate",
    "closure_rate",
    "late_rate",
    "on_time_closure_rate",
    "overdue_open_rate",
    "on_time_share_of_closed",
    "resolution_rate",
)


@few
@given(editions, scopes())
def test_a_number_at_any_time_is_that_of_the_folded_steps(some, scope):
    edition = edition_of(*some)
    for key in FOLDED:
        assert parts(edition, key, (), scope)["all"] == expected(some, scope, key), key


@few
@given(editions, scopes())
def test_the_state_at_any_time_is_that_of_the_folded_steps(some, scope):
    edition, as_of = edition_of(*some), scope.as_of or UNTIL
    states = [(case, at_time(case, as_of, UNTIL)) for case in some]
    held = [s for case, s in states if s and is_open(case, s, as_of)]
    for by, read in (("department", lambda s: s.department), ("risk", lambda s: s.risk)):
        codes = [read(state) or "-" for state in held]
        found = {code: n for code, (n, _) in parts(edition, "open", (by,), scope).items()}
        assert found == {code: codes.count(code) for code in codes}
    statuses = [str(int(state.status)) for state in held]
    found = {code: n for code, (n, _) in parts(edition, "open", ("status",), scope).items()}
    assert found == {code: statuses.count(code) for code in statuses}


LONG = timedelta(days=90)


@few
@given(st.lists(cases().filter(lambda case: unique_steps(case)), max_size=7), scopes())
def test_rebounds_are_those_of_the_resolutions_one_by_one(some, scope):
    """All 90 days later: then the resolutions of the drawn weeks are judged."""
    later = {
        "since": scope.since and scope.since + LONG,
        "until": scope.until and scope.until + LONG,
    }
    now = scope.narrowed(**later, as_of=scope.as_of and scope.as_of + LONG)
    edition = edition_of(*some, data_time=UNTIL + LONG)
    assert parts(edition, "rebound_rate", (), now)["all"] == rebounds(some, now)


def rebounds(given_cases: list[dict], scope: Scope) -> tuple[int, int]:
    as_of = scope.as_of or UNTIL + LONG
    since, until = scope.since or datetime.min, scope.until or datetime.max
    n = d = 0
    for case in given_cases:
        if at_time(case, as_of, UNTIL + LONG) is None:
            continue
        for closed, reopened in resolutions(case, as_of):
            ends = closed + LONG
            is_watched = since <= ends < until and ends <= as_of
            d += is_watched
            n += is_watched and reopened is not None and reopened <= ends
    return n, d


def flow(given_cases: list[dict], scope: Scope) -> tuple[int, int]:
    """K03b by hand."""
    as_of = scope.as_of or UNTIL
    since, until = scope.since or START - timedelta(9), scope.until or datetime.max
    n = d = 0
    for case in given_cases:
        if at_time(case, as_of, UNTIL) is None or case["accepted_at"] > as_of:
            continue
        d += since <= case["accepted_at"] < until
        if case["accepted_at"] < since:
            before = state_at(steps_of(case), min(since - timedelta(0, 0, 1), as_of))
            d += before is not None and is_open(case, before, as_of)
        for step in steps_of(case):
            was = state_at([s for s in steps_of(case) if order(s) < order(step)], as_of)
            if not since <= step.at < until or step.at > as_of or was is None:
                continue
            closes = step.kind in ("close", "withdraw") and step.at >= case["accepted_at"]
            n += closes and was.closed_at is None
            d += step.kind == "reopen" and was.closed_at is not None
    return n, d


def order(step):
    return step.at, step.seq, KINDS.index(step.kind)


def unique_steps(case: dict) -> bool:
    places = [order(step) for step in steps_of(case)]
    return len(set(places)) == len(places)


@few
@given(st.lists(cases().filter(unique_steps), max_size=7), scopes())
def test_the_flow_rate_is_that_of_the_steps_one_by_one(some, scope):
    found = parts(edition_of(*some), "closure_flow_rate", (), scope)["all"]
    assert found == flow(some, scope)


@few
@given(editions, scopes(), st.sampled_from(["department", "town", "lamp", "day", "week", "status"]))
def test_groups_add_up_to_the_total(some, scope, by):
    edition = edition_of(*some)
    for key in ADDITIVE:
        if INDICATORS[key].kind == "per_population":
            continue
        total = parts(edition, key, (), scope)["all"]
        groups = parts(edition, key, (by,), scope).values()
        assert tuple(map(sum, zip(*groups, strict=True))) == pytest.approx(total) or not groups


@few
@given(editions, scopes(), st.sampled_from(["department", "town", "lamp", "month", "hour"]))
def test_a_filter_gives_what_its_group_gives(some, scope, by):
    edition = edition_of(*some)
    for key in ("accepted", "closure_rate", "open", "on_time_closure_rate", "reopened"):
        for code, group in parts(edition, key, (by,), scope).items():
            assert parts(edition, key, (), scope.with_filter(by, code))["all"] == group


PARTS_OF_A_WHOLE = ("closure_rate", "closure_flow_rate", "on_time_closure_rate")
PARTS_OF_A_WHOLE += ("overdue_open_rate", "rebound_rate", "follow_up_rate", "satisfaction_rate")
PARTS_OF_A_WHOLE += ("evaluation_rate", "mediation_success_rate", "grassroots_resolution_rate")


@few
@given(editions, scopes())
def test_rates_that_are_parts_of_a_whole_never_exceed_1(some, scope):
    edition = edition_of(*some)
    for key in PARTS_OF_A_WHOLE:
        for by in ((), ("department",), ("town",)):
            assert all(n <= d for n, d in parts(edition, key, by, scope).values()), key


@few
@given(editions, scopes(), st.sampled_from(["t1", "t2", "nowhere"]))
def test_a_grant_never_shows_what_lies_outside(some, scope, town):
    edition = edition_of(*some)
    grant = Grant(regions=(("town", town),), departments=("a",))
    for key in ("accepted", "open", "closure_rate", "arrivals"):
        seen = parts(edition, key, ("town",), scope, grant)
        assert set(seen) <= {town}
        assert set(parts(edition, key, ("department",), scope, grant)) <= {"a"}
        asked = scope.narrowed(regions=(("town", town),), where=(("department", "a"),))
        assert seen == parts(edition, key, ("town",), asked)


HOSTILE = [
    "' OR 1=1 --",
    "x'; DROP TABLE cases; --",
    '"',
    "$as_of",
    "%",
    "\\",
    "'''",
    "{at}",
    "-- ",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_people_type_is_only_ever_a_value(text):
    edition = edition_of({"town": "t1"}, {"town": "t2"})
    for by in ("town", "department", "lamp", "day", "located", "source"):
        assert parts(edition, "accepted", (), Scope(where=((by, text),)))["all"][0] == 0
        assert parts(edition, "accepted", (), grant=Grant(((by, text),), None))["all"][0] == 0
    assert parts(edition, "accepted", (), grant=Grant(None, (text,)))["all"][0] == 0
    assert parts(edition, "accepted")["all"][0] == 2


@few
@given(st.text(min_size=1, max_size=30))
def test_any_text_as_a_filter_leaves_the_table_as_it_is(text):
    if "\0" in text:
        return
    edition = edition_of({"town": "t1"})
    found = parts(edition, "accepted", (), Scope(regions=(("town", text),)))["all"][0]
    assert found == (text == "t1")
    assert parts(edition, "accepted")["all"][0] == 1
