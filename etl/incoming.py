"""Give the identified rows the columns of the table that they go to: what is merged."""

from collections.abc import Sequence

import duckdb

from data.case_code import SEPARATOR, case_code_sql
from data.editions.tables import columns
from data.site import Site
from data.sql import literal, quoted
from data.targets import TARGETS
from etl.source import Source

GIVEN = (
    *("department", "status", "risk", "outcome", "accepted_at", "dispatched_at", "responded_at"),
    *("closed_at", "accept_due_at", "due_at"),
)


def gather_incoming(
    connection: duckdb.DuckDBPyConnection, source: Source, site: Site, fields: Sequence[str]
) -> None:
    """`incoming`: the rows that stand for their identity, with all columns of the target."""
    target = TARGETS[source.target]
    have = {name: quoted(name) for name in fields}
    have |= {"source": literal(source.name), target.code: "code", "line": "_line"}
    have |= {name: name for name in ("source_key", "version", "row_hash", "seen_at", "member")}
    have |= {name: name for name in ("extra", "precision")}
    if target.is_placed:
        have |= {name: quoted(name) for name in site.place_keys}
        have |= {name: name for name in ("lon", "lat", "point_quality", "is_located")}
    if source.target == "cases":
        have |= _case_columns(have)
    if target.is_of_case:
        owner = "case_source" if "case_source" in fields else literal(source.of or "")
        have["case_code"] = case_code_sql(f"{owner} || {literal(SEPARATOR)} || {quoted('case')}")
    types = _types(connection, source.target)
    listed = ", ".join(
        f"{have.get(name, f'CAST(NULL AS {types[name]})')} AS {quoted(name)}"
        for name in columns(connection, source.target)
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE incoming AS SELECT _member, {listed} FROM identified"
        " WHERE fate IS NULL"
    )


def _case_columns(have: dict[str, str]) -> dict[str, str]:
    """The columns of a case that follow from others: `given`, and the time that it counts by."""
    accepted = have.get("accepted_at", have.get("reported_at", "NULL"))
    reported = have.get("reported_at", accepted)
    times = {"accepted_at": accepted, "reported_at": f"coalesce({reported}, {accepted})"}
    whole = have | times
    given = ", ".join(
        f"{name} := {whole.get(name, 'NULL')}::{TARGETS['cases'].fields[name]}" for name in GIVEN
    )
    return times | {"given": f"struct_pack({given})", "reopen_count": "0"}


def _types(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    rows = connection.execute(f"DESCRIBE {table}").fetchall()
    return {row[0]: row[1] for row in rows}
