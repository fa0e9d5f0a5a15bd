"""战时: what lies around one standing alert; nothing in it was written by a person."""

from collections.abc import Callable
from typing import Any

import orjson
import pandas as pd
from flask import Flask, Response, abort

from access.policy import needs
from access.roles import Power
from data.codes import codes, label
from data.editions.edition import Edition, EditionError
from data.editions.store import EditionStore
from data.regions import names_of_tops
from data.scope import ScopeError
from data.surroundings import Surroundings, surroundings
from routes.gate import grant
from routes.live import Live

METRES = 1000
MOST = 60  # of each kind; the map cannot show more, and is told how many there are
# Where people may have to be brought out; who can be sent; what takes in or supplies; the rest.
ROLES = ("place", "force", "support", "thing")
ROUNDED = 4  # decimals of a degree, 10 m: of what is public; people stand within 100 m


def register(server: Flask, store: EditionStore, live: Live) -> None:
    """Serve what is around a standing alert: 404 where it does not stand, or has no place."""

    @server.get("/incident/<which>")
    @needs(Power.FIGURES)
    def answer_incident(which: str) -> Response:
        seen = grant()
        row = next((row for row in live.shown().granted(seen).rows if row["id"] == which), None)
        if row is None or row["lon"] is None:
            abort(404)
        try:
            with store.reading() as edition:
                found = surroundings(edition, row["lon"], row["lat"], METRES, seen, limit=MOST)
                body = orjson.dumps(around(edition, found))
        except (EditionError, ScopeError):
            abort(404)
        return Response(body, mimetype="application/json")


def around(edition: Edition, found: Surroundings) -> dict[str, Any]:
    """What the browser draws: counts, the nearest of each, and pins (lon, lat, distance in m).

    `people` live in the grids that the circle touches (None = no grid says how many). `workers`
    are those on duty; of them, and of every kind of resource, `nearest` may lie outside the circle,
    and is None where none has a place. A kind of `absent` was not loaded: that is not "none near".
    """
    population = pd.to_numeric(found.grids["population"])
    cases, duty = found.counts, found.counts["duty_state"]
    on_duty = found.workers[found.workers["duty_state"] == "on"]
    return {
        "metres": METRES,
        "grid": _grid(edition, found.grids),
        "grids": found.totals["grids"],
        "people": int(population.sum()) if population.notna().any() else None,
        "cases": {
            "all": found.totals["cases"],
            "red": cases["risk"].get("red", 0),
            "overdue": cases["lamp"].get("red", 0),
        },
        "workers": {
            "is_loaded": len(found.nearest["workers"]) > 0,
            "on_duty": duty.get("on", 0),
            "nearest": _nearest(found.nearest["workers"], "duty_state", "on", _worker),
            "pins": [_worker(row) for row in on_duty.to_dict("records")],
        },
        "resources": [_resource(row) for row in found.resources.to_dict("records")],
        "kinds": [
            {
                **shown_as(kind),
                "within": found.counts["kind"].get(kind, 0),
                "nearest": _nearest(found.nearest["resources"], "kind", kind, _resource),
            }
            for kind in found.nearest["resources"]["kind"]
        ],
        "absent": [
            shown_as(kind)
            for kind in codes("resource_kind")
            if kind not in set(found.nearest["resources"]["kind"])
        ],
    }


def _grid(edition: Edition, grids: pd.DataFrame) -> dict[str, Any] | None:
    """The grid that the incident lies in, with its town and its shape."""
    inside = grids[grids["distance_m"] == 0]
    if inside.empty:
        return None
    code, name, shape = inside[["code", "name", "shape"]].iloc[0]
    within = names_of_tops(edition).get(code, "")
    return {"name": name, "within": within, "shape": orjson.loads(shape)}


def _nearest(
    frame: pd.DataFrame, key: str, code: str, told: Callable[[dict], dict]
) -> dict[str, Any] | None:
    placed = frame[(frame[key] == code) & frame["distance_m"].notna()]
    return told(placed.to_dict("records")[0]) if len(placed) else None


def _worker(row: dict[Any, Any]) -> dict[str, Any]:
    return {**_pin(row), "name": row["title"] or "网格员"}


def _resource(row: dict[Any, Any]) -> dict[str, Any]:
    return {**_pin(row), "name": row["name"], **shown_as(row["kind"])}


def shown_as(kind: str) -> dict[str, str]:
    """What a resource of a kind looks like: kind, word, role (the outline, of ROLES) and mark (the
    character in it). A kind of which the list says no more than its name is a place, by its first
    character, and so is one that the list does not know."""
    word = label("resource_kind", kind)
    row = codes("resource_kind").get(kind, {})
    role = row.get("role", "")
    mark = row.get("mark") or word[0]
    return {"kind": kind, "word": word, "role": role if role in ROLES else ROLES[0], "mark": mark}


def _pin(row: dict[Any, Any]) -> dict[str, Any]:
    place = {name: round(row[name], ROUNDED) for name in ("lon", "lat")}
    return {**place, "metres": round(row["distance_m"]), "bearing": round(row["bearing"])}
