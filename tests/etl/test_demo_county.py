"""The synthetic county: the tree of 长沙县, shared borders, people and names."""

import json
from pathlib import Path

import numpy as np
import pytest
import shapely

from etl.demo import county


@pytest.fixture(scope="module")
def land() -> county.County:
    return county.build()


def test_the_tree_is_that_of_changsha_county(land):
    sizes = [len(level.codes) for level in (land.towns, land.villages, land.grids)]
    assert sizes == [18, 225, 2262]


@pytest.mark.parametrize("name", ["towns", "villages", "grids", "police_districts"])
def test_every_level_is_a_coverage_of_single_valid_polygons(land, name):
    shapes = getattr(land, name).shapes
    assert shapely.is_valid(shapes).all()
    assert (shapely.get_type_id(shapes) == 3).all()
    assert shapely.coverage_is_valid(shapes)


def test_each_level_is_exactly_the_union_of_the_one_below(land):
    for upper, lower in ((land.towns, land.villages), (land.villages, land.grids)):
        parents = np.array(lower.parents)
        for code, shape in zip(upper.codes, upper.shapes, strict=True):
            children = shapely.coverage_union_all(lower.shapes[parents == code])
            assert shapely.equals(children, shape)


def test_codes_are_the_parents_code_and_a_number(land):
    assert all(code[:9] == parent for code, parent in pairs(land.villages))
    assert all(code[:12] == parent for code, parent in pairs(land.grids))
    assert {len(code) for code in land.grids.codes} == {15}
    assert {code[:6] for code in land.grids.codes} == {"439921"}


def test_streets_number_from_001_and_towns_from_100(land):
    by_name = dict(zip(land.towns.names, land.towns.codes, strict=True))
    assert by_name["星湖街道"] == "439921001"
    assert by_name["角木镇"] == "439921100"
    assert sum(name.endswith("街道") for name in by_name) == 6


def test_codes_and_names_are_unique_in_each_layer(land):
    for name in ("towns", "villages", "grids", "police_districts", "key_areas"):
        level = getattr(land, name)
        assert len(set(level.codes)) == len(level.codes)
        assert len(set(level.names)) == len(level.names)


def test_people_add_up_over_the_levels(land):
    total = land.grids.population.sum()
    assert 1_200_000 < total < 1_450_000
    assert land.villages.population.sum() == total == land.towns.population.sum()
    assert (
        land.grids.population[land.is_urban].mean()
        > 2 * land.grids.population[~land.is_urban].mean()
    )


def test_every_address_lies_in_its_grid(land):
    points = shapely.points(land.address_lon, land.address_lat)
    assert shapely.covers(land.grids.shapes[:, None], points).all()


def test_police_districts_do_not_follow_the_towns(land):
    crossing = shapely.intersects(land.police_districts.shapes[:, None], land.towns.shapes[None, :])
    assert (crossing.sum(axis=0) > 1).sum() > 9


def test_the_layers_are_written_as_geojson(land, tmp_path: Path):
    files = county.write(land, tmp_path)
    assert [file.name for file in files][:3] == [
        "towns.geojson",
        "villages.geojson",
        "grids.geojson",
    ]
    first = json.loads(files[2].read_bytes())["features"][0]
    assert first["properties"]["code"] == "439921001001001"
    assert first["properties"]["parent"] == "439921001001"
    assert first["properties"]["population"] == land.grids.population[0]


def pairs(level: county.Level) -> list[tuple[str, str | None]]:
    return list(zip(level.codes, level.parents, strict=True))
