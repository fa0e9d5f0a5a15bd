"""Which points gather near in place and time: for alerts that are one, and for clusters.

Ten thousand alerts of one storm, all at one street corner or all over a county, must not make the
wall wait. So points lie in cubes so small that all in one cube are near each other: within a cube
only time counts, and what is near lies in one of the 125 cubes around.
"""

import math
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

EARTH_M = 6_371_008.8  # mean radius (IUGG)
LEAST_METRES = 20.0  # so that the number of a cube fits into 63 bits
BITS = 21
AROUND = np.array(list(product(range(-2, 3), repeat=3)), dtype=np.int64)
AT_ONCE = 64  # rows compared at a time: where much is near, the first few show it

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def gathered(
    lon: Floats, lat: Floats, at: Floats, least: int, metres: float, minutes: float
) -> Ints:
    """A number for each point: that of its gathering, -1 for those in none.

    A point that has, itself included, `least` points within `metres` (on the sphere, as haversine)
    and at most `minutes` before it gathers them; gatherings that share a point are one. lon, lat in
    degrees, `at` in seconds; metres from LEAST_METRES on.
    """
    if len(at) < least:
        return np.full(len(at), -1)
    field = _field(lon, lat, at, metres, minutes)
    gathers = _gatherers(field, least)
    links = _Links(len(at))
    for cube in np.unique(field.cube[gathers]).tolist():
        _link_within(field, cube, gathers, links)
    for cube in np.unique(field.cube[gathers]).tolist():
        for other in field.beside[cube]:
            _link_across(field, cube, other, gathers, links)
    labels = links.labels()
    labels[~np.isin(labels, labels[gathers])] = -1
    return labels


def apart_m(lon: float, lat: float, other_lon: float, other_lat: float) -> float:
    """Metres between two points on the sphere, by haversine; degrees."""
    south, north = math.radians(lat), math.radians(other_lat)
    half = math.sin((north - south) / 2) ** 2
    half += math.cos(south) * math.cos(north) * math.sin(math.radians(other_lon - lon) / 2) ** 2
    return 2 * EARTH_M * math.asin(min(1.0, math.sqrt(half)))


@dataclass(frozen=True)
class _Field:
    """The points, the cube of each, the points of each cube in order of time, the cubes beside."""

    xyz: Floats
    at: Floats
    reach: float  # the straight way between points that are just near
    window: float  # seconds
    cube: Ints
    members: list[Ints]
    beside: list[list[int]]

    def is_near(self, one: Ints, others: Ints) -> NDArray[np.bool_]:
        """(one, others): which others the points of `one` would gather."""
        before = self.at[one, None] - self.at[None, others]
        apart = ((self.xyz[one, None] - self.xyz[None, others]) ** 2).sum(axis=2)
        return (before >= 0) & (before <= self.window) & (apart <= self.reach**2)


def _field(lon: Floats, lat: Floats, at: Floats, metres: float, minutes: float) -> _Field:
    if metres < LEAST_METRES:
        raise ValueError(f"{metres:g} 米不行；应不小于 {LEAST_METRES:g}")
    east, north = np.radians(lon), np.radians(lat)
    flat = np.cos(north)
    xyz = np.column_stack([flat * np.cos(east), flat * np.sin(east), np.sin(north)]) * EARTH_M
    reach = 2 * EARTH_M * float(np.sin(min(metres / EARTH_M, np.pi) / 2))
    places = np.floor(xyz / (reach / np.sqrt(3) * (1 - 1e-9))).astype(np.int64)
    numbers, cube = np.unique(_number(places), return_inverse=True)
    order = np.lexsort((at, cube))
    members = np.split(order, np.flatnonzero(np.diff(cube[order])) + 1)
    corners = places[[points[0] for points in members]]
    beside = _beside(corners, numbers)
    return _Field(xyz, at, reach, minutes * 60, cube, members, beside)


def _number(places: Ints) -> Ints:
    x, y, z = (places + (1 << (BITS - 1))).T
    return (x << 2 * BITS) | (y << BITS) | z


def _beside(corners: Ints, numbers: Ints) -> list[list[int]]:
    """Of each cube those around it that hold points, itself left out."""
    found: list[list[int]] = [[] for _ in numbers]
    for step in AROUND[np.any(AROUND != 0, axis=1)]:
        wanted = _number(corners + step)
        at = np.minimum(np.searchsorted(numbers, wanted), len(numbers) - 1)
        for cube in np.flatnonzero(numbers[at] == wanted).tolist():
            found[cube].append(int(at[cube]))
    return found


def _gatherers(field: _Field, least: int) -> NDArray[np.bool_]:
    """Which points have enough within reach; where the own cube has not, those around count."""
    enough = np.zeros(len(field.at), dtype=bool)
    for cube, members in enumerate(field.members):
        around = [field.members[other] for other in field.beside[cube]]
        if len(members) + sum(map(len, around)) < least:
            continue
        first, behind = _own_window(field, members)
        enough[members] = behind - first >= least
        others, open_ = np.concatenate([members, *around]), members[~enough[members]]
        for part in np.array_split(open_, len(open_) // AT_ONCE + 1):
            enough[part] = field.is_near(part, others).sum(axis=1) >= least
    return enough


def _own_window(field: _Field, members: Ints) -> tuple[Ints, Ints]:
    """For each member the range of members that it would gather, as positions: first and behind."""
    at = field.at[members]
    first = np.searchsorted(at, at - field.window, side="left")
    return first, np.searchsorted(at, at, side="right")


class _Links:
    """Points that belong together (union of sets, with halved paths)."""

    def __init__(self, count: int) -> None:
        self.parent = list(range(count))

    def root(self, point: int) -> int:
        parent = self.parent
        while parent[point] != point:
            parent[point] = parent[parent[point]]
            point = parent[point]
        return point

    def join(self, one: int, other: int) -> None:
        first, second = sorted((self.root(one), self.root(other)))
        self.parent[second] = first

    def labels(self) -> Ints:
        return np.array([self.root(point) for point in range(len(self.parent))], dtype=np.int64)


def _link_within(field: _Field, cube: int, gathers: NDArray[np.bool_], links: _Links) -> None:
    """Neighbours in time are linked where a gatherer of this cube has both in its window."""
    members = field.members[cube]
    first, behind = _own_window(field, members)
    own = gathers[members]
    covered = np.zeros(len(members) + 1, dtype=np.int64)
    np.add.at(covered, first[own], 1)
    np.add.at(covered, behind[own] - 1, -1)
    for position in np.flatnonzero(np.cumsum(covered)[:-1] > 0).tolist():
        links.join(int(members[position]), int(members[position + 1]))


def _link_across(
    field: _Field, cube: int, other: int, gathers: NDArray[np.bool_], links: _Links
) -> None:
    """The gatherers of a cube with what they gather in another, unless that is known already."""
    ours = field.members[cube][gathers[field.members[cube]]]
    for mine in _together(ours, links):
        for theirs in _together(field.members[other], links):
            if links.root(int(mine[0])) != links.root(int(theirs[0])):
                for part in np.array_split(mine, len(mine) // AT_ONCE + 1):
                    if field.is_near(part, theirs).any():
                        links.join(int(mine[0]), int(theirs[0]))
                        break


def _together(points: Ints, links: _Links) -> list[Ints]:
    """The points parted by what they are linked to."""
    roots = np.array([links.root(int(point)) for point in points], dtype=np.int64)
    return [points[roots == root] for root in np.unique(roots)]
