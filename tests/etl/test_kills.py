"""A killed loading leaves the previous edition or the new one, whole; the next completes it."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from data.editions.publishing import STAGES
from data.editions.store import EditionStore
from etl.check import check
from etl.origin import Origin
from etl.run import run
from tests.conftest import ROOT
from tests.etl.village import NOW, SITE, Village, matter, table
from tests.etl.village import village as built

RUN_AND_DIE = """
import os, signal, sys
from datetime import datetime
from pathlib import Path
from etl.origin import Origin
from etl.run import run
def step(name):
    if name == sys.argv[4]:
        os.kill(os.getpid(), signal.SIGKILL)
site, input, home = map(Path, sys.argv[1:4])
run(Origin(site, input), home, now=datetime.fromisoformat(sys.argv[5]), step=step)
"""
SOURCE_311 = """
title = "311"
files = ["requests/*.csv"]
key = ["id"]
delivery = "append"
placeholders = [[110.25, 30.25]]
max_bad_share = 0.5

[columns]
reported_at = { from = "open", date = "%m/%d/%Y %I:%M:%S %p" }
closed_at = { from = "closed", date = "%m/%d/%Y %I:%M:%S %p" }
due_at = { from = "target", date = "%m/%d/%Y %I:%M:%S %p" }
department = { from = "dept", lookup = "department" }
lon = "x"
lat = "y"
"""


def request(n: int, closed: bool) -> dict:
    rng = random.Random(n)
    day = f"{rng.randrange(1, 13):02}/{rng.randrange(1, 28):02}/2025"
    row = matter(n, x=110 + rng.random() * 2, y=30 + rng.random() * 2)
    opened = {"open": f"{day} 08:00:00 AM", "target": f"{day} 11:00:00 PM"}
    return row | opened | {"closed": f"{day} 05:00:00 PM" if closed else ""}


@pytest.fixture(scope="module")
def waiting(tmp_path_factory) -> Path:
    """A city of requests with one edition and a second delivery that waits to be loaded."""
    city = built(tmp_path_factory.mktemp("waiting"), SITE, SOURCE_311)
    city.deliver("requests/a.csv", table(*(request(n, False) for n in range(2000))))
    city.run()
    city.deliver("requests/b.csv", table(*(request(n, True) for n in range(1000, 3000))))
    return city.root


@pytest.fixture
def city_of(waiting, tmp_path):
    return lambda name: Village(Path(shutil.copytree(waiting, tmp_path / name)))


@pytest.fixture(scope="module")
def state(waiting, tmp_path_factory) -> str:
    """The state that the second delivery leads to where nobody is killed."""
    root = tmp_path_factory.mktemp("whole") / "city"
    city = Village(Path(shutil.copytree(waiting, root)))
    assert city.run().edition == 2
    return city.state()


def whole_or_old(home: Path, old: int | None, new: str, after_publish: bool | None) -> bool:
    """Whether the killed run had published; AssertionError where what is served is neither."""
    current = EditionStore(home).current()
    assert current in (old, (old or 0) + 1)
    published = current != old
    if after_publish is not None:
        assert published == after_publish
    if current is None:
        return False
    number, found, problems = check(home)
    assert (number, problems) == (current, [])
    assert (found == new) == published
    return published


STEPS = [f"{when} {stage}" for stage in STAGES for when in ("before", "after")]
SOME = [step for step in STEPS if step.startswith("after")]


@pytest.mark.parametrize("step", SOME)
def test_killed_at_a_step_of_publishing(city_of, state, step):
    city = city_of("killed")
    arguments = [str(city.site), str(city.input), str(city.home), step, str(NOW)]
    killed = subprocess.run([sys.executable, "-c", RUN_AND_DIE, *arguments], cwd=ROOT, timeout=120)
    assert killed.returncode == -signal.SIGKILL
    is_after = SOME.index(step) >= SOME.index("after pointer")
    whole_or_old(city.home, 1, state, is_after)
    city.run()
    number, found, problems = check(city.home)
    assert number in (2, 3) and (found, problems) == (state, [])  # a number may stay unused
    assert list((city.home / "editions").glob(".building-*")) == []


def killed_after(seconds: float, *arguments: object, or_once: Path | None = None) -> int:
    """`etl run` in a process of its own, killed after so long, or once the file is there, unless
    it ended before; its exit code."""
    command = [sys.executable, "-m", "etl", "run", *map(str, arguments)]
    end = time.monotonic() + seconds
    with (
        open(os.devnull, "w") as nowhere,
        subprocess.Popen(command, cwd=ROOT, stdout=nowhere, stderr=nowhere) as process,
    ):
        while process.poll() is None and time.monotonic() < end:
            if or_once is not None and or_once.exists():
                break
            time.sleep(0.001)
        process.kill()
        return process.wait()


def test_killed_at_any_moment(city_of, state):
    """Ten kills over the time that a run takes here and now."""
    city = city_of("timed")
    options = ["--site", city.site, "--input", city.input, "--now", NOW.isoformat()]
    began = time.monotonic()
    assert killed_after(120, *options, "--home", city.home) == 0
    takes = time.monotonic() - began
    hits = {"before": 0, "after": 0, "not killed": 0}
    for kill in range(10):
        city = city_of(str(kill))
        options = ["--site", city.site, "--input", city.input, "--now", NOW.isoformat()]
        code = killed_after(takes * (kill + 1) / 10, *options, "--home", city.home)
        published = whole_or_old(city.home, 1, state, None)
        hits["not killed" if code == 0 else "after" if published else "before"] += 1
        city.run()
        assert check(city.home)[1:] == (state, [])
    print(f"\n{hits}")
    assert hits["before"] + hits["after"] >= 5


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_thirty_kills_of_real_boston(shared, tmp_path):
    origin = Origin(ROOT / "sites" / "boston", shared / "realdata" / "boston")
    now = NOW.isoformat()
    options = ["--site", origin.site_folder, "--input", origin.input, "--now", now]
    began = time.monotonic()
    assert killed_after(1800, *options, "--home", tmp_path / "whole") == 0
    takes = time.monotonic() - began
    state = check(tmp_path / "whole")[1]
    hits = {"before": 0, "after": 0, "not killed": 0}
    for kill in range(30):
        home = tmp_path / str(kill)
        is_late = kill % 6 == 5  # right after the pointer moved: no chance would hit that often
        seconds, mark = (600, home / "CURRENT") if is_late else (takes * (kill + 1) / 30, None)
        code = killed_after(seconds, *options, "--home", home, or_once=mark)
        published = whole_or_old(home, None, state, None)
        hits["not killed" if code == 0 else "after" if published else "before"] += 1
        if kill % 5 == 0:
            run(origin, home, now=NOW)
            assert check(home)[1:] == (state, [])
    print(f"\n{hits}")
    assert hits["before"] >= 10 and hits["after"] >= 1
