"""A county in which whoever wrote anything wrote markup: every text of its edition, its operations
store and its site."""

import json
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from access.accounts import Accounts
from access.audit import Audit, entry
from access.devices import Devices
from access.operations import Operations
from access.roles import ROLES
from access.sessions import Sessions
from data.editions.store import EditionStore
from data.site import CodeRow, Site
from tests.layouts.small import DATA_TIME, fill, small_site
from tests.people import PASSWORD

MARK = "planted"  # the class and the variable by which a test sees that markup came alive
SHORT = f"<img src=x onerror={MARK}=1>"  # where 40 characters are the most
LONG = (
    f"</script></textarea></title>'\"><img src=//evil.example/i class={MARK} onerror={MARK}=1>"
    f"<a href=https://evil.example/a class={MARK}>a</a><svg class={MARK} onload={MARK}=2></svg>"
    f"<script class={MARK}>{MARK}=3</script><iframe class={MARK} srcdoc=x></iframe>"
    f"[b](javascript:{MARK}=4) javascript:{MARK}=5 {{{{{MARK}}}}} <b class={MARK}>&lt;i&gt;"
)
CASES = 300
LIMITS = {"grid_worker": ["town:T0"], "mediator": ["town:T1"]}
# What the program itself made or checked against a list; everything else is somebody's text.
MADE = {"layer", "code", "parent", "dimension", "source", "channel", "kind", "category"}
MADE |= {"department", "risk", "status", "outcome", "handling_level", "precision", "town"}
MADE |= {"point_quality", "village", "grid", "signal", "msg_type", "report", "shape", "polygon"}
MADE |= {"circle", "role", "person_key", "way", "result", "satisfaction", "state", "reason"}
MADE |= {"run", "key", "value", "severity", "urgency", "certainty", "scope", "stage", "unit"}
MADE |= {"duty_state", "extra", "warnings", "unknown_columns", "columns", "problems"}
MORE = """
INSERT INTO parties BY NAME
SELECT 'P' || case_code AS party_code, 'hotline' AS source, case_code, 1 AS seq,
       'applicant' AS role, '' AS name, '' AS phone, '' AS id_number, '' AS address,
       'h' AS row_hash, '' AS member, 1 AS line FROM cases;
INSERT INTO steps BY NAME
SELECT case_code, 1 AS seq, accepted_at AS "at", 'register' AS kind, department, '' AS note,
       reported_at AS since FROM cases;
UPDATE cases SET extra = $extra, summary = '', place_text = '', title = '';
"""


def hostile_site() -> Site:
    """The small county as somebody would declare it who means harm."""
    plain = small_site()
    return plain.model_copy(
        update={
            "title": LONG,
            "levels": tuple(
                each.model_copy(update={"name": SHORT + each.key}) for each in plain.levels
            ),
            "departments": tuple(CodeRow(code=each.code, name=LONG) for each in plain.departments),
            "categories": tuple(CodeRow(code=each.code, name=LONG) for each in plain.categories),
        }
    )


def publish_hostile(home: Path) -> int:
    """Its edition; how many columns of text hold markup."""
    site, store = hostile_site(), EditionStore(home)
    with store.building(site) as build:
        fill(build.connection, site, CASES)
        for statement in filter(str.strip, MORE.split(";\n")):
            given = {"extra": json.dumps({LONG: LONG})} if "$extra" in statement else {}
            build.connection.execute(statement, given)
        count = plant(build.connection)
        build.publish(DATA_TIME)
    store.close()
    return count


def plant(connection: duckdb.DuckDBPyConnection) -> int:
    """Markup in every column of text that is not MADE; how many."""
    asked = """
        SELECT table_name, column_name FROM duckdb_columns() JOIN duckdb_tables()
        USING (table_name) WHERE data_type = 'VARCHAR' AND table_name <> 'meta'
    """
    found = [
        (table, column)
        for table, column in connection.execute(asked).fetchall()
        if column not in MADE and not column.endswith(("_code", "_hash", "_before", "_key"))
    ]
    for table, column in found:
        # Not the same as in a title, which would be covered wherever the name is in it.
        text = SHORT if table == "parties" else LONG
        connection.execute(f'UPDATE "{table}" SET "{column}" = $text', {"text": text})
    return len(found)


def people(home: Path) -> dict[str, str]:
    """The token of a session of each role, in a store full of markup."""
    operations, now = Operations(home), datetime.now(UTC)
    accounts, sessions = Accounts(operations), Sessions(operations)
    Devices(operations).add("wall", f"{SHORT}大屏", now)
    Devices(operations).add("alerts", f"{SHORT}报送", now)
    for action in ("sign_in", "export", LONG):
        told = entry(LONG, action, LONG, address=LONG, reason=LONG)
        Audit(operations).note(told, now)
    tokens = {}
    for role in ROLES:
        departments = ["rsj"] if role == "department" else []
        accounts.add(role, SHORT, role, now, LIMITS.get(role, ()), departments, PASSWORD)
        account = accounts.of(role)
        assert account is not None
        tokens[role] = sessions.begin(account, now, "127.0.0.1", LONG, "password")
    operations.close()
    return tokens
