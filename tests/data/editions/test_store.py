"""The edition store: whole editions for readers, while and after others are written."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from data.editions.edition import EditionError, Limits, NoEdition, QueryStopped, memory_edition
from data.editions.store import EditionStore
from data.editions.tables import create_tables
from data.site import ColumnDimension
from tests.data.editions.writer import (
    EPOCH,
    SITE,
    ended,
    fill,
    value_read,
    write_many,
    write_next,
    writer,
)


@pytest.fixture
def store(home: Path):
    store = EditionStore(home)
    yield store
    store.close()


def test_a_home_without_editions_says_what_to_do(store):
    assert (store.current(), store.serving(), store.numbers()) == (None, None, [])
    with (
        pytest.raises(NoEdition, match="还没有发布过版本；请先运行 python -m etl run"),
        store.reading(),
    ):
        pass


def test_what_was_published_is_read(store):
    with store.building(SITE) as build:
        fill(build.connection, 7)
        assert build.publish(EPOCH, published_at=datetime(2026, 1, 8, 9, 30)) == 1
    with store.reading() as edition:
        assert (edition.number, edition.site) == (1, SITE)
        assert edition.data_time == EPOCH
        assert edition.published_at == datetime(2026, 1, 8, 9, 30)
        assert edition.frame("SELECT DISTINCT title FROM cases")["title"].tolist() == ["7"]
        assert edition.rows("SELECT count(*) FROM cases WHERE title = $t", {"t": "8"}) == [(0,)]


def test_the_next_edition_starts_from_the_current_one(home):
    assert [write_next(home), write_next(home)] == [1, 2]
    with EditionStore(home).reading() as edition:
        assert value_read(edition) == 2


def test_leaving_without_publishing_changes_nothing(first, home, store):
    with store.building(SITE) as build:
        fill(build.connection, 99)
    with pytest.raises(ZeroDivisionError), store.building(SITE) as build:
        fill(build.connection, 99)
        raise ZeroDivisionError
    assert (store.current(), sorted(p.name for p in store.home.glob("editions/.*"))) == (1, [])
    with store.reading() as edition:
        assert value_read(edition) == 1


def test_a_reader_keeps_its_edition_while_others_are_published(first, home, store):
    with store.reading() as old:
        write_many(home, 5)
        assert value_read(old) == 1


def test_the_process_that_publishes_reads_the_new_edition_at_once(first, home, store):
    assert store.serving() == 1
    with store.building(SITE) as build:
        fill(build.connection, 2)
        build.publish(EPOCH)
    assert store.serving() == 2


def test_readers_follow_what_another_process_publishes(first, home, store):
    assert store.serving() == 1
    write_next(home)
    deadline = time.monotonic() + 5
    while store.serving() == 1 and time.monotonic() < deadline:
        time.sleep(0.005)
    assert store.serving() == store.current() == 2


def test_a_named_edition_is_read_beside_the_newest(first, home, store):
    write_many(home, 2)
    with store.reading() as new, store.reading(1) as old:
        assert (value_read(new), value_read(old)) == (3, 1)


def test_an_edition_that_is_not_there_is_named_with_those_that_are(first, home, store):
    write_many(home, 4)
    with (
        pytest.raises(NoEdition, match="没有版本 1（可能已清理）；现有：3、4、5"),
        store.reading(1),
    ):
        pass


def test_old_editions_are_closed_a_while_after_their_last_use(home):
    store = EditionStore(home, linger=0.0)
    write_many(home, 2)
    with store.reading(1) as old:
        assert value_read(old) == 1
    with pytest.raises(duckdb.ConnectionException):
        old.rows("SELECT 1")


def test_pruning_spares_the_last_the_pinned_and_those_in_use(home, store):
    write_many(home, 7, keep=99)
    store.pin(2)
    with store.reading(3):
        assert store.prune(keep=2) == [1, 4, 5]
    assert (store.numbers(), store.pinned()) == ([2, 3, 6, 7], {2})
    store.unpin(2)
    assert store.prune(keep=1) == [2, 3, 6]
    assert store.numbers() == [7]


def test_publishing_keeps_as_many_editions_as_the_site_says(first, home, store):
    write_many(home, 4)
    assert store.numbers() == [3, 4, 5]


def test_numbers_only_grow(first, home, store):
    write_many(home, 3)
    store.prune(keep=1)
    store.pin(4)
    assert write_next(home) == 5


def test_only_an_edition_that_exists_can_be_pinned(first, home, store):
    with pytest.raises(NoEdition, match="没有版本 9"):
        store.pin(9)
    assert store.pinned() == set()


def test_a_home_belongs_to_one_site(first, home, store):
    other = SITE.model_copy(update={"name": "boston"})
    with (
        pytest.raises(EditionError, match="属于站点 small，不能装载站点 boston"),
        store.building(other),
    ):
        pass
    assert store.current() == 1


def test_a_second_writer_is_told_so_or_waits(home, store):
    with ThreadPoolExecutor(1) as pool:
        with store.building(SITE) as build:
            with pytest.raises(EditionError, match="另一个装载正在进行"):
                EditionStore(home).building(SITE).__enter__()
            waiting = pool.submit(write_next, home)
            time.sleep(0.1)
            assert not waiting.done()
            fill(build.connection, 1)
            build.publish(EPOCH)
        assert waiting.result() == 2


def test_a_dimension_that_the_site_gains_or_loses_is_a_column_in_the_next_edition(
    first, home, store
):
    site = SITE.model_copy(
        update={"dimensions": (ColumnDimension(key="beat", name="警区"),), "layers": ()}
    )
    with store.building(site) as build:
        build.connection.execute("UPDATE cases SET beat = 'b1'")
        build.publish(EPOCH)
    with store.reading() as edition:
        assert edition.rows("SELECT DISTINCT beat FROM cases") == [("b1",)]
        for gone in ("force", "school_zone"):
            with pytest.raises(duckdb.BinderException):
                edition.rows(f"SELECT {gone} FROM cases")


def test_another_version_of_the_tables_is_refused(first, home, store):
    path = home / "editions" / "1.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE meta SET value = '0' WHERE key = 'schema_version'")
    with pytest.raises(EditionError, match="表结构为 0"), store.reading():
        pass


HOSTILE = [
    "COPY cases TO '{tmp}/x.csv'",
    "ATTACH '{tmp}/x.duckdb'",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM glob('/*')",
    "SELECT * FROM duckdb_secrets()",
    "EXPORT DATABASE '{tmp}/x'",
    "IMPORT DATABASE '{tmp}'",
    "INSTALL spatial",
    "LOAD spatial",
    "SET threads = 1",
    "SET enable_external_access = true",
    "RESET memory_limit",
    "CREATE TABLE t (a INTEGER)",
    "INSERT INTO departments VALUES ('a', 'b', NULL)",
    "DELETE FROM cases",
    "DROP TABLE cases",
    "SELECT * FROM local_frame",
]


@pytest.mark.parametrize("statement", HOSTILE)
def test_a_reader_can_neither_write_nor_reach_beyond_the_edition(
    first, home, store, tmp_path, statement
):
    local_frame = duckdb.sql("SELECT 1 AS a").df()
    with store.reading() as edition, pytest.raises(duckdb.Error):
        edition.rows(statement.format(tmp=tmp_path))
    assert len(local_frame) == 1
    with store.reading() as edition:
        assert value_read(edition) == 1


def test_a_query_is_stopped_at_the_time_limit(first, home):
    store = EditionStore(home, Limits(seconds=0.2))
    endless = """
        SELECT count(*) FROM cases a, cases b, cases c
        WHERE a.summary || b.summary || c.summary LIKE '%none%'"""
    with store.reading() as edition:
        began = time.monotonic()
        with pytest.raises(QueryStopped, match="查询超过时限"):
            edition.rows(endless)
        assert time.monotonic() - began < 3
        assert value_read(edition) == 1


def test_a_query_is_stopped_at_the_memory_limit(first, home):
    store = EditionStore(home, Limits(memory="30MB"))
    with store.reading() as edition:
        with pytest.raises(QueryStopped, match="内存超过上限"):
            edition.rows("SELECT array_agg(a.summary || b.title) FROM cases a, cases b")
        assert value_read(edition) == 1


def test_threads_never_get_each_others_rows(first, home, store):
    with store.reading() as edition:

        def ask(thread: int) -> int:
            asked = ((thread, i) for i in range(100))
            return sum(
                edition.rows("SELECT $a::INTEGER, $b::INTEGER", {"a": a, "b": b}) == [(a, b)]
                for a, b in asked
            )

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(ask, range(8))) == [100] * 8


def test_swaps_under_8_readers_are_never_torn_never_backward_and_never_fail(first, home, store):
    swapping(home, store, swaps=5)


@pytest.mark.soak
def test_many_swaps_under_8_readers(first, home, store):
    swapping(home, store, swaps=200)


def swapping(home: Path, store: EditionStore, swaps: int) -> None:
    done = threading.Event()

    def read() -> list[int]:
        values = []
        while not done.is_set():
            with store.reading() as edition:
                values.append(value_read(edition))
        return values

    with ThreadPoolExecutor(8) as pool:
        readers = [pool.submit(read) for _ in range(8)]
        try:
            assert ended(writer(write_many, home, swaps)) == 0
            deadline = time.monotonic() + 5
            while store.serving() != swaps + 1 and time.monotonic() < deadline:
                time.sleep(0.01)
        finally:
            done.set()
        for reader in readers:
            assert reader.result() == sorted(reader.result())
    assert store.serving() == store.current() == swaps + 1


def test_an_edition_in_memory_asks_the_same_way():
    with duckdb.connect(":memory:") as connection:
        create_tables(connection, SITE)
        fill(connection, 3)
        edition = memory_edition(connection, SITE, data_time=datetime(2026, 1, 4))
        assert value_read(edition) == 3
        assert (edition.number, edition.site) == (1, SITE)
