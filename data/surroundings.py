"""Surroundings 周边: who and what is near a point, for the wall's 战时 scene; no text of a case."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import shapely

from data.built_in_dimensions import LAMP
from data.editions.edition import Edition
from data.indicators import OPEN, Count
from data.names import named
from data.regions import trail_to
from data.scope import Filter, Grant, Scope, ScopeError
from data.sql import quoted
from data.state import Question, state
from data.targets import TARGETS
from data.wall_views import POINT

EARTH_M = 6_371_008.8  # mean radius
DEGREE_M = math.pi * EARTH_M / 180
FARTHEST_M = 50_000
LIMIT = 50
# Distance (great circle) and bearing (degrees clockwise from north) of lon, lat from the point.
DISTANCE = (
    f"2 * {EARTH_M} * asin(sqrt(pow(sin(radians(lat - $lat) / 2), 2)"
    " + cos(radians($lat)) * cos(radians(lat)) * pow(sin(radians(lon - $lon) / 2), 2)))"
)
BEARING = (
    "(degrees(atan2(sin(radians(lon - $lon)) * cos(radians(lat)),"
    " cos(radians($lat)) * sin(radians(lat))"
    " - sin(radians($lat)) * cos(radians(lat)) * cos(radians(lon - $lon)))) + 360) % 360"
)
IN_BOX = "lon BETWEEN $west AND $east AND lat BETWEEN $south AND $north"
NEAR = """
SELECT {columns}, distance_m, bearing, lon, lat
FROM (SELECT *, {distance} AS distance_m, {bearing} AS bearing FROM ({rows})
      WHERE {box} AND point_quality = 'ok')
WHERE distance_m <= $metres
ORDER BY distance_m, {code}
"""
# What has no place that is right is the nearest only where nothing of its kind has one.
NEAREST = """
SELECT {columns}, distance_m, bearing, lon, lat
FROM (SELECT *, CASE WHEN point_quality = 'ok' THEN {distance} END AS distance_m,
             {bearing} AS bearing FROM ({rows}))
QUALIFY row_number() OVER (PARTITION BY {each} ORDER BY distance_m NULLS LAST, {code}) = 1
ORDER BY distance_m NULLS LAST, {each}
"""
BOXES = """
SELECT code, name, population, households, shape FROM grids
WHERE layer = $layer AND shape IS NOT NULL AND west <= $east AND east >= $west
  AND south <= $north AND north >= $south
"""


@dataclass(frozen=True)
class Surroundings:
    """What is near, the nearest first; in `totals` how many there are by frame, shown or not, and
    in `counts` how many of each duty_state, kind, risk and lamp ("-" = none).

    grids: code, name, population, households, shape (GeoJSON), distance_m (0 = around the point).
    workers: title, department (code), duty_state (codes/duty_state.csv), at (of the position).
    resources: kind (codes/resource_kind.csv), name.
    cases, the open ones: case_code, risk, lamp (codes), category, department (names), accepted_at,
    due_at. The last three also have distance_m, bearing (degrees clockwise from north), lon, lat.

    `nearest` has by frame the nearest worker of each duty_state and the nearest resource of each
    kind, however far: a kind that it lacks was not loaded; without distance_m none has a place.
    """

    grids: pd.DataFrame
    workers: pd.DataFrame
    resources: pd.DataFrame
    cases: pd.DataFrame
    totals: dict[str, int]
    counts: dict[str, dict[str, int]]
    nearest: dict[str, pd.DataFrame]


def surroundings(
    edition: Edition,
    lon: float,
    lat: float,
    metres: float,
    grant: Grant,
    scope: Scope = Scope(),  # noqa: B008 -- frozen
    limit: int = LIMIT,
) -> Surroundings:
    """Who and what lies within `metres` of a point (WGS84), at most `limit` of each; of resources
    of each kind, for many cameras must not hide the school behind them; of workers of each state.

    Cases are those of the scope, open at its T; workers stand where the edition last knew them. A
    wall is told of both to about 100 m. Only points that are right count. ScopeError for a place or
    a distance that cannot be.
    """
    around = _around(lon, lat, metres)
    grids = _grids(edition, around, grant)
    found = {
        "workers": _placed(edition, "grid_workers", WORKER, around, grant),
        "resources": _placed(edition, "resources", RESOURCE, around, grant),
        "cases": _cases(edition, around, grant, scope),
    }
    return Surroundings(
        grids=grids.head(limit),
        workers=found["workers"].groupby("duty_state", dropna=False).head(limit),
        resources=found["resources"].groupby("kind", dropna=False).head(limit),
        cases=_with_names(edition, found["cases"].head(limit)),
        totals={"grids": len(grids), **{name: len(frame) for name, frame in found.items()}},
        counts={key: _counts(found[name][key]) for name, key in COUNTED},
        nearest={
            "workers": _nearest(edition, "grid_workers", WORKER, "duty_state", around, grant),
            "resources": _nearest(edition, "resources", RESOURCE, "kind", around, grant),
        },
    )


WORKER = ("title", "department", "duty_state", "at")
RESOURCE = ("kind", "name")
CASE = ("case_code", "risk", "lamp", "category", "department", "accepted_at", "due_at")
COUNTED = (
    ("workers", "duty_state"),
    ("resources", "kind"),
    ("cases", "risk"),
    ("cases", "lamp"),
)


def _around(lon: float, lat: float, metres: float) -> dict[str, float]:
    """The parameters of the circle and of the box around it."""
    if not (abs(lon) <= 180 and abs(lat) < 89):
        raise ScopeError(f"（{lon}, {lat}）不是可查的经纬度")
    if not 0 < metres <= FARTHEST_M:
        raise ScopeError(f"周边范围应为 1 至 {FARTHEST_M:,} 米")
    high = metres / DEGREE_M * 1.001
    wide = high / math.cos(math.radians(abs(lat) + high))
    box = {"west": lon - wide, "east": lon + wide, "south": lat - high, "north": lat + high}
    return {"lon": lon, "lat": lat, "metres": metres, **box}


def _placed(
    edition: Edition, table: str, columns: tuple[str, ...], around: dict[str, float], grant: Grant
) -> pd.DataFrame:
    params: dict = dict(around)
    rows = _granted(edition, table, columns, grant, params)
    return edition.frame(_sql(NEAR, rows, columns, TARGETS[table].code), params)


def _nearest(
    edition: Edition,
    table: str,
    columns: tuple[str, ...],
    each: str,
    around: dict[str, float],
    grant: Grant,
) -> pd.DataFrame:
    params: dict = {name: around[name] for name in ("lon", "lat")}
    rows = _granted(edition, table, columns, grant, params)
    return edition.frame(_sql(NEAREST, rows, columns, TARGETS[table].code, each), params)


def _sql(sql: str, rows: str, columns: tuple[str, ...], code: str, each: str = "") -> str:
    names = {"columns": ", ".join(map(quoted, columns)), "rows": rows, "code": code, "each": each}
    return sql.format(**names, box=IN_BOX, distance=DISTANCE, bearing=BEARING)


def _granted(
    edition: Edition, table: str, columns: tuple[str, ...], grant: Grant, params: dict
) -> str:
    """SQL of the rows of a table that a grant allows; what it binds is added to `params`."""
    allowed = ["withdrawn_at IS NULL"]
    if grant.regions is not None:
        known = [pair for pair in grant.regions if pair[0] in edition.site.place_keys]
        either = [f"{quoted(key)} = {_bound(params, code)}" for key, code in known]
        allowed.append(f"({' OR '.join(either) or 'false'})")
    if grant.departments is not None and "department" in columns:
        codes = ", ".join(_bound(params, code) for code in grant.departments)
        allowed.append(f"coalesce(department, '-') IN ({codes})" if codes else "false")
    rows = f"SELECT * FROM {table} WHERE {' AND '.join(allowed)}"
    if grant.is_wall and table == "grid_workers":  # people, where resources are public
        rounded = ", ".join(f"{sql} AS {name}" for name, sql in POINT.items())
        rows = f"SELECT * REPLACE ({rounded}) FROM ({rows})"
    return rows


def _counts(codes: pd.Series) -> dict[str, int]:
    return {str(code): int(n) for code, n in codes.fillna("-").value_counts().items()}


def _bound(params: dict, value: str) -> str:
    name = f"v{len(params)}"
    params[name] = value
    return f"${name}"


def _cases(edition: Edition, around: dict[str, float], grant: Grant, scope: Scope) -> pd.DataFrame:
    question = Question(edition, scope, grant)
    question.params.update(around)
    open_now = Count(where=OPEN, at="stock(as_of)")
    rows = state(question, open_now, uses=f"{LAMP} {' '.join(CASE)} point_quality")
    rows = f"SELECT *, coalesce({LAMP}, '-') AS lamp FROM ({rows}) WHERE {OPEN}"
    sql = _sql(NEAR, rows, CASE, "case_code")
    return edition.frame(sql, question.used(sql))


def _with_names(edition: Edition, cases: pd.DataFrame) -> pd.DataFrame:
    """The category and the department by name."""
    names = {key: named(edition, key) for key in ("category", "department")}
    words: dict[str, Any] = {
        key: [told["-"] if pd.isna(code) else told.get(code, code) for code in cases[key]]
        for key, told in names.items()
    }
    return cases.assign(**words)


def _grids(edition: Edition, around: dict[str, float], grant: Grant) -> pd.DataFrame:
    """The grids that the circle touches. Shapes are those of the screen: simplified by some metres.

    Of a grant by another layer than the tree no grid is known to lie in it.
    """
    box = {name: around[name] for name in ("west", "east", "south", "north")}
    frame = edition.frame(BOXES, box | {"layer": edition.site.grid_key})
    scale = np.array([math.cos(math.radians(around["lat"])), 1.0]) * DEGREE_M
    shapes = shapely.transform(
        shapely.from_geojson(frame["shape"].to_numpy(object)),
        lambda points: (points - (around["lon"], around["lat"])) * scale,
    )
    frame["distance_m"] = shapely.distance(shapes, shapely.Point(0, 0))
    frame = frame[frame["distance_m"] <= around["metres"]]
    if grant.regions is not None:
        granted = [_is_granted(edition, code, grant.regions) for code in frame["code"]]
        frame = frame[np.array(granted, dtype=bool)]  # an empty list would take no columns
    columns = ["code", "name", "population", "households", "shape", "distance_m"]
    return frame.sort_values(["distance_m", "code"], ignore_index=True)[columns]


def _is_granted(edition: Edition, grid: str, regions: tuple[Filter, ...]) -> bool:
    """Whether the grid, or a region of the tree above it, is one of the regions."""
    trail = trail_to(edition, Scope(regions=((edition.site.grid_key, grid),)))
    return any((region.level, region.code) in regions for region in trail)
