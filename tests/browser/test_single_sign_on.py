"""Somebody signs in at another house and comes back, in a real browser."""

from playwright.sync_api import Browser, expect

from access.accounts import Accounts
from access.identity_provider import CLIENT, ISSUER, NAME, SECRET
from access.operations import Operations
from tests import identity_provider
from tests.browser.driving import PATIENCE, Wall
from tests.identity_provider import House, serving
from tests.layouts.small import store_with
from tests.routes.test_single_sign_on import now

BUTTON = "用县统一身份登录"


def test_one_button_and_back_on_the_page_that_was_wanted(browser: Browser, tmp_path):
    # To a browser "localhost" is another site than 127.0.0.1: what is Strict does not travel.
    with serving(House("localhost")) as house:
        store_with(tmp_path, 50).close()
        operations = Operations(tmp_path)
        accounts = Accounts(operations)
        accounts.add("wang", "值班岗", "dispatcher", now())
        accounts.change("wang", now(), "console", oidc_subject=f"{house.issuer} u-001")
        operations.close()
        registered = {ISSUER: house.issuer, CLIENT: identity_provider.CLIENT, NAME: BUTTON}
        wall = Wall(tmp_path, registered | {SECRET: identity_provider.SECRET}).start()
        context = browser.new_context()
        try:
            page, complaints = context.new_page(), []
            page.on("console", lambda said: complaints.append(said.text))
            page.goto(f"{wall.url}/cases")
            page.get_by_role("link", name=BUTTON).click()
            page.wait_for_url(f"{wall.url}/cases", timeout=PATIENCE)
            expect(page.locator("body")).to_contain_text("值班岗", timeout=PATIENCE)
            kept = {each.get("name"): each for each in context.cookies(wall.url)}
            assert kept["zhinao_session"].get("sameSite") == "Strict"
            assert "zhinao_single" not in kept
            assert not [said for said in complaints if "Content Security Policy" in said]
            page.reload()
            expect(page).to_have_url(f"{wall.url}/cases")
        finally:
            context.close()
            wall.stop()
