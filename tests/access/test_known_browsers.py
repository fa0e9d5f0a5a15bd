"""A browser proves who signed in with it before, and no cookie that was made elsewhere does."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from access.known_browsers import KEPT, LONGEST, MOST, KnownBrowsers

NOW = datetime(2026, 11, 5, 4, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def browsers(tmp_path):
    return KnownBrowsers(tmp_path)


def test_it_is_known_to_who_signed_in_with_it_and_to_nobody_else(browsers):
    cookie = browsers.renewed(None, "leader1", NOW)
    nonce = browsers.nonce(cookie, "leader1", NOW)
    assert nonce and nonce in cookie and "leader1" not in cookie
    assert browsers.nonce(cookie, "leader2", NOW) is None
    assert browsers.nonce(None, "leader1", NOW) is None


def test_each_sign_in_makes_it_known_anew(browsers):
    """So that a copy that was taken before is counted for itself."""
    first = browsers.renewed(None, "leader1", NOW)
    second = browsers.renewed(first, "leader1", NOW + DAY)
    nonces = {browsers.nonce(each, "leader1", NOW + DAY) for each in (first, second)}
    assert len(nonces) == 2 and None not in nonces
    assert second.count("~") == 0


def test_a_desk_is_known_to_the_last_eight_who_sat_there(browsers):
    cookie, names = None, [f"person{n}" for n in range(MOST + 1)]
    for name in names:
        cookie = browsers.renewed(cookie, name, NOW)
    known = [name for name in names if browsers.nonce(cookie, name, NOW)]
    assert known == names[1:]
    assert cookie is not None and len(cookie) <= LONGEST


@pytest.mark.parametrize(
    ("after", "is_known"), [(KEPT - DAY, True), (KEPT, False), (20 * KEPT, False)]
)
def test_after_half_a_year_it_is_known_no_more(browsers, after, is_known):
    cookie = browsers.renewed(None, "leader1", NOW)
    assert (browsers.nonce(cookie, "leader1", NOW + after) is not None) is is_known
    renewed = browsers.renewed(cookie, "leader2", NOW + after)
    assert ("~" in renewed) is is_known


def test_another_home_has_another_key(browsers, tmp_path):
    (tmp_path / "other").mkdir()
    cookie = KnownBrowsers(tmp_path / "other").renewed(None, "leader1", NOW)
    assert browsers.nonce(cookie, "leader1", NOW) is None


@given(at=st.integers(0, 10_000), into=st.characters(codec="ascii"))
@settings(max_examples=100)
def test_whatever_is_changed_of_it_makes_it_nobodys(tmp_path_factory, at, into):
    browsers = KnownBrowsers(tmp_path_factory.getbasetemp())
    cookie = browsers.renewed(None, "leader1", NOW)
    at %= len(cookie)
    changed = cookie[:at] + into + cookie[at + 1 :]
    assert (browsers.nonce(changed, "leader1", NOW) is not None) is (changed == cookie)


@given(
    cookie=st.text(max_size=LONGEST + 50)
    | st.from_regex(r"(\d{1,8}\.[a-zA-Z_-]{22}\.[0-9a-f]{64}~?)+")
)
@settings(max_examples=100)
def test_nothing_that_is_sent_as_a_cookie_is_an_error(tmp_path_factory, cookie):
    browsers = KnownBrowsers(tmp_path_factory.getbasetemp())
    assert browsers.nonce(cookie, "leader1", NOW) is None
    renewed = browsers.renewed(cookie, "leader1", NOW)
    assert browsers.nonce(renewed, "leader1", NOW) and len(renewed) <= LONGEST
