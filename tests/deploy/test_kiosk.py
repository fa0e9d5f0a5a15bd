"""A wall comes back by itself: Chromium killed, hung, or shown the way out."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from access.devices import Devices
from access.operations import Operations
from tests.browser.driving import CHROMIUM, Wall

ROOT = Path(__file__).parent.parent.parent
STARTED = re.compile(r"chromium (\d+) shows")
LONG = 60.0  # seconds; the cores of a test machine are busy

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason=f"{CHROMIUM} is not installed"),
]


class Kiosk:
    """kiosk.sh with a Chromium that needs no screen."""

    def __init__(self, folder: Path, url: str, token: str, other: "Listener") -> None:
        self.other = other
        self.url, self.token = url, token
        self.seen: list[bytes] = []  # the arguments of processes that held the token
        self.programs: set[str] = set()
        self.log = folder / "kiosk.log"
        self.profile = folder / "profile"
        self.devtools = self.profile / "DevToolsActivePort"
        settings = {
            "ZHINAO_WALL": url,
            "ZHINAO_TOKEN": token,
            "ZHINAO_PROFILE": str(self.profile),
            "CHROMIUM": CHROMIUM,
            "CHROMIUM_FLAGS": "--headless=new --no-sandbox --disable-gpu",
            "CHECK_EVERY": "1",
            "PATIENCE": "5",
            "STARTING": "20",
        }
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                [ROOT / "deploy" / "kiosk.sh"],
                env={**os.environ, **settings},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def browsers(self) -> list[int]:
        """The process of each Chromium that was started so far."""
        return [int(pid) for pid in STARTED.findall(self.log.read_text())]

    def observe(self) -> None:
        """Look at the arguments of every process, again and again, until the end."""
        threading.Thread(target=self._look, daemon=True).start()

    def _look(self) -> None:
        while self.process.poll() is None:
            for file in Path("/proc").glob("[0-9]*/cmdline"):
                with suppress(OSError):
                    said = file.read_bytes()
                    self.programs.add(said.split(b"\0")[0].rpartition(b"/")[2].decode())
                    if self.token.encode() in said:
                        self.seen.append(said)
            time.sleep(0.01)

    def is_alive(self) -> bool:
        check = [sys.executable, ROOT / "deploy" / "page_alive.py", self.devtools, self.url]
        return subprocess.run(check).returncode == 0

    def wait(self, what, why: str) -> None:
        deadline = time.monotonic() + LONG
        while not what():
            assert time.monotonic() < deadline, f"{why}: {self.log.read_text()}"
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.3)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)


@pytest.fixture(scope="module")
def kiosk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kiosk]:
    """Of a wall that signs in with its token."""
    folder = tmp_path_factory.mktemp("kiosk")
    wall = Wall(folder / "home").start()
    operations = Operations(folder / "home")
    token = Devices(operations).add("wall", "大厅", datetime.now(UTC))
    kiosk = Kiosk(folder, wall.url, token, Listener())
    kiosk.observe()
    kiosk.wait(kiosk.is_alive, "no wall")
    yield kiosk
    kiosk.stop()
    operations.close()
    wall.stop()


def test_the_wall_signs_in_with_its_token(kiosk: Kiosk):
    wall = next(each for each in devices(kiosk) if each.name == "大厅")
    assert wall.last_seen is not None
    assert "sign-in" not in kiosk.log.read_text()  # nor is the token written anywhere


def test_the_token_stands_in_no_argument_of_a_process(kiosk: Kiosk):
    assert {"chromium", "python3"} <= kiosk.programs  # else nothing was looked at
    assert kiosk.seen == []
    held = Path(f"/proc/{kiosk.browsers()[-1]}/environ").read_bytes()
    assert held and kiosk.token.encode() not in held
    assert kiosk.profile.stat().st_mode & 0o777 == 0o700


def test_nobody_else_is_asked_for_the_page_or_told_the_token(kiosk: Kiosk):
    assert kiosk.other.asked == []
    assert int(kiosk.devtools.read_text().splitlines()[0]) != 9222
    assert kiosk.devtools.stat().st_uid == os.getuid()


def test_a_chromium_that_was_killed_is_started_again_and_shows_the_wall(kiosk: Kiosk):
    before = kiosk.browsers()
    os.kill(before[-1], signal.SIGKILL)
    kiosk.wait(lambda: len(kiosk.browsers()) > len(before), "not started again")
    kiosk.wait(kiosk.is_alive, "no wall")


def test_a_chromium_that_hangs_is_ended_and_started_again(kiosk: Kiosk):
    before = kiosk.browsers()
    os.kill(before[-1], signal.SIGSTOP)
    kiosk.wait(lambda: len(kiosk.browsers()) > len(before), "not started again")
    assert not is_running(before[-1])
    kiosk.wait(kiosk.is_alive, "no wall")


def test_ending_the_script_ends_chromium(kiosk: Kiosk):
    last = kiosk.browsers()[-1]
    kiosk.stop()
    assert kiosk.process.returncode == 0
    assert kiosk.seen == [] and kiosk.other.asked == []  # from the first start to the last
    assert not is_running(last)


def devices(kiosk: Kiosk):
    operations = Operations(kiosk.profile.parent / "home")
    found = Devices(operations).all()
    operations.close()
    return found


def is_running(process: int) -> bool:
    """Not even as a zombie that waits for its parent."""
    return Path(f"/proc/{process}").exists()


class Listener:
    """Another user's program on the port that everybody knows Chromium by."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # of a parallel run
        self._socket.bind(("127.0.0.1", 9222))
        self._socket.listen()
        threading.Thread(target=self._answer, daemon=True).start()

    def _answer(self) -> None:
        while True:
            stream, _ = self._socket.accept()
            self.asked.append(stream.recv(1000))
            stream.close()
