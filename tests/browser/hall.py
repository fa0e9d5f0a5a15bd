"""A hall: a wall, with the devices that send it alerts and command it."""

import json
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import expect

from access.devices import Devices
from access.operations import Operations
from data.alert_rules import AlertRules
from data.wall_view import WallView
from tests.browser.driving import PATIENCE, Look, Wall
from tests.layouts.small import SIDE, SOUTH, WEST, small_site, store_with
from tests.screens import TOKEN, admit

NOW = datetime.now(UTC)
LON, LAT = WEST + 7.5 * SIDE, SOUTH + 2.5 * SIDE  # in T1V2G2
POINT = f"{LAT},{LON} 0.1"
PLACE = "第1镇"


class Hall:
    """A wall with the devices of a hall: one that sends alerts, a remote control, a wall."""

    def __init__(self, wall: Wall) -> None:
        self.wall = wall
        self.devices = Devices(Operations(wall.home))
        self.tokens = {
            kind: self.devices.add(kind, kind, NOW) for kind in ("alerts", "remote", "wall")
        }
        self.tokens["screen"] = TOKEN
        self.sent = 0

    def alert(
        self,
        signal: str = "Extreme",
        event: str = "火情",
        category: str = "Fire",
        at: str = POINT,
        **changes,
    ) -> None:
        """Send one; accepted before this returns."""
        self.sent += 1
        area = {"areaDesc": "不该上屏的详细地址", "circle": [at]}
        info = {"category": [category], "event": event, "urgency": "Immediate", "severity": signal}
        info |= {"certainty": "Observed", "headline": "不该上屏的标题", "area": [area]}
        message = {"identifier": f"A{self.sent}", "sender": "test.fake", "msgType": "Alert"}
        message |= {"sent": datetime.now().astimezone().isoformat(timespec="seconds")}
        message |= {"status": "Actual", "scope": "Public", "info": [info], **changes}
        self._ask("/alerts", message, "alerts")

    def command(self, **changes) -> None:
        """What the remote control tells the wall."""
        self._ask(f"/walls/{admit(self.wall.home)}", changes, "remote")

    def acknowledge(self, alert: str) -> None:
        """As the remote control does, by the id that a wall is told."""
        self._ask("/live/acknowledge", {"id": alert}, "remote")

    def told(self) -> dict:
        """What the wall is told."""
        return json.loads(self._ask("/walls/own", None, "screen"))

    def _ask(self, path: str, body: dict | None, kind: str) -> bytes:
        headers = {"Content-Type": "application/json"}
        headers["Authorization"] = f"Bearer {self.tokens[kind]}"
        data = json.dumps(body).encode() if body is not None else None
        with urllib.request.urlopen(
            urllib.request.Request(self.wall.url + path, data, headers)
        ) as reply:
            return reply.read()


def hall_of(
    serve: Callable[[Path], Wall], home: Path, view: WallView, rules: AlertRules | None = None
) -> Hall:
    """The hall of the small county, whose wall and alerts go by these rules."""
    changed = {"wall": view} | ({"alerts": rules} if rules is not None else {})
    store_with(home, 300, small_site().model_copy(update=changed)).close()
    return Hall(serve(home))


def wait_for_scene(look: Look, name: str) -> None:
    expect(look.page.locator("[data-show='scene']")).to_have_text(name, timeout=PATIENCE)
