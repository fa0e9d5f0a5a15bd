"""Every page, as the browser gets it: ids, hostile addresses, the list of indicators."""

import ast
from collections.abc import Iterator
from pathlib import Path

import dash
import pytest
from dash import Dash

import app as screen
from data.indicators import INDICATORS
from data.scope import Scope
from layouts.address import Address
from tests.layouts.small import store_with
from tests.screens import BEARER, screen_at

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def app(tmp_path_factory) -> Iterator[Dash]:
    store = store_with(tmp_path_factory.mktemp("home"), 200)
    app = screen.build(store)
    screen_at(app.server, store.home).get("/")
    yield app
    store.close()


def ids(component) -> set[str]:
    every = [component, *component._traverse()]
    return {str(each.id) for each in every if getattr(each, "id", None)}


def shown_ids(app: Dash) -> set[str]:
    found = ids(app.layout())
    for page in dash.page_registry.values():
        found |= ids(page["layout"]())
    return found


def test_every_callback_id_exists_in_a_layout(app: Dash):
    wired = set()
    for spec in app._callback_list:
        wired |= {part["id"] for part in spec["inputs"] + spec["state"]}
        if not spec["no_output"]:
            wired |= {out.rsplit(".", 1)[0] for out in spec["output"].strip(".").split("...")}
    wired = {each for each in wired if not each.startswith(("_pages", "{"))}
    assert len(wired) > 20
    assert wired <= shown_ids(app)


def test_no_two_callbacks_write_the_same_place(app: Dash):
    written = [
        out
        for spec in app._callback_list
        for out in spec["output"].strip(".").split("...")
        if "@" not in out  # allow_duplicate
    ]
    assert [out for out in written if written.count(out) > 1] == []


def test_no_id_is_given_twice_on_a_page(app: Dash):
    shell = app.layout()
    for page in dash.page_registry.values():
        every = [*shell._traverse(), *page["layout"]()._traverse()]
        given = [str(each.id) for each in every if getattr(each, "id", None)]
        assert len(given) == len(set(given))


def test_callbacks_never_spell_an_id():
    for path in (ROOT / "callbacks").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            name = getattr(getattr(node, "func", None), "id", "")
            if isinstance(node, ast.Call) and name in {"Input", "Output", "State"}:
                assert not isinstance(node.args[0], ast.Constant), f"{path}:{node.lineno}"


def page(path: str):
    return next(each for each in dash.page_registry.values() if each["path"] == path)["layout"]()


def test_the_wall_has_one_map(app: Dash):
    every = [each for each in page("/")._traverse() if type(each).__name__ == "Section"]
    assert [each.className for each in every].count("map") == 1


def test_the_indicators_page_lists_them_all_with_their_meaning(app: Dash):
    shown = page("/indicators")
    rows = [each for each in shown._traverse() if type(each).__name__ == "Tr"][1:]
    assert [row.id for row in rows] == [f"indicator-{key}" for key in INDICATORS]
    text = str(shown)
    assert all(indicator.meaning in text for indicator in INDICATORS.values())


def test_the_shell_names_the_centre_and_stamps_demo_data(app: Dash):
    text = str(app.layout())
    assert "小县综治中心" in text
    assert "演示数据" in text


def test_an_address_comes_back_as_it_was_sent():
    address = Address.of({"regions": "town:T1", "measure": "accepted", "heat": "1"})
    assert address.query() == "regions=town:T1&measure=accepted&heat=1"
    assert Address.of({}).query() == ""


@pytest.mark.parametrize(
    "query",
    [
        {"regions": "town"},
        {"regions": "<script>:1"},
        {"since": "yesterday"},
        {"nonsense": "1"},
        {"edition": "-1"},
        {"measure": "'; DROP TABLE cases", "heat": "maybe"},
        {"regions": ["town:1"] * 600},
        {"measure": ["accepted", "open"]},
        {"heat": ["1", "1"]},
        {"where": "risk:\ud800"},
        {"since": "2026-11-02", "until": "2026-11-01"},
    ],
)
def test_an_address_that_makes_no_sense_shows_everything(query: dict):
    address = Address.of(query)
    assert (address.scope.regions, address.measure, address.is_heat) == ((), None, False)


def test_only_the_part_of_an_address_that_makes_no_sense_is_left_out_and_that_is_said(app: Dash):
    query = {"regions": "town:T1", "since": "yesterday", "where": ["risk:red"], "edition": "1"}
    address = Address.of(query)
    assert (address.scope.regions, address.scope.edition) == ((("town", "T1"),), 1)
    assert (address.scope.where, address.scope.since) == ((("risk", "red"),), None)
    assert len(address.wrong) == 1 and "yesterday" in address.wrong[0]
    wall = next(page for page in dash.page_registry.values() if page["path"] == "/")
    assert "“yesterday” 不是时间" in str(wall["layout"](**query))
    assert "没有采用" not in str(wall["layout"](regions="town:T1"))


@pytest.mark.parametrize(
    "junk",
    [{f"x{i}": "1" for i in range(1500)}, {"where": [f"department:{i}" * 9 for i in range(480)]}],
)
def test_an_address_that_is_too_long_is_not_even_read(junk: dict, monkeypatch):
    monkeypatch.setattr(Scope, "from_query", lambda _: pytest.fail("read"))
    monkeypatch.setattr("layouts.address._scope", lambda _: pytest.fail("read"))
    where = {"where": [f"department:d{i}" for i in range(480)]}
    address = Address.of(where | {"y" * 9: "1" * 20_000} | junk)
    assert (address.scope, address.wrong) == (Scope(), ("网址过长",))


def test_a_name_that_nobody_knows_is_told_without_reading_the_rest_again():
    address = Address.of({"town": "T1", "where": "risk:red"})
    assert address.wrong == ("没有 “town” 这一项",)
    assert address.scope.where == (("risk", "red"),)


def test_a_measure_given_twice_is_a_page_and_no_error(app: Dash):
    body = {
        "output": "..._pages_content.children..._pages_store.data...",
        "outputs": [
            {"id": "_pages_content", "property": "children"},
            {"id": "_pages_store", "property": "data"},
        ],
        "inputs": [
            {"id": "_pages_location", "property": "pathname", "value": "/"},
            {"id": "_pages_location", "property": "search", "value": "?measure=a&measure=b"},
        ],
        "changedPropIds": ["_pages_location.pathname"],
    }
    body["output"] = next(key for key in app.callback_map if "_pages_content" in key)
    reply = app.server.test_client().post("/_dash-update-component", json=body, headers=BEARER)
    assert (reply.status_code, "指挥大厅" in reply.get_data(as_text=True)) == (200, True)
