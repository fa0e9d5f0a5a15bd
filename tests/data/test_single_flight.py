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


def test_a_stale_answer_is_given_at_once_while_one_thread_renews():
    flight, compute = SingleFlight(Dictionary()), Slow()
    assert flight.get("key", compute, timeout=0, stale_for=60) == 1
    began = time.monotonic()
    assert [flight.get("key", compute, timeout=60, stale_for=60) for _ in range(20)] == [1] * 20
    assert time.monotonic() - began < 0.1
    deadline = time.monotonic() + 5
    while flight.get("key", compute, timeout=60) != 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (flight.get("key", compute), compute.calls) == (2, 2)


@pytest.mark.parametrize("stale_for", [0, 60])
def test_a_failed_renewal_leaves_the_old_answer_and_no_flight(stale_for):
    flight = SingleFlight(Dictionary())
    flight.get("key", lambda: 1, timeout=0, stale_for=60)

    def fail():
        raise RuntimeError("no")

    assert flight.get("key", fail, stale_for=stale_for) == 1
    deadline = time.monotonic() + 5
    while flight._flights and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not flight._flights
