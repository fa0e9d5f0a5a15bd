"""A home with what may stand around an incident: resources of every kind, cameras, grid workers."""

import math
from pathlib import Path

from data.codes import codes
from data.editions.store import EditionStore
from data.site import Site
from tests.browser.hall import LAT, LON
from tests.data.given import insert_things
from tests.layouts.small import DATA_TIME, fill, wipe

METRE = 1 / 111_195  # a degree of latitude
CAMERAS, WORKERS = 12, 6


def publish_with_resources(home: Path, site: Site) -> None:
    """The small county, and one resource of each kind of the list within a kilometre of POINT."""
    publish_around(home, site, _resources(), _workers())


def publish_around(home: Path, site: Site, resources: list[dict], workers: list[dict]) -> None:
    """The small county with these resources and grid workers."""
    store = EditionStore(home)
    with store.building(site) as build:
        wipe(build.connection)
        fill(build.connection, site, 2000)
        insert_things(build.connection, "resources", *resources)
        insert_things(build.connection, "grid_workers", *workers)
        build.publish(DATA_TIME)
    store.close()


def _resources() -> list[dict]:
    kinds = codes("resource_kind")
    step = 360 / len(kinds)
    rows = [
        {"kind": kind, "name": f"第一{row['label']}", **at(250 + 40 * n, n * step * 3)}
        for n, (kind, row) in enumerate(kinds.items())
    ]
    cameras = [
        {"kind": "camera", "name": f"路口{n}", **at(80 * n + 40, n * 130)} for n in range(CAMERAS)
    ]
    return rows + cameras


def _workers() -> list[dict]:
    return [
        {"title": f"网格员 {n}号", "duty_state": "on", **at(300 + 100 * n, n * 77)}
        for n in range(WORKERS)
    ]


def at(metres: float, bearing: float) -> dict[str, float]:
    """So many metres from the incident in that direction (degrees clockwise from north)."""
    east, north = math.sin(math.radians(bearing)), math.cos(math.radians(bearing))
    wide = METRE / math.cos(math.radians(LAT))
    return {"lon": LON + metres * east * wide, "lat": LAT + metres * north * METRE}
