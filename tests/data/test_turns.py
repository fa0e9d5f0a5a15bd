"""Of one viewer a few compute at once; nobody else waits for them."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from data.turns import Busy, Turns


class Work:
    """What goes on until it is let go; how many compute at once."""

    def __init__(self, turns: Turns) -> None:
        self._turns, self._let_go = turns, threading.Event()
        self._lock, self.now, self.most = threading.Lock(), 0, 0

    def do(self, who: str) -> str:
        try:
            with self._turns.of(who):
                with self._lock:
                    self.now += 1
                    self.most = max(self.most, self.now)
                self._let_go.wait(20)
                with self._lock:
                    self.now -= 1
            return "done"
        except Busy:
            return "busy"

    def until(self, count: int) -> None:
        deadline = time.monotonic() + 20
        while self.now < count:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def end(self) -> None:
        self._let_go.set()


def test_who_asks_without_end_holds_so_many_threads_and_no_more():
    work = Work(Turns(most=2, most_waiting=1, patience=20))
    with ThreadPoolExecutor(8) as threads:
        mine = [threads.submit(work.do, "a") for _ in range(6)]
        work.until(2)
        deadline = time.monotonic() + 20
        while sum(each.done() for each in mine) < 3:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert work.now == 2
        work.end()
        told = sorted(each.result(20) for each in mine)
    assert told == ["busy"] * 3 + ["done"] * 3
    assert work.most == 2


def test_nobody_waits_for_another():
    work = Work(Turns(most=1, most_waiting=0, patience=0.0))
    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(work.do, "a")
        work.until(1)
        other = threads.submit(work.do, "b")
        work.until(2)
        assert work.do("a") == "busy"
        work.end()
        assert (first.result(20), other.result(20), work.do("a")) == ("done", "done", "done")


def test_who_waits_too_long_is_refused():
    turns = Turns(most=1, most_waiting=1, patience=0.05)
    with turns.of("a"), pytest.raises(Busy), turns.of("a"):
        raise AssertionError("there was no turn")
    with turns.of("a"):
        pass


def test_what_fails_gives_its_turn_back():
    turns = Turns(most=1, most_waiting=0)
    for _ in range(3):
        with pytest.raises(KeyError), turns.of("a"):
            raise KeyError
