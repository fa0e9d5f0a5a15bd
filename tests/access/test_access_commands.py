"""An administrator runs accounts and sessions from the server's command line."""

import json
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from access.__main__ import app
from access.accounts import Accounts
from access.audit import CONSOLE, Audit
from access.operations import Operations
from access.roles import ROLES, WORDS
from access.sessions import Sessions
from access.sign_in import SignIn, SignInRefused

GOOD = "Xk7#pqr-stuvw"


def now():
    return datetime.now(UTC)  # the commands use the machine's clock


@pytest.fixture
def operations(tmp_path, cheap_passwords):
    store = Operations(tmp_path)
    yield store
    store.close()


@pytest.fixture
def run(tmp_path):
    def run(*words, typed=None):
        return CliRunner().invoke(app, [*words, "--home", str(tmp_path)], input=typed)

    return run


def enter(operations, name, password):
    return SignIn(operations).by_password(name, password, "", now(), "192.0.2.7", "Browser/1")


def test_the_password_that_is_printed_signs_in_and_must_be_changed(run, operations):
    made = run("accounts", "add", "leader1", "--role", "leader", "--shown", "县领导")
    password = made.stdout.strip()
    signed = enter(operations, "leader1", password)
    assert (made.exit_code, signed.account.shown, signed.account.must_change) == (0, "县领导", True)
    assert "只显示这一次" in made.stderr
    listed = run("accounts", "list").output
    assert ("县领导" in listed, "待改口令" in listed, password in listed) == (True, True, False)


def test_a_password_from_stdin_is_not_printed(run, operations):
    made = run("accounts", "add", "a1", "--role", "leader", "--password-stdin", typed=f"{GOOD}\n")
    assert (made.exit_code, GOOD in made.output) == (0, False)
    assert not enter(operations, "a1", GOOD).account.must_change


def test_limits_are_taken_and_listed(run, operations):
    limits = ("--region", "town:T1", "--region", "town:T2", "--department", "police")
    assert run("accounts", "add", "police1", "--role", "department", *limits).exit_code == 0
    (found,) = Accounts(operations).all()
    assert (found.regions, found.departments) == ((("town", "T1"), ("town", "T2")), ("police",))
    assert "town:T1、town:T2、police" in run("accounts", "list").output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("accounts", "add", "a1", "--role", "king"), "没有角色"),
        (("accounts", "add", "a1", "--role", "mediator"), "调解员账号要指明区域或部门"),
        (("accounts", "add", "A 1", "--role", "leader"), "账号名应为"),
        (("accounts", "disable", "nobody"), "没有账号"),
        (("accounts", "enable", "nobody"), "没有账号"),
        (("accounts", "reset", "nobody"), "没有账号"),
        (("accounts", "unlock", "nobody"), "没有账号"),
        (("sessions", "end", "nobody"), "没有账号"),
        (("accounts", "link", "nobody", "https://sso.example.cn", "u-1"), "没有账号"),
        (("accounts", "unlink", "nobody"), "没有账号"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(run, operations, words, said):
    result = run(*words)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("失败：") and said in result.stderr
    assert result.stderr.count("\n") == 1


def test_change_gives_another_post_and_other_limits(run, operations):
    made = ("accounts", "add", "a1", "--role", "mediator", "--region", "town:T1")
    token = enter(operations, "a1", run(*made).stdout.strip()).token
    assert run("accounts", "change", "a1", "--region", "town:T2").output == "已修改 a1\n"
    assert Sessions(operations).of(token, now(), True) is None
    (found,) = Accounts(operations).all()
    assert (found.role, found.regions) == ("mediator", (("town", "T2"),))
    assert "要指明区域或部门" in run("accounts", "change", "a1", "--unlimited").output
    changed = run("accounts", "change", "a1", "--unlimited", "--role", "leader", "--shown", "分管")
    (found,) = Accounts(operations).all()
    assert (changed.exit_code, found.role, found.regions, found.shown) == (0, "leader", (), "分管")
    assert run("accounts", "change", "a1").exit_code == 2
    assert run("accounts", "change", "a1", "--unlimited", "--region", "town:T1").exit_code == 2


def test_disable_ends_sessions_and_enable_lets_in_again(run, operations):
    password = run("accounts", "add", "a1", "--role", "leader").stdout.strip()
    token = enter(operations, "a1", password).token
    assert run("accounts", "disable", "a1").output == "已停用 a1\n"
    assert Sessions(operations).of(token, now(), True) is None
    with pytest.raises(SignInRefused):
        enter(operations, "a1", password)
    assert run("accounts", "disable", "a1").exit_code == 1
    assert run("accounts", "enable", "a1").output == "已启用 a1\n"
    assert enter(operations, "a1", password)


def test_reset_gives_another_and_unlock_opens(run, operations):
    first = run("accounts", "add", "a1", "--role", "leader").stdout.strip()
    second = run("accounts", "reset", "a1").stdout.strip()
    for _ in range(5):
        with pytest.raises(SignInRefused):
            enter(operations, "a1", first)
    with pytest.raises(SignInRefused, match="锁定"):
        enter(operations, "a1", second)
    assert run("accounts", "unlock", "a1").output == "已解除 a1 的锁定\n"
    assert enter(operations, "a1", second)


def test_link_binds_an_identity_to_one_account_and_unlink_ends_what_it_began(run, operations):
    issuer, at = "https://sso.example.cn", now()
    for name in ("a1", "a2"):
        run("accounts", "add", name, "--role", "leader")
    assert run("accounts", "link", "a1", issuer, "u-1").output == "已绑定 a1\n"
    listed = run("accounts", "list").output.splitlines()
    assert ["已绑定统一身份" in line for line in listed] == [False, True, False]
    token = SignIn(operations).by_subject(issuer, "u-1", at, None, "").token
    refused = run("accounts", "link", "a2", issuer, "u-1")
    assert refused.exit_code == 1 and "已经属于另一个账号" in refused.stderr
    assert "应为" in run("accounts", "link", "a2", "no-address", "u-2").stderr
    assert run("accounts", "unlink", "a1").output == "已解除 a1 的绑定\n"
    assert Sessions(operations).of(token, now(), True) is None
    with pytest.raises(SignInRefused):
        SignIn(operations).by_subject(issuer, "u-1", at, None, "")
    bindings = [
        json.loads(kept.entry.detail).get("single")
        for kept in Audit(operations).entries()
        if kept.entry.action == "account.change"
    ]
    assert bindings == [f"解除：{issuer} u-1 → 未绑定", f"绑定：未绑定 → {issuer} u-1"]


def test_roles_are_listed_with_what_each_may_do(run):
    listed = CliRunner().invoke(app, ["accounts", "roles"]).output.splitlines()
    assert len(listed) == 1 + len(ROLES)
    (administrator,) = (line for line in listed if line.startswith("administrator"))
    can = [word for word in WORDS.values() if word in administrator]
    assert can == ["管账号和设备", "看运行状态"]
    assert [line.split()[0] for line in listed if "必须指明" in line] == [
        "grid_worker",
        "department",
        "mediator",
    ]


def test_sessions_are_listed_and_ended(run, operations):
    password = run("accounts", "add", "a1", "--role", "leader").stdout.strip()
    tokens = [enter(operations, "a1", password).token for _ in range(2)]
    listed = run("sessions", "list").output
    assert (listed.count("a1"), listed.count("192.0.2.7"), listed.count("口令")) == (4, 2, 2)
    assert not any(token in listed for token in tokens)
    assert run("sessions", "end", "a1").output == "已退出 a1 的 2 个会话\n"
    assert Sessions(operations).of(tokens[0], now(), True) is None
    assert "a1" not in run("sessions", "list").output


def test_what_the_console_did_is_in_the_audit(run, operations):
    run("accounts", "add", "a1", "--role", "leader")
    run("accounts", "reset", "a1")
    run("sessions", "end", "a1")
    run("accounts", "disable", "a1")
    told = [(kept.entry.actor, kept.entry.action) for kept in Audit(operations).entries()]
    actions = ["account.disable", "session.end", "account.reset", "account.add"]
    assert told == [(CONSOLE, action) for action in actions]
