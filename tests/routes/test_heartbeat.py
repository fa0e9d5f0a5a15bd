"""Moved or not moved, and how old."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

import app as screen
from access.devices import Devices
from access.operations import Operations
from data.editions.store import EditionStore
from data.runs import RunLog
from routes import heartbeat
from routes.heartbeat import Heartbeat
from tests.layouts.small import DATA_TIME, of_another_schema, publish, small_site, store_with
from tests.people import person_at


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EditionStore]:
    store = store_with(tmp_path, 20)
    yield store
    store.close()


def client(store: EditionStore, build: str = "b1") -> FlaskClient:
    server = Flask("heartbeat")
    heartbeat.register(server, Heartbeat(store, RunLog(store.home), build))
    return server.test_client()


@pytest.fixture(autouse=True)
def always_fresh(monkeypatch):
    monkeypatch.setattr(heartbeat, "FRESH", -1.0)


def ask(viewer: FlaskClient, etag: str = ""):
    return viewer.get("/heartbeat", headers={"If-None-Match": etag})


def test_nothing_moved_is_304_without_a_body_but_with_the_servers_time(store: EditionStore):
    viewer = client(store)
    first = ask(viewer)
    again = ask(viewer, first.headers["ETag"])
    assert (first.status_code, again.status_code, again.data) == (200, 304, b"")
    assert int(again.headers["X-Server-Time"]) > 1_600_000_000_000


def test_a_new_edition_moves_it(store: EditionStore):
    viewer = client(store)
    etag = ask(viewer).headers["ETag"]
    publish(store, 30)
    moved = ask(viewer, etag)
    assert (moved.status_code, moved.json["edition"]) == (200, 2)


def test_a_source_that_answered_without_news_moves_it(store: EditionStore):
    viewer = client(store)
    etag = ask(viewer).headers["ETag"]
    checked = datetime(2026, 11, 20, 7, 0, tzinfo=UTC)
    RunLog(store.home).note_source("hotline", "ok", checked)
    moved = ask(viewer, etag)
    hotline = next(each for each in moved.json["sources"] if each["key"] == "hotline")
    assert hotline["last"] == 1795158000000
    assert hotline["title"] == "12345 热线"


def test_a_new_build_moves_it(store: EditionStore):
    assert ask(client(store)).headers["ETag"] != ask(client(store, "b2")).headers["ETag"]


def test_an_alert_that_expires_moves_it(store: EditionStore):
    with store.building(small_site()) as build:
        build.connection.execute("UPDATE alerts SET expires_at = '2026-11-20 15:00'")
        build.publish(DATA_TIME)
    clock = [datetime(2026, 11, 20, 6, 59, tzinfo=UTC)]  # 14:59 in Asia/Shanghai
    told = Heartbeat(store, RunLog(store.home), "b1", clock=lambda: clock[0])
    before = told.body()
    clock[0] += timedelta(minutes=1)
    assert told.body() == before | {"alerts": before["alerts"] + 1}


def test_it_says_why_an_older_edition_is_served(store: EditionStore):
    assert ask(client(store)).json["problem"] is None
    publish(store, 30)
    store.close()
    path = store.home / "editions" / "2.duckdb"
    path.write_bytes(b"x" * path.stat().st_size)
    reopened = EditionStore(store.home)
    told = ask(client(reopened)).json
    assert (told["edition"], told["problem"]) == (1, "版本 2 已损坏，改用上一个完好的版本")
    reopened.close()


def test_times_are_absolute_though_the_edition_keeps_them_in_the_sites_zone(store: EditionStore):
    told = datetime.fromtimestamp(ask(client(store)).json["data_time"] / 1000, UTC)
    assert told == datetime(2026, 11, 20, 6, 30, tzinfo=UTC)  # 14:30 in Asia/Shanghai


def test_before_the_first_edition_it_says_so(tmp_path: Path):
    assert ask(client(EditionStore(tmp_path / "new"))).json["edition"] is None


def test_it_is_tiny(store: EditionStore):
    assert len(ask(client(store)).data) < 600


def test_an_edition_of_another_schema_is_no_first_data_to_wait_for(store: EditionStore):
    store.close()
    of_another_schema(store.home / "editions" / "1.duckdb")
    told = ask(client(EditionStore(store.home))).json
    assert told["edition"] is None
    assert told["problem"].startswith("该版本的表结构为 1，本程序需要")
    assert ask(client(EditionStore(store.home / "new"))).json["problem"] is None


def test_without_a_readable_run_log_the_sources_are_as_published(store: EditionStore):
    (store.home / "runs.db").write_bytes(b"garbage" * 1000)
    told = ask(client(store)).json
    assert told["edition"] == 1
    assert told["problem"] == "运行记录读不出，数据源状态是发布时的"
    assert [source["title"] for source in told["sources"]]


def test_only_whose_grant_is_the_whole_county_is_told_who_is_on_duty(store, cheap_passwords):
    server, home = screen.build(store).server, store.home

    def told(viewer: FlaskClient) -> tuple[list, str]:
        reply = viewer.get("/heartbeat")
        assert reply.status_code == 200
        return reply.json["duty"], reply.headers["ETag"]

    whole = [{"post": "值班长", "holder": "值班长甲"}]
    everybody, mark = told(person_at(server, home, "dispatcher"))
    assert everybody == whole
    limited = {
        "mediator": {"regions": ["town:T1"]},
        "department": {"departments": ["rsj"]},
        "administrator": {},  # sees no case
    }
    for role, limits in limited.items():
        posts, other = told(person_at(server, home, role, **limits))
        assert posts == [{"post": "值班长"}] and other != mark
    operations = Operations(home)
    devices, now = Devices(operations), datetime.now(UTC)
    hall, town = (
        devices.add("wall", "大厅", now),
        devices.add("wall", "镇", now, regions=["town:T1"]),
    )
    operations.close()
    for token, expected in ((hall, whole), (town, [{"post": "值班长"}])):
        screen_of = server.test_client()
        screen_of.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
        assert told(screen_of)[0] == expected
