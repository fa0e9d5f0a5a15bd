"""One Chromium for all, one server for those who do not touch it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.driving import CHROMIUM, Look, Wall, chromium, looking
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
def look(browser: Browser) -> Iterator[Look]:
    """A window in which nothing may go wrong."""
    with looking(browser) as look:
        yield look
    assert look.complaints == []
