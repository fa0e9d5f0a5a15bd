"""战时: what lies around one standing alert; nothing in it was written by a person."""

from typing import Any

import orjson
import pandas as pd
from flask import Flask, Response, abort

from data.codes import codes, label
from data.editions.edition import Edition, EditionError
from data.editions.store import EditionStore
from data.scope import ScopeError
from data.surroundings import Surroundings, surroundings
from routes.devices import grant
from routes.live import Live

METRES = 1000
MOST = 60  # of each kind; the map cannot show more
# Where people may have to be brought out; who can be sent; what takes in or supplies; the rest.
ROLES = ("place", "force", "support", "thing")
ROUNDED = 4  # decimals of a degree, 10 m: of what is public; people stand within 100 m


def register(server: Flask, store: EditionStore, live: Live) -> None:
    """Serve what is around a standing alert: 404 where it does not stand, or has no place."""

    @server.get("/incident/<which>")
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
    """What the browser draws: counts, the nearest of each, and pins (lon, lat, distance in m)."""
    risks = found.cases["risk"].fillna("-").value_counts().to_dict()
    return {
        "metres": METRES,
        "totals": found.totals,
        "grids": found.grids["name"].head(6).tolist(),
        "people": int(pd.to_numeric(found.grids["population"]).fillna(0).sum()),
        "risks": {risk: int(count) for risk, count in risks.items()},
        "workers": [
            {**_pin(row), "name": row["title"] or "网格员", "is_on_duty": row["duty_state"] == "on"}
            for row in found.workers.to_dict("records")
        ],
        "resources": [
            {**_pin(row), "name": row["name"], **shown_as(row["kind"])}
            for row in found.resources.to_dict("records")
        ],
    }


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
