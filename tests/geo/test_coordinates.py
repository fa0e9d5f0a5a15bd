"""Coordinates of every declared system land on the same WGS84 place, and come back."""

import time

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.coordinates import CoordinateError, from_wgs84, to_wgs84, to_wgs84_geometry

SHIFTED = ["GCJ-02", "BD-09"]
in_china_lon, in_china_lat = st.floats(72.004, 137.8347), st.floats(0.8293, 55.8271)
millimetre = 1e-3


def metres(lon_a, lat_a, lon_b, lat_b):
    return pyproj.Geod(ellps="WGS84").inv(lon_a, lat_a, lon_b, lat_b)[2]


def test_tiananmen_is_where_the_public_converters_put_it():
    # the worked example of the coordtransform package, which 高德 and 百度 users know
    lon, lat = from_wgs84(116.404, 39.915, "GCJ-02")
    assert (float(lon), float(lat)) == pytest.approx(
        (116.41024449916938, 39.91640428150164), abs=1e-12
    )
    x, y = to_wgs84(116.404, 39.915, "GCJ-02")
    lon, lat = from_wgs84(x, y, "BD-09")
    assert (float(lon), float(lat)) == pytest.approx(
        (116.41036949371029, 39.92133699351021), abs=1e-9
    )


@pytest.mark.parametrize("crs", SHIFTED)
@given(lon=in_china_lon, lat=in_china_lat)
@settings(max_examples=100, deadline=None)
def test_there_and_back_within_a_millimetre(crs, lon, lat):
    back = to_wgs84(*from_wgs84(lon, lat, crs), crs)
    assert metres(lon, lat, float(back[0]), float(back[1])) < millimetre


CITIES = {"Beijing": (116.40, 39.90), "Changsha": (112.94, 28.23), "Ürümqi": (87.62, 43.83)}


@pytest.mark.parametrize("crs", SHIFTED)
@pytest.mark.parametrize("city", CITIES)
def test_the_shift_is_hundreds_of_metres_where_people_live(crs, city):
    """Elsewhere in the box, as on the sea in its south, it may be less than fifty."""
    shifted = from_wgs84(*CITIES[city], crs)
    assert 100 < metres(*CITIES[city], float(shifted[0]), float(shifted[1])) < 2_000


@pytest.mark.parametrize("crs", SHIFTED)
@given(lon=in_china_lon, lat=in_china_lat)
@settings(max_examples=50, deadline=None)
def test_the_shift_is_nowhere_more_than_some_kilometres(crs, lon, lat):
    shifted = from_wgs84(lon, lat, crs)
    assert metres(lon, lat, float(shifted[0]), float(shifted[1])) < 3_000


@pytest.mark.parametrize("crs", SHIFTED)
@given(lon=st.floats(-180, 71.9), lat=st.floats(-90, 90))
@settings(max_examples=50, deadline=None)
def test_nothing_moves_outside_the_china_box(crs, lon, lat):
    assert from_wgs84(lon, lat, crs) == (lon, lat)
    assert to_wgs84(lon, lat, crs) == (lon, lat)


@pytest.mark.parametrize("crs", SHIFTED)
def test_a_million_points_come_back_within_a_millimetre_in_seconds(crs):
    rng = np.random.default_rng(0)
    lon, lat = rng.uniform(72.004, 137.8347, 1_000_000), rng.uniform(0.8293, 55.8271, 1_000_000)
    shifted = from_wgs84(lon, lat, crs)
    start = time.perf_counter()
    x, y = to_wgs84(*shifted, crs)
    assert time.perf_counter() - start < 5  # about 1 s on a free core
    error = np.hypot((x - lon) * 111_320 * np.cos(np.radians(lat)), (y - lat) * 110_540)
    assert error.max() < millimetre


@pytest.mark.parametrize("crs", ["WGS84", "GCJ-02", "BD-09", "EPSG:4545"])
def test_missing_stays_missing(crs):
    lon, lat = to_wgs84([np.nan, 113.0, np.nan], [28.0, np.nan, np.nan], crs)
    assert (np.isnan(lon) | np.isnan(lat)).all()
    if crs != "WGS84":
        assert np.isnan(lon).all() and np.isnan(lat).all()


def test_what_a_plane_system_cannot_express_is_missing():
    lon, lat = to_wgs84([1e30], [1e30], "EPSG:4545")
    assert np.isnan(lon[0]) and np.isnan(lat[0])


@pytest.mark.parametrize("name", ["CGCS2000", "cgcs 2000", "EPSG:4490", "WGS84", "EPSG:4326"])
def test_cgcs2000_and_wgs84_are_the_same_place(name):
    lon, lat = to_wgs84([113.080543], [28.254731], name)
    assert (lon[0], lat[0]) == (113.080543, 28.254731)


@pytest.mark.parametrize("name", ["gcj02", "GCJ_02", "Gcj-02"])
def test_spelling_of_a_name_does_not_matter(name):
    assert to_wgs84(113.0, 28.0, name) == to_wgs84(113.0, 28.0, "GCJ-02")


def test_three_degree_zone_of_cgcs2000_is_x_east_y_north():
    # 500 km false easting: the central meridian 114 E of EPSG:4547 is x = 500,000
    lon, lat = to_wgs84([500_000.0], [3_126_000.0], "EPSG:4547")
    assert lon[0] == pytest.approx(114.0, abs=1e-9)
    assert 28.2 < lat[0] < 28.3
    assert from_wgs84(lon, lat, "EPSG:4547")[1][0] == pytest.approx(3_126_000.0, abs=1e-3)


def test_esri_codes_and_wkt_name_the_same_system():
    wkt = pyproj.CRS("EPSG:3857").to_wkt()  # Mercator on a sphere of 6,378,137 m
    east, north = 12_600_000 / 6_378_137, np.arctan(np.sinh(3_270_000 / 6_378_137))
    for crs in ("EPSG:3857", "ESRI:102100", wkt):
        lon, lat = to_wgs84([12_600_000.0], [3_270_000.0], crs)
        assert (lon[0], lat[0]) == pytest.approx(np.degrees((east, north)), abs=1e-9)


def test_an_unknown_system_is_refused_in_words_the_user_reads():
    with pytest.raises(CoordinateError, match="不认识的坐标系“火星2000”.*GCJ-02"):
        to_wgs84([113.0], [28.0], "火星2000")


def test_geometry_moves_like_its_vertices_and_loses_its_height():
    square = shapely.Polygon([(113, 28, 5), (114, 28, 5), (114, 29, 5), (113, 29, 5)])
    moved, nothing = to_wgs84_geometry([square, None], "GCJ-02")
    assert nothing is None and not moved.has_z
    lon, lat = to_wgs84(113.0, 28.0, "GCJ-02")
    assert moved.exterior.coords[0] == (float(lon), float(lat))


def test_datav_boundaries_fit_the_streets_only_after_the_shift_is_undone(shared):
    """芙蓉区 (Changsha) from 高德: taken as WGS84 it lies hundreds of metres off."""
    file = shared / "realdata/china/boundaries/sky_geojson_cn/district/430102.json"
    district = shapely.from_geojson(file.read_text("utf-8")).geoms[0]
    right = to_wgs84_geometry([district], "GCJ-02")[0]
    here, there = district.centroid, right.centroid
    assert 300 < metres(here.x, here.y, there.x, there.y) < 900
    assert there.x < here.x  # 高德 draws Changsha too far east
    again = shapely.transform(right, lambda xy: np.column_stack(from_wgs84(*xy.T, "GCJ-02")))
    assert shapely.hausdorff_distance(district, again) < 1e-8
