"""What Prometheus is told: how much is asked and how long it takes, how old the data are, what
stands. Numbers only, and labels of ours only: an address or a name never becomes one."""

import hmac
import ipaddress
import os
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import structlog
from dash import Dash
from flask import Flask, Response, g, request
from flask_caching import Cache
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, exposition
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Engine, event

from access.operations import FAILURES
from access.policy import opened
from routes.bodies import PATH as CALLBACKS
from routes.bodies import json_of_request
from routes.devices import bearer
from routes.health import condition
from routes.request_log import method, rule

PATH = "/metrics"
TOKEN = "ZHINAO_METRICS_TOKEN"  # environment variable
FORWARDED = ("X-Forwarded-For", "Forwarded", "X-Real-IP")  # a proxy's word, whoever is near it
SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10)

Count = tuple[str, Callable[[], int]]

log = structlog.get_logger()


class CountedCache(Cache):
    """A cache that counts what it gives and what had to be computed."""

    def __init__(self, server: Flask, config: dict[str, Any], registry: CollectorRegistry) -> None:
        super().__init__(server, config=config)
        self.given = Counter("zhinao_cache_given", "Answers from the cache", registry=registry)
        told = "Answers that had to be computed"
        self.computed = Counter("zhinao_cache_computed", told, registry=registry)

    def get(self, *args: Any, **kwargs: Any) -> Any:
        found = super().get(*args, **kwargs)
        self.given.inc(found is not None)
        return found

    def set(self, *args: Any, **kwargs: Any) -> bool | None:
        self.computed.inc()
        return super().set(*args, **kwargs)


class Metrics:
    """The measurements of one server, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        labels = ("endpoint", "method", "status")
        told = "Seconds that an answer took"
        self.requests = Histogram(
            "zhinao_request_seconds", told, labels, buckets=SECONDS, registry=self.registry
        )
        told = "Seconds that a callback took"
        self.callbacks = Histogram(
            "zhinao_callback_seconds", told, ("callback",), buckets=SECONDS, registry=self.registry
        )
        told = "Errors of the operations store"
        self.store_errors = Counter("zhinao_operations_errors", told, registry=self.registry)
        self.counts: dict[str, Count] = {}  # name -> what it means, how many there are

    def count_errors(self, engine: Engine) -> None:
        """Count whatever the operations store refuses or fails at."""
        event.listen(engine, "handle_error", lambda _: self.store_errors.inc())

    def time_requests(self, app: Dash) -> None:
        """To be called before whatever refuses requests is registered."""

        @app.server.before_request
        def begin() -> None:
            g.measured_from = time.perf_counter()

        @app.server.after_request
        def end(response: Response) -> Response:
            if "measured_from" in g:
                seconds = time.perf_counter() - g.measured_from
                status = f"{response.status_code // 100}xx"
                self.requests.labels(rule(), method(), status).observe(seconds)
                name = _callback(app.callback_map, response)
                if name is not None:
                    self.callbacks.labels(name).observe(seconds)
            return response


def _callback(known: Mapping[str, dict], response: Response) -> str | None:
    """The name of the callback that was answered; None where it was none of ours."""
    if request.path != CALLBACKS or response.status_code >= 400:
        return None
    body = json_of_request()
    callback = known.get(body["output"], {}).get("callback") if isinstance(body, dict) else None
    return getattr(callback, "__name__", None)


class _Standing(Collector):
    """What is so at the moment it is asked; of the counts one that fails is left out."""

    def __init__(
        self, heartbeat: Callable[[], Mapping[str, Any]], counts: Mapping[str, Count]
    ) -> None:
        self._heartbeat, self._counts = heartbeat, counts

    def collect(self) -> Iterator[Metric]:
        now = condition(self._heartbeat(), time.time())
        yield _gauge("edition", "Number of the edition served", now.edition)
        yield _gauge("data_age_seconds", "Since the newest event known", now.data_age)
        yield _gauge("loaded_age_seconds", "Since the last successful load", now.loaded_age)
        yield _gauge("promised_age_seconds", "The load may be so old", now.promised)
        yield _gauge("sources_late", "Sources that did not deliver in time", len(now.late))
        for name, (meaning, count) in self._counts.items():
            yield _gauge(name, meaning, _counted(name, count))


def _counted(name: str, count: Callable[[], int]) -> int | None:
    try:
        return count()
    except FAILURES as fault:
        log.error("not measured", what=name, reason=type(fault).__name__)
        return None


def _gauge(name: str, meaning: str, value: float | None) -> Metric:
    """Without a sample where there is no value: 0 would be one."""
    gauge = GaugeMetricFamily(f"zhinao_{name}", meaning)
    if value is not None:
        gauge.add_metric([], value)
    return gauge


def register(server: Flask, measured: Metrics, heartbeat: Callable[[], Mapping[str, Any]]) -> None:
    """Serve PATH to this machine, and to who brings the token of the environment. `heartbeat` gives
    the body of the heartbeat."""
    measured.registry.register(_Standing(heartbeat, measured.counts))

    @server.get(PATH)
    @opened
    def answer_metrics() -> Response:
        if not may_read():
            return Response(status=401, headers={"WWW-Authenticate": "Bearer"})
        told = exposition.generate_latest(measured.registry)
        return Response(told, content_type=exposition.CONTENT_TYPE_LATEST)


def may_read() -> bool:
    """Whether the present request comes from this machine itself, by no proxy, or has the token."""
    token, given = os.environ.get(TOKEN, ""), bearer()
    if token and given and hmac.compare_digest(token.encode(), given.encode("utf-8", "replace")):
        return True
    if any(name in request.headers for name in FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False
