"""Working ahead changes neither the items nor their order, nor hides an error."""

import threading
import time

import pytest

from etl.ahead import ahead


@pytest.mark.parametrize("depth", [1, 3])
def test_items_come_in_order(depth):
    assert list(ahead(iter(range(50)), depth)) == list(range(50))


def test_nothing_gives_nothing():
    assert list(ahead(iter(()), 1)) == []


def test_an_error_comes_after_the_items_before_it():
    def items():
        yield 1
        raise ValueError("two")

    got = []
    with pytest.raises(ValueError, match="two"):
        got += [got.append(item) for item in ahead(items(), 2)]
    assert got == [1]


def test_no_more_than_depth_wait():
    made = []

    def items():
        for n in range(10):
            made.append(n)
            yield n

    taken = ahead(items(), 2)
    assert next(taken) == 0
    time.sleep(0.3)
    assert len(made) <= 4  # the one taken, two waiting, one in the maker's hand
    taken.close()


def test_leaving_early_ends_the_thread():
    before = threading.active_count()
    taken = ahead(iter(range(1000)), 1)
    next(taken)
    taken.close()
    assert threading.active_count() == before
