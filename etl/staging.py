"""Where raw rows wait to be cleaned: the temporary tables `raw` and `rejected`."""

from collections.abc import Sequence

import duckdb
import pandas as pd

from data.sql import literal, quoted
from etl.readers.base import RawChunk, Reject
from etl.source import Source

REJECTED = """
CREATE OR REPLACE TEMP TABLE rejected (_member INTEGER, _line BIGINT, kind VARCHAR,
    column_name VARCHAR, code VARCHAR, reason VARCHAR, raw VARCHAR)
"""


def begin(connection: duckdb.DuckDBPyConnection, source: Source) -> None:
    """Empty tables for the rows of `source`: a column of `raw` for each slot."""
    slots = "".join(f", {quoted(slot)} VARCHAR" for slot in source.slots)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE raw (_member INTEGER, _line BIGINT, _extra VARCHAR{slots})"
    )
    connection.execute(REJECTED)


def stage(
    connection: duckdb.DuckDBPyConnection, source: Source, chunk: RawChunk, member: int
) -> list[str]:
    """Put a chunk's rows into `raw`, its rejects into `rejected`; the columns that are new to us.

    A slot takes the first of its aliases that the chunk has. Columns without a field are kept in
    `_extra` unless the source ignores them.
    """
    _stage_rejects(connection, chunk.rejects, member)
    if not len(chunk.lines):
        return []
    delivered = list(chunk.frame.columns)
    kept = _kept(source, delivered)
    values = ", ".join(_slot_sql(names, delivered) for names in source.slots.values())
    connection.register("chunk", chunk.frame.assign(_line=chunk.lines))
    connection.execute(
        f"INSERT INTO raw SELECT {member}, _line, {_extra(kept)}, {values} FROM chunk"
    )
    connection.unregister("chunk")
    return [name for name in kept if name not in source.keep]


def _kept(source: Source, delivered: Sequence[str]) -> list[str]:
    taken = {alias for names in source.slots.values() for alias in names}
    return [name for name in delivered if name not in taken and name not in source.ignore]


def _slot_sql(names: Sequence[str], delivered: Sequence[str]) -> str:
    found = next((name for name in names if name in delivered), None)
    return f"{quoted(found)}::VARCHAR" if found else "NULL"


def _extra(kept: Sequence[str]) -> str:
    """SQL of the JSON of the kept columns; NULL where there is none."""
    if not kept:
        return "NULL"
    return "to_json({" + ", ".join(f"{literal(n)}: {quoted(n)}" for n in kept) + "})::VARCHAR"


def _stage_rejects(
    connection: duckdb.DuckDBPyConnection, rejects: Sequence[Reject], member: int
) -> None:
    if not rejects:
        return
    frame = pd.DataFrame(
        [(reject.line, reject.code, reject.reason, reject.raw) for reject in rejects],
        columns=["line", "code", "reason", "raw"],
    )
    connection.register("rejects", frame)
    connection.execute(
        f"INSERT INTO rejected SELECT {member}, line, 'row', NULL, code, reason, raw FROM rejects"
    )
    connection.unregister("rejects")
