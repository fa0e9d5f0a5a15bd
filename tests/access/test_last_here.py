"""Whoever signs in is told who was here before, and what others did to the account."""

from datetime import UTC, datetime, timedelta

import pytest

from access.accounts import Accounts
from access.last_here import MOST, Deed, SignedIn
from access.operations import OperationsError
from access.sign_in import SignIn, SignInRefused

NOW = datetime(2026, 11, 5, 4, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
GOOD = "Xk7#pqr-stuvw"
BETTER = "plain words of some length"


@pytest.fixture
def accounts(operations, cheap_passwords):
    made = Accounts(operations)
    for name in ("leader1", "leader2"):
        made.add(name, name, "leader", NOW, password=GOOD)
    return made


@pytest.fixture
def sign_in(operations, accounts):
    return SignIn(operations)


def enter(sign_in, now, name="leader1", password=GOOD, address="192.0.2.7"):
    return sign_in.by_password(name, password, None, now, address, "Browser/1").token


def wrong(sign_in, now, name="leader1"):
    with pytest.raises(SignInRefused):
        enter(sign_in, now, name, "Secret-typed-wrongly-9")


def told(accounts, token, name="leader1"):
    return accounts.last_here(accounts.of(name), token)


def test_the_first_sign_in_has_none_before(accounts, sign_in):
    wrong(sign_in, NOW)
    found = told(accounts, enter(sign_in, NOW + MINUTE))
    assert (found.before, found.refused, found.deeds) == (None, 1, ())


def test_when_and_from_where_the_account_was_signed_in_to_before(accounts, sign_in):
    first = enter(sign_in, NOW, address="192.0.2.1")
    enter(sign_in, NOW + MINUTE, "leader2")
    second = enter(sign_in, NOW + 2 * MINUTE, address="192.0.2.2")
    third = enter(sign_in, NOW + 3 * MINUTE)
    assert told(accounts, first).before is None
    assert told(accounts, second).before == SignedIn(NOW, "192.0.2.1", "password")
    assert told(accounts, third).before == SignedIn(NOW + 2 * MINUTE, "192.0.2.2", "password")


def test_wrong_guesses_since_are_counted_and_those_of_others_are_not(accounts, sign_in):
    for at in range(2):
        wrong(sign_in, NOW + at * MINUTE)
    enter(sign_in, NOW + 5 * MINUTE)
    for at in range(6, 9):
        wrong(sign_in, NOW + at * MINUTE)
    wrong(sign_in, NOW + 9 * MINUTE, "leader2")
    token = enter(sign_in, NOW + 10 * MINUTE)
    assert told(accounts, token).refused == 3
    with pytest.raises(OperationsError, match="原口令不对"):
        accounts.set_password("leader1", "Secret-typed-wrongly-9", BETTER, NOW + 11 * MINUTE, token)
    assert told(accounts, token).refused == 4


def test_an_administrator_who_signed_in_as_somebody_is_seen(accounts, sign_in):
    """He resets the password, drops the codes, and comes in; the owner needs a reset of another."""
    enter(sign_in, NOW)
    accounts.drop_totp("leader1", NOW + MINUTE, "admin1")
    first = accounts.reset_password("leader1", NOW + 2 * MINUTE, "admin1")
    stolen = enter(sign_in, NOW + 3 * MINUTE, password=first, address="192.0.2.66")
    accounts.set_password("leader1", first, BETTER, NOW + 4 * MINUTE, stolen)
    wrong(sign_in, NOW + 5 * MINUTE)
    second = accounts.reset_password("leader1", NOW + 6 * MINUTE)
    found = told(accounts, enter(sign_in, NOW + 7 * MINUTE, password=second))
    assert found.before == SignedIn(NOW + 3 * MINUTE, "192.0.2.66", "password")
    assert found.refused == 1
    assert found.deeds == (
        Deed(NOW + 6 * MINUTE, "console", "account.reset"),
        Deed(NOW + 2 * MINUTE, "admin1", "account.reset"),
        Deed(NOW + MINUTE, "admin1", "account.totp.drop"),
    )


def test_who_bound_another_identity_is_seen(accounts, sign_in):
    for at, subject in enumerate(("https://sso.example u1", "https://sso.example u2", "")):
        accounts.change("leader1", NOW + at * MINUTE, f"admin{at}", oidc_subject=subject)
    accounts.change("leader1", NOW, "admin1", shown='"single":"')
    accounts.change("leader2", NOW, "admin1", oidc_subject="https://sso.example u2")
    assert told(accounts, enter(sign_in, NOW + 3 * MINUTE)).deeds == (
        Deed(NOW + 2 * MINUTE, "admin2", "account.change", False),
        Deed(NOW + MINUTE, "admin1", "account.change", True),
        Deed(NOW, "admin0", "account.change", True),
    )


def test_what_one_did_oneself_and_what_was_done_to_others_is_not_told(accounts, sign_in):
    accounts.reset_password("leader2", NOW, "leader1")
    accounts.drop_totp("leader1", NOW, "leader1")
    assert told(accounts, enter(sign_in, NOW)).deeds == ()
    for at in range(MOST + 1):
        accounts.reset_password("leader1", NOW + at * MINUTE, f"admin{at}")
    newest = [each.actor for each in told(accounts, None).deeds]
    assert newest == [f"admin{at}" for at in range(MOST, 0, -1)]
