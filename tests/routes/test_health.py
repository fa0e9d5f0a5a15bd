"""Alive, ready, and why not."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError

import app as screen
from access.operations import VARIABLE
from data.editions.store import EditionStore
from routes import health
from routes.health import FROZEN, Probe, condition
from tests.layouts.small import store_with

NOW = 1_780_000_000.0
HOUR = 3600.0


def body(published: float = 0.0, sources: tuple = (), publish_every: int = 60) -> dict:
    """A heartbeat's body; `published` and `last` in seconds before NOW."""
    told = [
        {"key": key, "title": key, "every": every, "last": last and ms(last), "state": state}
        for key, every, last, state in sources
    ]
    known = {"edition": 7, "data_time": ms(2 * HOUR), "published": ms(published)}
    return {**known, "publish_every": publish_every, "sources": told}


def ms(ago: float) -> int:
    return round((NOW - ago) * 1000)


def asked(told: dict, is_store_there: bool = True):
    server = Flask("health")
    health.register(server, lambda: told, lambda: is_store_there, lambda: NOW)
    return server.test_client().get("/readyz")


def codes(reply) -> list[str]:
    return [each["code"] for each in reply.json["reasons"]]


HOURLY = ("hotline", 3600, 2 * HOUR, "ok")


@pytest.mark.parametrize(
    ("told", "is_store_there", "wanted"),
    [
        (body(), True, []),
        (body(published=90 * HOUR), True, []),  # nobody promised anything
        (body(90 * HOUR, (HOURLY,)), True, []),
        (body(90 * HOUR, (("hotline", 3600, 3 * HOUR + 1, "ok"),)), True, ["data_late"]),
        (body(HOUR, (("hotline", 3600, 90 * HOUR, "failed"),)), True, []),  # another one delivers
        (body(90 * HOUR, (("hotline", 3600, None, "never"),)), True, ["data_late"]),
        (body(FROZEN - 1, (("quick", 10, None, "ok"),)), True, []),
        (body(FROZEN + 1, (("quick", 10, None, "ok"),)), True, ["data_late"]),
        (body(FROZEN + 1, (("quick", 10, None, "ok"),), publish_every=900), True, []),
        ({"edition": None, "sources": []}, True, ["no_edition"]),
        ({"edition": None, "sources": []}, False, ["no_edition", "operations_away"]),
        (body(), False, ["operations_away"]),
    ],
)
def test_ready_is_who_serves_an_edition_as_fresh_as_promised(told, is_store_there, wanted):
    reply = asked(told, is_store_there)
    assert (reply.status_code, codes(reply)) == (503 if wanted else 200, wanted)
    assert reply.json["is_ready"] is (not wanted)
    assert all(each["text"] for each in reply.json["reasons"])


def test_what_is_ready_tells_no_data():
    reply = asked(body(90 * HOUR, (("秘密来源", 3600, 90 * HOUR, "ok"),)))
    assert "秘密" not in reply.text
    assert set(reply.json) == {"is_ready", "reasons"}


def test_a_source_is_late_half_a_period_after_it_was_due():
    sources = (
        ("due", 3600, 1.5 * HOUR - 1, "ok"),
        ("late", 3600, 1.5 * HOUR + 1, "ok"),
        ("refused", 3600, 0, "refused"),
        ("never", 3600, None, "ok"),
        ("free", None, 900 * HOUR, "ok"),
    )
    found = condition(body(0, sources), NOW)
    assert found.late == ("late", "refused", "never")
    assert (found.data_age, found.loaded_age, found.promised) == (2 * HOUR, 0, 3 * HOUR)


@given(st.lists(st.tuples(st.integers(1, 10**6), st.floats(0, 1e6)), max_size=5), st.floats(0, 1e6))
def test_a_delivery_never_makes_it_later(sources, published):
    told = [(str(at), every, last, "ok") for at, (every, last) in enumerate(sources)]
    before = condition(body(published, tuple(told)), NOW)
    now = condition(body(published, (*told, ("new", None, 0.001, "ok"))), NOW)
    assert now.loaded_age is not None and before.loaded_age is not None
    assert now.loaded_age <= before.loaded_age
    assert not now.is_late


def test_a_store_that_hangs_lets_nobody_wait_for_long_and_is_asked_by_one(monkeypatch):
    monkeypatch.setattr(health, "PATIENCE", 0.05)
    go, asked_times = threading.Event(), []

    def ask():
        asked_times.append(1)
        go.wait(60)

    probe = Probe(ask)
    assert [probe.answers() for _ in range(5)] == [False] * 5
    assert len(asked_times) == 1
    go.set()
    deadline = time.monotonic() + 60
    while not probe.answers():
        assert time.monotonic() < deadline


def test_a_store_that_fails_is_away_until_it_is_back(monkeypatch):
    monkeypatch.setattr(health, "FRESH", -1.0)
    monkeypatch.setattr(health, "PATIENCE", 60.0)
    faults: list[Exception] = [OperationalError("select", {}, Exception()), OSError()]
    probe = Probe(lambda: faults and (_ for _ in ()).throw(faults.pop()))
    assert [probe.answers() for _ in range(3)] == [False, False, True]


@pytest.fixture
def viewer(tmp_path: Path) -> Iterator[FlaskClient]:
    store = store_with(tmp_path, 20)
    yield screen.build(store).server.test_client()
    store.close()


def test_the_whole_server_is_alive_and_ready_for_whoever_asks(viewer: FlaskClient):
    alive = viewer.get("/healthz")
    assert (alive.status_code, alive.text) == (200, "OK")
    stranger = {"Authorization": "Bearer nobody's"}
    ready = viewer.get("/readyz", headers=stranger)
    assert (ready.status_code, codes(ready)) == (200, [])  # it was published just now
    assert ready.headers["Cache-Control"] == "no-store"


def test_a_store_that_hangs_holds_up_neither_readiness_nor_the_data(tmp_path, monkeypatch):
    """As where packets to the database are dropped: a connection takes its time to fail."""
    monkeypatch.setattr(health, "PATIENCE", 0.05)
    go = threading.Event()
    store = store_with(tmp_path, 20)
    server = screen.build(store).server
    monkeypatch.setattr("access.operations.Operations.reading", lambda _: go.wait(60))
    reply = server.test_client().get("/readyz")
    assert codes(reply) == ["operations_away"]
    go.set()
    store.close()


def test_without_an_edition_or_a_store_it_is_alive_and_not_ready(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, "postgresql://nobody@127.0.0.1:1/none")
    monkeypatch.setattr(health, "PATIENCE", 60.0)
    store = EditionStore(tmp_path)
    viewer = screen.build(store).server.test_client()
    assert viewer.get("/healthz").status_code == 200
    assert codes(viewer.get("/readyz")) == ["no_edition", "operations_away"]
    store.close()
