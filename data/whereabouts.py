"""Which region of the main tree a point or a code is in, and what that is called on a wall."""

import weakref
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import shapely

from data.editions.edition import Edition
from data.regions import Region
from data.scope import LONGEST_VALUE

NEAR = 0.0003  # degrees, 30 m: shapes are simplified, so between two of them may be a gap
SPOKEN = 2  # levels of a name: 第1镇 第2村; what is finer is an address
_TREES: "weakref.WeakKeyDictionary[Edition, Tree]" = weakref.WeakKeyDictionary()


@dataclass(frozen=True)
class Node:
    """A region of the tree and the code of the one above it."""

    region: Region
    parent: str | None


class Tree:
    """The main tree of one edition, as `grids` has it. Safe for threads."""

    def __init__(self, edition: Edition) -> None:
        self._levels = edition.site.level_keys
        rows = edition.rows("SELECT layer, code, name, parent, shape FROM grids")
        rows = [row for row in rows if row[0] in self._levels]
        self._nodes = {
            (level, code): Node(Region(level, code, name), parent)
            for level, code, name, parent, _ in rows
        }
        self._shapes = sorted(
            ((level, code, shape) for level, code, _, _, shape in rows if shape),
            key=lambda each: (-self._levels.index(each[0]), each[1]),
        )

    def at(self, lon: float, lat: float) -> Region | None:
        """The finest region that covers a point (WGS84), of several the one with the lowest code;
        else one that lies within NEAR; None where there is none."""
        point = shapely.Point(lon, lat)
        found = self._index.query(point, predicate="intersects")
        if not len(found):
            found = self._index.query_nearest(point, max_distance=NEAR)
        if not len(found):
            return None
        level, code, _ = self._shapes[int(np.min(found))]
        return self._nodes[level, code].region

    def of(self, codes: Iterable[str]) -> Region | None:
        """The finest region that holds all of these codes that the tree knows; None without any.
        A code may be filled up with zeros to that of a finer level."""
        trails = [trail for code in codes if (trail := self._trail_of_code(code))]
        if not trails:
            return None
        shared = [steps[0] for steps in zip(*trails, strict=False) if len(set(steps)) == 1]
        return shared[-1] if shared else None

    def region(self, level: str, code: str) -> Region | None:
        """The region of this level and code."""
        node = self._nodes.get((level, code))
        return node and node.region

    def called(self, region: Region) -> str:
        """Its name on a wall: those of the upper levels of its trail."""
        return "".join(step.name for step in self.trail(region)[:SPOKEN])

    def trail(self, region: Region) -> tuple[Region, ...]:
        """From the top of the tree to the region."""
        steps, node = [region], self._nodes[region.level, region.code]
        for level in reversed(self._levels[: self._levels.index(region.level)]):
            above = self._nodes.get((level, node.parent or ""))
            if above is None:
                break
            steps.append(above.region)
            node = above
        return tuple(reversed(steps))

    def _trail_of_code(self, code: str) -> tuple[Region, ...]:
        while 0 < len(code) <= LONGEST_VALUE:  # what is longer names nothing, and may be a megabyte
            for level in reversed(self._levels):
                if region := self.region(level, code):
                    return self.trail(region)
            code = code[:-3] if code.endswith("000") else ""
        return ()

    @cached_property
    def _index(self) -> shapely.STRtree:
        """Only of the finest level that has shapes at all: those above consist of these."""
        finest = self._shapes[0][0] if self._shapes else ""
        texts = [shape for level, _, shape in self._shapes if level == finest]
        return shapely.STRtree(shapely.from_geojson(texts) if texts else [])


def tree_of(edition: Edition) -> Tree:
    """The tree of an edition, read once."""
    tree = _TREES.get(edition)
    if tree is None:
        tree = _TREES[edition] = Tree(edition)
    return tree


def whereabouts(edition: Edition, lon: float, lat: float) -> Region | None:
    """The finest region of the tree at a point (WGS84); None outside of all."""
    return tree_of(edition).at(lon, lat)
