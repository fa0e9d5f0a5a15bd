"""Polygons as GeoJSON under an address that names their content, so browsers keep them for ever.

Whoever may see a map gets them, of whatever region: where a county, its towns and grids lie is
public geography, holds no case and no person, and whose grant is limited sees by it where their
part lies in the whole. What is painted on them is asked for within the grant (data/measure.py).
"""

from flask import Flask, Response, abort, request

from access.policy import needs
from access.roles import Power
from data.editions.edition import EditionError
from data.editions.store import EditionStore
from data.regions import region_of, shapes, shapes_hash

KEPT = "private, max-age=31536000, immutable"


def register(server: Flask, store: EditionStore) -> None:
    """`?edition=N` where the viewer asked for an edition that may have other polygons than now."""

    @server.get("/geometry/<digest>/<level>/<part>.json")
    @needs(Power.FIGURES, Power.CASES)
    def answer_geometry(digest: str, level: str, part: str) -> Response:
        try:
            with store.reading(request.args.get("edition", type=int)) as edition:
                within = region_of(edition, part)
                if shapes_hash(edition, level, within) != digest:
                    abort(404)
                body = feature_collection(shapes(edition, level, within))
        except (KeyError, EditionError):
            abort(404)
        return Response(body, mimetype="application/json", headers={"Cache-Control": KEPT})


def feature_collection(found: list[tuple[str, str]]) -> str:
    """GeoJSON of (code, geometry as GeoJSON text); a feature's id is its code."""
    features = ",".join(
        f'{{"type":"Feature","id":{_quoted(code)},"properties":{{}},"geometry":{shape}}}'
        for code, shape in found
    )
    return f'{{"type":"FeatureCollection","features":[{features}]}}'


def _quoted(code: str) -> str:
    return '"' + code.replace("\\", "\\\\").replace('"', '\\"') + '"'
