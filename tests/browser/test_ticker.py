"""The ticker at the foot: the newest first, with its place among how many."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from data.editions.store import EditionStore
from tests.browser.driving import PATIENCE, Look, Wall
from tests.layouts.small import publish, small_site

pytestmark = pytest.mark.browser


def test_the_ticker_begins_with_the_newest_and_again_with_every_edition(
    look: Look, serve: Callable[[Path], Wall], tmp_path: Path
):
    store = EditionStore(tmp_path)
    publish(store, 300, small_site())
    wall = serve(tmp_path)
    look.page.goto(wall.url)
    tag, line = look.page.locator(".foot .tag"), look.page.locator("[data-show='ticker']")
    expect(tag).to_have_text("最新 1/8", timeout=PATIENCE)
    newest = line.inner_text()
    assert newest.startswith("11月20日 ")
    expect(tag).to_have_text("最新 2/8", timeout=PATIENCE)
    assert line.inner_text() != newest
    publish(store, 20, small_site())
    store.close()
    look.wait_for_edition(2)
    expect(tag).to_have_text("最新 1/8", timeout=30_000)  # by itself it comes round after 49 s
