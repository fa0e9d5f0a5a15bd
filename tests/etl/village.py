"""A village of four unit squares with declared sources: a whole run on it takes a second.

lon 110 to 112, lat 30 to 32; the grids g1 g2 lie below g3 g4. The towns, west (g1 g3) and east
(g2 g4), have no polygons of their own.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import orjson
import shapely

from data.case_code import case_code
from data.editions.edition import Edition
from data.editions.integrity import state_hash
from data.editions.store import EditionStore
from data.editions.tables import create_tables
from data.site import load_site
from etl.accounts import Balance
from etl.load import Loading, finish_cases, load_source
from etl.members import containers, unpack
from etl.origin import Origin
from etl.places import Places
from etl.portions import Delivery
from etl.report import Report
from etl.run import TARGET_ORDER, run
from etl.source import load_sources

NOW = datetime(2026, 11, 10, 12)
WEST, SOUTH = 110, 30
SITE = """
name = "village"
title = "小村"
zone = "Asia/Shanghai"

[[levels]]
key = "town"
name = "镇"

[[levels]]
key = "grid"
name = "网格"
files = ["grids.geojson"]
parent = "town"
"""
DEPARTMENTS = "code,name\npolice,公安局\ncourt,法院\n"
CATEGORIES = "code,name,kind\nnoise,噪声,event\nwage,欠薪,dispute\n"
MATTERS = """
title = "事项"
files = ["matters/*.csv"]
key = ["id"]
delivery = "changes"
updated_at = "updated"

[columns]
reported_at = { from = "reported", date = "iso" }
closed_at = { from = "closed", date = "iso" }
department = { from = "dept", lookup = "department" }
title = "title"
lon = "x"
lat = "y"
"""
SQUARES = {  # code -> town, and the lower left corner
    "g1": ("west", 0, 0),
    "g2": ("east", 1, 0),
    "g3": ("west", 0, 1),
    "g4": ("east", 1, 1),
}


@dataclass(frozen=True)
class Village:
    """A site folder, a folder of deliveries and a home."""

    root: Path

    @property
    def site(self) -> Path:
        return self.root / "site"

    @property
    def input(self) -> Path:
        return self.root / "input"

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def origin(self) -> Origin:
        return Origin(self.site, self.input)

    def declare(self, text: str, name: str = "matters") -> Path:
        """Write the declaration of a source."""
        return written(self.site / "sources" / f"{name}.toml", text)

    def deliver(self, name: str, content: str | bytes) -> Path:
        return written(self.input / name, content)

    def run(self, **options: Any) -> Report:
        return run(self.origin, self.home, **{"now": NOW, **options})

    @contextmanager
    def edition(self) -> Iterator[Edition]:
        store = EditionStore(self.home)
        try:
            with store.reading() as edition:
                yield edition
        finally:
            store.close()

    def rows(self, sql: str) -> list[tuple]:
        with self.edition() as edition:
            return edition.rows(sql)

    def state(self) -> str:
        """The state hash of the current edition."""
        with self.edition() as edition:
            return state_hash(edition._connection)


def village(root: Path, site: str = SITE, source: str | None = MATTERS) -> Village:
    """The village with one source, `matters`, unless told otherwise."""
    made = Village(root)
    written(made.site / "site.toml", site)
    written(made.site / "departments.csv", DEPARTMENTS)
    written(made.site / "categories.csv", CATEGORIES)
    written(made.site / "grids.geojson", squares(SQUARES))
    made.input.mkdir(exist_ok=True)
    if source:
        made.declare(source)
    return made


def squares(corners: Mapping[str, tuple[str, float, float]], side: float = 1) -> bytes:
    """GeoJSON of squares: code -> (parent, x and y of the lower left corner from 110, 30)."""
    features = []
    for code, (town, x, y) in corners.items():
        west, south = WEST + x, SOUTH + y
        shape = shapely.box(west, south, west + side, south + side)
        properties = {"code": code, "name": code.upper(), "town": town}
        geometry = orjson.loads(shapely.to_geojson(shape))
        features.append({"type": "Feature", "properties": properties, "geometry": geometry})
    return orjson.dumps({"type": "FeatureCollection", "features": features})


def written(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def table(*rows: Mapping[str, Any]) -> str:
    """The rows as csv, every column that any of them has."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [",".join(names)]
    lines += [",".join(str(row.get(name, "")) for name in names) for row in rows]
    return "\n".join(lines) + "\n"


def matter(id: Any, **values: Any) -> dict[str, Any]:
    """A row of `matters` with what it needs."""
    row = {"id": id, "updated": "2026-11-01 08:00:00", "reported": "2026-11-01 08:00:00"}
    return {**row, "closed": "", "dept": "公安局", "title": "", "x": "", "y": "", **values}


def code_of(key: str, source: str = "matters") -> str:
    return case_code(source, key)


class Desk:
    """The loading of a village's deliveries into a memory database: runs without publishing."""

    def __init__(self, place: Village) -> None:
        self.village = place
        self.site = load_site(place.site)
        self.sources = load_sources(place.site, self.site)
        self.places = Places(self.site, place.origin.roots, place.home / "layers")
        self.connection = duckdb.connect(":memory:")
        self.empty()

    def empty(self) -> None:
        """Forget everything that was loaded."""
        self.connection.close()
        self.connection = duckdb.connect(":memory:")
        create_tables(self.connection, self.site)
        self.places.write(self.connection)

    def load(self, *files: str, rewrite: bool = False) -> list[Balance]:
        """One run over the named files of the input folder, in the order given."""
        loading = Loading(self.connection, self.site, self.places, "1", NOW)
        for source in sorted(self.sources.values(), key=lambda s: TARGET_ORDER.index(s.target)):
            wanted = {c.name: c for c in containers(self.village.input, source.files, [])}
            found = [wanted[name] for name in files if name in wanted]
            members = [member for c in found for member in unpack(c, source.inside)]
            deliveries = [Delivery.of(member, source, NOW) for member in members]
            if deliveries:
                load_source(loading, source, deliveries, rewrite)
        finish_cases(loading)
        return loading.balances

    def state(self) -> str:
        return state_hash(self.connection)

    def rows(self, sql: str) -> list[tuple]:
        return self.connection.execute(sql).fetchall()
