"""Stuttgart: points only, in a layer of our own; the site was written from the README alone."""

from datetime import datetime
from pathlib import Path

import pytest

from data.editions.store import EditionStore
from data.measure import measure
from data.scope import Grant, Scope
from data.site import load_site
from etl.examples import check_example
from etl.origin import Origin
from etl.report import Report
from etl.run import run
from etl.source import load_sources

SITE = Path(__file__).parent.parent.parent / "sites" / "stuttgart"
NOW = datetime(2026, 11, 1)
ROWS = 134_627  # lines of the 2,061 files, less the 834 header lines
Loaded = tuple[Report, EditionStore]


@pytest.fixture(scope="module")
def loaded(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    home = tmp_path_factory.mktemp("stuttgart")
    report = run(Origin(SITE, shared / "realdata" / "stuttgart"), home, now=NOW)
    return report, EditionStore(home)


def test_every_example_of_the_declaration_holds() -> None:
    site = load_site(SITE)
    sources = load_sources(SITE, site)
    assert [len(source.examples) for source in sources.values()] == [2]
    for source in sources.values():
        for example in source.examples:
            check_example(source, site, example, NOW)


def test_every_row_is_loaded_and_every_header_line_is_left_out(loaded: Loaded) -> None:
    report, _ = loaded
    assert report.is_good
    assert all(balance.adds_up for balance in report.balances)
    totals = report.totals()
    assert (totals["rows_in"], totals["loaded"], totals["quarantined"]) == (ROWS, ROWS, 0)
    assert sum(balance.filtered for balance in report.balances) == 834
    assert len(report.balances) == 2061


def test_the_sectors_and_the_unplaced_add_up_to_the_rows(loaded: Loaded) -> None:
    _, store = loaded
    with store.reading() as edition:
        frame = measure(edition, "accepted", ["sector"], Scope(), Grant.full())
    counts = dict(zip(frame["sector"], frame["numerator"], strict=True))
    assert sum(counts.values()) == ROWS
    assert set(counts) == {"-", "C", "E", "N", "S", "W"}
    assert counts["-"] == 134
