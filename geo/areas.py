"""Where the area of an alert lies: CAP 1.2 polygons and circles as one point inside."""

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
    1.2, 3.2.4). The largest polygon counts, else the first circle.
    """
    points = [_point(p, c) for p, c in zip(polygons, circles, strict=True)]
    lon, lat = np.array(points, dtype=np.float64).reshape(-1, 2).T
    return lon, lat


def _point(polygon: str | None, circle: str | None) -> tuple[float, float]:
    if polygon:
        shapes = [shapely.Polygon(_positions(part)) for part in polygon.split(";")]
        largest = max(shapes, key=shapely.area)
        inside = shapely.point_on_surface(largest)
        if not inside.is_empty:
            return inside.x, inside.y
    if circle:
        lat, lon = circle.split(";")[0].split()[0].split(",")
        return float(lon), float(lat)
    return NOWHERE


def _positions(text: str) -> list[tuple[float, float]]:
    pairs = [pair.split(",") for pair in text.split()]
    return [(float(lon), float(lat)) for lat, lon in pairs]
