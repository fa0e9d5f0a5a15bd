"""The synthetic county: 18 towns, 225 villages and 2,262 grids with irregular shared borders.

The county exists nowhere: its prefix 439921 belongs to no real county, its names are made from the
twenty-eight lunar mansions. It lies in inland China only so that GCJ-02 and BD-09 shift it as they
would a real one. It never changes: no seed of a delivery touches it.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import orjson
import shapely
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

COUNTY_CODE, COUNTY_NAME = "439921", "星湖县"
SEED = 20250601
CENTRE = (111.62, 29.84)  # lon, lat
KM_PER_DEGREE = (96.74, 110.86)  # east and north at this latitude
RADIUS_KM = 29.0
CITY = (-6.0, -4.0)  # km from the centre: where the 街道 are
TOWNS, VILLAGES, GRIDS = 18, 225, 2262
STREET_TOWNS = 6
ADDRESSES = 48  # places a grid where things happen
EDGE_DEPTH, EDGE_AMPLITUDE = (
    3,
    0.11,
)  # an edge becomes 2^3 pieces, each bent by up to 11 % of its length
DECIMALS = 6

STREETS = ("星湖街道", "望斗街道", "天枢街道", "玉衡街道", "开阳街道", "摇光街道")
COUNTRY = ("角木镇", "亢金镇", "氐土镇", "房日镇", "心月镇", "尾火镇") + (
    "箕水镇",
    "奎宿镇",
    "娄宿镇",
    "昴宿镇",
    "参宿镇",
    "轸宿镇",
)
MANSIONS = "角亢氐房心尾箕斗牛女虚危室壁奎娄胃昴毕觜参井鬼柳星张翼轸"
LAND = "塘岭湾坪桥洲溪垄港坡田台渡园林泉"
STATIONS = ("星湖", "望斗", "天枢", "玉衡", "开阳", "摇光", "城北", "河西") + (
    "角亢",
    "氐房",
    "心尾",
    "箕奎",
    "娄昴",
    "参轸",
)
KEY_PLACES = (  # what a 重点区域 surrounds, how many of them, radius in km
    ("学校周边", 34, 0.25),
    ("医院周边", 9, 0.3),
    ("商圈", 8, 0.45),
    ("在建工地", 10, 0.3),
    ("客运站周边", 4, 0.4),
    ("工业园", 3, 0.9),
)


@dataclass(frozen=True)
class Level:
    """One level of the tree or one layer: polygons in WGS84 with their codes, equal lengths."""

    shapes: NDArray[np.object_]
    codes: list[str]
    names: list[str]
    parents: list[str | None]
    population: Ints
    households: Ints


@dataclass(frozen=True)
class County:
    """Everything that is fixed: the tree, two further layers, and the addresses of each grid."""

    towns: Level
    villages: Level
    grids: Level
    police_districts: Level
    key_areas: Level
    village_of: Ints  # (2262,) position of each grid's village
    town_of: Ints  # (2262,)
    is_urban: NDArray[np.bool_]  # (2262,)
    address_lon: Floats  # (2262, ADDRESSES) WGS84
    address_lat: Floats

    @cached_property
    def grid_names(self) -> NDArray[np.object_]:
        return np.array(self.grids.names, dtype=object)


@lru_cache(maxsize=1)
def build() -> County:
    """The county; the same on every machine and in every run."""
    rng = np.random.default_rng(SEED)
    sites = _spread(_sites(rng), rng)
    town = _nearest(sites, _town_centres(rng))
    village, village_town = _villages(sites, town, rng)
    shapes = _cells(sites, rng)
    order, village, village_town = _in_order(sites, village, village_town)
    shapes, sites = shapes[order], sites[order]
    town = village_town[village]
    urban = town < STREET_TOWNS
    population, households = _people(urban, rng)
    towns, villages, grids = _tree(shapes, village, village_town, population, households)
    lon, lat = _addresses(shapes, rng)
    return County(
        towns,
        villages,
        grids,
        _police_districts(towns, rng),
        _key_areas(lon, lat, urban, population, rng),
        village,
        town,
        urban,
        lon,
        lat,
    )


def write(county: County, folder: Path) -> list[Path]:
    """The five layers as GeoJSON (CGCS2000 longitude, latitude) in `folder`/layers."""
    layers = {
        "towns": county.towns,
        "villages": county.villages,
        "grids": county.grids,
        "police_districts": county.police_districts,
        "key_areas": county.key_areas,
    }
    (folder / "layers").mkdir(parents=True, exist_ok=True)
    return [_write(level, folder / "layers" / f"{name}.geojson") for name, level in layers.items()]


def _outline(angle: Floats) -> Floats:
    """The county's radius as a share of RADIUS_KM in each direction."""
    return 0.80 + 0.12 * np.sin(3 * angle + 1) + 0.06 * np.sin(7 * angle)


def _sites(rng: np.random.Generator) -> Floats:
    """(GRIDS, 2) km from the centre: half in town, a few around each seat, the rest apart."""
    city = np.array(CITY) + rng.normal(0, 4.0, (GRIDS, 2))
    seats = np.repeat(_seats(), GRIDS // 12, axis=0) + rng.normal(0, 1.3, (GRIDS // 12 * 12, 2))
    apart = rng.uniform(-RADIUS_KM, RADIUS_KM, (GRIDS * 4, 2))
    shares = ((city, 0.52), (seats, 0.18), (apart, 1.0))
    found = np.empty((0, 2))
    for points, share in shares:
        points = rng.permutation(points[_inside(points)])
        found = np.concatenate([found, points[: min(int(share * GRIDS), GRIDS - len(found))]])
    return found


def _inside(points: Floats) -> NDArray[np.bool_]:
    angle = np.arctan2(points[:, 1], points[:, 0])
    return np.hypot(points[:, 0], points[:, 1]) < _outline(angle) * RADIUS_KM


def _seats() -> Floats:
    """(12, 2) the seats of the country towns: spread over the county, away from the city."""
    rng = np.random.default_rng(SEED + 1)
    points = rng.uniform(-RADIUS_KM, RADIUS_KM, (4000, 2))
    points = points[_inside(points / 0.9)]
    points = points[np.hypot(*(points - CITY).T) > 11]
    chosen = [points[0]]
    for _ in range(len(COUNTRY) - 1):  # the point that is farthest from those chosen
        away = np.min([np.hypot(*(points - seat).T) for seat in chosen], axis=0)
        chosen.append(points[away.argmax()])
    return np.array(chosen) * 0.92


def _town_centres(rng: np.random.Generator) -> Floats:
    angle = np.arange(STREET_TOWNS - 1) * 2 * np.pi / (STREET_TOWNS - 1) + 0.4
    ring = 5.6 * np.c_[np.cos(angle), np.sin(angle)] + rng.normal(0, 0.5, (STREET_TOWNS - 1, 2))
    return np.concatenate([[CITY], CITY + ring, _seats()])


def _spread(sites: Floats, rng: np.random.Generator) -> Floats:
    """The sites moved twice towards the middle of their cells: no slivers, still irregular."""
    for _ in range(2):
        cells = _voronoi(np.concatenate([sites, _fringe(rng)]))[: len(sites)]
        sites = shapely.get_coordinates(shapely.centroid(cells)) * 0.8 + sites * 0.2
    return sites


def _fringe(rng: np.random.Generator) -> Floats:
    """Points outside the outline: they bound the cells at the border, unevenly as a river would."""
    angle = np.linspace(0, 2 * np.pi, 420, endpoint=False) + rng.uniform(0, 0.01, 420)
    radius = (_outline(angle) + rng.uniform(0.01, 0.05, 420)) * RADIUS_KM
    return np.c_[radius * np.cos(angle), radius * np.sin(angle)]


def _voronoi(points: Floats) -> NDArray[np.object_]:
    cells = shapely.voronoi_polygons(shapely.multipoints(points), ordered=True)
    return shapely.get_parts(cells)


def _nearest(points: Floats, centres: Floats) -> Ints:
    return np.argmin(((points[:, None] - centres[None]) ** 2).sum(-1), axis=1)


def _villages(sites: Floats, town: Ints, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """The village of each grid and the town of each village: every town split by k-means."""
    grids = np.bincount(town, minlength=TOWNS)
    wanted = _shares(np.power(grids.astype(np.float64), 0.85), VILLAGES)
    village, village_town = np.empty(GRIDS, np.int64), np.repeat(np.arange(TOWNS), wanted)
    first = np.concatenate([[0], np.cumsum(wanted)])
    for number in range(TOWNS):
        members = np.flatnonzero(town == number)
        village[members] = first[number] + _k_means(sites[members], wanted[number], rng)
    return village, village_town


def _shares(weights: Floats, total: int) -> Ints:
    """Whole parts of `total` in proportion to the weights, by largest remainders."""
    exact = weights / weights.sum() * total
    parts = exact.astype(np.int64)
    parts[np.argsort(parts - exact, kind="stable")[: total - parts.sum()]] += 1
    return parts


def _k_means(points: Floats, k: int, rng: np.random.Generator) -> Ints:
    centres = points[rng.permutation(len(points))[:k]]
    label = _nearest(points, centres)
    for _ in range(40):
        sizes = np.bincount(label, minlength=k)
        sums = np.c_[
            np.bincount(label, points[:, 0], k),
            np.bincount(label, points[:, 1], k),
        ]
        centres = np.where(sizes[:, None] > 0, sums / np.maximum(sizes, 1)[:, None], centres)
        label = _nearest(points, centres)
    if (np.bincount(label, minlength=k) == 0).any():
        raise AssertionError("a village without grids: change SEED")
    return label


def _cells(sites: Floats, rng: np.random.Generator) -> NDArray[np.object_]:
    """The polygon of each site in degrees: Voronoi cells with bent edges, shared by both sides."""
    cells = _voronoi(np.concatenate([sites, _fringe(rng)]))[: len(sites)]
    rings = [_degrees(shapely.get_coordinates(cell)[:-1]) for cell in cells]
    corners, position = np.unique(np.concatenate(rings), axis=0, return_inverse=True)
    ends = np.cumsum([len(ring) for ring in rings])[:-1]
    loops = [_without_repeats(loop) for loop in np.split(position.ravel(), ends)]
    pairs = [np.c_[loop, np.roll(loop, -1)] for loop in loops]
    edges, edge_of = np.unique(np.sort(np.concatenate(pairs), axis=1), axis=0, return_inverse=True)
    edge_of = np.split(edge_of.ravel(), np.cumsum([len(pair) for pair in pairs])[:-1])
    amplitude = np.full(len(edges), EDGE_AMPLITUDE)
    bends = rng.uniform(-1, 1, (len(edges), 2**EDGE_DEPTH - 1))
    for _ in range(6):
        lines = _bent(corners[edges[:, 0]], corners[edges[:, 1]], amplitude, bends)
        shapes = np.array(
            [_polygon(p, e, edges, lines) for p, e in zip(pairs, edge_of, strict=True)]
        )
        bad = np.flatnonzero(~shapely.is_valid(shapes))
        if not len(bad):
            return shapely.normalize(shapes)
        amplitude[np.concatenate([edge_of[cell] for cell in bad])] = (
            0.0  # straight edges cannot cross
        )
    raise AssertionError("cells that cross themselves: change SEED")


def _without_repeats(loop: Ints) -> Ints:
    return loop[loop != np.roll(loop, 1)]


def _degrees(km: Floats) -> Floats:
    return np.round(np.array(CENTRE) + km / np.array(KM_PER_DEGREE), DECIMALS)


def _bent(start: Floats, end: Floats, amplitude: Floats, bends: Floats) -> Floats:
    """(edges, 2^depth + 1, 2): each edge halved again and again, each middle moved sideways."""
    lines, used = np.stack([start, end], axis=1), 0
    for _ in range(EDGE_DEPTH):
        middle, along = (lines[:, :-1] + lines[:, 1:]) / 2, lines[:, 1:] - lines[:, :-1]
        bend = bends[:, used : used + middle.shape[1]] * amplitude[:, None]
        used += middle.shape[1]
        middle = middle + np.stack([-along[..., 1], along[..., 0]], axis=-1) * bend[..., None]
        finer = np.empty((len(lines), lines.shape[1] * 2 - 1, 2))
        finer[:, 0::2], finer[:, 1::2] = lines, middle
        lines = finer
    return np.round(lines, DECIMALS)


def _polygon(pairs: Ints, edge_of: Ints, edges: Ints, lines: Floats) -> shapely.Polygon:
    forward = edges[edge_of, 0] == pairs[:, 0]
    pieces = [
        lines[e][:-1] if ahead else lines[e][::-1][:-1]
        for e, ahead in zip(edge_of, forward, strict=True)
    ]
    return shapely.Polygon(np.concatenate(pieces))


def _in_order(sites: Floats, village: Ints, village_town: Ints) -> tuple[Ints, Ints, Ints]:
    """Grids by town, village and from north-west to south-east, as an office would number them."""
    diagonal = sites[:, 0] - sites[:, 1]
    middle = np.bincount(village, diagonal) / np.bincount(village)
    rank = np.empty(VILLAGES, np.int64)
    by_town = np.lexsort((middle, village_town))
    rank[by_town] = np.arange(VILLAGES)
    village = rank[village]
    order = np.lexsort((diagonal, village))
    return order, village[order], village_town[by_town]


def _people(urban: NDArray[np.bool_], rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Population and households of each grid: about 850 in town, 300 outside."""
    mean = np.where(urban, 820, 290)
    population = np.round(mean * rng.lognormal(0, 0.28, GRIDS)).astype(np.int64)
    size = np.where(urban, 2.62, 3.05) * rng.normal(1, 0.05, GRIDS)
    return population, np.maximum(np.round(population / size), 1).astype(np.int64)


def _tree(
    shapes: NDArray[np.object_], village: Ints, village_town: Ints, people: Ints, homes: Ints
) -> tuple[Level, Level, Level]:
    town_codes = [f"{COUNTY_CODE}{n + 1:03d}" for n in range(STREET_TOWNS)]
    town_codes += [f"{COUNTY_CODE}{n + 100:03d}" for n in range(TOWNS - STREET_TOWNS)]
    seen = np.zeros(TOWNS, np.int64)
    village_codes, village_names = [], []
    names = iter(_village_names())
    for town in village_town:
        seen[town] += 1
        urban = town < STREET_TOWNS or seen[town] == 1  # the seat of a 镇 is a 社区
        sequence = seen[town] if urban else 200 + seen[town] - 1
        village_codes.append(f"{town_codes[town]}{sequence:03d}")
        village_names.append(next(names) + ("社区" if urban else "村"))
    number = np.zeros(VILLAGES, np.int64)
    grid_codes, grid_names = [], []
    for place in village:
        number[place] += 1
        grid_codes.append(f"{village_codes[place]}{number[place]:03d}")
        grid_names.append(f"{village_names[place]}{number[place]:02d}网格")
    grids = Level(
        shapes, grid_codes, grid_names, [village_codes[v] for v in village], people, homes
    )
    parents = [town_codes[t] for t in village_town]
    villages = _dissolved(grids, village, village_codes, village_names, parents)
    top = [*STREETS, *COUNTRY]
    return _dissolved(villages, village_town, town_codes, top, [None] * TOWNS), villages, grids


def _village_names() -> list[str]:
    """All pairs of a lunar mansion and a landform, in a fixed disorder."""
    pairs = [a + b for a in MANSIONS for b in LAND]
    return [pairs[i] for i in np.random.default_rng(SEED + 2).permutation(len(pairs))]


def _dissolved(
    below: Level, parent: Ints, codes: list[str], names: list[str], parents: list
) -> Level:
    shapes = np.array(
        [
            shapely.normalize(shapely.coverage_union_all(below.shapes[parent == p]))
            for p in range(len(codes))
        ]
    )
    people = np.bincount(parent, below.population).astype(np.int64)
    homes = np.bincount(parent, below.households).astype(np.int64)
    return Level(shapes, codes, names, parents, people, homes)


def _addresses(shapes: NDArray[np.object_], rng: np.random.Generator) -> tuple[Floats, Floats]:
    """(GRIDS, ADDRESSES) longitudes and latitudes inside each grid, some metres from its border."""
    inner = shapely.buffer(shapes, -0.00008)
    inner = np.where(shapely.is_empty(inner), shapes, inner)
    shapely.prepare(inner)
    west, south, east, north = shapely.bounds(inner).T[:, :, None]
    lon: Floats = np.full((GRIDS, ADDRESSES), np.nan)
    lat: Floats = lon.copy()
    while np.isnan(lon).any():
        x = west + (east - west) * rng.random((GRIDS, ADDRESSES))
        y = south + (north - south) * rng.random((GRIDS, ADDRESSES))
        take = np.isnan(lon) & shapely.contains_xy(inner[:, None], x, y)
        lon[take], lat[take] = x[take], y[take]
    return lon.round(DECIMALS), lat.round(DECIMALS)


def _police_districts(towns: Level, rng: np.random.Generator) -> Level:
    """派出所辖区: cut the county along other lines than the tree."""
    county = shapely.coverage_union_all(towns.shapes)
    angle = np.linspace(0, 2 * np.pi, 6, endpoint=False)
    ring = CITY + 4.2 * np.c_[np.cos(angle), np.sin(angle)] + rng.normal(0, 0.6, (6, 2))
    sites = np.concatenate([ring, _seats()[: len(STATIONS) - 6] + rng.normal(0, 2.5, (8, 2))])
    cells = _voronoi(
        np.concatenate([sites, 200 * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1.0]])])
    )
    cells = shapely.transform(cells[: len(sites)], _degrees)
    shapes = shapely.normalize(shapely.intersection(cells, county))
    nobody = np.zeros(len(sites), np.int64)
    codes = [f"PCS{n + 1:02d}" for n in range(len(sites))]
    names = [f"{name}派出所" for name in STATIONS]
    return Level(shapes, codes, names, [None] * len(sites), nobody, nobody)


def _key_areas(
    lon: Floats, lat: Floats, urban: NDArray[np.bool_], people: Ints, rng: np.random.Generator
) -> Level:
    """重点区域: circles around places that need watching; they cover little and may overlap."""
    count = sum(number for _, number, _ in KEY_PLACES)
    weight = np.where(urban, people, people / 2)
    grids = rng.choice(GRIDS, count, replace=False, p=weight / weight.sum())
    shapes, codes, names = [], [], []
    for kind, number, radius in KEY_PLACES:
        for index in range(number):
            grid = grids[len(shapes)]
            shapes.append(_circle(lon[grid, 0], lat[grid, 0], radius * rng.uniform(0.8, 1.25)))
            codes.append(f"ZD{len(codes) + 1:03d}")
            names.append(f"{kind}{index + 1:02d}")
    nobody = np.zeros(count, np.int64)
    return Level(np.array(shapes), codes, names, [None] * count, nobody, nobody)


def _circle(lon: float, lat: float, radius_km: float) -> shapely.Polygon:
    angle = np.arange(24) * 2 * np.pi / 24
    ring = radius_km * np.c_[np.cos(angle), np.sin(angle)] / np.array(KM_PER_DEGREE)
    return shapely.Polygon(np.round(np.array([lon, lat]) + ring, DECIMALS))


def _write(level: Level, path: Path) -> Path:
    with open(path, "wb") as file:
        file.write(b'{"type":"FeatureCollection","features":[\n')
        file.write(b",\n".join(_feature(level, row) for row in range(len(level.codes))))
        file.write(b"\n]}\n")
    return path


def _feature(level: Level, row: int) -> bytes:
    properties: dict = {"code": level.codes[row], "name": level.names[row]}
    if level.parents[row] is not None:
        properties["parent"] = level.parents[row]
    if level.population[row]:
        properties["population"] = int(level.population[row])
        properties["households"] = int(level.households[row])
    geometry = shapely.geometry.mapping(level.shapes[row])
    return orjson.dumps({"type": "Feature", "properties": properties, "geometry": geometry})
