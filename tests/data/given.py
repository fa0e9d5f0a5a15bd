"""Small editions for tests: cases as dicts, their steps folded by the status machine."""

import itertools
from datetime import datetime, timedelta
from typing import Any

import duckdb
import pandas as pd

from data.editions.edition import Edition, memory_edition
from data.editions.tables import create_tables
from data.site import ColumnDimension, Layer, Site
from data.targets import TARGETS
from rules.status import Step, state_at, states

SINCE, UNTIL = datetime(2026, 11, 2), datetime(2026, 11, 9)
TIMES = ("happened_at", "reported_at", "accepted_at", "dispatched_at", "responded_at")
TIMES += ("closed_at", "due_at", "warn_at", "accept_due_at", "withdrawn_at")

TOLD = {
    "follow_ups": ("due_at", "done_at", "result", "withdrawn_at"),
    "evaluations": ("at", "satisfaction", "withdrawn_at"),
}
TOLD_TIMES = ("due_at", "done_at", "at", "withdrawn_at")

SITE = Site(
    name="small",
    title="测试",
    zone="Asia/Shanghai",
    levels=(
        Layer(key="town", name="镇街", files=("t",)),
        Layer(key="grid", name="网格", files=("g",), parent="town"),
    ),
    layers=(Layer(key="beat", name="警区", files=("b",)),),
    dimensions=(ColumnDimension(key="force", name="警队"),),
)
# layer, code, name, parent, population
GRIDS = (
    ("town", "t1", "一镇", None, 900),
    ("town", "t2", "二镇", None, 100),
    ("grid", "g1", "一格", "t1", 600),
    ("grid", "g2", "二格", "t1", 300),
    ("grid", "g3", "三格", "t2", 100),
    ("beat", "b1", "一区", None, None),
)


def given(*cases: dict[str, Any], data_time: datetime = UNTIL, site: Site = SITE) -> Edition:
    """An edition of these cases, in memory.

    What a case does not name: accepted 2026-11-02 and open since. `steps` are (kind, at) or dicts
    of a Step's fields; they decide the state. Without them the steps follow from
    the times. `follow_ups` are (due, done, result) and `evaluations` (at, satisfaction); `parties`
    dicts of their columns.
    """
    connection = duckdb.connect(":memory:")
    create_tables(connection, site)
    fill(connection, *cases)
    return memory_edition(connection, site, data_time=data_time)


def fill(connection: duckdb.DuckDBPyConnection, *cases: dict[str, Any]) -> None:
    """Write the cases of `given` into the empty tables of an edition."""
    rows, steps, parties = [], [], []
    told: dict[str, list[dict]] = {name: [] for name in TOLD}
    for number, case in enumerate(cases, start=1):
        row, own = _folded({"case_code": f"c{number:05d}", **case})
        rows.append({name: value for name, value in row.items() if name not in (*TOLD, "parties")})
        parties += [_party(row["case_code"], n, p) for n, p in enumerate(row.get("parties", ()), 1)]
        steps += own
        for name, values in told.items():
            values += [_told(name, row["case_code"], n, t) for n, t in enumerate(row.get(name, ()))]
    _insert(connection, "cases", rows)
    _insert(connection, "steps", sorted(steps, key=lambda step: step["at"]))
    for name, values in told.items():
        _insert(connection, name, values)
    _insert(connection, "parties", parties)
    names = ("layer", "code", "name", "parent", "population")
    _insert(connection, "grids", [dict(zip(names, grid, strict=True)) for grid in GRIDS])


def given_things(table: str, *rows: dict[str, Any]) -> Edition:
    """An edition, in memory, with these rows of one of the other tables."""
    connection = duckdb.connect(":memory:")
    create_tables(connection, SITE)
    insert_things(connection, table, *rows)
    return memory_edition(connection, SITE, data_time=UNTIL)


def insert_things(connection: duckdb.DuckDBPyConnection, table: str, *rows: dict) -> None:
    """Write rows of a placed table, or of duty, with what each needs."""
    needed: dict[str, Any] = {"source": "s", "row_hash": "h", "member": "m", "line": 1}
    if TARGETS[table].is_placed:
        needed |= {"point_quality": "ok", "is_located": True}
    times = ("begins_at", "ends_at", "at", "withdrawn_at")
    full = [
        {TARGETS[table].code: f"{table}-{n}", **needed}
        | {key: moment(value) if key in times else value for key, value in row.items()}
        for n, row in enumerate(rows)
    ]
    _insert(connection, table, full)


def _told(table: str, case_code: str, number: int, values: tuple) -> dict[str, Any]:
    """A row of what belongs to a case, from its values in the order of TOLD."""
    row = {TARGETS[table].code: f"{case_code}-{number}", "case_code": case_code, "source": "s"}
    row |= {"precision": "second", "row_hash": "h", "member": "m", "line": 1}
    given = dict(zip(TOLD[table], values, strict=False))
    return row | {k: moment(v) if k in TOLD_TIMES else v for k, v in given.items()}


def _party(case_code: str, seq: int, party: dict[str, Any]) -> dict[str, Any]:
    needed = {"source": "s", "row_hash": "h", "member": "m", "line": 1}
    return {
        "party_code": f"{case_code}-p{seq}",
        "case_code": case_code,
        "seq": seq,
        **needed,
    } | party


def moment(value: Any) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def steps_of(case: dict[str, Any]) -> list[Step]:
    """The steps of a case: those it names after those that follow from its times."""
    named = [_step(step) for step in case.get("steps", ())]
    kinds = {"register": "reported_at", "accept": "accepted_at", "dispatch": "dispatched_at"}
    kinds |= {"respond": "responded_at"} | ({} if named else {"close": "closed_at"})
    first = {"department": case.get("department"), "risk": case.get("risk")}
    steps = [
        Step(kind, moment(case[key]), **(first if kind in ("register", "accept") else {}))
        for kind, key in kinds.items()
        if case.get(key) and kind not in {step.kind for step in named if step.kind != "close"}
    ]
    if steps and case.get("due_at"):
        steps[0] = _with(steps[0], due_at=moment(case["due_at"]))
    steps = [
        _with(s, outcome=case.get("outcome")) if s.kind == "close" and not s.outcome else s
        for s in (*steps, *named)
    ]
    return steps


def _step(step: Any) -> Step:
    raw = dict(step) if isinstance(step, dict) else dict(zip(("kind", "at"), step, strict=False))
    times = {key: moment(raw[key]) for key in ("at", "due_at") if key in raw}
    return Step(**{**raw, **times})


def _with(step: Step, **changes: Any) -> Step:
    return Step(**{**step.__dict__, **changes})


def _folded(case: dict[str, Any]) -> tuple[dict, list[dict]]:
    """The row of `cases` and its rows of `steps`."""
    defaults = {"source": "s", "precision": "second", "reopen_count": 0, "row_hash": "h"}
    defaults |= {"member": "m", "line": 1, "point_quality": "ok", "is_located": True}
    accepted = case.get("accepted_at", SINCE)
    case = {**defaults, "accepted_at": accepted, "reported_at": accepted or SINCE, **case}
    folded = list(states(steps_of(case)))
    rows, before = [], None
    since = min(t for t in map(moment, map(case.get, TIMES[1:6])) if t is not None)
    for seq, (step, state) in enumerate(folded, start=1):
        rows.append(_step_row(case["case_code"], seq, step, min(since, step.at), before))
        before, since = state, step.at
    row = {key: moment(v) if key in TIMES else v for key, v in case.items() if key != "steps"}
    if before is not None:
        row |= {
            "closed_at": before.closed_at,
            "last_step_at": folded[-1][0].at,
            "outcome": before.outcome,
            "department": before.department,
            "risk": before.risk,
            "due_at": before.due_at,
            "warn_at": before.due_at and before.due_at - timedelta(days=1),
            "status": case.get("status", str(int(before.status))),
            "reopen_count": sum(step.kind == "reopen" for step, _ in folded),
        }
    return row, rows


def _step_row(code: str, seq: int, step: Step, since: datetime, before: Any) -> dict[str, Any]:
    row = {"case_code": code, "seq": seq, "at": step.at, "kind": step.kind, "since": since}
    if before is None:
        return row
    return row | {
        "status_before": str(int(before.status)),
        "department_before": before.department,
        "risk_before": before.risk,
        "outcome_before": before.outcome,
        "due_before": before.due_at,
        "warn_before": before.due_at and before.due_at - timedelta(days=1),
        "closed_before": before.closed_at,
    }


def _insert(connection: duckdb.DuckDBPyConnection, table: str, rows: list[dict]) -> None:
    if rows:
        columns = list(dict.fromkeys(itertools.chain.from_iterable(rows)))
        frame = pd.DataFrame(rows, columns=columns).astype(object)
        frame = frame.where(frame.notna(), None)
        names = ", ".join(f'"{name}"' for name in columns)
        marks = ", ".join("?" for _ in columns)
        connection.executemany(
            f"INSERT INTO {table} ({names}) VALUES ({marks})", frame.values.tolist()
        )


__all__ = ["GRIDS", "SINCE", "SITE", "UNTIL", "fill", "given", "moment", "state_at", "steps_of"]
