"""Place every row: its point in WGS84, how good the point is, and its code in every layer."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.site import Site
from data.sql import quoted
from data.targets import TARGETS
from etl.layers import Kept, Layers
from etl.source import Source
from geo.areas import points_in_areas
from geo.coordinates import to_wgs84

Floats = NDArray[np.float64]
Texts = NDArray[np.object_]
SAME_POINT = 1e-7  # degrees, a centimetre: a placeholder is written with its own digits
MARGIN = 0.2  # of the site's extent: farther out a point is wrong, not just outside
WRONG = ("zero", "swapped", "invalid")  # the point is put aside, the row is kept
REASONS = {"zero": "坐标为 0", "swapped": "经纬度疑似颠倒", "invalid": "坐标不在地球上"}
SLICE = 300_000  # rows placed anew at a time; bounds the memory, not the result


class Places:
    """Places rows in the layers of a site."""

    def __init__(self, site: Site, roots: Sequence[Path], cache: Path) -> None:
        self.site = site
        self._layers = Layers(site, roots, cache)

    @property
    def files_hashes(self) -> dict[str, str]:
        """Layer key -> hash of what it is made of; known without reading a polygon."""
        return self._layers.files_hashes

    def place(
        self, connection: duckdb.DuckDBPyConnection, source: Source, fields: Sequence[str]
    ) -> None:
        """Add the place columns to `identified`, and bad points to `rejected`."""
        if not TARGETS[source.target].is_placed:
            return
        has_point = "lon" in fields and "lat" in fields
        given = [key for key in self.site.place_keys if key in fields]
        columns = [*(("lon", "lat") if has_point else ()), *given]
        areas = [name for name in ("polygon", "circle") if name in fields]
        rows = _columns(connection, "identified", [*columns, *areas])
        size = connection.execute("SELECT count(*) FROM identified").fetchall()[0][0]
        x, y = _delivered_points(rows, size)
        lon, lat, quality = self.point(x, y, source)
        known = {key: self._known(key, rows[key]) for key in given}
        lon[(quality == "placeholder") & _says_any(known, size)] = np.nan
        codes = self.codes(lon, lat, quality, known)
        self._put_unknown_codes_aside(connection, given)
        placed = {"lon": lon, "lat": lat, "point_quality": quality, **codes}
        placed["is_located"] = pd.notna(codes[self.site.grid_key])
        _widen(connection, "identified", placed, [*columns])
        if has_point:
            _put_points_aside(connection)
        elif areas:
            _put_areas_aside(connection, areas)

    def _put_unknown_codes_aside(
        self, connection: duckdb.DuckDBPyConnection, given: Sequence[str]
    ) -> None:
        """A delivered code that the layer does not have is kept aside; the row is loaded."""
        for key in given:
            known = self._layers.kept[key].grids[["code"]]
            connection.register("known_codes", known)
            connection.execute(
                "INSERT INTO rejected"
                f" SELECT _member, _row, _line, 'value', '{key}', 'unknown_place',"
                f" '{key}：' || {quoted(key)}, NULL FROM identified"
                f" WHERE {quoted(key)} NOT IN (SELECT code FROM known_codes)"
            )
            connection.unregister("known_codes")

    def point(self, x: Floats, y: Floats, source: Source) -> tuple[Floats, Floats, Texts]:
        """WGS84 points (NaN where there is none to use) and their point_quality."""
        quality = np.full(len(x), "ok", dtype=object)
        lon, lat = to_wgs84(x, y, source.crs)
        off_earth = ~((np.abs(lon) <= 180) & (np.abs(lat) <= 90))
        inside = _within(lon, lat, self._extent)
        quality[~inside] = "outside"
        quality[~inside & _within(lat, lon, self._extent)] = "swapped"
        quality[off_earth & (quality != "swapped")] = "invalid"
        quality[(x == 0) & (y == 0)] = "zero"
        for px, py in source.placeholders:
            is_it = (np.abs(x - px) < SAME_POINT) & (np.abs(y - py) < SAME_POINT)
            quality[is_it] = "placeholder"
        quality[np.isnan(x) | np.isnan(y)] = "missing"
        useless = np.isin(quality, (*WRONG, "missing"))
        return np.where(useless, np.nan, lon), np.where(useless, np.nan, lat), quality

    def codes(
        self, lon: Floats, lat: Floats, quality: Texts, given: Mapping[str, Texts]
    ) -> dict[str, Texts]:
        """The code of every row in every layer.

        A good point places the row; without one the codes that the row gives itself do (`given`,
        those that the layers know), and only a row that gives none lies where a placeholder is.
        The higher levels of the tree follow from the lower by the parent table, unless the site
        says that a level is placed by its own polygons.
        """
        names_itself = (quality != "ok") & _says_any(given, len(lon))
        lon = np.where(names_itself, np.nan, lon)
        found = {}
        for key, kept in self._layers.kept.items():
            found[key] = _located(kept, lon, lat, given.get(key))
        levels = self.site.levels
        for upper, lower in reversed(list(zip(levels, levels[1:], strict=False))):
            if upper.placed == "points":
                continue
            parents = _mapped(found[lower.key], self._layers.kept[lower.key].parents)
            found[upper.key] = np.where(pd.isna(parents), found[upper.key], parents)
        return found

    def write(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Replace the tables `grids` and `layers`."""
        connection.execute("DELETE FROM grids; DELETE FROM layers")
        for kept in self._layers.kept.values():
            _insert(connection, "grids", kept.grids)
            _insert(connection, "layers", pd.DataFrame([kept.summary]))

    def place_anew(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Place every row of the edition again: the layers changed.

        A point that was put aside is not here to be judged again; one that is lies inside or
        outside of what the layers now cover. The codes of rows without a point in a layer can
        only be those that they gave themselves.
        """
        for table in (name for name, target in TARGETS.items() if target.is_placed):
            code = TARGETS[table].code
            connection.execute(
                f"CREATE OR REPLACE TEMP TABLE placed AS SELECT {code} AS code,"
                f" {', '.join(self._placed)} FROM {table} LIMIT 0"
            )
            last = connection.execute(f"SELECT max(rowid) FROM {table}").fetchall()[0][0]
            for first in range(0, (-1 if last is None else last) + 1, SLICE):
                frame = self._placed_anew(connection, table, range(first, first + SLICE))
                connection.register("placed_slice", frame)
                connection.execute("INSERT INTO placed BY NAME FROM placed_slice")
                connection.unregister("placed_slice")
            assigned = ", ".join(f"{name} = placed.{name}" for name in self._placed)
            connection.execute(
                f"UPDATE {table} SET {assigned} FROM placed WHERE placed.code = {table}.{code}"
            )
            connection.execute("DROP TABLE placed")

    @property
    def _placed(self) -> list[str]:
        """The columns that say where a row lies, quoted."""
        return [*map(quoted, self.site.place_keys), "is_located", "point_quality"]

    def _placed_anew(
        self, connection: duckdb.DuckDBPyConnection, table: str, rows: range
    ) -> pd.DataFrame:
        """The code of each of these rows, and where it lies now."""
        names = [TARGETS[table].code, "lon", "lat", "point_quality", *self.site.place_keys]
        found = _columns(connection, table, names, rows)
        lon, lat, before = found["lon"], found["lat"], found["point_quality"]
        gave = np.isnan(lon) | (before == "outside")
        inside = np.where(_within(lon, lat, self._extent), "ok", "outside")
        quality = np.where(np.isin(before, ("ok", "outside")), inside, before).astype(object)
        given = {key: self._known(key, _only(gave, found[key])) for key in self.site.place_keys}
        codes = self.codes(lon, lat, quality, given)
        frame = pd.DataFrame({"code": found[TARGETS[table].code], **codes}, dtype=object)
        frame["point_quality"] = quality
        frame["is_located"] = frame[self.site.grid_key].notna()
        return frame

    def _known(self, key: str, codes: Texts) -> Texts:
        """The codes that the layer has, None for others."""
        known = pd.Series(codes, dtype=object).isin(self._layers.kept[key].grids["code"])
        return _only(known.to_numpy(), codes)

    @cached_property
    def _extent(self) -> tuple[float, float, float, float]:
        """What the layers cover, with a margin; the whole earth where none has polygons."""
        frames = [
            kept.grids[["west", "south", "east", "north"]] for kept in self._layers.kept.values()
        ]
        bounds = pd.concat(frames).astype(float)
        west, south = bounds["west"].min(), bounds["south"].min()
        east, north = bounds["east"].max(), bounds["north"].max()
        if np.isnan(west):
            return -180.0, -90.0, 180.0, 90.0
        wide, high = (east - west) * MARGIN, (north - south) * MARGIN
        return west - wide, south - high, east + wide, north + high


def _delivered_points(rows: Mapping[str, NDArray], size: int) -> tuple[Floats, Floats]:
    """The points as delivered; of an area a point inside; NaN where there is neither."""
    if "lon" in rows:
        return rows["lon"], rows["lat"]
    nothing = np.full(size, None, dtype=object)
    if "polygon" in rows or "circle" in rows:
        areas = (rows.get(name, nothing).tolist() for name in ("polygon", "circle"))
        return points_in_areas(*areas)
    return np.full(size, np.nan), np.full(size, np.nan)


def _says_any(given: Mapping[str, Texts], size: int) -> NDArray[np.bool_]:
    """Rows that give a code for any layer."""
    return np.logical_or.reduce([np.zeros(size, dtype=bool), *map(pd.notna, given.values())])


def _located(kept: Kept, lon: Floats, lat: Floats, given: Texts | None) -> Texts:
    """Codes by place, or as given where there is no point."""
    codes = np.full(len(lon), None, dtype=object) if given is None else given
    if kept.index is None:
        return codes
    position = kept.index.locate(lon, lat)
    names = np.array([*kept.index.codes.tolist(), None], dtype=object)
    return np.where(np.isnan(lon), codes, names[position])


def _only(mask: NDArray[np.bool_], values: Texts) -> Texts:
    """The values where the mask holds, None elsewhere."""
    chosen = np.full(len(values), None, dtype=object)
    chosen[mask] = values[mask]
    return chosen


def _within(lon: Floats, lat: Floats, extent: tuple[float, float, float, float]) -> NDArray:
    west, south, east, north = extent
    return (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)


def _mapped(codes: Texts, table: Mapping[str, Any]) -> Texts:
    positions, distinct = pd.factorize(codes)
    values = np.array([*(table.get(code) for code in distinct), None], dtype=object)
    return values[positions]


def _columns(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    names: Sequence[str],
    rows: range | None = None,
) -> dict[str, NDArray]:
    """Columns of a table in row order, of all `rows` or some: floats with NaN, texts as objects
    with None."""
    if not names:
        return {}
    listed = ", ".join(quoted(name) for name in names)
    where = f" WHERE rowid >= {rows.start:d} AND rowid < {rows.stop:d}" if rows else ""
    frame = connection.execute(f"SELECT {listed} FROM {table}{where} ORDER BY rowid").df()
    return {
        name: frame[name].to_numpy(np.float64)
        if name in ("lon", "lat")
        else frame[name].astype(object).where(frame[name].notna(), None).to_numpy(object)
        for name in names
    }


def _widen(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    added: Mapping[str, NDArray],
    replaced: Sequence[str],
) -> None:
    """Add columns, given in row order, to a temporary table; those in `replaced` go first."""
    frame = pd.DataFrame(
        {
            name: pd.Series(v, dtype=object if v.dtype == object else None)
            for name, v in added.items()
        }
    )
    types = {"lon": "DOUBLE", "lat": "DOUBLE", "is_located": "BOOLEAN"}
    listed = ", ".join(f"p.{quoted(n)}::{types.get(n, 'VARCHAR')} AS {quoted(n)}" for n in added)
    without = f" EXCLUDE ({', '.join(quoted(name) for name in replaced)})" if replaced else ""
    connection.register("place_frame", frame)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE widened AS SELECT t.*{without}, {listed}"
        f" FROM {table} AS t POSITIONAL JOIN place_frame AS p"
    )
    connection.unregister("place_frame")
    connection.execute(f"DROP TABLE {table}; ALTER TABLE widened RENAME TO {table}")


def _put_points_aside(connection: duckdb.DuckDBPyConnection) -> None:
    whens = " ".join(f"WHEN '{quality}' THEN '{reason}'" for quality, reason in REASONS.items())
    connection.execute(
        "INSERT INTO rejected"
        " SELECT _member, _row, _line, 'value', 'lon', 'point_' || point_quality,"
        f" CASE point_quality {whens} END, NULL FROM identified"
        f" WHERE point_quality IN ({', '.join(repr(quality) for quality in WRONG)})"
    )


def _put_areas_aside(connection: duckdb.DuckDBPyConnection, areas: Sequence[str]) -> None:
    """An area in which there is no point is none; an alert without one is what it says."""
    area = f"coalesce({', '.join(areas)})"
    name = " ".join(f"WHEN {name} IS NOT NULL THEN '{name}'" for name in areas)
    connection.execute(
        f"INSERT INTO rejected SELECT _member, _row, _line, 'value', CASE {name} END, 'bad_area',"
        f" (CASE {name} END) || '：' || left({area}, 200), NULL FROM identified"
        f" WHERE point_quality = 'missing' AND {area} IS NOT NULL"
    )


def _insert(connection: duckdb.DuckDBPyConnection, table: str, frame: pd.DataFrame) -> None:
    listed = ", ".join(quoted(name) for name in frame.columns)
    connection.register("rows_to_insert", frame)
    connection.execute(f"INSERT INTO {table} ({listed}) SELECT {listed} FROM rows_to_insert")
    connection.unregister("rows_to_insert")
