"""Reads a layer of polygons from the files it is delivered in, and derives layers from layers.

A layer is a GeoDataFrame in WGS84, two-dimensional, sorted by code, with the columns `code` (unique
text), `name`, `parent` (code in the level above, or None), whatever else was asked for, `geometry`.
"""

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pyogrio.errors
import shapely
from numpy.typing import NDArray

from geo.coordinates import CoordinateError, to_wgs84_geometry
from geo.coverage import on_raster
from geo.files import LayerError, LayerFile, Problem, layer_files
from geo.geojson import read_features
from geo.locate import Index

STEM = "{stem}"


@dataclass(frozen=True)
class Part:
    """What one file holds: a geometry and a row of attributes for each polygon."""

    file: LayerFile
    crs: str | None
    rows: pd.DataFrame
    geometries: NDArray[np.object_]


def read_layer(
    files: Iterable[Path | bytes],
    *,
    code: str = "code",
    name: str | None = None,
    parent: str | None = None,
    attributes: Mapping[str, str] | None = None,
    inside: str = "*",
    crs: str | None = None,
    table: str | None = None,
    encoding: str | None = None,
) -> gpd.GeoDataFrame:
    """The layer that `files` hold together: GeoJSON, shapefile, GeoPackage, also packed.

    `code`, `name`, `parent` and the values of `attributes` (by the name they get) say where a value
    comes from: a column, `a.b` for a value nested in GeoJSON properties, or a text with `{stem}`,
    the file name without its suffix. Without `name` the code is the name. `inside` chooses members
    of archives, `table` the table of a GeoPackage, `encoding` the texts of a shapefile (else its
    .cpg, else UTF-8 or GB18030, whichever fits). `crs` overrides what the files say.
    Raises LayerError naming file, polygon and reason for whatever cannot be a layer.
    """
    files = list(files)
    wanted = {"code": code, "name": name or code, "parent": parent, **(attributes or {})}
    opened = chain.from_iterable(layer_files(file, inside) for file in files)
    parts = [_part(file, table, encoding) for file in opened]
    if not parts:
        raise LayerError(
            Problem("、".join(map(_label, files)), None, f"没有找到面图层（{inside}）")
        )
    frame = pd.concat([_columns(part, wanted) for part in parts], ignore_index=True)
    _refuse(_problems(parts, frame))
    frame["name"] = frame["name"].fillna(frame["code"])
    geometry = np.concatenate([_in_wgs84(part, crs) for part in parts])
    order = np.argsort(frame["code"].to_numpy(dtype=object), kind="stable")
    frame = frame.iloc[order].reset_index(drop=True)
    return gpd.GeoDataFrame(frame, geometry=geometry[order], crs=4326)


def parent_within(layer: gpd.GeoDataFrame, parents: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The layer with `parent` = the parent polygon that holds a point inside each polygon, or
    None.
    """
    inside = shapely.point_on_surface(_geometries(layer))
    index = Index.build(_geometries(parents), parents["code"].tolist())
    found = index.locate(shapely.get_x(inside), shapely.get_y(inside))
    codes = [str(index.codes[i]) if i >= 0 else None for i in found]
    placed = layer.copy()
    placed["parent"] = pd.Series(codes, index=layer.index, dtype=object)
    return placed


def dissolve(children: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The level above, made of its children: one polygon for each `parent`, named by its code."""
    groups = children.dropna(subset=["parent"]).groupby("parent", sort=True)
    codes = [str(code) for code, _ in groups]
    shapes = [_merged(np.asarray(group.geometry, dtype=object)) for _, group in groups]
    columns = pd.DataFrame({"code": codes, "name": codes, "parent": None}, dtype=object)
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=4326)


def _merged(geometries: NDArray[np.object_]) -> shapely.Geometry:
    """Fast where the borders match vertex for vertex, else by a union on a 1 cm raster."""
    if not shapely.coverage_is_valid(geometries):
        geometries = on_raster(geometries)
        if not shapely.coverage_is_valid(geometries):
            return shapely.union_all(geometries)
    return shapely.coverage_union_all(geometries)


def _geometries(layer: gpd.GeoDataFrame) -> NDArray[np.object_]:
    return np.asarray(layer.geometry.array, dtype=object)


def _label(file: Path | bytes) -> str:
    return "（内存）" if isinstance(file, bytes) else str(file)


def _refuse(problems: Iterator[Problem]) -> None:
    if found := tuple(problems):
        raise LayerError(*found)


def _problems(parts: list[Part], frame: pd.DataFrame) -> Iterator[Problem]:
    """Polygons without shape or code, and codes that come twice."""
    places = [(part.file.name, n) for part in parts for n in range(1, len(part.rows) + 1)]
    shapes = np.concatenate([part.geometries for part in parts])
    kinds = shapely.get_type_id(shapes)
    first: dict[str, int] = {}
    for i, code in enumerate(frame["code"]):
        if kinds[i] < 0 or shapely.is_empty(shapes[i]):
            yield Problem(*places[i], "没有几何")
        elif kinds[i] not in (3, 6):
            yield Problem(*places[i], f"是 {shapes[i].geom_type}，不是面")
        if code is None:
            yield Problem(*places[i], "没有编码")
        elif (earlier := first.setdefault(code, i)) != i:
            file, number = places[earlier]
            yield Problem(*places[i], f"编码 {code} 重复，已见于 {file} 第 {number} 个面")


def _columns(part: Part, wanted: Mapping[str, str | None]) -> pd.DataFrame:
    texts = {"code", "name", "parent"}
    columns = {
        key: _texts(_column(part, source)) if key in texts else _column(part, source)
        for key, source in wanted.items()
    }
    return pd.DataFrame(columns, index=part.rows.index)


def _column(part: Part, source: str | None) -> pd.Series:
    """The values that `source` points to: a column, a path into nested properties, or the stem."""
    if source is None:
        return pd.Series([None] * len(part.rows), dtype=object)
    if STEM in source:
        text = source.replace(STEM, part.file.stem)
        return pd.Series([text] * len(part.rows), dtype=object)
    if source in part.rows:
        return part.rows.loc[:, source]
    outer, _, path = source.partition(".")
    if path and outer in part.rows:
        keys = path.split(".")
        return pd.Series([_nested(value, keys) for value in part.rows[outer]], dtype=object)
    known = "、".join(map(str, part.rows.columns)) or "（无）"
    raise LayerError(Problem(part.file.name, None, f"没有属性“{source}”，只有 {known}"))


def _nested(value: Any, path: list[str]) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _texts(values: pd.Series) -> pd.Series:
    return pd.Series([_text(value) for value in values], index=values.index, dtype=object)


def _text(value: Any) -> str | None:
    """A code as text: 430102.0 of a shapefile is 430102; blank and missing are None."""
    if value is None or value is pd.NA or value != value:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip() or None


def _in_wgs84(part: Part, declared: str | None) -> NDArray[np.object_]:
    crs = declared or part.crs
    if crs is None:
        raise LayerError(Problem(part.file.name, None, "没有坐标系（.prj），请在声明中写 crs"))
    try:
        moved = to_wgs84_geometry(part.geometries, crs)
    except CoordinateError as error:
        raise LayerError(Problem(part.file.name, None, str(error))) from error
    bounds = shapely.bounds(moved)
    on_earth = (np.abs(bounds) <= [180, 90, 180, 90]).all(axis=1)
    if not on_earth.all():
        number = int(np.argmin(on_earth)) + 1
        raise LayerError(Problem(part.file.name, number, f"坐标不在地球上，坐标系 {crs[:40]} 有误"))
    return moved


def _part(file: LayerFile, table: str | None, encoding: str | None) -> Part:
    if ".json" in file.parts:
        return Part(file, *read_features(file))
    return _by_gdal(file, table, encoding)


def _by_gdal(file: LayerFile, table: str | None, encoding: str | None) -> Part:
    """A shapefile or GeoPackage, in a folder of our own: GDAL reads files that lie together."""
    with tempfile.TemporaryDirectory(prefix="zhinao-layer-") as folder:
        for suffix, content in file.parts.items():
            Path(folder, f"layer{suffix}").write_bytes(content)
        suffix = ".shp" if ".shp" in file.parts else ".gpkg"
        path, texts = f"{folder}/layer{suffix}", encoding or _dbf_encoding(file)
        try:
            frame = pyogrio.read_dataframe(path, layer=table, encoding=texts)
        except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, ValueError) as e:
            raise LayerError(Problem(file.name, None, f"无法读取（{e}）")) from e
    if not isinstance(frame, gpd.GeoDataFrame):
        raise LayerError(Problem(file.name, None, "没有几何列"))
    crs = frame.crs.to_wkt() if frame.crs is not None else None
    rows = pd.DataFrame(frame.drop(columns=frame.geometry.name))
    return Part(file, crs, rows, _geometries(frame))


def _dbf_encoding(file: LayerFile) -> str | None:
    """Without .cpg GDAL would take Latin 1; Chinese tools that leave it out write GBK or UTF-8."""
    if ".cpg" in file.parts or ".dbf" not in file.parts:
        return None
    try:
        file.parts[".dbf"][32:].decode("utf-8")
    except UnicodeDecodeError:
        return "GB18030"
    return "UTF-8"
