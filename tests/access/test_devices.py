"""A device is known by its token until that is revoked; the token itself is kept nowhere."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select, text
from typer.testing import CliRunner

from access.__main__ import app
from access.devices import DEVICES, Devices
from access.operations import FILE, Operations, OperationsError

NOW = datetime(2026, 11, 5, 4, tzinfo=UTC)


def plain(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@pytest.fixture
def devices(operations):
    return Devices(operations)


def test_a_device_is_known_by_its_token(devices):
    token = devices.add("alerts", "气象平台", NOW)
    found = devices.of(token, NOW)
    assert (found.name, found.kind, found.revoked_at) == ("气象平台", "alerts", None)
    assert [devices.of(wrong, NOW) for wrong in (None, "", "x", token[:-1], "\udc80")] == [None] * 5


def test_a_revoked_token_is_refused_at_once_and_stays_on_record(devices):
    token = devices.add("wall", "大厅", NOW)
    devices.of(token, NOW)
    devices.revoke("大厅", NOW + timedelta(hours=1))
    assert devices.of(token, NOW) is None
    assert [each.revoked_at for each in devices.all()] == [NOW + timedelta(hours=1)]


def test_a_name_is_free_again_once_revoked(devices):
    first = devices.add("wall", "大厅", NOW)
    with pytest.raises(OperationsError, match="已有名为 大厅 的设备"):
        devices.add("remote", "大厅", NOW)
    devices.revoke(str(devices.of(first, NOW).id), NOW)
    second = devices.add("remote", "大厅", NOW)
    assert (devices.of(first, NOW), devices.of(second, NOW).kind) == (None, "remote")


def test_who_writes_the_store_alone_can_plant_no_device(devices, operations):
    """Neither as older programs kept one, nor with the seal of another."""
    own = devices.add("wall", "大厅", NOW)
    row = {"kind": "remote", "added_at": NOW}
    with operations.writing() as connection:
        kept = connection.execute(select(DEVICES)).one()
        for number, digest in enumerate((plain("planted"), plain(plain("planted")))):
            planted = {"name": f"假{number}", "digest": digest, "seal": kept.seal}
            connection.execute(insert(DEVICES).values(row | planted))
    assert [devices.of(token, NOW) for token in ("planted", plain("planted"))] == [None, None]
    assert devices.of(own, NOW).name == "大厅"


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE devices SET kind = 'remote' WHERE id = 1",
        "UPDATE devices SET name = '值班台' WHERE id = 1",
        "DELETE FROM device_limits WHERE device = 1",
        "UPDATE device_limits SET value = 'town:T2' WHERE device = 1",
        "UPDATE device_limits SET device = 1 WHERE device = 3",
        "UPDATE devices SET seal = (SELECT d.seal FROM devices d WHERE d.id = 2) WHERE id = 1",
        "UPDATE devices SET seal = '' WHERE id = 1",
        "UPDATE devices SET seal = '智' WHERE id = 1",
    ],
)
def test_who_writes_the_store_alone_can_let_no_device_do_more(devices, operations, change):
    token = devices.add("wall", "大厅", NOW, regions=["town:T1"])
    other = devices.add("remote", "遥控器", NOW)
    devices.add("wall", "二镇", NOW, regions=["town:T2"])
    with operations.writing() as connection:
        connection.execute(text(change))
    assert devices.of(token, NOW) is None
    assert devices.of(other, NOW).kind == "remote"


def test_a_revoked_device_is_not_brought_back_by_who_writes_the_store(devices, operations):
    token = devices.add("wall", "大厅", NOW)
    devices.revoke("大厅", NOW)
    with operations.writing() as connection:
        connection.execute(text("UPDATE devices SET revoked_at = NULL"))
    assert devices.of(token, NOW) is None


def test_a_token_is_nobodys_at_another_home(devices, tmp_path, monkeypatch):
    """The key is another's there, as where somebody took the store without it."""
    token = devices.add("wall", "大厅", NOW)
    monkeypatch.setenv("ZHINAO_AUDIT_KEY", "another key than that in the home")
    assert Devices(devices._operations).of(token, NOW) is None
    monkeypatch.delenv("ZHINAO_AUDIT_KEY")
    assert Devices(devices._operations).of(token, NOW) is not None


def test_when_it_was_seen_last_is_kept_to_the_minute(devices):
    token = devices.add("wall", "大厅", NOW)
    for seconds in (0, 30, 61, 90):
        devices.of(token, NOW + timedelta(seconds=seconds))
    assert devices.all()[0].last_seen == NOW + timedelta(seconds=61)


@pytest.mark.parametrize(
    ("kind", "name"),
    [("camera", "a"), ("wall", " "), ("wall", "7"), ("wall", "a\nb"), ("wall", "大" * 41)],
)
def test_what_cannot_be_a_device_is_refused(devices, kind, name):
    with pytest.raises(OperationsError):
        devices.add(kind, name, NOW)


def test_it_speaks_for_its_senders_and_is_told_of_its_regions(devices):
    devices.add("alerts", "气象", NOW, senders=["b@x.example", "a@x.example", "a@x.example"])
    devices.add("wall", "一镇", NOW, regions=["town:T1"])
    token = devices.add("alerts", "任何", NOW)
    told = [(each.senders, each.regions) for each in devices.all()]
    assert told == [(("a@x.example", "b@x.example"), ()), ((), (("town", "T1"),)), ((), ())]
    assert devices.of(token, NOW).senders == ()


@pytest.mark.parametrize(
    ("kind", "limits", "said"),
    [
        ("wall", {"senders": ["a@x"]}, "--sender 只用于 alerts"),
        ("alerts", {"regions": ["town:T1"]}, "--region 只用于 wall"),
        ("alerts", {"senders": ["a b"]}, "没有空格和逗号"),
        ("alerts", {"senders": [""]}, "没有空格和逗号"),
        ("alerts", {"senders": ["a" * 301]}, "发送者"),
        ("wall", {"regions": ["T1"]}, "应为 层级:编码"),
        ("wall", {"regions": ["town:"]}, "应为 层级:编码"),
    ],
)
def test_a_limit_that_cannot_be_is_refused_and_no_device_made(devices, kind, limits, said):
    with pytest.raises(OperationsError, match=said):
        devices.add(kind, "一", NOW, **limits)
    assert devices.all() == []


def test_who_may_ask_may_also_while_nothing_can_be_written(devices, monkeypatch):
    token = devices.add("wall", "大厅", NOW)

    def full():
        raise OSError("disk full")

    monkeypatch.setattr(devices._operations, "writing", full)
    found = devices.of(token, NOW)
    assert found is not None and found.name == "大厅"


@pytest.mark.parametrize("which", ["大厅", "1", "9" * 40, "'; --"])
def test_who_is_not_there_cannot_be_revoked(devices, which):
    with pytest.raises(OperationsError, match="没有在用的设备"):
        devices.revoke(which, NOW)


def test_the_commands_add_list_and_revoke(tmp_path):
    def run(*arguments):
        result = CliRunner().invoke(app, ["devices", *arguments, "--home", str(tmp_path)])
        return result.exit_code, result.output.strip()

    code, token = run("add", "--kind", "wall", "--name", "大厅")
    store = Operations(tmp_path)
    assert (code, Devices(store).of(token, NOW).name) == (0, "大厅")
    assert token.encode() not in b"".join(path.read_bytes() for path in tmp_path.glob(f"{FILE}*"))
    code, listed = run("list")
    assert (code, "大厅" in listed, token in listed) == (0, True, False)
    assert run("add", "--kind", "wall", "--name", "大厅")[0] == 1
    senders = ("--sender", "a@x.example", "--sender", "b@x.example")
    assert run("add", "--kind", "alerts", "--name", "气象", *senders)[0] == 0
    assert run("add", "--kind", "alerts", "--name", "燃气")[0] == 0
    listed = run("list")[1].splitlines()
    assert ["不限" in line for line in listed[1:]] == [True, False, True]
    assert "a@x.example、b@x.example" in listed[2]
    assert run("revoke", "大厅") == (0, "已吊销 大厅")
    assert run("revoke", "大厅")[0] == 1
    assert Devices(store).of(token, NOW) is None
    store.close()
