"""Measures the edition store: what readers notice when a million cases are swapped."""

import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from bench.figure import Figure
from data.editions.edition import Edition
from data.editions.store import EditionStore
from data.site import Site

CASES = 1_000_000
STEPS = 4  # of each case
MARKED = 1000  # cases that say in which edition they are
SWAPS = 3
READERS = 8
PAUSE = 0.05  # seconds between two questions of a reader; without, they only starve the writer
EPOCH = datetime(2026, 1, 1)
SITE = Site.model_validate(
    {
        "name": "bench",
        "title": "bench",
        "zone": "Asia/Shanghai",
        "levels": [
            {"key": "town", "name": "镇街"},
            {"key": "grid", "name": "网格", "files": ["grid.geojson"], "parent": "town"},
        ],
    }
)


@dataclass
class Readings:
    """What one reader saw: editions in order, seconds until it had each and its first answer."""

    values: list[int] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    answers: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def figures() -> list[Figure]:
    """Every figure that the issue asks of editions: issue, name, measured, unit, target, ok."""
    with tempfile.TemporaryDirectory(prefix="zhinao-bench-") as folder:
        home = Path(folder)
        with EditionStore(home).building(SITE) as build:
            fill(build.connection)
            mark(build.connection, 1)
            build.publish(EPOCH + timedelta(days=1))
        readings = swapping(home)
    torn = sum("torn" in failure for reading in readings for failure in reading.failed)
    failed = sum(len(reading.failed) for reading in readings) - torn
    backward = sum(reading.values != sorted(reading.values) for reading in readings)
    wait = max(max(reading.waits) for reading in readings)
    answer = max(max(reading.answers) for reading in readings)
    reads = sum(len(reading.values) for reading in readings)
    print(
        f"{reads} reads over {SWAPS} swaps; longest until the first answer {answer * 1000:.0f} ms"
    )
    return [
        Figure("edition_switch_while_serving", wait * 1000, "ms", 200),
        Figure("edition_reads_failed", failed, "reads", 0),
        Figure("edition_reads_torn", torn + backward, "reads", 0),
    ]


def swapping(home: Path) -> list[Readings]:
    """READERS threads read while another process publishes SWAPS editions."""
    done = threading.Event()
    store = EditionStore(home)
    assert store.serving() == 1  # opening the first edition is no switch
    with ThreadPoolExecutor(READERS) as pool:
        readers = [pool.submit(read, store, done) for _ in range(READERS)]
        try:
            arguments = [sys.executable, "-m", "bench.editions", str(home), str(SWAPS)]
            subprocess.run(arguments, check=True)
            deadline = time.monotonic() + 10
            while store.serving() != SWAPS + 1 and time.monotonic() < deadline:
                time.sleep(0.01)
        finally:
            done.set()
        readings = [reader.result() for reader in readers]
    assert store.serving() == SWAPS + 1
    store.close()
    return readings


def read(store: EditionStore, done: threading.Event) -> Readings:
    """Ask again and again, as a screen does: a few windowed questions of one edition."""
    seen = Readings()
    while not done.is_set():
        began = time.perf_counter()
        try:
            with store.reading() as edition:
                seen.waits.append(time.perf_counter() - began)
                edition.rows("SELECT value FROM meta WHERE key = 'number'")
                seen.answers.append(time.perf_counter() - began)
                seen.values.append(value_of(edition))
        except Exception as error:  # a failed read is what is counted here
            seen.failed.append(repr(error))
        time.sleep(PAUSE)
    return seen


def value_of(edition: Edition) -> int:
    """The one value that all marked rows of an edition say."""
    [(name,)] = edition.rows("SELECT name FROM departments")
    [(cases,)] = edition.rows("SELECT count(*) FROM cases WHERE scale = $v", {"v": name})
    [(steps,)] = edition.rows("SELECT count(*) FROM steps WHERE note = $v", {"v": name})
    edition.rows("SELECT town, count(*) FROM cases GROUP BY town")
    if (cases, steps) != (MARKED, MARKED * STEPS) or edition.number != int(name):
        raise ValueError(f"torn: {name}, {cases}, {steps}")
    return int(name)


def fill(connection: duckdb.DuckDBPyConnection) -> None:
    """CASES cases over a year and STEPS steps of each, as long as real ones."""
    connection.execute(
        """
        INSERT INTO cases BY NAME
        SELECT upper(md5(i::VARCHAR)[1:13]) AS case_code, 'hotline' AS source,
            'K' || i AS source_key, 'hotline' AS channel, 'dispute' AS kind,
            'c' || i % 40 AS category, 'd' || i % 12 AS department, (i % 4)::VARCHAR AS risk,
            '80' AS status, '关于第' || i || '号小区噪声扰民问题的投诉' AS title,
            '来电人反映' || md5(i::VARCHAR) || '附近夜间施工噪声扰民，希望尽快处理。' AS summary,
            '星沙街道' || i % 1000 || '号' AS place_text,
            $epoch::TIMESTAMP - to_seconds((($cases - i) * 31)::BIGINT) AS reported_at,
            reported_at AS accepted_at, reported_at + to_hours(60) AS closed_at,
            'second' AS "precision", 0 AS reopen_count, 113 + i * 7919 % 100000 / 1e5 AS lon,
            28 + i * 104729 % 100000 / 1e5 AS lat, 'exact' AS point_quality, true AS is_located,
            md5('r' || i) AS row_hash, 'hotline/1.csv' AS member, i AS line,
            't' || i % 18 AS town, 'g' || i % 2262 AS grid
        FROM range($cases) AS t(i)
        """,
        {"epoch": EPOCH, "cases": CASES},
    )
    connection.execute(
        """
        INSERT INTO steps BY NAME
        SELECT case_code, k::INTEGER AS seq, reported_at + to_hours(k::INTEGER * 5) AS "at",
            ['register', 'accept', 'dispatch', 'close'][k] AS kind, department,
            'n' || line AS note, "at" - INTERVAL 5 HOUR AS since, '20' AS status_before,
            department AS department_before
        FROM cases, range(1, $steps + 1) AS t(k)
        """,
        {"steps": STEPS},
    )


def mark(connection: duckdb.DuckDBPyConnection, value: int) -> None:
    """Make MARKED cases, their steps and the department say `value`."""
    values = {"value": str(value)}
    connection.execute("DELETE FROM departments")
    connection.execute("INSERT INTO departments VALUES ('d', $value, NULL)", values)
    marked = f"line % {CASES // MARKED} = 0"
    connection.execute(f"UPDATE cases SET scale = $value WHERE {marked}", values)
    connection.execute(
        "UPDATE steps SET note = $value"
        f" WHERE case_code IN (SELECT case_code FROM cases WHERE {marked})",
        values,
    )


def write(home: Path, times: int) -> None:
    """What the writer's process does."""
    for _ in range(times):
        with EditionStore(home).building(SITE) as build:
            mark(build.connection, build.number)
            build.publish(EPOCH + timedelta(days=build.number))


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]))
