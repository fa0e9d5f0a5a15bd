"""A password ages where it should, and the last ones are not taken again."""

from datetime import UTC, datetime, timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, select

from access import passwords
from access.accounts import Accounts
from access.attempts import LOCKED, MOST_IN_A_ROW
from access.operations import OperationsError
from access.password_life import DAYS, DIFFERENT, FORMER, VARIABLE, days_left, most_days
from access.sessions import Sessions
from access.sign_in import SignIn, SignInRefused

NOW = datetime(2026, 11, 5, 4, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
WORDS = [f"Words-of-mine-{n}-kept" for n in range(DIFFERENT + 1)]


@pytest.fixture
def accounts(operations, cheap_passwords):
    made = Accounts(operations)
    made.add("leader1", "x", "leader", NOW, password=WORDS[0])
    return made


def enter(operations, name="leader1", password=WORDS[0], now=NOW):
    return SignIn(operations).by_password(name, password, None, now, "192.0.2.7", "Browser/1")


@pytest.mark.parametrize(
    ("days", "after", "must_change"),
    [
        (None, DAYS * DAY - SECOND, False),
        (None, DAYS * DAY, True),
        (None, 9 * DAYS * DAY, True),
        ("30", 30 * DAY - SECOND, False),
        ("30", 30 * DAY, True),
        ("0", 9 * DAYS * DAY, False),
        ("", DAYS * DAY, True),
    ],
)
def test_a_password_that_is_too_old_must_be_changed_after_signing_in(
    operations, accounts, monkeypatch, days, after, must_change
):
    if days is not None:
        monkeypatch.setenv(VARIABLE, days)
    signed = enter(operations, now=NOW + after)
    assert signed.account.must_change is must_change
    sessions = Sessions(operations)
    assert sessions.of(signed.token, NOW + after, True).must_change is must_change
    accounts.set_password("leader1", WORDS[0], WORDS[1], NOW + after, signed.token)
    assert sessions.of(signed.token, NOW + after, True).must_change is False


def test_nobody_is_interrupted_by_a_birthday(operations, accounts):
    """It is asked for after signing in, not in the middle of the work."""
    before = NOW + DAYS * DAY - 10 * SECOND
    token = enter(operations, now=before).token
    assert Sessions(operations).of(token, before + 60 * SECOND, True).must_change is False


def test_of_the_demo_and_of_who_came_by_another_house_none_ages(operations, accounts):
    old = NOW + 9 * DAYS * DAY
    accounts.add("demo.x", "x", "leader", NOW, password=WORDS[1], is_demo=True)
    accounts.change("leader1", NOW, "admin1", oidc_subject="https://sso.example u1")
    assert enter(operations, "demo.x", WORDS[1], old).account.must_change is False
    signed = SignIn(operations).by_subject("https://sso.example", "u1", old, None, "")
    assert signed.account.must_change is False
    assert Sessions(operations).of(signed.token, old, True).must_change is False


def test_a_password_ages_beside_a_single_sign_on(operations, accounts):
    """It opens the account all the same."""
    old = NOW + 9 * DAYS * DAY
    accounts.change("leader1", NOW, "admin1", oidc_subject="https://sso.example u1")
    signed = enter(operations, now=old)
    assert signed.account.must_change is True
    assert Sessions(operations).of(signed.token, old, True).must_change is True


@pytest.mark.parametrize("given", ["90 days", "-1", "1.5", "九十", "９０"])
def test_what_is_no_number_of_days_is_said_at_once(operations, monkeypatch, given):
    monkeypatch.setenv(VARIABLE, given)
    with pytest.raises(OperationsError, match=VARIABLE):
        Sessions(operations)


@pytest.mark.parametrize(
    ("after", "left"), [(0 * DAY, 90), (SECOND, 90), (DAY, 89), (90 * DAY, 0), (91 * DAY, -1)]
)
def test_how_many_days_are_left(accounts, after, left):
    assert days_left(accounts.of("leader1"), NOW + after, most_days()) == left


def test_the_last_five_are_not_taken_again(operations, accounts):
    for old, new in zip(WORDS[:-1], WORDS[1:], strict=True):
        for former in WORDS[: WORDS.index(new)][-DIFFERENT:]:
            with pytest.raises(OperationsError, match="相同"):
                accounts.set_password("leader1", old, former, NOW)
        accounts.set_password("leader1", old, new, NOW)
    for former in WORDS[1:]:
        with pytest.raises(OperationsError, match="相同"):
            accounts.set_password("leader1", WORDS[-1], former, NOW)
    with operations.reading() as connection:
        kept = connection.execute(select(FORMER.c.digest)).scalars().all()
        assert len(kept) == DIFFERENT - 1 and all(each.startswith("$argon2id$") for each in kept)
    accounts.set_password("leader1", WORDS[-1], WORDS[0], NOW)  # the sixth before
    assert enter(operations, password=WORDS[0])


def test_the_same_typed_otherwise_is_the_same(accounts):
    wide = WORDS[0].replace("W", "Ｗ").replace("0", "０")
    assert wide != WORDS[0]
    with pytest.raises(OperationsError, match="不能与原口令相同"):
        accounts.set_password("leader1", WORDS[0], wide, NOW)


def test_nobody_goes_back_to_the_password_before_a_reset(operations, accounts):
    new = accounts.reset_password("leader1", NOW, "admin1")
    with pytest.raises(OperationsError, match="最近 5 次用过"):
        accounts.set_password("leader1", new, WORDS[0], NOW)
    accounts.set_password("leader1", new, WORDS[1], NOW)
    with pytest.raises(OperationsError, match="最近 5 次用过"):
        accounts.set_password("leader1", WORDS[1], new, NOW)


def test_those_of_others_do_not_matter_and_stay(operations, accounts):
    accounts.add("leader2", "x", "leader", NOW, password=WORDS[1])
    accounts.set_password("leader2", WORDS[1], WORDS[2], NOW)
    for old, new in zip(WORDS[:-1], WORDS[1:], strict=True):
        accounts.set_password("leader1", old, new, NOW)
    with operations.reading() as connection:
        assert connection.execute(select(func.count()).select_from(FORMER)).scalar() == DIFFERENT
    with pytest.raises(OperationsError, match="最近 5 次用过"):
        accounts.set_password("leader2", WORDS[2], WORDS[1], NOW)


def test_who_does_not_know_the_password_learns_nothing_of_former_ones(accounts, monkeypatch):
    accounts.set_password("leader1", WORDS[0], WORDS[1], NOW)
    looked, verify = [], PasswordHasher.verify
    monkeypatch.setattr(
        PasswordHasher, "verify", lambda self, *given: looked.append(1) or verify(self, *given)
    )
    with pytest.raises(OperationsError, match="原口令不对"):
        accounts.set_password("leader1", WORDS[2], WORDS[0], NOW)
    assert len(looked) == 1


def test_a_refused_new_password_is_no_wrong_guess(operations, accounts):
    accounts.set_password("leader1", WORDS[0], WORDS[1], NOW)
    token = enter(operations, password=WORDS[1]).token
    for keep in (token, None):
        for _ in range(MOST_IN_A_ROW + 1):
            with pytest.raises(OperationsError, match="最近 5 次用过"):
                accounts.set_password("leader1", WORDS[1], WORDS[0], NOW, keep)
    assert enter(operations, password=WORDS[1])


def test_each_comparison_waits_for_its_turn(accounts, monkeypatch):
    accounts.set_password("leader1", WORDS[0], WORDS[1], NOW)
    turns, turn = [], passwords._turn
    monkeypatch.setattr(
        passwords, "_turn", lambda *is_stranger: turns.append(1) or turn(*is_stranger)
    )
    accounts.set_password("leader1", WORDS[1], WORDS[2], NOW)
    assert len(turns) == 1 + 1 + 1  # the old one, the one before, the new one


def test_strangers_cannot_keep_the_owner_from_a_change(operations, accounts):
    """Else who locks a name makes a password that is too old the end of the work."""
    token = enter(operations).token
    for _ in range(MOST_IN_A_ROW):
        with pytest.raises(SignInRefused):
            enter(operations, password="Secret-typed-wrongly-9")
    accounts.set_password("leader1", WORDS[0], WORDS[1], NOW, token)
    accounts.start_totp("leader1", NOW, WORDS[1], token)
    with pytest.raises(SignInRefused, match="锁定"):
        enter(operations, password=WORDS[1])


def test_who_took_a_session_has_five_guesses_and_locks_nobody_else(operations, accounts):
    stolen, own = enter(operations).token, enter(operations).token
    for act in (
        lambda wrong: accounts.set_password("leader1", wrong, WORDS[1], NOW, stolen),
        lambda wrong: accounts.start_totp("leader1", NOW, wrong, stolen),
    ) * (MOST_IN_A_ROW // 2):
        with pytest.raises(OperationsError, match="原口令不对"):
            act("Secret-typed-wrongly-9")
    with pytest.raises(OperationsError, match="原口令不对"):
        accounts.start_totp("leader1", NOW, "Secret-typed-wrongly-9", stolen)
    with pytest.raises(OperationsError, match="15 分钟后再试"):
        accounts.set_password("leader1", WORDS[0], WORDS[1], NOW, stolen)
    assert enter(operations)
    accounts.set_password("leader1", WORDS[0], WORDS[1], NOW, own)
    with pytest.raises(OperationsError):
        accounts.set_password("leader1", WORDS[1], WORDS[2], NOW + LOCKED - SECOND, stolen)
