"""People sign in and out, change their password, and add a second step."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient

import app as screen
from access.account import ACCOUNTS
from access.accounts import Accounts
from access.attempts import TRIED
from access.audit import Audit
from access.operations import Operations
from access.sessions import Sessions
from data.editions.store import EditionStore
from routes.gate import FORGERY, SESSION
from routes.sign_in import KNOWN
from tests.layouts.small import publish, small_site, store_with
from tests.people import PASSWORD, person_at

NEW = "Another-one-kept-8"
CHANGE = {"old": PASSWORD, "new": NEW, "again": NEW}


class Office:
    """A server with an account, and what was noted."""

    def __init__(self, home) -> None:
        self.store = store_with(home, 50)
        self.server: Flask = screen.build(self.store).server
        self.operations = Operations(home)
        self.accounts, self.audit = Accounts(self.operations), Audit(self.operations)
        self.accounts.add("wang", "王测甲", "dispatcher", now(), password=PASSWORD)

    def client(self) -> FlaskClient:
        return self.server.test_client()

    def sign_in(self, client: FlaskClient, **changes: str):
        given = {"name": "wang", "password": PASSWORD, "code": "", "next": "/cases"} | changes
        return client.post("/sign-in", data=given)

    def password_of(self, days: int) -> None:
        """Its password was given so many days ago."""
        with self.operations.writing() as connection:
            connection.execute(ACCOUNTS.update().values(password_at=now() - timedelta(days=days)))

    def forget_addresses(self) -> None:
        """The minute in which an address has so many tries is over."""
        with self.operations.writing() as connection:
            connection.execute(TRIED.delete())

    def noted(self) -> list[tuple[str, str]]:
        return [(kept.entry.action, kept.entry.result) for kept in self.audit.entries()]


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def office(tmp_path, cheap_passwords) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    office.operations.close()
    office.store.close()


def test_whoever_knows_the_password_comes_where_they_wanted(office: Office):
    client = office.client()
    asked = client.get("/cases")
    assert asked.headers["Location"] == "/sign-in?next=/cases"
    assert 'value="/cases"' in client.get(asked.headers["Location"]).text
    reply = office.sign_in(client)
    assert (reply.status_code, reply.headers["Location"]) == (303, "/cases")
    cookie = reply.headers["Set-Cookie"]
    assert cookie.startswith(f"{SESSION}=") and "HttpOnly" in cookie and "SameSite=Strict" in cookie
    assert client.get("/cases").status_code == 200
    assert office.noted()[0] == ("sign_in", "done")


def test_over_https_the_cookie_stays_there(office: Office):
    given = {"name": "wang", "password": PASSWORD}
    reply = office.client().post("/sign-in", data=given, base_url="https://localhost")
    assert "Secure" in reply.headers["Set-Cookie"]


@pytest.mark.parametrize(
    "wrong", [{"password": "x"}, {"name": "nobody"}, {"name": ""}, {"name": "\0" * 50}]
)
def test_what_was_wrong_is_not_said(office: Office, wrong: dict):
    reply = office.sign_in(office.client(), **wrong)
    assert reply.status_code == 401
    assert "账号、口令或验证码不对" in reply.text
    assert SESSION not in reply.headers.get("Set-Cookie", "")


def test_after_five_wrong_guesses_also_the_right_one_is_refused(office: Office):
    for _ in range(5):
        assert office.sign_in(office.client(), password="wrong").status_code == 401
    reply = office.sign_in(office.client())
    assert reply.status_code == 429 and "锁定" in reply.text
    assert ("account.lock", "done") in office.noted()


def test_a_browser_is_known_from_a_good_sign_in_on(office: Office):
    client = office.client()
    refused = office.sign_in(client, password="wrong")
    assert "Set-Cookie" not in refused.headers
    office.sign_in(client)
    kept = client.get_cookie(KNOWN, path="/sign-in")
    assert kept is not None and kept.http_only and kept.same_site == "Strict"
    assert (kept.path, kept.max_age, kept.secure) == ("/sign-in", 180 * 86_400, False)
    assert "wang" not in kept.value
    given = {"name": "wang", "password": PASSWORD}
    reply = office.client().post("/sign-in", data=given, base_url="https://localhost")
    assert ["Secure" in each for each in reply.headers.getlist("Set-Cookie")] == [True, True]


def test_strangers_lock_out_strangers_and_nobody_who_was_here_before(office: Office):
    known, other = office.client(), office.client()
    for client in (known, other):
        assert office.sign_in(client).status_code == 303
        client.delete_cookie(SESSION)
    for _ in range(5):
        assert office.sign_in(office.client(), password="wrong").status_code == 401
    assert office.sign_in(office.client()).status_code == 429
    assert office.sign_in(known).status_code == 303
    for _ in range(5):
        assert office.sign_in(known, password="wrong").status_code == 401
    locked = office.sign_in(known)
    assert locked.status_code == 429 and "锁定" in locked.text
    assert office.sign_in(other).status_code == 303


def test_at_a_shared_desk_each_is_known(office: Office):
    office.accounts.add("li", "李测乙", "analyst", now(), password=PASSWORD)
    desk = office.client()
    for name in ("wang", "li", "wang"):
        assert office.sign_in(desk, name=name).status_code == 303
    for name in ("wang", "li"):
        for _ in range(5):
            office.sign_in(office.client(), name=name, password="wrong")
            office.forget_addresses()
        assert office.sign_in(office.client(), name=name).status_code == 429
        assert office.sign_in(desk, name=name).status_code == 303


def test_a_session_that_somebody_else_planted_is_worth_nothing(office: Office):
    """Session fixation: the browser's former token ends with the sign-in; the new is another."""
    client = office.client()
    office.sign_in(client)
    planted = client.get_cookie(SESSION).value
    victim = office.client()
    victim.set_cookie(SESSION, planted)
    office.sign_in(victim)
    assert victim.get_cookie(SESSION).value != planted
    assert client.get("/cases").status_code == 303  # the attacker's is over


def test_signing_out_ends_the_session_on_the_server(office: Office):
    client = office.client()
    office.sign_in(client)
    client.get("/cases")
    token = client.get_cookie(SESSION).value
    shown = {"_csrf_token": client.get_cookie(FORGERY).value}
    assert client.post("/sign-out", data=shown).headers["Location"] == "/sign-in"
    assert client.get_cookie(SESSION) is None
    again = office.client()
    again.set_cookie(SESSION, token)
    assert again.get("/cases").status_code == 303


def test_a_first_password_must_be_changed_before_anything_else(office: Office):
    first = office.accounts.add("li", "李测乙", "analyst", now())
    client = office.client()
    reply = office.sign_in(client, name="li", password=first)
    assert reply.headers["Location"] == "/account"
    assert client.get("/cases").headers["Location"] == "/account"
    for path in ("/export/cases.csv", "/_dash-layout", "/heartbeat", "/live"):
        assert (client.get(path).status_code, path) == (403, path)
    page = client.get("/account")
    assert "初始口令" in page.text
    shown = re.search(r'name="_csrf_token" value="([0-9a-f]+)"', page.text)[1]
    given = {"_csrf_token": shown, "old": first, "new": NEW, "again": NEW}
    assert "已修改" in client.post("/account/password", data=given).text
    assert client.get("/cases").status_code == 200


def test_a_password_that_is_too_old_is_changed_first(office: Office):
    office.password_of(days=100)
    client = office.client()
    assert office.sign_in(client).headers["Location"] == "/account"
    assert client.get("/cases").headers["Location"] == "/account"
    assert client.get("/live").status_code == 403
    page = client.get("/account").text
    assert "口令已使用 100 天，请更换" in page and "初始口令" not in page
    assert "两步登录" not in page and "返回" not in page
    shown = re.search(r'name="_csrf_token" value="([0-9a-f]+)"', page)[1]  # type: ignore[index]
    reused = {"_csrf_token": shown, "old": PASSWORD, "new": PASSWORD, "again": PASSWORD}
    refused = client.post("/account/password", data=reused)
    assert refused.status_code == 400 and "请更换" in refused.text
    changed = client.post("/account/password", data={"_csrf_token": shown} | CHANGE).text
    assert "已修改" in changed and "请更换" not in changed and "返回" in changed
    assert client.get("/cases").status_code == 200


@pytest.mark.parametrize(
    ("days", "told"),
    [(79, None), (80, "再过 10 天要更换"), (89, "再过 1 天要更换")],
)
def test_ten_days_before_its_end_one_is_told(office: Office, days: int, told: str | None):
    office.password_of(days)
    client = office.client()
    assert office.sign_in(client).headers["Location"] == "/cases"
    page = client.get("/account").text
    assert (told in page) if told else ("要更换" not in page)
    assert "返回" in page


def test_a_password_that_was_used_lately_is_refused_in_words(office: Office):
    client = person_at(office.server, office.store.home, "dispatcher", name="wang")
    assert client.post("/account/password", data=CHANGE).status_code == 200
    back = {"old": NEW, "new": PASSWORD, "again": PASSWORD}
    reply = client.post("/account/password", data=back)
    assert reply.status_code == 400 and "最近 5 次用过" in reply.text


def test_one_is_told_who_was_here_before_and_what_others_did(office: Office):
    first = office.client()
    office.sign_in(first)
    assert "没有记录" in first.get("/account").text
    for _ in range(2):
        office.sign_in(office.client(), password="wrong")
    office.accounts.add("admin1", "<b>管理员</b>", "administrator", now(), password=PASSWORD)
    new = office.accounts.reset_password("wang", now(), "admin1")
    client = office.client()
    office.sign_in(client, password=new)
    page = client.get("/account").text
    east = now().astimezone(ZoneInfo("Asia/Shanghai"))
    assert f"{east:%Y-%m-%d}" in page and "口令登录，来自 127.0.0.1" in page
    assert "其后有 <strong>2</strong> 次没有登录成功" in page
    assert "admin1（&lt;b&gt;管理员&lt;/b&gt;）重置了口令" in page
    office.accounts.drop_totp("wang", now())
    assert "服务器命令行停用了两步登录" in client.get("/account").text


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"again": "other"}, "不一样"),
        ({"old": "wrong"}, "口令"),
        ({"new": "short", "again": "short"}, "字符"),
        ({"new": PASSWORD, "again": PASSWORD}, "相同"),
    ],
)
def test_a_new_password_that_will_not_do_is_refused_in_words(office: Office, changes, told: str):
    client = person_at(office.server, office.store.home, "dispatcher", name="wang")
    reply = client.post(
        "/account/password", data={"old": PASSWORD, "new": NEW, "again": NEW} | changes
    )
    assert reply.status_code == 400 and told in reply.text
    assert office.sign_in(office.client()).status_code == 303  # the old one still holds


def test_a_changed_password_ends_the_other_sessions(office: Office):
    here = person_at(office.server, office.store.home, "dispatcher", name="wang")
    there = person_at(office.server, office.store.home, "dispatcher", name="wang")
    assert (
        here.post("/account/password", data={"old": PASSWORD, "new": NEW, "again": NEW}).status_code
        == 200
    )
    assert (here.get("/cases").status_code, there.get("/cases").status_code) == (200, 303)


def test_a_second_step_is_asked_for_once_it_is_confirmed(office: Office, monkeypatch):
    client = person_at(office.server, office.store.home, "dispatcher", name="wang")
    assert client.post("/account/totp", data={"password": "wrong"}).status_code == 400
    page = client.post("/account/totp", data={"password": PASSWORD}).text
    assert "<svg" in page and "<script" not in page
    secret = re.search(r"<code>([A-Z2-7]+)</code>", page)[1]
    assert office.sign_in(office.client()).status_code == 303  # not yet
    assert client.post("/account/totp/confirm", data={"code": "000000"}).status_code == 400
    code = pyotp.TOTP(secret).now()
    assert "已开通" in client.post("/account/totp/confirm", data={"code": code}).text
    assert office.sign_in(office.client()).status_code == 401
    assert office.sign_in(office.client(), code=code).status_code == 401  # each code once
    later = pyotp.TOTP(secret).at(now() + timedelta(seconds=30))
    assert office.sign_in(office.client(), code=later).status_code == 303


def test_a_wall_has_no_account_page(office: Office):
    from tests.screens import screen_at

    client = screen_at(office.server, office.store.home)
    assert client.get("/account").headers["Location"] == "/"


# The demo says that it is one


def test_of_a_real_centre_no_demo_account_is_told(tmp_path, cheap_passwords):
    store = EditionStore(tmp_path)
    publish(store, 20, small_site(is_demo=False))
    operations = Operations(tmp_path)
    Accounts(operations).add("demo.x", "演示", "analyst", now(), password=PASSWORD, is_demo=True)
    (tmp_path / "demo.password").write_text("Demo-secret")
    text = screen.build(store).server.test_client().get("/sign-in").text
    assert "演示账号" not in text and "Demo-secret" not in text and "demo.x" not in text
    operations.close()
    store.close()


def test_the_demo_tells_its_accounts_and_to_this_machine_alone_their_password(office: Office):
    office.accounts.add("demo.analyst", "演示分析员", "analyst", now(), is_demo=True)
    (office.store.home / "demo.password").write_text("Demo-secret")
    near = office.client().get("/sign-in").text
    assert "demo.analyst" in near and "Demo-secret" in near and "wang" not in near
    for asked in (
        {"environ_overrides": {"REMOTE_ADDR": "10.0.0.9"}},
        {"headers": {"X-Forwarded-For": "10.0.0.9"}},
        {"headers": {"Via": "1.1 proxy"}},
        {"headers": {"Forwarded": "for=10.0.0.9"}},
        {"base_url": "http://centre.example"},
    ):
        far = office.client().get("/sign-in", **asked).text
        assert "demo.analyst" in far and "Demo-secret" not in far


def test_nothing_that_was_typed_becomes_markup(office: Office):
    evil = '"><img src=x onerror=alert(1)>'
    for text in (
        office.client().get("/sign-in", query_string={"name": evil, "next": f"/{evil}"}).text,
        office.sign_in(office.client(), name=evil, next=f"/{evil}").text,
    ):
        assert "<img" not in text and "&lt;img" in text


def test_a_session_of_the_store_that_is_ended_elsewhere_is_over_at_once(office: Office):
    client = person_at(office.server, office.store.home, "dispatcher", name="wang")
    assert client.get("/cases").status_code == 200
    Sessions(office.operations).end_all("wang", now())
    assert client.get("/cases").status_code == 303
