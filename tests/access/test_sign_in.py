"""Nobody comes in by guessing, from however many places at once, nor learns who has an account."""

import contextlib
import io
import json
import logging
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
import structlog
from argon2 import PasswordHasher
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyotp.totp import TOTP
from sqlalchemy import func, inspect, select

from access import passwords
from access.accounts import Accounts
from access.attempts import (
    ADDRESS_TIME,
    FAILED,
    LOCKED,
    MOST_IN_A_ROW,
    MOST_OF_ADDRESS,
    REMEMBERED,
    TRIED,
    Attempts,
    Guesser,
    network,
    plain,
)
from access.audit import Audit
from access.known_browsers import KnownBrowsers
from access.operations import Operations, OperationsError
from access.sessions import Sessions
from access.sign_in import WRONG, SignIn, SignInRefused
from tests.conftest import ROOT

NOW = datetime(2026, 11, 5, 4, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
GOOD, BAD = "Xk7#pqr-stuvw", "Secret-typed-wrongly-9"
AGENT = "Browser/1"
LOCK = "account.lock"


@pytest.fixture
def accounts(operations, cheap_passwords):
    made = Accounts(operations)
    for name in ("leader1", "leader2"):
        made.add(name, name, "leader", NOW, password=GOOD)
    return made


@pytest.fixture
def sign_in(operations, accounts):
    return SignIn(operations, most_of_address=10**6)


@pytest.fixture
def looked(monkeypatch):
    """The kept digests that were compared with a password."""
    found, verify = [], PasswordHasher.verify

    def counted(self, kept, given):
        found.append(kept)
        return verify(self, kept, given)

    monkeypatch.setattr(PasswordHasher, "verify", counted)
    return found


def enter(sign_in, name="leader1", password=GOOD, now=NOW, code=None, address="192.0.2.7", **more):
    return sign_in.by_password(name, password, code, now, address, AGENT, **more)


def refused(sign_in, *given, **more):
    with pytest.raises(SignInRefused) as caught:
        enter(sign_in, *given, **more)
    return caught.value.message, caught.value.wait_seconds


def told(operations):
    """Action, subject, result and why of the audit, the oldest first."""
    entries = [kept.entry for kept in reversed(Audit(operations).entries(limit=1000))]
    return [
        (each.action, each.subject, each.result, json.loads(each.detail).get("why"))
        for each in entries
        if each.action != "account.add"
    ]


def test_who_knows_the_password_comes_in(sign_in, accounts, operations):
    signed = enter(sign_in, " Leader1 ")
    assert signed.account == accounts.of("leader1")
    assert Sessions(operations).of(signed.token, NOW, True) == signed.account
    newest = Audit(operations).entries(limit=1)[0].entry
    assert (newest.actor, newest.action, newest.result) == ("leader1", "sign_in", "done")
    assert newest.detail == '{"address":"192.0.2.7","way":"password"}'


def test_what_was_wrong_is_not_told(sign_in, accounts, operations):
    accounts.disable("leader2", NOW)
    for name, password in {
        "leader1": BAD,
        "leader2": GOOD,
        "nobody": GOOD,
        "": "",
        "a\0b": "\0",
        "\udc80": "\udc80",
        GOOD: "",
        "x" * 100_000: "y" * 100_000,
    }.items():
        assert refused(sign_in, name, password) == (WRONG, None)
    reasons = [(subject, why) for _, subject, _, why in told(operations)[1:]]
    assert reasons == [("leader1", "password"), ("leader2", "disabled"), *[("—", "unknown")] * 6]


def test_a_known_name_costs_no_more_looking_than_an_unknown_one(sign_in, looked):
    for name in ("leader1", "nobody", "leader1", "no body"):
        before = len(looked)
        refused(sign_in, name, BAD)
        assert len(looked) == before + 1


@pytest.mark.parametrize("name", ["leader1", "nobody"])
def test_after_five_failures_it_is_locked_for_a_quarter_of_an_hour(sign_in, operations, name):
    for at in range(MOST_IN_A_ROW):
        assert refused(sign_in, name, BAD, NOW + at * SECOND) == (WRONG, None)
    last = NOW + (MOST_IN_A_ROW - 1) * SECOND
    message, wait = refused(sign_in, name, GOOD, last + MINUTE)
    assert (message, wait) == ("连续输错 5 次，账号已锁定，请 14 分钟后再试", 14 * 60)
    assert refused(sign_in, name, GOOD, last + LOCKED - SECOND)[1] == 1
    subject = name if name == "leader1" else "—"
    assert ("account.lock", subject, "done", None) in told(operations)
    assert told(operations)[-1] == ("sign_in", subject, "refused", "locked")
    if name == "leader1":
        assert enter(sign_in, name, GOOD, last + LOCKED)
    else:
        assert refused(sign_in, name, GOOD, last + LOCKED) == (WRONG, None)


def test_a_locked_password_is_not_looked_at(sign_in, looked):
    for _ in range(MOST_IN_A_ROW):
        refused(sign_in, password=BAD)
    for _ in range(3):
        refused(sign_in)
    assert len(looked) == MOST_IN_A_ROW


def test_the_lock_of_one_is_nobody_elses(sign_in):
    for _ in range(MOST_IN_A_ROW + 1):
        refused(sign_in, password=BAD)
    assert enter(sign_in, "leader2")


def test_an_administrator_unlocks(sign_in, accounts, operations):
    for name in ("leader1", "leader2"):
        for _ in range(MOST_IN_A_ROW):
            refused(sign_in, name, BAD)
    sign_in.unlock("leader1", NOW, "admin1")
    new = accounts.reset_password("leader2", NOW, "admin1")
    assert enter(sign_in) and enter(sign_in, "leader2", new).account.must_change
    assert ("account.unlock", "leader1", "done", None) in told(operations)
    with pytest.raises(OperationsError, match="没有账号"):
        sign_in.unlock("nobody", NOW, "admin1")


def test_strangers_lock_strangers_out_and_not_who_was_here_before(sign_in, operations):
    known = enter(sign_in).known
    for _ in range(MOST_IN_A_ROW):
        assert refused(sign_in, password=BAD) == (WRONG, None)
    assert refused(sign_in)[1] == 900
    again = enter(sign_in, known=known)
    assert refused(sign_in)[1] == 900  # who comes in is known; those who guess stay locked out
    assert enter(sign_in, known=again.known)
    locks = [json.loads(kept.entry.detail) for kept in Audit(operations).entries(action=LOCK)]
    assert locks == [{"browser": "strange", "minutes": 15}]
    assert "leader1" in sign_in.locked(["leader1"], NOW)


def test_who_was_here_before_has_five_guesses_for_himself(sign_in, operations):
    known, other = enter(sign_in).known, enter(sign_in).known
    for _ in range(MOST_IN_A_ROW):
        assert refused(sign_in, password=BAD, known=known) == (WRONG, None)
    assert refused(sign_in, known=known) == (
        "连续输错 5 次，账号已锁定，请 15 分钟后再试",
        900,
    )
    assert enter(sign_in, known=other) and enter(sign_in)
    assert refused(sign_in, known=known)[1] == 900
    assert sign_in.locked(["leader1", "leader2"], NOW) == {"leader1"}
    locks = [json.loads(kept.entry.detail) for kept in Audit(operations).entries(action=LOCK)]
    assert locks == [{"browser": "known", "minutes": 15}]
    assert enter(sign_in, known=known, now=NOW + LOCKED)


def test_an_administrator_unlocks_known_browsers_too(sign_in, accounts):
    for unlock in (
        lambda: sign_in.unlock("leader1", NOW, "admin1"),
        lambda: accounts.reset_password("leader1", NOW, "admin1"),
    ):
        known = enter(sign_in).known
        for _ in range(MOST_IN_A_ROW):
            refused(sign_in, password=BAD, known=known)
        unlock()
        assert sign_in.locked(["leader1"], NOW) == set()
        assert refused(sign_in, password=BAD, known=known) == (WRONG, None)


def test_a_cookie_that_is_no_proof_of_this_name_is_none(sign_in):
    own = enter(sign_in, "leader2").known
    forged = own.split(".")[0] + "." + "A" * 22 + "." + "0" * 64
    tried = [own, forged, own[:-1] + ("0" if own[-1] != "0" else "1"), "x" * 10_000, "~~~"]
    assert len(tried) == MOST_IN_A_ROW
    for cookie in tried:
        assert refused(sign_in, password=BAD, known=cookie) == (WRONG, None)
    assert [refused(sign_in, known=cookie)[1] for cookie in tried] == [900] * len(tried)
    assert enter(sign_in, "leader2", known=own)


def test_who_was_here_before_needs_the_password_and_the_code_all_the_same(sign_in, codes):
    later = NOW + 5 * MINUTE
    known = enter(sign_in, code=codes.at(later), now=later).known
    after = later + 5 * MINUTE
    for password, code in ((GOOD, None), (GOOD, "000000"), (BAD, codes.at(after))):
        assert refused(sign_in, password=password, code=code, now=after, known=known)[0] == WRONG
    assert enter(sign_in, code=codes.at(after), now=after, known=known)


def test_who_was_here_before_shares_no_address_with_those_who_guess(operations, accounts):
    """As where a whole office comes by one address."""
    sign_in = SignIn(operations)
    known = enter(sign_in, address="192.0.2.9").known
    for at in range(MOST_OF_ADDRESS + 2):
        refused(sign_in, f"nobody{at}", BAD)
    assert refused(sign_in)[0] == "这个地址登录太频繁，请稍后再试"
    for _ in range(MOST_OF_ADDRESS):  # and has a share of his own
        assert enter(sign_in, known=known)
    assert refused(sign_in, known=known)[0] == "这个地址登录太频繁，请稍后再试"


def test_signing_in_anew_gives_no_other_ten_tries(operations, accounts):
    """Each gives another proof; from elsewhere, and for another name, they are counted apart."""
    sign_in = SignIn(operations)
    known = enter(sign_in).known
    for _ in range(10):
        known = enter(sign_in, known=known).known
    assert refused(sign_in, known=known)[0] == "这个地址登录太频繁，请稍后再试"
    assert enter(sign_in, known=known, address="198.51.100.9")
    assert enter(sign_in, "leader2")


def test_a_busy_moment_does_not_count_against_who_is_known(sign_in, monkeypatch):
    def busy(kept, password, is_stranger):
        raise passwords.Busy

    known = enter(sign_in).known
    with monkeypatch.context() as patch:
        patch.setattr(passwords, "fits", busy)
        for _ in range(MOST_IN_A_ROW + 1):
            assert refused(sign_in, known=known)[1] == 5
    assert enter(sign_in, known=known)


def test_no_proof_is_in_the_store_or_the_audit(sign_in, operations):
    known = enter(sign_in).known
    for _ in range(MOST_IN_A_ROW + 1):
        refused(sign_in, password=BAD, known=known)
    _, nonce, mac = known.split(".")
    with operations.reading() as connection:
        tables = ("accounts", "audit", "sessions", "sign_in_failures", "sign_in_tries")
        rows = [connection.exec_driver_sql(f"SELECT * FROM {t}").all() for t in tables]
    assert len(rows[3]) == 1 and nonce not in repr(rows) and mac not in repr(rows)


steps = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 60, 7 * 60, 14 * 60 + 59, 15 * 60, 24 * 3600 - 1, 24 * 3600]),
        st.sampled_from(["leader1", "leader2", "nobody"]),
        st.sampled_from([False] * 4 + [True]),
    ),
    max_size=25,
)


@given(steps=steps)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
def test_the_law_of_the_lock(operations, sign_in, steps):
    """Against a model that remembers every failure."""
    with operations.writing() as connection:
        connection.execute(FAILED.delete())
    now, failures = NOW, {}
    for seconds, name, is_right in steps:
        now += seconds * SECOND
        row = [at for at in failures.get(name, []) if now - failures[name][-1] < REMEMBERED]
        if len(row) == MOST_IN_A_ROW and now - row[-1] >= LOCKED:
            row = []
        is_locked, is_in = len(row) == MOST_IN_A_ROW, is_right and name != "nobody"
        failures[name] = row if is_locked else [] if is_in else [*row, now]
        if is_in and not is_locked:
            assert enter(sign_in, name, GOOD, now)
        else:
            wait = (row[-1] + LOCKED - now).total_seconds() if is_locked else None
            assert refused(sign_in, name, GOOD if is_right else BAD, now)[1] == wait


@pytest.mark.parametrize("name", ["leader1", "nobody"])
def test_many_at_once_have_five_guesses_together(operations, accounts, looked, name):
    """Each with a store of its own, as processes have."""
    told = []

    def guess(number):
        own = Operations(operations.home, operations.url.render_as_string(False))
        sign_in = SignIn(own)
        for each in range(4):
            try:
                enter(sign_in, name, f"{BAD}-{number}-{each}", address=f"192.0.2.{number}")
            except SignInRefused as error:
                told.append(error.wait_seconds)
        own.close()

    threads = [threading.Thread(target=guess, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(told), len(looked)) == (32, MOST_IN_A_ROW)
    assert told.count(None) == MOST_IN_A_ROW
    assert [each for each in told if each not in (None, 900)] == []


GUESSER = """
import sys
from datetime import datetime
from pathlib import Path
from access import passwords
from access.operations import Operations
from access.sign_in import SignIn, SignInRefused
from argon2 import PasswordHasher, profiles

passwords.HASHER = PasswordHasher.from_parameters(profiles.CHEAPEST)
home, url, number = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
sign_in, looked = SignIn(Operations(home, url)), 0
for each in range(6):
    try:
        now = datetime.fromisoformat("2026-11-05T04:00:00+00:00")
        sign_in.by_password("leader1", f"wrong {number} {each}", "", now, f"192.0.2.{number}", "")
    except SignInRefused as error:
        looked += error.wait_seconds is None
print(looked)
"""


def test_processes_have_five_guesses_together(operations, accounts):
    url = operations.url.render_as_string(False)
    command = [sys.executable, "-c", GUESSER, str(operations.home), url]
    running = [
        subprocess.Popen([*command, str(number)], stdout=subprocess.PIPE, text=True, cwd=ROOT)
        for number in range(3)
    ]
    assert sum(int(process.communicate(timeout=120)[0]) for process in running) == MOST_IN_A_ROW


def test_a_guess_that_could_not_be_looked_at_does_not_count(sign_in, operations, monkeypatch):
    def busy(kept, password, is_stranger):
        raise passwords.Busy

    with monkeypatch.context() as patch:
        patch.setattr(passwords, "fits", busy)
        for _ in range(MOST_IN_A_ROW + 1):
            assert refused(sign_in) == ("现在登录的人太多，请稍后再试", 5)
    assert enter(sign_in)


@pytest.fixture
def codes(accounts):
    """The authenticator of leader1, whose code of NOW has been used."""
    codes = pyotp.parse_uri(accounts.start_totp("leader1", NOW))
    assert isinstance(codes, TOTP)
    accounts.confirm_totp("leader1", codes.at(NOW), NOW)
    return codes


def test_who_has_codes_needs_one_of_now(sign_in, codes, operations):
    later = NOW + 5 * MINUTE
    for code in (None, "", "000000", codes.at(NOW), codes.at(later + MINUTE), "12 345"):
        assert refused(sign_in, code=code, now=later) == (WRONG, None)
        sign_in.unlock("leader1", later)
    assert enter(sign_in, code=codes.at(later), now=later)
    reasons = [why for *_, why in told(operations) if why]
    assert reasons == ["code"] * 6


def test_a_code_is_taken_once(sign_in, codes):
    assert refused(sign_in, code=codes.at(NOW)) == (WRONG, None)  # it was confirmed with it
    later = NOW + 5 * MINUTE
    enter(sign_in, code=codes.at(later), now=later)
    assert refused(sign_in, code=codes.at(later), now=later) == (WRONG, None)
    before = codes.at(later - 30 * SECOND)
    assert refused(sign_in, code=before, now=later) == (WRONG, None)
    enter(sign_in, code=codes.at(later + 30 * SECOND), now=later)


def test_of_many_with_one_code_one_comes_in(operations, accounts, codes):
    later, told = NOW + 5 * MINUTE, []

    def attempt(number):
        own = Operations(operations.home, operations.url.render_as_string(False))
        with contextlib.suppress(SignInRefused):
            told.append(enter(SignIn(own), code=codes.at(later), now=later))
        own.close()

    threads = [threading.Thread(target=attempt, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 1


def test_a_right_code_does_not_help_a_wrong_password(sign_in, codes):
    later = NOW + 5 * MINUTE
    assert refused(sign_in, password=BAD, code=codes.at(later), now=later) == (WRONG, None)
    assert enter(sign_in, code=codes.at(later), now=later)  # and was not used up


def test_an_address_has_ten_tries_a_minute(operations, accounts, looked):
    sign_in = SignIn(operations)
    for at in range(MOST_OF_ADDRESS):
        refused(sign_in, f"nobody{at}", BAD, NOW + at * SECOND)
    last = NOW + MOST_OF_ADDRESS * SECOND
    for _ in range(3):
        assert refused(sign_in, now=last) == ("这个地址登录太频繁，请稍后再试", 50)
    assert len(looked) == MOST_OF_ADDRESS
    assert [why for *_, why in told(operations)].count("address") == 1
    assert enter(sign_in, now=last, address="192.0.2.8")
    assert enter(sign_in, now=NOW + ADDRESS_TIME)
    assert refused(sign_in, now=NOW + ADDRESS_TIME)[1] == 1  # the second of them is 59 s old


def test_the_own_address_cannot_lock_others_beyond_its_share(operations, accounts):
    sign_in = SignIn(operations)
    for _ in range(MOST_OF_ADDRESS * 3):
        refused(sign_in, "leader1", BAD)
        refused(sign_in, "leader2", BAD)
    assert refused(sign_in, address="192.0.2.8")[1] == 900
    with operations.reading() as connection:
        kept = connection.execute(select(func.count()).select_from(TRIED)).scalar_one()
    assert kept == MOST_OF_ADDRESS + 2  # the first refused, and the other address


@given(offsets=st.lists(st.integers(0, 40), max_size=40))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
def test_the_law_of_an_address(operations, offsets):
    attempts, now, admitted = Attempts(operations, most_of_address=3), NOW, []
    with operations.writing() as connection:
        connection.execute(TRIED.delete())
        for seconds in offsets:
            now += seconds * SECOND
            recent = [at for at in admitted if now - at < ADDRESS_TIME]
            found = attempts.refusal(connection, Guesser("leader1"), "192.0.2.7", now)
            assert (found is not None) == (len(recent) >= 3)
            if found:
                assert found.wait == recent[-3] + ADDRESS_TIME - now
            else:
                admitted.append(now)


@pytest.mark.parametrize(
    ("address", "shown", "behind"),
    [
        ("192.0.2.7", "192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7", "192.0.2.7"),
        ("2001:db8::1:2", "2001:db8::1:2", "2001:db8::/64"),
        ("2001:DB8:0:0:F::1", "2001:db8::f:0:0:1", "2001:db8::/64"),
        ("fe80::1%<b>any text", "fe80::1", "fe80::/64"),
        (None, "—", "—"),
        ("", "—", "—"),
        ("somewhere\0", "—", "—"),
    ],
)
def test_an_address_is_kept_as_one(address, shown, behind):
    assert (plain(address), network(address)) == (shown, behind)


def test_old_tries_are_forgotten(sign_in, operations):
    for at in range(30):
        refused(sign_in, f"nobody{at}", BAD)
    operations.forget(NOW + REMEMBERED + MINUTE)
    with operations.reading() as connection:
        for table in (FAILED, TRIED):
            assert connection.execute(select(func.count()).select_from(table)).scalar_one() == 0


def test_a_planted_token_is_worthless(sign_in, operations):
    sessions = Sessions(operations)
    attackers = enter(sign_in, "leader2").token
    for planted in (attackers, "chosen-by-the-attacker"):
        signed = enter(sign_in, before=planted)
        assert signed.token != planted
        assert sessions.of(planted, NOW, True) is None
        assert sessions.of(signed.token, NOW, True) == signed.account


def test_a_refused_sign_in_leaves_the_session_that_was(sign_in, operations):
    token = enter(sign_in).token
    refused(sign_in, password=BAD, before=token)
    assert Sessions(operations).of(token, NOW, True) is not None


def test_a_password_is_hashed_anew_when_the_parameters_change(
    sign_in, accounts, operations, monkeypatch
):
    stronger = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
    monkeypatch.setattr(passwords, "HASHER", stronger)
    for _ in range(2):
        enter(sign_in)
    with operations.reading() as connection:
        kept = connection.exec_driver_sql("SELECT digest FROM accounts ORDER BY name").scalars()
        assert [passwords.is_outdated(each) for each in kept] == [False, True]


def test_a_password_changed_while_the_old_one_is_looked_at_wins(sign_in, accounts, monkeypatch):
    fits = passwords.fits

    def slow(kept, password, is_stranger):
        accounts.reset_password("leader1", NOW)
        return fits(kept, password)

    monkeypatch.setattr(passwords, "fits", slow)
    assert refused(sign_in) == (WRONG, None)


def test_whom_the_provider_knows_comes_in_under_the_account_of_its_subject(
    sign_in, accounts, operations
):
    accounts.reset_password("leader1", NOW)
    accounts.change("leader1", NOW, "admin1", oidc_subject="https://sso.example u 1")
    planted = enter(sign_in, "leader2").token

    def enter_by(issuer, subject):
        return sign_in.by_subject(issuer, subject, NOW, "192.0.2.7", AGENT, planted)

    for issuer, subject in [
        ("https://sso.example", "u"),
        ("https://other.example", "u 1"),
        ("", ""),
        ("https://sso.example", "u 1\0"),
    ]:
        with pytest.raises(SignInRefused, match="没有可用的账号"):
            enter_by(issuer, subject)
    signed = enter_by("https://sso.example", "u 1")
    assert (signed.account.name, signed.account.must_change) == ("leader1", False)
    sessions = Sessions(operations)
    assert sessions.of(planted, NOW, True) is None
    assert sessions.of(signed.token, NOW, True) == signed.account
    accounts.disable("leader1", NOW)
    with pytest.raises(SignInRefused, match="没有可用的账号"):
        enter_by("https://sso.example", "u 1")
    assert told(operations)[-1] == ("sign_in", "leader1", "refused", "disabled")


def test_what_is_typed_is_nowhere_but_in_memory(operations, cheap_passwords, tmp_path):
    """Neither a password, nor one that was typed as the name, in whatever happens."""
    secrets = {GOOD, BAD, "typed-as-a-name-7Q", "Newer-words-of-mine-8"}
    proof = KnownBrowsers(operations.home).renewed(None, "leader1", NOW)
    secrets |= {*proof.split(".")[1:]}
    output, log = io.StringIO(), io.StringIO()
    handler = logging.StreamHandler(log)
    logging.getLogger().addHandler(handler)
    logging.getLogger("sqlalchemy.engine").setLevel(logging.INFO)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(log))
    said = []
    try:
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            accounts, sign_in = Accounts(operations), SignIn(operations)
            accounts.add("leader1", "x", "leader", NOW, password=GOOD)
            attempts = [
                lambda: enter(sign_in, "leader1", BAD),
                lambda: enter(sign_in, "typed-as-a-name-7Q", GOOD),
                lambda: enter(sign_in, GOOD, GOOD),
                lambda: enter(sign_in, "leader1", GOOD, known=proof).account,
                lambda: enter(sign_in, "leader1", BAD, known=proof),
                lambda: accounts.set_password("leader1", BAD, "Newer-words-of-mine-8", NOW),
                lambda: accounts.set_password("leader1", GOOD, "Newer-words-of-mine-8", NOW),
                lambda: accounts.add("leader1", "x", "leader", NOW, password=BAD),
                lambda: accounts.add("leader3", "x", "king", NOW, password=BAD),
            ]
            for attempt in attempts:
                try:
                    said.append(repr(attempt()))
                except (SignInRefused, OperationsError) as error:
                    said.append(repr(error))
    finally:
        logging.getLogger().removeHandler(handler)
        logging.getLogger("sqlalchemy.engine").setLevel(logging.NOTSET)
        structlog.reset_defaults()
    files = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    if not operations.is_file:
        with operations.reading() as connection:
            names = inspect(connection).get_table_names()
            rows = [connection.exec_driver_sql(f"SELECT * FROM {t}").all() for t in names]
        files += repr(rows).encode()
    assert b"argon2id" in files and "INSERT" in log.getvalue()
    spilled = " ".join((*said, output.getvalue(), log.getvalue(), files.decode("utf-8", "replace")))
    assert [secret for secret in secrets if secret.lower() in spilled.lower()] == []
