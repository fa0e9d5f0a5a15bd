"""All that a wall in Chromium is sent while its scenes step: no mark of anybody."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Error, Response

from data.wall_view import WallView
from layouts.scenes import SCENES
from tests.browser.driving import Look, Wall
from tests.routes.test_wall_safe import marked_store, traces

pytestmark = pytest.mark.browser


class Heard:
    """The data that a page was sent, by address; code, styles and pictures are left out."""

    def __init__(self, look: Look) -> None:
        self.bodies: dict[str, list[str]] = {}
        self._arrived: list[Response] = []
        look.page.on("response", lambda response: self._arrived.append(response))

    def take(self) -> None:
        """Read what has arrived; what is 304 or was given up has no body."""
        arrived, self._arrived[:] = list(self._arrived), []
        for response in arrived:
            if response.request.resource_type in ("document", "fetch", "xhr"):
                try:
                    body = response.body().decode("utf-8", "replace")
                except Error:
                    continue
                self.bodies.setdefault(response.url, []).append(body)


def test_while_the_scenes_step_a_wall_is_sent_nothing_of_people(
    look: Look, serve: Callable[[Path], Wall], tmp_path: Path
):
    marked_store(tmp_path).close()
    wall, heard = serve(tmp_path), Heard(look)
    look.page.goto(wall.url)
    for key in WallView().scenes:
        look.page.wait_for_function(
            "name => document.querySelector('[data-show=\\'scene\\']')?.innerText === name",
            arg=SCENES[key].name,
        )
        look.wait_for_edition(1)
        heard.take()
        look.page.keyboard.press("ArrowRight")
    look.page.goto(wall.url + "/quality")
    look.wait_for_edition(1)
    heard.take()
    addresses = {url.removeprefix(wall.url).partition("?")[0] for url in heard.bodies}
    assert {"/", "/live", "/heartbeat", "/quality", "/_dash-update-component"} <= addresses
    assert any(address.startswith("/geometry/") for address in addresses)
    found = {url: traces(" ".join(bodies)) for url, bodies in heard.bodies.items()}
    assert {url: what for url, what in found.items() if what} == {}
    assert traces(look.page.content()) == []
