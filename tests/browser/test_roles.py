"""People at their desks: each role signs in, sees what it may and nothing else."""

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from argon2 import PasswordHasher, profiles
from playwright.sync_api import Browser, Page, expect

from access import passwords
from access.accounts import Accounts
from access.audit import Audit
from access.operations import Operations
from access.roles import ROLES, Power
from data.editions.store import EditionStore
from tests.browser.driving import PATIENCE, Look, Wall, looking
from tests.layouts.small import DATA_TIME, fill, small_site
from tests.people import PASSWORD
from tests.routes.test_scope import NAME, PERSONAL, name_somebody

pytestmark = pytest.mark.browser

CASES = 120
LIMITS = {"grid_worker": ["grid:T0V0G0"], "mediator": ["town:T1"]}
PAGES = {  # what stands at the foot, by the power that opens it
    "指挥大厅": {Power.FIGURES},
    "事项": {Power.CASES},
    "数据质量": {Power.FIGURES},
    "指标口径": {Power.FIGURES, Power.CASES},
    "账号": {Power.ACCOUNTS},
    "审计": {Power.AUDIT},
    "状态": {Power.STATUS},
}
CHANGED = "Their-own-words-9"


class Office:
    """A server over a county whose every text names somebody, with an account of each role."""

    def __init__(self, home) -> None:
        store, site = EditionStore(home), small_site()
        with store.building(site) as build:
            fill(build.connection, site, CASES)
            name_somebody(build.connection)
            build.publish(DATA_TIME)
        store.close()
        self.operations = Operations(home)
        self.accounts, self.audit = Accounts(self.operations), Audit(self.operations)
        for role in ROLES.values():
            departments = ["rsj"] if role.key == "department" else []
            limits = LIMITS.get(role.key, ()), departments
            self.accounts.add(role.key, role.name, role.key, now(), *limits, PASSWORD)
        self.wall = Wall(home).start()

    def noted(self, action: str) -> list[tuple[str, str, str]]:
        entries = [kept.entry for kept in self.audit.entries(action=action)]
        return [(each.actor, each.subject, each.result) for each in entries]


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def office(tmp_path_factory) -> Iterator[Office]:
    with pytest.MonkeyPatch.context() as patch:
        cheap = PasswordHasher.from_parameters(profiles.CHEAPEST)
        patch.setattr(passwords, "HASHER", cheap)
        patch.setitem(os.environ, "ZHINAO_SIGN_INS", "1000")
        office = Office(tmp_path_factory.mktemp("office"))
        yield office
        office.wall.stop()
        office.operations.close()


@pytest.fixture
def desk(browser: Browser) -> Iterator[Look]:
    with looking(browser, is_known=False) as look:
        yield look
    assert look.complaints == []


def sign_in(page: Page, office: Office, name: str, path: str = "/", password: str = PASSWORD):
    page.goto(office.wall.url + path)
    page.locator("[name='name']").fill(name)
    page.locator("[name='password']").fill(password)
    page.get_by_role("button", name="登录").click()


@pytest.mark.parametrize("role", ROLES)
def test_each_role_sees_its_pages_and_nothing_else(desk: Look, office: Office, role: str):
    powers = ROLES[role].powers
    sign_in(desk.page, office, role)
    desk.page.locator(".own").wait_for()
    named = desk.page.locator(".own").inner_text()
    assert named.startswith(f"{ROLES[role].name} · {ROLES[role].name}")
    assert (named.count("·") == 2) == ROLES[role].is_limited  # for which part, too
    wanted = [name for name, needed in PAGES.items() if not needed.isdisjoint(powers)]
    links = desk.page.locator(".foot nav a:not(.own)")
    assert links.all_inner_texts() == wanted
    for name in wanted:
        links.filter(has_text=name).click()
        desk.page.locator(".foot nav a").first.wait_for()
        desk.page.wait_for_load_state("networkidle") if name != "指挥大厅" else None
        assert PERSONAL.findall(desk.page.content()) == []
    for path, needed in (("/cases", Power.CASES), ("/audit", Power.AUDIT), ("/", Power.FIGURES)):
        reply = desk.page.request.get(office.wall.url + path)
        assert reply.status == (200 if needed in powers else 403)


def test_a_value_is_shown_with_a_reason_that_the_audit_keeps(desk: Look, office: Office):
    sign_in(desk.page, office, "dispatcher", "/cases")
    link = desk.page.locator(".table a").first
    code = link.inner_text()
    link.click()
    desk.page.get_by_text("登记情况").wait_for()
    assert PERSONAL.findall(desk.page.content()) == []
    assert ("dispatcher", code, "done") in office.noted("case.view")
    desk.page.locator("button.unmask").first.click()
    desk.page.get_by_text("请先写明理由").wait_for()
    assert office.noted("case.clear") == []
    desk.page.get_by_label("看明文的理由").fill("回访核实诉求")
    desk.page.locator("button.unmask").first.click()
    shown = desk.page.locator(".secret")
    expect(shown).to_contain_text(NAME[:4], timeout=PATIENCE)
    assert office.noted("case.clear") == [("dispatcher", code, "done")]


def test_a_case_of_another_region_is_not_there(desk: Look, office: Office):
    sign_in(desk.page, office, "mediator", "/cases")
    desk.page.locator(".table a").first.wait_for()
    own = set(re.findall(r"C\d{12}", desk.page.content()))
    other = next(f"C{at:012d}" for at in range(CASES) if f"C{at:012d}" not in own)
    replies = [
        desk.page.request.get(f"{office.wall.url}/case/{code}") for code in (other, "C999999999999")
    ]
    assert [reply.status for reply in replies] == [404, 404]
    assert replies[0].text() == replies[1].text()


def test_an_administrator_makes_an_account_whose_owner_chooses_the_password(
    browser: Browser, desk: Look, office: Office
):
    sign_in(desk.page, office, "administrator")
    desk.page.locator("#account-name").fill("zhao")
    desk.page.locator("#account-shown").fill("赵测丙")
    desk.page.locator("#account-role").click()
    desk.page.get_by_role("option", name="分析员").click()
    desk.page.get_by_role("button", name="建立账号").click()
    first = desk.page.locator(".secret").inner_text()
    desk.page.locator("td", has_text="赵测丙").wait_for()
    assert office.noted("account.add")[0] == ("administrator", "zhao", "done")
    with looking(browser, is_known=False) as their:
        sign_in(their.page, office, "zhao", password=first)
        their.page.get_by_text("这是初始口令").wait_for()
        for field, text in (("old", first), ("new", CHANGED), ("again", CHANGED)):
            their.page.locator(f"[name='{field}']").fill(text)
        their.page.get_by_role("button", name="修改口令").click()
        their.page.get_by_text("口令已修改").wait_for()
        their.page.get_by_role("link", name="返回").click()
        their.wait_for_edition(1)


def test_an_administrator_gives_an_account_another_post(
    browser: Browser, desk: Look, office: Office
):
    office.accounts.add("qian", "钱测丁", "analyst", now(), (), (), PASSWORD)
    with looking(browser, is_known=False) as their:
        sign_in(their.page, office, "qian", "/indicators")
        their.page.locator(".own").wait_for()
        sign_in(desk.page, office, "administrator")
        row = desk.page.locator("tr", has_text="钱测丁")
        row.get_by_role("button", name="修改").click()
        expect(desk.page.locator("#account-name")).to_have_value("qian", timeout=PATIENCE)
        desk.page.locator("#account-role").click()
        desk.page.get_by_role("option", name="审计员").click()
        desk.page.locator("#account-subject").fill("https://sso.invalid u-7")
        desk.page.get_by_role("button", name="保存修改").click()
        desk.page.get_by_text("已保存 qian").wait_for()
        expect(row).to_contain_text("审计员", timeout=PATIENCE)
        expect(row).to_contain_text("已绑定", timeout=PATIENCE)
        their.page.wait_for_url("**/sign-in?next=**")
    changed = office.accounts.of("qian")
    assert changed is not None and changed.role == "auditor"
    assert changed.oidc_subject == "https://sso.invalid u-7"
    assert ("administrator", "qian", "done") in office.noted("account.change")


def test_an_administrator_ends_what_somebody_is_doing(browser: Browser, desk: Look, office: Office):
    with looking(browser, is_known=False) as their:
        sign_in(their.page, office, "analyst", "/indicators")
        their.page.locator(".own").wait_for()
        sign_in(desk.page, office, "administrator")
        desk.page.on("dialog", lambda dialog: dialog.accept())
        row = desk.page.locator("tr", has_text="analyst").filter(has_text="退出")
        row.get_by_role("button", name="退出").first.click()
        desk.page.get_by_text("已退出 analyst").wait_for()
        their.page.wait_for_url("**/sign-in?next=**")  # by itself, with its next heartbeat
        assert "next=%2Findicators" in their.page.url or "next=/indicators" in their.page.url


def test_an_auditor_finds_what_was_done_and_that_nothing_is_missing(desk: Look, office: Office):
    sign_in(desk.page, office, "auditor", "/audit")
    desk.page.locator("td", has_text="登录").first.wait_for()
    desk.page.get_by_role("button", name="检查记录是否完整").click()
    desk.page.get_by_text("没有改动、缺失或截去").wait_for()


def test_who_signs_out_is_out(desk: Look, office: Office):
    sign_in(desk.page, office, "leader", "/account")
    desk.page.get_by_role("button", name="退出登录").click()
    desk.page.get_by_role("button", name="登录").wait_for()
    assert ("leader", "leader", "done") in office.noted("session.end")
    assert desk.page.request.get(office.wall.url + "/heartbeat").status == 401
