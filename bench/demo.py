"""Measures how long the demo county's deliveries take to write, and how much memory it needs."""

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from bench.figure import Figure
from etl.demo import generate

END = datetime(2026, 11, 22, 8, 20)
TARGETS = {100_000: 15.0, 1_000_000: 90.0}  # cases: seconds
MEMORY_GB = 4.0


def figures() -> Iterator[Figure]:
    """Seconds and memory for a hundred thousand and a million cases."""
    for cases, target in TARGETS.items():
        elapsed, memory = _in_a_process_of_its_own(cases)
        yield Figure(f"demo: {cases:,} cases generated", elapsed, "s", target)
        yield Figure(f"demo: memory for {cases:,} cases", memory, "GB", MEMORY_GB)


def _in_a_process_of_its_own(cases: int) -> tuple[float, float]:
    """(seconds, GB) as a fresh process finds them, its start included."""
    begin = time.perf_counter()
    command = [sys.executable, "-m", "bench.demo", str(cases)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return time.perf_counter() - begin, float(done.stdout.split()[-1])


def _generate(cases: int) -> None:
    with tempfile.TemporaryDirectory(prefix="zhinao-demo-") as folder:
        generate(Path(folder), cases=cases, end=END)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)  # kB on Linux


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _generate(int(sys.argv[1]))
    else:
        for figure in figures():
            print(figure)
