"""Where raw rows wait to be cleaned: the temporary tables `raw` and `rejected`.

Both number their rows: `_row` is one row of the stage's and no other's, to join and to count by;
`_line` tells people where to look, and several rows may stand on one line.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import duckdb
import numpy as np
import pandas as pd

from data.sql import literal, quoted
from etl.readers.base import RawChunk, Reject
from etl.source import BLANKS, Source

ENOUGH_ROWS = 50_000  # put into the tables at a time
OWN = "_member INTEGER, _row BIGINT, _line BIGINT"
REJECTED = f"""
CREATE OR REPLACE TEMP TABLE rejected ({OWN}, kind VARCHAR,
    column_name VARCHAR, code VARCHAR, reason VARCHAR, raw VARCHAR)
"""


class _Waiting(NamedTuple):
    """The rows of a chunk, which member they are of, and the number of the first."""

    chunk: RawChunk
    member: int
    first: int

    @property
    def rows(self) -> int:
        return len(self.chunk.lines)


def begin(connection: duckdb.DuckDBPyConnection, source: Source) -> None:
    """Empty tables for the rows of `source`: a column of `raw` for each slot."""
    slots = "".join(f", {quoted(slot)} VARCHAR" for slot in source.slots)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE raw ({OWN}, _extra VARCHAR{slots})")
    connection.execute(REJECTED)


class Stage:
    """Takes the chunks of a source's members; small ones are put into the tables together.

    What becomes of a row never depends on the rows that it is put in with.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, source: Source) -> None:
        self._connection = connection
        self._source = source
        self._waiting: list[_Waiting] = []
        self._rejects: list[tuple[int, int, Reject]] = []
        self._numbered = 0
        self.new_columns: dict[str, None] = {}  # that the declaration does not know, in order
        self.found: set[str] = set()  # slots that some file had a column for
        begin(connection, source)

    def add(self, chunk: RawChunk, member: int) -> None:
        """Rows to `raw`, rejects to `rejected`, both as of the member numbered `member`."""
        waiting = _Waiting(chunk, member, self._numbered)
        self._numbered += waiting.rows
        self._rejects += [(member, self._numbered + n, r) for n, r in enumerate(chunk.rejects)]
        self._numbered += len(chunk.rejects)
        if not waiting.rows:
            return
        if self._waiting:
            before = self._waiting[0].chunk.frame
            if list(before.columns) != list(chunk.frame.columns):
                self._put_rows()
        self._waiting.append(waiting)
        if sum(one.rows for one in self._waiting) >= ENOUGH_ROWS:
            self._put_rows()

    def finish(self) -> None:
        """Put what still waits into the tables."""
        self._put_rows()
        self._put_rejects()

    def _put_rows(self) -> None:
        """The slots, and in `_extra` the columns without a field that are not to be ignored."""
        if not self._waiting:
            return
        frame = pd.concat([one.chunk.frame for one in self._waiting], ignore_index=True)
        # Under names of our own: `ID` and `id` are one name to the database, and a file may have
        # a column `_line`.
        texts = {name: f"c{n}::VARCHAR" for n, name in enumerate(frame.columns)}
        frame.columns = [f"c{n}" for n in range(len(texts))]
        frame["_member"] = np.repeat(
            np.array([one.member for one in self._waiting], dtype=np.int32),
            [one.rows for one in self._waiting],
        )
        frame["_row"] = np.concatenate(
            [np.arange(one.first, one.first + one.rows) for one in self._waiting]
        )
        frame["_line"] = np.concatenate([one.chunk.lines for one in self._waiting])
        self._waiting = []
        slots = self._source.slots
        kept = _kept(self._source, texts)
        self.found |= {slot for slot, names in slots.items() if not texts.keys().isdisjoint(names)}
        self.new_columns |= dict.fromkeys(name for name in kept if name not in self._source.keep)
        values = "".join(f", {_first_said(names, texts)}" for names in slots.values())
        self._connection.register("chunk", frame)
        self._connection.execute(
            f"INSERT INTO raw SELECT _member, _row, _line, {_extra(kept)}{values} FROM chunk"
        )
        self._connection.unregister("chunk")

    def _put_rejects(self) -> None:
        if not self._rejects:
            return
        rows = [(member, n, r.line, r.code, r.reason, r.raw) for member, n, r in self._rejects]
        frame = pd.DataFrame(rows, columns=["member", "n", "line", "code", "reason", "raw"])
        self._rejects = []
        self._connection.register("rejects", frame)
        self._connection.execute(
            "INSERT INTO rejected"
            " SELECT member, n, line, 'row', NULL, code, reason, raw FROM rejects"
        )
        self._connection.unregister("rejects")


def _kept(source: Source, texts: Mapping[str, str]) -> dict[str, str]:
    taken = {alias for names in source.slots.values() for alias in names} | set(source.ignore)
    return {name: text for name, text in texts.items() if name not in taken}


def _first_said(names: Sequence[str], texts: Mapping[str, str]) -> str:
    """SQL of the first of the delivered aliases that is not blank in the row itself."""
    *others, last = [texts[name] for name in names if name in texts] or ["NULL"]
    said = "".join(f"WHEN trim({text}, {BLANKS}) <> '' THEN {text} " for text in others)
    return f"CASE {said}ELSE {last} END" if said else last


def _extra(kept: Mapping[str, str]) -> str:
    """SQL of the JSON of what the kept columns say, by name; NULL where they say nothing.

    A column that only another row of the file has says as little as an empty one, and the order
    of the columns says nothing: the same record must give the same text.
    """
    if not kept:
        return "NULL"
    pairs = ", ".join(f"{literal(name)}, nullif({kept[name]}, '')" for name in sorted(kept))
    said = f"json_merge_patch('{{}}', json_object({pairs}))"  # a merge leaves out the nulls
    return f"nullif({said}::VARCHAR, '{{}}')"
