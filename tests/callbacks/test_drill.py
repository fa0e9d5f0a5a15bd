"""Down by a click, up by the trail."""

import pytest
from dash.exceptions import PreventUpdate

from callbacks.drill import clicked_code, down_to, up_to
from data.editions.edition import Edition
from data.regions import reached, view
from data.scope import Grant, Scope
from tests.layouts.conftest import edition  # noqa: F401

ALL = Grant.wall()


def of(*regions: tuple[str, str]) -> Grant:
    return Grant(regions=regions, departments=None)


def regions(edition: Edition, *clicks: str) -> tuple:  # noqa: F811
    scope = Scope()
    for code in clicks:
        scope = down_to(edition, scope, ALL, code)
    return scope.regions


def test_a_click_on_a_grid_leads_one_level_down_at_a_time(edition: Edition):  # noqa: F811
    assert regions(edition, "T1V2G3") == (("town", "T1"),)
    assert regions(edition, "T1V2G3", "T1V2G3") == (("village", "T1V2"),)
    assert regions(edition, "T1V2G3", "T1V2G3", "T1V2G3") == (("grid", "T1V2G3"),)


def test_from_a_grid_a_click_leads_to_its_neighbour(edition: Edition):  # noqa: F811
    assert regions(edition, "T1V2G3", "T1V2G3", "T1V2G3", "T1V2G4") == (("grid", "T1V2G4"),)


def test_every_step_of_the_trail_leads_back(edition: Edition):  # noqa: F811
    grid = Scope(regions=(("grid", "T1V2G3"),))
    assert up_to(edition, grid, ALL, 0).regions == ()
    assert up_to(edition, grid, ALL, 1).regions == (("town", "T1"),)
    assert up_to(edition, grid, ALL, 2).regions == (("village", "T1V2"),)


def test_drilling_leaves_the_rest_of_the_scope(edition: Edition):  # noqa: F811
    scope = Scope(where=(("risk", "red"),))
    assert down_to(edition, scope, ALL, "T0V0G0").where == (("risk", "red"),)


@pytest.mark.parametrize("code", ["T1", "T1V2", "T1V2G3"])
def test_a_rate_painted_at_a_coarser_level_can_be_drilled(edition: Edition, code: str):  # noqa: F811
    assert regions(edition, code) == (("town", "T1"),)
    if code != "T1":
        assert regions(edition, "T1", code) == (("village", "T1V2"),)


@pytest.mark.parametrize("code", ["T9", "", "'; DROP TABLE grids; --"])
def test_a_click_on_what_is_not_on_the_map_changes_nothing(edition: Edition, code: str):  # noqa: F811
    with pytest.raises(PreventUpdate):
        down_to(edition, Scope(), ALL, code)


@pytest.mark.parametrize("click", [None, {}, {"points": []}, {"points": [{}]}, "x"])
def test_a_click_beside_the_polygons_changes_nothing(click):
    with pytest.raises(PreventUpdate):
        clicked_code(click)


def test_the_map_shows_the_grids_beneath_the_region(edition: Edition):  # noqa: F811
    everything = view(edition, Scope(), ALL)
    assert (everything.level, everything.within, everything.outline) == ("grid", None, "town")
    village = view(edition, Scope(regions=(("village", "T1V2"),)), ALL)
    assert (village.level, village.part, village.outline) == ("grid", "village:T1V2", "grid")
    grid = view(edition, Scope(regions=(("grid", "T1V2G3"),)), ALL)
    assert (grid.part, grid.chosen) == ("village:T1V2", "T1V2G3")
    assert [region.name for region in grid.trail] == ["第1镇", "12村", "12村3格"]


def test_two_regions_have_the_way_that_both_share(edition: Edition):  # noqa: F811
    def trail(*regions: tuple[str, str]) -> list[str]:
        return [region.code for region in view(edition, Scope(regions=regions), ALL).trail]

    assert trail(("town", "T1"), ("town", "T2")) == []
    assert trail(("village", "T1V0"), ("village", "T1V2")) == ["T1"]
    assert trail(("grid", "T1V2G0"), ("grid", "T1V2G3")) == ["T1", "T1V2"]
    assert trail(("town", "T1"), ("village", "T1V2")) == ["T1", "T1V2"]


def test_who_sees_one_town_begins_there_and_gets_no_higher(edition: Edition):  # noqa: F811
    town = of(("town", "T1"))
    begun = view(edition, Scope(), town)
    assert (begun.part, begun.outline, begun.trail) == ("town:T1", "village", ())
    assert begun.top is not None and begun.top.code == "T1"
    below = down_to(edition, Scope(), town, "T1V2G3")
    assert below.regions == (("village", "T1V2"),)
    assert [region.code for region in view(edition, below, town).trail] == ["T1V2"]
    assert up_to(edition, below, town, 0).regions == ()
    assert up_to(edition, below, town, 1).regions == (("village", "T1V2"),)


def test_who_sees_one_grid_is_shown_it_among_its_neighbours(edition: Edition):  # noqa: F811
    grid = of(("grid", "T1V2G3"))
    begun = view(edition, Scope(), grid)
    assert (begun.part, begun.chosen) == ("village:T1V2", "T1V2G3")
    with pytest.raises(PreventUpdate):
        down_to(edition, Scope(), grid, "T1V2G4")


def test_who_sees_parts_of_two_towns_is_shown_both(edition: Edition):  # noqa: F811
    begun = view(edition, Scope(), of(("town", "T1"), ("village", "T2V0")))
    assert (begun.part, begun.top, begun.is_whole) == ("all", None, False)


def test_polygons_within_a_grant_are_told_from_those_around_it(edition: Edition):  # noqa: F811
    both = of(("village", "T1V2"), ("grid", "T2V0G1"))
    assert reached(edition, "town", both) == {"T1", "T2"}
    assert reached(edition, "village", both) == {"T1V2", "T2V0"}
    grids = reached(edition, "grid", both)
    assert grids is not None and "T2V0G1" in grids and "T2V0G0" not in grids
    assert {code[:4] for code in grids - {"T2V0G1"}} == {"T1V2"}


def test_where_a_region_is_none_of_the_tree_nothing_is_ruled_out(edition: Edition):  # noqa: F811
    for grant in (ALL, of(("town", "T1"), ("police", "P1"))):
        assert reached(edition, "grid", grant) is None
        assert view(edition, Scope(), grant).part == "all"
