"""The run log: what the heartbeat reads while the ETL writes."""

import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from data.runs import RunLog, SourceHealth, is_late

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
SHANGHAI = timezone(timedelta(hours=8))


@pytest.fixture
def log(tmp_path: Path) -> RunLog:
    return RunLog(tmp_path)


def test_a_home_without_runs_has_none_and_reading_makes_no_file(log, tmp_path):
    assert (log.runs(), log.sources()) == ([], [])
    assert list(tmp_path.iterdir()) == []


def test_a_run_keeps_its_result_balance_and_edition(log):
    run = log.start(NOON)
    log.finish(run, NOON + timedelta(seconds=9), "published", edition=4, balance={"热线": 3})
    [kept] = log.runs()
    assert (kept.result, kept.edition, kept.balance) == ("published", 4, {"热线": 3})
    assert kept.finished is not None and kept.finished - kept.started == timedelta(seconds=9)


def test_runs_come_newest_first(log):
    for minute in range(3):
        log.finish(log.start(NOON + timedelta(minutes=minute)), NOON, "unchanged")
    assert [run.run for run in log.runs(limit=2)] == [3, 2]


def test_a_run_that_died_is_failed_once_the_next_one_starts(log):
    log.start(NOON)
    log.start(NOON + timedelta(minutes=1))
    assert [run.result for run in log.runs()] == ["running", "failed"]


def test_runs_are_forgotten_after_200_days_and_no_number_comes_again(log):
    days = (0, 100, 201, 301)
    numbers = [log.start(NOON + timedelta(days=day)) for day in days]
    assert [(run.started - NOON).days for run in log.runs()] == [301, 201]
    assert numbers == [1, 2, 3, 4]


def test_a_failed_look_keeps_the_last_success(log):
    log.note_source("hotline", "ok", NOON, last_data=NOON - timedelta(hours=1))
    log.note_source("hotline", "failed", NOON + timedelta(minutes=5), reason="连不上")
    assert log.sources() == [
        SourceHealth(
            source="hotline",
            last_check=NOON + timedelta(minutes=5),
            last_success=NOON,
            last_data=NOON - timedelta(hours=1),
            state="failed",
            reason="连不上",
        )
    ]


def test_the_newest_event_never_goes_back(log):
    log.note_source("hotline", "ok", NOON, last_data=NOON)
    log.note_source("hotline", "ok", NOON, last_data=NOON - timedelta(days=1))
    assert log.sources()[0].last_data == NOON


def test_times_of_any_zone_are_one_clock(log):
    log.note_source("a", "ok", datetime(2026, 11, 3, 20, tzinfo=SHANGHAI))
    assert log.sources()[0].last_success == NOON


def test_a_time_without_zone_is_refused(log):
    with pytest.raises(ValueError, match="zone"):
        log.note_source("a", "ok", datetime(2026, 11, 3))


def test_unknown_words_are_refused(log):
    with pytest.raises(ValueError, match="state"):
        log.note_source("a", "fine", NOON)
    with pytest.raises(ValueError, match="result"):
        log.finish(1, NOON, "fine")


WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from data.runs import RunLog
log = RunLog(Path(sys.argv[1]))
print("ready", flush=True)
while True:
    now = datetime.now(UTC)
    log.note_source("a", "ok", now, last_data=now)
    log.note_source("b", "ok", now, last_data=now)
"""


def test_a_reader_is_never_locked_out_by_a_writing_process(log, tmp_path):
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert writer.stdout is not None and writer.stdout.readline() == "ready\n"
        longest, until = 0.0, time.monotonic() + 1.5
        while time.monotonic() < until:
            began = time.monotonic()
            states = log.sources()
            longest = max(longest, time.monotonic() - began)
        assert [state.state for state in states] == ["ok", "ok"]
        assert longest < 0.5
    finally:
        writer.kill()
        writer.communicate()


@pytest.mark.parametrize(
    ("state", "silent", "every", "expected"),
    [
        ("ok", 5400, 3600, False),
        ("ok", 5401, 3600, True),
        ("ok", None, 3600, True),
        ("ok", None, None, False),
        ("ok", 1e9, None, False),
        ("refused", 1, 3600, True),
        ("never", None, None, True),
    ],
)
def test_a_source_is_late_half_a_period_after_it_was_due(state, silent, every, expected):
    assert is_late(state, silent, every) is expected
