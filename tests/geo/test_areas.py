"""An alert is placed by a point of its area."""

import numpy as np
import pytest

from geo.areas import points_in_areas

SQUARE = "0,0 0,2 2,2 2,0 0,0"  # latitude first, as CAP has it
FAR = "10,20 10,24 14,24 14,20 10,20"


def test_a_polygon_gives_a_point_inside_with_longitude_first():
    lon, lat = points_in_areas([FAR], [None])
    assert 20 < lon[0] < 24 and 10 < lat[0] < 14


def test_the_largest_of_several_polygons_counts():
    lon, lat = points_in_areas([f"{SQUARE};{FAR}"], [None])
    assert lon[0] > 20 and lat[0] > 10


@pytest.mark.parametrize("circle", ["30.5,114.25 3", "30.5,114.25 0.0;1,1 1"])
def test_a_circle_gives_its_centre(circle):
    lon, lat = points_in_areas([None], [circle])
    assert (lon[0], lat[0]) == (114.25, 30.5)


@pytest.mark.parametrize(
    "text",
    ["x", "0,0", "0,0 0,1", "0,0 0,2 2,2 2,x 0,0", "0 0 0 0", "0,0,0 1,1,1 2,2,2 0,0,0", ",", "{}"]
    + ["nan,0 0,2 2,2 nan,0", "inf,0 0,2 2,2 inf,0"],
)
def test_a_text_that_is_no_area_is_nowhere_and_harms_no_other(text):
    lon, lat = points_in_areas([text, FAR, None], [None, None, text])
    assert np.isnan(lon[0]) and 20 < lon[1] < 24
    assert np.isnan(lat[0]) and 10 < lat[1] < 14


def test_no_area_is_nowhere_and_an_empty_list_stays_empty():
    lon, lat = points_in_areas([None, None], [None, ""])
    assert np.isnan(lon).all() and np.isnan(lat).all()
    assert len(points_in_areas([], [])[0]) == 0
