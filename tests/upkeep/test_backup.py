"""A backup taken at any moment makes the centre again: nothing that was answered is missing, no
number is another, and what was there before is never lost."""

import json
import os
import shutil
import sqlite3
from collections import namedtuple
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import SQLAlchemyError
from typer.testing import CliRunner

from access import schema
from access.accounts import Accounts
from access.audit import ANCHOR, Audit, entry
from access.devices import Devices
from access.keys import KEY_FILE
from access.operations import VARIABLE, Operations, OperationsError
from access.sessions import Sessions
from data.editions.integrity import state_hash
from data.editions.shelf import Shelf
from data.editions.store import EditionStore
from data.runs import RunLog
from etl.origin import Origin, recorded
from etl.run import run
from tests.conftest import emptied
from tests.etl.test_upgrade import made_older
from tests.etl.village import Village, matter, table, village
from tests.upkeep.drill import drill
from upkeep import backup as backing_up
from upkeep.__main__ import app
from upkeep.archive import BackupError, Manifest, extract, verify, written
from upkeep.backup import backup, program_version
from upkeep.restore import restore

NOW = datetime(2026, 11, 10, 12, tzinfo=UTC)
Usage = namedtuple("Usage", "total used free")
LATER = NOW + timedelta(hours=1)


@pytest.fixture(params=["sqlite", "postgresql"])
def centre(request, tmp_path: Path, monkeypatch) -> Iterator[Village]:
    """A home with an edition, a run, devices and an audit, on a store of each kind."""
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres")
        monkeypatch.setenv(VARIABLE, url)
        store = Operations(tmp_path)
        emptied(store)
        store.close()
    yield loaded(tmp_path)


@pytest.fixture
def home(tmp_path: Path) -> Village:
    return loaded(tmp_path)


def loaded(root: Path) -> Village:
    made = village(root)
    inbox = made.home / "inbox"
    (inbox / "matters").mkdir(parents=True)
    (inbox / "matters" / "1.csv").write_text(table(matter(1), matter(2, dept="法院")))
    run_of(made)
    operations = Operations(made.home)
    Devices(operations).add("wall", "大厅", NOW)
    operations.close()
    return made


def run_of(made: Village) -> None:
    run(Origin(made.site, made.home / "inbox"), made.home, now=datetime(2026, 11, 10, 12))


def told(home: Path) -> tuple[list[str], int, tuple[str, ...]]:
    """Devices, entries of the audit, and what is wrong with it."""
    operations = Operations(home)
    try:
        verdict = Audit(operations).verify()
        return [d.name for d in Devices(operations).all()], verdict.entries, verdict.problems
    finally:
        operations.close()


def state(home: Path) -> str:
    store = EditionStore(home)
    with store.reading() as edition:
        found = state_hash(edition._connection)
    store.close()
    return found


def test_a_centre_that_is_gone_is_made_again(centre: Village, tmp_path: Path):
    made = backup(centre.home, tmp_path / "a.tar.zst", NOW)
    assert (made.site, made.editions, made.current) == ("village", (1,), 1)
    assert made.revision == schema.newest() and made.program == program_version()
    before, runs = state(centre.home), RunLog(centre.home).runs()
    files = {p.name: p.read_bytes() for p in (centre.home / "inbox").rglob("*.csv")}
    os.rename(centre.home, tmp_path / "gone")
    if (url := os.environ.get(VARIABLE)) is not None:
        store = Operations(tmp_path, url)
        emptied(store)
        store.close()
    done = restore(tmp_path / "a.tar.zst", centre.home, LATER)
    assert told(centre.home) == (["大厅"], 3, ())  # added, backed up, restored
    assert state(centre.home) == before
    assert RunLog(centre.home).runs() == runs
    assert {p.name: p.read_bytes() for p in (centre.home / "inbox").rglob("*.csv")} == files
    assert done.aside is None and "审计 2 条" in done.notes
    run_of(centre)  # nothing is new, and what is new is loaded
    assert EditionStore(centre.home).current() == 1
    (centre.home / "inbox" / "matters" / "2.csv").write_text(table(matter(3)))
    run_of(centre)
    assert EditionStore(centre.home).current() == 2


def test_tokens_are_good_in_a_centre_made_again(centre: Village, tmp_path: Path, cheap_passwords):
    """They are kept under a key of the home, which the backup holds too."""
    operations = Operations(centre.home)
    token = Devices(operations).add("wall", "二镇", NOW, regions=["town:T1"])
    accounts = Accounts(operations)
    accounts.add("leader1", "x", "leader", NOW, password="Xk7#pqr-stuvw")
    account = accounts.of("leader1")
    assert account is not None
    session = Sessions(operations).begin(account, NOW, None, "", "password")
    operations.close()
    backup(centre.home, tmp_path / "a.tar.zst", NOW)
    os.rename(centre.home, tmp_path / "gone")
    if (url := os.environ.get(VARIABLE)) is not None:
        store = Operations(tmp_path, url)
        emptied(store)
        store.close()
    restore(tmp_path / "a.tar.zst", centre.home, LATER)
    operations = Operations(centre.home)
    device = Devices(operations).of(token, LATER)
    assert device is not None and device.regions == (("town", "T1"),)
    assert Sessions(operations).of(session, NOW, True) == account
    operations.close()


def test_nobody_but_the_owner_may_read_what_was_made_again(home: Village, tmp_path: Path):
    backup(home.home, tmp_path / "a.tar.zst", NOW)
    restore(tmp_path / "a.tar.zst", tmp_path / "new", LATER)
    open_to_others = [p.name for p in (tmp_path / "new").rglob("*") if p.stat().st_mode & 0o077]
    assert {name.partition("-")[0] for name in open_to_others} <= {"operations.db"}  # its WAL
    assert (tmp_path / "new" / KEY_FILE).stat().st_mode & 0o777 == 0o600


def test_pinned_editions_are_kept_and_others_left(home: Village, tmp_path: Path):
    store = EditionStore(home.home)
    for number in (2, 3):
        (home.home / "inbox" / "matters" / f"{number}.csv").write_text(table(matter(number + 9)))
        run_of(home)
    store.pin(1)
    store.close()
    made = backup(home.home, tmp_path / "a.tar.zst", NOW)
    assert (made.editions, made.current) == ((1, 3), 3)
    restore(tmp_path / "a.tar.zst", tmp_path / "new", LATER)
    again = EditionStore(tmp_path / "new")
    assert (again.numbers(), again.current(), again.pinned()) == ([1, 3], 3, {1})
    again.close()


def test_what_an_older_program_backed_up_is_restored_and_taken_along(home: Village, tmp_path: Path):
    store = EditionStore(home.home)
    store.pin(1)
    store.close()
    (home.home / "inbox" / "matters" / "2.csv").write_text(table(matter(3)))
    run_of(home)
    made_older(home, 1)
    made_older(home, 2)
    made = backup(home.home, tmp_path / "a.tar.zst", NOW)
    assert (made.editions, made.current) == ((1, 2), 2)
    done = restore(tmp_path / "a.tar.zst", tmp_path / "new", LATER)
    said = [note for note in done.notes if "来自旧程序" in note]
    assert len(said) == 2 and all("下一次装载" in note for note in said)
    run(recorded(tmp_path / "new"), tmp_path / "new", now=datetime(2026, 11, 10, 12))
    assert EditionStore(tmp_path / "new").current() == 3
    assert state(tmp_path / "new") != ""


def test_in_place_of_a_damaged_edition_the_one_before_is_kept(home: Village, tmp_path: Path):
    (home.home / "inbox" / "matters" / "2.csv").write_text(table(matter(9)))
    run_of(home)
    newest = Shelf(home.home).path(2)
    newest.write_bytes(newest.read_bytes()[:9000])
    made = backup(home.home, tmp_path / "a.tar.zst", NOW)
    assert (made.editions, made.current) == ((1,), 1)
    assert "版本 2 已损坏" in made.left_out[0]
    restore(tmp_path / "a.tar.zst", tmp_path / "new", LATER)
    assert EditionStore(tmp_path / "new").current() == 1


def test_a_home_without_anything_loaded_has_its_store_backed_up(tmp_path: Path):
    operations = Operations(tmp_path / "home")
    Devices(operations).add("wall", "大厅", NOW)
    operations.close()
    made = backup(tmp_path / "home", tmp_path / "a.tar.gz", NOW)
    assert (made.site, made.editions, made.current) == (None, (), None)
    restore(tmp_path / "a.tar.gz", tmp_path / "new", LATER)
    assert told(tmp_path / "new") == (["大厅"], 3, ())
    with pytest.raises(BackupError, match="没有这个数据目录"):
        backup(tmp_path / "none", tmp_path / "b.tar.gz", NOW)


def test_a_home_that_is_used_is_replaced_only_if_told_so_and_kept(centre: Village, tmp_path: Path):
    backup(centre.home, tmp_path / "a.tar.zst", NOW)
    operations = Operations(centre.home)
    Devices(operations).add("wall", "后来的", LATER)
    operations.close()
    with pytest.raises(BackupError, match="不是空的"):
        restore(tmp_path / "a.tar.zst", centre.home, LATER)
    assert told(centre.home)[0] == ["大厅", "后来的"]
    done = restore(tmp_path / "a.tar.zst", centre.home, LATER, is_replacing=True)
    assert told(centre.home)[0] == ["大厅"]
    assert done.aside is not None and (done.aside / "editions" / "1.duckdb").exists()
    if VARIABLE not in os.environ:
        assert told(done.aside)[0] == ["大厅", "后来的"]
        return
    kept = Operations(tmp_path)
    with kept.engine.connect() as connection:
        names = connection.exec_driver_sql(
            "SELECT name FROM before_20261110_130000.devices ORDER BY id"
        )
        assert list(names.scalars()) == ["大厅", "后来的"]
    kept.close()


def test_a_database_that_is_used_is_not_filled(centre: Village, tmp_path: Path):
    if VARIABLE not in os.environ:
        pytest.skip("of a database by URL")
    backup(centre.home, tmp_path / "a.tar.zst", NOW)
    with pytest.raises(BackupError, match="不是空的"):
        restore(tmp_path / "a.tar.zst", tmp_path / "new", LATER)
    assert not (tmp_path / "new").exists()
    assert not list(tmp_path.glob("new.*"))


def test_a_store_of_another_kind_is_refused(home: Village, tmp_path: Path, postgres, monkeypatch):
    backup(home.home, tmp_path / "a.tar.zst", NOW)
    monkeypatch.setenv(VARIABLE, postgres)
    with pytest.raises(BackupError, match="备份中的业务库是 sqlite，这里配置的是 postgresql"):
        restore(tmp_path / "a.tar.zst", tmp_path / "new", LATER)
    assert not (tmp_path / "new").exists()


def test_a_backup_of_a_newer_program_is_refused(home: Village, tmp_path: Path, monkeypatch):
    backup(home.home, tmp_path / "a.tar.zst", NOW)
    monkeypatch.setattr("upkeep.restore.newest", lambda: "0000")
    with pytest.raises(BackupError, match="备份来自更新的程序"):
        restore(tmp_path / "a.tar.zst", tmp_path / "new", LATER)


@pytest.mark.parametrize("fails", ["_check_editions", "_check_store", "_move_in"])
def test_a_restore_that_fails_leaves_the_old_home(home: Village, tmp_path, monkeypatch, fails: str):
    backup(home.home, tmp_path / "a.tar.zst", NOW)
    before = {p: p.read_bytes() for p in home.home.rglob("*") if p.is_file()}

    def fail(*_):
        raise OSError("no")

    monkeypatch.setattr(f"upkeep.restore.{fails}", fail)
    with pytest.raises(OSError, match="no"):
        restore(tmp_path / "a.tar.zst", home.home, LATER, is_replacing=True)
    assert {p: p.read_bytes() for p in home.home.rglob("*") if p.is_file()} == before
    assert not list(tmp_path.glob("home.*"))


def test_the_anchor_is_never_ahead_of_the_store(home: Village, tmp_path: Path, monkeypatch):
    """Entries that are written between the two copies are in the store only."""
    operations = Operations(home.home)
    real = backing_up.copy_sqlite

    def later(source: Path, target: Path) -> None:
        Audit(operations).note(entry("console", "test"), NOW)
        real(source, target)

    monkeypatch.setattr(backing_up, "copy_sqlite", later)
    backup(home.home, tmp_path / "a.tar.zst", NOW)
    operations.close()
    restore(tmp_path / "a.tar.zst", tmp_path / "new", LATER)
    assert told(tmp_path / "new")[2] == ()


def test_an_anchor_elsewhere_that_knows_more_is_set_aside_and_named(
    home: Village, tmp_path: Path, monkeypatch
):
    monkeypatch.setenv(ANCHOR, str(tmp_path / "disk2" / "anchor"))
    operations = Operations(home.home)
    Audit(operations).note(entry("console", "one"), NOW)
    backup(home.home, tmp_path / "a.tar.zst", NOW)
    Audit(operations).note(entry("console", "lost"), NOW)
    operations.close()
    lost = (tmp_path / "disk2" / "anchor").read_bytes()
    done = restore(tmp_path / "a.tar.zst", home.home, LATER, is_replacing=True)
    assert any("锚文件" in note for note in done.notes)
    assert told(home.home)[2] == ()
    (aside,) = (tmp_path / "disk2").glob("anchor.before_*")
    assert aside.read_bytes() == lost


def test_the_sites_declarations_come_along_where_they_are_gone(home: Village, tmp_path: Path):
    backup(home.home, tmp_path / "a.tar.zst", NOW)
    os.rename(home.site, tmp_path / "site gone")
    done = restore(tmp_path / "a.tar.zst", tmp_path / "new", LATER)
    assert any("改用备份中的" in note for note in done.notes)
    origin = recorded(tmp_path / "new")
    assert (origin.site_folder, origin.input) == (
        tmp_path / "new" / "site",
        tmp_path / "new" / "inbox",
    )
    again = backup(tmp_path / "new", tmp_path / "b.tar.zst", LATER)
    restore(tmp_path / "b.tar.zst", tmp_path / "newer", LATER)
    assert again.site == "village"


def test_without_the_deliveries_it_says_so(home: Village, tmp_path: Path):
    made = backup(home.home, tmp_path / "a.tar.zst", NOW, with_inbox=False)
    assert not [each for each in made.members if "inbox" in each.name]
    assert "送来的文件（收件箱）没有备份" in made.left_out
    restore(tmp_path / "a.tar.zst", tmp_path / "new", LATER)
    assert (tmp_path / "new" / "inbox").is_dir()


def test_what_was_erased_since_does_not_come_back_for_good(home: Village, tmp_path: Path):
    erased = [{"case_code": "A"}, {"case_code": "B", "reason": "本人要求"}]
    (home.home / "erased.json").write_text(json.dumps(erased[:1]))
    backup(home.home, tmp_path / "a.tar.zst", NOW)
    (home.home / "erased.json").write_text(json.dumps(erased))
    done = restore(tmp_path / "a.tar.zst", home.home, LATER, is_replacing=True)
    assert json.loads((home.home / "erased.json").read_text()) == erased
    assert any("清除过 1 件" in note for note in done.notes)
    again = restore(tmp_path / "a.tar.zst", tmp_path / "new", LATER)
    assert not any("清除" in note for note in again.notes)
    assert json.loads((tmp_path / "new" / "erased.json").read_text()) == erased[:1]


@pytest.mark.parametrize("name", ["origin.json", "erased.json"])
@pytest.mark.parametrize("text", ["{", '{"site": 7, "input": "a"}', '"\\ud800"', "[" * 9999, "7"])
def test_what_cannot_be_read_of_a_home_is_told_in_one_line(
    home: Village, tmp_path: Path, name: str, text: str
):
    backup(home.home, tmp_path / "a.tar.zst", NOW)
    made = tampered(tmp_path / "a.tar.zst", {f"home/{name}": text.encode()})
    with pytest.raises(BackupError, match=f"{name} (读不出来|不是)"):
        restore(made, tmp_path / "new", LATER)
    assert not (tmp_path / "new").exists()


def test_a_backup_that_unpacks_to_more_than_there_is_room_for_is_not_unpacked(
    home: Village, tmp_path: Path, monkeypatch
):
    made = backup(home.home, tmp_path / "a.tar.zst", NOW)
    size = sum(each.size for each in made.members)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1e12, 0, size - 1))
    monkeypatch.setattr("upkeep.restore._unpack", lambda *_: pytest.fail("unpacked"))
    with pytest.raises(BackupError, match=f"解开有 .* MB，{tmp_path} 只剩 .*；没有恢复"):
        restore(tmp_path / "a.tar.zst", tmp_path / "new", LATER)
    monkeypatch.undo()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1e12, 0, size))
    restore(tmp_path / "a.tar.zst", tmp_path / "new", LATER)


@pytest.mark.parametrize(
    ("content", "said"), [(b"x" * 5_000_000, "比清单说的大"), (b"y", "在恢复时变了")]
)
def test_no_other_backup_is_unpacked_than_was_looked_through(
    home: Village, tmp_path: Path, monkeypatch, content: bytes, said: str
):
    (home.home / "note").write_bytes(b"x")
    backup(home.home, tmp_path / "a.tar.gz", NOW)
    other = tampered(tmp_path / "a.tar.gz", {"home/note": content})

    def changed(archive: Path) -> Manifest:
        manifest = verify(archive)
        os.replace(other, archive)
        return manifest

    monkeypatch.setattr("upkeep.restore.verify", changed)
    with pytest.raises(BackupError, match=said):
        restore(tmp_path / "a.tar.gz", tmp_path / "new", LATER)
    assert not (tmp_path / "new").exists()


def tampered(archive: Path, files: dict[str, bytes], **said) -> Path:
    """As somebody would make it who may write what they like: whole, with other content."""
    contents: dict[str, bytes] = {}
    manifest = extract(archive, lambda name, parts: contents.__setitem__(name, b"".join(parts)))
    with written(archive.with_name("tampered.tar.gz")) as target:
        for name, content in (contents | files).items():
            (archive.parent / "content").write_bytes(content)
            with open(archive.parent / "content", "rb") as file:
                target.add(name, file)
        target.finish(replace(manifest, **said, members=tuple(target.members)))
    return archive.with_name("tampered.tar.gz")


def test_what_was_left_by_one_that_was_killed_goes_after_a_day(home: Village, tmp_path: Path):
    old = [
        tmp_path / name for name in (".zhinao-abc", ".a.tar.zst.00112233.part", "new.restoring.00")
    ]
    young = [
        tmp_path / name for name in (".zhinao-now", ".b.tar.gz.00112233.part", "new.restoring.11")
    ]
    for path in (*old, *young):
        path.touch() if path.suffix == ".part" else path.mkdir()
    for path in old:
        os.utime(path, (0, 0))
    backup(home.home, tmp_path / "a.tar.zst", NOW)
    restore(tmp_path / "a.tar.zst", tmp_path / "new", LATER)
    assert [path.exists() for path in (*old, *young)] == [False] * 3 + [True] * 3


def test_links_are_left_and_named(home: Village, tmp_path: Path):
    (home.home / "inbox" / "link.csv").symlink_to("/etc/passwd")
    (home.home / "inbox" / "folder").symlink_to("/etc")
    made = backup(home.home, tmp_path / "a.tar.zst", NOW)
    assert sum("链接" in reason for reason in made.left_out) == 2
    assert not [each for each in made.members if "link" in each.name or "passwd" in each.name]


def test_a_key_in_the_environment_is_not_in_the_backup(home: Village, tmp_path, monkeypatch):
    made = backup(home.home, tmp_path / "a.tar.zst", NOW)
    assert made.has_audit_key
    monkeypatch.setenv("ZHINAO_AUDIT_KEY", "a secret of the environment")
    (home.home / KEY_FILE).unlink()
    made = backup(home.home, tmp_path / "b.tar.zst", NOW)
    assert not made.has_audit_key
    assert any("审计密钥在环境变量" in reason for reason in made.left_out)
    extract(tmp_path / "b.tar.zst", lambda _, parts: check_absent(b"a secret of", b"".join(parts)))


def check_absent(secret: bytes, content: bytes) -> None:
    assert secret not in content


def test_the_commands_say_what_they_did(home: Village, tmp_path: Path):
    file, runner = str(tmp_path / "a.tar.zst"), CliRunner()
    said = runner.invoke(app, ["backup", "--home", str(home.home), "--to", file])
    assert said.exit_code == 0 and "已写入并核对" in said.output and "密钥" in said.output
    assert runner.invoke(app, ["verify", file]).output.endswith("完好\n")
    said = runner.invoke(app, ["restore", file, "--home", str(tmp_path / "new")])
    assert said.exit_code == 0 and "已恢复到" in said.output
    again = runner.invoke(app, ["restore", file, "--home", str(tmp_path / "new")])
    assert (
        again.exit_code == 1 and again.stderr.startswith("失败：") and "--replace" in again.stderr
    )
    content = Path(file).read_bytes()
    Path(file).write_bytes(content[:-20])
    broken = runner.invoke(app, ["verify", file])
    assert (broken.exit_code, broken.stdout) == (1, "")


def test_a_backup_says_nothing_that_a_terminal_obeys(home: Village, tmp_path: Path):
    backup(home.home, tmp_path / "a.tar.zst", NOW)
    evil = "\x1b]0;a\x07b\r\u202e\u3000c"
    origin = json.dumps({"site": f"/none{evil[:7]}", "input": "/none"})
    files = {"home/origin.json": origin.encode()}
    made = tampered(tmp_path / "a.tar.zst", files, site=evil, left_out=(evil,), inbox=None)
    restored = ["restore", str(made), "--home", str(tmp_path / "new")]
    for words in (["verify", str(made)], restored, restored):
        said = CliRunner().invoke(app, words)
        assert {sign for sign in said.output if not sign.isprintable()} <= {"\n", "\u3000"}
        if said.exit_code == 0:
            assert "?]0;a?b??\u3000c" in said.output
    file = tmp_path / "\x1b[2J.tar.gz"
    file.touch()
    assert "\x1b" not in CliRunner().invoke(app, ["verify", str(file)]).output


def test_a_damaged_store_is_no_backup(home: Village, tmp_path: Path):
    operations = home.home / "operations.db"
    with closing(sqlite3.connect(operations)) as store:
        store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(operations.read_bytes())
    for page in range(4, len(content) // 4096):  # leave the pages that are needed to open it
        content[page * 4096 + 8 : page * 4096 + 40] = os.urandom(32)
    operations.write_bytes(content)
    with pytest.raises((OperationsError, SQLAlchemyError, sqlite3.Error)):
        backup(home.home, tmp_path / "a.tar.zst", NOW)
    assert not list(tmp_path.glob("*.tar.zst")) and not list(tmp_path.glob(".zhinao-*"))


def test_what_was_answered_before_a_backup_began_is_in_it(tmp_path: Path):
    """The drill of `bench/restore.py`, with fewer alerts."""
    found = drill(tmp_path, alerts=150, clients=3)
    assert found.acknowledged > 0
    assert (found.lost, found.differing) == (0, [])
    assert found.problems == ()


def test_the_manifest_is_what_verify_gives(home: Village, tmp_path: Path):
    made = backup(home.home, tmp_path / "a.tar.zst", NOW)
    assert isinstance(made, Manifest) and verify(tmp_path / "a.tar.zst") == made
