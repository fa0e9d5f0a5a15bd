"""Fixtures that every package's tests share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher, profiles
from hypothesis import settings
from sqlalchemy import text

from access import passwords
from access.operations import Operations
from tests.browser.driving import Wall
from tests.layouts.small import Templates
from tests.postgres import NEEDED, cluster, programs

ROOT = Path(__file__).parent.parent

# No example fails for being slow on a busy machine. In CI the examples are the same each time, so
# that it says something of the change; who runs the tests by hand, or `make soak`, meets new ones.
settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")


@pytest.fixture(scope="session", autouse=True)
def _what_is_always_the_same_is_made_once(tmp_path_factory: pytest.TempPathFactory):
    """What servers import, and the homes that tests begin with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Wall, "is_forked", True)
        patch.setattr(Templates, "folder", tmp_path_factory.mktemp("templates"))
        yield


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real input with expected answers; without it the test is skipped."""
    folder = Path(os.environ.get("ZHINAO_SHARED", ROOT.parent / "shared"))
    if not (folder / "realdata").is_dir():
        pytest.skip(f"real input not found at {folder} (set ZHINAO_SHARED)")
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL of the tests' own; without the program the test is skipped."""
    if programs() is None:
        pytest.skip(NEEDED)
    with cluster() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def operations(request, tmp_path) -> Iterator[Operations]:
    """An empty operations store of each kind."""
    url = request.getfixturevalue("postgres") if request.param == "postgresql" else None
    store = Operations(tmp_path, url)
    if url:
        emptied(store)
    yield store
    store.close()


def emptied(store: Operations) -> None:
    """Take everything out of a PostgreSQL of the tests', as if nobody had used it before."""
    with store.engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))


@pytest.fixture
def cheap_passwords(monkeypatch) -> None:
    """Passwords are hashed in microseconds, where a test is not about how they are."""
    cheap = PasswordHasher.from_parameters(profiles.CHEAPEST)
    monkeypatch.setattr(passwords, "HASHER", cheap)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let every other worker begin with tests in a browser, which wait for the clocks of pages: the
    others use the cores meanwhile. Each gets its share from the front, as xdist deals them out."""
    workers = int(getattr(config, "workerinput", {}).get("workercount", 1))
    waiting: dict[str, list[pytest.Item]] = {}
    for item in items:
        if item.nodeid.startswith("tests/browser/"):
            waiting.setdefault(item.nodeid.partition("::")[0], []).append(item)
    if workers < 2 or not waiting:
        return
    rest = [item for item in items if not item.nodeid.startswith("tests/browser/")]
    first = [list[pytest.Item]() for _ in range(0, workers, 2)]
    for module in sorted(waiting.values(), key=len, reverse=True):
        min(first, key=len).extend(module)
    dealt: list[pytest.Item] = []
    for worker in range(workers):
        own = first[worker // 2] if worker % 2 == 0 else []
        share = max(0, len(items) // workers - len(own))
        dealt += own + rest[:share]
        rest = rest[share:]
    items[:] = dealt + rest
