"""Villages for the tests of the data flow."""

from pathlib import Path

import pytest

from tests.etl.village import Desk, Village
from tests.etl.village import village as built


@pytest.fixture
def village(tmp_path: Path) -> Village:
    """Four unit squares and the source `matters`."""
    return built(tmp_path)


@pytest.fixture(scope="module")
def _desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return Desk(built(tmp_path_factory.mktemp("desk")))


@pytest.fixture
def desk(_desk: Desk) -> Desk:
    """The same village, loaded into memory; empty at the start of each test."""
    _desk.empty()
    return _desk
