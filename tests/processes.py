"""Two app processes behind Debian's nginx, with Debian's Redis and a PostgreSQL of their own."""

import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from access.devices import Devices
from access.operations import VARIABLE, Operations
from tests.browser.driving import ROOT, Wall

NGINX, REDIS = "/usr/sbin/nginx", "/usr/bin/redis-server"
NEEDED = "nginx 或 redis-server 没有安装（apt-get install nginx redis-server）"
CALLBACKS = "/_dash-update-component"
PATIENCE = 30.0  # seconds


def are_there() -> bool:
    return Path(NGINX).exists() and Path(REDIS).exists()


@dataclass
class Reply:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Processes:
    """What runs: each app by its own address, and nginx before both."""

    home: Path
    walls: tuple[Wall, ...]
    port: int  # of nginx, TLS
    redis_port: int
    tokens: dict[str, str]

    def ask(self, wall: Wall, path: str, token: str = "wall", **options: Any) -> Reply:
        """One of the apps, past nginx."""
        connection = http.client.HTTPConnection("127.0.0.1", wall.port, timeout=PATIENCE)
        return _asked(connection, path, self._headers(token), **options)

    def ask_nginx(self, path: str, token: str = "wall", **options: Any) -> Reply:
        """Whichever of them nginx chooses."""
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.port, timeout=PATIENCE, context=trusting
        )
        return _asked(connection, path, self._headers(token), **options)

    def _headers(self, token: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[token]}"} if token else {}

    def metric(self, wall: Wall, name: str) -> float:
        """A measurement of one app that has no labels."""
        text = self.ask(wall, "/metrics", token="").body.decode()
        (value,) = [line.split()[1] for line in text.splitlines() if line.startswith(f"{name} ")]
        return float(value)

    def questions(self, scope: str | None = None) -> dict[str, dict]:
        """The body of every callback that draws something, as a page sends it; by its output."""
        dependencies = self.ask(self.walls[0], "/_dash-dependencies").json
        return {
            each["output"]: _question(each, scope)
            for each in dependencies
            if not each["clientside_function"] and _draws(each)
        }

    def answer(self, wall: Wall, question: dict, token: str = "wall") -> Reply:
        """What one app answers to the body of a callback."""
        return self.ask(wall, CALLBACKS, token, body=question)


def _draws(dependency: dict) -> bool:
    """Whether it asks of the edition, from the scope and a pulse, as panels and scenes do."""
    ids = [each["id"] for each in (*dependency["inputs"], *dependency["state"])]
    return "{" not in "".join(ids) and not any(name.startswith("_pages") for name in ids)


def _question(dependency: dict, scope: str | None) -> dict:
    output = dependency["output"]
    several = output.startswith("..")
    names = output[2:-2].split("...") if several else [output]
    outputs = [dict(zip(("id", "property"), _parts(name), strict=True)) for name in names]

    def given(each: dict) -> dict:
        value = (
            scope if "scope" in each["id"] else {"scale": 1.0} if "pulse" in each["id"] else None
        )
        return {**each, "value": value}

    return {
        "output": output,
        "outputs": outputs if several else outputs[0],
        "inputs": [given(each) for each in dependency["inputs"]],
        "state": [given(each) for each in dependency["state"]],
        "changedPropIds": [],
    }


def _parts(name: str) -> tuple[str, str]:
    which, _, prop = name.rpartition(".")
    return which, prop


def _asked(
    connection: http.client.HTTPConnection,
    path: str,
    headers: dict[str, str],
    body: Any = None,
    more: dict[str, str] | None = None,
) -> Reply:
    content = None if body is None else json.dumps(body)
    kind = {"Content-Type": "application/json"} if content else {}
    try:
        connection.request(
            "POST" if content else "GET", path, content, headers | kind | (more or {})
        )
        reply = connection.getresponse()
        return Reply(reply.status, reply.headers, reply.read())
    finally:
        connection.close()


@contextmanager
def processes(home: Path, folder: Path, url: str) -> Iterator[Processes]:
    """Both apps over the home, with the operations store at `url`; all end with the block."""
    operations = Operations(home, url)
    devices, now = Devices(operations), datetime.now(UTC)
    tokens = {
        "wall": devices.add("wall", "大厅", now),
        "town": devices.add("wall", "镇街大厅", now, regions=["town:T1"]),
        "alerts": devices.add("alerts", "平台", now),
    }
    operations.close()
    with ExitStack() as running:
        redis_port = running.enter_context(_redis(folder))
        settings = {
            VARIABLE: url,
            "CACHE_TYPE": "RedisCache",
            "CACHE_REDIS_URL": f"redis://127.0.0.1:{redis_port}/0",
            "ZHINAO_PROXIES": "1",
        }
        walls = (Wall(home, settings), Wall(home, settings))
        for wall in walls:
            wall.start()
            running.callback(wall.stop)
        port = running.enter_context(_nginx(folder, walls))
        yield Processes(home, walls, port, redis_port, tokens)


@contextmanager
def _redis(folder: Path) -> Iterator[int]:
    port = free_port()
    words = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(folder)]
    with _running([REDIS, "--port", str(port), *words], port):
        yield port


@contextmanager
def _nginx(folder: Path, walls: tuple[Wall, ...]) -> Iterator[int]:
    port = free_port()
    config = configured(folder, [wall.port for wall in walls], port)
    with _running([NGINX, "-c", str(config), "-p", str(folder), "-g", "daemon off;"], port):
        yield port


def configured(folder: Path, apps: list[int], port: int) -> Path:
    """deploy/nginx.conf as it is, but for addresses and files of the machine it is tried on."""
    text = (ROOT / "deploy" / "nginx.conf").read_text()
    made = {
        "app1:8050": f"127.0.0.1:{apps[0]}",
        "app2:8050": f"127.0.0.1:{apps[1]}",
        "listen 80 ": f"listen 127.0.0.1:{free_port()} ",
        "listen 443 ": f"listen 127.0.0.1:{port} ",
        "/etc/nginx/tls/": f"{folder}/",
        "/tmp/nginx": f"{folder}/nginx",
        "/dev/stderr": f"{folder}/error.log",
        "/dev/stdout": f"{folder}/access.log",
    }
    for old, new in made.items():
        assert old in text, old
        text = text.replace(old, new)
    _certificate(folder)
    config = folder / "nginx.conf"
    config.write_text(text)
    return config


def _certificate(folder: Path) -> None:
    """One for this test, good for a day."""
    key, certificate = folder / "zhinao.key", folder / "zhinao.crt"
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    made += ["-nodes", "-days", "1", "-subj", "/CN=localhost"]
    subprocess.run(
        [*made, "-keyout", key, "-out", certificate], check=True, stderr=subprocess.DEVNULL
    )


@contextmanager
def _running(command: list[str], port: int) -> Iterator[None]:
    """Until the block is left; by then the port answers."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: _answers(port) or process.poll() is not None, command[0])
        assert process.poll() is None, f"{command[0]} ended"
        yield
    finally:
        process.terminate()
        process.wait(20)


def wait_for(what: Callable[[], Any], why: str, seconds: float = PATIENCE) -> float:
    """Seconds until it is so; AssertionError where it is not in time."""
    began = time.monotonic()
    while not what():
        assert time.monotonic() - began < seconds, why
        time.sleep(0.02)
    return time.monotonic() - began


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def own_folder(folder: Path) -> Path:
    """One that nginx's workers, which are not root, may write to."""
    folder.mkdir(exist_ok=True)
    if os.geteuid() == 0:
        folder.chmod(0o755)
        with suppress(LookupError):
            shutil.chown(folder, "www-data")
    return folder
