"""A deterministic irregular tessellation with fractal shared borders, and points over it: input of
benchmarks and tests.
"""

from itertools import pairwise

import numpy as np
import shapely
from numpy.typing import NDArray

CENTRE = (113.0, 28.3)


def tessellation(
    columns: int, rows: int, extent: float = 0.6, depth: int = 5, seed: int = 1
) -> NDArray:
    """columns x rows polygons around CENTRE, `extent` degrees wide, denser towards the middle.

    The bricks of a wall with shaken corners; every side is broken `depth` times by a shifted
    midpoint, and both neighbours get the very same vertices. About 6 * 2**depth vertices a
    polygon.
    """
    rng = np.random.default_rng(seed)
    corner = _corners(columns, rows, extent, rng)
    outlines = [_outline(column, row) for row in range(rows) for column in range(columns)]
    names = sorted({name for outline in outlines for name, _ in outline})
    side = {(a, b): _fractal(corner[a], corner[b], depth, rng) for a, b in names}
    polygons = _polygons(outlines, side)
    while not (valid := shapely.is_valid(polygons)).all():
        for name in {name for i in np.flatnonzero(~valid) for name, _ in outlines[i]}:
            chord = np.linspace(side[name][0], side[name][-1], len(side[name]))
            side[name][1:-1] += (chord - side[name])[1:-1] / 2
        polygons = _polygons(outlines, side)
    return polygons


def points(count: int, polygons: NDArray, seed: int = 7) -> tuple[NDArray, NDArray]:
    """`count` points in random order: 70 % near towns, 27 % anywhere, 2 % far out, all with six
    decimals as a positioning device gives, and 1 % exactly on vertices.
    """
    rng = np.random.default_rng(seed)
    west, south, east, north = shapely.total_bounds(polygons)
    middle, size = (
        np.array([west + east, south + north]) / 2,
        np.array([east - west, north - south]),
    )
    towns = middle + rng.uniform(-0.4, 0.4, (18, 2)) * size
    near = towns[rng.integers(0, 18, count)] + rng.normal(0, 0.04, (count, 2)) * size
    kind = rng.random(count)
    xy = np.where(kind[:, None] < 0.70, near, middle + rng.uniform(-0.52, 0.52, (count, 2)) * size)
    xy = np.where(kind[:, None] > 0.97, middle + rng.uniform(-2, 2, (count, 2)) * size, xy).round(6)
    vertices = shapely.get_coordinates(polygons)
    xy = np.where(kind[:, None] > 0.99, vertices[rng.integers(0, len(vertices), count)], xy)
    return np.ascontiguousarray(xy[:, 0]), np.ascontiguousarray(xy[:, 1])


def _outline(column: int, row: int) -> list[tuple[tuple, bool]]:
    """The six sides around a brick, each as its two corners in order and whether it is walked that
    way.
    """
    left = 2 * column + row % 2
    below, above = [(left + k, row) for k in range(3)], [(left + k, row + 1) for k in (2, 1, 0)]
    around = pairwise([*below, *above, below[0]])
    return [((a, b), True) if a < b else ((b, a), False) for a, b in around]


def _polygons(outlines: list, side: dict) -> NDArray:
    rings = [[side[n][:-1] if ahead else side[n][:0:-1] for n, ahead in o] for o in outlines]
    return np.array([shapely.Polygon(np.concatenate(ring)) for ring in rings])


def _corners(columns: int, rows: int, extent: float, rng: np.random.Generator) -> dict:
    """Place of corner (half-brick column, row): shaken, then drawn towards the middle."""
    u, v = np.meshgrid(np.arange(2 * columns + 2), np.arange(rows + 1), indexing="ij")
    u = u / 2 + rng.uniform(-0.12, 0.12, u.shape)
    v = v + rng.uniform(-0.2, 0.2, v.shape)
    x, y = 2 * u / (columns + 0.5) - 1, 2 * v / rows - 1
    drawn = [(0.45 * t + 0.55 * t**3) * extent / 2 for t in (x, y)]
    place = np.stack([CENTRE[0] + drawn[0], CENTRE[1] + drawn[1]], axis=-1)
    return {(i, j): place[i, j] for i in range(place.shape[0]) for j in range(place.shape[1])}


def _fractal(a: NDArray, b: NDArray, depth: int, rng: np.random.Generator) -> NDArray:
    line = np.array([a, b])
    for _ in range(depth):
        step = np.diff(line, axis=0)
        sideways = np.column_stack([-step[:, 1], step[:, 0]]) * rng.uniform(
            -0.09, 0.09, (len(step), 1)
        )
        middle = (line[:-1] + line[1:]) / 2 + sideways
        finer = np.empty((2 * len(line) - 1, 2))
        finer[0::2], finer[1::2] = line, middle
        line = finer
    return line
