"""A real writer for the tests: every edition it publishes says one value in all of its rows."""

import os
import resource
import signal
from collections.abc import Callable
from datetime import datetime, timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path

import duckdb

from data.editions.edition import Edition, EditionError
from data.editions.publishing import no_step
from data.editions.store import EditionStore
from data.site import ColumnDimension, Layer, Site
from tests.serving import FORKS

SITE = Site(
    name="small",
    title="小县",
    zone="Asia/Shanghai",
    levels=(
        Layer(key="town", name="镇街"),
        Layer(key="grid", name="网格", files=("grid.geojson",), parent="town"),
    ),
    layers=(Layer(key="school_zone", name="学区", files=("school.geojson",)),),
    dimensions=(ColumnDimension(key="force", name="警队"),),
)
ROWS = 3000
EPOCH = datetime(2026, 1, 1)
REFUSED = 3  # exit code of a writer that ended with an EditionError


def write_next(home: Path, step: Callable[[str], None] = no_step, keep: int = 3) -> int:
    """Publish the next edition: value n + 1 where the current one says n."""
    site = SITE.model_copy(update={"keep_editions": keep})
    with EditionStore(home).building(site, wait=10, step=step) as build:
        value = value_of(build.connection) + 1
        fill(build.connection, value)
        return build.publish(EPOCH + timedelta(days=value))


def fill(connection: duckdb.DuckDBPyConnection, value: int) -> None:
    connection.execute("DELETE FROM cases")
    connection.execute("DELETE FROM departments")
    connection.execute(
        """
        INSERT INTO cases BY NAME
        SELECT md5(i::VARCHAR)[1:13] AS case_code, 'hotline' AS source, i::VARCHAR AS source_key,
            $value::VARCHAR AS title, md5(($value * $rows + i)::VARCHAR) AS summary,
            'second' AS "precision", 0 AS reopen_count, 'none' AS point_quality,
            false AS is_located, 'x' AS row_hash, 'a.csv' AS member, i AS line
        FROM range($rows) AS t(i)
        """,
        {"value": value, "rows": ROWS},
    )
    connection.execute(
        "INSERT INTO departments VALUES ('d', $value::VARCHAR, NULL)", {"value": value}
    )


def value_of(connection: duckdb.DuckDBPyConnection) -> int:
    row = connection.execute("SELECT coalesce(max(title::INTEGER), 0) FROM cases").fetchone()
    assert row is not None
    return row[0]


def value_read(edition: Edition) -> int:
    """The one value of the edition; AssertionError where it is torn or not whole."""
    low, high, count = edition.rows("SELECT min(title), max(title), count(*) FROM cases")[0]
    [(name,)] = edition.rows("SELECT name FROM departments")
    wrong = edition.rows(
        "SELECT count(*) FROM cases WHERE summary <> md5((title::INTEGER * $rows + line)::VARCHAR)",
        {"rows": ROWS},
    )
    assert (low, count, wrong) == (high, ROWS, [(0,)]), "torn"
    assert low == name and edition.data_time == EPOCH + timedelta(days=int(low)), "torn"
    return int(low)


def writer(run: Callable[..., object], *args: object) -> BaseProcess:
    """A started process that runs one of the functions below: a real process each, at once, forked
    from one that has everything imported."""
    process = FORKS.Process(target=run, args=args)
    process.start()
    return process


def ended(process: BaseProcess) -> int:
    """The exit code of a writer, once it has ended; -9 where it was killed."""
    process.join(600)  # on a busy machine ten editions take minutes
    code = process.exitcode
    process.close()
    assert code is not None
    return code


def write_or_die(home: Path, at_step: int) -> None:
    """Kill this process, as the kernel would, at its n-th step (1 ..); 0 = never."""
    write_next(home, StopAt(at_step, lambda: os.kill(os.getpid(), signal.SIGKILL)))


def write_within(home: Path, file_bytes: int) -> None:
    """Write on a disk that is full: no file may grow beyond `file_bytes`."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    try:
        write_next(home)
    except EditionError:
        os._exit(REFUSED)


def write_many(home: Path, times: int, keep: int = 3) -> None:
    for _ in range(times):
        write_next(home, keep=keep)


class StopAt:
    """A step that does something at its n-th call."""

    def __init__(self, n: int, stop: Callable[[], None]) -> None:
        self.n = n
        self.stop = stop
        self.seen: list[str] = []

    def __call__(self, name: str) -> None:
        self.seen.append(name)
        if len(self.seen) == self.n:
            self.stop()
