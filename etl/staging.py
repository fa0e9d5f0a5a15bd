"""Where raw rows wait to be cleaned: the temporary tables `raw` and `rejected`."""

from collections.abc import Sequence

import duckdb
import numpy as np
import pandas as pd

from data.sql import literal, quoted
from etl.readers.base import RawChunk, Reject
from etl.source import Source

ENOUGH_ROWS = 50_000  # put into the tables at a time
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


class Stage:
    """Takes the chunks of a source's members; small ones are put into the tables together."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, source: Source) -> None:
        self._connection = connection
        self._source = source
        self._waiting: list[pd.DataFrame] = []
        self._rejects: list[tuple[int, Reject]] = []
        self._rows = 0
        self.new_columns: dict[str, None] = {}  # that the declaration does not know, in order
        self.found: set[str] = set()  # slots that some file had a column for
        begin(connection, source)

    def add(self, chunk: RawChunk, member: int) -> None:
        """Rows to `raw`, rejects to `rejected`, both as of the member numbered `member`."""
        self._rejects += [(member, reject) for reject in chunk.rejects]
        if not len(chunk.lines):
            return
        frame = chunk.frame
        if self._waiting and list(self._waiting[0].columns[:-2]) != list(frame.columns):
            self._put_rows()
        self._waiting.append(frame.assign(_member=np.int32(member), _line=chunk.lines))
        self._rows += len(frame)
        if self._rows >= ENOUGH_ROWS:
            self._put_rows()

    def finish(self) -> None:
        """Put what still waits into the tables."""
        self._put_rows()
        self._put_rejects()

    def _put_rows(self) -> None:
        """A slot takes the first of its aliases that was delivered; columns without a field are
        kept in `_extra` unless the source ignores them."""
        if not self._waiting:
            return
        frame = pd.concat(self._waiting, ignore_index=True)
        self._waiting, self._rows = [], 0
        delivered = list(frame.columns[:-2])
        kept = _kept(self._source, delivered)
        self.found |= {s for s, names in self._source.slots.items() if set(names) & set(delivered)}
        self.new_columns |= dict.fromkeys(name for name in kept if name not in self._source.keep)
        values = "".join(f", {_slot_sql(n, delivered)}" for n in self._source.slots.values())
        self._connection.register("chunk", frame)
        self._connection.execute(
            f"INSERT INTO raw SELECT _member, _line, {_extra(kept)}{values} FROM chunk"
        )
        self._connection.unregister("chunk")

    def _put_rejects(self) -> None:
        if not self._rejects:
            return
        rows = [(member, r.line, r.code, r.reason, r.raw) for member, r in self._rejects]
        frame = pd.DataFrame(rows, columns=["member", "line", "code", "reason", "raw"])
        self._rejects = []
        self._connection.register("rejects", frame)
        self._connection.execute(
            "INSERT INTO rejected SELECT member, line, 'row', NULL, code, reason, raw FROM rejects"
        )
        self._connection.unregister("rejects")


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
