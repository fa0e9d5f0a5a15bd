"""The guard in front of the cache."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from flask_caching import Cache

from data.single_flight import SingleFlight


class Dictionary:
    """A cache without expiry; counts what is stored."""

    def __init__(self) -> None:
        self.stored: dict = {}

    def get(self, key):
        return self.stored.get(key)

    def set(self, key, value, timeout=None):
        self.stored[key] = value


class Slow:
    """Counts its calls; each takes a moment and gives its number, or raises."""

    def __init__(self, error: Exception | None = None) -> None:
        self.calls = 0
        self.error = error

    def __call__(self) -> int:
        self.calls += 1
        time.sleep(0.1)
        if self.error:
            raise self.error
        return self.calls


def ask_at_once(flight: SingleFlight, compute, askers: int) -> list:
    barrier = threading.Barrier(askers)

    def ask(_):
        barrier.wait()
        try:
            return flight.get("key", compute)
        except RuntimeError as error:
            return error

    with ThreadPoolExecutor(askers) as pool:
        return list(pool.map(ask, range(askers)))


def test_200_misses_at_once_are_one_computation():
    compute = Slow()
    assert ask_at_once(SingleFlight(Dictionary()), compute, 200) == [1] * 200
    assert compute.calls == 1


def test_it_works_in_front_of_flask_caching():
    app = Flask("test")
    flight = SingleFlight(Cache(app, config={"CACHE_TYPE": "SimpleCache"}).cache)
    compute = Slow()
    assert ask_at_once(flight, compute, 50) == [1] * 50
    assert flight.get("key", compute) == 1


def test_an_error_reaches_every_waiter_and_is_not_cached():
    flight, error = SingleFlight(Dictionary()), RuntimeError("no")
    compute = Slow(error)
    assert ask_at_once(flight, compute, 20) == [error] * 20
    assert compute.calls == 1
    assert flight.get("key", lambda: 7) == 7


def test_keys_do_not_wait_for_each_other():
    flight = SingleFlight(Dictionary())
    with ThreadPoolExecutor(1) as pool:
        gate = threading.Event()
        slow = pool.submit(flight.get, "a", lambda: gate.wait(5))
        assert flight.get("b", lambda: 2) == 2
        gate.set()
        assert slow.result() is True


def test_none_is_an_answer_and_is_cached():
    flight, compute = SingleFlight(Dictionary()), Slow()
    assert flight.get("key", lambda: None) is None
    assert flight.get("key", compute) is None
    assert compute.calls == 0


def test_an_answer_that_is_too_old_is_computed_anew():
    flight, compute = SingleFlight(Dictionary()), Slow()
    assert [flight.get("key", compute, timeout=0), flight.get("key", compute)] == [1, 2]
    assert flight.get("key", compute) == 2


class Broken(Dictionary):
    """A cache whose disk is full, or whose server is gone."""

    def __init__(self, *broken: str) -> None:
        super().__init__()
        self.broken = broken

    def get(self, key):
        if "get" in self.broken:
            raise OSError("gone")
        return super().get(key)

    def set(self, key, value, timeout=None):
        if "set" in self.broken:
            raise OSError("full")
        super().set(key, value)


@pytest.mark.parametrize("broken", [("set",), ("get",), ("get", "set")])
def test_a_cache_that_fails_costs_no_answer(broken: tuple[str, ...]):
    flight, compute = SingleFlight(Broken(*broken)), Slow()
    assert ask_at_once(flight, compute, 5) == [1] * 5
    assert flight.get("key", compute) == 2
    assert not flight._flights
