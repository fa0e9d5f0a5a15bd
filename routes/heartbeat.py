"""The heartbeat: one tiny answer that says whether anything moved, and how old everything is."""

import hashlib
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import orjson
from flask import Flask, Response, request

from access.operations import FAILURES
from access.policy import EVERYBODY, needs
from access.roles import Power
from data.alerts import alerts_expired
from data.duty import on_duty
from data.editions.edition import Edition, EditionError
from data.editions.store import EditionStore
from data.quality import sources
from data.runs import RunLog, SourceHealth
from data.scope import Grant
from data.trouble import told, trouble
from routes.gate import viewer_or_none

PATH = "/heartbeat"
UNREADABLE = "运行记录读不出，数据源状态是发布时的"
MOST_ON_DUTY = 2  # the header has room for no more
FRESH = 0.25  # seconds; within them all viewers get the same answer without a look at the disk


class Heartbeat:
    """What `GET /heartbeat` answers; safe for threads."""

    def __init__(
        self,
        store: EditionStore,
        runs: RunLog,
        build: str,
        moving: Mapping[str, Callable[[Grant], int]] = MappingProxyType({}),
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._clock = clock
        self._store = store
        self._runs = runs
        self._build = build
        self._moving = moving
        self._lock = threading.Lock()
        self._body: dict[str, Any] = {}
        self._told: dict[tuple, tuple[bytes, str]] = {}  # by what of a grant matters here
        self._told_at = float("-inf")
        self._declared: tuple[int, list[dict]] = (0, [])
        self._watching = threading.Lock()
        self._watched: dict[str, Any] = {}
        self._watched_at = float("-inf")

    def answer(self, grant: Grant) -> tuple[bytes, str]:
        """The body and its ETag; looked up at most every FRESH seconds. Whose grant is limited is
        not told who is on duty (data/duty.py), nor when anything moved elsewhere."""
        with self._lock:
            if time.monotonic() - self._told_at > FRESH:
                self._body, self._told = self.body(), {}
                self._told_at = time.monotonic()
            part = grant.is_limited, grant.regions
            if part not in self._told:
                self._told[part] = _written(self._of(grant) | self._moved(grant))
            return self._told[part]

    def _of(self, grant: Grant) -> dict[str, Any]:
        if not grant.is_limited:
            return self._body
        told = _unnamed(self._body)
        with suppress(EditionError), self._store.reading() as edition:
            told["alerts"] = alerts_expired(edition, edition.local(self._clock()), grant)
        return told

    def latest(self) -> dict[str, Any]:
        """What the answer says of the data, for who watches: without the operations store, which
        may be away and let everybody wait."""
        with self._watching:
            if time.monotonic() - self._watched_at > FRESH:
                self._watched, self._watched_at = self.body(), time.monotonic()
            return self._watched

    def body(self) -> dict[str, Any]:
        """Edition, build, alert sequence, the last success of every source. Times: ms since 1970.

        `alerts` moves when an alert expires, too, so that it leaves the screens at once. `problem`
        says why an older edition is served than the newest, or none."""
        try:
            with self._store.reading() as edition:
                seen, lost = self._seen()
                return {
                    "edition": edition.number,
                    "build": self._build,
                    "alerts": alerts_expired(edition, edition.local(self._clock()), Grant.wall()),
                    "problem": self._problem() or lost,
                    "data_time": _epoch_ms(edition, edition.data_time),
                    "published": _epoch_ms(edition, edition.published_at),
                    "zone": edition.site.zone,
                    "publish_every": edition.site.publish_every,
                    "duty": _duty(edition, edition.local(self._clock())),
                    "sources": self._sources(edition, seen),
                }
        except EditionError as error:
            return {
                "edition": None,
                "build": self._build,
                "alerts": 0,
                "problem": self._problem() or trouble(error) or None,
                "sources": [],
            }

    def _moved(self, grant: Grant) -> dict[str, int | None]:
        """What moves without an edition, by name; None while the operations store is away."""
        try:
            return {name: sequence(grant) for name, sequence in self._moving.items()}
        except FAILURES:
            return dict.fromkeys(self._moving)

    def _problem(self) -> str | None:
        problem = self._store.problem()
        return problem and told(problem)

    def _seen(self) -> tuple[dict[str, SourceHealth], str | None]:
        """The sources as the run log has them; without it they stay as at publication."""
        try:
            return {state.source: state for state in self._runs.sources()}, None
        except sqlite3.Error:
            return {}, UNREADABLE

    def _sources(self, edition: Edition, seen: dict[str, SourceHealth]) -> list[dict]:
        if self._declared[0] != edition.number:
            self._declared = (edition.number, _declared(edition))
        return [_merged(source, seen.get(source["key"])) for source in self._declared[1]]


def register(server: Flask, heartbeat: Heartbeat) -> None:
    """Serve PATH: 304 while nothing moved; the server's time is in a header, not in the ETag."""

    @server.get(PATH)
    @needs(*EVERYBODY - {Power.SUBMIT})  # it says which posts there are, and to some who holds them
    def answer_heartbeat() -> Response:
        viewer = viewer_or_none()
        body, etag = heartbeat.answer(viewer.grant if viewer else Grant())
        is_known = request.headers.get("If-None-Match") == f'"{etag}"'
        reply = Response(status=304) if is_known else Response(body, mimetype="application/json")
        reply.headers["ETag"] = f'"{etag}"'
        reply.headers["Cache-Control"] = "no-store"
        reply.headers["X-Server-Time"] = str(round(time.time() * 1000))
        return reply


def _written(body: dict[str, Any]) -> tuple[bytes, str]:
    text = orjson.dumps(body)
    return text, hashlib.md5(text, usedforsecurity=False).hexdigest()


def _unnamed(body: dict[str, Any]) -> dict[str, Any]:
    posts = [{"post": each["post"]} for each in body.get("duty", ())]
    return {**body, **({"duty": posts} if posts else {})}


def _duty(edition: Edition, now: datetime) -> list[dict]:
    """Who is on duty now, the first of the roster first."""
    rows = on_duty(edition, now, Grant.wall()).head(MOST_ON_DUTY)
    return [{"post": post, "holder": holder} for post, holder in rows[["post", "holder"]].values]


def _declared(edition: Edition) -> list[dict]:
    """The sources as at publication: what they promise, and when they last kept it."""
    return [
        {
            "key": row["source"],
            "title": row["title"],
            "every": None if row["expected_every"] != row["expected_every"] else _whole(row),
            "last": _moment_ms(edition, row["last_success_at"]),
            "state": row["state"],
        }
        for row in sources(edition, Grant.wall()).to_dict("records")
    ]


def _whole(row: dict) -> int | None:
    return None if row["expected_every"] is None else int(row["expected_every"])


def _merged(source: dict, seen: SourceHealth | None) -> dict:
    """A run that changed nothing publishes no edition, but the source did deliver."""
    if seen is None:
        return source
    last = round(seen.last_success.timestamp() * 1000) if seen.last_success else source["last"]
    return source | {"last": last, "state": seen.state}


def _moment_ms(edition: Edition, at: Any) -> int | None:
    return None if at is None or at != at else _epoch_ms(edition, at)


def _epoch_ms(edition: Edition, at: datetime) -> int:
    """A naive time of the site's zone as milliseconds since 1970."""
    return round(at.replace(tzinfo=edition.site.tzinfo).timestamp() * 1000)
