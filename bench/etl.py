"""Measures the data flow as its user starts it: every figure is a real command with its memory.

The county of ten million cases stays in var/bench between runs, with the figures of the run that
made it; ZHINAO_BENCH_SMALL=1 leaves it out.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from bench.figure import Figure

ROOT = Path(__file__).parent.parent
KEPT = ROOT / "var" / "bench" / "demo_10m"
SHARED = Path(os.environ.get("ZHINAO_SHARED", ROOT.parent / "shared")) / "realdata"
TEN_MILLION = 10_000_000
LOAD_TARGETS = {"100k": (100_000, 20.0), "1m": (1_000_000, 120.0)}  # cases, seconds


@dataclass(frozen=True)
class Cost:
    """What a command took: seconds by the clock, and GB of memory at its peak."""

    seconds: float
    peak_gb: float


def figures() -> Iterator[Figure]:
    """Loading and publishing the demo county in three sizes, and two sets of real data."""
    for name, (cases, target) in LOAD_TARGETS.items():
        with folder() as home:
            command("demo", "--home", home / "made", "--cases", cases)
            yield from _load(name, home, target)
    yield from _real("boston")
    yield from _real("uk_police")
    if not os.environ.get("ZHINAO_BENCH_SMALL"):
        yield from _ten_million()


def _load(name: str, home: Path, target: float) -> Iterator[Figure]:
    """The files that `demo` wrote, loaded into a home that has nothing yet."""
    inbox = home / "made" / "inbox"
    cost = command("run", "--site", "sites/demo", "--home", home / "fresh", "--input", inbox)
    yield Figure(f"etl_demo_{name}_loaded_and_published", cost.seconds, "s", target)
    yield Figure(f"etl_demo_{name}_load_peak", cost.peak_gb, "GB", 4.0)


def _real(site: str) -> Iterator[Figure]:
    if not (SHARED / site).is_dir():
        print(f"{site}：没有 {SHARED / site}，不测（可设 ZHINAO_SHARED）")
        return
    with folder() as home:
        arguments = ("run", "--site", f"sites/{site}", "--home", home, "--input", SHARED / site)
        first, second = command(*arguments), command(*arguments)
    yield Figure(f"etl_{site}_first_load", first.seconds, "s", 90.0)
    yield Figure(f"etl_{site}_first_load_peak", first.peak_gb, "GB", 3.0)
    yield Figure(f"etl_{site}_second_run", second.seconds, "s", 10.0)


def _ten_million() -> Iterator[Figure]:
    """Measured when the county was made; a county that is kept keeps its figures."""
    note = KEPT / "cost.json"
    if not note.exists():
        shutil.rmtree(KEPT, ignore_errors=True)
        cost = command("demo", "--home", KEPT, "--cases", TEN_MILLION)
        note.write_text(json.dumps(asdict(cost) | {"measured_on": date.today().isoformat()}))
    kept = json.loads(note.read_text())
    print(f"一千万件：{kept.pop('measured_on')} 测得，数据在 {KEPT.relative_to(ROOT)}；删去即重测")
    cost = Cost(**kept)
    yield Figure("etl_demo_10m_generated_and_loaded", cost.seconds / 60, "min", 20.0)


def command(*arguments: object) -> Cost:
    """Run `python -m etl ...` and wait; RuntimeError with its last words where it fails."""
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as said:
        words = [sys.executable, "-m", "etl", *map(str, arguments)]
        running = subprocess.Popen(words, cwd=ROOT, stdout=said, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - start
        if running.returncode:
            said.seek(0)
            raise RuntimeError(f"{' '.join(words[1:])}：\n{said.read()[-2000:]}")
    cost = Cost(seconds, used.ru_maxrss / 1e6)  # kB on Linux
    busy = used.ru_utime + used.ru_stime
    print(f"  {arguments[0]}: {seconds:.1f} s, {busy:.1f} s of processor, {cost.peak_gb:.2f} GB")
    return cost


@contextmanager
def folder() -> Iterator[Path]:
    """A folder on the disk of the project (a /tmp in memory would count as memory)."""
    (ROOT / "var" / "bench").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / "var" / "bench", prefix="etl-") as name:
        yield Path(name)
