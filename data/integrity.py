"""Does an edition hold what it should: every block readable, one state for the same sources?"""

import hashlib

import duckdb


def full_scan(connection: duckdb.DuckDBPyConnection) -> dict[str, tuple[int, int]]:
    """Read every value of every table: rows and a checksum by table.

    DuckDB notices a damaged block only when it is read; it then raises duckdb.Error.
    """
    return {table: _checksum(connection, table) for table in tables(connection)}


def tables(connection: duckdb.DuckDBPyConnection) -> list[str]:
    rows = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = current_database()"
        " ORDER BY table_name"
    ).fetchall()
    return [name for (name,) in rows]


def _checksum(connection: duckdb.DuckDBPyConnection, table: str) -> tuple[int, int]:
    names = [column[0] for column in _described(connection, table)]
    listed = ", ".join(f'"{name}"' for name in names)
    row = connection.execute(f"SELECT count(*), bit_xor(hash({listed})) FROM {table}").fetchone()
    return (row[0], row[1] or 0) if row else (0, 0)


def _described(connection: duckdb.DuckDBPyConnection, table: str) -> list[tuple]:
    return connection.execute(f"SELECT * FROM {table} LIMIT 0").description or []


def state_hash(connection: duckdb.DuckDBPyConnection) -> str:
    """(to be completed)"""
    return hashlib.sha256(str(full_scan(connection)).encode()).hexdigest()
