"""SQL in every filter, callback input, query parameter and part of an address: a refusal or an
answer without a row more, never an error, and the tables as they were."""

import copy
import json
from dataclasses import fields
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from access.policy import policy_of
from access.roles import ROLES
from data.cases import cases_behind
from data.dimensions import dimensions
from data.indicators import INDICATORS
from data.measure import measure
from data.scope import Grant, Scope, ScopeError
from routes.gate import ROUTER
from tests.attacks.house import Target, codes, is_sound
from tests.attacks.strings import SQL
from tests.routes.test_bodies import PATH
from tests.routes.test_gate import LIMITS, shown

FILTERS = ("regions", "where", "only")
SINGLE = [field.name for field in fields(Scope) if field.name not in FILTERS]
BESIDE = ("of", "next", "name", "edition", "code", "state", "error")  # not of a scope


GRANTS = (Grant.full(), Grant.wall(), Grant((("town", "T1"),), ("rsj",)))


def filtered(name: str, dimension: str, text: str) -> Scope:
    return Scope.from_json({name: [[dimension, text]]})


def attacked_filters(target: Target, key: str, turns: int) -> None:
    """Every dimension of an indicator, `turns` of the ways to filter by it and grants to do so."""
    with target.store.reading() as edition:
        for number, dimension in enumerate(dimensions(edition.site)):
            for turn in range(turns):
                place = number + len(key) + turn
                scope = filtered(FILTERS[place % 3], dimension, SQL[place % len(SQL)])
                grant = GRANTS[(place // 3) % 3]
                frame = measure(edition, key, (), scope, grant)
                assert not frame["numerator"].fillna(0).any(), (key, dimension, scope)


def test_no_filter_of_any_indicator_takes_sql(target: Target):
    for key in INDICATORS:
        attacked_filters(target, key, 1)


@pytest.mark.soak
@pytest.mark.parametrize("key", INDICATORS)
def test_no_filter_of_any_indicator_takes_any_sql(target: Target, key: str):
    attacked_filters(target, key, 9 * len(SQL))


@pytest.mark.parametrize("text", SQL)
def test_no_name_of_a_dimension_or_an_order_takes_sql(target: Target, text: str):
    grant = Grant.full()
    with target.store.reading() as edition:
        for name in FILTERS:
            with pytest.raises(ScopeError):
                measure(edition, "accepted", (), filtered(name, text, "x"), grant)
        with pytest.raises(ScopeError):
            measure(edition, "accepted", (text,), Scope(), grant)
        with pytest.raises(ScopeError):
            measure(edition, text, (), Scope(), grant)
        with pytest.raises(ScopeError):
            cases_behind(edition, Scope(), grant, order=text)


@pytest.mark.parametrize("text", SQL)
@pytest.mark.parametrize("name", SINGLE)
def test_no_other_field_of_a_scope_takes_sql(name: str, text: str):
    for asked in (text, [text], {"a": text}, [[text, text]] * 3):
        with pytest.raises(ScopeError):
            Scope.from_json(json.dumps({name: asked}))
    with pytest.raises(ScopeError):
        Scope.from_query(f"{name}={quote(text)}")


def test_no_part_and_no_parameter_of_any_route_takes_sql(target: Target, everything: FlaskClient):
    for text in SQL:
        for path in target.addresses(quote(text, safe="")):
            is_sound(everything, "GET", path)
    for number, path in enumerate(target.addresses("1")):
        for name in (*FILTERS, *SINGLE, *BESIDE):
            text = SQL[(number + len(name)) % len(SQL)]
            is_sound(everything, "GET", path, query_string={name: text})
            is_sound(everything, "GET", path, query_string={name: f"town:{text}"})


def test_an_export_with_sql_has_no_row_more(everything: FlaskClient, target: Target):
    whole = codes(everything.get("/export/cases.csv?of=accepted").text)
    assert len(whole) == 200
    for text in SQL:
        for name in FILTERS:
            given = {"of": "accepted", name: f"town:{text}"}
            reply = everything.get("/export/cases.csv", query_string=given)
            assert reply.status_code in (200, 400) and codes(reply.text) == set()


def injected(body: dict, text: str, place: int | None = None) -> dict:
    """The body with the text as the value of one of its inputs, or of all."""
    body = copy.deepcopy(body)
    for number, part in enumerate((*body["inputs"], *body["state"])):
        if place in (None, number) and isinstance(part, dict):
            is_path = part["property"] == "pathname"
            part["value"] = f"/{text}" if is_path else text
    return body


def test_no_input_of_any_callback_takes_sql(target: Target, everything: FlaskClient):
    count = 0
    for number, body in enumerate(target.bodies.values()):
        for place in range(len(body["inputs"]) + len(body["state"])):
            text = SQL[(number + place) % len(SQL)]
            for value in (text, json.dumps({"where": [["town", text]]})):
                asked = injected(body, value, place)
                assert is_sound(everything, "POST", PATH, json=asked) in (200, 204, 400)
                count += 1
    print(f"attacked {count} inputs of {len(target.bodies)} callbacks")
    assert count > 150


@pytest.mark.parametrize("role", ROLES)
def test_no_role_gets_by_sql_what_it_may_not_see(target: Target, role: str):
    """The inputs of every callback that a role may ask, all at once."""
    client = target.signed(role)
    headers = shown(client)
    allowed = within(target, role)
    for number, (output, body) in enumerate(target.bodies.items()):
        text = SQL[(number + len(role)) % len(SQL)]
        for asked in (body, injected(body, text)):
            reply = client.post(PATH, json=asked, headers=headers)
            policy = policy_of(target.app.callback_map[output]["callback"])
            may = policy is not None and not policy.powers.isdisjoint(ROLES[role].powers)
            expected = (200, 204, 400) if may else (403,)
            assert reply.status_code in expected or output.startswith(ROUTER), output
            assert codes(reply.text) <= allowed


def within(target: Target, role: str) -> set[str]:
    """Codes of the cases that the account of a role may see."""
    account = target.accounts.of(role)
    assert account is not None and (role not in LIMITS or account.regions)
    grant = Grant(account.regions or None, account.departments or None)
    with target.store.reading() as edition:
        found = set(cases_behind(edition, Scope(), grant, None)["case_code"])
    assert (len(found) < 200) == bool(account.regions or account.departments)
    return found
