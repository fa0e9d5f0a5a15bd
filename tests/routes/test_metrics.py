"""What Prometheus reads, who may read it, and that no label is ever made up by a visitor."""

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

import app as screen
from routes.metrics import TOKEN
from tests.layouts.small import DATA_TIME, store_with
from tests.people import person_at
from tests.screens import BEARER, screen_at

SECRET = "a-token-for-metrics"


@pytest.fixture
def viewer(tmp_path) -> Iterator[FlaskClient]:
    store = store_with(tmp_path, 20)
    yield screen_at(screen.build(store).server, store.home)
    store.close()


def told(viewer: FlaskClient) -> dict[tuple, float]:
    """(name of the sample, values of its labels) -> value."""
    text = viewer.get("/metrics").text
    families = text_string_to_metric_families(text)
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
    }


def test_what_is_so_now_is_told(viewer: FlaskClient):
    found = told(viewer)
    assert found[("zhinao_edition",)] == 1
    assert found[("zhinao_sources_late",)] >= 1
    assert found[("zhinao_alerts_standing",)] == 0  # that of the edition is of the past
    assert found[("zhinao_operations_errors_total",)] == 0
    assert found[("zhinao_sessions_running",)] == 0
    assert found[("zhinao_data_age_seconds",)] > 0
    assert DATA_TIME.year < 2027
    assert found[("process_open_fds",)] > 0


def test_who_is_signed_in_is_counted(tmp_path, cheap_passwords):
    store = store_with(tmp_path, 20)
    server = screen.build(store).server
    for name in ("one", "two"):
        viewer = person_at(server, tmp_path, "leader", name=name)
    assert told(viewer)[("zhinao_sessions_running",)] == 2
    store.close()


def test_requests_are_counted_by_rule_and_not_by_address(viewer: FlaskClient):
    for path in ("/sign-in/one", "/sign-in/two", "/nothing/at/all?q=1"):
        viewer.get(path)
    viewer.open("/heartbeat", method="MADEUP")
    found = {
        key[1:]: n for key, n in told(viewer).items() if key[0].endswith("request_seconds_count")
    }
    assert found[("/sign-in/<token>", "GET", "4xx")] == 2
    assert found[("/<path:path>", "GET", "2xx")] == 1
    assert found[("-", "-", "4xx")] == 1
    rules = {rule.rule for rule in viewer.application.url_map.iter_rules()} | {"-"}
    assert {endpoint for endpoint, *_ in found} <= rules


def test_callbacks_are_timed_by_name(viewer: FlaskClient):
    viewer.get("/")
    body = {"output": "..nobody.knows...", "outputs": [], "inputs": [], "state": []}
    assert viewer.post("/_dash-update-component", json=body).status_code == 400
    known = {key[1] for key in told(viewer) if key[0] == "zhinao_callback_seconds_count"}
    assert known == set()
    ask = screen_callback(viewer)
    assert viewer.post("/_dash-update-component", json=ask).status_code in (200, 204)
    found = told(viewer)
    known = {key[1] for key in found if key[0] == "zhinao_callback_seconds_count"}
    assert len(known) == 1 and all(name.isidentifier() for name in known)
    assert found[("zhinao_cache_computed_total",)] > 0


def screen_callback(viewer: FlaskClient) -> dict:
    """What a page sends for its ticker."""
    dependencies = viewer.get("/_dash-dependencies").json
    callback = next(
        each
        for each in dependencies
        if "ticker" in each["output"] and not each["clientside_function"]
    )
    name, _, prop = callback["output"].partition(".")
    return {
        "output": callback["output"],
        "outputs": {"id": name, "property": prop},
        "inputs": [{**each, "value": None} for each in callback["inputs"]],
        "state": [],
        "changedPropIds": [],
    }


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("10.0.0.7", {}, 401),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, 401),
        ("127.0.0.1", {"Forwarded": "for=127.0.0.1"}, 401),
        ("127.0.0.1", {"X-Real-IP": "127.0.0.1"}, 401),
        ("10.0.0.7", {"Authorization": f"Bearer {SECRET}"}, 200),
        ("10.0.0.7", {"Authorization": f"Bearer {SECRET}", "X-Forwarded-For": "10.1.1.1"}, 200),
        ("10.0.0.7", {"Authorization": "Bearer another"}, 401),
        ("10.0.0.7", {"Authorization": "Bearer "}, 401),
        ("", {}, 401),
    ],
)
def test_only_this_machine_and_who_has_the_token_may_read(
    viewer: FlaskClient, monkeypatch, address, headers, status
):
    monkeypatch.setenv(TOKEN, SECRET)
    reply = viewer.get("/metrics", headers=headers, environ_overrides={"REMOTE_ADDR": address})
    assert reply.status_code == status
    assert (b"zhinao_edition" in reply.data) is (status == 200)


def test_without_a_token_in_the_environment_none_will_do(viewer: FlaskClient, monkeypatch):
    monkeypatch.delenv(TOKEN, raising=False)
    for given in ("Bearer ", "Bearer None", "bearer"):
        headers = {"Authorization": given}
        reply = viewer.get(
            "/metrics", headers=headers, environ_overrides={"REMOTE_ADDR": "10.0.0.7"}
        )
        assert reply.status_code == 401


def test_what_the_store_refuses_is_counted(tmp_path, monkeypatch):
    monkeypatch.setenv("ZHINAO_OPERATIONS", "postgresql://nobody@127.0.0.1:1/none")
    store = store_with(tmp_path, 20)
    viewer = screen.build(store).server.test_client()
    viewer.get("/live", headers=BEARER)
    found = told(viewer)
    assert found[("zhinao_operations_errors_total",)] > 0
    store.close()
