"""What lies around an incident: each kind of resource looks like itself."""

import pytest

from data.codes import codes
from routes.incident import ROLES, shown_as

KINDS = codes("resource_kind")


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
