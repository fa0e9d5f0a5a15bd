"""Two processes are as one: the same edition, the same alerts, the same numbers, one cache; and
nginx before them takes what is slow and passes on what is true."""

import json
import socket
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis

from access.operations import Operations
from data.editions.store import EditionStore
from tests.conftest import emptied
from tests.layouts.small import publish, store_with
from tests.processes import NEEDED, Processes, are_there, own_folder, processes, wait_for
from tests.rules.test_cap_message import RECORD

SWITCH_S = 20.0  # bench/processes.py measures it; here is a machine with other work
HALF_SENT = 60
TOWN = json.dumps({"where": [["town", "T1"]]})

pytestmark = pytest.mark.skipif(not are_there(), reason=NEEDED)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, postgres: str) -> Iterator[Processes]:
    home = tmp_path_factory.mktemp("home")
    operations = Operations(home, postgres)
    emptied(operations)
    operations.close()
    store_with(home, 500).close()
    with processes(home, own_folder(Path(f"{home}-run")), postgres) as both:
        yield both


def alert(identifier: str) -> dict:
    """One that stands for an hour."""
    now = datetime.now(UTC).replace(microsecond=0)
    info = [{**RECORD["info"][0], "expires": (now + timedelta(hours=1)).isoformat()}]
    return RECORD | {"identifier": identifier, "sent": now.isoformat(), "info": info}


def edition(running: Processes, wall) -> int:
    return running.ask(wall, "/heartbeat").json["edition"]


def test_a_new_edition_is_seen_by_both(running: Processes):
    store = EditionStore(running.home)
    number = publish(store, 600)
    store.close()
    began = time.monotonic()
    for wall in running.walls:
        wait_for(lambda wall=wall: edition(running, wall) == number, "no new edition", 60)
    assert time.monotonic() - began < SWITCH_S


def test_an_alert_that_one_took_stands_at_the_other(running: Processes):
    message = alert("both")
    first, other = running.walls
    before = {each["id"] for each in running.ask(other, "/live").json["alerts"]}
    assert running.ask(first, "/alerts", "alerts", body=message).status == 201

    def standing() -> set:
        return {each["id"] for each in running.ask(other, "/live").json["alerts"]} - before

    wait_for(standing, "the alert does not stand")
    assert standing() <= {each["id"] for each in running.ask(first, "/live").json["alerts"]}


def test_no_answer_differs_between_them_and_the_second_computes_nothing(running: Processes):
    first, second = running.walls
    running.ask(second, "/")
    for scope in (None, TOWN):
        questions = running.questions(scope)
        assert len(questions) > 5
        answers = {name: running.answer(first, asked) for name, asked in questions.items()}
        computed = running.metric(second, "zhinao_cache_computed_total")
        given = running.metric(second, "zhinao_cache_given_total")
        again = {name: running.answer(second, asked) for name, asked in questions.items()}
        for name, answer in answers.items():
            assert answer.status in (200, 204, 403), (name, answer.body[:200])  # 403: not for walls
            assert (again[name].status, again[name].body) == (answer.status, answer.body), name
        assert sum(answer.status == 200 for answer in answers.values()) > 3
        assert running.metric(second, "zhinao_cache_computed_total") == computed
        assert running.metric(second, "zhinao_cache_given_total") > given


def test_no_answer_crosses_grants_through_the_cache(running: Processes):
    """A wall of one town and one of all ask the same, each of the other's process first."""
    first, second = running.walls
    questions = running.questions()
    whole = {name: running.answer(first, asked, "wall").body for name, asked in questions.items()}
    town = {name: running.answer(second, asked, "town").body for name, asked in questions.items()}
    assert any(whole[name] != town[name] for name in questions)
    for name, asked in questions.items():
        assert running.answer(second, asked, "wall").body == whole[name], name
        assert running.answer(first, asked, "town").body == town[name], name
    cache = redis.Redis(port=running.redis_port)
    keys = [key.decode() for key in cache.scan_iter()]
    cache.close()
    assert len(keys) > 10 and all("Grant(" in key for key in keys)


def test_behind_tls_cookies_are_secure_and_nothing_is_believed_of_a_visitor(running: Processes):
    token = running.tokens["wall"]
    there = running.ask_nginx(f"/sign-in/{token}", token="")
    assert there.status == 303
    assert "Secure" in there.headers["Set-Cookie"] and "HttpOnly" in there.headers["Set-Cookie"]
    assert there.headers["Strict-Transport-Security"]
    assert len(there.headers["X-Request-Id"]) == 32  # nginx's, so that both lines can be joined
    plain = running.ask(running.walls[0], f"/sign-in/{token}", token="")
    assert "Secure" not in plain.headers["Set-Cookie"]
    log, until = Path(f"{running.home}-run") / "access.log", time.monotonic() + 20
    while there.headers["X-Request-Id"] not in log.read_text():  # written after the answer
        assert time.monotonic() < until, "nginx wrote no line"
        time.sleep(0.1)
    assert token not in log.read_text() and "sign-in" not in log.read_text()


def test_metrics_are_not_told_through_nginx(running: Processes):
    for more in ({}, {"X-Forwarded-For": "127.0.0.1"}):
        assert running.ask_nginx("/metrics", token="", more=more).status == 404
    forwarded = {"X-Forwarded-For": "10.0.0.9"}
    assert running.ask(running.walls[0], "/metrics", token="", more=forwarded).status == 401
    assert running.ask_nginx("/readyz", token="").status == 200
    assert running.ask_nginx("/healthz", token="").body == b"OK"


def test_half_sent_requests_hold_nobody_up(running: Processes):
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    head = (
        "POST /alerts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {running.tokens['alerts']}\r\nContent-Length: 100000\r\n\r\n{{"
    )
    half = []
    for _ in range(HALF_SENT):
        plain = socket.create_connection(("127.0.0.1", running.port), timeout=30)
        stream = trusting.wrap_socket(plain)
        stream.sendall(head.encode())
        half.append(stream)
    try:
        waits = []
        for _ in range(20):
            began = time.monotonic()
            assert running.ask_nginx("/healthz", token="").status == 200
            waits.append(time.monotonic() - began)
        assert sorted(waits)[10] < 5.0  # 60 would hold all 16 threads of both for 20 s
    finally:
        for stream in half:
            stream.close()


def test_when_one_process_is_gone_the_other_answers(running: Processes):
    running.walls[0].stop()
    try:
        for _ in range(6):
            assert running.ask_nginx("/heartbeat").status == 200
    finally:
        running.walls[0].start()
