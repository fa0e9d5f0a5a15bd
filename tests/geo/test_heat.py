"""Heat cells lose no point, lie still, and are square on the ground."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.tessellation import points, tessellation
from geo.heat import heat_cells

coordinates = st.lists(
    st.tuples(st.floats(112, 114) | st.just(float("nan")), st.floats(27, 29)), max_size=50
)


@given(places=coordinates, cell_m=st.floats(10, 5_000))
@settings(max_examples=100, deadline=None)
def test_law_every_point_with_a_place_is_in_one_cell(places, cell_m):
    lon, lat = np.array(places, dtype=float).reshape(-1, 2).T
    cells = heat_cells(lon, lat, cell_m)
    assert cells["weight"].sum() == np.isfinite(lon).sum()
    assert not cells.duplicated(["lon", "lat"]).any()


def test_points_of_one_cell_are_added_at_its_centre():
    cells = heat_cells([0.001, 0.002, 0.011], [0.001, 0.002, 0.001], cell_m=1_113.2)
    assert cells["weight"].tolist() == [2, 1]
    assert cells["lon"].tolist() == pytest.approx([0.005, 0.015], rel=1e-6)
    assert cells["lat"].tolist() == pytest.approx([0.005, 0.005], rel=1e-6)


def test_a_cell_is_as_wide_as_it_is_high_on_the_ground():
    lon = np.linspace(113, 114, 2_001)
    cells = heat_cells(lon, np.full(2_001, 60.0), cell_m=1_000)
    step = np.diff(cells["lon"]).mean() * 111_320 * np.cos(np.radians(60))
    assert step == pytest.approx(1_000, rel=0.01)


def test_cells_do_not_move_when_points_are_added():
    few = heat_cells([113.0], [28.0], 300)
    more = heat_cells([113.0, 113.5, 110.0], [28.0, 28.2, 20.0], 300)
    assert few[["lon", "lat"]].iloc[0].tolist() in more[["lon", "lat"]].to_numpy().tolist()


def test_given_weights_are_added_instead_of_points():
    cells = heat_cells([113.0, 113.0, np.nan], [28.0, 28.0, 28.0], 300, weight=[0.5, 2.0, 9.0])
    assert cells["weight"].tolist() == [2.5]


def test_far_points_are_sorted_instead_of_counted_with_the_same_answer(monkeypatch):
    lon, lat = points(2_000, tessellation(3, 3))
    dense = heat_cells(lon, lat, 300)
    monkeypatch.setattr("geo.heat.DENSE", 0)
    assert dense.equals(heat_cells(lon, lat, 300).astype(dense.dtypes))
    assert heat_cells([-170.0, 170.0], [-80.0, 80.0], 10)["weight"].tolist() == [1, 1]


def test_no_points_no_cells_and_no_cell_size_is_refused():
    assert list(heat_cells([], [], 300)) == ["lon", "lat", "weight"]
    assert len(heat_cells([np.nan], [28.0], 300)) == 0
    with pytest.raises(ValueError):
        heat_cells([113.0], [28.0], 0)


def test_half_a_million_points_become_thousands_of_cells_at_once():
    lon, lat = points(500_000, tessellation(3, 3))
    start = time.perf_counter()
    cells = heat_cells(lon, lat, 2_500)
    assert time.perf_counter() - start < 0.5  # about 10 ms on a free core
    assert len(cells) < 10_000 and cells["weight"].sum() == 500_000
