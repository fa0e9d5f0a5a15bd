"""Measures point -> polygon: one million points into 2,262 grids against geopandas.sjoin, and ten.

numba would be a dependency of 210 MB and a compilation of three seconds in every new process, and
on two cores gained nothing that could be told from noise (0.6x to 1.3x). Where it happens to be
installed, the same index is also walked by a compiled loop, and the comparison printed.
"""

import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import TypeVar

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray

from bench.figure import Figure
from bench.tessellation import points, tessellation
from geo.locate import COVERED, OUTSIDE, SIGN_ERROR, SIGN_FLOOR, UNDECIDED, Index

T = TypeVar("T")
COLUMNS, ROWS = 39, 58  # 2,262 grids, as many as 长沙县 has
MILLION = 1_000_000


def figures() -> list[Figure]:
    """Every figure that the issue asks of locate: issue, name, measured, unit, target, ok."""
    shapes = tessellation(COLUMNS, ROWS)
    codes = [f"430121{i:09d}" for i in range(len(shapes))]
    build, index = _timed(lambda: Index.build(shapes, codes))
    lon, lat = points(MILLION, shapes)
    ours, found = _best(lambda: index.locate(lon, lat))
    theirs, joined = _sjoin(shapes, lon, lat)
    different = int((found != joined).sum())
    many_lon, many_lat = points(10 * MILLION, shapes)
    ten, _ = _timed(lambda: index.locate(many_lon, many_lat))
    if find_spec("numba"):
        _print_what_numba_would_add(index, lon, lat, found, ours)
    return [
        Figure("locate_1m_vs_geopandas_sjoin", theirs / ours, "x", 20, is_least=True),
        Figure("locate_1m_different_from_sjoin", different, "points", 0),
        Figure("locate_1m", ours, "s", 0.5),
        Figure("locate_10m", ten, "s", 5.0),
        Figure("locate_index_build_2262", build, "s", 10.0),
    ]


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def _best(work: Callable[[], T], times: int = 3) -> tuple[float, T]:
    """The fastest of a few runs: what it takes when the machine does nothing else."""
    return min((_timed(work) for _ in range(times)), key=lambda run: run[0])


def _sjoin(shapes: NDArray, lon: NDArray, lat: NDArray) -> tuple[float, NDArray]:
    """Seconds of the join alone, and the first grid of each point that it names (-1 for none)."""
    layer = gpd.GeoDataFrame({"position": np.arange(len(shapes))}, geometry=shapes, crs=4326)
    places = gpd.GeoDataFrame(geometry=gpd.points_from_xy(lon, lat), crs=4326)
    seconds, joined = _best(lambda: gpd.sjoin(places, layer, predicate="intersects"), times=2)
    lowest = np.full(len(lon), len(shapes))
    np.minimum.at(lowest, joined.index.to_numpy(), joined["position"].to_numpy())
    return seconds, np.where(lowest == len(shapes), -1, lowest)


def _print_what_numba_would_add(
    index: Index, lon: NDArray, lat: NDArray, found: NDArray, ours: float
) -> None:
    compile_s, locate = _timed(lambda: _compiled(index))
    first, _ = _timed(lambda: locate(lon[:1_000], lat[:1_000]))
    seconds, answer = _best(lambda: locate(lon, lat))
    decided = answer != -2  # the rest would go to GEOS, as it does now
    same = np.array_equal(answer[decided], found[decided])
    print(
        f"numba on 1M points: {seconds:.3f} s against {ours:.3f} s of numpy ({ours / seconds:.1f}x)"
        f" after {compile_s + first:.1f} s of compilation, same answers: {same}"
    )


def _compiled(index: Index) -> Callable[[NDArray, NDArray], NDArray]:
    """The loop that numba would allow, on the arrays of the same index; -2 = GEOS must decide."""
    import numba  # pyright: ignore[reportMissingImports]  # optional: only this note needs it

    @numba.njit
    def covers(x, y, edges, vertices):
        inside = OUTSIDE
        for k in edges:
            x1, y1, x2, y2 = vertices[k, 0], vertices[k, 1], vertices[k + 1, 0], vertices[k + 1, 1]
            if y1 == y and (x1 == x or (y2 == y and min(x1, x2) <= x <= max(x1, x2))):
                return COVERED
            if (y1 > y) == (y2 > y):
                continue
            left, right = (x1 - x) * (y2 - y), (y1 - y) * (x2 - x)
            if abs(left - right) <= SIGN_ERROR * (abs(left) + abs(right)) + SIGN_FLOOR:
                inside = UNDECIDED
            elif inside != UNDECIDED and (left > right) == (y2 > y):
                inside = COVERED - inside
        return inside

    @numba.njit
    def choose(x, y, row, border, start, candidates, first, strip_of, cut, edges, vertices):
        for candidate in candidates[start[border] : start[border + 1]]:
            if candidate < 0:
                return -1 - candidate
            strip = strip_of[candidate] + row - first[candidate]
            answer = covers(x, y, edges[cut[strip] : cut[strip + 1]], vertices)
            if answer == COVERED:
                return candidate
            if answer == UNDECIDED:
                return -2
        return -1

    @numba.njit
    def walk(x, y, row, cell, arrays):
        found = cell.copy()
        for i in range(len(x)):
            if cell[i] < -1:
                found[i] = choose(x[i], y[i], row[i], -2 - cell[i], *arrays)
        return found

    arrays = (index.candidate_start, index.candidates, index.first_row, index.strip_of)
    arrays += (index.strip_start, index.strip_edges, index.coordinates)

    def locate(lon: NDArray, lat: NDArray) -> NDArray:
        row = index.raster.row(lat)
        cell = index.cell.take(row * index.raster.columns + index.raster.column(lon))
        return walk(lon, lat, row, cell, arrays)

    return locate
