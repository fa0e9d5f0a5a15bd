"""One centre for all who attack it over HTTP: whatever they do must change nothing."""

from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher, profiles
from flask.testing import FlaskClient

from access import passwords
from tests.attacks.house import Target
from tests.people import everything_at


@pytest.fixture(scope="session")
def _target(tmp_path_factory) -> Iterator[Target]:
    cheap = PasswordHasher.from_parameters(profiles.CHEAPEST)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "HASHER", cheap)
        target = Target(tmp_path_factory.mktemp("home"))
        everything_at(target.server, target.home, patch)  # its account is there from the start
        yield target
        target.close()


@pytest.fixture
def target(_target: Target) -> Iterator[Target]:
    """The centre; what it holds is the same afterwards."""
    before = _target.counts()
    yield _target
    assert _target.counts() == before


@pytest.fixture
def everything(_target: Target, monkeypatch) -> FlaskClient:
    """Somebody who may do everything, whose requests reach every line."""
    return everything_at(_target.server, _target.home, monkeypatch)
