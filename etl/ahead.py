"""Work one step ahead: the next items are made in a thread while the last ones are used."""

import queue
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")
END = object()


def ahead(items: Iterator[T], depth: int) -> Iterator[T]:
    """The same items in the same order; at most `depth` wait. An error comes where it happened.

    Worth it where the maker and the user of the items leave Python's lock to each other, as reading
    files and running SQL do.
    """
    waiting: queue.Queue = queue.Queue(maxsize=depth)
    stop = threading.Event()
    maker = threading.Thread(target=_make, args=(items, waiting, stop), daemon=True)
    maker.start()
    try:
        while (item := waiting.get()) is not END:
            if isinstance(item, _Failed):
                raise item.error
            yield item
    finally:
        stop.set()
        maker.join()


class _Failed:
    def __init__(self, error: BaseException) -> None:
        self.error = error


def _make(items: Iterator, waiting: queue.Queue, stop: threading.Event) -> None:
    try:
        for item in items:
            if not _put(waiting, item, stop):
                return
        _put(waiting, END, stop)
    except BaseException as error:
        _put(waiting, _Failed(error), stop)


def _put(waiting: queue.Queue, item: object, stop: threading.Event) -> bool:
    """Whether the item found room before nobody wanted it any more."""
    while not stop.is_set():
        with suppress(queue.Full):
            waiting.put(item, timeout=0.1)
            return True
    return False
