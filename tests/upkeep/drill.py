"""The restore drill: a centre that is written to is backed up, destroyed, and made again."""

import queue
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
from sqlalchemy import select

from access.audit import Audit
from access.devices import Devices
from access.operations import Operations
from data.editions.store import EditionStore
from data.indicators import INDICATORS
from data.measure import measure
from data.scope import Grant, Scope
from dispatch.alerts import ALERTS
from tests.browser.driving import ROOT, Wall
from tests.layouts.small import publish, store_with
from tests.routes.test_alerts_soak import Told, send

CASES = 2000
BY = ("town",)


@dataclass(frozen=True)
class Drill:
    """What became of it: alerts answered before the backup began, those of them that are lost,
    indicators whose numbers differ, what is wrong with the audit, seconds."""

    acknowledged: int
    lost: int
    differing: list[str]
    problems: tuple[str, ...]
    backup_seconds: float
    restore_seconds: float


def drill(folder: Path, alerts: int, clients: int) -> Drill:
    """Alerts come in and editions are published while the backup is made in a process of its own;
    then the home is deleted and made again."""
    home, archive = folder / "home", folder / "drill.tar.zst"
    store_with(home, CASES).close()
    told, before, numbers = _backed_up(home, archive, alerts, clients)
    shutil.rmtree(home)
    began = time.monotonic()
    _command("restore", str(archive), "--home", str(home))
    seconds = time.monotonic() - began
    there, problems = _kept(home)
    store = EditionStore(home)
    edition = store.current()
    again = _numbers(store)
    store.close()
    wanted = numbers[edition or 0]
    differing = [key for key in wanted if not again[key].equals(wanted[key])]
    lost = len(before - there)
    return Drill(len(before), lost, differing, problems, told.backup_seconds, seconds)


@dataclass
class _Seconds:
    backup_seconds: float = 0.0


def _backed_up(
    home: Path, archive: Path, alerts: int, clients: int
) -> tuple[_Seconds, set[str], dict[int, dict[str, pd.DataFrame]]]:
    """The alerts that were answered when the backup began, and each edition's numbers."""
    operations, told, waiting = Operations(home), Told(), queue.SimpleQueue()
    devices = Devices(operations)
    tokens = [
        devices.add("alerts", f"平台{chr(ord('甲') + n)}", datetime.now(UTC))
        for n in range(clients)
    ]
    operations.close()
    for number in range(alerts):
        waiting.put(f"A{number}")
    store, numbers, took = EditionStore(home), {}, _Seconds()
    numbers[1] = _numbers(store)
    wall = Wall(home).start()
    senders = [threading.Thread(target=send, args=(wall.port, t, waiting, told)) for t in tokens]
    try:
        for sender in senders:
            sender.start()
        while told.count() < alerts // 3:
            assert any(sender.is_alive() for sender in senders)
            time.sleep(0.01)
        with told.lock:
            before = set(told.accepted)
        began = time.monotonic()
        making = _started("backup", "--home", str(home), "--to", str(archive))
        while making.poll() is None:  # editions come and go meanwhile
            number = publish(store, CASES)
            numbers[number] = _numbers(store, number)
        said = making.communicate()[1]
        assert making.returncode == 0, said
        took.backup_seconds = time.monotonic() - began
        for sender in senders:
            sender.join()
    finally:
        wall.stop()
        store.close()
    return took, before, numbers


def _numbers(store: EditionStore, number: int | None = None) -> dict[str, pd.DataFrame]:
    """Every indicator, as a whole and by town."""
    with store.reading(number) as edition:
        grant, scope = Grant.full(), Scope()
        return {
            f"{key} {by}": measure(edition, key, by, scope, grant)
            for key in INDICATORS
            for by in ((), BY)
        }


def _kept(home: Path) -> tuple[set[str], tuple[str, ...]]:
    operations = Operations(home)
    with operations.reading() as connection:
        found = set(connection.execute(select(ALERTS.c.identifier)).scalars())
    problems = Audit(operations).verify().problems
    operations.close()
    return found, problems


def _started(*words: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "upkeep", *words]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def _command(*words: str) -> None:
    making = _started(*words)
    said = making.communicate()[1]
    assert making.returncode == 0, said
