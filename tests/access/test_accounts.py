"""Accounts are made, limited, disabled and never lost; an administrator always remains."""

import json
import threading
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from pyotp.totp import TOTP

from access import passwords
from access.accounts import Accounts
from access.attempts import ADDRESS_TIME, LOCKED, MOST_OF_ADDRESS
from access.audit import Audit
from access.operations import OperationsError
from access.roles import Power
from access.sessions import Sessions
from data.codes import label

NOW = datetime(2026, 11, 5, 4, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
GOOD, BETTER = "Xk7#pqr-stuvw", "plain words of some length"


@pytest.fixture
def accounts(operations, cheap_passwords):
    return Accounts(operations)


@pytest.fixture
def sessions(operations):
    return Sessions(operations)


def add(accounts, name="leader1", role="leader", **more):
    return accounts.add(name, more.pop("shown", name), role, NOW, **({"password": GOOD} | more))


def authenticator(address):
    codes = pyotp.parse_uri(address)
    assert isinstance(codes, TOTP)
    return codes


def entries(operations):
    return [(kept.entry.action, kept.entry.subject) for kept in Audit(operations).entries()]


def test_an_account_is_told_as_it_was_made(accounts):
    add(accounts, "worker1", "grid_worker", regions=["village:V2", "town:T1"], shown="一镇网格员")
    add(accounts, "police", "department", departments=["police", "police"], is_demo=True)
    found = accounts.of("worker1")
    assert (found.shown, found.role, found.has_totp, found.is_demo) == (
        "一镇网格员",
        "grid_worker",
        False,
        False,
    )
    assert found.regions == (("town", "T1"), ("village", "V2"))
    assert found.powers == {Power.FIGURES, Power.CASES, Power.CLEAR}
    told = [(each.name, each.departments, each.is_demo) for each in accounts.all()]
    assert told == [("police", ("police",), True), ("worker1", (), False)]
    assert accounts.of("nobody") is accounts.of("no\0body") is None


def test_neither_password_nor_secret_is_in_what_is_told(accounts, operations):
    add(accounts)
    accounts.start_totp("leader1", NOW)
    with operations.reading() as connection:
        row = connection.exec_driver_sql("SELECT digest, totp_secret FROM accounts").one()
    told = repr(accounts.of("leader1")) + repr(Audit(operations).entries())
    assert not any(secret in told for secret in (*row, GOOD))


@pytest.mark.parametrize(
    ("made", "by", "must_change"),
    [(GOOD, "console", False), (None, "console", True), (GOOD, "admin1", True)],
)
def test_who_knows_a_password_that_others_know_must_change_it(accounts, made, by, must_change):
    first = add(accounts, password=made, by=by)
    assert (first == GOOD, len(first) >= 16) == ((True, False) if made else (False, True))
    assert accounts.of("leader1").must_change is must_change
    accounts.set_password("leader1", first, BETTER, LATER)
    changed = accounts.of("leader1")
    assert (changed.must_change, changed.password_at) == (False, LATER)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": "A"}, "账号名应为"),
        ({"name": "1a"}, "账号名应为"),
        ({"name": "a" * 41}, "账号名应为"),
        ({"name": "ab\n"}, "账号名应为"),
        ({"name": "console"}, "账号名应为"),
        ({"shown": " "}, "显示名"),
        ({"shown": "大" * 41}, "显示名"),
        ({"shown": "a\0b"}, "显示名"),
        ({"role": "king"}, "没有角色 'king'"),
        ({"role": "grid_worker"}, "网格员账号要指明区域或部门"),
        ({"regions": ["T1"]}, "应为 层级:编码"),
        ({"regions": ["town:"]}, "应为 层级:编码"),
        ({"regions": ["town:\ud800"]}, "不能显示"),
        ({"departments": [""]}, "部门编码"),
        ({"departments": ["a\0"]}, "不能显示"),
        ({"password": "short"}, "口令应为"),
    ],
)
def test_what_cannot_be_an_account_is_refused_and_none_made(accounts, given, said):
    with pytest.raises(OperationsError, match=said):
        add(accounts, **given)
    assert accounts.all() == []


def test_a_name_is_never_given_again(accounts):
    add(accounts)
    add(accounts, "other")
    accounts.disable("leader1", NOW)
    with pytest.raises(OperationsError, match="已有账号 leader1"):
        add(accounts)
    accounts.enable("leader1", LATER)
    assert accounts.of("leader1").disabled_at is None
    with pytest.raises(OperationsError, match="没有停用"):
        accounts.enable("leader1", LATER)
    accounts.disable("leader1", LATER)
    with pytest.raises(OperationsError, match="已经停用"):
        accounts.disable("leader1", LATER)


@pytest.mark.parametrize(
    ("change", "ends"),
    [
        ({"shown": "别的名"}, False),
        ({"oidc_subject": "https://sso.example u1"}, False),
        ({"role": "analyst"}, True),
        ({"regions": ["town:T1"]}, True),
        ({"departments": ["police"]}, True),
        ({"role": "leader", "regions": []}, False),
    ],
)
def test_who_is_limited_otherwise_signs_in_anew(accounts, sessions, change, ends):
    add(accounts)
    token = sessions.begin(accounts.of("leader1"), NOW, "192.0.2.1", "test", "password")
    accounts.change("leader1", NOW, "admin1", **change)
    assert (sessions.of(token, NOW, True) is None) is ends
    found = accounts.of("leader1")
    assert (found.role, found.shown) == (
        change.get("role", "leader"),
        change.get("shown", "leader1"),
    )
    assert found.regions == ((("town", "T1"),) if change.get("regions") else ())


@pytest.mark.parametrize("other", ["", "https://sso.example u2"])
def test_who_loses_a_single_sign_on_is_out(accounts, sessions, other):
    add(accounts, oidc_subject="https://sso.example u1")
    token = sessions.begin(accounts.of("leader1"), NOW, "192.0.2.1", "test", "oidc")
    accounts.change("leader1", NOW, "admin1", oidc_subject="https://sso.example u1", shown="x")
    assert sessions.of(token, NOW, True)
    accounts.change("leader1", NOW, "admin1", oidc_subject=other)
    assert sessions.of(token, NOW, True) is None


def test_a_change_keeps_what_it_does_not_name(accounts):
    add(accounts, "police", "department", departments=["police"], regions=["town:T1"])
    accounts.change("police", LATER, "admin1", regions=["town:T2", "town:T3"])
    found = accounts.of("police")
    assert (found.regions, found.departments) == ((("town", "T2"), ("town", "T3")), ("police",))
    with pytest.raises(OperationsError, match="承办部门账号要指明"):
        accounts.change("police", LATER, "admin1", regions=[], departments=[])
    with pytest.raises(OperationsError, match="没有账号"):
        accounts.change("nobody", LATER, "admin1", shown="x")
    assert accounts.of("police") == found


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"shown": " 别名 "}, {"shown": "police → 别名"}),
        ({"role": "leader"}, {"role": "承办部门 → 政法委领导"}),
        ({"regions": []}, {"region": "town:T1 town:T2 → 不限"}),
        ({"regions": ["town:T2", "town:T1"]}, {}),
        ({"departments": ["fire"]}, {"department": "不限 → fire"}),
        (
            {"oidc_subject": "https://sso.example u1"},
            {"single": "绑定：未绑定 → https://sso.example u1"},
        ),
    ],
)
def test_the_audit_says_what_was_changed_from_what_to_what(accounts, operations, change, said):
    add(accounts, "police", "department", regions=["town:T1", "town:T2"])
    if "regions" in change:
        accounts.change("police", NOW, "admin1", departments=["x"])
        change = change | {"departments": ["x"]}
    accounts.change("police", NOW, "admin1", **change)
    newest = Audit(operations).entries(limit=1)[0].entry
    assert newest.action == "account.change" and json.loads(newest.detail) == said
    assert all(label("audit_detail", key) != key for key in said)


def test_what_another_changed_in_the_meantime_is_not_written_over(accounts):
    add(accounts, regions=["town:T1"])
    seen = accounts.of("leader1").changed_at
    accounts.change("leader1", LATER, "admin2", regions=["town:T2"], seen=seen)
    with pytest.raises(OperationsError, match="刚被改过，请重新点"):
        accounts.change("leader1", LATER, "admin1", regions=[], seen=seen)
    assert accounts.of("leader1").regions == (("town", "T2"),)
    accounts.change("leader1", LATER, "admin1", regions=[], seen=LATER)
    assert accounts.of("leader1").regions == ()


def test_one_identity_of_single_sign_on_is_one_account(accounts):
    add(accounts)
    add(accounts, "other")
    accounts.change("leader1", NOW, "admin1", oidc_subject="https://sso.example u1")
    with pytest.raises(OperationsError, match="已经属于另一个账号"):
        accounts.change("other", NOW, "admin1", oidc_subject="https://sso.example u1")
    with pytest.raises(OperationsError, match="统一身份应为"):
        accounts.change("other", NOW, "admin1", oidc_subject="u1")
    accounts.change("leader1", NOW, "admin1", oidc_subject="")
    accounts.change("other", NOW, "admin1", oidc_subject="https://sso.example u1")
    told = {each.name: each.oidc_subject for each in accounts.all()}
    assert told == {"leader1": None, "other": "https://sso.example u1"}
    bound = {"oidc_subject": "https://sso.example u1"}
    with pytest.raises(OperationsError, match="已经属于另一个账号"):
        accounts.add("third", "三", "leader", NOW, **bound)
    assert accounts.of("third") is None
    accounts.add("third", "三", "leader", NOW, oidc_subject="https://sso.example u3")
    assert accounts.of("third").oidc_subject == "https://sso.example u3"


@pytest.mark.parametrize(
    "change",
    [
        {"role": "leader"},
        {"regions": ["town:T1"]},
        {"departments": ["police"]},
        {"oidc_subject": "https://sso.example u2"},
        {"oidc_subject": ""},
    ],
)
def test_nobody_gives_himself_another_post(accounts, change):
    add(accounts, "admin1", "administrator", oidc_subject="https://sso.example u1")
    add(accounts, "admin2", "administrator")
    before = accounts.of("admin1")
    with pytest.raises(OperationsError, match="请由另一位管理员修改"):
        accounts.change("admin1", LATER, "admin1", shown="别的名", **change)
    assert accounts.of("admin1") == before
    same = {"role": "administrator", "regions": [], "departments": []}
    accounts.change(
        "admin1", LATER, "admin1", shown="别的名", oidc_subject=before.oidc_subject, **same
    )
    assert accounts.of("admin1").shown == "别的名"
    for by in ("admin2", "console"):
        accounts.change("admin1", LATER, by, **change)
    assert accounts.of("admin1") != before


def test_the_last_administrator_stays(accounts):
    add(accounts, "admin1", "administrator")
    add(accounts, "admin2", "administrator")
    accounts.disable("admin2", NOW)
    for change in (
        lambda: accounts.disable("admin1", NOW),
        lambda: accounts.change("admin1", NOW, "console", role="leader"),
    ):
        with pytest.raises(OperationsError, match="最后一个在用的管理员"):
            change()
    accounts.change("admin1", NOW, "admin1", shown="值班管理员")
    accounts.enable("admin2", NOW)
    accounts.disable("admin1", NOW)
    assert [each.name for each in accounts.all() if each.disabled_at is None] == ["admin2"]


def test_two_administrators_who_disable_each_other_at_once_leave_one(accounts):
    add(accounts, "admin1", "administrator")
    add(accounts, "admin2", "administrator")
    refused = []

    def disable(name):
        try:
            accounts.disable(name, NOW)
        except OperationsError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=disable, args=(f"admin{n}",)) for n in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
    assert [each.disabled_at is None for each in accounts.all()].count(True) == 1


def test_a_reset_gives_a_new_password_and_ends_sessions(accounts, sessions):
    add(accounts)
    token = sessions.begin(accounts.of("leader1"), NOW, "192.0.2.1", "test", "password")
    new = accounts.reset_password("leader1", NOW, "admin1")
    assert (sessions.of(token, NOW, True), accounts.of("leader1").must_change) == (None, True)
    with pytest.raises(OperationsError, match="原口令不对"):
        accounts.set_password("leader1", GOOD, BETTER, NOW)
    accounts.set_password("leader1", new, BETTER, NOW)


def test_a_changed_password_ends_every_session_but_the_own(accounts, sessions):
    add(accounts)
    account = accounts.of("leader1")
    own, other = (sessions.begin(account, NOW, "192.0.2.1", "t", "password") for _ in range(2))
    accounts.set_password("leader1", GOOD, BETTER, NOW, keep=own)
    assert [sessions.of(token, NOW, True) is None for token in (own, other)] == [False, True]


@pytest.mark.parametrize("new", [GOOD, "short", "leader1-Xk7#pqr", "Password123!"])
def test_a_new_password_must_be_new_and_good(accounts, new):
    add(accounts)
    with pytest.raises(OperationsError, match="口令"):
        accounts.set_password("leader1", GOOD, new, NOW)
    accounts.set_password("leader1", GOOD, BETTER, NOW)


def test_a_stolen_session_cannot_find_out_the_password(accounts, operations):
    add(accounts)
    for guess in range(5):
        with pytest.raises(OperationsError, match="原口令不对"):
            accounts.set_password("leader1", f"guess number {guess} of mine", BETTER, NOW)
    with pytest.raises(OperationsError, match="15 分钟后再试"):
        accounts.set_password("leader1", GOOD, BETTER, NOW)
    accounts.set_password("leader1", GOOD, BETTER, NOW + LOCKED)
    assert "guess number" not in repr(Audit(operations).entries())
    assert entries(operations) == [
        ("account.password", "leader1"),
        ("account.password", "leader1"),
        ("account.lock", "leader1"),
        *[("account.password", "leader1")] * 5,
        ("account.add", "leader1"),
    ]


def test_a_session_has_ten_tries_a_minute_right_or_wrong(accounts, operations):
    add(accounts)
    for _ in range(MOST_OF_ADDRESS):
        accounts.start_totp("leader1", NOW, GOOD, "session")
    for _ in range(2):
        with pytest.raises(OperationsError, match="太频繁"):
            accounts.start_totp("leader1", NOW, GOOD, "session")
        with pytest.raises(OperationsError, match="太频繁"):
            accounts.set_password("leader1", GOOD, BETTER, NOW, "session")
    assert [action for action, _ in entries(operations)].count("account.password") == 1
    accounts.start_totp("leader1", NOW, GOOD, "another")
    accounts.set_password("leader1", GOOD, BETTER, NOW + ADDRESS_TIME, "session")


def test_whoever_is_known_has_one_password_looked_at_at_a_time(accounts, monkeypatch):
    """Or one account with many sessions would take the rooms of all."""
    add(accounts)
    add(accounts, "leader2")
    fits, asked = passwords.fits, []

    def slow(kept, password, is_stranger=False):
        if not asked:
            asked.append(True)
            with pytest.raises(passwords.Busy):
                accounts.start_totp("leader1", NOW, GOOD, "another")
            accounts.start_totp("leader2", NOW, GOOD, "another")
            accounts.start_totp("leader1", NOW, GOOD)
        return fits(kept, password)

    with monkeypatch.context() as patch:
        patch.setattr(passwords, "fits", slow)
        accounts.start_totp("leader1", NOW, GOOD, "session")
    accounts.start_totp("leader1", NOW, GOOD, "another")
    assert asked


def test_a_reset_while_the_old_password_is_looked_at_wins(accounts, monkeypatch):
    add(accounts)
    fits, reset = passwords.fits, []

    def slow(kept, password, is_stranger=False):
        reset.append(accounts.reset_password("leader1", NOW, "admin1"))
        return fits(kept, password)

    with monkeypatch.context() as patch:
        patch.setattr(passwords, "fits", slow)
        with pytest.raises(OperationsError, match="刚刚被改过"):
            accounts.set_password("leader1", GOOD, BETTER, NOW)
    accounts.set_password("leader1", reset[-1], BETTER, NOW)


def test_codes_are_asked_for_once_one_is_confirmed(accounts):
    add(accounts)
    uri = authenticator(accounts.start_totp("leader1", NOW))
    assert (uri.name, uri.issuer) == ("leader1", "智脑")
    assert not accounts.of("leader1").has_totp
    with pytest.raises(OperationsError, match="验证码不对"):
        accounts.confirm_totp("leader1", uri.at(NOW + timedelta(minutes=5)), NOW)
    accounts.confirm_totp("leader1", uri.at(NOW), NOW)
    assert accounts.of("leader1").has_totp
    with pytest.raises(OperationsError, match="已经启用"):
        accounts.start_totp("leader1", NOW)
    with pytest.raises(OperationsError, match="没有待确认"):
        accounts.confirm_totp("leader1", uri.at(LATER), LATER)
    accounts.drop_totp("leader1", NOW, "admin1")
    assert not accounts.of("leader1").has_totp
    assert authenticator(accounts.start_totp("leader1", NOW)).secret != uri.secret


def test_each_deed_is_in_the_audit_and_a_refused_one_is_not_done(accounts, operations):
    add(accounts, "admin1", "administrator")
    with pytest.raises(OperationsError):
        accounts.disable("admin1", NOW)
    add(accounts, "police", "department", departments=["police"], by="admin1")
    newest = Audit(operations).entries(limit=1)[0].entry
    assert (newest.actor, newest.action, newest.subject) == ("admin1", "account.add", "police")
    assert newest.detail == '{"department":"police","role":"department"}'
    accounts.change("police", NOW, "admin1", shown="别名")
    accounts.reset_password("police", NOW, "admin1")
    accounts.disable("police", NOW, "admin1")
    accounts.enable("police", NOW, "admin1")
    done = ["enable", "disable", "reset", "change", "add"]
    assert entries(operations) == [
        *((f"account.{each}", "police") for each in done),
        ("account.add", "admin1"),
    ]
    assert Audit(operations).verify().problems == ()
