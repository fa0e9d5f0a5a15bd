"""The commands are a contract: what they print, what they write, and how they end."""

import subprocess
import sys
from collections import Counter

import duckdb
import orjson
import pytest
from typer.testing import CliRunner, Result

from access.accounts import Accounts
from access.operations import Operations
from access.roles import ROLES
from data.case_code import case_code
from data.duty import on_duty
from data.editions.store import EditionStore
from data.scope import Grant
from etl.commands import app
from tests.conftest import ROOT
from tests.etl.village import MATTERS, Village, matter, table


def etl(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def options(village: Village):
    """The options of `run` for the village, which has one delivery."""
    village.deliver("matters/a.csv", table(matter(1), matter(2), matter(3, dept="外星局")))
    return ("--site", village.site, "--input", village.input, "--home", village.home)


def test_a_run_prints_a_balance_that_adds_up(options, village):
    result = etl("run", *options, "--now", "2026-11-10T12:00:00")
    assert result.exit_code == 0
    line = next(line for line in result.stdout.splitlines() if line.startswith("matters"))
    assert line.split() == ["matters", "3", "2", "0", "0", "0", "0", "1", "0"]
    assert "读入 = 新增 + 更新 + 未变 + 重复 + 过时 + 隔离：成立" in result.stdout
    assert "已发布版本 1" in result.stdout
    again = etl("run", *options)
    assert (again.exit_code, again.stdout) == (0, "没有变化，未发布新版本\n")


def test_a_run_tells_the_same_as_json(options, tmp_path):
    path = tmp_path / "report.json"
    etl("run", *options, "--json", path)
    report = orjson.loads(path.read_bytes())
    assert (report["edition"], report["failures"]) == (1, {})
    [balance] = report["balances"]
    assert (balance["member"], balance["rows_in"], balance["loaded"], balance["quarantined"]) == (
        *("matters/a.csv", 3, 2),
        1,
    )


def test_a_refused_batch_ends_with_one_and_its_reason(options, village):
    village.deliver("matters/b.csv", table(*(matter(n, dept="外星局") for n in range(30))))
    result = etl("run", *options)
    assert result.exit_code == 1
    reason = "拒收 matters matters/b.csv：30/30 行有错，超过 20%，整批拒收"
    assert reason in result.stderr.splitlines()
    assert etl("check", "--home", village.home).exit_code == 0


def test_a_new_column_is_told_the_day_it_appears(options, village):
    village.deliver("matters/b.csv", table(matter(4, mood="好")))
    assert "新列 matters：mood" in etl("run", *options).stderr


def test_a_source_whose_declaration_is_gone_is_told(options, village):
    village.declare(MATTERS.replace("matters/*", "more/*"), "more")
    village.deliver("more/a.csv", table(matter(1)))
    etl("run", *options)
    (village.site / "sources" / "more.toml").unlink()
    assert "来源 more：声明已不在，已装载的数据仍然保留" in etl("run", *options).stderr


def test_what_the_user_can_mend_is_one_line_and_ends_with_one(options, village, tmp_path):
    village.declare(MATTERS.replace("title = ", "titel = ", 1))
    for arguments in (
        ("run", *options),
        ("run", "--site", tmp_path / "none", "--home", tmp_path / "h"),
        ("check", "--home", tmp_path / "none"),
        ("watch", "--home", tmp_path / "none"),
        ("editions", "pin", 7, "--home", village.home),
    ):
        result = etl(*arguments)
        assert result.exit_code == 1, arguments
        assert result.stderr.startswith("失败：") and "Traceback" not in result.stderr
        assert result.stdout == ""


def test_wrong_use_ends_with_two():
    command = [sys.executable, "-m", "etl"]
    for arguments in (
        ["run"],
        ["fly"],
        ["run", "--home", "x", "--nonsense"],
        ["demo", "--cases", "1"],
    ):
        ended = subprocess.run([*command, *arguments], cwd=ROOT, capture_output=True, text=True)
        assert ended.returncode == 2, arguments
        assert "Traceback" not in ended.stderr


def test_check_names_what_does_not_hold(options, village):
    etl("run", *options)
    good = etl("check", "--home", village.home)
    assert good.exit_code == 0 and good.stdout.startswith("版本 1：全部相符\n状态散列 ")
    path = village.home / "editions" / "1.duckdb"
    path.chmod(0o644)
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE cases SET closed_at = '2026-11-09' WHERE source_key = '1'")
    bad = etl("check", "--home", village.home)
    assert bad.exit_code == 1
    assert f"办结时间等于最后一次办结：1 处，如 {case_code('matters', '1')}" in bad.stderr
    assert "校验值" in bad.stderr


def test_editions_are_listed_pinned_and_pruned(options, village):
    for n in range(4):
        village.deliver(f"matters/n{n}.csv", table(matter(10 + n)))
        etl("run", *options)
        if n == 0:
            assert etl("editions", "pin", 1, "--home", village.home).exit_code == 0
    listed = etl("editions", "list", "--home", village.home).stdout.splitlines()
    assert [line.split()[0] for line in listed] == ["P", "2", "3", "*"]
    pruned = etl("editions", "prune", "--keep", 1, "--home", village.home)
    assert pruned.stdout == "删除 2 个版本：2、3\n"
    etl("editions", "unpin", 1, "--home", village.home)
    etl("editions", "prune", "--keep", 1, "--home", village.home)
    assert EditionStore(village.home).numbers() == [4]


# The demo county, end to end


@pytest.fixture(scope="module")
def county(tmp_path_factory):
    home = tmp_path_factory.mktemp("county")
    result = etl("demo", "--home", home, "--cases", 300, "--days", 60, "--seed", 3)
    assert result.exit_code == 0, result.stderr
    checked = etl("check", "--home", home)
    assert checked.exit_code == 0 and checked.stdout.startswith("版本 1：全部相符")
    planted = orjson.loads((home / "inbox" / "planted.json").read_bytes())
    store = EditionStore(home)
    with store.reading() as edition:
        yield home, planted, edition
    store.close()


def test_the_county_has_every_case_that_was_planted(county):
    _, planted, edition = county
    by_source = dict(edition.rows("SELECT source, count(*) FROM cases GROUP BY ALL"))
    assert by_source == planted["by_channel"] and sum(by_source.values()) == 300
    [(closed, reopened)] = edition.rows(
        "SELECT count(closed_at), count(*) FILTER (reopen_count > 0) FROM cases"
    )
    assert (closed, 300 - closed, reopened) == (
        *(planted["closed"], planted["open"]),
        planted["reopened"],
    )
    assert edition.rows("SELECT count(*) FROM alerts") == [(planted["alerts"],)]
    rows = dict(edition.rows("SELECT source, sum(rows_in + filtered) FROM batches GROUP BY ALL"))
    assert {name: int(rows[name]) for name in planted["rows"]} == planted["rows"]


def test_what_belongs_to_cases_finds_them_and_all_that_has_a_place_is_placed(county):
    _, planted, edition = county
    for name in ("follow_ups", "evaluations"):
        assert edition.rows(f"SELECT count(*) FROM {name}")[0][0] > 20
        lost = f"SELECT count(*) FROM {name} ANTI JOIN cases USING (case_code)"
        assert edition.rows(lost) == [(0,)]
    for name in ("grid_workers", "resources"):
        [(rows, placed)] = edition.rows(f"SELECT count(*), count(grid) FROM {name}")
        assert rows == planted["rows"][name]
        assert placed >= 0.998 * rows  # somebody may stand just outside the county
    assert "值班长" in on_duty(edition, edition.data_time, Grant.full())["post"].tolist()


def test_every_planted_fault_has_its_expected_outcome(county):
    _, planted, edition = county
    aside = Counter(
        (member, line, kind)
        for member, line, kind in edition.rows("SELECT member, line, kind FROM quarantine")
    )
    fates = {
        member: {"duplicate": duplicate, "stale": stale}
        for member, duplicate, stale in edition.rows("SELECT member, duplicate, stale FROM batches")
    }
    qualities = dict(edition.rows("SELECT source_key, point_quality FROM cases"))
    wrong = []
    for fault in planted["faults"]:
        at = (fault["file"], fault["line"])
        is_row, is_value = (aside[(*at, kind)] > 0 for kind in ("row", "value"))
        match fault["expected"]:
            case "rejected":
                holds = is_row
            case "value":
                holds = is_value and fault["key"] in qualities
            case "no_point":
                holds = qualities[fault["key"]] in ("zero", "swapped", "outside") and not is_row
            case "duplicate" | "stale" as fate:
                holds = fates[fault["file"]][fate] > 0
            case "loaded":
                holds = not is_row and (not fault["key"] or fault["key"] in qualities)
            case _:
                holds = not is_row
        if not holds:
            wrong.append(fault)
    assert wrong == []
    rejected = sum(fault["expected"] == "rejected" for fault in planted["faults"])
    assert sum(n for (_, _, kind), n in aside.items() if kind == "row") == rejected


def test_the_same_county_again_is_no_news_and_another_is_refused(county):
    home = county[0]
    assert "没有变化" in etl("demo", "--home", home, "--cases", 300, "--seed", 3).stdout
    other = etl("demo", "--home", home, "--cases", 500)
    assert other.exit_code == 1 and "已有一个演示县（cases = 300）" in other.stderr


def test_a_demo_whose_store_is_away_says_so_and_has_its_accounts_the_next_time(county, monkeypatch):
    home = county[0]
    with monkeypatch.context() as away:
        away.setenv("ZHINAO_OPERATIONS", "postgresql://nobody@127.0.0.1:1/none")
        told = etl("demo", "--home", home, "--cases", 300, "--seed", 3)
    assert told.exit_code == 1 and "没有建立演示账号：业务库连不上" in told.stderr
    assert etl("demo", "--home", home, "--cases", 300, "--seed", 3).exit_code == 0
    operations = Operations(home)
    assert {each.role for each in Accounts(operations).all()} == set(ROLES)
    operations.close()


def test_what_a_command_makes_is_its_owners_alone(options, village):
    loads = ("etl", "run", *options)
    knows = ("access", "accounts", "add", "a1", "--role", "leader", "--home", village.home)
    for words in (loads, knows):
        command = [sys.executable, "-m", *map(str, words)]
        subprocess.run(command, cwd=ROOT, umask=0o022, check=False, capture_output=True)
    made = [path for path in village.home.rglob("*") if "inbox" not in path.parts]
    assert {"runs.db", "operations.db", "1.duckdb"} <= {path.name for path in made}
    assert [path.name for path in made if path.stat().st_mode & 0o077] == []
