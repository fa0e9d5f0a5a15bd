"""The tables that revisions make are those that the program declares, whatever came before."""

import hashlib
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
from sqlalchemy import (
    Connection,
    column,
    create_engine,
    insert,
    inspect,
    select,
    table,
    text,
)
from sqlalchemy.exc import SQLAlchemyError

import access
import dispatch
from access import schema
from access.attempts import MOST_IN_A_ROW, Attempts
from access.audit import Audit, entry
from access.devices import Devices
from access.operations import FILE, METADATA, REVISION_FILE, Moment, Operations, OperationsError
from access.sessions import Sessions
from access.tokens import BROKEN
from dispatch.alerts import ALERTS, LiveAlerts
from dispatch.walls import Walls
from rules.cap_message import from_json
from tests.conftest import emptied
from tests.rules.test_cap_message import RECORD

for package in (access, dispatch):  # every table that there is, whoever asks for it
    for module in iter_modules(package.__path__):
        if module.name not in ("__main__", "migrations"):
            import_module(f"{package.__name__}.{module.name}")
NOW = datetime(2026, 11, 5, 4, tzinfo=UTC)
FIRST, BEFORE_SEALS = "0001", "0002"
TOKEN, REVOKED, SCREEN = "a-token-of-an-older-program", "a-revoked-one", "a-screen-of-old"
RUNNING, ENDED = "a-session-of-an-older-program", "a-session-that-ended"


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


def of_revision(store: Operations, number: str) -> None:
    """As an older program left it."""
    with store._alone() as connection:
        assert schema.upgrade(connection, store._key, number)[-1] == number


def later(store: Operations) -> Operations:
    """The same, opened by the present program; older ones did not write down their revision."""
    (store.home / REVISION_FILE).unlink(missing_ok=True)
    return again(store)


def again(store: Operations) -> Operations:
    return Operations(store.home, store.url.render_as_string(False))


def put(connection: Connection, name: str, /, **values: object) -> None:
    """A row of an older program, which knew other columns."""
    kinds = {key: Moment if isinstance(each, datetime) else None for key, each in values.items()}
    older = table(name, *(column(key, kind) for key, kind in kinds.items()))
    connection.execute(insert(older).values(values))


def plain(token: str) -> str:
    """As older programs kept a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def put_devices(connection: Connection) -> None:
    for number, (name, kind, token) in enumerate(
        (("平台", "alerts", TOKEN), ("大厅", "wall", SCREEN), ("旧屏", "wall", REVOKED)), 1
    ):
        row = {"name": name, "kind": kind, "digest": plain(token), "added_at": NOW}
        put(connection, "devices", id=number, **row)
    connection.execute(text("UPDATE devices SET revoked_at = added_at WHERE id = 3"))
    for device, kind, value in ((1, "sender", "b@x"), (1, "sender", "a@x"), (2, "region", "t:T1")):
        put(connection, "device_limits", device=device, kind=kind, value=value)


def filled(store: Operations) -> int:
    """What is done in every table of the first revision; an alert's sequence."""
    with store.writing() as connection:
        put_devices(connection)
    alerts, message = LiveAlerts(store), from_json(orjson.dumps(RECORD))
    sequence = alerts.accept(message, "平台", b"raw", NOW).sequence
    alerts.refuse(message, "平台", b"raw", NOW)
    alerts.acknowledge([message.identity], "值班台", NOW)
    Walls(store).command(0, {"mode": "war"}, "值班台", NOW)
    Audit(store).note(entry("console", "test", "一"), NOW)
    return sequence


def rows(store: Operations) -> dict[str, int]:
    with store.engine.connect() as connection:
        names = set(inspect(connection).get_table_names()) - {schema.VERSIONS}
        return {
            name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one()
            for name in sorted(names)
        }


def whole(store: Operations, sequence: int) -> bool:
    device = Devices(store).of(TOKEN, NOW)
    with store.reading() as connection:
        found = connection.execute(select(ALERTS.c.sequence)).scalars().all()
    verdict = Audit(store).verify()
    assert device is not None and device.senders == ("a@x", "b@x")
    assert (found, verdict.entries, verdict.problems) == ([sequence], 1, ())
    return Walls(store).state(0)[0].mode == "war"


def test_a_store_of_the_first_revision_is_upgraded_with_all_that_is_in_it(operations, monkeypatch):
    of_revision(operations, FIRST)
    with monkeypatch.context() as older:
        older.setattr(schema, "newest", lambda: FIRST)
        sequence = filled(operations)
    before = rows(operations)
    newer = later(operations)
    newer.prepare()
    assert differences(newer) == []
    after = rows(newer)
    assert {name: after[name] for name in before} == before
    assert whole(newer, sequence)
    newer.close()


def test_a_store_made_before_there_were_revisions_is_taken_over(operations, monkeypatch):
    """All tables but the number of the revision; some may be missing, for they came by and by."""
    of_revision(operations, FIRST)
    with monkeypatch.context() as older:
        older.setattr(schema, "newest", lambda: FIRST)
        sequence = filled(operations)
    with operations.engine.begin() as connection:
        connection.execute(text(f"DROP TABLE {schema.VERSIONS}"))
        connection.execute(text("DROP TABLE listeners"))
    taken = later(operations)
    assert whole(taken, sequence)
    assert differences(taken) == []
    with pytest.raises(SQLAlchemyError), taken.writing() as connection:
        connection.execute(text("UPDATE audit SET actor = 'x'"))
    taken.close()


def before_seals(store: Operations) -> None:
    """Devices, an account with its sessions and a lock, as the program before kept them."""
    of_revision(store, BEFORE_SEALS)
    with store._alone() as connection:
        put_devices(connection)
        account = {"name": "leader1", "shown": "x", "role": "leader", "digest": "x"}
        yes_no = {"must_change": False, "is_demo": False}
        times = {"added_at": NOW, "changed_at": NOW, "password_at": NOW}
        put(connection, "accounts", id=7, **account, **yes_no, **times)
        of_account = {"account": 7, "address": "192.0.2.7", "agent": "", "way": "password"}
        for token in (RUNNING, ENDED):
            row = {"digest": plain(token), "begun_at": NOW, "seen_at": NOW, **of_account}
            put(connection, "sessions", **row)
        over = text("UPDATE sessions SET ended_at = seen_at WHERE digest = :digest")
        connection.execute(over, {"digest": plain(ENDED)})
        digest = Attempts(store)._digest("leader1")
        put(connection, "sign_in_failures", digest=digest, failures=MOST_IN_A_ROW, last_at=NOW)


def test_tokens_of_the_program_before_go_on_being_good(operations):
    before_seals(operations)
    newer = later(operations)
    devices, sessions = Devices(newer), Sessions(newer)
    screen, platform = devices.of(SCREEN, NOW), devices.of(TOKEN, NOW)
    assert screen is not None and (screen.kind, screen.regions) == ("wall", (("t", "T1"),))
    assert platform is not None and platform.senders == ("a@x", "b@x")
    account = sessions.of(RUNNING, NOW, True)
    assert account is not None and account.name == "leader1"
    assert (devices.of(REVOKED, NOW), sessions.of(ENDED, NOW, True)) == (None, None)
    with newer.reading() as connection:
        for name in ("devices", "sessions"):
            asked = connection.execute(text(f"SELECT digest, seal FROM {name}")).all()
            kept = {each for row in asked for each in row}
            assert not kept & {plain(t) for t in (TOKEN, REVOKED, SCREEN, RUNNING, ENDED)}
            assert sum(row.seal == BROKEN for row in asked) == 1
        assert Attempts(newer).locked(connection, ["leader1", "nobody"], NOW) == {"leader1"}
    assert differences(newer) == []
    newer.close()


def turned_back(store: Operations) -> None:
    """By somebody who may write the store alone, and plants a token in the way of old."""
    changes = [
        "ALTER TABLE devices DROP COLUMN seal",
        "ALTER TABLE sessions DROP COLUMN seal",
        "DROP INDEX sign_in_failures_of_name",
        "ALTER TABLE sign_in_failures DROP COLUMN of_name",
        "DROP TABLE former_passwords",
        "DROP INDEX audit_about",
        f"UPDATE {schema.VERSIONS} SET version_num = '{BEFORE_SEALS}'",
    ]
    with store.engine.begin() as connection:
        for change in changes:
            connection.execute(text(change))
        row = {"name": "假屏", "kind": "remote", "digest": plain("planted"), "added_at": NOW}
        put(connection, "devices", id=99, **row)


@pytest.mark.parametrize("is_forgotten", [False, True])
def test_a_store_that_was_turned_back_is_not_carried_over(operations, is_forgotten):
    operations.prepare()
    turned_back(operations)
    if is_forgotten:  # as one from before there were revisions
        with operations.engine.begin() as connection:
            connection.execute(text(f"DROP TABLE {schema.VERSIONS}"))
    started = again(operations)
    with pytest.raises(OperationsError, match="这个数据目录用过第 0003 版"):
        Devices(started).of("planted", NOW)
    (operations.home / REVISION_FILE).unlink()  # whoever may, says that he knows it
    assert Devices(started).of("planted", NOW) is not None
    started.close()


def test_a_home_whose_store_is_gone_begins_anew(operations):
    operations.prepare()
    if operations.is_file:
        operations.close()
        for path in operations.home.glob(FILE):
            path.unlink()
    else:
        emptied(operations)
    started = again(operations)
    assert Devices(started).all() == []
    started.close()


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
