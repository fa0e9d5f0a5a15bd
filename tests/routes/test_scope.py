"""Over plain HTTP: whoever asks whatever, nothing outside their grant comes, nothing unmasked, and
nothing of what the cache keeps for somebody else."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from argon2 import PasswordHasher, profiles
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import app as screen
from access import passwords
from access.audit import Audit
from access.operations import Operations
from access.roles import ROLES, Power
from data.editions.store import EditionStore
from data.indicators import INDICATORS
from layouts.case_list import KINDS
from layouts.case_list import Part as Chosen
from layouts.case_view import Part as Opened
from layouts.controls import Control
from layouts.measures import MEASURES
from tests.layouts.small import DATA_TIME, DEPARTMENTS, fill, small_site
from tests.people import person_at
from tests.routes.test_bodies import PATH, sound

CASES = 600
CODE = re.compile(r"C\d{12}")
NAME, PHONE, ID_NUMBER = "欧阳测甲{:04d}", "1990000{:04d}", "00000019000101{:04d}"
PERSONAL = re.compile(r"测甲\d|1990000\d{4}|00000019000101\d{4}")
TEXT = f"{NAME}来电 {PHONE}，证件 {ID_NUMBER}，要求解决"
PLACES = [(), ("town:T0",), ("town:T2", "village:T1V1"), ("village:T0V3",), ("grid:T1V2G2",)]
UNITS = [(), ("rsj",), ("zjj", "gaj")]
DAYS = st.integers(0, 400).map(lambda days: DATA_TIME - timedelta(days=days))
REGIONS = ["town:T0", "town:T1", "village:T1V1", "grid:T1V2G2", "town:-", "town:none"]


class County:
    """A server over a county in which every text names somebody, and people of all roles."""

    def __init__(self, home) -> None:
        self.store = EditionStore(home)
        with self.store.building(small_site()) as build:
            fill(build.connection, small_site(), CASES)
            name_somebody(build.connection)
            build.publish(DATA_TIME)
        self.app = screen.build(self.store)
        self.home = home
        self._known: dict[tuple, tuple[FlaskClient, frozenset[str]]] = {}
        first, _ = self.person("dispatcher", (), ())
        first.get("/")  # Dash makes its last routes now
        self.bodies = sound(self.app.callback_map)
        with self.store.reading() as edition:
            self.codes = [code for (code,) in edition.rows("SELECT case_code FROM cases")]

    def person(self, role: str, regions: tuple, departments: tuple) -> tuple:
        """Somebody with this grant, and the codes of the cases within it, by plain SQL."""
        key = (role, regions, departments)
        if key not in self._known:
            name = f"{role}.{len(self._known)}"
            given = (self.app.server, self.home, role, regions, departments, name)
            self._known[key] = person_at(*given), self._within(role, regions, departments)
        return self._known[key]

    def audited(self) -> set[str]:
        """The codes of cases that somebody looked at: of those the audit speaks, and of no more."""
        operations = Operations(self.home)
        subjects = {kept.entry.subject for kept in Audit(operations).entries(limit=100_000)}
        operations.close()
        return subjects

    def _within(self, role: str, regions: tuple, departments: tuple) -> frozenset[str]:
        if Power.CASES not in ROLES[role].powers:
            return frozenset()
        pairs = [region.split(":") for region in regions]
        places = " OR ".join(f"{level} = '{code}'" for level, code in pairs) or "true"
        units = ", ".join(f"'{code}'" for code in departments)
        owned = f"department IN ({units})" if units else "true"
        with self.store.reading() as edition:
            rows = edition.rows(f"SELECT case_code FROM cases WHERE ({places}) AND {owned}")
        return frozenset(code for (code,) in rows)


def name_somebody(connection) -> None:
    """A party and a text of every case, and a text wherever else one may come from."""
    for at, (code,) in enumerate(connection.execute("SELECT case_code FROM cases").fetchall()):
        text = TEXT.format(at, at, at)
        told = {"code": code, "text": text, "name": NAME.format(at), "phone": PHONE.format(at)}
        told |= {"id": ID_NUMBER.format(at), "place": f"测试路 9 号 {NAME.format(at)}"}
        connection.execute(NAMED, {k: told[k] for k in ("code", "text", "place")})
        connection.execute(PARTY, {k: told[k] for k in ("code", "name", "phone", "id")})
    at = CASES + 1
    text = TEXT.format(at, at, at)
    connection.execute(STEPS)
    for table, columns in OTHERS.items():
        for column in columns:
            connection.execute(f"UPDATE {table} SET {column} = $text", {"text": text})


NAMED = """UPDATE cases SET title = $text, summary = $text, place_text = $place,
    extra = '{"联系人": "' || $text || '"}' WHERE case_code = $code"""
PARTY = """INSERT INTO parties BY NAME SELECT 'P' || $code AS party_code, 'hotline' AS source,
    $code AS case_code, 1 AS seq, 'party' AS role, $name AS name, $phone AS phone, $id AS id_number,
    $name AS address, false AS is_minor, '' AS row_hash, '' AS member,
    1 AS line, accepted_at AS version FROM cases WHERE case_code = $code"""
STEPS = """INSERT INTO steps BY NAME SELECT case_code, 1 AS seq, accepted_at AS "at",
    'accept' AS kind, title AS note, reported_at AS since, '20' AS status_before FROM cases"""
OTHERS = {
    "quarantine": ("reason", "raw", "member"),
    "batches": ("member", "reason"),
    "alerts": ("headline", "description", "area_text", "sender", "extra"),
    "sources": ("reason",),
}


@pytest.fixture(scope="module")
def county(tmp_path_factory) -> Iterator[County]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "HASHER", PasswordHasher.from_parameters(profiles.CHEAPEST))
        county = County(tmp_path_factory.mktemp("county"))
        yield county
        county.store.close()


GRANTS = [
    (role, regions, departments)
    for role, regions, departments in product(ROLES, PLACES, UNITS)
    if regions or departments or not ROLES[role].is_limited
]


def asked_scope(data: st.DataObject) -> dict[str, Any]:
    """What a page would keep of what somebody chose, or what somebody else made up."""
    since = data.draw(st.none() | DAYS)
    told: dict[str, Any] = {} if since is None else {"since": since.isoformat()}
    if data.draw(st.booleans()):
        told["regions"] = [data.draw(st.sampled_from(REGIONS)).split(":")]
    if data.draw(st.booleans()):
        told["where"] = [["department", data.draw(st.sampled_from([*DEPARTMENTS, "-"]))]]
    if data.draw(st.booleans()):
        told["as_of"] = data.draw(DAYS).isoformat()
    return told


def a_callback(county: County, data: st.DataObject, client: FlaskClient) -> tuple[str, str]:
    scope, body = asked_scope(data), data.draw(st.sampled_from(county.bodies))
    given = {
        Control.SCOPE: json.dumps(scope),
        Control.PULSE: {"edition": 1, "scale": 1},
        Control.MEASURE: data.draw(st.sampled_from([*MEASURES])),
        Control.HEAT: data.draw(st.sampled_from([[], ["heat"]])),
        Chosen.KIND: data.draw(st.sampled_from([*KINDS])),
        Chosen.REGION: data.draw(st.sampled_from([None, *REGIONS])),
        Chosen.DEPARTMENT: data.draw(st.sampled_from([None, *DEPARTMENTS])),
        Opened.CODE: data.draw(st.sampled_from(county.codes)),
    }
    told = {**body, "inputs": filled(body["inputs"], given), "state": filled(body["state"], given)}
    return text_of(client.post(PATH, json=told)), json.dumps(told)


def the_list(county: County, data: st.DataObject, client: FlaskClient) -> tuple[str, str]:
    """What the cache keeps for others as well: everybody asks the same few questions."""
    body = next(each for each in county.bodies if Chosen.ROWS in each["output"])
    kind = data.draw(st.sampled_from([*KINDS]))
    told = body | {"inputs": filled(body["inputs"], {Chosen.KIND: kind})}
    return text_of(client.post(PATH, json=told)), ""


def filled(parts: list, given: dict) -> list:
    return [
        part | {"value": given[part["id"]]}
        if isinstance(part, dict) and isinstance(part["id"], str) and part["id"] in given
        else part
        for part in parts
    ]


def a_file(county: County, data: st.DataObject, client: FlaskClient) -> tuple[str, str]:
    pairs = [("of", data.draw(st.sampled_from([*INDICATORS])))]
    regions = data.draw(st.lists(st.sampled_from(REGIONS), max_size=1))
    pairs += [("regions", region) for region in regions]
    return text_of(client.get("/export/cases.csv", query_string=pairs)), ""


def an_address(county: County, data: st.DataObject, client: FlaskClient) -> tuple[str, str]:
    values = {"code": data.draw(st.sampled_from(county.codes)), "kind": "xlsx"}
    paths = [f"/case/{values['code']}"]
    for rule in county.app.server.url_map.iter_rules():
        given = {name: values.get(name, "1") for name in rule.arguments}
        built = rule.build(given, append_unknown=False)
        if built and "GET" in (rule.methods or ()) and "token" not in rule.arguments:
            paths.append(built[1])
    path = data.draw(st.sampled_from(sorted(paths)))
    return text_of(client.get(path)), path


def text_of(reply) -> str:
    assert reply.status_code < 500
    if reply.mimetype.endswith("sheet"):
        return ""  # a zip; the csv beside it is looked at
    text = reply.get_data().decode("utf-8", "replace")
    return text + re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), text)


WAYS = (a_callback, a_callback, the_list, a_file, an_address)
ASKED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def check_one(county: County, data: st.DataObject) -> None:
    grant = data.draw(st.sampled_from(GRANTS))
    client, within = county.person(*grant)
    way = data.draw(st.sampled_from(WAYS))
    text, asked = way(county, data, client)
    outside = set(CODE.findall(text)) - within - set(CODE.findall(asked))
    if outside and Power.AUDIT in ROLES[grant[0]].powers:
        outside -= county.audited()
    assert outside == set(), (grant, way.__name__)
    assert PERSONAL.findall(text) == [], (grant, way.__name__)


def test_the_look_at_an_answer_sees_what_may_not_be_there(county: County):
    client, within = county.person("dispatcher", (), ())
    assert len(within) == CASES
    rows = text_of(client.get("/export/cases.csv?of=accepted&since=2020-01-01"))
    assert len(set(CODE.findall(rows))) == CASES
    assert "＊" in rows and PERSONAL.search(TEXT.format(1, 1, 1))


@settings(ASKED, max_examples=100)
@given(data=st.data())
def test_nothing_outside_a_grant_and_nothing_unmasked_comes(county: County, data: st.DataObject):
    check_one(county, data)


@pytest.mark.soak
@settings(ASKED, max_examples=2000)
@given(data=st.data())
def test_nothing_outside_a_grant_and_nothing_unmasked_comes_for_long(
    county: County, data: st.DataObject
):
    check_one(county, data)
