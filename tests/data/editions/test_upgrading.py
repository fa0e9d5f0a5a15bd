"""An edition of an older program becomes one of this program's, with every row that it had."""

import duckdb
import pytest

from data.editions.edition import (
    SCHEMA_VERSION,
    EditionError,
    EditionOutdated,
    read_site,
    write_meta,
)
from data.editions.integrity import full_scan
from data.editions.tables import columns, create_tables, table_names
from data.editions.upgrading import upgrade
from tests.layouts.small import DATA_TIME, fill, small_site

OLDER = (  # as if this program had brought parties, a column of steps, and given up "notes"
    "DROP TABLE parties",
    "ALTER TABLE steps DROP COLUMN note",
    "CREATE TABLE notes (code VARCHAR)",
    "ALTER TABLE cases ADD COLUMN gone VARCHAR",
    "ALTER TABLE cases ALTER COLUMN repeats_90d TYPE SMALLINT",
    "UPDATE meta SET value = '{older}' WHERE key = 'schema_version'",
)


@pytest.fixture
def connection():
    with duckdb.connect(":memory:") as connection:
        site = small_site()
        create_tables(connection, site)
        fill(connection, site, 300)
        write_meta(connection, site, number=1, data_time=DATA_TIME, published_at=DATA_TIME)
        yield connection


def made_older(connection: duckdb.DuckDBPyConnection) -> None:
    views = "SELECT view_name FROM duckdb_views() WHERE NOT internal"
    for (view,) in connection.execute(views).fetchall():
        connection.execute(f"DROP VIEW {view}")
    for statement in OLDER:
        connection.execute(statement.format(older=int(SCHEMA_VERSION) - 1))


def shape(connection: duckdb.DuckDBPyConnection) -> list[tuple]:
    return connection.execute(
        "SELECT table_name, column_name, column_index, data_type, is_nullable"
        " FROM duckdb_columns() ORDER BY ALL"
    ).fetchall()


def test_tables_become_those_of_this_program_and_keep_their_rows(connection):
    wanted = shape(connection)
    rows = connection.execute("SELECT * FROM cases").fetchall()
    before = full_scan(connection)
    made_older(connection)
    upgrade(connection, small_site())
    assert shape(connection) == wanted
    assert connection.execute("SELECT * FROM cases").fetchall() == rows  # in their order too
    after = full_scan(connection)
    changed = {table for table in before if after[table] != before[table]}
    assert changed <= {"meta", "steps"}
    assert {table: n for table, (n, _) in after.items()} == {t: n for t, (n, _) in before.items()}
    assert connection.execute("SELECT count(*) FROM wall_cases").fetchone() == (300,)


def test_a_site_that_changed_meanwhile_has_its_own_columns(connection):
    made_older(connection)
    site = small_site()
    fewer = site.model_copy(update={"levels": site.levels[1:]})
    upgrade(connection, fewer)
    assert "town" not in columns(connection, "cases")
    assert "village" in columns(connection, "cases")
    assert not [name for name in table_names(connection) if name.startswith("older_")]


@pytest.mark.parametrize("version", ["0", "1", "5"])
def test_an_older_edition_says_whose_it_is(connection, version):
    meta = {"schema_version": version, "site": small_site().model_dump_json()}
    with pytest.raises(EditionOutdated, match=f"表结构为 {version}，") as told:
        read_site(meta)
    assert told.value.site_name == "small"


@pytest.mark.parametrize("version", ["99", "x", ""])
def test_one_of_a_newer_program_is_left_alone(version):
    with pytest.raises(EditionError, match="来自更新的程序") as told:
        read_site({"schema_version": version, "site": "{}"})
    assert not isinstance(told.value, EditionOutdated)
