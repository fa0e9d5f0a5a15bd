"""Makes the shapes of a layer light enough for a browser, without tearing neighbours apart."""

from hashlib import sha256

import geopandas as gpd
import numpy as np
import orjson
import shapely
from numpy.typing import ArrayLike, NDArray

from geo.coverage import on_raster

METRES_PER_DEGREE = 111_320.0
WALL_PIXELS = 500  # half the height of the wall's map: a bend of two pixels is not seen from afar


def display_geojson(
    layer: gpd.GeoDataFrame, tolerance_m: float | None = None, decimals: int = 5
) -> bytes:
    """A GeoJSON FeatureCollection for the map: id = code, properties code and name.

    `tolerance_m`, `decimals`: as in `display_geometry`. The same layer gives the same bytes.
    """
    ordered = layer.sort_values("code")
    shapes = display_geometry(np.asarray(ordered.geometry.array), tolerance_m, decimals)
    features = [
        {
            "type": "Feature",
            "id": code,
            "properties": {"code": code, "name": name},
            "geometry": shapely.geometry.mapping(shape),
        }
        for code, name, shape in zip(ordered["code"], ordered["name"], shapes, strict=True)
    ]
    return orjson.dumps({"type": "FeatureCollection", "features": features})


def display_geometry(
    geometries: ArrayLike, tolerance_m: float | None = None, decimals: int = 5
) -> NDArray[np.object_]:
    """The polygons with fewer vertices, coordinates rounded to `decimals` (5 is about a metre).

    Borders that two polygons share stay shared. `tolerance_m`: bends that enclose less than its
    square go; default is two pixels of the wall when the whole layer fills it. 0 keeps every
    vertex.
    """
    shapes = on_raster(shapely.force_2d(np.asarray(geometries, dtype=object)))
    _, south, _, north = shapely.total_bounds(shapes)
    pixels = (north - south) / WALL_PIXELS
    tolerance = pixels if tolerance_m is None else tolerance_m / METRES_PER_DEGREE
    simple = on_raster(_simplified(shapes, tolerance), decimals)
    return shapely.remove_repeated_points(simple)


def content_hash(content: bytes) -> str:
    """Name of a content: 16 hexadecimal digits that change whenever it does."""
    return sha256(content).hexdigest()[:16]


def _simplified(shapes: NDArray[np.object_], tolerance: float) -> NDArray[np.object_]:
    """Borders match on the raster of 1 cm if anywhere. Where they do not, a polygon may come out
    torn: that one is simplified by itself.
    """
    if tolerance == 0:
        return shapes
    simple = shapely.coverage_simplify(shapes, tolerance)
    torn = ~shapely.is_valid(simple) | shapely.is_empty(simple)
    simple[torn] = shapely.simplify(shapes[torn], tolerance, preserve_topology=True)
    return simple
