"""The layers of a site, ready to place points in: read once, checked, then kept in the home."""

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import orjson
import pandas as pd
import shapely

from data.declaration import read_table
from data.site import Layer, Site
from etl.code_layers import parents_only, read_codes
from etl.hostile import FileError
from etl.members import Container, containers
from geo.coverage import LayerReport, area_km2, validate
from geo.display import display_geometry
from geo.files import LayerError, Problem
from geo.layers import dissolve, parent_within, read_layer
from geo.locate import Index, cached_index, layer_hash

WORKERS = 2
FORMAT = "2"  # of what is kept; another number reads every layer anew


@dataclass(frozen=True)
class Kept:
    """A layer as it is kept: the rows for `grids`, the row for `layers`, and its index."""

    layer: Layer
    grids: pd.DataFrame
    summary: dict[str, Any]
    index: Index | None  # None for a layer without polygons

    @cached_property
    def parents(self) -> dict[str, str | None]:
        return dict(zip(self.grids["code"], self.grids["parent"], strict=True))


class Layers:
    """All layers of a site. Files lie in the first of `roots` that has them."""

    def __init__(self, site: Site, roots: Sequence[Path], cache: Path) -> None:
        self.site = site
        self._roots = roots
        self._cache = cache
        self._files = {layer.key: self._found(layer) for layer in self._all}

    @property
    def _all(self) -> tuple[Layer, ...]:
        return (*self.site.levels, *self.site.layers)

    @cached_property
    def files_hashes(self) -> dict[str, str]:
        """Layer key -> hash of what it is made of: declaration and files, those of the tree too."""
        own = {layer.key: self._own_hash(layer) for layer in self._all}
        tree = "".join(own[level.key] for level in self.site.levels)
        in_tree = {level.key for level in self.site.levels}
        return {
            key: sha256((value + (tree if key in in_tree else "")).encode()).hexdigest()[:32]
            for key, value in own.items()
        }

    @cached_property
    def kept(self) -> dict[str, Kept]:
        """Every layer, from the home where it was kept before; LayerError where one is no layer."""
        kept = {layer.key: self._load(layer) for layer in self._all}
        if all(kept.values()):
            return {key: layer for key, layer in kept.items() if layer}
        return self._build()

    def _found(self, layer: Layer) -> list[Container]:
        problems: list[FileError] = []
        for root in self._roots:
            problems = []
            found = containers(root, layer.files, problems)
            if found and not problems:
                return found
        if layer.files:
            looked = "、".join(str(root) for root in self._roots)
            reason = problems[0].reason if problems else "没有匹配的文件"
            raise FileError(
                layer.files[0], "missing", f"图层 {layer.key}：{reason}（找过 {looked}）"
            )
        return []

    def _own_hash(self, layer: Layer) -> str:
        names = self._names_file(layer)
        parts = [FORMAT, layer.model_dump_json(), str(self.site.map.tolerance_m)]
        parts += [container.hash for container in self._files[layer.key]]
        parts += [names.read_text("utf-8") if names else ""]
        return "\n".join(parts)

    def _names_file(self, layer: Layer) -> Path | None:
        return self._roots[-1] / layer.names if layer.names else None

    # ---- kept ----

    def _path(self, layer: Layer) -> Path:
        return self._cache / f"{layer.key}-{self.files_hashes[layer.key]}.json"

    def _load(self, layer: Layer) -> Kept | None:
        try:
            stored = orjson.loads(self._path(layer).read_bytes())
            index = stored["index"] and Index.load(self._cache / stored["index"])
        except (OSError, ValueError, KeyError):
            return None
        return Kept(layer, pd.DataFrame(stored["grids"]), stored["summary"], index)

    def _keep(self, kept: Kept, index_name: str | None) -> None:
        self._cache.mkdir(parents=True, exist_ok=True)
        columns = {
            name: column.astype(object).where(column.notna(), None).tolist()
            for name, column in kept.grids.items()
        }
        stored = {"grids": columns, "summary": kept.summary, "index": index_name}
        path = self._path(kept.layer)
        half = path.with_suffix(".tmp")
        half.write_bytes(orjson.dumps(stored, option=orjson.OPT_SERIALIZE_NUMPY))
        half.replace(path)

    # ---- built ----

    def _build(self) -> dict[str, Kept]:
        """Layer by layer, two at a time: GEOS and the unpacking leave Python's lock alone."""
        with ThreadPoolExecutor(WORKERS) as pool:
            own = [layer for layer in self._all if layer.files]
            checked = dict(
                zip((layer.key for layer in own), pool.map(self._checked, own), strict=True)
            )
            shapes = {key: frame for key, (frame, _) in checked.items()}
            self._complete_tree(shapes)
            reports = {key: report for key, (_, report) in checked.items()}
            finished = pool.map(
                lambda layer: self._finished(layer, shapes[layer.key], reports.get(layer.key)),
                self._all,
            )
            return {kept.layer.key: kept for kept in finished}

    def _checked(self, layer: Layer) -> tuple[gpd.GeoDataFrame, LayerReport | None]:
        frame = self._read(layer)
        report = self._validated(layer.key, frame)
        return (report.layer if report else frame), report

    def _read(self, layer: Layer) -> gpd.GeoDataFrame:
        paths = [container.path for container in self._files[layer.key]]
        if all(path.suffix == ".csv" for path in paths):
            return read_codes(paths, layer)
        extra = {name: getattr(layer, name) for name in ("population", "households")}
        return read_layer(
            paths,
            code=layer.code,
            name=layer.label,
            parent=None if layer.parent == "within" else layer.parent,
            attributes={name: column for name, column in extra.items() if column},
            inside=layer.inside,
            crs=layer.crs,
        )

    def _validated(self, key: str, frame: gpd.GeoDataFrame) -> LayerReport | None:
        layer = self.site.layer(key)
        if frame.geometry.isna().all():
            return None
        return validate(
            frame,
            coverage=layer.coverage,
            max_invalid_share=layer.max_invalid_share,
            name=layer.name,
        )

    def _complete_tree(self, shapes: dict[str, gpd.GeoDataFrame]) -> None:
        """Give levels their parents by place, and make the levels without files, from below."""
        levels = self.site.levels
        for upper, lower in reversed(list(zip(levels, levels[1:], strict=False))):
            if lower.parent == "within":
                shapes[lower.key] = parent_within(shapes[lower.key], shapes[upper.key])
            if upper.key not in shapes:
                below = shapes[lower.key]
                has_shapes = not below.geometry.isna().all()
                shapes[upper.key] = dissolve(below) if has_shapes else parents_only(below)
            _refuse_orphans(lower, shapes[lower.key], upper, shapes[upper.key])

    def _finished(self, layer: Layer, frame: gpd.GeoDataFrame, report: LayerReport | None) -> Kept:
        grids = self._grid_rows(layer, frame)
        is_needed = is_placed_by_points(self.site, layer) and not frame.geometry.isna().all()
        index = cached_index(self._cache, frame) if is_needed else None
        index_name = f"{_layer_hash(frame)}.npz" if is_needed else None
        kept = Kept(layer, grids, self._summary(layer, grids, report), index)
        self._keep(kept, index_name)
        return kept

    def _grid_rows(self, layer: Layer, frame: gpd.GeoDataFrame) -> pd.DataFrame:
        _refuse_codes(layer, frame["code"])
        shapes = np.asarray(frame.geometry.array, dtype=object)
        inside = shapely.point_on_surface(shapes)
        bounds = shapely.bounds(shapes)
        light = display_geometry(shapes, self.site.map.tolerance_m) if shapes[0] else shapes
        names = self._names(layer)
        return pd.DataFrame(
            {
                "layer": layer.key,
                "code": frame["code"],
                "name": [
                    names.get(c, n) for c, n in zip(frame["code"], frame["name"], strict=True)
                ],
                "parent": frame["parent"],
                "population": _whole(frame, "population"),
                "households": _whole(frame, "households"),
                "area_km2": area_km2(shapes) if shapes[0] else None,
                "lon": shapely.get_x(inside),
                "lat": shapely.get_y(inside),
                **dict(zip(("west", "south", "east", "north"), bounds.T, strict=True)),
                "shape": [shapely.to_geojson(s) if s is not None else None for s in light],
            }
        )

    def _names(self, layer: Layer) -> dict[str, str]:
        path = self._names_file(layer)
        rows = read_table(path, ("code", "name")) if path else []
        return {row["code"]: row["name"] for row in rows}

    def _summary(
        self, layer: Layer, grids: pd.DataFrame, report: LayerReport | None
    ) -> dict[str, Any]:
        tiers = [level.key for level in self.site.levels]
        served = "".join(shape or "" for shape in grids["shape"])
        return {
            "layer": layer.key,
            "name": layer.name,
            "tier": tiers.index(layer.key) + 1 if layer.key in tiers else None,
            "polygons": len(grids),
            "repaired": len(report.repairs) if report else 0,
            "overlap_pairs": report.overlap_pairs if report else None,
            "overlap_km2": report.overlap_km2 if report else None,
            "gap_km2": report.gap_km2 if report else None,
            "content_hash": sha256(served.encode()).hexdigest()[:16],
            "files_hash": self.files_hashes[layer.key],
            "report": orjson.dumps(report.rows() if report else []).decode(),
        }


def is_placed_by_points(site: Site, layer: Layer) -> bool:
    """Whether points are located in the layer's own polygons; else its codes follow from below."""
    upper = {level.key for level in site.levels[:-1]}
    return (layer.placed or ("children" if layer.key in upper else "points")) == "points"


def _layer_hash(frame: gpd.GeoDataFrame) -> str:
    return layer_hash(np.asarray(frame.geometry.array), frame["code"].tolist())


def _refuse_orphans(
    lower: Layer, children: gpd.GeoDataFrame, upper: Layer, parents: gpd.GeoDataFrame
) -> None:
    """LayerError where a child names a parent that the level above does not have."""
    orphans = children[children["parent"].notna() & ~children["parent"].isin(parents["code"])]
    problems = [
        Problem(lower.name, None, f"{code} 的上级 {parent} 不在 {upper.name}（{upper.key}）中")
        for code, parent in zip(orphans["code"], orphans["parent"], strict=True)
    ]
    if problems:
        raise LayerError(*problems)


def _refuse_codes(layer: Layer, codes: pd.Series) -> None:
    """LayerError where codes have not the form that the site declares."""
    if layer.code_pattern is None:
        return
    wrong = [code for code in codes if not re.fullmatch(layer.code_pattern, code)]
    if wrong:
        reason = f"编码不符合 code_pattern {layer.code_pattern}"
        raise LayerError(*(Problem(layer.name, None, f"{code}：{reason}") for code in wrong))


def _whole(frame: gpd.GeoDataFrame, name: str) -> pd.Series:
    if name not in frame:
        return pd.Series(None, index=frame.index, dtype=object)
    return pd.to_numeric(frame[name], errors="coerce").round().astype("Int64").astype(object)
