"""Callback bodies are hostile input: what no page of ours sends is a 400, not a traceback."""

from typing import Any

from dash import Dash
from flask import Response, request

PATH = "/_dash-update-component"
LARGEST = 1_000_000  # bytes; a page sends a few kB


def register(app: Dash) -> None:
    """Refuse malformed bodies before Dash reads them."""
    app.server.config["MAX_CONTENT_LENGTH"] = LARGEST

    @app.server.before_request
    def refuse_malformed() -> Response | None:
        if request.path != PATH or request.method != "POST":
            return None
        body = request.get_json(silent=True)
        return None if fits(body, app.callback_map) else Response("bad request", status=400)


def fits(body: Any, known: dict[str, dict]) -> bool:
    """Whether a body names a callback of ours and brings as many inputs and states as it has."""
    if not isinstance(body, dict) or not isinstance(body.get("output"), str):
        return False
    callback = known.get(body["output"])
    if callback is None or not isinstance(body.get("changedPropIds", []), list):
        return False
    inputs, state = body.get("inputs"), body.get("state", [])
    return _are_like(inputs, callback["inputs"]) and _are_like(state, callback["state"])


def _are_like(given: Any, declared: list) -> bool:
    return (
        isinstance(given, list)
        and len(given) == len(declared)
        and all(isinstance(each, dict | list) for each in given)
    )
