"""Bring the copy of an older program's edition to the tables that this program declares.

What both have is kept, by the names of its columns; what is new is empty until its source delivers,
and what follows from other columns is derived anew by the next run."""

import duckdb

from data.editions.tables import SCHEMA, columns, fit_columns, table_names
from data.site import Site
from data.sql import quoted


def upgrade(connection: duckdb.DuckDBPyConnection, site: Site) -> None:
    """Make every table as schema.sql has it, with the rows it had. duckdb.ConstraintException where
    an older row lacks what must now be there: then a step of its own has to be written here."""
    _drop_views(connection)
    there = set(table_names(connection))
    declared = _declared()
    for table in there - declared.keys():
        connection.execute(f"DROP TABLE {quoted(table)}")
    for table, statement in declared.items():
        if table in there:
            connection.execute(f"ALTER TABLE {quoted(table)} RENAME TO {quoted(_old(table))}")
        connection.execute(statement)
    fit_columns(connection, site)
    for table in there & declared.keys():
        _fill(connection, table)
        connection.execute(f"DROP TABLE {quoted(_old(table))}")


def _declared() -> dict[str, str]:
    """The statement that makes each table of schema.sql."""
    with duckdb.connect(":memory:") as empty:
        empty.execute(SCHEMA.read_text(encoding="utf-8"))
        return dict(empty.execute("SELECT table_name, sql FROM duckdb_tables()").fetchall())


def _drop_views(connection: duckdb.DuckDBPyConnection) -> None:
    found = "SELECT view_name FROM duckdb_views() WHERE NOT internal"
    for (name,) in connection.execute(found).fetchall():
        connection.execute(f"DROP VIEW {quoted(name)}")


def _fill(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    """In the order of the rows, which is that of time."""
    new, old = columns(connection, table), columns(connection, _old(table))
    both = ", ".join(quoted(name) for name in new if name in old)
    rows = f"SELECT {both} FROM {quoted(_old(table))} ORDER BY rowid"
    connection.execute(f"INSERT INTO {quoted(table)} BY NAME {rows}")


def _old(table: str) -> str:
    return f"older_{table}"
