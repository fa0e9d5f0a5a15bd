"""Bins points into equal cells for a heat map, so that the browser gets thousands, not millions."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

METRES_PER_DEGREE = 111_320.0  # of latitude; 0.6 % either way from equator to pole
DENSE = 1 << 23  # cells of a rectangle up to which counting in an array beats sorting


def heat_cells(
    lon: ArrayLike, lat: ArrayLike, cell_m: float, weight: ArrayLike | None = None
) -> pd.DataFrame:
    """Columns lon, lat (centres of the cells that hold points) and weight (their points, or the
    sum of their weights), south to north and west to east.

    WGS84 degrees; cells of `cell_m` by `cell_m` metres: every row of cells is as wide in degrees as
    its latitude asks for. Cells do not depend on the points, so a heat map does not jitter from one
    refresh to the next. The weights add up to the points that have a place (NaN has none).
    """
    if not cell_m > 0:
        raise ValueError("cell_m must be positive")
    x, y = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    weights = None if weight is None else np.asarray(weight, dtype=np.float64)
    placed = np.isfinite(x) & np.isfinite(y)
    if not placed.all():
        x, y = x[placed], y[placed]
        weights = None if weights is None else weights[placed]
    height = cell_m / METRES_PER_DEGREE
    row = np.floor(y / height).astype(np.int64)
    column = np.floor(x / _width(row, height)).astype(np.int64)
    row, column, total = _totals(row, column, weights)
    centre_x, centre_y = (column + 0.5) * _width(row, height), (row + 0.5) * height
    return pd.DataFrame({"lon": centre_x, "lat": centre_y, "weight": total})


def _width(row: NDArray[np.int64], height: float) -> NDArray[np.float64]:
    """Degrees of longitude that are as long as `height` degrees of latitude in each row."""
    first = row.min(initial=0)
    rows = np.arange(first, row.max(initial=0) + 1)
    latitude = np.clip((rows + 0.5) * height, -89.9, 89.9)
    return (height / np.cos(np.radians(latitude)))[row - first]


def _totals(
    row: NDArray[np.int64], column: NDArray[np.int64], weights: NDArray[np.float64] | None
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray]:
    """The cells that hold something, and their totals."""
    if not len(row):
        return row, column, np.zeros(0, dtype=np.int64)
    south, west = row.min(), column.min()
    columns = int(column.max() - west) + 1
    key = (row - south) * columns + (column - west)
    if (int(row.max() - south) + 1) * columns <= DENSE:
        counts = np.bincount(key)
        cells = np.flatnonzero(counts)
        totals = counts[cells] if weights is None else np.bincount(key, weights)[cells]
    else:
        cells, cell = np.unique(key, return_inverse=True)
        totals = np.bincount(cell, weights)
    return cells // columns + south, cells % columns + west, totals
