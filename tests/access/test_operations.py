"""The store keeps what was written, on SQLite and on PostgreSQL."""

import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, select, text

from access import operations as module
from access.operations import FILE, Kept, Moment, Operations, OperationsError

EAST = timezone(timedelta(hours=8))
NOON = datetime(2026, 11, 5, 12, tzinfo=EAST)


@pytest.fixture
def moments(operations, monkeypatch):
    metadata = MetaData()
    table = Table(
        "moments", metadata, Column("id", Integer, primary_key=True), Column("at", Moment)
    )
    operations.prepare()
    metadata.create_all(operations.engine)
    monkeypatch.setattr(module, "METADATA", metadata)
    yield table
    metadata.drop_all(operations.engine)


def test_times_come_back_in_utc_and_in_order(operations, moments):
    with operations.writing() as connection:
        for at in (NOON, NOON - timedelta(microseconds=1), None):
            connection.execute(insert(moments).values(at=at))
    with operations.reading() as connection:
        known = select(moments.c.at).where(moments.c.at.is_not(None)).order_by(moments.c.at)
        found = [row.at for row in connection.execute(known)]
    assert found == [NOON - timedelta(microseconds=1), NOON]
    assert {at.tzinfo for at in found} == {UTC}


def test_what_fails_leaves_nothing(operations, moments):
    with pytest.raises(KeyError), operations.writing() as connection:
        connection.execute(insert(moments).values(at=NOON))
        raise KeyError
    with operations.reading() as connection:
        assert connection.execute(select(moments)).all() == []


def test_two_stores_write_side_by_side(operations, moments, tmp_path):
    """Each adds one to what it reads: none of the additions is lost."""
    other = Operations(tmp_path, operations.url.render_as_string(hide_password=False))
    with operations.writing() as connection:
        connection.execute(insert(moments).values(id=1000, at=None))

    def count(store):
        for _ in range(10):
            with store.writing() as connection:
                row = select(moments.c.id).with_for_update()
                number = connection.execute(row).scalar_one()
                connection.execute(moments.update().values(id=number + 1))

    threads = [threading.Thread(target=count, args=(each,)) for each in (operations, other) * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    with operations.reading() as connection:
        assert connection.execute(select(moments.c.id)).scalar_one() == 1040


@pytest.fixture
def logs(operations, monkeypatch):
    """A table that keeps its rows for a day, and one beside it that keeps them for good."""
    metadata = MetaData()
    kept = Kept(timedelta(days=1), lambda before: table.c.at < before)

    def made(name, **more):
        columns = (Column("id", Integer, primary_key=True), Column("at", Moment))
        return Table(name, metadata, *columns, **more)

    table, forever = made("logs", info={module.KEPT: kept}), made("forever")
    operations.prepare()
    metadata.create_all(operations.engine)
    monkeypatch.setattr(module, "METADATA", metadata)
    monkeypatch.setattr(module, "PORTION", 3)
    yield table, forever
    metadata.drop_all(operations.engine)


def test_what_was_kept_long_enough_goes_by_portions_and_the_rest_stays(operations, logs):
    table, forever = logs
    hours = range(0, 48, 4)
    with operations.writing() as connection:
        for each in logs:
            rows = [{"id": n, "at": NOON + timedelta(hours=n)} for n in hours]
            connection.execute(insert(each), rows)

    def left(each):
        with operations.reading() as connection:
            return list(connection.execute(select(each.c.id).order_by(each.c.id)).scalars())

    now, counts = NOON + timedelta(hours=48), []
    for _ in range(4):
        operations.forget(now)
        counts.append(len(left(table)))
    assert counts == [9, 6, 6, 6]
    assert left(table) == [24, 28, 32, 36, 40, 44]  # one that is a day old to the second stays
    assert left(forever) == [*hours]
    operations.forget(now + timedelta(minutes=59))
    assert len(left(table)) == 6  # not yet looked at again
    operations.forget(now + timedelta(hours=4, seconds=1))
    assert len(left(table)) == 4


def test_what_cannot_be_forgotten_fails_nobody(tmp_path):
    store = Operations(tmp_path, "postgresql://nobody@127.0.0.1:1/none")
    store.forget(NOON)
    store.close()


def test_a_file_store_has_every_commit_on_the_disk(tmp_path):
    store = Operations(tmp_path / "new")
    with store.reading() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2  # FULL
    store.close()
    assert (tmp_path / "new" / FILE).exists()


def test_a_store_that_is_away_keeps_nothing_from_starting(tmp_path):
    store = Operations(tmp_path, "postgresql://nobody@127.0.0.1:1/none")
    assert "127.0.0.1:1" in str(store)
    with pytest.raises(module.FAILURES), store.reading():
        pass
    store.close()


@pytest.mark.parametrize(
    ("url", "said"), [("no url", "写法不对"), ("mysql://a/b", "只支持 SQLite 和 PostgreSQL")]
)
def test_an_address_that_makes_no_sense_is_refused(tmp_path, url, said):
    with pytest.raises(OperationsError, match=said):
        Operations(tmp_path, url)


def test_the_environment_names_the_store(tmp_path, monkeypatch):
    monkeypatch.setenv(module.VARIABLE, "postgresql://u:secret@db.example/zhinao")
    store = Operations(tmp_path)
    assert str(store) == "postgresql+psycopg://u:***@db.example/zhinao"
