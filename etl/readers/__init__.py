"""One module per format; the folder is the list of readers that a source may name."""

import pkgutil
from collections.abc import Callable, Iterator
from importlib import import_module

from etl.members import Member
from etl.readers.base import RawChunk, ReaderOptions

Read = Callable[[Member | None, ReaderOptions], Iterator[RawChunk]]


def names() -> list[str]:
    """The readers there are, in order."""
    return sorted(info.name for info in pkgutil.iter_modules(__path__) if info.name != "base")


def reader(name: str) -> Read:
    """The `read` function of the reader `name`; ValueError naming those there are."""
    if name not in names():
        raise ValueError(f"没有读取器 {name}；可用：{'、'.join(names())}")
    return import_module(f"{__name__}.{name}").read
