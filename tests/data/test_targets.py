"""Every target is a table of schema.sql, and says of its columns what that says."""

import duckdb
import pytest

from data.codes import names
from data.editions.tables import SCHEMA
from data.targets import TARGETS

# What the pipeline needs of every table: identity, order of versions, provenance.
OF_ALL = {"source", "source_key", "version", "row_hash", "seen_at", "withdrawn_at"}
OF_ALL |= {"member", "line"}
OF_PLACED = {"lon", "lat", "point_quality", "is_located"}


@pytest.fixture(scope="module")
def tables() -> dict[str, dict[str, str]]:
    with duckdb.connect(":memory:") as empty:
        empty.execute(SCHEMA.read_text(encoding="utf-8"))
        rows = empty.execute("SELECT table_name, column_name, data_type FROM duckdb_columns()")
        found: dict[str, dict[str, str]] = {}
        for table, column, kind in rows.fetchall():
            found.setdefault(table, {})[column] = kind
        return found


@pytest.mark.parametrize("name", TARGETS)
def test_a_field_is_a_column_of_the_same_type(tables, name):
    target, columns = TARGETS[name], tables[name]
    own = {n: kind for n, kind in target.fields.items() if n not in ("case", "case_source")}
    assert {n: columns.get(n) for n in own} == own
    assert ("case_code" in columns) == (target.is_of_case or name == "cases")


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_has_the_columns_that_the_pipeline_writes(tables, name):
    wanted = OF_ALL | {TARGETS[name].code} | (OF_PLACED if TARGETS[name].is_placed else set())
    assert wanted - set(tables[name]) == set()


@pytest.mark.parametrize("name", TARGETS)
def test_what_a_target_says_of_its_fields_is_about_fields(name):
    target = TARGETS[name]
    said = {*target.needed, *target.lookups, *target.times, *target.events}
    assert said <= set(target.fields)
    assert set(target.lookups.values()) <= set(names())


def test_rosters_and_positions_keep_nothing_that_is_not_declared(tables):
    assert not any("extra" in tables[name] for name in ("duty", "grid_workers"))
