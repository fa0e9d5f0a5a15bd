"""What is told of a centre is so, and whoever should look after something is told so."""

import shutil
from collections import namedtuple
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from access.devices import Devices
from access.operations import Operations
from data.editions.shelf import Shelf
from data.editions.store import EditionStore
from data.runs import RunLog
from tests.etl.village import MATTERS, Village, matter, table, village
from upkeep import status
from upkeep.__main__ import app
from upkeep.status import BAD, LATE, OK, Fact, facts, note_backup

NOW = datetime(2026, 11, 10, 12, tzinfo=UTC)
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def centre(tmp_path: Path, monkeypatch) -> Village:
    """In which all is well at NOW."""
    source = MATTERS.replace('key = ["id"]', 'key = ["id"]\nexpected_every = 3600')
    made = village(tmp_path, source=source)
    made.deliver("matters/1.csv", table(matter(1)))
    made.run(now=datetime(2026, 11, 10, 19, 30))  # 11:30 UTC
    note_backup(made.home, "a.tar.zst", 2_000_000, NOW - timedelta(days=1))
    monkeypatch.setattr(status.shutil, "disk_usage", lambda _: Usage(9e12, 0, 5e12))
    return made


def told(home: Path, now: datetime = NOW) -> dict[str, Fact]:
    operations, store = Operations(home), EditionStore(home)
    found = facts(store, operations, now)
    operations.close()
    store.close()
    return {fact.key: fact for fact in found}


def test_where_all_is_well_nothing_is_to_be_looked_after(centre: Village):
    found = told(centre.home)
    assert [key for key, fact in found.items() if fact.state != OK] == []
    assert found["edition"].text.startswith("第 1 版，数据至 2026-11")
    assert found["sources"].text == "1 个来源都按约定送达"
    assert "a.tar.zst，2.0 MB" in found["backup"].text
    assert "数据目录中的文件" in found["store"].text


def wrong(home: Path, now: datetime = NOW) -> set[str]:
    return {key for key, fact in told(home, now).items() if fact.state != OK}


def test_a_source_is_named_half_a_period_after_it_was_due(centre: Village):
    assert wrong(centre.home, NOW + timedelta(minutes=59)) == set()
    late = told(centre.home, NOW + timedelta(minutes=61))["sources"]
    assert (late.text, late.state) == ("1 个迟到或失败：事项", LATE)
    assert "zhinao-watch" in late.advice


def test_a_backup_that_was_missed_for_two_nights_is_missed(centre: Village):
    RunLog(centre.home).note_source("matters", "ok", NOW + timedelta(days=1, hours=1))
    assert "backup" not in wrong(centre.home, NOW + timedelta(hours=23))
    assert "backup" in wrong(centre.home, NOW + timedelta(hours=25))
    (centre.home / status.NOTED).unlink()
    assert told(centre.home)["backup"].text == "从未备份"


def test_a_run_that_failed_is_told_with_its_reason(centre: Village):
    log = RunLog(centre.home)
    log.finish(log.start(NOW), NOW, "failed", reason="磁盘已满")
    found = told(centre.home)["run"]
    assert found.state == LATE and found.text.endswith("没有成功：磁盘已满")


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("{} 属于站点 a，不能装载站点 b；请换一个 --home", "属于站点 a，不能装载站点 b"),
        ("{}：清单读不出来：{}/x", "清单读不出来"),
        ("[Errno 28] No space left on device: '{}/x.tmp'", "No space left on device: '…'"),
        ("不能写 /srv/b，磁盘已满", "不能写 …，磁盘已满"),
        ("来源 a/b 被拒收", "来源 a/b 被拒收"),
    ],
)
def test_the_reason_of_a_run_names_no_path(centre: Village, reason: str, shown: str):
    log = RunLog(centre.home)
    log.finish(log.start(NOW), NOW, "failed", reason=reason.format(*2 * [centre.home]))
    found = told(centre.home)["run"].text
    assert found.endswith(shown) and str(centre.home) not in found


def test_a_disk_without_room_for_the_next_editions_is_told(centre: Village, monkeypatch):
    size = Shelf(centre.home).path(1).stat().st_size
    monkeypatch.setattr(status, "ROOM", 1e10 / size)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1e12, 0, 9e9))
    assert wrong(centre.home) == {"room"}


def test_a_damaged_edition_and_a_store_that_is_away_are_told_and_nothing_raises(
    centre: Village, monkeypatch
):
    path = Shelf(centre.home).path(1)
    path.write_bytes(path.read_bytes()[:9000])
    monkeypatch.setenv("ZHINAO_OPERATIONS", "postgresql://nobody@127.0.0.1:1/none")
    assert wrong(centre.home) >= {"edition", "sources", "store"}


def test_an_empty_home_is_told_of_too(tmp_path: Path):
    assert wrong(tmp_path) >= {"edition", "run", "backup"}
    assert told(tmp_path)["program"].state == OK


def test_the_command_ends_with_1_where_something_is_to_be_looked_after(centre: Village, tmp_path):
    runner, home = CliRunner(), str(centre.home)
    target = str(tmp_path / "b.tar.gz")
    assert runner.invoke(app, ["backup", "--home", home, "--to", target]).exit_code == 0
    said = runner.invoke(app, ["status", "--home", home])
    assert "正常  最近一次备份" in said.output and "b.tar.gz" in said.output
    (centre.home / status.NOTED).unlink()
    said = runner.invoke(app, ["status", "--home", home])
    assert (
        "留意  最近一次备份：从未备份\n      运行 python -m upkeep backup" in said.output
        and said.exit_code == 1
    )


def test_what_is_well_needs_no_advice_but_for_an_anchor_beside_the_store(centre: Village):
    found = told(centre.home)
    assert {key for key, fact in found.items() if fact.advice} == {"audit"}
    assert "ZHINAO_AUDIT_ANCHOR" in found["audit"].advice


def test_an_empty_home_is_told_the_first_step(tmp_path: Path):
    found = told(tmp_path)
    assert found["edition"].state == BAD and "etl run" in found["edition"].advice
    assert found["backup"].state == LATE and "upkeep backup" in found["backup"].advice


def test_a_store_that_is_away_is_a_fault_that_says_what_else_does_not_work(
    centre: Village, monkeypatch
):
    monkeypatch.setenv("ZHINAO_OPERATIONS", "postgresql://nobody@127.0.0.1:1/none")
    found = told(centre.home)
    assert found["store"].state == BAD and "登录" in found["store"].advice
    assert found["edition"].state == OK


def test_a_wall_that_has_gone_dark_is_named(centre: Village):
    operations = Operations(centre.home)
    devices = Devices(operations)
    token = devices.add("wall", "大厅", NOW)
    devices.add("wall", "门厅", NOW)
    devices.of(token, NOW)
    operations.close()
    fact = told(centre.home, NOW + timedelta(minutes=1))["screens"]
    assert fact.state == LATE and "门厅" in fact.advice and "大厅" not in fact.advice
    assert fact.text == "2 台大屏，1 台在线"
