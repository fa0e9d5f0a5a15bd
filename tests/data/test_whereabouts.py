"""Where a point or a code lies in the main tree, and what that is called."""

import pytest

from data.regions import Region
from data.whereabouts import Tree, tree_of, whereabouts
from tests.layouts.small import SIDE, SOUTH, WEST, store_with


@pytest.fixture(scope="module")
def edition(tmp_path_factory):
    store = store_with(tmp_path_factory.mktemp("home"), 5)
    with store.reading() as edition:
        yield edition
    store.close()


def code(region: Region | None) -> str | None:
    return region and region.code


@pytest.mark.parametrize(
    ("east", "north", "expected"),
    [
        (0.5, 0.5, "T0V0G0"),
        (7.5, 2.5, "T1V2G2"),
        (1, 0.5, "T0V0G0"),  # on the edge of two: the lower code
        (5, 1, "T0V0G4"),  # at the corner of four, in two villages of two towns
        (-0.02, 0.5, "T0V0G0"),  # 20 m outside: shapes are simplified
        (-0.5, 0.5, None),
        (100, 100, None),
    ],
)
def test_a_point_is_in_one_grid_or_none(edition, east, north, expected):
    assert code(whereabouts(edition, WEST + east * SIDE, SOUTH + north * SIDE)) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["T1V2G3"], "T1V2G3"),
        (["T1"], "T1"),
        (["T1000000"], "T1"),  # filled up to the length of a grid's code
        (["T1" + "000" * 300_000], None),  # a message may be as long
        (["430121", "T1V2"], "T1V2"),  # of another list, and ours
        (["T1V2G3", "T1V2G4"], "T1V2"),
        (["T1V2", "T1"], "T1"),
        (["T1", "T2"], None),
        (["430121", "", "000"], None),
        ([], None),
    ],
)
def test_codes_name_the_finest_region_that_holds_them_all(edition, given, expected):
    assert code(tree_of(edition).of(given)) == expected


def test_a_place_is_called_by_its_town_and_village(edition):
    tree = tree_of(edition)
    spoken = {name: tree.called(tree.of([name])) for name in ("T1", "T1V2", "T1V2G3")}
    assert spoken == {"T1": "第1镇", "T1V2": "第1镇12村", "T1V2G3": "第1镇12村"}


def test_the_tree_of_an_edition_is_read_once(edition):
    assert tree_of(edition) is tree_of(edition)


def test_a_tree_without_polygons_knows_no_point(edition):
    tree = Tree(edition)
    tree._shapes = []
    assert tree.at(WEST, SOUTH) is None
