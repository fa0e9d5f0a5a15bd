"""Finds the polygon that each point lies in: the lowest code among those that cover it, exactly as
GEOS would answer.

A raster over the layer answers at once wherever no border runs through the cell. In a border cell
the point is tested against its few candidate polygons by counting the edges that a ray to the east
crosses, and only the edges of one raster row are looked at. A sign that floating point cannot
decide for certain is decided by GEOS itself.

Numpy alone does it: bench/locate.py has what numba would gain and geopandas.sjoin takes.
"""

import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from zipfile import BadZipFile

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

FORMAT = 1  # of the saved index; part of its name, so that an older file is never read
CELLS_PER_POLYGON = 2_000
CELLS = (1 << 12, 1 << 24)  # fewest and most raster cells: the largest raster takes 64 MB
CHUNK = 1 << 17  # points at a time, so that the temporary arrays stay small
EDGES_AT_ONCE = 1 << 22  # bounds the temporary arrays of the border tests

# Shewchuk (1997), "Adaptive Precision Floating-Point Arithmetic", the bound A of orient2d; and far
# above underflow.
SIGN_ERROR, SIGN_FLOOR = 3.3306690738754716e-16, 1e-280
OUTSIDE, COVERED, UNDECIDED = 0, 1, 2
DAMAGED = (OSError, ValueError, KeyError, EOFError, BadZipFile)


@dataclass(frozen=True, eq=False)
class Raster:
    """An even raster over a layer with at least one empty cell all round, so that points outside
    fall on its rim.
    """

    west: float
    south: float
    per_x: float
    per_y: float
    columns: int
    rows: int

    @classmethod
    def over(cls, bounds: Floats, cells: int) -> "Raster":
        """`cells` nearly square cells (true to length on the ground) over (west, south, east,
        north).
        """
        west, south, east, north = bounds.tolist()
        shrink = np.cos(np.radians(min(abs(south + north) / 2, 85.0)))
        aspect = max((east - west) * shrink, 1e-300) / max(north - south, 1e-300)
        columns = np.sqrt(cells * np.clip(aspect, 1e-3, 1e3))
        across = _axis(west, east, columns)
        along = _axis(south, north, cells / columns)
        return cls(across[0], along[0], across[1], along[1], across[2], along[2])

    def column(self, x: Floats) -> Ints:
        """Column of each x. Monotone in x, which is what makes the index exact; beyond the rim and
        NaN -> the rim.
        """
        return np.fmin(np.fmax((x - self.west) * self.per_x, 0), self.columns - 1).astype(np.int64)

    def row(self, y: Floats) -> Ints:
        """Row of each y, as `column`."""
        return np.fmin(np.fmax((y - self.south) * self.per_y, 0), self.rows - 1).astype(np.int64)


def _axis(low: float, high: float, cells: float) -> tuple[float, float, int]:
    """Origin, cells per unit and number of cells of one axis; a cell is never finer than 1,024
    floating-point steps.
    """
    step = 1024 * float(np.spacing(max(abs(low), abs(high), 1e-290)))
    count = int(np.clip((high - low) / step, 1, max(cells, 1)))
    size = max((high - low) / count, step)
    return low - 1.5 * size, 1 / size, count + 3


@dataclass(frozen=True, eq=False)
class Index:
    """Where each point of a layer belongs. `codes` are in string order; `locate` answers with
    positions in them.

    Polygon p has one run of `strip_edges` for every raster row it touches: rows `first_row[p]`
    ..., runs `strip_of[p]` ..., cut at `strip_start`. `cell` holds for every raster cell the
    polygon that covers it, -1 for none, or -2 - b for border cell b, whose candidates are
    `candidates[candidate_start[b] : candidate_start[b + 1]]` in rising order; a candidate -1 - p
    covers the whole cell and needs no test.
    """

    codes: NDArray[np.str_]
    raster: Raster
    cell: NDArray[np.int32]
    candidate_start: NDArray[np.int32]
    candidates: NDArray[np.int32]
    first_row: NDArray[np.int32]
    strip_of: NDArray[np.int32]
    strip_start: NDArray[np.int32]
    strip_edges: NDArray[np.int32]
    coordinates: Floats
    ring_start: NDArray[np.int64]
    part_start: NDArray[np.int64]
    polygon_start: NDArray[np.int64]

    @classmethod
    def build(
        cls, geometries: ArrayLike, codes: Sequence[str], cells: int | None = None
    ) -> "Index":
        """Index of valid polygons and multipolygons with unique codes; `cells`: size of the
        raster, else by their number.

        Raises ValueError for anything else: `layers.validate` repairs and refuses with the file
        and the reason.
        """
        polygons, ordered = _in_code_order(geometries, codes)
        if cells is None:
            cells = int(np.clip(CELLS_PER_POLYGON * len(polygons), *CELLS))
        raster = Raster.over(shapely.total_bounds(polygons), cells)
        return _build(polygons, ordered, raster)

    def locate(self, lon: ArrayLike, lat: ArrayLike) -> NDArray[np.int32]:
        """Position in `codes` of the polygon of each point, -1 where none covers it (or NaN,
        infinite, None).

        A border belongs to its polygon; where several cover a point the lowest code takes it.
        """
        x, y = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
        found = np.empty(len(x), dtype=np.int32)
        with np.errstate(over="ignore"):  # points far away: infinite is beyond the rim as well
            for start in range(0, len(x), CHUNK):
                part = slice(start, start + CHUNK)
                found[part] = self._locate(x[part], y[part])
        return found

    def save(self, path: Path) -> None:
        """Writes the index as one .npz; the file appears complete or not at all."""
        arrays = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "raster"}
        raster = [getattr(self.raster, f.name) for f in fields(Raster)]
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        with os.fdopen(handle, "wb") as file:
            np.savez(file, raster=np.array(raster), **arrays)
        os.replace(name, path)

    @classmethod
    def load(cls, path: Path) -> "Index":
        """The index that `save` wrote. Raises one of DAMAGED if the file is not one."""
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            west, south, per_x, per_y, columns, rows = stored["raster"].tolist()
            raster = Raster(west, south, per_x, per_y, int(columns), int(rows))
            return cls(
                raster=raster, **{f.name: stored[f.name] for f in fields(cls) if f.name != "raster"}
            )

    @property
    def nbytes(self) -> int:
        """Memory of the arrays in bytes."""
        return sum(getattr(self, f.name).nbytes for f in fields(self) if f.name != "raster")

    @cached_property
    def polygons(self) -> NDArray[np.object_]:
        """The polygons in code order, rebuilt bit by bit; only points next to an edge need them."""
        offsets = (self.ring_start, self.part_start, self.polygon_start)
        return shapely.from_ragged_array(
            shapely.GeometryType.MULTIPOLYGON, self.coordinates, offsets
        )

    @property
    def _segments(self) -> Floats:
        """x1, y1, x2, y2 from each vertex to the next, as a view; the one between two rings is in
        no strip.
        """
        return np.lib.stride_tricks.sliding_window_view(self.coordinates.ravel(), 4)[::2]

    def _locate(self, x: Floats, y: Floats) -> NDArray[np.int32]:
        row = self.raster.row(y)
        found = self.cell.take(row * self.raster.columns + self.raster.column(x))
        border = np.flatnonzero(found < -1)
        if len(border):
            cell = -2 - found[border]
            found[border] = self._choose(x[border], y[border], row[border], cell)
        return found

    def _choose(
        self, x: Floats, y: Floats, row: Ints, cell: NDArray[np.int32]
    ) -> NDArray[np.int32]:
        """The first candidate of each point's border cell that covers it: one round for each place
        in the lists.
        """
        chosen = np.full(len(x), -1, dtype=np.int32)
        at, end = self.candidate_start[cell], self.candidate_start[cell + 1]
        open_points = np.arange(len(x))
        while len(open_points):
            candidate = self.candidates[at[open_points]]
            covered = candidate < 0
            test = np.flatnonzero(~covered)
            points = open_points[test]
            covered[test] = self._covers(candidate[test], x[points], y[points], row[points])
            chosen[open_points[covered]] = np.where(candidate < 0, -1 - candidate, candidate)[
                covered
            ]
            at[open_points] += 1
            open_points = open_points[~covered & (at[open_points] < end[open_points])]
        return chosen

    def _covers(self, polygon: NDArray[np.integer], x: Floats, y: Floats, row: Ints) -> Flags:
        """Whether each polygon covers its point, whose raster row is given."""
        strip = self.strip_of[polygon] + row - self.first_row[polygon]
        start, end = self.strip_start[strip], self.strip_start[strip + 1]
        covered = np.empty(len(x), dtype=bool)
        for part in _pieces(end - start):
            edges, owner = _ranges(start[part], end[part])
            answer = _by_ray(self._segments[self.strip_edges[edges]], owner, x[part], y[part])
            covered[part] = answer == COVERED
            unsure = np.flatnonzero(answer == UNDECIDED)
            if len(unsure):
                unsure += part.start
                covered[unsure] = shapely.intersects_xy(
                    self.polygons[polygon[unsure]], x[unsure], y[unsure]
                )
        return covered


def cached_index(cache_dir: Path, layer: gpd.GeoDataFrame) -> Index:
    """The index of a layer (columns code, geometry), built once per content: kept in `cache_dir`
    under its hash.
    """
    geometries, codes = np.asarray(layer.geometry.array), layer["code"].tolist()
    path = cache_dir / f"{layer_hash(geometries, codes)}.npz"
    if path.exists():
        try:
            return Index.load(path)
        except DAMAGED:
            path.unlink(missing_ok=True)  # a damaged cache costs the time to build it again
    index = Index.build(geometries, codes)
    index.save(path)
    return index


def layer_hash(geometries: ArrayLike, codes: Sequence[str]) -> str:
    """Content hash of the polygons and their codes, whatever order they come in."""
    polygons, ordered = _in_code_order(geometries, codes)
    digest = sha256(f"locate {FORMAT} {len(ordered)}".encode())
    for code, polygon in zip(ordered.tolist(), shapely.to_wkb(polygons), strict=True):
        digest.update(f"{len(code)} {code} {len(polygon)} ".encode())
        digest.update(polygon)
    return digest.hexdigest()[:32]


def _in_code_order(geometries: ArrayLike, codes: Sequence[str]) -> tuple[NDArray, NDArray]:
    polygons = shapely.force_2d(np.asarray(geometries, dtype=object))
    names = list(codes)
    if not len(polygons) or len(polygons) != len(names):
        raise ValueError(f"{len(polygons)} polygons, {len(names)} codes")
    if len(set(names)) != len(names) or not all(isinstance(name, str) and name for name in names):
        raise ValueError("codes must be unique texts")
    if not np.isin(shapely.get_type_id(polygons), (3, 6)).all() or shapely.is_empty(polygons).any():
        raise ValueError("only polygons and multipolygons that are not empty can be located in")
    order = sorted(range(len(names)), key=names.__getitem__)
    return polygons[order], np.array([names[i] for i in order])


def _build(polygons: NDArray, codes: NDArray, raster: Raster) -> Index:
    """Edges by strip, cells with a border, then the runs of cells between them, inside or outside
    as a whole.
    """
    if not (valid := shapely.is_valid(polygons)).all():
        wrong = int(np.argmin(valid))
        raise ValueError(f"{codes[wrong]}: {shapely.is_valid_reason(polygons[wrong])}")
    rings = _rings(polygons)
    edge, edge_polygon = _edges(rings)
    bare = _strips(codes, raster, rings, edge, edge_polygon)
    border_polygon, border_cell = _border_cells(bare, edge, edge_polygon)
    whole = _whole_cells(bare, border_polygon, border_cell)
    return _with_cells(bare, whole, border_polygon, border_cell)


def _rings(polygons: NDArray) -> dict[str, NDArray]:
    """All vertices and where rings, parts and polygons start."""
    parts, owner = shapely.get_parts(polygons, return_index=True)
    _, coordinates, (ring_start, part_start) = shapely.to_ragged_array(parts, include_z=False)
    return {
        "coordinates": coordinates,
        "ring_start": ring_start.astype(np.int64),
        "part_start": part_start.astype(np.int64),
        "polygon_start": np.searchsorted(owner, np.arange(len(polygons) + 1)),
    }


def _edges(rings: dict[str, NDArray]) -> tuple[Ints, Ints]:
    """Number of the first vertex of each edge, and the polygon it belongs to."""
    ring_of_polygon = rings["part_start"][rings["polygon_start"]]
    ends = rings["ring_start"][1:] - 1
    edge = np.delete(np.arange(len(rings["coordinates"])), ends)
    vertices = np.diff(rings["ring_start"][ring_of_polygon])
    return edge, np.delete(np.repeat(np.arange(len(vertices)), vertices), ends)


def _strips(
    codes: NDArray, raster: Raster, rings: dict[str, NDArray], edge: Ints, edge_polygon: Ints
) -> Index:
    """The index without its cells: the edges of every polygon in every raster row."""
    y = rings["coordinates"][:, 1]
    row = raster.row(y)
    low, high = np.minimum(row[edge], row[edge + 1]), np.maximum(row[edge], row[edge + 1])
    first, last = np.full(len(codes), raster.rows), np.zeros(len(codes), dtype=np.int64)
    np.minimum.at(first, edge_polygon, low)
    np.maximum.at(last, edge_polygon, high)
    strip_of = np.r_[0, np.cumsum(last - first + 1)]
    rows, owner = _ranges(low, high + 1)
    strip = strip_of[edge_polygon[owner]] + rows - first[edge_polygon[owner]]
    small, none = np.int32, np.zeros(0, dtype=np.int32)
    return Index(
        codes=codes,
        raster=raster,
        cell=none,
        candidate_start=none,
        candidates=none,
        first_row=first.astype(small),
        strip_of=strip_of[:-1].astype(small),
        strip_start=_starts(strip, strip_of[-1]).astype(small),
        strip_edges=edge[owner[np.argsort(strip, kind="stable")]].astype(small),
        **rings,
    )


def _border_cells(index: Index, edge: Ints, edge_polygon: Ints) -> tuple[Ints, Ints]:
    """(polygon, cell) for every cell that an edge of the polygon may touch, in rising order.

    Edges are cut into raster rows with a margin of a millionth of a cell, far above the rounding
    of the cut.
    """
    raster, margin = index.raster, 1e-6
    x = (index.coordinates[:, 0] - raster.west) * raster.per_x
    y = (index.coordinates[:, 1] - raster.south) * raster.per_y
    x1, y1, x2, y2 = x[edge], y[edge], x[edge + 1], y[edge + 1]
    low, high = np.minimum(y1, y2), np.maximum(y1, y2)
    row, owner = _ranges(low.astype(np.int64), high.astype(np.int64) + 1)
    from_y, to_y = np.maximum(low[owner], row - margin), np.minimum(high[owner], row + 1 + margin)
    rise = np.where(y1 == y2, 1.0, y2 - y1)[owner]
    slope, flat = (x2 - x1)[owner], (y1 == y2)[owner]
    a = x1[owner] + slope * np.where(flat, 0.0, np.clip((from_y - y1[owner]) / rise, 0, 1))
    b = x1[owner] + slope * np.where(flat, 1.0, np.clip((to_y - y1[owner]) / rise, 0, 1))
    left, right = np.minimum(a, b) - margin, np.maximum(a, b) + margin
    column, cut = _ranges(left.astype(np.int64), right.astype(np.int64) + 1)
    cells = raster.rows * raster.columns
    key = edge_polygon[owner[cut]] * cells + row[cut] * raster.columns + column
    return np.divmod(np.unique(key[np.r_[True, key[1:] != key[:-1]]]), cells)


def _whole_cells(index: Index, polygon: Ints, cell: Ints) -> NDArray[np.int32]:
    """For every cell the lowest polygon that covers it whole, else -1.

    Between two border cells of one row a polygon holds all cells or none: the centre of the first
    tells.
    """
    raster = index.raster
    row, column = np.divmod(cell, raster.columns)
    together = (polygon[1:] == polygon[:-1]) & (row[1:] == row[:-1]) & (np.diff(cell) > 1)
    before = np.flatnonzero(together)
    x = raster.west + (column[before] + 1.5) / raster.per_x
    y = raster.south + (row[before] + 0.5) / raster.per_y
    inside = before[index._covers(polygon[before], x, y, row[before])]
    cells, run = _ranges(cell[inside] + 1, cell[inside + 1])
    whole = np.full(raster.rows * raster.columns, len(index.codes), dtype=np.int32)
    np.minimum.at(whole, cells, polygon[inside][run].astype(np.int32))
    return np.where(whole == len(index.codes), np.int32(-1), whole)


def _with_cells(index: Index, whole: NDArray[np.int32], polygon: Ints, cell: Ints) -> Index:
    """The finished index: border cells point to their candidates, which end at a polygon that
    covers the cell.
    """
    useful = (whole[cell] < 0) | (polygon < whole[cell])
    cell, polygon = cell[useful], polygon[useful]
    border = np.unique(cell)
    covered = border[whole[border] >= 0]
    owner = np.searchsorted(border, np.r_[cell, covered])
    rank = np.r_[polygon, whole[covered]]
    answer = np.r_[polygon, -1 - whole[covered]]
    whole[border] = -2 - np.arange(len(border))
    return replace(
        index,
        cell=whole,
        candidate_start=_starts(owner, len(border)).astype(np.int32),
        candidates=answer[np.lexsort((rank, owner))].astype(np.int32),
    )


def _by_ray(edges: Floats, owner: Ints, x: Floats, y: Floats) -> NDArray[np.int8]:
    """OUTSIDE, COVERED or UNDECIDED for each point, from the edges (x1, y1, x2, y2) of one polygon
    near it.

    Counts the edges that a ray to the east crosses. The edges of point i are those with owner i.
    """
    x1, y1, x2, y2 = edges.T
    point_x, point_y = x[owner], y[owner]
    low, high = y1 > point_y, y2 > point_y
    cut = np.flatnonzero(low != high)
    point_y, upward = point_y[cut], high[cut]
    left = (x1[cut] - point_x[cut]) * (y2[cut] - point_y)
    right = (y1[cut] - point_y) * (x2[cut] - point_x[cut])
    turn = left - right
    sure = np.abs(turn) > SIGN_ERROR * (np.abs(left) + np.abs(right)) + SIGN_FLOOR
    crossings = np.bincount(owner[cut[(turn > 0) == upward]], minlength=len(x))
    answer = (crossings & 1).astype(np.int8)
    answer[owner[cut[~sure]]] = UNDECIDED
    answer[_touched(edges, owner, x, y)] = COVERED
    return answer


def _touched(edges: Floats, owner: Ints, x: Floats, y: Floats) -> Ints:
    """The points that are a vertex or lie on a level edge."""
    level = np.flatnonzero(edges[:, 1] == y[owner])
    x1, _, x2, y2 = edges[level].T
    points = owner[level]
    on_edge = (
        (y2 == y[points]) & (np.minimum(x1, x2) <= x[points]) & (x[points] <= np.maximum(x1, x2))
    )
    return points[on_edge | (x1 == x[points])]


def _ranges(start: NDArray, end: NDArray) -> tuple[Ints, Ints]:
    """start[i], ..., end[i] - 1 for every i one after the other, and the i that each belongs to."""
    counts = (end - start).astype(np.int64)
    owner = np.repeat(np.arange(len(counts)), counts)
    shift = start - (np.cumsum(counts) - counts)
    return np.arange(len(owner)) + shift[owner], owner


def _starts(group: Ints, groups: int) -> Ints:
    """Where each group starts when members are sorted by group; one more for the end."""
    return np.r_[0, np.cumsum(np.bincount(group, minlength=groups))]


def _pieces(counts: NDArray) -> Iterator[slice]:
    """Runs of items whose counts add up to about EDGES_AT_ONCE."""
    total = np.cumsum(counts)
    cuts = np.searchsorted(total, np.arange(0, total[-1] if len(total) else 0, EDGES_AT_ONCE)[1:])
    bounds = np.unique(np.r_[0, cuts, len(counts)])
    for start, end in pairwise(bounds.tolist()):
        yield slice(start, end)
