"""Down by a click, up by the trail."""

import pytest
from dash.exceptions import PreventUpdate

from callbacks.drill import clicked_code, down_to, up_to
from data.editions.edition import Edition
from data.regions import view
from data.scope import Scope
from tests.layouts.conftest import edition  # noqa: F401


def regions(edition: Edition, *clicks: str) -> tuple:  # noqa: F811
    scope = Scope()
    for code in clicks:
        scope = down_to(edition, scope, code)
    return scope.regions


def test_a_click_on_a_grid_leads_one_level_down_at_a_time(edition: Edition):  # noqa: F811
    assert regions(edition, "T1V2G3") == (("town", "T1"),)
    assert regions(edition, "T1V2G3", "T1V2G3") == (("village", "T1V2"),)
    assert regions(edition, "T1V2G3", "T1V2G3", "T1V2G3") == (("grid", "T1V2G3"),)


def test_from_a_grid_a_click_leads_to_its_neighbour(edition: Edition):  # noqa: F811
    assert regions(edition, "T1V2G3", "T1V2G3", "T1V2G3", "T1V2G4") == (("grid", "T1V2G4"),)


def test_every_step_of_the_trail_leads_back(edition: Edition):  # noqa: F811
    grid = Scope(regions=(("grid", "T1V2G3"),))
    assert up_to(edition, grid, 0).regions == ()
    assert up_to(edition, grid, 1).regions == (("town", "T1"),)
    assert up_to(edition, grid, 2).regions == (("village", "T1V2"),)


def test_drilling_leaves_the_rest_of_the_scope(edition: Edition):  # noqa: F811
    scope = Scope(where=(("risk", "red"),))
    assert down_to(edition, scope, "T0V0G0").where == (("risk", "red"),)


@pytest.mark.parametrize("code", ["T1", "T1V2", "T1V2G3"])
def test_a_rate_painted_at_a_coarser_level_can_be_drilled(edition: Edition, code: str):  # noqa: F811
    assert regions(edition, code) == (("town", "T1"),)
    if code != "T1":
        assert regions(edition, "T1", code) == (("village", "T1V2"),)


@pytest.mark.parametrize("code", ["T9", "", "'; DROP TABLE grids; --"])
def test_a_click_on_what_is_not_on_the_map_changes_nothing(edition: Edition, code: str):  # noqa: F811
    with pytest.raises(PreventUpdate):
        down_to(edition, Scope(), code)


@pytest.mark.parametrize("click", [None, {}, {"points": []}, {"points": [{}]}, "x"])
def test_a_click_beside_the_polygons_changes_nothing(click):
    with pytest.raises(PreventUpdate):
        clicked_code(click)


def test_the_map_shows_the_grids_beneath_the_region(edition: Edition):  # noqa: F811
    everything = view(edition, Scope())
    assert (everything.level, everything.within, everything.outline) == ("grid", None, "town")
    village = view(edition, Scope(regions=(("village", "T1V2"),)))
    assert (village.level, village.part, village.outline) == ("grid", "village:T1V2", "grid")
    grid = view(edition, Scope(regions=(("grid", "T1V2G3"),)))
    assert (grid.part, grid.chosen) == ("village:T1V2", "T1V2G3")
    assert [region.name for region in grid.trail] == ["第1镇", "12村", "12村3格"]


def test_two_regions_have_the_way_that_both_share(edition: Edition):  # noqa: F811
    def trail(*regions: tuple[str, str]) -> list[str]:
        return [region.code for region in view(edition, Scope(regions=regions)).trail]

    assert trail(("town", "T1"), ("town", "T2")) == []
    assert trail(("village", "T1V0"), ("village", "T1V2")) == ["T1"]
    assert trail(("grid", "T1V2G0"), ("grid", "T1V2G3")) == ["T1", "T1V2"]
    assert trail(("town", "T1"), ("village", "T1V2")) == ["T1", "T1V2"]
