"""Every page and form as each role sees it, in a county where every text is markup: the content
policy is never broken, no script runs, nothing is made of a text, no link leads to another host."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import dash
import pytest
from argon2 import PasswordHasher, profiles
from playwright.sync_api import Browser, BrowserContext, Page

import app as screen
from access import passwords
from access.identity_provider import CLIENT, ISSUER, NAME
from access.roles import ROLES, Power
from data.editions.store import EditionStore
from routes.gate import SESSION
from tests.attacks.county import LONG, MARK, SHORT, people, publish_hostile
from tests.browser.driving import KEEP_DRAWING, PATIENCE, Look, Wall
from tests.browser.hall import Hall
from tests.screens import TOKEN

LISTEN = """window.violations = [];
document.addEventListener("securitypolicyviolation", broken => window.violations.push(
    `${broken.violatedDirective} ${broken.blockedURI} ${broken.sourceFile}:${broken.lineNumber}`));
window.asking = { now: 0, ever: 0, last: 0 };
const plainly = window.fetch;
window.fetch = (...asked) => {
    if (!String(asked[0]?.url ?? asked[0]).includes("_dash-update")) return plainly(...asked);
    asking.now += 1; asking.ever += 1; asking.last = performance.now();
    return plainly(...asked).finally(() => { asking.now -= 1; asking.last = performance.now(); });
};
"""
PLANTED = f"""() => [
    typeof {MARK} !== 'undefined' && 'script ran: ' + {MARK},
    ...[...document.querySelectorAll('.{MARK}, img[src$="/x"], img[src=x], iframe, object, embed')]
        .map(e => 'element ' + e.outerHTML.slice(0, 80)),
    ...[...document.querySelectorAll('[href], [src], [action]')]
        .map(e => e.href?.baseVal ?? e.href ?? e.src ?? e.action)
        .filter(url => typeof url === 'string' && url
            && !['data:', 'blob:'].includes(new URL(url, location).protocol)
            && new URL(url, location).origin !== location.origin)
        .map(url => 'leads to ' + url),
    ...[...document.querySelectorAll('*')].flatMap(e => [...e.attributes]
        .filter(a => a.name.startsWith('on') && a.value.includes('{MARK}'))
        .map(a => a.name + ' on ' + e.tagName)),
].filter(Boolean)"""
# A page has come once what it asks for is there, and no callback is under way.
COME = """() => asking.ever > 0 && asking.now === 0 && performance.now() - asking.last > 250
    && document.querySelector('.page, main')?.innerText.trim().length > 0
    && [...document.querySelectorAll('[data-edition]')]
        .every(e => e.dataset.edition !== '' || e.closest('.scene:not(.is-shown)'))"""
CASE = "/case/C000000000001"
ADDED_FORMS = ("/account", "/case/C999999999999", "/remote")
OPEN_FORMS = (
    "/sign-in",
    f"/sign-in?name={SHORT}&next=/{SHORT}",
    "/sign-in/single",
    "/sign-in/single/return?code=x&state=x",
    "/remote",
)


@dataclass(frozen=True)
class Walk:
    """A server over the hostile county, and the token of each role."""

    wall: Wall
    tokens: dict[str, str]
    columns: int


@pytest.fixture(scope="module")
def walk(tmp_path_factory) -> Iterator[Walk]:
    home = tmp_path_factory.mktemp("hostile")
    columns = publish_hostile(home)
    store = EditionStore(home)
    screen.build(store)  # here too, for its registry of pages
    store.close()
    assert len(dash.page_registry) > 6
    with pytest.MonkeyPatch.context() as patch:
        cheap = PasswordHasher.from_parameters(profiles.CHEAPEST)
        patch.setattr(passwords, "HASHER", cheap)
        tokens = people(home)
    # A provider that is away: its pages of refusal are seen.
    settings = {ISSUER: "http://127.0.0.1:1", CLIENT: "x", NAME: LONG}
    wall = Wall(home, settings).start()
    yield Walk(wall, tokens, columns)
    wall.stop()


def paths(role: str) -> list[str]:
    """The pages and forms that the role may open; a case that it may see, where it sees any."""
    powers = ROLES[role].powers
    pages = [page for page in dash.page_registry.values() if not powers.isdisjoint(page["powers"])]
    return [page["path"] for page in pages if not page["path_template"]]


def opened_by(browser: Browser, walk: Walk, token: str | None) -> BrowserContext:
    context = browser.new_context(viewport={"width": 1920, "height": 1080})
    context.add_init_script(LISTEN + KEEP_DRAWING.replace("DRAWING", "canvas"))
    if token:
        kept = {"name": SESSION, "value": token, "url": walk.wall.url}
        context.add_cookies([kept])  # type: ignore[list-item]
    return context


def look_at(page: Page, address: str) -> None:
    page.goto(address)
    if page.locator("#react-entry-point").count():
        page.wait_for_function(COME, timeout=PATIENCE)
    unharmed(page)


def unharmed(page: Page) -> None:
    broken, planted = page.evaluate("window.violations"), page.evaluate(PLANTED)
    assert (broken, planted) == ([], []), page.url


def test_every_text_of_the_county_is_markup(walk: Walk):
    print(f"{walk.columns} columns of text hold markup")
    assert walk.columns >= 30


def of_different_powers() -> list[str]:
    """A role for each set of powers: those that share one see the same pages."""
    return [*{role.powers: key for key, role in reversed(ROLES.items())}.values()]


@pytest.mark.parametrize("role", of_different_powers())
def test_no_page_breaks_the_policy_or_is_broken_by_a_text(browser: Browser, walk: Walk, role: str):
    walked(browser, walk, role)


@pytest.mark.soak
@pytest.mark.parametrize("role", ROLES)
def test_no_page_of_any_role_is_broken(browser: Browser, walk: Walk, role: str):
    walked(browser, walk, role)


def walked(browser: Browser, walk: Walk, role: str) -> None:
    context = opened_by(browser, walk, walk.tokens[role])
    hosts: set[str | None] = set()
    try:
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("request", lambda asked: hosts.add(urlsplit(asked.url).hostname))
        page.on("dialog", lambda dialog: pytest.fail(f"a dialog: {dialog.message}"))
        for path in [*paths(role), *ADDED_FORMS]:
            look_at(page, walk.wall.url + path)
            shows = MARK in page.locator("body").inner_text()
            print(f"{role} {path}: 0 violations{', texts of markup shown' if shows else ''}")
            assert shows or path not in ("/", "/cases", "/quality", "/accounts", "/audit")
            if path == "/cases":
                look_into_a_case(page, role)
        assert hosts <= {"127.0.0.1", None, ""}
    finally:
        context.close()


def look_into_a_case(page: Page, role: str) -> None:
    """The first that is listed, and of it a value in clear, for a reason that is markup too."""
    address = page.locator("a[href^='/case/']").first.get_attribute("href")
    assert address is not None
    look_at(page, str(page.evaluate("location.origin")) + address)
    page.locator(".case-head").wait_for()
    unharmed(page)
    text = page.locator("main").inner_text()
    assert f"class={MARK}" in text  # it is there, as text
    if Power.CLEAR in ROLES[role].powers and page.locator("#case-reason").is_visible():
        page.locator("#case-reason").fill(LONG[:190])
        page.get_by_role("button", name="明文").first.click()
        page.locator("#case-clear .secret").wait_for()
        unharmed(page)
    print(f"{role} {address}: 0 violations")


def test_no_form_that_anybody_opens_is_broken(browser: Browser, walk: Walk):
    context = opened_by(browser, walk, None)
    try:
        page = context.new_page()
        for path in OPEN_FORMS:
            look_at(page, walk.wall.url + path)
            print(f"nobody {path}: 0 violations")
        page.goto(walk.wall.url + "/sign-in")
        page.locator("input[name=name]").fill(SHORT)
        page.locator("input[name=password]").fill(SHORT)
        page.get_by_role("button", name="登录", exact=True).click()
        page.get_by_role("alert").wait_for()
        unharmed(page)
    finally:
        context.close()


def test_no_screen_of_a_hall_is_broken(browser: Browser, walk: Walk):
    """All scenes of the wall, then alerts, with the pointer over what tells more."""
    context = opened_by(browser, walk, None)
    try:
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(f"{walk.wall.url}/sign-in/{TOKEN}")
        Look(page).wait_for_scenes()
        unharmed(page)
        assert MARK in page.locator(".shell").inner_text()  # as text
        hall = Hall(walk.wall)
        for message in ({"event": LONG}, {"event": "火情", "note": LONG, "source": LONG}):
            hall.alert(**message)
        hall.alert(info=[alert_of_markup()])
        page.wait_for_function("() => window.zhinaoLive?.alerts().length > 0")
        page.wait_for_timeout(1500)
        for x in range(100, 1900, 150):
            for y in (300, 560, 820):
                page.mouse.move(x, y)
        unharmed(page)
    finally:
        context.close()


def alert_of_markup() -> dict:
    info = {"category": ["Fire"], "event": LONG, "urgency": "Immediate", "severity": "Extreme"}
    told = dict.fromkeys(("headline", "description", "instruction", "senderName"), LONG)
    area = [{"areaDesc": LONG, "circle": ["28.025,112.075 0.1"]}]
    return info | told | {"certainty": "Observed", "area": area}


def test_the_listener_hears_a_policy_that_is_broken(browser: Browser, walk: Walk):
    """Else the above would pass whatever is broken."""
    context = opened_by(browser, walk, None)
    try:
        page = context.new_page()
        page.goto(walk.wall.url + "/sign-in")
        page.evaluate("""() => { const made = document.createElement('div');
            made.innerHTML = '<img src="https://evil.example/i" onerror="planted=1">';
            document.body.append(made); }""")
        page.wait_for_function("() => window.violations.length > 0")
        assert page.evaluate(PLANTED)
    finally:
        context.close()
