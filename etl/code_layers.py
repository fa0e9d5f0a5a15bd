"""Layers without polygons: a csv of codes, names and parents; cases are placed by the code."""

from collections.abc import Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

from data.declaration import DeclarationError, read_table
from data.site import Layer

MOST_PROBLEMS = 20  # named at once
FIRST_ROW = 2  # below the header


def read_codes(paths: Sequence[Path], layer: Layer) -> gpd.GeoDataFrame:
    """The layer, without geometry; DeclarationError naming file, row and what is wrong there."""
    if layer.parent == "within":
        raise DeclarationError(
            f"{paths[0]}：没有多边形，{layer.key} 的 parent 不能是 within；请写上级编码所在的列"
        )
    numbers = {"population": layer.population, "households": layer.households}
    wanted = (layer.code, layer.label, layer.parent, *numbers.values())
    needed = tuple(dict.fromkeys(name for name in wanted if name))
    placed = [
        (f"{path}：第 {number} 行", row)
        for path in paths
        for number, row in enumerate(read_table(path, needed), start=FIRST_ROW)
        if any(row.values())
    ]
    _refuse(placed, layer)
    rows = [row for _, row in placed]
    columns = {
        "code": [row[layer.code] for row in rows],
        "name": [row[layer.label or layer.code] or row[layer.code] for row in rows],
        "parent": [row[layer.parent] if layer.parent else None for row in rows],
        **{key: [row[name] for row in rows] for key, name in numbers.items() if name},
    }
    return _without_geometry(pd.DataFrame(columns).sort_values("code", ignore_index=True))


def parents_only(children: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The level above a level without polygons: the parents that its codes name."""
    codes = sorted({code for code in children["parent"] if code is not None})
    return _without_geometry(
        pd.DataFrame({"code": codes, "name": codes, "parent": None}, dtype=object)
    )


def _refuse(placed: Sequence[tuple[str, dict[str, str]]], layer: Layer) -> None:
    problems = []
    first: dict[str, str] = {}
    for where, row in placed:
        code = row[layer.code]
        if not code:
            problems.append(f"{where}：没有编码（列 {layer.code}）")
        elif code in first:
            problems.append(f"{where}：编码 {code} 重复，已见于 {first[code]}")
        elif layer.parent and not row[layer.parent]:
            problems.append(f"{where}：编码 {code} 没有上级（列 {layer.parent}）；补上，或删去该行")
        first.setdefault(code, where)
    if problems:
        raise DeclarationError("\n".join(problems[:MOST_PROBLEMS]))


def _without_geometry(frame: pd.DataFrame) -> gpd.GeoDataFrame:
    nowhere = np.full(len(frame), None, dtype=object)
    return gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries(nowhere, crs=4326))
