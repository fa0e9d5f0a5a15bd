"""Remote control of the walls: what each is to show, said from a desk or a phone."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from flask import Flask, Response, abort

from access.audit import Audit, entry
from access.devices import Device, Devices
from access.policy import needs, opened
from access.roles import Power
from data.editions.edition import EditionError
from data.editions.store import EditionStore
from data.names import named
from dispatch.walls import OPEN, CommandError, Walls
from routes.bodies import json_of_request
from routes.gate import viewer_of_request

PARTS = {"remote.css": "text/css", "remote.js": "text/javascript"}
UNSIGNED = "账号打开的大屏"


def register(
    server: Flask,
    store: EditionStore,
    walls: Walls,
    devices: Devices,
    audit: Audit,
    choices: Mapping[str, Sequence[Mapping[str, str]]],
    pages: Path,
    variables: str,
) -> None:
    """`choices` are what can be chosen from: scenes and measures, as {key, name}; in `pages` lies
    the remote control's page, to which `variables` gives its colours."""

    @server.get("/remote")
    @opened
    def answer_remote() -> Response:
        """The page holds no data, and asks for a token itself."""
        page = (pages / "remote.html").read_text("utf-8")
        return Response(page.replace("{variables}", variables), mimetype="text/html")

    @server.get("/remote/<part>")
    @opened
    def answer_part(part: str) -> Response:
        if part not in PARTS:
            abort(404)
        return Response((pages / part).read_bytes(), mimetype=PARTS[part])

    @server.get("/walls/own")
    @needs(Power.FIGURES)
    def answer_own() -> Response:
        """What the asking wall is to show."""
        device = viewer_of_request().device
        number = device.id if device and device.kind == "wall" else OPEN
        state, sequence = walls.state(number)
        name = device.name if number and device else UNSIGNED
        return _json({"name": name, "sequence": sequence, **asdict(state)})

    @server.get("/walls")
    @needs(Power.COMMAND)
    def answer_walls() -> Response:
        """All walls and what can be chosen, for a remote control."""
        return _json({"walls": _listed(walls, devices), "regions": _regions(store), **choices})

    @server.post("/walls/<int:number>")
    @needs(Power.COMMAND, is_act=True)
    def answer_command(number: int) -> Response:
        if number != OPEN and number not in {each.id for each in _walls(devices)}:
            abort(404)
        try:
            viewer, asked = viewer_of_request(), json_of_request()
            state = walls.command(number, asked, viewer.shown, _now())
        except CommandError as error:
            return Response(str(error), status=400, mimetype="text/plain")
        told = {"wall": number, "asked": "、".join(sorted(asked))}
        audit.note(entry(viewer.actor, "wall.command", _called(devices, number), **told), _now())
        return _json(asdict(state))


def _listed(walls: Walls, devices: Devices) -> list[dict]:
    known = [(d.id, d.name, d.last_seen) for d in _walls(devices)] + [(OPEN, UNSIGNED, None)]
    return [
        {"id": number, "name": name, "seen": seen and round(seen.timestamp() * 1000)}
        | {"state": asdict(walls.state(number)[0])}
        for number, name, seen in known
    ]


def _walls(devices: Devices) -> list[Device]:
    return [each for each in devices.all() if each.kind == "wall" and each.revoked_at is None]


def _called(devices: Devices, number: int) -> str:
    return next((each.name for each in _walls(devices) if each.id == number), UNSIGNED)


def _regions(store: EditionStore) -> list[dict[str, str]]:
    """The regions of the top level, by name."""
    try:
        with store.reading() as edition:
            level = edition.site.levels[0].key
            names = named(edition, level)
    except EditionError:
        return []
    return [{"key": f"{level}:{code}", "name": name} for code, name in names.items() if code != "-"]


def _now() -> datetime:
    return datetime.now(UTC)


def _json(body: Any) -> Response:
    return Response(orjson.dumps(body), mimetype="application/json")
