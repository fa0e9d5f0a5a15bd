"""Compute each answer once, however many ask for it at the same moment."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar

import structlog

log = structlog.get_logger()
T = TypeVar("T")


class Cache(Protocol):
    """What we need of a cache; flask-caching's objects have it."""

    def get(self, key: str) -> Any: ...

    def set(self, key: str, value: Any, timeout: int | None = None) -> Any: ...


class SingleFlight:
    """Guards a cache: while one caller computes a key, the others wait for that result."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._lock = threading.Lock()
        self._flights: dict[str, Future] = {}

    def get(self, key: str, compute: Callable[[], T], timeout: float = 300.0) -> T:
        """The cached answer, or compute(), fresh for `timeout` seconds.

        What compute() raises, every waiter gets; it is not cached. A cache that fails costs time,
        never an answer.
        """
        found = self._kept(key)
        if found is not None:
            return found[0]
        with self._lock:
            flight = self._flights.get(key)
            is_mine = flight is None
            if flight is None:
                self._flights[key] = flight = Future()
        if is_mine:
            self._fly(key, flight, compute, timeout)
        return flight.result()

    def _fly(self, key: str, flight: Future, compute: Callable[[], T], timeout: float) -> None:
        try:
            # Somebody may have landed between our look into the cache and our taking off.
            found = self._kept(key)
            if found is None:
                found = (compute(), time.time() + timeout)
                self._keep(key, found, timeout)
            flight.set_result(found[0])
        except BaseException as error:
            flight.set_exception(error)
        finally:
            with self._lock:
                del self._flights[key]

    def _kept(self, key: str) -> tuple[Any, float] | None:
        try:
            found = self._cache.get(key)
        except Exception:
            log.exception("cache_unreadable")
            return None
        return found if found is not None and time.time() < found[1] else None

    def _keep(self, key: str, found: tuple[Any, float], timeout: float) -> None:
        try:
            self._cache.set(key, found, timeout=round(timeout) or 1)
        except Exception:
            log.exception("cache_unwritable")
