"""A small edition in memory, and an empty one."""

from collections.abc import Callable, Hashable, Iterator
from typing import Any

import duckdb
import pytest

from callbacks.answer import Inquiry, windowed
from data.editions.edition import Edition, memory_edition
from data.editions.tables import create_tables
from data.scope import Grant, Scope
from layouts.panel import Panel
from layouts.panels import PANELS
from layouts.scenes import SCENES
from tests.layouts.small import DATA_TIME, fill, small_site

# Everything that `drawn` draws: panels, and the answers of the scenes.
PICTURES: dict[str, Panel] = {
    **PANELS,
    **{scene.answered.key: scene.answered for scene in SCENES.values()},
}


def opened(cases: int | None) -> Edition:
    connection = duckdb.connect()
    site = small_site()
    create_tables(connection, site)
    if cases is not None:
        fill(connection, site, cases)
    return memory_edition(connection, site, DATA_TIME)


@pytest.fixture(scope="session")
def edition() -> Iterator[Edition]:
    edition = opened(2000)
    yield edition
    edition.close()


@pytest.fixture(scope="session")
def empty_edition() -> Iterator[Edition]:
    edition = opened(None)
    yield edition
    edition.close()


def asked_of(edition: Edition, scope: Scope | None = None) -> Inquiry:
    """A wall's question of an edition, without a cache."""
    scope = windowed(scope or Scope(), edition)
    return Inquiry(edition, scope, Grant.wall(), fresh, fresh)


def fresh(_name: Hashable, compute: Callable[[], Any]) -> Any:
    """Whatever is asked, as where nothing is kept."""
    return compute()
