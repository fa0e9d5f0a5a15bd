"""Verify the current edition of a home: everything that must hold of it, holds."""

from pathlib import Path

import duckdb

from data.editions.edition import NoEdition
from data.editions.integrity import state_hash, verify
from data.editions.shelf import Shelf
from data.editions.store import EditionStore


def check(home: Path) -> tuple[int, str, list[str]]:
    """Number and state hash of the current edition, and what does not hold (in words)."""
    number = EditionStore(home).current()
    if number is None:
        raise NoEdition(f"{home}：还没有任何版本")
    with duckdb.connect(str(Shelf(home).path(number)), read_only=True) as connection:
        problems = verify(connection)
        return number, state_hash(connection) if not problems else "-", problems
