"""A session ends when it is idle, too old, ended or its account disabled, and no sooner."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, insert, select, text

from access.accounts import Accounts
from access.audit import Audit
from access.operations import FILE, LOGS_KEPT, OperationsError
from access.sessions import IDLE, LONGEST, SEEN_EVERY, SESSIONS, Sessions

NOW = datetime(2026, 11, 5, 4, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def plain(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@pytest.fixture
def accounts(operations, cheap_passwords):
    made = Accounts(operations)
    for name in ("leader1", "leader2"):
        made.add(name, f"{name} 显示", "leader", NOW, password="Xk7#pqr-stuvw")
    return made


@pytest.fixture
def sessions(operations, accounts):
    return Sessions(operations)


def begin(sessions, accounts, name="leader1", now=NOW, way="password", **more):
    return sessions.begin(accounts.of(name), now, "192.0.2.7", "Browser/1", way, **more)


def test_an_account_is_known_by_its_token(sessions, accounts):
    token = begin(sessions, accounts)
    assert sessions.of(token, NOW, True) == accounts.of("leader1")
    wrong = (None, "", "x", token[:-1], token + "x", "\udc80", "x" * 100_000)
    assert [sessions.of(each, NOW, True) for each in wrong] == [None] * len(wrong)


def test_a_token_is_kept_nowhere(sessions, accounts, operations, tmp_path):
    token = begin(sessions, accounts)
    with operations.reading() as connection:
        assert token not in repr(connection.execute(select(SESSIONS)).all())
    if operations.is_file:
        kept = b"".join(path.read_bytes() for path in tmp_path.glob(f"{FILE}*"))
        assert token.encode() not in kept
    assert token not in repr(Audit(operations).entries())


def test_who_writes_the_store_alone_can_plant_no_session(sessions, accounts, operations):
    """Neither as older programs kept one, nor with the seal of another."""
    begin(sessions, accounts)
    with operations.writing() as connection:
        kept = dict(connection.execute(select(SESSIONS)).one()._mapping)
        for token in ("planted", plain("planted")):
            connection.execute(insert(SESSIONS).values(kept | {"digest": plain(token)}))
    assert [sessions.of(token, NOW, True) for token in ("planted", plain("planted"))] == [None] * 2


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE sessions SET account = (SELECT id FROM accounts WHERE name = 'leader2')",
        "UPDATE sessions SET way = 'oidc'",
        "UPDATE sessions SET begun_at = seen_at",
        "UPDATE sessions SET seal = ''",
        "UPDATE sessions SET seal = digest",
    ],
)
def test_who_writes_the_store_alone_can_let_no_session_be_anothers(
    sessions, accounts, operations, change
):
    token = begin(sessions, accounts)
    assert sessions.of(token, NOW + MINUTE, True).name == "leader1"
    with operations.writing() as connection:
        connection.execute(text(change))
    assert sessions.of(token, NOW + MINUTE, True) is None


@pytest.mark.parametrize("ending", ["out", "all", "password", "disabled"])
def test_a_session_that_ended_is_not_brought_back_by_who_writes_the_store(
    sessions, accounts, operations, ending
):
    token = begin(sessions, accounts)
    match ending:
        case "out":
            sessions.end(token, NOW)
        case "all":
            sessions.end_all("leader1", NOW)
        case "password":
            accounts.set_password("leader1", "Xk7#pqr-stuvw", "plain words of some length", NOW)
        case "disabled":
            accounts.disable("leader1", NOW)
            accounts.enable("leader1", NOW)
    with operations.writing() as connection:
        connection.execute(text("UPDATE sessions SET ended_at = NULL"))
    assert sessions.of(token, NOW, True) is None


def test_the_token_that_the_browser_had_is_worthless_after_signing_in(sessions, accounts):
    planted = begin(sessions, accounts, "leader2")
    token = begin(sessions, accounts, ended=planted)
    assert token != planted
    assert (sessions.of(planted, NOW, True), sessions.of(token, NOW, True).name) == (
        None,
        "leader1",
    )
    invented = begin(sessions, accounts, ended="planted by somebody")
    assert sessions.of("planted by somebody", NOW, True) is None
    assert sessions.of(invented, NOW, True) is not None


@pytest.mark.parametrize(
    ("active", "asked", "is_known"),
    [
        ((), IDLE - timedelta(seconds=1), True),
        ((), IDLE + MINUTE, False),
        ((MINUTE * 10,), MINUTE * 10 + IDLE - timedelta(seconds=1), True),
        ((MINUTE * 10,), MINUTE * 10 + IDLE + MINUTE, False),
        # Active within the minute, which is not written: it counts all the same.
        ((timedelta(seconds=59),), timedelta(seconds=58) + IDLE, True),
        (tuple(MINUTE * 10 * n for n in range(1, 48)), LONGEST - timedelta(seconds=1), True),
        (tuple(MINUTE * 10 * n for n in range(1, 48)), LONGEST, False),
    ],
)
def test_it_ends_when_idle_or_too_old(sessions, accounts, active, asked, is_known):
    token = begin(sessions, accounts)
    for after in active:
        assert sessions.of(token, NOW + after, True)
    assert (sessions.of(token, NOW + asked, False) is not None) is is_known
    assert (sessions.all(NOW + asked) != []) is is_known


def test_a_page_that_asks_by_itself_keeps_nobody_signed_in(sessions, accounts):
    token = begin(sessions, accounts)
    for seconds in range(0, 15 * 60, 30):
        assert sessions.of(token, NOW + timedelta(seconds=seconds), False)
    assert sessions.of(token, NOW + IDLE + MINUTE, False) is None
    assert sessions.of(token, NOW + IDLE + MINUTE, True) is None  # and it does not come back


@given(
    idle=st.integers(1, 30),
    longest=st.integers(1, 120),
    asked=st.lists(st.tuples(st.integers(0, 1200), st.booleans()), max_size=25),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_the_law_of_its_end(operations, accounts, idle, longest, asked):
    """Known until `idle` after the last active request, unknown a minute later, and from `longest`
    after it began; between, as it likes."""
    idle, longest = timedelta(minutes=idle), timedelta(minutes=longest)
    sessions = Sessions(operations, idle, longest)
    token, at, last = begin(sessions, accounts), NOW, NOW
    for seconds, is_active in asked:
        at += timedelta(seconds=seconds)
        is_known = sessions.of(token, at, is_active) is not None
        if at - NOW >= longest or at - last >= idle + SEEN_EVERY:
            assert not is_known
        elif at - last < idle:
            assert is_known
        if is_active and is_known:
            last = at
        if not is_known:
            break


def test_when_it_was_seen_is_written_once_a_minute(sessions, accounts, monkeypatch):
    token, written = begin(sessions, accounts), []
    writing = sessions._operations.writing
    monkeypatch.setattr(sessions._operations, "writing", lambda: written.append(1) or writing())
    for seconds in range(0, 300, 5):
        sessions.of(token, NOW + timedelta(seconds=seconds), True)
    assert len(written) == 4
    assert sessions.all(NOW + 5 * MINUTE)[0].seen_at == NOW + 4 * MINUTE


def test_a_request_that_is_written_late_does_not_turn_the_clock_back(
    sessions, accounts, operations, monkeypatch
):
    token, writing, other = begin(sessions, accounts), operations.writing, Sessions(operations)

    def late():
        monkeypatch.setattr(operations, "writing", writing)
        other.of(token, NOW + 10 * MINUTE, True)
        return writing()

    monkeypatch.setattr(operations, "writing", late)
    sessions.of(token, NOW + 9 * MINUTE, True)
    assert sessions.all(NOW + 10 * MINUTE)[0].seen_at == NOW + 10 * MINUTE


def test_who_may_ask_may_also_while_nothing_can_be_written(sessions, accounts, monkeypatch):
    token = begin(sessions, accounts)

    def full():
        raise OSError("disk full")

    monkeypatch.setattr(sessions._operations, "writing", full)
    assert sessions.of(token, NOW + 2 * MINUTE, True).name == "leader1"


def test_signing_out_ends_one_and_is_in_the_audit_once(sessions, accounts, operations):
    one, other = begin(sessions, accounts), begin(sessions, accounts)
    for _ in range(2):
        sessions.end(one, NOW)
    sessions.end(None, NOW)
    assert (sessions.of(one, NOW, True), sessions.of(other, NOW, True).name) == (None, "leader1")
    told = [kept.entry.action for kept in Audit(operations).entries()]
    assert told.count("session.end") == 1


def test_an_administrator_ends_all_of_an_account(sessions, accounts, operations):
    tokens = [begin(sessions, accounts) for _ in range(2)]
    stays = begin(sessions, accounts, "leader2")
    assert sessions.end_all("leader1", NOW, "admin1") == 2
    assert [sessions.of(token, NOW, True) for token in tokens] == [None, None]
    assert sessions.of(stays, NOW, True).name == "leader2"
    newest = Audit(operations).entries(limit=1)[0].entry
    assert (newest.actor, newest.subject, newest.detail) == ("admin1", "leader1", '{"sessions":2}')
    assert sessions.end_all("leader1", NOW) == 0
    with pytest.raises(OperationsError, match="没有账号"):
        sessions.end_all("nobody", NOW)


def test_a_disabled_account_has_no_session_and_an_enabled_one_no_old_one(sessions, accounts):
    token = begin(sessions, accounts)
    accounts.disable("leader1", NOW)
    assert (sessions.of(token, NOW, True), sessions.all(NOW)) == (None, [])
    accounts.enable("leader1", NOW)
    assert sessions.of(token, NOW, True) is None


def test_one_that_was_begun_while_the_account_was_being_disabled_is_none(sessions, accounts):
    account = accounts.of("leader1")
    accounts.disable("leader1", NOW)
    token = sessions.begin(account, NOW, "192.0.2.7", "t", "password")
    assert (sessions.of(token, NOW, True), sessions.all(NOW)) == (None, [])


def test_one_alone_where_a_site_wants_it(operations, accounts):
    sessions = Sessions(operations, only_one=True)
    first, other = begin(sessions, accounts), begin(sessions, accounts, "leader2")
    second = begin(sessions, accounts)
    told = [sessions.of(token, NOW, True) is not None for token in (first, other, second)]
    assert told == [False, True, True]


def test_those_that_run_are_told_without_their_tokens(sessions, accounts):
    sessions.begin(accounts.of("leader1"), NOW, "192.0.2.7", "x\0\n" + "y" * 200, "oidc")
    begin(sessions, accounts, "leader2", NOW + MINUTE)
    newest, oldest = sessions.all(NOW + MINUTE)
    assert (newest.account, newest.shown, newest.begun_at) == (
        "leader2",
        "leader2 显示",
        NOW + MINUTE,
    )
    assert (oldest.account, oldest.address, oldest.way) == ("leader1", "192.0.2.7", "oidc")
    assert oldest.agent == "x" + "y" * 117


def test_who_signs_in_elsewhere_has_no_password_to_change_here(sessions, accounts):
    accounts.reset_password("leader1", NOW, "admin1")
    tokens = [begin(sessions, accounts, way=way) for way in ("password", "oidc")]
    assert [sessions.of(token, NOW, True).must_change for token in tokens] == [True, False]


def test_old_ones_are_forgotten(sessions, accounts, operations):
    begin(sessions, accounts)
    begin(sessions, accounts, now=NOW + timedelta(days=10))
    operations.forget(NOW + LOGS_KEPT + timedelta(days=1))
    with operations.reading() as connection:
        assert connection.execute(select(func.count()).select_from(SESSIONS)).scalar() == 1
    with operations.writing() as connection:
        connection.execute(delete(SESSIONS))
