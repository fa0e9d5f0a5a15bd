"""Which colour a polygon gets."""

from dataclasses import replace
from datetime import datetime

import duckdb
import pytest

from callbacks.answer import Inquiry, drawn
from callbacks.colour import level_for, painted, patched, pictured
from data.editions.edition import Edition, memory_edition
from data.editions.tables import create_tables
from data.regions import beneath
from data.scope import Scope
from layouts.map import NO_BAND
from layouts.panels import PANELS
from layouts.theme import UNKNOWN_FILL
from tests.layouts.conftest import asked_of
from tests.layouts.conftest import edition as edition
from tests.layouts.small import DATA_TIME, fill, small_site
from tests.layouts.test_panels import words

LEVELS = ("grid", "village", "town")


def given(*rows: tuple[str, str | None, str]) -> Inquiry:
    """(grid, risk, closed or open) of cases accepted yesterday."""
    connection = duckdb.connect()
    site = small_site()
    create_tables(connection, site)
    fill(connection, site, 0)
    for number, (grid, risk, state) in enumerate(rows):
        closed = datetime(2026, 11, 20) if state == "closed" else None
        connection.execute(
            "INSERT INTO cases BY NAME SELECT $1 AS case_code, 't' AS source, $2 AS risk, '60' AS"
            " status, $3::TIMESTAMP AS accepted_at, $4::TIMESTAMP AS closed_at, 'second' AS"
            " precision, 0 AS reopen_count, 'ok' AS point_quality, true AS is_located, $5 AS grid,"
            " $6 AS village, $7 AS town, 'h' AS row_hash, 'm' AS member, 1 AS line",
            [f"C{number}", risk, datetime(2026, 11, 19), closed, grid, grid[:4], grid[:2]],
        )
    return asked_of(memory_edition(connection, site, DATA_TIME))


def test_a_grids_colour_is_its_highest_open_risk():
    question = given(
        ("T0V0G0", "blue", "open"),
        ("T0V0G0", "yellow", "open"),
        ("T0V0G0", "red", "closed"),
        ("T0V0G1", "red", "open"),
    )
    shown = painted(question, "risk", "grid", ["T0V0G0", "T0V0G1", "T0V0G2"])
    assert shown.bands == [1, 3, NO_BAND]
    assert [(band.words, band.count) for band in shown.legend] == [
        ("红色", 1),
        ("黄色", 1),
        ("蓝色", 0),
        ("无在办", 1),
    ]


def test_a_grid_whose_open_cases_have_no_risk_is_not_said_to_have_none():
    shown = painted(given(("T0V0G0", None, "open")), "risk", "grid", ["T0V0G0", "T0V0G1"])
    assert [(band.words, band.count) for band in shown.legend][-2:] == [
        ("未定级", 1),
        ("无在办", 1),
    ]
    assert shown.colours[shown.bands[0]] == shown.legend[-2].colour != shown.legend[-1].colour
    assert shown.bands[1] == NO_BAND


def test_a_count_of_no_cases_is_0_and_has_a_band():
    shown = painted(given(("T0V0G0", "red", "open")), "accepted", "grid", ["T0V0G0", "T0V0G1"])
    assert NO_BAND not in shown.bands
    assert shown.bands[0] >= shown.bands[1]


def test_a_rate_of_fewer_than_ten_cases_gets_no_colour():
    question = given(*[("T0V0G0", "blue", "closed")] * 9)
    shown = painted(question, "closure_rate", "grid", ["T0V0G0"])
    assert [shown.colours[band] for band in shown.bands] == [UNKNOWN_FILL]
    assert [(band.words, band.count) for band in shown.legend][-1] == ("不足 10 件", 1)


def test_a_rate_goes_up_the_tree_until_it_says_something():
    few = given(*[(f"T0V0G{number % 5}", "blue", "closed") for number in range(15)])
    assert level_for(few, "closure_rate", LEVELS) == "village"
    assert level_for(few, "accepted", LEVELS) == "grid"


def test_nothing_at_all_still_gives_a_map():
    shown = pictured(given(), "closure_rate", True, 1.0)
    assert set(shown.figure["data"][0]["z"]) <= {NO_BAND}


@pytest.mark.parametrize(
    "key", ["risk", "accepted", "closure_rate", "overdue_open_rate", "per_10k"]
)
def test_every_polygon_on_the_map_is_in_one_line_of_the_legend(edition: Edition, key: str):
    question = asked_of(edition)
    codes = [f"T{t}V{v}G{g}" for t in range(3) for v in range(4) for g in range(5)]
    shown = painted(question, key, "grid", codes)
    assert sum(band.count for band in shown.legend) == len(codes) == len(shown.bands)
    assert max(shown.bands) < len(shown.colours)


def test_bands_of_counts_are_whole_numbers_that_do_not_overlap():
    rows = [(f"T0V0G{grid}", "blue", "open") for grid in range(5) for _ in range(2 * grid + 1)]
    codes = [f"T0V0G{grid}" for grid in range(5)]
    shown = painted(given(*rows), "accepted", "grid", codes)  # 1, 3, 5, 7 and 9 cases
    assert [band.words for band in shown.legend] == ["≥ 7", "5 – 6", "3 – 4", "0 – 2"]
    assert shown.bands == [0, 1, 2, 3, 3]


def test_a_count_far_above_the_others_has_a_band_of_its_own():
    rows = [("T0V0G0", "blue", "open")] * 30 + [
        (f"T0V{v}G{g}", "blue", "open") for v in (1, 2) for g in range(4) for _ in range(2 + g % 2)
    ]
    codes = ["T0V0G0", *(f"T0V{v}G{g}" for v in (1, 2) for g in range(4))]
    shown = painted(given(*rows), "accepted", "grid", codes)
    assert [(band.words, band.count) for band in shown.legend][0] == ("≥ 6", 1)
    assert shown.bands[0] == len(shown.colours) - 2 > max(shown.bands[1:])  # the last is 不足 10 件


def test_the_grids_of_the_ranking_carry_their_numbers_on_the_map():
    counts = {"T0V0G1": 6, "T0V0G2": 4, "T1V0G0": 3, "T2V0G0": 2, "T0V0G3": 1, "T0V0G4": 1}
    question = given(*[(grid, "blue", "open") for grid, n in counts.items() for _ in range(n)])
    ranks = [item for item in pictured(question, "accepted", False, 1.0).overlay if ranked(item)]
    assert [item["text"].split("：")[0] for item in ranks] == [f"第 {n}" for n in range(1, 6)]
    boxes = beneath(question.edition, "grid", None).set_index("code")
    places = [(boxes.loc[code, "lon"], boxes.loc[code, "lat"]) for code in list(counts)[:4]]
    assert [(item["lon"], item["lat"]) for item in ranks[:4]] == places
    listed = words(drawn(PANELS["accepted_by_grid"], question, 1.0))
    assert [item["text"].split("：")[1] for item in ranks] == [
        name for name in listed.split() if name.endswith("格")
    ]


def test_red_points_stay_off_the_map_that_ranks_grids():
    question = given(("T0V0G0", "red", "open"))
    for key, points in (("risk", 1), ("accepted", 0)):
        shown = pictured(question, key, False, 1.0)
        assert [item.get("mark") for item in shown.overlay].count("risk-red") == points
        assert ("红色定位" in words(shown.legend)) == bool(points)


@pytest.mark.parametrize(
    ("key", "is_heat"), [("risk", False), ("per_10k", False), ("accepted", True)]
)
def test_a_map_that_shows_something_else_carries_no_numbers(key: str, is_heat: bool):
    shown = pictured(given(("T0V0G0", "blue", "open")), key, is_heat, 1.0)
    assert not [item for item in shown.overlay if ranked(item)]


def ranked(item: dict) -> bool:
    return item.get("text", "").startswith("第 ")


def test_bands_do_not_move_when_the_day_does_not(edition: Edition):
    kept: dict = {}

    def of_the_day(name, compute):
        return kept.setdefault(name, compute())

    question = replace(asked_of(edition), of_the_day=of_the_day)
    painted(question, "accepted", "grid", [])
    painted(question, "accepted", "grid", [])
    assert len(kept) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"since": datetime(2026, 1, 1), "until": datetime(2026, 1, 31)},
        {"as_of": datetime(2026, 6, 1)},
        {"only": (("risk", "red"),)},
    ],
)
def test_windows_of_one_length_have_bands_of_their_own(edition: Edition, change: dict):
    kept: dict = {}

    def of_the_day(name, compute):
        return kept.setdefault(name, compute())

    question = replace(asked_of(edition), of_the_day=of_the_day)
    other = replace(question, scope=question.scope.narrowed(**change))
    codes = ["T0V0G0", "T0V0G1"]
    painted(question, "accepted", "grid", codes)
    shared = painted(other, "accepted", "grid", codes)
    alone = painted(
        replace(other, of_the_day=lambda _, compute: compute()), "accepted", "grid", codes
    )
    assert shared == alone


@pytest.mark.parametrize(
    ("regions", "painted_towns"),
    [
        ((("town", "T0"), ("town", "T1")), {"T0", "T1"}),
        ((("town", "NOPE"),), set()),
        ((("town", "-"),), set()),
        ((("town", "T2"),), {"T2"}),
    ],
)
def test_the_map_shows_no_case_that_the_panels_do_not_count(edition, regions, painted_towns):  # noqa: F811
    shown = pictured(asked_of(edition, Scope(regions=regions)), "risk", False, 1.0).figure["data"][
        0
    ]
    pairs = zip(shown["locations"], shown["z"], strict=True)
    assert {code[:2] for code, band in pairs if band != NO_BAND} == painted_towns


def test_a_map_that_is_on_screen_gets_only_its_values(edition: Edition):
    shown = pictured(asked_of(edition), "accepted", False, 1.0)
    sent = str(patched(shown).to_plotly_json())
    assert "locations" not in sent
    assert "uirevision" not in sent
    assert "T0V0G0" not in sent
