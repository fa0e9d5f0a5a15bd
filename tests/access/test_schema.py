"""The tables that revisions make are those that the program declares, whatever came before."""

import multiprocessing
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import orjson
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, select, text
from sqlalchemy.exc import SQLAlchemyError

import access
import dispatch
from access import schema
from access.audit import Audit, entry
from access.devices import Devices
from access.operations import METADATA, Operations, OperationsError
from dispatch.alerts import ALERTS, LiveAlerts
from dispatch.walls import Walls
from rules.cap_message import from_json
from tests.rules.test_cap_message import RECORD

for package in (access, dispatch):  # every table that there is, whoever asks for it
    for module in iter_modules(package.__path__):
        if module.name not in ("__main__", "migrations"):
            import_module(f"{package.__name__}.{module.name}")
NOW = datetime(2026, 11, 5, 4, tzinfo=UTC)
FIRST = "0001"


def differences(store: Operations) -> list:
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return compare_metadata(context, METADATA)


def test_an_empty_store_gets_what_the_program_declares(operations):
    operations.prepare()
    assert differences(operations) == []
    with operations.reading() as connection:
        assert schema.revision_of(connection) == schema.newest()


def test_the_comparison_would_find_a_difference(operations):
    with operations.writing() as connection:
        connection.execute(text("ALTER TABLE walls DROP COLUMN state"))
        connection.execute(text("DROP INDEX ix_walls_sequence"))
    assert {each[0] for each in differences(operations)} == {"add_column", "add_index"}


def test_revisions_follow_one_another_without_a_gap():
    assert schema.revisions() == [f"{n:04}" for n in range(1, len(schema.revisions()) + 1)]


def of_the_first_revision(store: Operations) -> None:
    """As an older program left it, with what people did then."""
    with store._alone() as connection:
        assert schema.upgrade(connection, to=FIRST) == [FIRST]


def filled(store: Operations) -> tuple[str, int]:
    """What is done in every table of the first revision: a device's token, an alert's sequence."""
    devices = Devices(store)
    token = devices.add("alerts", "平台", NOW, senders=["a@example.cn"])
    devices.add("wall", "大厅", NOW, regions=["town:T1"])
    alerts, message = LiveAlerts(store), from_json(orjson.dumps(RECORD))
    sequence = alerts.accept(message, "平台", b"raw", NOW).sequence
    alerts.refuse(message, "平台", b"raw", NOW)
    alerts.acknowledge([message.identity], "值班台", NOW)
    Walls(store).command(0, {"mode": "war"}, "值班台", NOW)
    Audit(store).note(entry("console", "test", "一"), NOW)
    return token, sequence


def rows(store: Operations) -> dict[str, int]:
    with store.engine.connect() as connection:
        names = set(inspect(connection).get_table_names()) - {schema.VERSIONS}
        return {
            name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one()
            for name in sorted(names)
        }


def whole(store: Operations, token: str, sequence: int) -> bool:
    device = Devices(store).of(token, NOW)
    with store.reading() as connection:
        found = connection.execute(select(ALERTS.c.sequence)).scalars().all()
    verdict = Audit(store).verify()
    assert device is not None and device.senders == ("a@example.cn",)
    assert (found, verdict.entries, verdict.problems) == ([sequence], 3, ())
    return Walls(store).state(0)[0].mode == "war"


def test_a_store_of_the_first_revision_is_upgraded_with_all_that_is_in_it(operations, monkeypatch):
    of_the_first_revision(operations)
    with monkeypatch.context() as older:
        older.setattr(schema, "newest", lambda: FIRST)
        token, sequence = filled(operations)
    before = rows(operations)
    newer = Operations(operations.home, operations.url.render_as_string(False))
    newer.prepare()
    assert differences(newer) == []
    after = rows(newer)
    assert {name: after[name] for name in before} == before
    assert whole(newer, token, sequence)
    newer.close()


def test_a_store_made_before_there_were_revisions_is_taken_over(operations, monkeypatch):
    """All tables but the number of the revision; some may be missing, for they came by and by."""
    of_the_first_revision(operations)
    with monkeypatch.context() as older:
        older.setattr(schema, "newest", lambda: FIRST)
        token, sequence = filled(operations)
    with operations.engine.begin() as connection:
        connection.execute(text(f"DROP TABLE {schema.VERSIONS}"))
        connection.execute(text("DROP TABLE listeners"))
    taken = Operations(operations.home, operations.url.render_as_string(False))
    assert whole(taken, token, sequence)
    assert differences(taken) == []
    with pytest.raises(SQLAlchemyError), taken.writing() as connection:
        connection.execute(text("UPDATE audit SET actor = 'x'"))
    taken.close()


def test_a_store_of_a_newer_program_is_left_alone(operations):
    operations.prepare()
    with operations.engine.begin() as connection:
        connection.execute(text(f"UPDATE {schema.VERSIONS} SET version_num = '9999'"))
    older = Operations(operations.home, operations.url.render_as_string(False))
    before = rows(older)
    for use in (older.writing, older.reading):
        with pytest.raises(OperationsError, match="第 9999 版，本程序只认到第"), use():
            pass
    assert rows(older) == before
    older.close()


def test_what_fails_half_way_leaves_the_store_as_it_was(operations, monkeypatch):
    monkeypatch.setattr(
        "alembic.runtime.migration.HeadMaintainer.update_to_step",
        lambda *_: (_ for _ in ()).throw(OSError("torn")),
    )
    with pytest.raises(OSError, match="torn"):
        operations.prepare()
    assert rows(operations) == {}
    monkeypatch.undo()
    operations.prepare()
    assert differences(operations) == []


def begun(home: str, url: str | None, go, answers) -> None:
    store = Operations(Path(home), url)
    go.wait(60)
    try:
        Devices(store).add("wall", f"大厅{multiprocessing.current_process().name[-1]}", NOW)
        answers.put("done")
    except Exception as fault:
        answers.put(repr(fault))
    store.close()


def test_four_processes_may_begin_with_an_empty_store_at_once(operations):
    url = None if operations.is_file else operations.url.render_as_string(False)
    fresh = multiprocessing.get_context("spawn")
    go, answers = fresh.Barrier(4), fresh.Queue()
    started = [
        fresh.Process(target=begun, args=(str(operations.home), url, go, answers), name=f"p{n}")
        for n in range(4)
    ]
    for process in started:
        process.start()
    told = [answers.get(timeout=120) for _ in started]
    for process in started:
        process.join(60)
    assert told == ["done"] * 4
    operations.prepare()
    assert differences(operations) == []
    assert len(Devices(operations).all()) == 4
    assert Audit(operations).verify().problems == ()


def test_a_current_store_is_opened_while_another_writes(tmp_path):
    """Whoever starts must not wait for a long transaction when there is nothing to be made."""
    first = Operations(tmp_path)
    first.prepare()
    second = Operations(tmp_path)
    with first.writing(), second.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM devices")).scalar() == 0
    for each in (first, second):
        each.close()


def test_the_text_of_a_migration_names_no_table_object():
    """What a revision makes must stay as it was, whatever becomes of the declarations."""
    for path in schema.FOLDER.glob("0*.py"):
        said = path.read_text("utf-8")
        assert "from access" not in said and "from dispatch" not in said, path.name


def test_a_file_that_is_no_store_is_said_to_be_none(tmp_path):
    with closing(sqlite3.connect(tmp_path / "operations.db")) as other:
        other.execute("CREATE TABLE devices (id INTEGER PRIMARY KEY)")
        other.commit()
    store = Operations(tmp_path)
    with pytest.raises((SQLAlchemyError, OperationsError)):
        store.prepare()
    store.close()
    with create_engine(f"sqlite:///{tmp_path / 'operations.db'}").connect() as connection:
        assert inspect(connection).get_table_names() == ["devices"]
