"""What lies around an incident: true counts, what is nearest though outside, what is not loaded;
and each kind of resource looks like itself."""

import json
from typing import Any

import duckdb
import orjson
import pytest

from data.codes import codes
from data.editions.edition import memory_edition
from data.editions.tables import create_tables
from data.scope import Grant
from data.surroundings import surroundings
from routes.incident import METRES, MOST, ROLES, around, shown_as
from tests.data.given import SITE, UNTIL, fill, insert_things

KINDS = codes("resource_kind")
LON, LAT = 111.6, 29.8
KM = 1000 / 111_195.08  # degrees of latitude
SQUARE = [[111.595, 29.795], [111.605, 29.795], [111.605, 29.805], [111.595, 29.805]]
SQUARE += SQUARE[:1]


def told(*, cases=(), workers=(), resources=(), shape=SQUARE) -> dict[str, Any]:
    """What the browser gets, of an edition with these things so many `km` north of the point."""
    connection = duckdb.connect(":memory:")
    create_tables(connection, SITE)
    fill(connection, *map(north, cases))
    connection.execute(
        "UPDATE grids SET shape = $shape, west = 111.595, south = 29.795, east = 111.605,"
        " north = 29.805 WHERE code = 'g1'",
        {"shape": json.dumps({"type": "Polygon", "coordinates": [shape]})},
    )
    insert_things(connection, "grid_workers", *map(north, workers))
    insert_things(connection, "resources", *map(north, resources))
    edition = memory_edition(connection, SITE, data_time=UNTIL)
    found = surroundings(edition, LON, LAT, METRES, Grant.full(), limit=MOST)
    return orjson.loads(orjson.dumps(around(edition, found)))


def north(row: dict) -> dict:
    return {"lon": LON, "lat": LAT + row.get("km", 0) * KM} | {
        key: value for key, value in row.items() if key != "km"
    }


def resource(kind: str, km: float, **more) -> dict:
    return {"kind": kind, "name": f"{kind} {km}", "km": km, **more}


def test_more_cameras_than_pins_are_counted():
    found = told(resources=[resource("camera", 0.01 * n) for n in range(80)])
    assert len(found["resources"]) == MOST == 60
    assert [(each["kind"], each["within"]) for each in found["kinds"]] == [("camera", 80)]


def test_a_force_outside_the_circle_is_named_with_its_distance():
    found = told(resources=[resource("fire_station", 3.2), resource("fire_station", 5)])
    assert found["resources"] == []
    (station,) = found["kinds"]
    assert (station["within"], station["word"], station["role"]) == (0, "消防站", "force")
    assert {key: station["nearest"][key] for key in ("name", "metres", "bearing")} == {
        "name": "fire_station 3.2",
        "metres": 3200,
        "bearing": 0,
    }


def test_a_kind_that_is_in_no_data_is_told_apart_from_one_that_is_not_near():
    found = told(resources=[resource("team", 30), resource("gas", 0, point_quality="missing")])
    assert {each["kind"]: each["within"] for each in found["kinds"]} == {"team": 0, "gas": 0}
    assert {each["kind"]: each["nearest"] for each in found["kinds"]}["gas"] is None
    assert {each["kind"] for each in found["absent"]} == set(KINDS) - {"team", "gas"}


def test_who_is_on_duty_is_counted_and_the_nearest_may_be_outside():
    off = {"title": "网格员 1号", "duty_state": "off"}
    far = {"title": "网格员 2号", "duty_state": "on", "km": 1.4}
    found = told(workers=[off, far])["workers"]
    assert (found["is_loaded"], found["on_duty"], found["pins"]) == (True, 0, [])
    assert (found["nearest"]["name"], found["nearest"]["metres"]) == ("网格员 2号", 1400)


def test_without_workers_nothing_is_said_of_them():
    assert told()["workers"] == {"is_loaded": False, "on_duty": 0, "nearest": None, "pins": []}


def test_open_cases_are_told_with_how_many_are_red_and_how_many_overdue():
    late, red = {"due_at": "2026-11-03"}, {"risk": "red"}
    assert told(cases=[late, red, late | red, {}])["cases"] == {"all": 4, "red": 2, "overdue": 2}


def test_the_grid_of_the_incident_has_its_town_and_its_shape():
    found = told()
    assert (found["grid"]["name"], found["grid"]["within"]) == ("一格", "一镇")
    assert found["grid"]["shape"]["coordinates"] == [SQUARE]
    assert (found["grids"], found["people"]) == (1, 600)


def test_of_an_incident_outside_every_grid_none_is_told():
    away = [[lon + 0.007, lat] for lon, lat in SQUARE]
    assert told(shape=away)["grid"] is None


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_the_list_says_its_role_and_its_one_character(kind):
    assert KINDS[kind]["role"] in ROLES
    assert len(KINDS[kind]["mark"]) == 1
    assert shown_as(kind) == {"kind": kind, "word": KINDS[kind]["label"]} | {
        "role": KINDS[kind]["role"],
        "mark": KINDS[kind]["mark"],
    }


def test_no_two_kinds_have_the_same_character():
    marks = [row["mark"] for row in KINDS.values()]
    assert len(set(marks)) == len(marks)


def test_people_who_may_have_to_be_brought_out_are_not_marked_as_who_can_be_sent():
    roles = {kind: shown_as(kind)["role"] for kind in KINDS}
    assert {roles[kind] for kind in ("school", "hospital", "care_home")} == {"place"}
    assert {roles[kind] for kind in ("team", "police_station", "fire_station")} == {"force"}
    assert {roles[kind] for kind in ("camera", "hydrant", "gas")} == {"thing"}


@pytest.mark.parametrize("row", [{}, {"role": "", "mark": ""}, {"role": "castle"}])
def test_a_kind_of_which_the_list_says_less_is_a_place_by_its_first_character(monkeypatch, row):
    listed = {"museum": {"code": "museum", "label": "博物馆", **row}}
    monkeypatch.setattr("data.codes.codes", lambda name: listed)
    monkeypatch.setattr("routes.incident.codes", lambda name: listed)
    assert shown_as("museum") == {"kind": "museum", "word": "博物馆", "role": "place", "mark": "博"}


def test_a_kind_that_the_list_does_not_know_says_so_and_has_a_mark():
    assert shown_as("castle") == {
        "kind": "castle",
        "word": "未知代码 castle",
        "role": "place",
        "mark": "未",
    }
