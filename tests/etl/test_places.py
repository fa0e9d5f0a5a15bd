"""Every row has one place in every layer or none, and the totals close."""

import numpy as np
import pytest

from data.case_code import case_code
from etl.check import check
from etl.places import Places
from etl.source import Source
from geo.coordinates import from_wgs84
from tests.etl.village import MATTERS, SITE, SQUARES, Village, matter, squares, table
from tests.etl.village import village as built

BEATS = '\n[[layers]]\nkey = "beat"\nname = "警区"\nfiles = ["beats.geojson"]\n'


def source(**declared) -> Source:
    base = {"name": "s", "title": "s", "key": "none", "delivery": "append"}
    columns = {"reported_at": {"from": "t", "date": "iso"}}
    return Source.model_validate(base | {"columns": columns} | declared)


@pytest.fixture(scope="module")
def places(tmp_path_factory) -> Places:
    from data.site import load_site

    place = built(tmp_path_factory.mktemp("places"), SITE + BEATS)
    half = {"b1": ("", 0, 0), "b2": ("", 1, 0.5)}  # b1 g1; b2 over g2 and g4, above 30.5
    (place.site / "beats.geojson").write_bytes(squares(half))
    return Places(load_site(place.site), place.origin.roots, place.home / "layers")


def located(places: Places, *points, given=None, **declared):
    """(quality, {layer: code}) of points in the source's own coordinates."""
    x, y = (np.array(axis, dtype=float) for axis in zip(*points, strict=True))
    lon, lat, quality = places.point(x, y, source(**declared))
    codes = places.codes(lon, lat, quality, given or {})
    found = [{key: codes[key][n] for key in codes} for n in range(len(points))]
    return list(quality), found


def test_a_point_is_in_its_grid_its_town_and_every_other_layer(places):
    quality, found = located(places, (110.5, 30.5), (111.5, 31.4), (110.5, 31.9))
    assert quality == ["ok"] * 3
    assert found == [
        {"town": "west", "grid": "g1", "beat": "b1"},
        {"town": "east", "grid": "g4", "beat": "b2"},
        {"town": "west", "grid": "g3", "beat": None},
    ]


@pytest.mark.parametrize(
    ("point", "grid"),
    [
        ((111, 30.5), "g1"),
        ((110.5, 31), "g1"),
        ((111, 31), "g1"),
        ((111, 31.5), "g3"),
        ((111.5, 31), "g2"),
        ((112, 32), "g4"),
        ((112, 31), "g2"),
    ],
)
def test_a_point_on_a_shared_border_is_in_the_lowest_code_and_nowhere_else(places, point, grid):
    assert located(places, point)[1][0]["grid"] == grid


@pytest.mark.parametrize(
    ("point", "quality"),
    [
        ((0, 0), "zero"),
        ((30.5, 110.5), "swapped"),
        ((113, 30.5), "outside"),
        ((116.4, 39.9), "outside"),
        ((30.5, 210.5), "invalid"),
        ((1e9, 5), "invalid"),
        ((np.nan, 30.5), "missing"),
        ((110.5, np.nan), "missing"),
        ((110.2, 30.2), "placeholder"),
    ],
)
def test_a_point_that_is_none_says_why(places, point, quality):
    found, codes = located(places, point, placeholders=[(110.2, 30.2)])
    assert found == [quality]
    is_placed = quality == "placeholder"
    assert codes[0]["grid"] == ("g1" if is_placed else None)


@pytest.mark.parametrize("crs", ["GCJ-02", "BD-09", "CGCS2000", "EPSG:3857", "EPSG:4547"])
def test_points_of_every_system_land_in_the_same_grid(places, crs):
    inside = [(110.001, 30.001), (111.999, 30.001), (110.5, 31.999)]
    x, y = from_wgs84(*np.array(inside).T, crs)
    quality, found = located(places, *zip(x, y, strict=True), crs=crs)
    assert quality == ["ok"] * 3
    assert [codes["grid"] for codes in found] == ["g1", "g2", "g3"]


def test_a_point_taken_for_another_system_would_miss_its_grid(places):
    """The shift of GCJ-02 is some 500 m: at 50 m from the border that is the wrong grid."""
    border = from_wgs84(np.array([110.9995]), np.array([30.5]), "GCJ-02")
    point = (border[0][0], border[1][0])
    assert located(places, point, crs="GCJ-02")[1][0]["grid"] == "g1"
    assert located(places, point, crs="WGS84")[1][0]["grid"] == "g2"


def test_a_delivered_code_counts_where_there_is_no_point(places):
    nowhere = (np.nan, np.nan)
    given = {"grid": np.array(["g4", "g4", None], dtype=object)}
    _, found = located(places, nowhere, (110.5, 30.5), nowhere, given=given)
    assert [(codes["grid"], codes["town"]) for codes in found] == [
        ("g4", "east"),
        ("g1", "west"),
        (None, None),
    ]


@pytest.mark.parametrize("point", [(110.25, 30.25), (115, 30), (0, 0), (30.5, 110.5)])
def test_a_delivered_code_counts_where_the_point_is_not_good(tmp_path, point):
    """The placeholder lies in g1; the others in nothing."""
    text = COUNTED.replace("columns = {", 'columns = { grid = "grid",')
    village = built(tmp_path, SITE + BEATS, text)
    (village.site / "beats.geojson").write_bytes(squares({"b1": ("", 0, 0)}))
    x, y = point
    rows = [matter(n, x=x, y=y, grid=grid) for n, grid in enumerate(["g4", "g9", ""])]
    village.deliver("matters/a.csv", table(*rows))
    village.run()
    sql = "SELECT town, grid, beat FROM cases ORDER BY source_key"
    other = ("west", "g1", "b1") if point == (110.25, 30.25) else (None, None, None)
    assert village.rows(sql) == [("east", "g4", None), other, other]
    (village.input / "matters/a.csv").unlink()  # nothing but the edition is left to place
    moved = SQUARES | {"g4": ("west", 1, 1)}
    (village.site / "grids.geojson").write_bytes(squares(moved))
    assert village.run().edition == 2
    assert village.rows(sql) == [("west", "g4", None), other, other]


def test_when_the_layers_grow_a_point_outside_is_in_them(tmp_path):
    village = built(tmp_path, source=COUNTED)
    village.deliver("matters/a.csv", table(matter(1, x=115.5, y=30.5), matter(2, x=110.5, y=30.5)))
    village.run()
    sql = "SELECT grid, point_quality FROM cases ORDER BY source_key"
    assert village.rows(sql) == [(None, "outside"), ("g1", "ok")]
    (village.site / "grids.geojson").write_bytes(squares(SQUARES | {"g5": ("east", 5, 0)}))
    village.run()
    assert village.rows(sql) == [("g5", "ok"), ("g1", "ok")]
    (village.site / "grids.geojson").write_bytes(squares({"g5": ("east", 5, 0)}))
    village.run()
    assert village.rows(sql) == [("g5", "ok"), (None, "outside")]


ALERTS = """
title = "预警"
target = "alerts"
files = ["alerts/*.csv"]
key = ["id"]
delivery = "append"
columns = { sent_at = { from = "at", date = "iso" }, polygon = "polygon", circle = "circle" }
"""


def test_an_area_that_is_none_costs_its_value_and_nothing_else(tmp_path):
    village = built(tmp_path)
    village.declare(ALERTS, "alerts")
    rows = [
        {"id": 1, "at": "2026-11-01", "polygon": "30 110"},
        {"id": 2, "at": "2026-11-01", "circle": '"30.5,110.5 2"'},
        {"id": 3, "at": "2026-11-01", "circle": "near"},
        {"id": 4, "at": "2026-11-01"},
    ]
    village.deliver("alerts/a.csv", table(*rows))
    village.deliver("matters/a.csv", table(matter(1, x=110.5, y=30.5)))
    village.run()
    assert village.rows("SELECT grid FROM alerts ORDER BY source_key") == [
        *((None,), ("g1",), (None,), (None,)),
    ]
    assert village.rows("SELECT line, column_name, code, reason FROM quarantine ORDER BY 1") == [
        (2, "polygon", "bad_area", "polygon：30 110"),
        (4, "circle", "bad_area", "circle：near"),
    ]
    assert village.rows("SELECT grid FROM cases") == [("g1",)]


# Whole runs

COUNTED = """
title = "事项"
files = ["matters/*.csv"]
key = ["id"]
delivery = "append"
placeholders = [[110.25, 30.25]]
columns = { reported_at = { from = "reported", date = "iso" }, lon = "x", lat = "y" }
"""
POINTS = [(110.5, 30.5), (110.25, 30.25), (111, 31), (0, 0), (30.5, 110.5), (115, 30), ("", "")]


def counts(village: Village, layer: str) -> dict[str | None, int]:
    return dict(village.rows(f"SELECT {layer}, count(*) FROM cases GROUP BY ALL ORDER BY 1"))


def test_totals_of_every_layer_and_the_unlocated_are_all_cases(tmp_path):
    village = built(tmp_path, SITE + BEATS, COUNTED)
    (village.site / "beats.geojson").write_bytes(squares({"b1": ("", 0, 0)}))
    rows = [matter(n, x=x, y=y) for n, (x, y) in enumerate(POINTS)]
    village.deliver("matters/a.csv", table(*rows))
    village.run()
    assert counts(village, "grid") == {"g1": 3, None: 4}
    assert counts(village, "town") == {"west": 3, None: 4}
    assert counts(village, "beat") == {"b1": 3, None: 4}
    assert counts(village, "point_quality") == {
        **{"missing": 1, "ok": 2, "outside": 1, "placeholder": 1, "swapped": 1, "zero": 1}
    }
    assert village.rows("SELECT line, column_name, code, reason FROM quarantine ORDER BY 1") == [
        (5, "lon", "point_zero", "坐标为 0"),
        (6, "lon", "point_swapped", "经纬度疑似颠倒"),
    ]
    assert check(village.home)[2] == []


def test_a_case_that_only_names_its_town_is_there_and_in_no_grid(tmp_path):
    text = MATTERS.replace('lon = "x"\nlat = "y"\n', 'town = "town"\n')
    village = built(tmp_path, source=text)
    village.deliver("matters/a.csv", table(matter(1, town="east"), matter(2, town="north")))
    village.run()
    rows = village.rows("SELECT town, grid, is_located FROM cases ORDER BY source_key")
    assert rows == [("east", None, False), (None, None, False)]
    assert check(village.home)[2] == []


def test_codes_that_a_new_layer_knows_are_placed_though_the_old_one_did_not(tmp_path):
    text = MATTERS.replace('lon = "x"\nlat = "y"\n', 'grid = "grid"\n')
    village, fresh = built(tmp_path / "a", source=text), built(tmp_path / "b", source=text)
    village.deliver("matters/a.csv", table(matter(1, grid="g1"), matter(2, grid="g5")))
    village.run()
    assert counts(village, "grid") == {"g1": 1, None: 1}
    more = squares({"g5": ("east", 0, 0), "g6": ("west", 1, 1)})
    for place in (village, fresh):
        (place.site / "grids.geojson").write_bytes(more)
    fresh.deliver("matters/a.csv", (village.input / "matters/a.csv").read_bytes())
    village.run()
    fresh.run()
    assert counts(village, "grid") == counts(fresh, "grid") == {"g5": 1, None: 1}
    assert village.state() == fresh.state()


def test_a_department_that_becomes_known_frees_its_rows_from_quarantine(tmp_path):
    village = built(tmp_path)
    village.deliver("matters/a.csv", table(matter(1), matter(2, dept="消防大队")))
    village.run()
    assert village.rows("SELECT count(*) FROM cases") == [(1,)]
    departments = (village.site / "departments.csv").read_text()
    (village.site / "departments.csv").write_text(departments + "fire,消防大队\n")
    village.run()
    assert village.rows("SELECT department FROM cases ORDER BY 1") == [("fire",), ("police",)]
    assert village.rows("SELECT count(*) FROM quarantine") == [(0,)]
    assert village.rows(f"SELECT 1 FROM cases WHERE case_code = '{case_code('matters', '2')}'")
