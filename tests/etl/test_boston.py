"""Real requests of a real city: every number is the one that was counted without us."""

import shutil
from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest

from data.editions.store import EditionStore
from data.measure import measure
from data.scope import Grant, Scope
from etl.check import check
from etl.origin import Origin
from etl.run import run
from tests.conftest import ROOT

pytestmark = pytest.mark.timeout(900)
YEAR = {"since": datetime(2015, 1, 1), "until": datetime(2016, 1, 1)}
AS_OF = datetime(2016, 1, 12, 22, 22, 40)  # newest event of the city's export
LAYERS = ["neighborhood", "police_district", "census_tract"]


@pytest.fixture(scope="module")
def origin(shared) -> Origin:
    return Origin(ROOT / "sites" / "boston", shared / "realdata" / "boston")


@pytest.fixture(scope="module")
def loaded(origin, tmp_path_factory):
    """(home, report) of the two archives in one run."""
    home = tmp_path_factory.mktemp("boston")
    return home, run(origin, home)


@pytest.fixture(scope="module")
def edition(loaded):
    store = EditionStore(loaded[0])
    with store.reading() as found:
        yield found
    store.close()


@pytest.fixture(scope="module")
def expected(shared):
    return lambda name: pd.read_csv(shared / "realdata" / "boston" / f"expected_{name}.csv")


def measured(edition, key: str, by: str, **scope) -> pd.DataFrame:
    frame = measure(edition, key, [by], Scope(**YEAR, **scope), Grant.full())
    return frame.set_index(by)


def test_every_row_of_both_archives_is_loaded(loaded):
    _, report = loaded
    totals = report.totals()
    assert report.is_good and all(balance.adds_up for balance in report.balances)
    assert (totals["rows_in"], totals["loaded"], totals["quarantined"]) == (179396, 179396, 0)
    assert len(report.balances) == 159
    assert check(loaded[0])[2] == []


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("placeholder", ["", "_without_placeholder"])
def test_the_counts_of_a_layer_are_those_expected(edition, expected, layer, placeholder):
    where = (("placeholder", "false"),) if placeholder else ()
    counts = measured(edition, "accepted", layer, where=where)["numerator"]
    wanted = expected(f"counts_{layer}{placeholder}").set_index("polygon_id")["n_assigned"]
    wanted.index = wanted.index.astype(str)
    assert counts.drop("-").astype(int).to_dict() == wanted[wanted > 0].to_dict()
    total = measure(edition, "accepted", [], Scope(**YEAR, where=where), Grant.full())
    assert counts.sum() == total["numerator"][0] == (104075 if placeholder else 121145)


def test_the_rates_of_the_departments_are_those_expected(edition, expected):
    wanted = expected("rates_by_department").set_index("dept")
    closure = measured(edition, "closure_rate", "department", as_of=AS_OF)
    late = measured(edition, "late_rate", "department", as_of=AS_OF)
    assert closure["denominator"].astype(int).to_dict() == wanted["total"].to_dict()
    assert closure["numerator"].astype(int).to_dict() == wanted["closed"].to_dict()
    due = wanted[wanted["with_due"] > 0]  # no deadline, no rate
    assert late["denominator"].astype(int).to_dict() == due["with_due"].to_dict()
    assert late["numerator"].astype(int).to_dict() == due["overdue"].to_dict()
    flagged = edition.rows(
        "SELECT department, count(*) FROM cases WHERE closed_at < accepted_at"
        " AND accepted_at >= '2015-01-01' GROUP BY ALL"
    )
    early = wanted["closed_before_created"]
    assert dict(flagged) == early[early > 0].to_dict()


def test_the_hours_to_close_are_those_expected(edition, expected):
    """The expected median is of the cases accepted in the year, whenever they were closed."""
    hours = edition.rows(
        "SELECT department, median(epoch_us(closed_at) - epoch_us(accepted_at)) / 3.6e9 FROM cases"
        " WHERE accepted_at >= $since AND accepted_at < $until AND closed_at >= accepted_at"
        " GROUP BY department",
        YEAR,
    )
    wanted = expected("rates_by_department").set_index("dept")["median_hours_to_close"].dropna()
    assert dict(hours) == pytest.approx(wanted.to_dict(), abs=0.0006)


def test_the_report_of_the_layers_names_what_was_repaired(edition):
    found = dict(edition.rows("SELECT layer, (polygons, repaired, overlap_pairs > 0) FROM layers"))
    assert found["neighborhood"][:2] == (26, 1)
    assert found["police_district"][0] == 12
    assert found["census_tract"][0] == 987 and found["census_tract"][2]


def test_a_second_run_has_nothing_to_do(loaded, origin):
    home, _ = loaded
    report = run(origin, home)
    assert (report.edition, report.balances) == (None, [])
    assert EditionStore(home).numbers() == [1]


@pytest.mark.soak
def test_the_archives_one_after_the_other_lead_to_the_same_state(loaded, origin, tmp_path):
    input = tmp_path / "input"
    input.mkdir()
    for layer in Path(origin.input).glob("*.geojson.gz"):
        shutil.copy(layer, input)
    home = tmp_path / "home"
    for name in ("boston311_2015_by_type_csv.zip", "311_service_requests_2011.zip"):
        shutil.copy(origin.input / name, input)
        run(Origin(origin.site_folder, input), home)
    assert check(home)[1] == check(loaded[0])[1]
