"""Starts the screen and all that feeds it: builds the demo once, ends everything together."""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from access.devices import Devices  # noqa: E402
from access.operations import Operations, OperationsError  # noqa: E402

LAST_LINES = 5  # of the log of a process that died
LARGEST_LOG = 5_000_000  # bytes
MARK = "demo"  # an empty file: this home is ours to fill
PATIENCE = 10.0  # seconds that a process has to end by itself
PR_SET_PDEATHSIG = 1  # Linux: the child gets a signal when its parent is gone


class DemoDevice(NamedTuple):
    """A device of the demo: `file` of the home keeps its token, `word` says what it is for."""

    kind: str
    name: str
    file: str
    word: str


DEMO_DEVICES = (
    DemoDevice("wall", "演示大屏", "wall.token", "大屏（免登录）"),
    DemoDevice("remote", "演示值班台", "remote.token", "遥控"),
)


class Ended(Exception):
    """Somebody asked to end: Ctrl-C, a signal, or the terminal was closed."""


def main() -> int:
    """Exit code 0 when asked to end, 1 when a part failed."""
    home = Path(os.environ.get("ZHINAO_HOME") or "var")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    parts: dict[str, subprocess.Popen] = {}
    try:
        if is_demo(home):
            _prepare_demo(home)
        elif not (home / "CURRENT").exists():
            print(f"{home}：不是演示县，也还没有版本；请先装载：python -m etl run", file=sys.stderr)
            return 1
        if is_demo(home):
            for device in DEMO_DEVICES:
                print(f"{device.word}：{address_of(device, home)}", flush=True)
        for name, arguments in parts_of(home).items():
            parts[name] = _started(name, arguments, home)
        return _until_one_dies(parts, home)
    except Ended:
        print("\n正在结束…", flush=True)
        return 0
    finally:
        _stop(parts)


def is_demo(home: Path) -> bool:
    """Whether the home holds the demo county, or nothing at all; else it is a centre's own, loaded
    or not."""
    marks = (home / MARK, home / "inbox" / "planted.json")
    return any(mark.exists() for mark in marks) or not home.exists() or not any(home.iterdir())


def parts_of(home: Path) -> dict[str, list[str]]:
    """Name -> arguments of every process that makes the running whole."""
    parts = {
        "大屏": ["app.py", "--home", str(home)],
        "装载": ["-m", "etl", "watch", "--home", str(home)],
    }
    if is_demo(home):
        parts["送数"] = ["-m", "etl", "demo", "--home", str(home), "--live"]
    return parts


def address_of(device: DemoDevice, home: Path) -> str:
    """Where the demo's device signs in; the same for as long as its token is kept and good."""
    kept, operations = home / device.file, Operations(home)
    devices, now = Devices(operations), datetime.now(UTC)
    token = kept.read_text() if kept.exists() else ""
    if devices.of(token, now) is None:
        with suppress(OperationsError):  # there is none
            devices.revoke(device.name, now)
        token = devices.add(device.kind, device.name, now)
        kept.touch(mode=0o600)
        kept.write_text(token)
    operations.close()
    port = os.environ.get("PORT") or "8050"
    return f"http://127.0.0.1:{port}/sign-in/{token}"


def _prepare_demo(home: Path) -> None:
    """Write the county and load it, or load what came since; in front, with a progress bar."""
    home.mkdir(parents=True, exist_ok=True)
    (home / MARK).touch()  # who is interrupted here goes on the next time
    if not (home / "CURRENT").exists():
        print(f"生成演示县并装载到 {home}/（只做一次，约一分钟）…", flush=True)
    making = _process(["-m", "etl", "demo", "--home", str(home)], None)
    try:
        code = making.wait()
    except Ended:
        _stop({"演示": making})
        raise
    if code:
        sys.exit(code)


def _started(name: str, arguments: list[str], home: Path) -> subprocess.Popen:
    """The screen talks to the terminal, the others to a log in the home."""
    if name == "大屏":
        return _process(arguments, None)
    _set_aside(_log(home, name))
    with open(_log(home, name), "a") as log:
        return _process(arguments, log)


def _process(arguments: list[str], log) -> subprocess.Popen:
    """In a session of its own: Ctrl-C reaches only us, and we end the others in order."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={"ZHINAO_LOG": "quiet"} | os.environ,  # a terminal is no log
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT if log else None,
        start_new_session=True,
        preexec_fn=_die_with_parent,
    )


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _until_one_dies(parts: dict[str, subprocess.Popen], home: Path) -> int:
    while True:
        for name, part in parts.items():
            if part.poll() is not None:
                print(f"{name}已退出（代码 {part.returncode}），全部结束", file=sys.stderr)
                _print_last_lines(_log(home, name))
                return 1
            if _log(home, name).exists() and _log(home, name).stat().st_size > LARGEST_LOG:
                _set_aside(_log(home, name))
        time.sleep(0.5)


def _set_aside(log: Path) -> None:
    """Begin the log anew under the process that writes it; one older log is kept."""
    if log.exists():
        shutil.copyfile(log, log.with_suffix(".log.1"))
        os.truncate(log, 0)  # it is appended to, so the next line is the first


def _log(home: Path, name: str) -> Path:
    return home / {"装载": "watch.log", "送数": "live.log", "大屏": "screen.log"}[name]


def _print_last_lines(log: Path) -> None:
    if log.exists():
        for line in log.read_text(errors="replace").splitlines()[-LAST_LINES:]:
            print(f"  {line}", file=sys.stderr)


def _stop(parts: dict[str, subprocess.Popen]) -> None:
    """End all, the last started first; who does not listen is killed."""
    for part in reversed(parts.values()):
        if part.poll() is None:
            part.terminate()
    until = time.monotonic() + PATIENCE
    for part in parts.values():
        try:
            part.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            part.kill()
            part.wait()


def _end(_number: int, _frame: FrameType | None) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # ending is under way; once is enough
    raise Ended


if __name__ == "__main__":
    sys.exit(main())
