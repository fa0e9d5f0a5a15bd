"""A broker (Debian's mosquitto) of the tests' own, on a free port of this machine."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from paho.mqtt.publish import multiple

if TYPE_CHECKING:
    from paho.mqtt.publish import MessageDict, MessageTuple

PROGRAM = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
NEEDED = "mosquitto 没有安装（apt-get install mosquitto）"
HOST = "127.0.0.1"
PATIENCE = 30  # seconds


class Mosquitto:
    """Keeps its sessions over a restart; `options` are further lines of its configuration."""

    def __init__(self, folder: Path, options: Iterable[str] = ("allow_anonymous true",)) -> None:
        self.folder, self.port = folder, _free_port()
        self._process: subprocess.Popen | None = None
        lines = [f"listener {self.port} {HOST}", *options, f"persistence_location {folder}/"]
        # Run by root, it would become a user who may not write here.
        lines += ["persistence true", "user root"]
        (folder / "mosquitto.conf").write_text("\n".join(lines) + "\n")

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    def start(self) -> None:
        command = [str(PROGRAM), "-c", str(self.folder / "mosquitto.conf")]
        with (self.folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            assert self._process.poll() is None, (self.folder / "mosquitto.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def stop(self) -> None:
        """It writes down its sessions and ends."""
        if self._process:
            self._process.terminate()
            self._process.wait(PATIENCE)
            self._process = None

    def publish(self, *messages: tuple[str, str | bytes], retain: bool = False) -> None:
        """(topic, payload) in this order; when it returns the broker has them."""
        given: list[MessageDict | MessageTuple] = [
            {"topic": t, "payload": p, "qos": 1, "retain": retain} for t, p in messages
        ]
        multiple(given, hostname=HOST, port=self.port)

    def _answers(self) -> bool:
        try:
            socket.create_connection((HOST, self.port), timeout=1).close()
            return True
        except OSError:
            return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]
