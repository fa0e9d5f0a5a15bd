"""Points gather as the plain definition says, however many they are and wherever they lie."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rules.gathering import EARTH_M, apart_m, gathered

DEGREE_M = EARTH_M * np.pi / 180  # along a meridian
METRES, MINUTES = 100.0, 10.0


def defined(points: list[tuple[float, float, float]], least: int) -> list[set[int]]:
    """The gatherings by definition: every point that gathers, joined where they share one."""
    found: list[set[int]] = []
    for lon, lat, at in points:
        near = {
            number
            for number, (lon_2, lat_2, at_2) in enumerate(points)
            if 0 <= at - at_2 <= MINUTES * 60 and apart_m(lon, lat, lon_2, lat_2) <= METRES
        }
        if len(near) >= least:
            touched = [known for known in found if known & near]
            found = [known for known in found if not known & near] + [near.union(*touched)]
    return found


def parts(points: list[tuple[float, float, float]], least: int) -> list[set[int]]:
    lon, lat, at = np.array(points, dtype=float).reshape(-1, 3).T
    labels = gathered(lon, lat, at, least, METRES, MINUTES)
    return [
        set(np.flatnonzero(labels == label).tolist()) for label in np.unique(labels[labels >= 0])
    ]


def north(metres: float, minute: float = 0) -> tuple[float, float, float]:
    return 112.0, metres / DEGREE_M, minute * 60


def test_two_just_near_enough_gather_and_two_just_too_far_do_not():
    assert parts([north(0), north(99.999)], 2) == [{0, 1}]
    assert parts([north(0), north(100.001)], 2) == []
    assert parts([north(0), north(0, 10)], 2) == [{0, 1}]
    assert parts([north(0), north(0, 10.001)], 2) == []


def test_a_chain_is_one_gathering_but_needs_one_who_has_enough():
    chain = [north(90 * n, n) for n in range(5)]
    assert parts(chain, 2) == [{0, 1, 2, 3, 4}]
    assert parts(chain, 3) == []  # each has one before it within reach
    assert parts([*chain, north(95, 5)], 3) == [{0, 1, 2, 5}]


def test_a_quarter_of_the_way_round_is_a_quarter_of_the_way_round():
    quarter = EARTH_M * np.pi / 2
    for points in ((0, 0, 90, 0), (0, 0, 0, 90), (-135, 0, 135, 0), (12, 0, 77, 90)):
        assert apart_m(*points) == pytest.approx(quarter)


def test_it_holds_across_the_date_line_and_at_the_pole():
    assert parts([(179.9999, 0, 0), (-179.9999, 0, 0)], 2) == [{0, 1}]
    assert parts([(0, 89.9999, 0), (180, 89.9999, 0)], 2) == [{0, 1}]


def test_too_short_a_distance_is_refused():
    with pytest.raises(ValueError, match="应不小于 20"):
        gathered(np.zeros(2), np.zeros(2), np.zeros(2), 2, 19, 1)


spots = st.tuples(
    st.floats(-250, 250), st.floats(-250, 250), st.integers(0, 30).map(lambda m: m * 60.0)
)


@settings(deadline=None)
@given(
    st.lists(spots, max_size=25),
    st.integers(2, 5),
    st.sampled_from([(112.0, 28.0), (0.0, 0.0), (179.9999, -60.0), (30.0, 89.9)]),
)
def test_it_is_what_the_definition_says(offsets, least, centre):
    lon, lat = centre
    per_degree = DEGREE_M * np.cos(np.radians(lat))
    points = [(lon + x / per_degree, lat + y / DEGREE_M, at) for x, y, at in offsets]
    apart = [apart_m(*a[:2], *b[:2]) for a in points for b in points]
    assume(all(abs(distance - METRES) > 0.001 for distance in apart))
    assert sorted(map(sorted, parts(points, least))) == sorted(map(sorted, defined(points, least)))
