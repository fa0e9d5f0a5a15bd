"""Reads a parquet file as text, column by column as DuckDB writes its types."""

from collections.abc import Iterator

import duckdb
import pandas as pd

from data.sql import quoted
from etl.hostile import FileError
from etl.members import Member
from etl.readers.base import RawChunk, ReaderOptions

ROW = "file_row_number"  # DuckDB's, from 0
SCAN = "read_parquet($path, file_row_number = true)"
NESTED = ("STRUCT", "MAP", "UNION")


def read(member: Member, options: ReaderOptions) -> Iterator[RawChunk]:
    """The rows of a parquet file; line = row number from 1.

    Whole floating numbers lose their ".0", as in Excel: pandas writes codes so when one is
    missing. Nested values become JSON. Raises FileError for what is no parquet file.
    """
    with member.path() as path, duckdb.connect() as connection:
        file = {"path": str(path)}
        try:
            connection.execute("SET TimeZone = 'UTC'")
            types = connection.execute(f"DESCRIBE SELECT * FROM {SCAN}", file).fetchall()
            texts = [_text(name, kind) for name, kind, *_ in types if name != ROW]
            query = f"SELECT {', '.join(texts)}, {ROW} + 1 AS {ROW} FROM {SCAN}"
            yield from _chunks(connection.execute(query, file), options.chunk_rows)
        except duckdb.Error as fault:
            reason = f"不是 parquet 文件，或已损坏（{str(fault).splitlines()[0]}）"
            raise FileError(member.label, "damaged", reason) from fault


def _chunks(answer: duckdb.DuckDBPyConnection, size: int) -> Iterator[RawChunk]:
    columns = [column[0] for column in answer.description]
    is_first = True
    while (rows := answer.fetchmany(size)) or is_first:
        yield _chunk(columns, rows)
        is_first = False


def _chunk(columns: list[str], rows: list[tuple]) -> RawChunk:
    frame = pd.DataFrame(rows, columns=pd.Index(columns, dtype=object), dtype=object)
    return RawChunk(frame.drop(columns=ROW), frame[ROW].to_numpy(dtype="int64"))


def _text(name: str, kind: str) -> str:
    column = quoted(name)
    if kind in ("DOUBLE", "FLOAT"):
        return f"regexp_replace(CAST({column} AS VARCHAR), '\\.0$', '') AS {column}"
    if kind.startswith(NESTED) or kind.endswith("]"):
        return f"CAST(to_json({column}) AS VARCHAR) AS {column}"
    return f"CAST({column} AS VARCHAR) AS {column}"
