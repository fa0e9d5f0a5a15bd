"""Every change of the audit is found: altered, taken out, put in, swapped, cut off at the end."""

import json
import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from typer.testing import CliRunner

from access.__main__ import app
from access.audit import ANCHOR, ANCHOR_FILE, REFUSED, Audit, entry
from access.devices import Devices
from access.keys import KEY, KEY_FILE
from access.operations import Operations, OperationsError

NOW = datetime(2026, 11, 5, 4, tzinfo=UTC)
ENTRIES = 5


@pytest.fixture
def audit(operations):
    audit = Audit(operations)
    for number in range(1, ENTRIES + 1):
        audit.note(entry("console", "device.add", f"大厅{number}", kind="wall"), NOW)
    return audit


def enemy(operations, *statements: str) -> None:
    """Somebody who may write the store, and takes away what keeps mistakes out."""
    guards = {
        "sqlite": ("DROP TRIGGER audit_no_update", "DROP TRIGGER audit_no_delete"),
        "postgresql": ("DROP TRIGGER audit_append_only ON audit",),
    }
    with operations.writing() as connection:
        for statement in (*guards[operations.engine.dialect.name], *statements):
            connection.execute(text(statement))


def test_what_was_noted_is_told_newest_first_and_the_chain_holds(audit):
    audit.note(entry("device:值班台", "alert.acknowledge", "A1", REFUSED), NOW + timedelta(hours=1))
    newest, before, *_ = audit.entries()
    assert (newest.seq, newest.entry.actor, newest.entry.result) == (6, "device:值班台", "refused")
    assert newest.at == NOW + timedelta(hours=1)
    assert before.entry.detail == '{"kind":"wall"}'
    assert [kept.seq for kept in audit.entries(before=3, limit=1)] == [2]
    verdict = audit.verify()
    assert (verdict.entries, verdict.anchored, verdict.problems) == (6, 6, ())


@pytest.mark.parametrize(
    ("done", "said"),
    [
        ("UPDATE audit SET subject = '大厅9' WHERE seq = 3", "第 3 条被改动过"),
        ("UPDATE audit SET result = 'refused' WHERE seq = 5", "第 5 条被改动过"),
        ("DELETE FROM audit WHERE seq = 2", "第 2 条到第 2 条不见了"),
        ("DELETE FROM audit WHERE seq = 1", "第 1 条到第 1 条不见了"),
        ("DELETE FROM audit WHERE seq > 3", "锚文件记录到第 5 条，库里只到第 3 条"),
        ("DELETE FROM audit", "锚文件记录到第 5 条，库里只到第 0 条"),
        ("UPDATE audit SET mac = (SELECT mac FROM audit WHERE seq = 1) WHERE seq = 4", "第 4 条"),
        (
            "INSERT INTO audit SELECT 6, at, actor, action, subject, result, detail, mac"
            " FROM audit WHERE seq = 5",
            "第 6 条被改动过",
        ),
    ],
)
def test_whoever_writes_the_store_is_found_out(audit, operations, done, said):
    enemy(operations, done)
    assert any(said in problem for problem in audit.verify().problems)


def test_a_chain_that_was_cut_and_goes_on_differs_from_its_anchor(audit, operations):
    """Who cuts the end off waits for the program to write as many entries again."""
    enemy(operations, "DELETE FROM audit WHERE seq > 3")
    for name in ("大厅8", "大厅9"):
        audit.note(entry("console", "device.add", name), NOW)
    found = audit.verify()
    assert (found.entries, found.anchored) == (ENTRIES, ENTRIES)
    assert [problem for problem in found.problems if "两个不同的记录" in problem]


def test_a_chain_made_anew_differs_from_its_anchor(audit, operations):
    """By somebody who has the key, but not the anchor."""
    enemy(operations, "DELETE FROM audit")
    other = Audit(operations, anchor=operations.home / "other")
    for number in range(1, ENTRIES + 1):
        other.note(entry("console", "device.add", f"别的{number}"), NOW)
    assert other.verify().problems == ()
    assert audit.verify().problems[0] == "第 1 条与锚文件记录的不同"


@pytest.mark.parametrize("statement", ["UPDATE audit SET actor = 'x'", "DELETE FROM audit"])
def test_the_store_itself_refuses_to_change_an_entry(audit, operations, statement):
    with pytest.raises(SQLAlchemyError), operations.writing() as connection:
        connection.execute(text(statement))
    assert audit.verify().problems == ()


def test_an_entry_is_kept_with_what_it_tells_of_or_not_at_all(operations):
    devices, audit = Devices(operations), Audit(operations)
    devices.add("wall", "大厅", NOW)
    with pytest.raises(OperationsError):
        devices.add("wall", "大厅", NOW)
    with pytest.raises(KeyError), audit.writing() as (_, note):
        note(entry("console", "device.add", "没有做成"), NOW)
        raise KeyError
    devices.revoke("大厅", NOW)
    told = [(kept.entry.action, kept.entry.subject) for kept in audit.entries()]
    assert told == [("device.revoke", "大厅"), ("device.add", "大厅")]


def test_writers_side_by_side_leave_no_gap(operations):
    def write(number: int) -> None:
        own = Operations(operations.home, operations.url.render_as_string(False))
        for each in range(10):
            Audit(own).note(entry(f"device:{number}", "test", str(each)), NOW)
        own.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    verdict = Audit(operations).verify()
    assert (verdict.entries, verdict.anchored, verdict.problems) == (40, 40, ())


def test_an_anchor_that_cannot_be_written_stops_nothing_and_the_next_one_holds(operations):
    (operations.home / "full").write_text("")
    Audit(operations, anchor=operations.home / "full" / "anchor").note(entry("a", "b"), NOW)
    audit = Audit(operations)
    assert (audit.verify().entries, audit.verify().anchored) == (1, 0)
    audit.note(entry("a", "c"), NOW)
    assert audit.verify().anchored == 2


def test_a_line_torn_by_a_power_cut_is_told_and_hides_nothing(audit, operations):
    with open(operations.home / ANCHOR_FILE, "a") as file:
        file.write("6 12ab")
    audit.note(entry("console", "later"), NOW)
    audit.note(entry("console", "latest"), NOW)
    verdict = audit.verify()
    assert verdict.problems == ("锚文件第 6 行读不懂（写到一半断电，或被改动）",)
    assert (verdict.entries, verdict.anchored) == (7, 7)


def test_key_and_anchor_are_for_the_server_alone_and_may_lie_elsewhere(
    audit, operations, tmp_path, monkeypatch
):
    for name in (KEY_FILE, ANCHOR_FILE):
        assert (operations.home / name).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in operations.home.glob(f"{KEY_FILE}*")] == [KEY_FILE]
    monkeypatch.setenv(KEY, "another")
    assert len(Audit(operations).verify().problems) == ENTRIES
    monkeypatch.setenv(ANCHOR, str(tmp_path / "usb" / "anchor"))
    elsewhere = Audit(operations)
    elsewhere.note(entry("a", "b"), NOW)
    assert (tmp_path / "usb" / "anchor").read_text().startswith("6 ")


def test_a_damaged_key_is_said(operations):
    operations.home.mkdir(parents=True, exist_ok=True)
    (operations.home / KEY_FILE).write_bytes(b"short")
    with pytest.raises(OperationsError, match="应有 32 个字节，现有 5 个"):
        Audit(operations).note(entry("a", "b"), NOW)


def test_the_commands_list_and_verify(tmp_path):
    def run(*words: str):
        return CliRunner().invoke(app, [*words, "--home", str(tmp_path)])

    assert run("devices", "add", "--kind", "wall", "--name", "大厅").exit_code == 0
    assert run("devices", "revoke", "大厅").exit_code == 0
    listed = run("audit", "list").output
    assert listed.index("device.revoke") < listed.index("device.add")
    verified = run("audit", "verify")
    assert (verified.exit_code, verified.output) == (0, "审计 2 条，链完整；锚文件记录到第 2 条\n")
    operations = Operations(tmp_path)
    enemy(operations, "UPDATE audit SET actor = '别人' WHERE seq = 1")
    operations.close()
    assert run("audit", "verify").exit_code == 1


def test_an_entry_holds_nothing_that_a_terminal_obeys(operations):
    hostile = "a\x1b[2J\x9b\u202eb\0\ud800\n\u3000人"
    what = entry(hostile, "export", hostile, reason=hostile, rows=3)
    assert what.actor == what.subject == "a\ufffd[2J\ufffd\ufffdb\ufffd\ufffd  人"
    assert json.loads(what.detail) == {"reason": what.actor, "rows": 3}
    assert what.detail.isprintable()
    Audit(operations).note(what, datetime(2026, 11, 5, tzinfo=UTC))
    assert Audit(operations).verify().problems == ()
