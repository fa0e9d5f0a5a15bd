"""Homes with editions in them."""

import shutil
from pathlib import Path

import pytest

from tests.data.editions.writer import write_next


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture(scope="session")
def _first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("first") / "home"
    write_next(home)
    return home


@pytest.fixture
def first(_first: Path, home: Path) -> Path:
    """A home with edition 1, which says 1."""
    return Path(shutil.copytree(_first, home))
