"""Bodies are hostile input: one that is too large is a 413 wherever it goes, and of a callback what
no page of ours sends is a 400, not a traceback."""

from typing import Any

from dash import Dash
from flask import Response, abort, request

PATH = "/_dash-update-component"
LARGEST = 1_000_000  # bytes; a page sends a few kB
LONGEST_ADDRESS = 20_000  # characters; Dash takes it apart in pure Python
WILDCARD = ('["ALL"]', '["MATCH"]', '["ALLSMALLER"]')  # as Dash writes them into an id


def register(app: Dash) -> None:
    """Refuse large bodies, and malformed ones before Dash reads them."""
    app.server.config["MAX_CONTENT_LENGTH"] = LARGEST

    @app.server.before_request
    def refuse_large() -> None:
        if (request.content_length or 0) > LARGEST:  # also where nobody would read it
            abort(413)

    @app.server.before_request
    def refuse_malformed() -> Response | None:
        if request.path != PATH or request.method != "POST":
            return None
        is_sound = fits(json_of_request(), app.callback_map)
        return None if is_sound else Response("bad request", status=400)


def json_of_request() -> Any:
    """What the present request says in JSON; None where it says nothing that can be read."""
    try:
        return request.get_json(silent=True)
    except RecursionError:
        return None


def fits(body: Any, known: dict[str, dict]) -> bool:
    """Whether a body names a callback of ours and brings the outputs, inputs and states it has."""
    if not isinstance(body, dict) or not isinstance(body.get("output"), str):
        return False
    callback, changed = known.get(body["output"], {}), body.get("changedPropIds", [])
    return (
        "callback" in callback  # else only the browser runs it
        and isinstance(changed, list)
        and all(isinstance(each, str) for each in changed)
        and _named(body.get("outputs")) == _declared(body["output"])
        and _are_like(body.get("inputs"), callback["inputs"])
        and _are_like(body.get("state", []), callback["state"])
    )


def _declared(output: str) -> list[str]:
    """id.property of every output of a callback, as its key in Dash's list spells them."""
    several = output.startswith("..") and output.endswith("..")
    return [_plain(each) for each in (output[2:-2].split("...") if several else [output])]


def _named(outputs: Any) -> list[str]:
    given = outputs if isinstance(outputs, list) else [outputs]
    if not all(_is_part(each) and isinstance(each["id"], str) for each in given):
        return []
    return [_plain(f"{each['id']}.{each['property']}") for each in given]


def _plain(name: str) -> str:
    return name.partition("@")[0]  # after it Dash tells apart who writes to the same output


def _are_like(given: Any, declared: list[dict]) -> bool:
    return (
        isinstance(given, list)
        and len(given) == len(declared)
        and all(_is_like(*pair) for pair in zip(given, declared, strict=True))
    )


def _is_like(given: Any, declared: dict) -> bool:
    """One part with the declared id; where that is a pattern, a list of parts."""
    if any(sign in declared["id"] for sign in WILDCARD):
        return isinstance(given, list) and all(_is_part(each) for each in given)
    is_same = _is_part(given) and (given["id"], given["property"]) == _of(declared)
    is_dashs_own = declared["id"].startswith("_pages")  # which trusts its values
    return is_same and (not is_dashs_own or _is_address(given))


def _is_address(given: dict) -> bool:
    value, is_path = given.get("value"), given["property"] == "pathname"
    if not isinstance(value, str):
        return value is None and not is_path
    return len(value) <= LONGEST_ADDRESS and (not is_path or value.startswith("/"))


def _of(declared: dict) -> tuple[str, str]:
    return declared["id"], declared["property"]


def _is_part(given: Any) -> bool:
    if not isinstance(given, dict) or not isinstance(given.get("property"), str):
        return False
    name = given.get("id")
    if isinstance(name, dict):
        return all(isinstance(value, str | int | float) for value in name.values())
    return isinstance(name, str)
