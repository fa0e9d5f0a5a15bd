"""The main tree as a map needs it: what lies beneath a region, its shapes, and the way back up."""

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from data.codes import NONE
from data.editions.edition import Edition
from data.scope import Filter, Grant, Scope

MOST_POLYGONS = 3000  # that a wall draws at once


@dataclass(frozen=True)
class Region:
    """A node of the main tree: a level's key, a code, and its name."""

    level: str
    code: str
    name: str


@dataclass(frozen=True)
class View:
    """What a map shows: polygons of `level` beneath `within` (None = everything).

    `levels` are those that could be drawn instead, the finest (`level`) first. `is_whole`: the end
    of the trail is all that the scope names; else its filter goes on narrowing what is painted.

    `chosen` is the polygon the viewer drilled to where nothing lies beneath it; `trail` leads from
    `top` (None = everything) to the region in the scope; `outline` is the level of the regions one
    can drill to."""

    level: str
    within: Region | None
    chosen: str | None
    trail: tuple[Region, ...]
    outline: str
    levels: tuple[str, ...] = ()
    is_whole: bool = True
    top: Region | None = None

    @property
    def part(self) -> str:
        """Which part of the tree is drawn, as it stands in a geometry's address."""
        return f"{self.within.level}:{self.within.code}" if self.within else "all"


def view(edition: Edition, scope: Scope, grant: Grant) -> View:
    """The map that fits a scope: the finest level beneath its region that can be drawn. Where the
    scope names no region, it is the one that holds all of the grant's."""
    granted = _trails(edition, _of_tree(edition, grant))
    trails = _trails(edition, _asked(edition, scope)) or granted
    trail, start = _shared(trails), _shared(granted)
    is_lowest = bool(trail) and trail[-1].level == edition.site.grid_key
    chosen = trail[-1].code if is_lowest else None
    above = trail[:-1] if is_lowest else trail
    within = above[-1] if above else None
    levels = _drawable(edition, within)
    is_whole = all(each and each == trail[: len(each)] for each in trails)
    below = child_level(edition, within)
    is_inside = bool(start) and trail[: len(start)] == start
    top, rest = (start[-1], trail[len(start) :]) if is_inside else (None, trail)
    return View(levels[0], within, chosen, rest, below, levels, is_whole, top)


def reached(edition: Edition, level: str, grant: Grant) -> frozenset[str] | None:
    """The codes of the polygons of a level that the grant's regions hold, lie in, or are; None for
    all, and where some of the regions are none of the tree."""
    regions = _of_tree(edition, grant)
    if not regions:
        return None
    levels, found = edition.site.level_keys, set()
    for trail in filter(None, _trails(edition, regions)):
        depth = levels.index(level)
        if depth < len(trail):
            found.add(trail[depth].code)
        else:
            found.update(beneath(edition, level, trail[-1])["code"])
    return frozenset(found)


def trail_to(edition: Edition, scope: Scope) -> tuple[Region, ...]:
    """From the top of the tree to the region that holds all that the scope names; () for all."""
    return _shared(_trails(edition, _asked(edition, scope)))


def unknown_regions(edition: Edition, scope: Scope) -> list[str]:
    """The regions of the scope that the edition's tree does not have, as in an address."""
    asked = _asked(edition, scope)
    lost = [(key, code) for key, code in asked if code != NONE and not _trail(edition, key, code)]
    return [f"{key}:{code}" for key, code in lost]


def _asked(edition: Edition, scope: Scope) -> list[Filter]:
    """What the scope names of the main tree."""
    levels = edition.site.level_keys
    return [(key, code) for key, code in scope.regions if key in levels]


def _of_tree(edition: Edition, grant: Grant) -> list[Filter]:
    """The grant's regions where all are of the main tree; else none of them says where it ends."""
    regions, levels = grant.regions or (), edition.site.level_keys
    return list(regions) if all(key in levels for key, _ in regions) else []


def _trails(edition: Edition, regions: Iterable[Filter]) -> list[tuple[Region, ...]]:
    return [_trail(edition, key, code) for key, code in regions]


def _shared(trails: list[tuple[Region, ...]]) -> tuple[Region, ...]:
    """The way that all have in common; a region and what lies within it are that what."""
    longest = max(trails, key=len, default=())
    apart = [each for each in trails if each != longest[: len(each)]]
    shared = []
    for steps in zip(longest, *apart, strict=False):
        if len(set(steps)) > 1:
            break
        shared.append(steps[0])
    return tuple(shared)


def _trail(edition: Edition, key: str, code: str) -> tuple[Region, ...]:
    """From the top of the tree to a region; () where there is none."""
    levels = [level.key for level in edition.site.levels]
    trail: list[Region] = []
    for level in reversed(levels[: levels.index(key) + 1]):
        found = edition.rows(
            "SELECT name, parent FROM grids WHERE layer = $level AND code = $code",
            {"level": level, "code": code},
        )
        if not found:
            break
        name, parent = found[0]
        trail.insert(0, Region(level, code, name))
        code = parent
    return tuple(trail)


def region_of(edition: Edition, part: str) -> Region | None:
    """The region of a `View.part`; None for everything. KeyError where there is no such region."""
    if part == "all":
        return None
    level, _, code = part.partition(":")
    found = edition.rows(
        "SELECT name FROM grids WHERE layer = $level AND code = $code",
        {"level": level, "code": code},
    )
    if not found or level not in [each.key for each in edition.site.levels]:
        raise KeyError(part)
    return Region(level, code, found[0][0])


def beneath(edition: Edition, level: str, within: Region | None) -> pd.DataFrame:
    """The polygons of a level beneath a region, in code order.

    Columns code, name, lon, lat (a point inside), west, south, east, north, and `child`: the code
    of the region one level below `within` that the polygon belongs to (itself at that level)."""
    joins, child, condition, params = _chain(edition, level, within)
    return edition.frame(
        "SELECT g.code, g.name, g.lon, g.lat, g.west, g.south, g.east, g.north,"
        f" {child} AS child FROM grids g {joins}"
        f" WHERE g.layer = $level AND {condition} ORDER BY g.code",
        params,
    )


def shapes(edition: Edition, level: str, within: Region | None) -> list[tuple[str, str]]:
    """(code, GeoJSON geometry as text) of the polygons of a level beneath a region."""
    joins, _, condition, params = _chain(edition, level, within)
    return edition.rows(
        f"SELECT g.code, g.shape FROM grids g {joins} WHERE g.layer = $level AND {condition}"
        " AND g.shape IS NOT NULL ORDER BY g.code",
        params,
    )


def shapes_hash(edition: Edition, level: str, within: Region | None) -> str:
    """The content hash of what `shapes` gives: while it stays, a browser may keep them."""
    joins, _, condition, params = _chain(edition, level, within)
    found = edition.rows(
        "SELECT md5(string_agg(g.code || ' ' || g.shape, chr(10) ORDER BY g.code))"
        f" FROM grids g {joins} WHERE g.layer = $level AND {condition} AND g.shape IS NOT NULL",
        params,
    )
    return found[0][0] or "none"


def child_level(edition: Edition, within: Region | None) -> str:
    """The key of the level right below a region; the lowest level is below itself."""
    levels = [level.key for level in edition.site.levels]
    below = levels.index(within.level) + 1 if within else 0
    return levels[min(below, len(levels) - 1)]


def names_of_tops(edition: Edition) -> dict[str, str]:
    """Of each grid's code the name of the region of the top level that it lies in; {} where the
    site has that level only."""
    rows = edition.rows("SELECT layer, code, name, parent FROM grids")
    keys = edition.site.level_keys
    if len(keys) == 1:
        return {}
    tops = {code: name for layer, code, name, _ in rows if layer == keys[0]}
    for level in keys[1:]:
        parents = {code: parent for layer, code, _, parent in rows if layer == level}
        tops = {code: tops[parent] for code, parent in parents.items() if parent in tops}
    return tops


def _drawable(edition: Edition, within: Region | None) -> tuple[str, ...]:
    """The levels beneath a region with a number of polygons that can be drawn, finest first."""
    first = child_level(edition, within)
    levels = [level.key for level in edition.site.levels]
    found = []
    for level in reversed(levels[levels.index(first) :]):
        joins, _, condition, params = _chain(edition, level, within)
        counted = f"SELECT count(*) FROM grids g {joins} WHERE g.layer = $level AND {condition}"
        if 0 < edition.rows(counted, params)[0][0] <= MOST_POLYGONS:
            found.append(level)
    return tuple(found) or (first,)


def _chain(edition: Edition, level: str, within: Region | None) -> tuple[str, str, str, dict]:
    """Joins from a level up to the child of `within`; that child; the condition; the values.

    Every name in the SQL is written here (g, p1, p2 ...); keys and codes are bound."""
    levels = [each.key for each in edition.site.levels]
    top = levels.index(child_level(edition, within))
    if level not in levels[top:]:
        raise KeyError(level)
    joins, below = [], "g"
    params: dict[str, str] = {"level": level}
    for number, upper in enumerate(reversed(levels[top : levels.index(level)]), start=1):
        here = f"p{number}"
        joins.append(
            f"JOIN grids {here} ON {here}.layer = $upper{number} AND {here}.code = {below}.parent"
        )
        params[f"upper{number}"] = upper
        below = here
    if within is None:
        return " ".join(joins), f"{below}.code", "true", params
    params["within"] = within.code
    return " ".join(joins), f"{below}.code", f"{below}.parent = $within", params
