"""Each point goes to exactly one polygon of a layer, the same that GEOS would name."""

from pathlib import Path
from zipfile import ZipFile

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import MultiPolygon, Polygon, box

from bench.tessellation import points, tessellation
from geo.layers import read_layer
from geo.locate import Index, cached_index, layer_hash

UNIT = {"a": box(0, 0, 1, 1), "b": box(1, 0, 2, 1), "c": box(0, 1, 1, 2), "d": box(1, 1, 2, 2)}


def located(shapes: dict, *places) -> list[str | None]:
    index = Index.build(list(shapes.values()), list(shapes))
    x, y = np.array(places, dtype=float).T
    return [str(index.codes[i]) if i >= 0 else None for i in index.locate(x, y)]


def oracle(shapes, x, y) -> np.ndarray:
    """Position of the first shape that intersects each point, by GEOS alone; -1 for none."""
    known = np.isfinite(x) & np.isfinite(y)
    found = np.full(len(x), len(shapes))
    places = shapely.points(np.where(known, x, 1e9), np.where(known, y, 1e9))
    point, polygon = shapely.STRtree(shapes).query(places, predicate="intersects")
    np.minimum.at(found, point, polygon)
    return np.where(found == len(shapes), -1, found)


def index_of(shapes, **options) -> Index:
    return Index.build(shapes, [f"{i:06d}" for i in range(len(shapes))], **options)


@pytest.fixture(scope="module")
def county() -> np.ndarray:
    return tessellation(12, 18)


def test_a_point_inside_goes_to_its_square():
    assert located(UNIT, (0.5, 0.5), (1.5, 0.5), (0.5, 1.5), (1.5, 1.5)) == ["a", "b", "c", "d"]


def test_a_shared_edge_goes_to_the_lowest_code():
    assert located(UNIT, (1, 0.5), (0.5, 1), (1.5, 1), (1, 1.5)) == ["a", "a", "b", "c"]


def test_the_corner_of_four_squares_goes_to_the_lowest_code():
    assert located(UNIT, (1, 1)) == ["a"]
    assert located({"z": UNIT["a"], "9": UNIT["d"], "10": UNIT["b"]}, (1, 1)) == ["10"]  # as text


def test_the_outer_rim_belongs_to_the_layer():
    assert located(UNIT, (0, 0), (2, 2), (0, 0.3), (2, 1)) == ["a", "d", "a", "b"]


def test_one_floating_point_step_decides():
    below, above = np.nextafter(1, 0), np.nextafter(1, 2)
    assert located(UNIT, (below, 0.5), (above, 0.5), (0.5, above), (above, above)) == [
        *("a", "b", "c", "d")
    ]
    assert located(UNIT, (-5e-324, 0.5), (np.nextafter(2, 3), 0.5)) == [None, None]


def test_outside_missing_and_infinite_go_nowhere():
    nowhere = [(3, 3), (-1, 0.5), (np.nan, 0.5), (0.5, np.nan), (np.inf, 0.5), (0.5, -np.inf)]
    assert located(UNIT, *nowhere, (1e308, -1e308), (0.5, 0.5)) == [None] * 7 + ["a"]
    index = Index.build([UNIT["a"]], ["a"])
    assert index.locate([None, 0.5], [0.5, None]).tolist() == [-1, -1]
    assert index.locate([], []).tolist() == []


def test_where_polygons_overlap_the_lowest_code_takes_the_point():
    shapes = {"b": box(0, 0, 3, 3), "a": box(1, 1, 2, 2)}
    assert located(shapes, (1.5, 1.5), (1, 1), (0.5, 0.5)) == ["a", "a", "b"]
    shapes = {"a": box(0, 0, 3, 3), "b": box(1, 1, 2, 2)}
    assert located(shapes, (1.5, 1.5), (1, 1), (0.5, 0.5)) == ["a", "a", "a"]


def test_a_hole_is_outside_but_its_rim_is_inside():
    ring = Polygon(box(0, 0, 3, 3).exterior, [box(1, 1, 2, 2).exterior])
    assert located({"ring": ring}, (1.5, 1.5), (1, 1.5), (1, 1), (0.5, 1.5)) == [
        *(None, "ring", "ring", "ring")
    ]
    assert located({"ring": ring, "yolk": box(1, 1, 2, 2)}, (1.5, 1.5), (1, 1.5)) == [
        "yolk",
        "ring",
    ]


def test_all_parts_of_a_multipolygon_have_its_code():
    islands = MultiPolygon([box(0, 0, 1, 1), box(2, 0, 3, 1), box(1, 1, 2, 2)])  # touch at corners
    assert located({"i": islands}, (0.5, 0.5), (2.5, 0.5), (1.5, 1.5), (1, 1), (1.5, 0.5)) == [
        *("i", "i", "i", "i", None)
    ]


def test_a_point_on_a_slanted_edge_is_decided_as_geos_does():
    triangles = [Polygon([(0, 0), (3, 0), (3, 1)]), Polygon([(0, 0), (3, 1), (0, 1)])]
    x = np.linspace(0, 3, 3001)
    y = x / 3  # rounding puts most a hair beside the edge
    assert np.array_equal(index_of(triangles).locate(x, y), oracle(triangles, x, y))


def test_codes_and_not_positions_decide():
    index = Index.build([box(1, 0, 2, 1), box(0, 0, 1, 1)], ["2", "1"])
    assert index.codes.tolist() == ["1", "2"]
    assert index.locate([0.5, 1.5, 1.0], [0.5, 0.5, 0.5]).tolist() == [0, 1, 0]


@pytest.mark.parametrize("codes", [["a", "a"], ["a", None], ["a", ""], ["a"]])
def test_codes_must_be_unique_texts(codes):
    with pytest.raises(ValueError):
        Index.build([UNIT["a"], UNIT["b"]], codes)


@pytest.mark.parametrize(
    "shape",
    [shapely.Point(0, 0), Polygon(), Polygon([(0, 0), (1, 1), (1, 0), (0, 1)]), None],
    ids=["point", "empty", "bowtie", "none"],
)
def test_what_is_no_valid_polygon_is_refused(shape):
    with pytest.raises(ValueError):
        Index.build([shape], ["a"])


def adversarial(county: np.ndarray, index: Index, count: int = 5_000):
    """Points where an inexact index fails: on vertices, edges, raster lines, and a hair beside."""
    rng = np.random.default_rng(3)
    vertices = shapely.get_coordinates(county)
    k = rng.integers(0, len(vertices) - 1, count)
    a, b = vertices[k], vertices[k + 1]
    raster, pick = index.raster, lambda: vertices[rng.integers(0, len(vertices), count)]
    yield "vertices", pick()
    yield "midpoints", (a + b) / 2
    yield "on edges", a + (b - a) * rng.random((count, 1))
    yield "one step off", np.nextafter(pick(), rng.choice([-1e9, 1e9], (count, 2)))
    yield "level with vertices", np.column_stack([pick()[:, 0], pick()[:, 1]])
    column, row = rng.integers(0, raster.columns, count), rng.integers(0, raster.rows, count)
    lines = raster.west + column / raster.per_x, raster.south + row / raster.per_y
    yield "cell corners", np.column_stack(lines)


@pytest.mark.parametrize("cells", [16, 4_096, None])
def test_equal_to_geos_on_adversarial_points_whatever_the_raster(county, cells):
    index = index_of(county, cells=cells)
    for name, xy in adversarial(county, index):
        x, y = xy.T
        assert np.array_equal(index.locate(x, y), oracle(county, x, y)), name


@pytest.mark.parametrize("first", [True, False])
def test_equal_to_geos_with_overlaps_holes_and_islands(county, first):
    shapes = county.copy()
    shapes[10] = shapely.union(county[10], county[100])
    shapes[20] = county[20].difference(county[20].representative_point().buffer(0.0005))
    west, south, east, north = shapely.total_bounds(county)
    cover = box(west, south, (west + east) / 2, (south + north) / 2)
    shapes = np.r_[[cover], shapes] if first else np.r_[shapes, [cover]]
    index = index_of(shapes)
    for name, xy in adversarial(county, index, 2_000):
        x, y = xy.T
        assert np.array_equal(index.locate(x, y), oracle(shapes, x, y)), name


def test_equal_to_geopandas_sjoin_once_double_counts_are_removed(county):
    index = index_of(county)
    x, y = points(20_000, county)
    layer = gpd.GeoDataFrame({"code": index.codes}, geometry=county, crs=4326)
    places = gpd.GeoDataFrame(geometry=gpd.points_from_xy(x, y), crs=4326)
    joined = gpd.sjoin(places, layer, predicate="intersects")
    assert len(joined) > joined.index.nunique()  # sjoin counts points on shared borders twice
    lowest = joined.groupby(level=0)["code"].min().reindex(range(len(x)))
    found = index.locate(x, y)
    ours = np.where(found >= 0, index.codes[found], None)
    assert (pd.Series(ours, dtype=object).fillna("") == lowest.fillna("")).all()


small = st.integers(-2, 6)
on_paper = st.one_of(small, st.floats(-2, 6), small.map(lambda n: n / 2 + 5e-16))
rectangles = st.tuples(small, small, st.integers(1, 3), st.integers(1, 3)).map(
    lambda r: box(r[0], r[1], r[0] + r[2], r[1] + r[3])
)
triangles = (
    st.lists(st.tuples(small, small), min_size=3, max_size=3).map(Polygon).filter(lambda t: t.area)
)


@given(
    shapes=st.lists(st.one_of(rectangles, triangles), min_size=1, max_size=6),
    places=st.lists(st.tuples(on_paper, on_paper), min_size=1, max_size=40),
    cells=st.sampled_from([1, 30, 5_000]),
)
@settings(max_examples=100, deadline=None)
def test_law_any_polygons_any_points_equal_to_geos(shapes, places, cells):
    x, y = np.array(places, dtype=float).T
    assert np.array_equal(index_of(shapes, cells=cells).locate(x, y), oracle(shapes, x, y))


@given(places=st.lists(st.tuples(on_paper, on_paper), max_size=60))
@settings(max_examples=50, deadline=None)
def test_law_of_conservation_every_point_is_counted_once(places):
    index = Index.build(list(UNIT.values()), list(UNIT))
    x, y = np.array(places, dtype=float).reshape(-1, 2).T
    found = index.locate(x, y)
    assert np.bincount(found + 1, minlength=5).sum() == len(places)
    inside = (x >= 0) & (x <= 2) & (y >= 0) & (y <= 2)
    assert (found >= 0).sum() == inside.sum()


@given(order=st.permutations(list(UNIT)))
@settings(max_examples=24, deadline=None)
def test_law_the_order_of_delivery_does_not_matter(order):
    shapes = [UNIT[code] for code in order]
    assert layer_hash(shapes, order) == layer_hash(list(UNIT.values()), list(UNIT))
    assert located({code: UNIT[code] for code in order}, (1, 1), (1, 1.5)) == ["a", "c"]


def test_a_saved_index_answers_the_same(county, tmp_path):
    index = index_of(county)
    index.save(tmp_path / "index.npz")
    again = Index.load(tmp_path / "index.npz")
    x, y = points(5_000, county)
    assert np.array_equal(index.locate(x, y), again.locate(x, y))
    assert again.codes.tolist() == index.codes.tolist()
    assert shapely.equals_exact(shapely.multipolygons([county[0]]), again.polygons[0])
    assert [file.name for file in tmp_path.iterdir()] == ["index.npz"]


def test_the_cache_builds_once_and_again_when_a_vertex_moves(tmp_path, monkeypatch):
    layer = gpd.GeoDataFrame({"code": list(UNIT)}, geometry=list(UNIT.values()), crs=4326)
    cached_index(tmp_path, layer)
    with monkeypatch.context() as patch:
        patch.setattr(Index, "build", lambda *_: pytest.fail("built again"))
        assert cached_index(tmp_path, layer).locate([0.5], [0.5]).tolist() == [0]
    layer.loc[0, "geometry"] = box(0, 0, 1, 0.9)
    assert cached_index(tmp_path, layer).locate([0.5], [0.95]).tolist() == [-1]
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 not really"])
def test_a_damaged_cache_is_built_anew(tmp_path, damage):
    layer = gpd.GeoDataFrame({"code": list(UNIT)}, geometry=list(UNIT.values()), crs=4326)
    cached_index(tmp_path, layer)
    (file,) = tmp_path.iterdir()
    file.write_bytes(damage)
    assert cached_index(tmp_path, layer).locate([1.5], [1.5]).tolist() == [3]


def test_the_size_of_an_index_is_bounded(county):
    assert index_of(county).nbytes < 10e6
    assert len(index_of(county, cells=100).cell) < 400


def test_boston_counts_equal_the_expected_ones(shared):
    """121,145 reports of 2015 in tracts that overlap, and in districts."""
    folder = shared / "realdata/boston"
    x, y = boston_points(folder)
    for file, code, expected in [
        ("census_tracts_metro", "tract_id", "census_tract"),
        ("police_districts", "DISTRICT", "police_district"),
    ]:
        layer = read_layer([folder / f"{file}.geojson.gz"], code=code)
        index = Index.build(np.asarray(layer.geometry.array), layer["code"].tolist())
        found = index.locate(x, y)
        counts = pd.Series(index.codes[found[found >= 0]]).value_counts()
        right = pd.read_csv(folder / f"expected_counts_{expected}.csv", index_col=0)["n_assigned"]
        right.index = right.index.astype(str)
        assert counts.to_dict() == right[right > 0].to_dict()


def boston_points(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    with ZipFile(folder / "boston311_2015_by_type_csv.zip") as archive:
        frame = pd.concat([pd.read_csv(archive.open(n), dtype=str) for n in archive.namelist()])
    return tuple(pd.to_numeric(frame[key]).to_numpy() for key in ("LONGITUDE", "LATITUDE"))
