"""Nothing that is sent to a wall holds what sources wrote about people: every page, every callback,
every address, of an edition whose every text is marked."""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dash
import duckdb
import numpy as np
import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import app as screen
from data.dimensions import dimensions
from data.editions.store import EditionStore
from data.editions.tables import columns
from data.indicators import INDICATORS
from data.measure import measure
from data.scope import Grant, Scope, ScopeError
from data.site import Site
from data.wall_view import WallView
from layouts.controls import Control
from layouts.measures import MEASURES
from tests.layouts.small import DATA_TIME, SOUTH, TOWNS, VILLAGES, WEST, fill, small_site
from tests.routes.test_bodies import PATH, sound
from tests.screens import screen_at

CASES = 400
TABLES = (
    *("cases", "steps", "handlings", "alerts", "follow_ups", "evaluations"),
    *("batches", "quarantine", "sources"),
)
# What the load checks against lists, or makes itself; every other text is marked.
CHECKED = {
    *("case_code", "source", "channel", "department", "risk", "status", "outcome", "precision"),
    *("handling_level", "scale", "point_quality", "town", "village", "grid", "status_before"),
    *("department_before", "risk_before", "handling_before", "outcome_before", "way", "result"),
    *("satisfaction", "alert_code", "signal", "msg_type", "state", "run", "code", "target"),
    *("handling_code", "follow_up_code", "evaluation_code", "row_hash", "content_hash"),
}
CHECKED_IN = {
    "cases": {"kind", "category", "risk_rule"},
    "steps": {"kind"},
    "handlings": {"kind"},
    "quarantine": {"kind"},
    "sources": {"title"},
}
POINT = ".00041231415"  # what every coordinate of a case goes on with after its third decimal
TRACES = {
    "a mark": re.compile("马克丁|幽灵路|不可外传"),
    "a phone": re.compile(r"(?<![\w.])1[3-9]\d{9}(?!\w)"),
    "an id": re.compile(r"(?<![\w.])\d{17}[\dXx](?!\w)"),
    "a personal column": re.compile(
        r'"(summary|place_text|source_key|headline|area_text|extra|raw|note|member)"\s*:'
    ),
    "a point": re.compile(r"\d\.\d{3}41231"),
    "a sensitive category": re.compile("敏感纠纷"),
}


def mark(number: int) -> str:
    """A name, a phone, an id, an address and words; all visibly made up."""
    return f"马克丁 199000{number:05d} 4399211990010{number:05d} 幽灵路{number}号 <b>不可外传</b>"


def marked_site() -> Site:
    site = small_site()
    return site.model_copy(
        update={
            "categories": tuple(
                row.model_copy(update={"name": "敏感纠纷"}) if row.code == "property" else row
                for row in site.categories
            ),
            "wall": WallView(sensitive=("property",)),
        }
    )


def fill_marked(connection: duckdb.DuckDBPyConnection, site: Site, cases: int = CASES) -> None:
    """The small county with something in every table, and a mark in every text."""
    fill(connection, site, cases, alert_ends=datetime(2100, 1, 1))
    connection.execute("UPDATE categories SET name = '敏感纠纷' WHERE code = 'property'")
    for name in ("lon", "lat"):
        connection.execute(f"UPDATE cases SET {name} = round({name}, 3) + 0{POINT}")
    connection.execute(BELONGINGS)
    number = 0
    for table in TABLES:
        for name in columns(connection, table):
            checked = CHECKED | CHECKED_IN.get(table, set())
            is_text = str(_type(connection, table, name)) == "VARCHAR"
            if name not in checked and is_text:
                number += 1
                connection.execute(f'UPDATE {table} SET "{name}" = $mark', {"mark": mark(number)})
    assert number > 40


BELONGINGS = """
INSERT INTO steps BY NAME SELECT case_code, 1 AS seq, accepted_at AS "at", 'accept' AS kind,
    reported_at AS since, '20' AS status_before FROM cases;
INSERT INTO handlings BY NAME SELECT 'H' || case_code AS handling_code, source, case_code,
    accepted_at AS "at", 'accept' AS kind, precision, row_hash, member, line FROM cases;
INSERT INTO follow_ups BY NAME SELECT 'F' || case_code AS follow_up_code, source, case_code,
    due_at, closed_at AS done_at, 'stable' AS result, precision, row_hash, member, line FROM cases;
INSERT INTO evaluations BY NAME SELECT 'E' || case_code AS evaluation_code, source, case_code,
    closed_at AS "at", 'satisfied' AS satisfaction, precision, row_hash, member, line
    FROM cases WHERE closed_at IS NOT NULL;
UPDATE sources SET state = 'failed';
UPDATE batches SET state = 'refused';
"""


def _type(connection: duckdb.DuckDBPyConnection, table: str, name: str) -> Any:
    described = connection.execute(f'SELECT "{name}" FROM {table} LIMIT 0').description or []
    return described[0][1]


def marked_store(home: Path) -> EditionStore:
    store, site = EditionStore(home), marked_site()
    with store.building(site) as build:
        fill_marked(build.connection, site)
        build.publish(DATA_TIME)
    return store


class Hall:
    """A wall's way to the server, and a look at everything that it is sent."""

    def __init__(self, store: EditionStore) -> None:
        self.app = screen.build(store)
        self.viewer: FlaskClient = screen_at(self.app.server, store.home)
        self.sent(self.viewer.get("/"))
        self.bodies = sound(self.app.callback_map)

    def sent(self, reply: Any) -> str:
        body = reply.get_data().decode("utf-8", "replace")
        assert traces(body) == []
        assert reply.status_code < 500
        return body

    def get(self, path: str) -> str:
        return self.sent(self.viewer.get(path))

    def ask(self, body: dict, values: Mapping[Control, Any]) -> str:
        """What a callback answers, asked with these values by the name of a part's id."""
        told = json.loads(json.dumps(body))
        for part in (*told["inputs"], *told["state"]):
            if isinstance(part, dict) and part["id"] in values:
                part["value"] = values[part["id"]]
        return self.sent(self.viewer.post(PATH, json=told))


def traces(text: str) -> list[tuple[str, str]]:
    """What of people a text holds, arrays of figures and escaped letters included."""
    plain = text + _unescaped(text) + " ".join(_arrays(text))
    return [(name, found[0]) for name, sign in TRACES.items() if (found := sign.search(plain))]


def _unescaped(text: str) -> str:
    return re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), text)


def _arrays(text: str) -> Iterator[str]:
    for dtype, data in re.findall(r'"dtype":"(\w+)","bdata":"([^"]+)"', text):
        yield str(np.frombuffer(base64.b64decode(_unescaped(data)), dtype).tolist())


@pytest.fixture(scope="module")
def hall(tmp_path_factory) -> Iterator[Hall]:
    store = marked_store(tmp_path_factory.mktemp("marked"))
    yield Hall(store)
    store.close()


VILLAGE = Scope(regions=(("village", "T1V1"),))
YEAR = Scope(since=DATA_TIME - timedelta(days=365), until=DATA_TIME)


@pytest.mark.parametrize("scope", [Scope(), YEAR, VILLAGE.with_filter("category", "wages")])
def test_every_callback_sends_nothing_of_people(hall: Hall, scope: Scope):
    answers = []
    for body in hall.bodies:
        for measured, heat in ((name, heat) for name in MEASURES for heat in ([], ["heat"])):
            values = {Control.SCOPE: scope.to_json(), Control.MEASURE: measured}
            values |= {Control.HEAT: heat, Control.PULSE: {"edition": 1, "scale": 1}}
            answers.append(hall.ask(body, values))
            if Control.MEASURE not in {part["id"] for part in body["inputs"] if part}:
                break
    assert sum(map(len, answers)) > 30_000  # they did answer


def test_every_address_sends_nothing_of_people(hall: Hall):
    rules = hall.app.server.url_map.iter_rules()
    paths = {rule.rule for rule in rules if not rule.arguments and "GET" in (rule.methods or ())}
    paths |= {page["path"] for page in dash.page_registry.values()}
    assert {"/", "/live", "/heartbeat", "/walls/own", "/quality"} <= paths
    for path in sorted(paths):
        hall.get(path)


def test_what_stands_and_what_lies_around_it_send_nothing_of_people(hall: Hall):
    alerts = json.loads(hall.get("/live"))["alerts"]
    assert alerts  # the edition's, which lasts
    for alert in alerts:
        hall.get(f"/incident/{alert['id']}")


def test_the_shapes_of_a_map_send_nothing_of_people(hall: Hall):
    for body in hall.bodies:
        for scope in (Scope(), VILLAGE):
            answer = hall.ask(body, {Control.SCOPE: scope.to_json(), Control.PULSE: {"scale": 1}})
            for path in set(re.findall(r"/geometry/[^\"?\\]+\.json", answer)):
                assert "FeatureCollection" in hall.get(path)


# Random scopes

TREE = [("town", f"T{t}") for t in range(TOWNS)]
TREE += [("village", f"T{t}V{v}") for t in range(TOWNS) for v in range(VILLAGES)]
TREE += [("grid", "T0V0G0"), ("grid", "T2V3G4"), ("town", "-"), ("village", "none")]
DESCRIBED = [
    *(("category", code) for code in ("neighbour", "wages", "property", "-")),
    *(("kind", "dispute"), ("channel", "05"), ("risk", "red"), ("lamp", "red"), ("status", "80")),
    *(("located", "false"), ("outcome", "-"), ("title", "x"), ("source_key", "1"), ("member", "x")),
]
DAYS = st.integers(0, 400).map(lambda days: DATA_TIME - timedelta(days=days))
CORNERS = st.tuples(
    st.floats(WEST, WEST + 0.15, allow_nan=False), st.floats(SOUTH, SOUTH + 0.04, allow_nan=False)
)


@st.composite
def scopes(draw: st.DrawFn) -> Scope:
    since, until = sorted((draw(DAYS), draw(DAYS)))
    has_window = draw(st.booleans())
    return Scope(
        since=since if has_window else None,
        until=until + timedelta(days=1) if has_window else None,
        as_of=draw(st.none() | DAYS),
        regions=tuple(draw(st.lists(st.sampled_from(TREE), max_size=2))),
        where=tuple(draw(st.lists(st.sampled_from(DESCRIBED), max_size=2))),
        area=tuple(draw(st.just([]) | st.lists(CORNERS, min_size=3, max_size=4))),
    )


ASKED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def check_one(hall: Hall, data: st.DataObject) -> None:
    body = data.draw(st.sampled_from(hall.bodies))
    values = {
        Control.SCOPE: data.draw(scopes()).to_json(),
        Control.PULSE: {"edition": 1, "scale": data.draw(st.sampled_from([1, 2]))},
        Control.MEASURE: data.draw(st.sampled_from([*MEASURES, None])),
        Control.HEAT: data.draw(st.sampled_from([[], ["heat"]])),
        Control.MAP: {"points": [{"location": data.draw(st.sampled_from(TREE))[1]}]},
    }
    hall.ask(body, values)


@settings(ASKED, max_examples=100)
@given(data=st.data())
def test_whatever_a_wall_asks_it_is_sent_nothing_of_people(hall: Hall, data: st.DataObject):
    check_one(hall, data)


@pytest.mark.soak
@settings(ASKED, max_examples=2000)
@given(data=st.data())
def test_whatever_a_wall_asks_it_is_sent_nothing_of_people_for_long(
    hall: Hall, data: st.DataObject
):
    check_one(hall, data)


def test_every_number_by_every_dimension_names_no_text_of_a_source(hall: Hall, tmp_path: Path):
    store = marked_store(tmp_path)
    with store.reading() as edition:
        for key in dimensions(edition.site):
            for indicator in list(INDICATORS)[:: len(INDICATORS) // 6]:
                frame = measure(edition, indicator, (key, "grid"), Scope(), Grant.wall())
                assert traces(frame.to_json(force_ascii=False) or "") == []
        with pytest.raises(ScopeError):
            measure(edition, "accepted", ("title",), Scope(), Grant.wall())
    store.close()


def test_the_look_at_an_answer_sees_what_may_not_be_there(tmp_path: Path):
    store = marked_store(tmp_path)
    with store.reading() as edition:
        rows = edition.frame("SELECT title, lon, category FROM cases").assign(raw=1)
    text = rows.to_json(force_ascii=False, double_precision=15) or ""
    assert {name for name, _ in traces(text)} >= {"a mark", "a phone", "an id", "a point"}
    assert {name for name, _ in traces(json.dumps(mark(1)))} >= {"a mark", "a phone", "an id"}
    packed = base64.b64encode(np.array([112.12341231]).tobytes()).decode()
    assert traces(f'{{"dtype":"f8","bdata":"{packed}"}}') != []
    store.close()
