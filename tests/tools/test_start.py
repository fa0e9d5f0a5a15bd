"""`make run`: the screen and what feeds it start together and end together."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from access.devices import Devices
from access.operations import Operations
from tests.etl.village import village
from tools import start

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 60.0
REMOTE = start.DEMO_DEVICES[1]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[subprocess.Popen]:
    """The launcher on a home that holds a centre of its own, on a free port."""
    centre = village(tmp_path)
    centre.run()
    variables = os.environ | {"ZHINAO_HOME": str(centre.home), "PORT": "0"}
    launcher = subprocess.Popen(
        [sys.executable, "tools/start.py"],
        cwd=ROOT,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    yield launcher
    launcher.kill()
    launcher.communicate()


def test_ctrl_c_ends_all_of_it(running: subprocess.Popen) -> None:
    address = _address(running)
    with urllib.request.urlopen(address, timeout=20) as answer:
        assert answer.status == 200
    children = _children(running)
    assert [words[-3] for words in children.values()] == ["app.py", "watch"]
    running.send_signal(signal.SIGINT)
    assert running.wait(PATIENCE) == 0
    assert _living(children) == []


def test_when_one_part_dies_all_end_and_it_is_named(running: subprocess.Popen) -> None:
    _address(running)
    children = _children(running)
    watch = next(pid for pid, words in children.items() if "watch" in words)
    os.kill(watch, signal.SIGKILL)
    assert running.wait(PATIENCE) == 1
    assert running.stdout is not None
    assert "装载已退出（代码 -9），全部结束" in running.stdout.read()
    assert _living(children) == []


def test_a_killed_launcher_leaves_nothing_behind(running: subprocess.Popen) -> None:
    _address(running)
    children = _children(running)
    running.kill()
    running.wait()
    until = time.monotonic() + PATIENCE
    while _living(children) and time.monotonic() < until:
        time.sleep(0.1)
    assert _living(children) == []


def test_only_an_empty_home_or_one_that_we_marked_is_filled_with_the_demo(tmp_path: Path) -> None:
    assert start.is_demo(tmp_path / "new")
    assert start.is_demo(tmp_path)
    (tmp_path / "runs.db").touch()  # a centre whose first load failed
    assert not start.is_demo(tmp_path)
    (tmp_path / start.MARK).touch()
    assert start.is_demo(tmp_path)


def test_a_centres_home_without_an_edition_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "runs.db").touch()
    variables = os.environ | {"ZHINAO_HOME": str(tmp_path), "PORT": "0"}
    command = [sys.executable, "tools/start.py"]
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True)
    assert (done.returncode, [path.name for path in tmp_path.iterdir()]) == (1, ["runs.db"])
    assert "请先装载" in done.stderr


def test_a_log_does_not_grow_without_bound(tmp_path: Path) -> None:
    log = tmp_path / "watch.log"
    with open(log, "a") as writer:
        writer.write("old\n")
        writer.flush()
        start._set_aside(log)
        writer.write("new\n")
    assert log.read_bytes() == b"new\n"
    assert (tmp_path / "watch.log.1").read_text() == "old\n"


def _address(running: subprocess.Popen) -> str:
    assert running.stdout is not None
    for line in running.stdout:
        if found := re.search(r"http://\S+", line):
            return found.group()
    raise AssertionError(f"the launcher ended with {running.wait()} and named no address")


def _children(running: subprocess.Popen) -> dict[int, list[str]]:
    """Process id -> words of the command, in the order of their start."""
    ids = Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split()
    return {int(pid): _words(int(pid)) for pid in ids}


def _words(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0").split("\0")


def _living(children: dict[int, list[str]]) -> list[int]:
    """Those still running; a process that nobody has waited for yet is not."""
    return [pid for pid in children if _state(pid) not in ("", "Z", "X")]


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def test_the_demos_remote_control_is_given_once_and_its_address_stays(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("PORT", "9123")
    address = start.address_of(REMOTE, tmp_path)
    assert address.startswith("http://127.0.0.1:9123/sign-in/")
    assert start.address_of(REMOTE, tmp_path) == address
    operations = Operations(tmp_path)
    device = Devices(operations).of(address.rsplit("/", 1)[1], datetime.now(UTC))
    operations.close()
    assert device is not None and device.kind == "remote"
    assert (tmp_path / REMOTE.file).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("left", ["", "spoilt"])
def test_a_remote_control_whose_address_was_lost_is_given_another(tmp_path: Path, left: str):
    former = start.address_of(REMOTE, tmp_path)
    (tmp_path / REMOTE.file).write_text(left)
    address = start.address_of(REMOTE, tmp_path)
    operations = Operations(tmp_path)
    found = [
        Devices(operations).of(each.rsplit("/", 1)[1], datetime.now(UTC))
        for each in (former, address)
    ]
    operations.close()
    assert [each is not None for each in found] == [False, True]
