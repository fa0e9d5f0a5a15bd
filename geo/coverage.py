"""Validates a layer: repairs and reports broken polygons, measures overlaps and gaps.

Layers are validated, not trusted: of real ones nearly every one fails somewhere.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Literal

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from geo.files import LayerError, Problem

Coverage = Literal["strict", "overlaps"]

# Borders are compared on a raster of 1 cm: files carry rounding noise far below it (every border of
# the 34,753 English and Welsh LSOA "overlaps" its neighbour by micrometres).
DECIMALS = 7
WGS84_AXIS, WGS84_E2 = 6378137.0, 0.0066943799901413165


@dataclass(frozen=True)
class Repair:
    """An invalid polygon and what its repair did to it."""

    code: str
    reason: str
    before_km2: float  # by the shoelace formula, which an invalid ring can mislead
    after_km2: float

    @property
    def change_percent(self) -> float | None:
        """Change of the area; None where there was none before."""
        return 100 * (self.after_km2 / self.before_km2 - 1) if self.before_km2 else None


@dataclass(frozen=True)
class Overlap:
    """Two polygons that claim the same ground."""

    code: str
    other: str
    area_km2: float


@dataclass(frozen=True)
class LayerReport:
    """What validation found. `layer` is the layer to use: repaired, otherwise as it came."""

    coverage: Coverage
    polygons: int
    area_km2: float  # sum over the polygons, so that overlaps count twice
    repairs: tuple[Repair, ...]
    overlaps: tuple[Overlap, ...]  # largest first
    gap_count: int
    gap_km2: float
    layer: gpd.GeoDataFrame = field(repr=False, compare=False)

    @property
    def overlap_pairs(self) -> int:
        """Number of pairs of polygons that overlap."""
        return len(self.overlaps)

    @property
    def overlap_km2(self) -> float:
        """Sum of their common areas."""
        return sum(overlap.area_km2 for overlap in self.overlaps)

    def rows(self, limit: int = 100) -> list[dict[str, str | float | None]]:
        """A line for each repair and for the `limit` largest overlaps, for the quality page."""
        repairs = [
            {"kind": "repair", **asdict(repair), "change_percent": repair.change_percent}
            for repair in self.repairs
        ]
        return repairs + [{"kind": "overlap", **asdict(o)} for o in self.overlaps[:limit]]


def validate(
    layer: gpd.GeoDataFrame,
    *,
    coverage: Coverage = "overlaps",
    max_invalid_share: float = 0.05,
    name: str = "图层",
) -> LayerReport:
    """Repairs and measures a layer (columns code, geometry; WGS84).

    Raises LayerError if more than `max_invalid_share` of the polygons are invalid, if one is empty
    or its repair leaves nothing, and under `strict` if there are overlaps or gaps. Gaps are the
    holes in the union of the layer: a lake that no polygon holds is one too.
    """
    codes, shapes = layer["code"].tolist(), np.asarray(layer.geometry.array, dtype=object)
    _refuse_empty(name, codes, shapes)
    valid = shapely.is_valid(shapes)
    if (~valid).mean() > max_invalid_share:
        share = f"{(~valid).sum()} / {len(valid)} 个面无效，超过允许的 {max_invalid_share:.0%}"
        raise LayerError(Problem(name, None, share))
    repaired, repairs = _repaired(name, codes, shapes, valid)
    overlaps, gaps = _overlaps_and_gaps(codes, repaired)
    if coverage == "strict" and (overlaps or len(gaps)):
        raise LayerError(*_not_a_coverage(name, overlaps, gaps))
    gap_km2, total = float(area_km2(gaps).sum()), float(area_km2(repaired).sum())
    result = layer.set_geometry(gpd.GeoSeries(repaired, index=layer.index, crs=layer.crs))
    return LayerReport(
        coverage, len(codes), total, repairs, overlaps, len(gaps), gap_km2, layer=result
    )


def area_km2(geometries: ArrayLike) -> NDArray[np.float64]:
    """Area of each polygon on the WGS84 ellipsoid, by the cylindrical equal-area projection."""
    shapes = np.asarray(geometries, dtype=object)
    return shapely.area(shapely.transform(shapes, _equal_area)) / 1e6


def _equal_area(lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Metres; Snyder, Map Projections (1987), equations 3-12 and 10-14, 10-15 with the equator
    true.
    """
    sine, e = np.sin(np.radians(lonlat[:, 1])), np.sqrt(WGS84_E2)
    log = np.log((1 - e * sine) / (1 + e * sine)) / (2 * e)
    q = (1 - WGS84_E2) * (sine / (1 - WGS84_E2 * sine**2) - log)
    return WGS84_AXIS * np.column_stack([np.radians(lonlat[:, 0]), q / 2])


def _refuse_empty(name: str, codes: list[str], shapes: NDArray) -> None:
    empty = np.flatnonzero(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    if len(empty):
        raise LayerError(*(Problem(name, int(i) + 1, f"{codes[i]} 没有几何") for i in empty))


def _repaired(
    name: str, codes: list[str], shapes: NDArray, valid: NDArray[np.bool_]
) -> tuple[NDArray, tuple[Repair, ...]]:
    wrong = np.flatnonzero(~valid)
    # "structure" keeps what any ring encloses; "linework" would cut out where parts overlap
    made = shapely.make_valid(shapes[wrong], method="structure", keep_collapsed=False)
    lost = [i for i, shape in zip(wrong, made, strict=True) if shapely.area(shape) == 0]
    if lost:
        raise LayerError(*(Problem(name, int(i) + 1, f"{codes[i]} 修复后没有面积") for i in lost))
    reasons = shapely.is_valid_reason(shapes[wrong])
    areas = zip(area_km2(shapes[wrong]).tolist(), area_km2(made).tolist(), strict=True)
    result = shapes.copy()
    result[wrong] = made
    found = zip(wrong, reasons, areas, strict=True)
    return result, tuple(Repair(codes[i], str(reason), *area) for i, reason, area in found)


def _overlaps_and_gaps(codes: list[str], shapes: NDArray) -> tuple[tuple[Overlap, ...], NDArray]:
    """Polygons whose borders all match their neighbours' need no second look: most of them."""
    rounded = on_raster(shapes)
    unmatched = shapely.coverage_invalid_edges(rounded)
    suspect = np.flatnonzero(~shapely.is_empty(unmatched))
    pairs = _meeting(rounded, unmatched[suspect], suspect)
    common = area_km2(shapely.intersection(rounded[pairs[:, 0]], rounded[pairs[:, 1]]))
    found = [
        Overlap(codes[i], codes[j], float(area))
        for (i, j), area in zip(pairs.tolist(), common, strict=True)
        if area > 0
    ]
    found.sort(key=lambda overlap: (-overlap.area_km2, overlap.code, overlap.other))
    return tuple(found), _gaps(_union(rounded, np.union1d(suspect, pairs.ravel())))


def on_raster(shapes: NDArray, decimals: int = DECIMALS) -> NDArray[np.object_]:
    """The polygons with every vertex rounded, and still valid: on 1 cm, borders drawn twice match.

    A shared vertex rounds alike in both polygons; a polygon that would vanish stays as it is.
    """
    rounded = shapely.transform(shapes, lambda xy: np.round(xy, decimals))
    broken = np.flatnonzero(~shapely.is_valid(rounded))
    made = shapely.make_valid(rounded[broken], method="structure", keep_collapsed=False)
    rounded[broken] = np.where(shapely.is_empty(made), shapes[broken], made)
    return rounded


def _meeting(shapes: NDArray, edges: NDArray, owner: NDArray) -> NDArray[np.int64]:
    """Pairs (i < j) of polygons of which one has an unmatched edge that meets the other."""
    edge, other = shapely.STRtree(shapes).query(edges, predicate="intersects")
    pairs = np.sort(np.column_stack([owner[edge], other]), axis=1)
    return np.unique(pairs[pairs[:, 0] != pairs[:, 1]], axis=0)


def _union(shapes: NDArray, doubtful: NDArray) -> shapely.Geometry:
    """Union of all: matching borders just fall away, only the doubtful ones are worked out."""
    is_doubtful = np.zeros(len(shapes), dtype=bool)
    is_doubtful[doubtful.astype(int)] = True
    matching = shapely.coverage_union_all(shapes[~is_doubtful])
    return shapely.union_all([matching, shapely.union_all(shapes[is_doubtful])])


def _gaps(union: shapely.Geometry) -> NDArray[np.object_]:
    """The holes of the union, without the islands that lie in them."""
    parts = shapely.get_parts(union)
    rings = shapely.get_rings(parts)
    holes = np.asarray(shapely.polygons(rings[_is_hole(parts)]), dtype=object)
    islands = np.asarray(shapely.polygons(shapely.get_exterior_ring(parts)), dtype=object)
    hole, island = shapely.STRtree(islands).query(holes, predicate="covers")
    for i in np.unique(hole):
        holes[i] = shapely.difference(holes[i], shapely.union_all(islands[island[hole == i]]))
    return holes


def _is_hole(parts: NDArray) -> NDArray[np.bool_]:
    """For the rings of `parts` in order: all but the first of each."""
    counts = shapely.get_num_interior_rings(parts) + 1
    is_hole = np.ones(counts.sum(), dtype=bool)
    is_hole[np.cumsum(counts) - counts] = False
    return is_hole


def _not_a_coverage(name: str, overlaps: tuple[Overlap, ...], gaps: NDArray) -> Iterator[Problem]:
    for overlap in overlaps:
        size = f"{overlap.area_km2 * 1e6:.0f} 平方米"
        yield Problem(name, None, f"{overlap.code} 与 {overlap.other} 重叠 {size}")
    for gap, area in zip(gaps, area_km2(gaps), strict=True):
        place = shapely.point_on_surface(gap)
        size = f"{area * 1e6:.0f} 平方米"
        yield Problem(name, None, f"在 {place.x:.6f},{place.y:.6f} 处有空隙 {size}")
