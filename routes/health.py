"""Is it well: `/healthz` for who restarts the process, `/readyz` for who watches the centre's data.

No data stands behind either, so nobody need sign in. That a source is late is no reason to restart
anything: so there are two."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

import orjson
from flask import Flask, Response

from access.operations import FAILURES, OperationsError
from access.policy import opened
from data.runs import is_late

ALIVE, READY = "/healthz", "/readyz"
PATIENCE = 2.0  # seconds that the operations store has to answer; a watcher gives up after a few
FRESH = 1.0  # seconds for which its answer holds, however many ask
# As the wall judges itself (assets/heartbeat.js): frozen after half an hour, and three periods of
# the shortest that a source promised. A site that promises nothing cannot break its word.
FROZEN, PERIODS = 1800.0, 3
REASONS: dict[str, str] = {
    "no_edition": "还没有可以提供的数据版本",
    "data_late": "数据陈旧：最近一次成功装载早于站点所承诺的间隔",
    "operations_away": "业务库不可用",
}


@dataclass(frozen=True)
class Condition:
    """How the data served fare. Times in seconds; None = there is none."""

    edition: int | None
    data_age: float | None  # since the newest event known
    loaded_age: float | None  # since a publication, or a delivery that brought nothing new
    promised: float | None  # between two of those, at most; None = no source promises anything
    late: tuple[str, ...]  # keys of sources

    @property
    def is_late(self) -> bool:
        """Whether what is served is older than the site's promise."""
        return (
            self.loaded_age is not None
            and self.promised is not None
            and self.loaded_age > self.promised
        )


def condition(body: Mapping[str, Any], now: float) -> Condition:
    """What a heartbeat's body says at a time, in seconds since 1970."""
    if body["edition"] is None:
        return Condition(None, None, None, None, ())
    sources: Sequence[Mapping[str, Any]] = body["sources"]
    loaded = max(body["published"], *(each["last"] or 0 for each in sources), 0) / 1000
    periods = [each["every"] for each in sources if each["every"] is not None]
    shortest = max(body["publish_every"] or 0, min(periods)) if periods else None
    return Condition(
        edition=body["edition"],
        data_age=now - body["data_time"] / 1000,
        loaded_age=now - loaded,
        promised=None if shortest is None else max(FROZEN, PERIODS * shortest),
        late=tuple(each["key"] for each in sources if _is_late(each, now)),
    )


def _is_late(source: Mapping[str, Any], now: float) -> bool:
    last = source["last"]
    return is_late(source["state"], None if last is None else now - last / 1000, source["every"])


class Probe:
    """Whether a store answers. One asks at a time, and one that hangs lets nobody wait for long."""

    def __init__(self, ask: Callable[[], object]) -> None:
        self._ask = ask
        self._asker = ThreadPoolExecutor(1, "probe")
        self._asking: Future[bool] | None = None
        self._asked_at = float("-inf")

    def answers(self) -> bool:
        """As of FRESH ago at most, where it answers at all."""
        asking, is_old = self._asking, time.monotonic() - self._asked_at > FRESH
        if asking is None or (asking.done() and is_old):
            self._asked_at = time.monotonic()
            self._asking = asking = self._asker.submit(self._attempt)
        wait([asking], PATIENCE)
        return asking.done() and asking.result()

    def _attempt(self) -> bool:
        try:
            self._ask()
        except (*FAILURES, OperationsError):
            return False
        return True


def reasons(found: Condition, is_store_there: bool) -> list[str]:
    """The codes of what keeps the centre from being ready."""
    wrong = {
        "no_edition": found.edition is None,
        "data_late": found.is_late,
        "operations_away": not is_store_there,
    }
    return [code for code, is_so in wrong.items() if is_so]


def register(
    server: Flask,
    heartbeat: Callable[[], Mapping[str, Any]],
    store_answers: Callable[[], bool],
    clock: Callable[[], float] = time.time,
) -> None:
    """`heartbeat` gives the body of the heartbeat, `store_answers` whether the operations store
    does."""

    @server.get(ALIVE)
    @opened
    def answer_alive() -> Response:
        return Response("OK", mimetype="text/plain")

    @server.get(READY)
    @opened
    def answer_ready() -> Response:
        found = reasons(condition(heartbeat(), clock()), store_answers())
        told = [{"code": code, "text": REASONS[code]} for code in found]
        body = orjson.dumps({"is_ready": not told, "reasons": told})
        return Response(body, 503 if told else 200, mimetype="application/json")
