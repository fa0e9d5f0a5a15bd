"""战时: what lies around one standing alert; nothing in it was written by a person."""

from typing import Any

import orjson
import pandas as pd
from flask import Flask, Response, abort

from data.codes import label
from data.editions.edition import Edition, EditionError
from data.editions.store import EditionStore
from data.scope import ScopeError
from data.surroundings import Surroundings, surroundings
from routes.devices import grant
from routes.live import Live

METRES = 1000
MOST = 60  # of each kind; the map cannot show more
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
            {**_pin(row), "kind": row["kind"], "word": label("resource_kind", row["kind"])}
            | {"name": row["name"]}
            for row in found.resources.to_dict("records")
        ],
    }


def _pin(row: dict[Any, Any]) -> dict[str, Any]:
    place = {name: round(row[name], ROUNDED) for name in ("lon", "lat")}
    return {**place, "metres": round(row["distance_m"]), "bearing": round(row["bearing"])}
