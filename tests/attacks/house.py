"""A centre with an account of each role, and requests of everything that it serves."""

import re
from collections.abc import Iterator
from pathlib import Path

from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.routing import Rule

from access.account import ACCOUNTS
from access.devices import DEVICES
from access.keys import KEY_FILE
from routes.gate import DASHS
from routes.sign_in import DEMO_PASSWORD
from tests.routes.test_gate import House

SECRET = "a-word-that-only-the-server-may-read"
PARTIES = """
INSERT INTO parties BY NAME
SELECT 'P' || case_code AS party_code, 'hotline' AS source, case_code, 1 AS seq,
       'applicant' AS role, '张测甲' AS name, '19900001234' AS phone, 'h' AS row_hash,
       'parties.csv' AS member, 1 AS line FROM cases
"""


class Target(House):
    """The same, with a secret beside its data and what must not change."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.home = home
        (home / DEMO_PASSWORD).write_text(SECRET)

    def secrets(self) -> list[bytes]:
        """What no answer may hold."""
        return [SECRET.encode(), (self.home / KEY_FILE).read_bytes().strip(), b"root:x:"]

    def counts(self) -> dict[str, int]:
        """How many rows everything has that no question may change."""
        with self.store.reading() as edition:
            names = edition.rows("SELECT table_name FROM duckdb_tables()")
            found = {name: _count(edition, name) for (name,) in names}
        with self.operations.reading() as connection:
            for table in (ACCOUNTS, DEVICES):
                asked = select(func.count()).select_from(table)
                found[f"operations.{table.name}"] = connection.execute(asked).scalar_one()
        return found

    def rules(self) -> Iterator[Rule]:
        """Every route but that which ends the session of whoever tries."""
        for rule in self.server.url_map.iter_rules():
            if rule.endpoint not in ("static", "/_reload-hash") and rule.rule != "/sign-out":
                yield rule

    def addresses(self, part: str) -> list[str]:
        """An address of every route, with `part` in every place that it leaves open."""
        return sorted({re.sub(r"<[^>]+>", lambda _: part, rule.rule) for rule in self.rules()})

    def changing(self) -> list[tuple[str, str]]:
        """Method and address of every request that may change something."""
        return [
            (method, re.sub(r"<[^>]+>", "1", rule.rule))
            for rule in self.server.url_map.iter_rules()
            for method in sorted((rule.methods or set()) - {"GET", "HEAD", "OPTIONS"})
            if rule.endpoint not in DASHS or rule.rule.startswith("/_dash-update")
        ]


def _count(edition, name: str) -> int:
    return edition.rows(f'SELECT count(*) FROM "{name}"')[0][0]


def codes(text: str) -> set[str]:
    """Codes of cases in an answer."""
    return set(re.findall(r"C\d{12}", text))


def is_sound(client: FlaskClient, method: str, path: str, **given) -> int:
    """Ask; the status, which is never a server's error."""
    reply = client.open(path, method=method, **given)
    assert reply.status_code < 500, (method, path, given, reply.status_code)
    return reply.status_code
