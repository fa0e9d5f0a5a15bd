"""`python -m data`: the columns, the formats and the exit codes that users rely on."""

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from data.__main__ import app
from data.editions.store import EditionStore
from tests.data.given import SITE, UNTIL, fill

ROOT = Path(__file__).parents[2]
CASES = (
    {"town": "t1", "closed_at": "2026-11-05", "department": "a,b", "title": '他说"好"'},
    {"town": "t1"},
    {"town": None, "accepted_at": "2026-11-03 08:30", "is_located": False},
)


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    with EditionStore(folder).building(SITE) as build:
        fill(build.connection, *CASES)
        build.publish(UNTIL)
    return folder


def run(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """In this process: another would take a second to start."""
    done = CliRunner().invoke(app, [*words, "--home", str(home)])
    return subprocess.CompletedProcess(words, done.exit_code, done.stdout, done.stderr)


def started(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """As a user starts it, where the terminal is said to know no Chinese."""
    command = [sys.executable, "-m", "data", *words, "--home", str(home)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"}
    return subprocess.run(
        command, capture_output=True, encoding="utf-8", env=environment, cwd=home, timeout=120
    )


def table(done: subprocess.CompletedProcess[str]) -> list[list[str]]:
    assert (done.returncode, done.stderr) == (0, "")
    return list(csv.reader(io.StringIO(done.stdout)))


def test_csv_has_codes_numerator_denominator_and_the_value_unrounded(home):
    done = run(home, "measure", "closure_rate", "--by", "town", "--format", "csv")
    assert table(done) == [
        ["town", "numerator", "denominator", "value"],
        ["-", "0", "1", "0.0"],
        ["t1", "1", "2", "0.5"],
    ]


def test_a_count_has_an_empty_denominator(home):
    done = started(
        home, "measure", "accepted", "--by", "town,located", "--names", "--format", "csv"
    )
    assert table(done) == [
        ["town", "town_name", "located", "located_name", "numerator", "denominator", "value"],
        ["-", "无", "false", "否", "1", "", "1"],
        ["t1", "一镇", "true", "是", "2", "", "2"],
    ]


def test_window_as_of_and_filters(home):
    def value(*words: str) -> str:
        return table(run(home, "measure", "accepted", *words, "--format", "csv"))[1][-1]

    assert value() == "3"
    assert value("--from", "2026-11-03") == "1"
    assert value("--to", "2026-11-03") == "2"
    assert value("--as-of", "2026-11-03") == "2"
    assert value("--where", "town=t1", "--where", "department=a,b") == "1"
    assert value("--where", "town=t1", "department=a,b") == "1"
    assert value("--where", "town=-") == "1"
    assert value("--edition", "1") == "3"
    closed = ("measure", "closure_rate", "--as-of", "2026-11-04", "--format", "csv")
    assert table(run(home, *closed))[1] == ["0", "3", "0.0"]


def test_json_and_table(home):
    done = run(home, "measure", "closure_rate", "--by", "town", "--format", "json")
    assert json.loads(done.stdout)[1] == {
        "town": "t1",
        "numerator": 1,
        "denominator": 2,
        "value": 0.5,
    }
    shown = started(home, "measure", "closure_rate", "--by", "town", "--names").stdout
    assert "一镇" in shown and "50.0%" in shown


def test_cases_lists_the_rows_behind_a_number(home):
    rows = table(run(home, "cases", "--where", "town=t1", "--format", "csv"))
    titles = [row[rows[0].index("title")] for row in rows[1:]]
    assert titles == ['他说"好"', ""]  # the command line has the full grant
    listed = started(home, "cases", "--of", "closed", "--format", "json")
    assert [case["case_code"] for case in json.loads(listed.stdout)] == ["c00001"]


@pytest.mark.parametrize(
    "words",
    [
        ("measure", "closur_rate"),
        ("measure", "accepted", "--by", "towm"),
        ("measure", "accepted", "--where", "town"),
        ("measure", "accepted", "--from", "yesterday"),
        ("measure", "accepted", "--from", "2026-11-03", "--to", "2026-11-02"),
        ("measure", "open", "--as-of", "2026-11-09 00:00:01"),  # after the data time
        ("cases", "--as-of", "2100-01-01"),
        ("cases", "--of", "nothing"),
    ],
)
def test_wrong_use_ends_with_2_and_one_line(home, words):
    done = run(home, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1 and "Traceback" not in done.stderr


def test_failures_end_with_1_and_one_line(home, tmp_path):
    for where, words in ((tmp_path, ()), (home, ("--edition", "99"))):
        done = started(where, "measure", "accepted", *words)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.count("\n") == 1 and "Traceback" not in done.stderr


def test_an_unknown_option_ends_with_2(home):
    assert started(home, "measure", "accepted", "--colour").returncode == 2
