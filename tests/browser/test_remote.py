"""大屏遥控 in one hand: what a slip must not do, a server away, a token revoked."""

import json
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from access.devices import Devices
from access.operations import Operations
from tests.browser.driving import Look, Wall, looking
from tests.layouts.small import store_with

pytestmark = pytest.mark.browser
PHONE = (390, 844)
NOW = datetime.now(UTC)


class Desk:
    """A server with a remote control, and one that sends alerts."""

    def __init__(self, wall: Wall) -> None:
        self.wall = wall
        self.devices = Devices(Operations(wall.home))
        self.tokens = {kind: self.devices.add(kind, kind, NOW) for kind in ("alerts", "remote")}

    def alert(self, identifier: str, event: str = "火情", **changes) -> None:
        info = {"category": ["Fire"], "event": event, "urgency": "Immediate"}
        info |= {"severity": "Extreme", "certainty": "Observed"}
        message = {"identifier": identifier, "sender": "test.fake", "msgType": "Alert"}
        message |= {"sent": datetime.now().astimezone().isoformat(timespec="seconds")}
        message |= {"status": "Actual", "scope": "Public", "info": [info | changes]}
        self.post("/alerts", message, "alerts")

    def state(self) -> dict:
        return json.loads(self.post("/walls/own", None, "remote"))

    def post(self, path: str, body: dict | None, kind: str) -> bytes:
        headers = {"Content-Type": "application/json"}
        headers["Authorization"] = f"Bearer {self.tokens[kind]}"
        data = json.dumps(body).encode() if body else None
        request = urllib.request.Request(self.wall.url + path, data, headers)
        with urllib.request.urlopen(request) as reply:
            return reply.read()


@pytest.fixture
def desk(serve: Callable[[Path], Wall], tmp_path: Path) -> Desk:
    store_with(tmp_path, 200).close()
    return Desk(serve(tmp_path))


@pytest.fixture
def phone(browser: Browser, desk: Desk) -> Iterator[Look]:
    """A phone that has signed in; it may complain of a server that is away."""
    with looking(browser, *PHONE, drawing=None) as look:
        look.page.goto(f"{desk.wall.url}/sign-in/{desk.tokens['remote']}")
        look.page.locator("#scene button").first.wait_for()
        yield look


def pressed(phone: Look, section: str) -> Locator:
    return phone.page.locator(f"#{section} button[aria-pressed='true']")


def test_the_whole_page_fits_a_phone_and_every_button_a_thumb(phone: Look, desk: Desk):
    desk.alert("A1")
    phone.page.locator(".alert").wait_for()
    wide = phone.page.evaluate("document.documentElement.scrollWidth")
    boxes = phone.page.locator("button:visible").evaluate_all(
        "all => all.map(each => each.getBoundingClientRect()).map(b => [b.width, b.height])"
    )
    assert wide <= PHONE[0]
    assert len(boxes) > 20 and min(high for _, high in boxes) >= 44


@pytest.mark.parametrize(("section", "name"), [("mode", "战时"), ("occasion", "参观")])
def test_what_changes_the_whole_hall_is_pressed_twice(
    phone: Look, desk: Desk, section: str, name: str
):
    before = desk.state()
    button = phone.page.locator(f"#{section}").get_by_role("button", name=name)
    button.click()
    expect(button).to_have_text(f"再按一次：{name}")
    assert desk.state() == before
    expect(button).to_have_text(name)  # nobody meant it
    button.click()
    button.click()
    expect(pressed(phone, section)).to_have_text(name)
    assert desk.state()[section] != before[section]


def test_a_scene_is_pressed_once(phone: Look, desk: Desk):
    phone.page.get_by_role("button", name="风险预警").click()
    expect(pressed(phone, "scene")).to_have_text("风险预警")
    assert desk.state()["scene"] == "risk"


def test_a_list_that_has_just_changed_takes_no_press(phone: Look, desk: Desk):
    """A new alert moves the others down, and a finger may be on its way."""
    desk.alert("A1")
    phone.page.locator(".alert").wait_for()
    phone.page.evaluate(
        """() => { window.wereOff = false; new MutationObserver(() => { window.wereOff ||=
            [...document.querySelectorAll('.alert button')].every(each => each.disabled); })
            .observe(document.querySelector('#alerts'), {subtree: true, attributes: true}); }"""
    )
    desk.alert("A2", "洪水", category=["Met"])
    expect(phone.page.locator(".alert")).to_have_count(2)
    phone.page.wait_for_function("() => window.wereOff")
    expect(phone.page.locator(".alert button:disabled")).to_have_count(0)


def test_a_server_that_is_away_is_said_and_nothing_pretends_to_be_done(phone: Look, desk: Desk):
    desk.wall.stop()
    told = phone.page.locator("#told")
    expect(told).to_contain_text("以下是那时的情况")
    phone.page.get_by_role("button", name="风险预警").click()
    expect(pressed(phone, "scene")).to_have_text("轮流")
    desk.wall.start()
    expect(told).to_have_text("")


def test_a_revoked_phone_is_told_so_and_may_sign_in_anew(phone: Look, desk: Desk):
    desk.devices.revoke("remote", NOW)
    phone.page.locator("#sign-in").wait_for()
    expect(phone.page.locator("#told")).to_have_text("本设备已停用")
    assert phone.page.locator("#remote").is_hidden()
    phone.page.reload()
    phone.page.locator("input[name='token']").fill("nonsense")
    phone.page.get_by_role("button", name="登录").click()
    expect(phone.page.locator("#told")).to_have_text("令牌无效或已吊销")
    token = desk.devices.add("remote", "another", NOW)
    phone.page.locator("input[name='token']").fill(token)
    phone.page.get_by_role("button", name="登录").click()
    phone.page.locator("#remote").wait_for()
