"""The status machine of a case: which step leads where, and its state at any time from its steps.

The codes are canonical (DOMAIN 2.4); what a centre calls them is a `Loop`, declared per site. The
desk asks `move`, which refuses what is not allowed. The statistics ask `state_at`, which takes
every step that a source delivers, because an irregular step is a fact too; it is the oracle of the
queries written elsewhere. In short, over the steps up to T in order of (at, seq):

* the last of `close`, `withdraw` and `reopen` decides whether the case is closed, when and how;
* the last department named by a step that hands the case on (HANDING) holds it;
* the last risk and the last deadline that any step gives are in force.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum


class Status(IntEnum):
    REGISTERED = 10
    WAITING = 20
    REJECTED = 21
    ACCEPTED = 30
    FILED = 40
    DISPATCHED = 50
    HANDLING = 60
    ASSISTED = 61
    EXTENDED = 62
    SUSPENDED = 63
    VERIFYING = 70
    SENT_BACK = 71
    CLOSED = 80
    RESOLVED = 81
    UNRESOLVED = 82
    WITHDRAWN = 83
    JUDICIAL = 84
    REOPENED = 88
    TO_FOLLOW_UP = 90
    FOLLOWED_UP = 95
    ARCHIVED = 100


S = Status
CLOSED = frozenset(
    {S.CLOSED, S.RESOLVED, S.UNRESOLVED, S.WITHDRAWN, S.JUDICIAL, S.TO_FOLLOW_UP}
    | {S.FOLLOWED_UP, S.ARCHIVED}
)
OPEN = frozenset(set(Status) - CLOSED - {S.REJECTED})
OUTCOMES = {
    "resolved": S.RESOLVED,
    "unresolved": S.UNRESOLVED,
    "withdrawn": S.WITHDRAWN,
    "judicial": S.JUDICIAL,
}

_UNACCEPTED = {S.REGISTERED, S.WAITING}
_AT_WORK = {S.HANDLING, S.ASSISTED, S.EXTENDED, S.SENT_BACK, S.REOPENED}
_ACCEPTED = OPEN - _UNACCEPTED

# The allowed moves: kind of step -> (statuses it starts from, where it leads; None = stays there).
# `register` starts from nothing. Kinds in the order in which they follow each other at one moment.
MOVES: Mapping[str, tuple[tuple[frozenset[Status], Status | None], ...]] = {
    "register": ((frozenset(), S.REGISTERED),),
    "accept": ((frozenset(_UNACCEPTED | {S.REJECTED}), S.ACCEPTED),),
    "reject": ((frozenset(_UNACCEPTED | {S.ACCEPTED, S.FILED}), S.REJECTED),),
    "file": ((frozenset({S.ACCEPTED, S.REOPENED}), S.FILED),),
    "dispatch": ((frozenset({S.ACCEPTED, S.FILED, S.REOPENED}), S.DISPATCHED),),
    "sign": ((frozenset({S.DISPATCHED}), S.HANDLING),),
    "respond": (
        (frozenset({S.DISPATCHED, S.HANDLING, S.SENT_BACK, S.REOPENED}), S.HANDLING),
        (frozenset({S.ASSISTED, S.EXTENDED, S.SUSPENDED}), None),
    ),
    "transfer": ((frozenset(_AT_WORK | {S.DISPATCHED}), S.DISPATCHED),),
    "assist": (
        (frozenset(_AT_WORK), S.ASSISTED),
        (frozenset({S.SUSPENDED}), None),
    ),
    "extend": (
        (frozenset(_AT_WORK), S.EXTENDED),
        (frozenset({S.DISPATCHED, S.SUSPENDED}), None),
    ),
    "suspend": ((frozenset(_AT_WORK), S.SUSPENDED),),
    "resume": ((frozenset({S.SUSPENDED}), S.HANDLING),),
    "submit": ((frozenset(_AT_WORK), S.VERIFYING),),
    "verify": ((frozenset({S.VERIFYING}), None),),
    "return": (
        (frozenset({S.VERIFYING}), S.SENT_BACK),  # 验证不通过
        (frozenset(_AT_WORK | {S.DISPATCHED}), S.FILED),  # 退单
        (frozenset({S.ACCEPTED, S.FILED}), S.WAITING),
    ),
    "close": ((frozenset(_ACCEPTED), S.CLOSED),),
    "withdraw": ((frozenset(OPEN), S.WITHDRAWN),),
    "reopen": ((frozenset(CLOSED - {S.ARCHIVED}), S.REOPENED),),
    "follow_up": ((frozenset(CLOSED - {S.ARCHIVED}), S.FOLLOWED_UP),),
    "archive": ((frozenset(CLOSED - {S.ARCHIVED}), S.ARCHIVED),),
    "risk": ((frozenset(Status), None),),
}
KINDS = tuple(MOVES)
CLOSING = frozenset({"close", "withdraw"})
HANDING = frozenset(KINDS) - {"assist", "extend", "verify", "risk", "follow_up", "archive"}

# Late arrivals of these set an open case that is further on back to nothing.
_INTAKE = frozenset({"register", "accept", "file"})
_ONLY_WHEN_CLOSED = frozenset({"follow_up", "archive"})


class MoveError(ValueError):
    """A step that is not allowed from the status the case is in."""


@dataclass(frozen=True)
class Step:
    """One thing that happened to a case. Empty fields change nothing.

    Order is by `at`, then `seq`, then the order of KINDS. `outcome` belongs to `close`.
    """

    kind: str
    at: datetime
    seq: int = 0
    department: str | None = None
    risk: str | None = None
    due_at: datetime | None = None
    outcome: str | None = None


@dataclass(frozen=True)
class State:
    """What holds for a case at a time. `closed_at` is set exactly while `is_closed(status)`."""

    status: Status
    department: str | None = None
    risk: str | None = None
    due_at: datetime | None = None
    accepted_at: datetime | None = None
    closed_at: datetime | None = None
    outcome: str | None = None


def state_at(steps: Iterable[Step], at: datetime) -> State | None:
    """The state at `at` by the steps up to and with it, in any order; None before the first."""
    state = None
    for _, after_step in states(step for step in steps if step.at <= at):
        state = after_step
    return state


def states(steps: Iterable[Step]) -> Iterator[tuple[Step, State]]:
    """Each step in order with the state that it leads to."""
    state = None
    for step in sorted(steps, key=lambda s: (s.at, s.seq, KINDS.index(s.kind))):
        state = _next(state, step)
        yield step, state


def after(kind: str, current: Status | None, outcome: str | None = None) -> Status:
    """The status after a step, allowed or not; None = the case had no step yet.

    Not allowed, but delivered: a closed case stays closed until a `reopen`, closing it again
    replaces its outcome; an open one is not set back by intake steps, and not closed by a follow-up
    or an archiving; any other step leads to where it usually leads.
    """
    if is_allowed(kind, current):
        landing = _landing(kind, current)
    elif current in CLOSED:
        landing = MOVES[kind][0][1] if kind in CLOSING | {"reopen"} else current
    elif kind in _ONLY_WHEN_CLOSED:
        landing = current
    elif kind in _INTAKE and current is not None:
        landing = max(current, MOVES[kind][0][1] or current)
    else:
        landing = MOVES[kind][0][1] or current
    if kind == "close" and outcome:
        return OUTCOMES[outcome]
    return landing or Status.REGISTERED


def move(kind: str, current: Status | None, outcome: str | None = None) -> Status:
    """The status after an allowed step; MoveError if it is not allowed."""
    if not is_allowed(kind, current):
        raise MoveError(f"当前状态 {current and int(current)} 不允许步骤 {kind}")
    return after(kind, current, outcome)


def is_allowed(kind: str, current: Status | None) -> bool:
    """Whether the desk may take this step from this status."""
    if current is None:
        return kind == "register"
    return any(current in origins for origins, _ in MOVES[kind])


def allowed(current: Status | None) -> tuple[str, ...]:
    """The kinds of step that may be taken from a status."""
    return tuple(kind for kind in KINDS if is_allowed(kind, current))


def is_open(status: int) -> bool:
    """Still to be dealt with: registered or further, neither rejected nor closed."""
    return status in OPEN


def is_closed(status: int) -> bool:
    """办结, whatever the outcome; a rejected case is neither open nor closed."""
    return status in CLOSED


def suspended_between(steps: Iterable[Step], since: datetime, until: datetime) -> timedelta:
    """How long the case was suspended (挂起) within [since, until)."""
    suspended, began = timedelta(), None
    for step, state in states(step for step in steps if step.at < until):
        if began is not None:
            suspended += max(step.at - max(began, since), timedelta())
        began = step.at if state.status == Status.SUSPENDED else None
    return suspended + (max(until - max(began, since), timedelta()) if began else timedelta())


def _landing(kind: str, current: Status | None) -> Status | None:
    if current is None:
        return MOVES[kind][0][1]
    return next(to or current for origins, to in MOVES[kind] if current in origins)


def _next(state: State | None, step: Step) -> State:
    status = after(step.kind, state and state.status, step.outcome)
    state = replace(state, status=status) if state else State(status)
    if step.kind in HANDING and step.department:
        state = replace(state, department=step.department)
    if step.kind == "accept" and state.accepted_at is None:
        state = replace(state, accepted_at=step.at)
    if step.kind in CLOSING:
        outcome = "withdrawn" if step.kind == "withdraw" else step.outcome
        state = replace(state, closed_at=step.at, outcome=outcome)
    if step.kind == "reopen":
        state = replace(state, closed_at=None, outcome=None)
    return replace(state, risk=step.risk or state.risk, due_at=step.due_at or state.due_at)


@dataclass(frozen=True)
class FlowStage:
    """One stage of today's flow: a step of `kind` enters it, cases of `statuses` are in it."""

    key: str
    name: str
    kind: str
    statuses: tuple[Status, ...]


# The flow on the wall (DOMAIN 4.1). A signed case is at once being handled, so 签收 has no stock.
FLOW = (
    FlowStage("registered", "登记", "register", (S.REGISTERED, S.WAITING)),
    FlowStage("accepted", "受理", "accept", (S.ACCEPTED, S.FILED)),
    FlowStage("dispatched", "派遣", "dispatch", (S.DISPATCHED,)),
    FlowStage("signed", "签收", "sign", ()),
    FlowStage(
        "handling",
        "办理",
        "respond",
        (S.HANDLING, S.ASSISTED, S.EXTENDED, S.SUSPENDED, S.SENT_BACK, S.REOPENED),
    ),
    FlowStage("verifying", "核查", "submit", (S.VERIFYING,)),
    FlowStage(
        "closed",
        "办结",
        "close",
        (S.CLOSED, S.RESOLVED, S.UNRESOLVED, S.WITHDRAWN, S.JUDICIAL, S.TO_FOLLOW_UP),
    ),
    FlowStage("followed_up", "回访", "follow_up", (S.FOLLOWED_UP, S.ARCHIVED)),
)

_LINE = tuple(s for s in Status if s not in (S.SENT_BACK, S.REOPENED))


@dataclass(frozen=True)
class Loop:
    """A centre's own names for the stations of its loop (六步, 五步 ...), in order.

    `steps` are (label, first status): a label holds from its status up to the next one's. 71 退回
    and 88 重新打开 are work again and carry the label of 60 办理中.
    """

    name: str
    steps: tuple[tuple[str, Status], ...]

    def __post_init__(self) -> None:
        starts = [start for _, start in self.steps]
        if starts[:1] != [Status.REGISTERED] or starts != sorted(set(starts)):
            raise ValueError(f"流程 {self.name}：各环节应从 10 起按状态递增")

    def label(self, status: Status) -> str:
        """What this centre calls the status."""
        place = status if status in _LINE else Status.HANDLING
        return [label for label, start in self.steps if start <= place][-1]


def _loop(name: str, *steps: tuple[str, Status]) -> Loop:
    return Loop(name, steps)


# Names from DOMAIN 1.1; where each begins on the canonical line is our reading [I].
LOOPS: Mapping[str, Loop] = {
    "six_steps": _loop(
        "六步",
        ("问题上报", S.REGISTERED),
        ("案卷建立", S.ACCEPTED),
        ("任务指派", S.DISPATCHED),
        ("调查落实", S.HANDLING),
        ("处理反馈", S.VERIFYING),
        ("结案归档", S.CLOSED),
    ),
    "five_steps": _loop(
        "五步",
        ("上报", S.REGISTERED),
        ("受理", S.WAITING),
        ("研判", S.ACCEPTED),
        ("调解", S.DISPATCHED),
        ("回访", S.CLOSED),
    ),
    "five_clinics": _loop(
        "五诊",
        ("分诊", S.REGISTERED),
        ("接诊", S.ACCEPTED),
        ("转诊", S.DISPATCHED),
        ("会诊", S.HANDLING),
        ("复诊", S.CLOSED),
    ),
    "four_flows": _loop(
        "四流程",
        ("登记受理", S.REGISTERED),
        ("先行调解", S.ACCEPTED),
        ("分类流转", S.DISPATCHED),
        ("动态跟踪", S.HANDLING),
    ),
}


def flow_stage(status: Status) -> str:
    """The key of the wall's stage in which a case of this status stands; `-` for a rejected one."""
    return next((stage.key for stage in FLOW if status in stage.statuses), "-")


def entered(steps: Sequence[Step], since: datetime, until: datetime) -> dict[str, int]:
    """How many steps entered each stage of the wall's flow within [since, until)."""
    kinds = [step.kind for step in steps if since <= step.at < until]
    return {stage.key: kinds.count(stage.kind) for stage in FLOW}
