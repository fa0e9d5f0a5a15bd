"""A million rows without keys in 121 packed files: every number is that counted without us.

`make test` reads the areas of Wales, 44 of the 696 files of polygons; `make soak` those of the
whole country. All rows are loaded in both.
"""

import shutil
from datetime import datetime

import pandas as pd
import pytest

from data.editions.store import EditionStore
from data.measure import measure
from data.scope import Grant, Scope
from etl.check import check
from etl.origin import Origin
from etl.run import run
from tests.conftest import ROOT

pytestmark = pytest.mark.timeout(1800)
NOT_FINAL = {"Status update unavailable", "Awaiting court outcome", "Court result unavailable"}


@pytest.fixture(scope="module", params=["wal", pytest.param("*", marks=pytest.mark.soak)])
def part(request) -> str:
    """The folder of the polygons: a country's, or any."""
    return request.param


@pytest.fixture(scope="module")
def origin(part, shared, tmp_path_factory) -> Origin:
    site = tmp_path_factory.mktemp("site") / "uk_police"
    shutil.copytree(ROOT / "sites" / "uk_police", site)
    text = (site / "site.toml").read_text()
    assert text.count('inside = "*/') == 2
    (site / "site.toml").write_text(text.replace('inside = "*/', f'inside = "*/{part}/'))
    return Origin(site, shared / "realdata" / "uk_police")


@pytest.fixture(scope="module")
def loaded(origin, tmp_path_factory):
    home = tmp_path_factory.mktemp("uk_police")
    return home, run(origin, home)


@pytest.fixture(scope="module")
def edition(loaded):
    store = EditionStore(loaded[0])
    with store.reading() as found:
        yield found
    store.close()


@pytest.fixture(scope="module")
def expected(shared):
    return lambda name: pd.read_csv(shared / "realdata" / "uk_police" / f"expected_{name}.csv")


@pytest.fixture(scope="module")
def expected_areas(expected, part):
    """Rows of each area of the part, by its code; in those of Wales it begins with W."""

    def of(level: str) -> pd.Series:
        counts = expected(f"counts_{level}").set_index(f"{level}_code")["n_assigned"]
        return counts[counts.index.str.startswith("W")] if part == "wal" else counts

    return of


def accepted(edition, *by: str, **scope) -> dict:
    frame = measure(edition, "accepted", list(by), Scope(**scope), Grant.full())
    return frame.set_index(list(by))["numerator"].astype(int).to_dict()


def test_every_row_is_loaded(loaded):
    _, report = loaded
    assert report.is_good and len(report.balances) == 121
    assert report.totals()["loaded"] == report.totals()["rows_in"] == 1070154
    assert check(loaded[0])[2] == []


@pytest.mark.parametrize("level", ["lsoa", "msoa"])
def test_the_counts_of_the_areas_are_those_expected(edition, expected_areas, level):
    wanted = expected_areas(level)
    assert len(wanted) > 400
    counts = accepted(edition, level)
    assert sum(counts.values()) == 1070154
    counts.pop("-")
    assert counts == wanted[wanted > 0].to_dict()


def test_the_counts_by_month_and_kind_are_those_expected(edition, expected):
    names = dict(edition.rows("SELECT code, name FROM categories"))
    wanted = expected("month_type").set_index(["Month", "Crime type"])["n"].to_dict()
    counts = accepted(edition, "month", "category")
    assert {(month, names[code]): n for (month, code), n in counts.items()} == wanted


def test_times_known_to_the_month_say_so(edition):
    assert edition.rows("SELECT DISTINCT precision FROM cases") == [("month",)]
    assert accepted(edition, "day") == {"-": 1070154}


def test_the_outcomes_of_the_forces_are_those_expected(edition, expected):
    wanted = expected("outcome_by_force").set_index("force")
    counts = accepted(edition, "force", "outcome_category")
    total: dict[str, int] = {}
    known, open_ = dict(total), dict(total)
    for (force, outcome), n in counts.items():
        total[force] = total.get(force, 0) + n
        known[force] = known.get(force, 0) + n * (outcome != "-")
        open_[force] = open_.get(force, 0) + n * (outcome in NOT_FINAL)
    assert total == wanted["total"].to_dict()
    assert known == wanted["with_outcome"].to_dict()
    assert open_ == wanted["outcome_not_final"].to_dict()


def test_one_month_is_a_window(edition, expected):
    wanted = expected("month_type").groupby("Month")["n"].sum()
    window = {"since": datetime(2018, 11, 1), "until": datetime(2018, 12, 1)}
    assert accepted(edition, "month", **window) == {"2018-11": wanted["2018-11"]}


def test_a_second_run_has_nothing_to_do(loaded, origin):
    report = run(origin, loaded[0])
    assert (report.edition, report.balances) == (None, [])
