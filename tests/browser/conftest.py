"""One Chromium for all, one server for those who do not touch it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.driving import CHROMIUM, Look, Wall, chromium, looking
from tests.browser.hall import Hall
from tests.layouts.small import store_with


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.skip(f"{CHROMIUM} is not installed")
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def wall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wall]:
    home = tmp_path_factory.mktemp("wall")
    store_with(home).close()
    wall = Wall(home).start()
    yield wall
    wall.stop()


@pytest.fixture
def serve() -> Iterator[Callable[[Path], Wall]]:
    """Starts servers of a test's own; they end after its window (`look` asks for this first),
    for a page that still polls would complain of a server that is gone."""
    walls = []

    def started(home: Path) -> Wall:
        walls.append(Wall(home))
        return walls[-1].start()

    yield started
    for wall in walls:
        wall.stop()


@pytest.fixture
def look(browser: Browser, serve: object) -> Iterator[Look]:
    """A window in which nothing may go wrong."""
    with looking(browser) as look:
        yield look
    assert look.complaints == []


@pytest.fixture
def seen(look: Look, hall: Hall) -> Look:
    """The wall of the hall that the test's module has, showing its data."""
    look.page.goto(hall.wall.url)
    look.wait_for_edition(1)
    return look
