"""What the server gives out besides pages: geometry, bundles, headers, refusals."""

import json
import time
from collections.abc import Iterator

import brotli
import pytest
from dash.exceptions import PreventUpdate
from flask import Flask, Response
from flask.testing import FlaskClient

import app as screen
from callbacks.answer import Inquiry
from callbacks.colour import geometry_url
from callbacks.refresh import guarded, scale_of
from data.editions.store import EditionStore
from data.regions import shapes_hash, view
from data.scope import Grant, Scope
from routes import bundles
from tests.layouts.conftest import fresh
from tests.layouts.small import publish, squares, store_with
from tests.screens import screen_at


@pytest.fixture(scope="module")
def viewer(tmp_path_factory) -> Iterator[FlaskClient]:
    store = store_with(tmp_path_factory.mktemp("home"), 50)
    app = screen.build(store)
    viewer = screen_at(app.server, store.home)
    viewer.get("/")
    viewer.store, viewer.app = store, app  # type: ignore[attr-defined]
    yield viewer
    store.close()


def address(viewer: FlaskClient, level: str, part: str) -> str:
    with viewer.store.reading() as edition:  # type: ignore[attr-defined]
        return f"/geometry/{shapes_hash(edition, level, None)}/{level}/{part}.json"


def test_the_polygons_of_a_level_are_served_for_ever(viewer: FlaskClient):
    reply = viewer.get(address(viewer, "grid", "all"))
    features = json.loads(reply.data)["features"]
    assert len(features) == 60
    assert features[0]["id"] == "T0V0G0"
    assert "immutable" in reply.headers["Cache-Control"]


@pytest.mark.parametrize(
    "path",
    [
        "/geometry/0/grid/all.json",
        "/geometry/0/nothing/all.json",
        "/geometry/0/grid/town:T9.json",
        "/geometry/0/town/village:T0V0.json",
    ],
)
def test_an_address_whose_content_is_not_there_is_404(viewer: FlaskClient, path: str):
    assert viewer.get(path).status_code == 404


def test_an_edition_that_was_asked_for_gets_the_polygons_that_it_had(tmp_path):
    store = store_with(tmp_path, 10)
    viewer = screen_at(screen.build(store).server, store.home)
    with store.reading() as edition:
        asked = Inquiry(edition, Scope(edition=1), Grant.wall(), fresh, fresh)
        url = geometry_url(asked, "town", view(edition, Scope(), Grant.wall()))
    publish(store, 10, places=[row for row in squares() if not row[1].startswith("T2")])
    assert store.serving() in (1, 2) and wait_for(store, 2)
    assert len(json.loads(viewer.get(url).data)["features"]) == 3
    assert viewer.get(url.partition("?")[0]).status_code == 404
    assert viewer.get(url.partition("?")[0] + "?edition=9").status_code == 404
    store.close()


def wait_for(store: EditionStore, number: int) -> bool:
    deadline = time.monotonic() + 10
    while store.serving() != number and time.monotonic() < deadline:
        time.sleep(0.01)
    return store.serving() == number


def test_a_bundle_is_packed_hard_and_kept_for_ever(viewer: FlaskClient):
    page = viewer.get("/").get_data(as_text=True)
    start = page.index("/_dash-component-suites/plotly/")
    url = page[start : page.index('"', start)]
    reply = viewer.get(url, headers={"Accept-Encoding": "gzip, deflate, br, zstd"})
    assert reply.headers["Content-Encoding"] == "br"
    assert "immutable" in reply.headers["Cache-Control"]
    assert len(reply.data) < 1_300_000
    assert len(brotli.decompress(reply.data)) > 4_000_000


def packing(monkeypatch) -> list[int]:
    """The sizes of what is packed from now on."""
    sizes, pack = [], bundles._pack
    monkeypatch.setattr(bundles, "_pack", lambda d, e: sizes.append(len(d)) or pack(d, e))
    return sizes


def test_addresses_that_differ_in_nothing_but_a_made_up_number_are_packed_once(
    tmp_path, monkeypatch
):
    viewer = screen_at(screen.build(store_with(tmp_path, 10)).server, tmp_path)
    packed = packing(monkeypatch)
    for number in range(3):
        with viewer.get(f"/assets/wall.css?m={number}", headers={"Accept-Encoding": "br"}) as got:
            assert brotli.decompress(got.data).startswith(b"/*")
    assert len(packed) == 1


def test_what_was_packed_is_kept_only_up_to_a_bound(monkeypatch):
    monkeypatch.setattr(bundles, "MOST", 4000)
    server = Flask("bundles")
    bundles.register(server)

    @server.get("/<int:number>")
    def answer(number: int) -> Response:
        body = str(number) * 1000
        return Response(body, mimetype="text/plain", headers={"Cache-Control": bundles.KEPT})

    packed, viewer = [], server.test_client()
    monkeypatch.setattr(bundles, "_pack", lambda data, _: packed.append(data[:1]) or data)
    for number in (1, 2, 3, 4, 1, 5, 1, 2):
        viewer.get(f"/{number}", headers={"Accept-Encoding": "br"})
    assert packed == [b"1", b"2", b"3", b"4", b"5", b"2"]


def test_a_browser_without_brotli_gets_gzip_and_one_without_either_gets_it_plain(viewer):
    url = address(viewer, "grid", "all")
    assert (
        viewer.get(url, headers={"Accept-Encoding": "gzip"}).headers["Content-Encoding"] == "gzip"
    )
    assert "Content-Encoding" not in viewer.get(url, headers={"Accept-Encoding": ""}).headers


def test_every_answer_forbids_other_hosts(viewer: FlaskClient):
    page = viewer.get("/").headers["Content-Security-Policy"]
    assert page.startswith("default-src 'none'; script-src 'self' 'sha256-")
    assert "unsafe-eval" not in page
    assert "http" not in page
    for path in ("/heartbeat", "/_dash-layout", "/assets/wall.css", "/nowhere"):
        with viewer.get(path) as reply:
            pass
        assert reply.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert reply.headers["X-Content-Type-Options"] == "nosniff"


def test_data_are_not_kept_by_the_browser(viewer: FlaskClient):
    assert viewer.get("/_dash-layout").headers["Cache-Control"] == "no-store"


def test_there_is_no_door_for_other_programs(viewer: FlaskClient):
    rules = {rule.rule for rule in viewer.application.url_map.iter_rules()}
    assert not [rule for rule in rules if "mcp" in rule]


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        None,
        "x",
        {"output": "nothing.here", "inputs": []},
        {"output": "ticker.data"},
        {"output": "ticker.data", "inputs": "x"},
        {"output": "ticker.data", "inputs": [1, 2]},
        {"output": ["ticker.data"], "inputs": []},
    ],
)
def test_a_malformed_callback_body_is_refused_without_a_traceback(viewer: FlaskClient, body):
    reply = viewer.post("/_dash-update-component", json=body)
    assert (reply.status_code, reply.data) == (400, b"bad request")


@pytest.mark.parametrize(
    "scope", ['{"regions": [["<x>", "1"]]}', "[]", "{", '{"edition": 99}', "7"]
)
def test_a_hostile_scope_changes_nothing(viewer: FlaskClient, scope: str):
    inputs = [
        {"id": "scope", "property": "data", "value": scope},
        {"id": "pulse", "property": "data", "value": {"edition": 1, "scale": "huge"}},
    ]
    body = {
        "output": "ticker.data",
        "outputs": {"id": "ticker", "property": "data"},
        "inputs": inputs,
        "changedPropIds": ["scope.data"],
    }
    assert viewer.post("/_dash-update-component", json=body).status_code == 204


@pytest.mark.parametrize("path", ["dash/x", "nothing/x.js", "dash/x.v1m2.js"])
def test_a_bundle_that_is_not_there_is_404(viewer: FlaskClient, path: str):
    assert viewer.get(f"/_dash-component-suites/{path}").status_code == 404


@pytest.mark.parametrize(
    ("pathname", "status"), [("/", 200), ("quality", 400), ("", 400), (7, 400)]
)
def test_a_page_is_asked_for_by_a_path(viewer: FlaskClient, pathname, status: int):
    app = viewer.app  # type: ignore[attr-defined]
    output = next(key for key in app.callback_map if "_pages_content" in key)
    values = [("pathname", pathname), ("search", "")]
    body = {
        "output": output,
        "outputs": [
            {"id": "_pages_content", "property": "children"},
            {"id": "_pages_store", "property": "data"},
        ],
        "inputs": [{"id": "_pages_location", "property": p, "value": v} for p, v in values],
        "changedPropIds": ["_pages_location.pathname"],
    }
    assert viewer.post("/_dash-update-component", json=body).status_code == status


def test_a_callback_that_fails_leaves_a_traceback_without_the_values(viewer, monkeypatch, capsys):
    def fail(*_):
        secret = "1990000" + "1234"
        raise RuntimeError(secret)

    pytest.raises(PreventUpdate, guarded(fail))
    told = capsys.readouterr().err
    assert "RuntimeError" in told and "in fail" in told and "callback_failed" in told
    assert "19900001234" not in told
    assert len(told) < 3000


@pytest.mark.parametrize("pulse", [None, 7, "x", [], [1], {"scale": "huge"}, {"scale": True}])
def test_a_pulse_that_no_heartbeat_sends_has_the_scale_of_the_canvas(pulse):
    assert scale_of(pulse) == 1.0


def test_the_server_is_alive(viewer: FlaskClient):
    assert viewer.get("/healthz").status_code == 200
