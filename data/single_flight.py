"""Compute each answer once, however many ask for it at the same moment."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar

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

    def get(
        self, key: str, compute: Callable[[], T], timeout: float = 300.0, stale_for: float = 0.0
    ) -> T:
        """The cached answer, or compute().

        It is fresh for `timeout` seconds; for `stale_for` seconds more the old answer is given at
        once while one thread computes the next. What compute() raises, every waiter gets; it is
        not cached.
        """
        found = self._cache.get(key)
        if found is None:
            return self._computed(key, compute, timeout, stale_for)
        value, fresh_until = found
        if time.time() >= fresh_until:
            self._renew(key, compute, timeout, stale_for)
        return value

    def _computed(self, key: str, compute: Callable[[], T], timeout: float, stale_for: float) -> T:
        flight, is_mine = self._joined(key)
        if is_mine:
            self._fly(key, flight, compute, timeout, stale_for)
        return flight.result()

    def _renew(self, key: str, compute: Callable[[], T], timeout: float, stale_for: float) -> None:
        flight, is_mine = self._joined(key)
        if is_mine:
            args = (key, flight, compute, timeout, stale_for)
            threading.Thread(target=self._fly, args=args, name="renew", daemon=True).start()

    def _joined(self, key: str) -> tuple[Future, bool]:
        with self._lock:
            flight = self._flights.get(key)
            if flight is not None:
                return flight, False
            self._flights[key] = flight = Future()
            return flight, True

    def _fly(
        self, key: str, flight: Future, compute: Callable[[], T], timeout: float, stale_for: float
    ) -> None:
        try:
            # Somebody may have landed between our look into the cache and our taking off.
            found = self._cache.get(key)
            if found is None or time.time() >= found[1]:
                found = (compute(), time.time() + timeout)
                self._cache.set(key, found, timeout=round(timeout + stale_for) or 1)
            flight.set_result(found[0])
        except BaseException as error:
            flight.set_exception(error)
        finally:
            with self._lock:
                del self._flights[key]
