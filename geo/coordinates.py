"""Brings coordinates of any declared system to WGS84 and back.

Everything is longitude, latitude in degrees (x, y in metres for a plane system), in this order,
whatever order the authority of the system prescribes. A coordinate that is missing (NaN) or that a
system cannot express comes out as NaN.

GCJ-02 (高德, 腾讯) and BD-09 (百度) shift WGS84 by some hundred metres. The rule was
never published; the one used here is the formula that all public converters share (first seen in
wuyongzheng/wgs2mars, 2013), on the ellipsoid of Krassovsky 1940. It shifts only inside the box
72.004..137.8347 E, 0.8293..55.8271 N; outside, the three are equal.
"""

import threading
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import pyproj
import shapely
from numpy.typing import ArrayLike, NDArray
from pyproj.exceptions import CRSError, ProjError

Points = tuple[NDArray[np.float64], NDArray[np.float64]]
Shift = Callable[[NDArray[np.float64], NDArray[np.float64]], Points]

WGS84, GCJ02, BD09 = "WGS84", "GCJ-02", "BD-09"

# CGCS2000 and WGS84 differ by centimetres; EPSG itself converts one into the other unchanged.
NAMES = {
    "WGS84": WGS84,
    "EPSG:4326": WGS84,
    "OGC:CRS84": WGS84,
    "CGCS2000": WGS84,
    "EPSG:4490": WGS84,
    "GCJ02": GCJ02,
    "BD09": BD09,
    "BD09LL": BD09,
}
KRASSOVSKY_AXIS = 6378245.0
KRASSOVSKY_E2 = 0.00669342162296594323
BAIDU_TURN = np.pi * 3000 / 180
BOX = (72.004, 0.8293, 137.8347, 55.8271)
BOX_TOLERANCE = 1e-8  # degrees, 1 mm: a point on the rim of the box must come back too
INVERSE_STEPS = 4  # each leaves about 1 % of the error: 1.5 km -> 0.015 mm anywhere in the box
BLOCK = 16_384  # points at a time, so that the temporary arrays stay in the cache: twice as fast


class CoordinateError(ValueError):
    """A coordinate system that is not known or cannot be converted; the text is for the user."""


def to_wgs84(lon: ArrayLike, lat: ArrayLike, crs: str) -> Points:
    """WGS84 longitude and latitude of points given in `crs`.

    `lon`, `lat`: equal shapes, degrees (metres for a plane system). `crs`: WGS84, CGCS2000,
    GCJ-02, BD-09, `EPSG:n`, `ESRI:n` or WKT. Raises CoordinateError if `crs` is unknown. 西安80 and
    北京54 use the public EPSG parameters, which are metres off; a centre that has better ones
    gives them as WKT.
    """
    return _convert(lon, lat, crs, inverse=True)


def from_wgs84(lon: ArrayLike, lat: ArrayLike, crs: str) -> Points:
    """Coordinates in `crs` of WGS84 points: the way back of `to_wgs84`."""
    return _convert(lon, lat, crs, inverse=False)


def to_wgs84_geometry(geometries: ArrayLike, crs: str) -> NDArray[np.object_]:
    """The same shapely geometries with every vertex brought to WGS84, in two dimensions; None
    stays None.
    """
    flat = shapely.force_2d(np.asarray(geometries, dtype=object))
    if resolve(crs) == WGS84:
        return flat
    return shapely.transform(flat, lambda xy: np.column_stack(to_wgs84(xy[:, 0], xy[:, 1], crs)))


def resolve(crs: str) -> str | pyproj.CRS:
    """One of WGS84, GCJ02, BD09, or the pyproj system that `crs` names; CoordinateError if there
    is none.
    """
    name = "".join(crs.upper().split()).replace("-", "").replace("_", "")
    return NAMES[name] if name in NAMES else _authority(crs)


@lru_cache(maxsize=64)
def _authority(crs: str) -> str | pyproj.CRS:
    try:
        found = pyproj.CRS.from_user_input(crs)
    except CRSError as error:
        raise CoordinateError(
            f"不认识的坐标系“{crs[:80]}”，"
            "可以写 WGS84、CGCS2000、GCJ-02、BD-09、EPSG:编号、ESRI:编号或 WKT"
        ) from error
    is_wgs84 = found.to_epsg() in (4326, 4490, 4979) or found.equals(pyproj.CRS("OGC:CRS84"))
    return WGS84 if is_wgs84 else found


def _convert(lon: ArrayLike, lat: ArrayLike, crs: str, inverse: bool) -> Points:
    x, y = np.broadcast_arrays(np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64))
    system = resolve(crs)
    if system == WGS84:
        return x.copy(), y.copy()
    if isinstance(system, str):
        return _in_blocks(_unshift(system) if inverse else _shift(system), x, y)
    return _project(system, inverse, x, y)


def _project(system: pyproj.CRS, inverse: bool, x: NDArray, y: NDArray) -> Points:
    try:
        direction = "FORWARD" if inverse else "INVERSE"
        transformer = _transformer(system.to_wkt(), threading.get_ident())
        u, v = transformer.transform(x, y, direction=direction)
    except ProjError as error:
        raise CoordinateError(f"坐标系“{system.name}”无法换算为 WGS84：{error}") from error
    known = np.isfinite(u) & np.isfinite(v)
    return np.where(known, u, np.nan), np.where(known, v, np.nan)


@lru_cache(maxsize=64)
def _transformer(wkt: str, _thread: int) -> pyproj.Transformer:
    """One for each thread: pyproj's are not safe to share."""
    return pyproj.Transformer.from_crs(pyproj.CRS.from_wkt(wkt), 4326, always_xy=True)


def _in_blocks(shift: Shift, x: NDArray, y: NDArray) -> Points:
    out_x, out_y = np.empty(x.size), np.empty(x.size)
    flat_x, flat_y = x.ravel(), y.ravel()
    with np.errstate(invalid="ignore"):
        for start in range(0, x.size, BLOCK):
            block = slice(start, start + BLOCK)
            out_x[block], out_y[block] = shift(flat_x[block], flat_y[block])
    return out_x.reshape(x.shape), out_y.reshape(x.shape)


def _shift(system: str) -> Shift:
    """WGS84 -> GCJ-02 or BD-09, unchanged outside the box."""

    def shift(lon: NDArray, lat: NDArray) -> Points:
        x, y = _gcj_from_wgs(lon, lat)
        if system == BD09:
            x, y = _bd_from_gcj(x, y)
        return _where_shifted(_in_box(lon, lat, 0.0), (x, y), (lon, lat))

    return shift


def _unshift(system: str) -> Shift:
    """GCJ-02 or BD-09 -> WGS84.

    Whether a point was shifted depends on where it came from: it is shifted back if its origin
    lies in the box. Less than a kilometre outside the box an unshifted and a shifted point can
    coincide; the shifted one is assumed.
    """

    def unshift(lon: NDArray, lat: NDArray) -> Points:
        x, y = _invert(_bd_from_gcj, lon, lat) if system == BD09 else (lon, lat)
        x, y = _invert(_gcj_from_wgs, x, y)
        return _where_shifted(_in_box(x, y, BOX_TOLERANCE), (x, y), (lon, lat))

    return unshift


def _invert(forward: Shift, lon: NDArray, lat: NDArray) -> Points:
    """The point that `forward` sends to (lon, lat), by fixed-point steps: the shifts change slowly
    with the place.
    """
    x, y = lon.copy(), lat.copy()
    for _ in range(INVERSE_STEPS):
        u, v = forward(x, y)
        x += lon - u
        y += lat - v
    return x, y


def _in_box(lon: NDArray, lat: NDArray, tolerance: float) -> NDArray[np.bool_]:
    west, south, east, north = BOX
    inside_lon = (lon >= west - tolerance) & (lon <= east + tolerance)
    return inside_lon & (lat >= south - tolerance) & (lat <= north + tolerance)


def _where_shifted(shifted: NDArray[np.bool_], inside: Points, outside: Points) -> Points:
    x, y = np.where(shifted, inside[0], outside[0]), np.where(shifted, inside[1], outside[1])
    known = ~(np.isnan(x) | np.isnan(y))
    return np.where(known, x, np.nan), np.where(known, y, np.nan)


def _gcj_from_wgs(lon: NDArray, lat: NDArray) -> Points:
    """The public formula: metres east and north as sums of sines around 105 E 35 N, on
    Krassovsky's ellipsoid.
    """
    x, y = lon - 105.0, lat - 35.0
    root, product, pi_x, pi_y = np.sqrt(np.abs(x)), x * y, np.pi * x, np.pi * y
    ripple = (20 * np.sin(6 * pi_x) + 20 * np.sin(2 * pi_x)) * 2 / 3
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * product + 0.2 * root + ripple
    north += (20 * np.sin(pi_y) + 40 * np.sin(pi_y / 3)) * 2 / 3
    north += (160 * np.sin(pi_y / 12) + 320 * np.sin(pi_y / 30)) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * product + 0.1 * root + ripple
    east += (20 * np.sin(pi_x) + 40 * np.sin(pi_x / 3)) * 2 / 3
    east += (150 * np.sin(pi_x / 12) + 300 * np.sin(pi_x / 30)) * 2 / 3
    latitude = np.radians(lat)
    flattened = 1 - KRASSOVSKY_E2 * np.sin(latitude) ** 2
    across = KRASSOVSKY_AXIS / np.sqrt(flattened)  # radius of curvature east-west
    along = across * (1 - KRASSOVSKY_E2) / flattened  # and north-south
    return lon + np.degrees(east / (across * np.cos(latitude))), lat + np.degrees(north / along)


def _bd_from_gcj(lon: NDArray, lat: NDArray) -> Points:
    """The public formula: a ripple in polar coordinates around 0 E 0 N, then a constant offset."""
    radius = np.hypot(lon, lat) + 2e-5 * np.sin(lat * BAIDU_TURN)
    angle = np.arctan2(lat, lon) + 3e-6 * np.cos(lon * BAIDU_TURN)
    return radius * np.cos(angle) + 0.0065, radius * np.sin(angle) + 0.006
