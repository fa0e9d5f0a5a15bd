"""The tables of an edition, and the version that tells one set of them from another."""

import hashlib

import duckdb
import pytest

from data.editions.edition import SCHEMA_VERSION
from data.editions.tables import create_tables
from data.site import Layer, Site

SITE = Site(
    name="x",
    title="x",
    zone="Asia/Shanghai",
    levels=(Layer(key="grid", name="格", files=("x",)),),
)
# The columns that each version stands for, since 5 those of the wall's views too and their SQL;
# a change of schema.sql or of a view takes the next number.
VERSIONS = {"3": "79a717b54775", "4": "049e0c68fc30", "5": "d2392d22d938", "6": "22b89d8799f7"}


@pytest.fixture
def connection():
    with duckdb.connect(":memory:") as connection:
        yield connection


def test_another_schema_has_another_version(connection):
    create_tables(connection, SITE)
    columns = connection.execute(
        "SELECT table_name, column_name, data_type, is_nullable FROM duckdb_columns() ORDER BY ALL"
    ).fetchall()
    views = connection.execute(
        "SELECT view_name, sql FROM duckdb_views() WHERE NOT internal ORDER BY ALL"
    ).fetchall()
    made = repr((columns, views)).encode()
    assert VERSIONS[SCHEMA_VERSION] == hashlib.sha256(made).hexdigest()[:12]


def test_a_place_column_for_every_level_and_layer(connection):
    create_tables(connection, SITE)
    tables = connection.execute(
        "SELECT table_name FROM duckdb_columns() WHERE column_name = 'grid' ORDER BY 1"
    ).fetchall()
    walls = ["wall_alerts", "wall_cases"]
    placed = ["alerts", "cases", "grid_workers", "resources", *walls]
    assert [name for (name,) in tables] == placed
