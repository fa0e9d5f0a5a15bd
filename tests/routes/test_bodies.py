"""Whatever arrives at the callbacks: an answer or a refusal, never a traceback."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import app as screen
from tests.layouts.small import store_with
from tests.people import everything_at

PATH = "/_dash-update-component"


@pytest.fixture(scope="module")
def viewer(tmp_path_factory) -> Iterator[FlaskClient]:
    store = store_with(tmp_path_factory.mktemp("home"), 50)
    app = screen.build(store)
    with pytest.MonkeyPatch.context() as patch:
        viewer = everything_at(app.server, store.home, patch)
        viewer.get("/")
        viewer.bodies = sound(app.callback_map)  # type: ignore[attr-defined]
        yield viewer
    store.close()


def sound(known: dict[str, dict]) -> list[dict]:
    """A body of every callback that the server answers, as a page would send it."""
    values = {"_pages_location.pathname": "/", "_pages_location.search": "?town=1"}
    values |= {"scope.data": "{}", "pulse.data": {"edition": 1, "scale": 1}}
    bodies = []
    for output, callback in known.items():
        if "callback" not in callback:  # only the browser runs it
            continue
        several = output.startswith("..")
        outputs = [
            dict(zip(("id", "property"), each.rsplit(".", 1), strict=True))
            for each in (output[2:-2].split("...") if several else [output])
        ]
        parts = [
            []
            if "ALL" in each["id"]
            else each | {"value": values.get("{id}.{property}".format(**each))}
            for each in (*callback["inputs"], *callback["state"])
        ]
        count = len(callback["inputs"])
        bodies.append(
            {
                "output": output,
                "outputs": outputs if several else outputs[0],
                "inputs": parts[:count],
                "state": parts[count:],
                "changedPropIds": ["{id}.{property}".format(**callback["inputs"][0])],
            }
        )
    return bodies


def test_what_a_page_sends_is_answered(viewer: FlaskClient):
    bodies = viewer.bodies  # type: ignore[attr-defined]
    assert len(bodies) > 12
    assert {viewer.post(PATH, json=body).status_code for body in bodies} <= {200, 204}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


def places(body: Any, path: tuple = ()) -> Iterator[tuple]:
    """The way to every node of a JSON value."""
    yield path
    if isinstance(body, dict | list):
        for key, value in body.items() if isinstance(body, dict) else enumerate(body):
            yield from places(value, (*path, key))


def mutated(body: dict, draw) -> Any:
    """The body with one node replaced, removed or doubled."""
    body = copy.deepcopy(body)
    path = draw(st.sampled_from(list(places(body))))
    if not path:
        return draw(JSON)
    parent = body
    for key in path[:-1]:
        parent = parent[key]
    match draw(st.sampled_from(["replace", "remove", "double"])):
        case "replace":
            parent[path[-1]] = draw(JSON)
        case "remove":
            del parent[path[-1]]
        case "double":
            parent[path[-1]] = [parent[path[-1]]] * 2
    return body


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_a_body_that_was_tampered_with_is_answered_or_refused(viewer: FlaskClient, data):
    body = mutated(data.draw(st.sampled_from(viewer.bodies)), data.draw)  # type: ignore[attr-defined]
    if data.draw(st.booleans()) and isinstance(body, dict):
        body = mutated(body, data.draw)
    reply = viewer.post(PATH, data=json.dumps(body), content_type="application/json")
    assert reply.status_code in (200, 204, 400)


@pytest.mark.parametrize(
    "change",
    [
        {"inputs": [{}, {}]},
        {"inputs": [[1], [1]]},
        {"inputs": [{"id": "scope", "property": "data"}, {"id": "scope", "property": "data"}]},
        {"outputs": None},
        {"outputs": {"id": "scope", "property": "data"}},
        {"outputs": [{"id": "ticker", "property": "data"}] * 2},
        {"changedPropIds": [3]},
        {"state": [{}]},
        {"output": "sink.dir", "outputs": {"id": "sink", "property": "dir"}},
    ],
)
def test_a_body_that_differs_from_its_callback_is_refused(viewer: FlaskClient, change: dict):
    bodies = viewer.bodies  # type: ignore[attr-defined]
    ticker = next(body for body in bodies if body["output"] == "ticker.data")
    assert viewer.post(PATH, json=ticker | change).status_code == 400


@pytest.mark.parametrize("text", ["[" * 100_000, '{"output":' * 100_000, "{", "", "\ud800"])
def test_what_is_no_json_is_refused(viewer: FlaskClient, text: str):
    data = text.encode("utf-8", "surrogatepass")
    reply = viewer.post(PATH, data=data, content_type="application/json")
    assert (reply.status_code, reply.data) == (400, b"bad request")


def test_an_address_that_no_browser_has_is_refused_before_dash_takes_it_apart(viewer: FlaskClient):
    bodies = viewer.bodies  # type: ignore[attr-defined]
    body = next(each for each in bodies if each["output"].startswith(".._pages_content"))
    long = "?a=" + "&b=" * 7_000
    told = [
        each | {"value": long} if each["property"] == "search" else each for each in body["inputs"]
    ]
    assert told != body["inputs"]
    assert viewer.post(PATH, json=body | {"inputs": told}).status_code == 400
