"""What arrives while the watch goes on is in a new edition; what goes wrong does not end it."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import structlog

from etl.origin import recorded
from etl.report import Report
from etl.watch import watch
from tests.conftest import ROOT
from tests.etl.village import MATTERS, SITE, Village, matter, table
from tests.etl.village import village as built


class Watched:
    """A watch in a thread, its reports, and what it logged."""

    def __init__(self, village: Village) -> None:
        self.reports: list[Report] = []
        self.logged: list[dict] = []
        self.stop = threading.Event()
        self.thread = threading.Thread(
            target=watch,
            args=(recorded(village.home), village.home),
            kwargs={"on_report": self.reports.append, "stop": self.stop},
        )

    @property
    def reasons(self) -> list[str]:
        return [str(entry.get("reason")) for entry in self.logged]

    def until(self, holds: Callable[[], bool], seconds: float = 30) -> None:
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, (self.reports, self.logged)
            assert self.thread.is_alive(), self.logged
            time.sleep(0.05)


@contextmanager
def watching(village: Village) -> Iterator[Watched]:
    watched = Watched(village)

    def note(_logger, _name, entry):
        watched.logged.append(entry)
        raise structlog.DropEvent

    structlog.configure(processors=[note])
    watched.thread.start()
    try:
        yield watched
    finally:
        watched.stop.set()
        watched.thread.join(20)
        structlog.reset_defaults()
        assert not watched.thread.is_alive()


@pytest.fixture
def village(tmp_path) -> Village:
    """A village that may publish every second, with one edition."""
    made = built(tmp_path, "publish_every = 1\n" + SITE)
    made.deliver("matters/a.csv", table(matter(1)))
    made.run(now=None)
    return made


def keys(village: Village) -> list[str]:
    return [key for (key,) in village.rows("SELECT source_key FROM cases ORDER BY 1")]


def test_a_file_that_arrives_is_in_a_new_edition(village):
    with watching(village) as watched:
        village.deliver("matters/b.csv", table(matter(2)))
        watched.until(lambda: keys(village) == ["1", "2"])
        village.deliver("matters/c.csv", table(matter(3)))
        watched.until(lambda: keys(village) == ["1", "2", "3"])
    assert [report.edition for report in watched.reports] == [2, 3]
    assert watched.logged == []


def test_a_file_that_is_still_written_waits(village):
    whole = table(*(matter(n) for n in range(2, 40)))
    with watching(village) as watched:
        path = village.input / "matters" / "b.csv"
        with path.open("w") as file:
            for start in range(0, len(whole), len(whole) // 8):
                file.write(whole[start : start + len(whole) // 8])
                file.flush()
                time.sleep(0.3)
                assert keys(village) == ["1"]
        watched.until(lambda: len(keys(village)) == 39)
    assert [report.totals()["quarantined"] for report in watched.reports] == [0]


def test_a_broken_declaration_is_reported_and_does_not_end_the_watch(village):
    with watching(village) as watched:
        village.declare(MATTERS.replace("key =", "kie ="))
        watched.until(lambda: any("kie：没有这个键" in reason for reason in watched.reasons))
        village.deliver("matters/b.csv", table(matter(2)))
        time.sleep(1.5)
        assert keys(village) == ["1"]
        village.declare(MATTERS)
        watched.until(lambda: keys(village) == ["1", "2"])


def test_a_broken_layer_is_reported_and_does_not_end_the_watch(village):
    grids = village.site / "grids.geojson"
    kept = grids.read_bytes()
    with watching(village) as watched:
        grids.write_bytes(kept[:-20])
        watched.until(lambda: any("grids.geojson" in reason for reason in watched.reasons))
        grids.write_bytes(kept)
        village.deliver("matters/b.csv", table(matter(2)))
        watched.until(lambda: keys(village) == ["1", "2"])


def test_a_refused_batch_is_reported_once(village):
    with watching(village) as watched:
        bad = [matter(n, dept="外星局") for n in range(30)]
        village.deliver("matters/b.csv", table(*bad))
        watched.until(lambda: bool(watched.reports))
        village.deliver("matters/c.csv", table(matter(2)))
        watched.until(lambda: keys(village) == ["1", "2"])
    assert [report.is_good for report in watched.reports] == [False, True]


def test_the_watch_goes_on_where_the_input_vanishes_and_comes_back(village, tmp_path, monkeypatch):
    monkeypatch.setattr("etl.watch.LOOK_EVERY", 2.0)
    with watching(village) as watched:
        shutil.move(village.input, tmp_path / "away")
        time.sleep(1)
        shutil.copytree(tmp_path / "away", village.input)
        village.deliver("matters/b.csv", table(matter(2)))
        watched.until(lambda: keys(village) == ["1", "2"])


def test_the_watch_looks_by_the_clock_where_nobody_can_listen(village, monkeypatch):
    def exhausted(*_folders, **_options):
        raise OSError("OS file watch limit reached")

    monkeypatch.setattr("etl.watch.LOOK_EVERY", 1.0)
    monkeypatch.setattr("etl.watch.watchfiles.watch", exhausted)
    with watching(village) as watched:
        for n in (2, 3):
            time.sleep(3)
            village.deliver(f"matters/{n}.csv", table(matter(n)))
            watched.until(lambda n=n: str(n) in keys(village))
    assert "OS file watch limit reached" in watched.reasons


SECRETS = ("张测甲", "13800138000", "Geheim-7-token")


def test_where_the_log_is_collected_each_line_is_an_object_without_what_was_delivered(village):
    said = "，".join(SECRETS)
    command = [sys.executable, "-m", "etl", "watch", "--home", str(village.home)]
    env = {**os.environ, "ZHINAO_LOG": "json"}
    with open(village.root / "out", "wb") as out, open(village.root / "err", "wb") as err:
        process = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=err, env=env)
    try:
        village.deliver("matters/b.csv", table(matter(2, title=said)))
        until(lambda: keys(village) == ["1", "2"])
        bad = [matter(n, title=said, reported=said) for n in range(3, 9)]
        village.deliver(f"matters/{said}.csv", table(*bad))
        until(lambda: len(logged(village)) > 1)
        declared = (village.site / "site.toml").read_text()
        (village.site / "site.toml").write_text(f"{declared}\n[[{SECRETS[1]}")
        until(lambda: any(line["event"] == "run_failed" for line in logged(village)))
    finally:
        process.terminate()
        process.wait(30)
    assert (village.root / "out").read_bytes() == b""
    first = logged(village)[0]
    assert (first["event"], first["edition"], first["loaded"]) == ("run", 2, 1)
    told = (village.root / "err").read_text("utf-8")
    for secret in SECRETS:
        assert secret not in told


def logged(village: Village) -> list[dict]:
    lines = (village.root / "err").read_text("utf-8").splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "too long"
        time.sleep(0.1)
