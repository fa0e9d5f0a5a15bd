"""Where the area of an alert lies: CAP 1.2 polygons and circles as one point inside."""

import math
from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray

NOWHERE = (np.nan, np.nan)


def points_in_areas(
    polygons: Sequence[str | None], circles: Sequence[str | None]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Longitude and latitude of a point in each area; NaN where there is none.

    A polygon is "lat,lon lat,lon ..." and a circle "lat,lon radius_km", several joined by ";" (CAP
    1.2, 3.2.4). The largest polygon counts, else the first circle. A text that is no area is none.
    """
    points = [_point(p, c) for p, c in zip(polygons, circles, strict=True)]
    lon, lat = np.array(points, dtype=np.float64).reshape(-1, 2).T
    return lon, lat


def _point(polygon: str | None, circle: str | None) -> tuple[float, float]:
    try:
        return _in_polygon(polygon or "") or _centre(circle or "") or NOWHERE
    except (ValueError, shapely.GEOSException):
        return NOWHERE


def _in_polygon(text: str) -> tuple[float, float] | None:
    shapes = [shapely.Polygon(_positions(part)) for part in text.split(";") if part.strip()]
    if not shapes:
        return None
    inside = shapely.point_on_surface(max(shapes, key=shapely.area))
    return None if inside.is_empty else (inside.x, inside.y)


def _centre(text: str) -> tuple[float, float] | None:
    first = text.split(";")[0].split()
    return _position(first[0]) if first else None


def _positions(text: str) -> list[tuple[float, float]]:
    return [_position(pair) for pair in text.split()]


def _position(pair: str) -> tuple[float, float]:
    lat, lon = map(float, pair.split(","))
    if not (math.isfinite(lat) and math.isfinite(lon)):
        raise ValueError(pair)
    return lon, lat
