"""Who and what is near a point: by distance, within the grant, not more than there is room for."""

import math

import duckdb
import pytest

from data.editions.edition import memory_edition
from data.editions.tables import create_tables
from data.scope import Grant, Scope, ScopeError
from data.surroundings import surroundings
from tests.data.given import SITE, UNTIL, fill, insert_things

FULL = Grant.full()
LON, LAT = 111.6, 29.8
HUNDRED_M = 100 / 111_195.08  # degrees of latitude
SQUARES = {  # code -> west, south; sides of 0.01 degrees, about 1.1 km
    "g1": (111.595, 29.795),
    "g2": (111.605, 29.795),
    "g3": (111.9, 29.9),
}


def ring(west: float, south: float) -> str:
    x, y = west + 0.01, south + 0.01
    corners = [[west, south], [x, south], [x, y], [west, y], [west, south]]
    return f'{{"type": "Polygon", "coordinates": [{corners}]}}'


@pytest.fixture
def around():
    """What is around the point, of an edition with cases and things at so many 100 m north."""

    def asked(*, cases=(), workers=(), resources=(), metres=1000, grant=FULL, **more):
        connection = duckdb.connect(":memory:")
        create_tables(connection, SITE)
        fill(connection, *map(north, cases))
        for code, (west, south) in SQUARES.items():
            connection.execute(
                "UPDATE grids SET shape = $shape, west = $w, south = $s, east = $w + 0.01,"
                " north = $s + 0.01 WHERE code = $code",
                {"shape": ring(west, south), "w": west, "s": south, "code": code},
            )
        insert_things(connection, "grid_workers", *map(north, workers))
        insert_things(connection, "resources", *map(north, resources))
        edition = memory_edition(connection, SITE, data_time=UNTIL)
        return surroundings(edition, LON, LAT, metres, grant, **more)

    return asked


def north(row: dict) -> dict:
    """The row with its point so many hundred metres north."""
    hundreds = row.pop("north", 0)
    return {"lon": LON, "lat": LAT + hundreds * HUNDRED_M, **row}


def worker(name: str, **more) -> dict:
    return {"title": f"网格员 {name}号", "duty_state": "on", **more}


def test_the_nearest_comes_first_with_its_distance_and_direction(around):
    found = around(
        workers=[worker("2", north=4), worker("1", north=-3), worker("3", north=11)],
        metres=1000,
    ).workers
    assert found["title"].tolist() == ["网格员 1号", "网格员 2号"]
    assert found["distance_m"].tolist() == pytest.approx([300, 400], abs=0.1)
    assert found["bearing"].tolist() == pytest.approx([180, 0], abs=1e-6)


def test_east_is_90_degrees_and_as_many_metres_as_north(around):
    step = HUNDRED_M / math.cos(math.radians(LAT))
    row = {"kind": "team", "name": "一队", "lon": LON + 5 * step, "lat": LAT}
    found = around(resources=[row]).resources
    assert found["distance_m"].tolist() == pytest.approx([500], abs=0.1)
    assert found["bearing"].tolist() == pytest.approx([90], abs=0.01)


def test_a_thing_on_the_circle_is_within_and_one_beyond_is_not(around):
    rows = [{"kind": "camera", "name": str(n), "north": n} for n in (5, 6)]
    assert around(resources=rows, metres=500.01).resources["name"].tolist() == ["5"]


def test_many_cameras_do_not_hide_the_school_behind_them(around):
    rows = [{"kind": "camera", "name": f"c{n}", "north": n} for n in range(1, 6)]
    rows += [{"kind": "school", "name": f"s{n}", "north": n} for n in (7, 8, 9)]
    found = around(resources=rows, limit=2)
    assert found.resources["name"].tolist() == ["c1", "c2", "s7", "s8"]
    assert found.totals["resources"] == 8


def test_only_points_that_are_right_and_still_there_count(around):
    rows = [
        {"kind": "camera", "name": "placeholder", "point_quality": "placeholder"},
        {"kind": "camera", "name": "gone", "withdrawn_at": "2026-11-01"},
        {"kind": "camera", "name": "there"},
    ]
    assert around(resources=rows).resources["name"].tolist() == ["there"]


def test_open_cases_are_listed_with_codes_and_no_text_of_theirs(around):
    found = around(
        cases=[
            {"north": 2, "risk": "red", "title": "某某", "due_at": "2026-11-03"},
            {"north": 1, "closed_at": "2026-11-05"},
            {"north": 3, "status": "21"},
            {"north": 20},
        ]
    ).cases
    assert found[["case_code", "risk", "lamp"]].values.tolist() == [["c00001", "red", "red"]]
    assert not {"title", "summary", "place_text", "extra"} & set(found.columns)


def test_a_case_is_open_as_of_the_time_asked_for(around):
    cases = [{"closed_at": "2026-11-05"}]
    assert len(around(cases=cases, scope=Scope(as_of="2026-11-04")).cases) == 1


def test_grids_that_the_circle_touches_are_named_the_one_around_the_point_first(around):
    assert around(metres=100).grids["code"].tolist() == ["g1"]
    found = around(metres=600).grids  # the border to g2 lies 0.005 degrees east: 482 m
    assert found["code"].tolist() == ["g1", "g2"]
    assert found["distance_m"].tolist() == pytest.approx([0, 482.4], abs=0.5)


def test_a_grant_shows_nothing_outside(around):
    rows = [worker("1", town="t1"), worker("2", town="t2"), worker("3")]
    grant = Grant((("town", "t2"),), None)
    found = around(workers=rows, cases=[{"town": "t1"}, {"town": "t2"}], grant=grant, metres=600)
    assert found.workers["title"].tolist() == ["网格员 2号"]
    assert found.cases["case_code"].tolist() == ["c00002"]
    assert found.grids["code"].tolist() == []  # both lie in t1
    assert found.totals == {"grids": 0, "workers": 1, "resources": 0, "cases": 1}
    of_t1 = around(grant=Grant((("town", "t1"),), None), metres=600)
    assert of_t1.grids["code"].tolist() == ["g1", "g2"]


def test_a_grant_of_departments_takes_the_workers_of_these(around):
    rows = [worker("1", department="gaj"), worker("2")]
    grant = Grant(None, ("gaj",))
    assert around(workers=rows, grant=grant).workers["title"].tolist() == ["网格员 1号"]
    assert around(workers=rows, grant=Grant()).workers["title"].tolist() == []


def test_no_more_than_the_limit_is_listed_and_all_are_counted(around):
    rows = [worker(str(n), north=n / 10) for n in range(9)]
    found = around(workers=rows, limit=4)
    assert (len(found.workers), found.totals["workers"]) == (4, 9)


@pytest.mark.parametrize("metres", [0, -1, float("nan"), 1e9])
def test_a_distance_that_cannot_be_is_refused(around, metres):
    with pytest.raises(ScopeError, match="周边范围"):
        around(metres=metres)


def test_what_is_beyond_the_limit_is_counted_by_kind_state_risk_and_lamp(around):
    found = around(
        resources=[{"kind": "camera", "name": str(n)} for n in range(7)]
        + [{"kind": "school", "name": "一小"}],
        workers=[worker("1"), worker("2", duty_state="off"), worker("3")],
        cases=[{"risk": "red", "due_at": "2026-11-03"}, {}, {}],
        limit=2,
    )
    assert found.counts == {
        "kind": {"camera": 7, "school": 1},
        "duty_state": {"on": 2, "off": 1},
        "risk": {"red": 1, "-": 2},
        "lamp": {"red": 1, "-": 2},
    }
    assert len(found.cases) == 2


def test_who_is_off_duty_does_not_hide_who_is_on(around):
    rows = [worker(str(n), duty_state="off") for n in range(5)] + [worker("9", north=9)]
    assert around(workers=rows, limit=2).workers["title"].tolist()[-1] == "网格员 9号"


def test_of_each_kind_the_nearest_is_told_however_far(around):
    rows = [
        {"kind": "team", "name": "二队", "north": 40},
        {"kind": "team", "name": "一队", "north": 30},
        {"kind": "school", "name": "一小", "north": 1},
        {"kind": "gas", "name": "气站", "point_quality": "placeholder"},
        {"kind": "market", "name": "商圈", "withdrawn_at": "2026-11-01"},
    ]
    found = around(resources=rows).nearest["resources"]
    assert found["name"].tolist() == ["一小", "一队", "气站"]
    assert found["distance_m"].tolist()[:2] == pytest.approx([100, 3000], abs=1)
    assert math.isnan(found["distance_m"].iloc[2])  # loaded, and without a place


def test_the_nearest_lies_within_the_grant_too(around):
    rows = [worker("1", town="t1"), worker("2", town="t2", north=60)]
    found = around(workers=rows, grant=Grant((("town", "t2"),), None)).nearest["workers"]
    assert found["title"].tolist() == ["网格员 2号"]
