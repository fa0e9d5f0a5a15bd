"""The tables of an edition: those of schema.sql, with the columns that a site adds."""

from functools import cache
from pathlib import Path

import duckdb

from data.site import Site
from data.sql import quoted
from data.targets import TARGETS
from data.wall_views import create_wall_views

SCHEMA = Path(__file__).parents[1] / "schema.sql"


def create_tables(connection: duckdb.DuckDBPyConnection, site: Site) -> None:
    """The empty tables of an edition, with the site's place columns and dimensions, and the
    wall's views of them."""
    connection.execute(SCHEMA.read_text(encoding="utf-8"))
    fit_columns(connection, site)


def fit_columns(connection: duckdb.DuckDBPyConnection, site: Site) -> None:
    """Add the columns that the site declares and the tables lack; drop those declared no more.
    The wall's views follow the site too."""
    for table, wanted in site_columns(site).items():
        have = columns(connection, table)
        own = _schema_columns()[table]
        for name in wanted:
            if name not in have:
                connection.execute(f"ALTER TABLE {table} ADD COLUMN {quoted(name)} VARCHAR")
        for name in have:
            if name not in own and name not in wanted:
                connection.execute(f"ALTER TABLE {table} DROP COLUMN {quoted(name)}")
    create_wall_views(connection, site)


def site_columns(site: Site) -> dict[str, tuple[str, ...]]:
    """The columns by table that the site adds to schema.sql, all VARCHAR."""
    placed = {name: site.place_keys for name, target in TARGETS.items() if target.is_placed}
    return placed | {"cases": (*site.place_keys, *site.dimension_keys)}


def columns(connection: duckdb.DuckDBPyConnection, table: str) -> tuple[str, ...]:
    """The names of a table's columns, in order.

    Asked of the table itself: `duckdb_columns()` lists every column of every catalog each time.
    """
    described = connection.execute(f"SELECT * FROM {quoted(table)} LIMIT 0").description
    return tuple(column[0] for column in described)


def table_names(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The edition's tables, in order."""
    rows = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = current_database()"
        " AND NOT temporary ORDER BY table_name"
    ).fetchall()
    return [name for (name,) in rows]


def full_scan_sql(connection: duckdb.DuckDBPyConnection, table: str) -> str:
    """The statement that reads every value of a table: number of rows, checksum.

    DuckDB notices a damaged block only when it is read.
    """
    listed = ", ".join(quoted(name) for name in columns(connection, table))
    return f"SELECT count(*), coalesce(bit_xor(hash({listed})), 0) FROM {table}"


@cache
def _schema_columns() -> dict[str, tuple[str, ...]]:
    """The columns of each table as schema.sql has them, before a site adds its own."""
    with duckdb.connect(":memory:") as empty:
        empty.execute(SCHEMA.read_text(encoding="utf-8"))
        return {table: columns(empty, table) for table in table_names(empty)}
