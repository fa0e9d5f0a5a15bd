"""How the system runs, as JSON for whoever watches from elsewhere; the page shows the same."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime

import orjson
from flask import Flask, Response

from access.operations import FAILURES, Operations, OperationsError
from access.policy import needs
from access.roles import Power
from data.editions.store import EditionStore
from upkeep.status import BAD, LATE, OK, Fact, facts


class Status:
    """The facts of one app: those of its home, and what only a running one knows."""

    def __init__(
        self,
        store: EditionStore,
        operations: Operations,
        cache_answers: Callable[[], bool],
        standing: Callable[[], int],
    ) -> None:
        """`standing`: how many alerts stand."""
        self._store, self._operations = store, operations
        self._cache_answers, self._standing = cache_answers, standing

    def facts(self, now: datetime) -> list[Fact]:
        """All of them, each looked up now."""
        return [*facts(self._store, self._operations, now), self._cache(), self._alerts()]

    def _cache(self) -> Fact:
        if self._cache_answers():
            return Fact("cache", "缓存", "正常")
        advice = "检查 Redis 服务；没有缓存时每次都要重算，会变慢"
        return Fact("cache", "缓存", "写入后读不出", BAD, advice)

    def _alerts(self) -> Fact:
        try:
            return Fact("alerts", "现行预警", f"{self._standing()} 条", OK)
        except (*FAILURES, OperationsError):
            return Fact("alerts", "现行预警", "查不到", LATE, "业务库恢复后自动恢复")


def register(server: Flask, status: Status) -> None:
    """Serve the facts to whoever may see how the system runs."""

    @server.get("/status.json")
    @needs(Power.STATUS)
    def answer_status() -> Response:
        told = [asdict(fact) for fact in status.facts(datetime.now(UTC))]
        return Response(orjson.dumps({"facts": told}), mimetype="application/json")
