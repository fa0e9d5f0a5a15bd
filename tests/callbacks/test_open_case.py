"""So many values a day are shown in clear to one account, whoever else asks at the same moment."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from access.audit import DONE, REFUSED, Audit, entry
from access.operations import Operations
from callbacks.open_case import UNMASK_MOST
from layouts.case_view import Part
from tests.people import person_at
from tests.routes.test_bodies import PATH
from tests.routes.test_scope import NAME, County

MOST = 5
BUTTON = {"type": "unmask", "index": "parties.1.name"}


class Desk(County):
    """A county of which an account may see MOST values a day."""

    def __init__(self, home) -> None:
        super().__init__(home)
        self.operations = Operations(home)
        self.audit = Audit(self.operations)
        self.code = min(self.codes)
        output = f"{Part.CLEAR}.children"
        self.body = next(body for body in self.bodies if body["output"] == output)

    def unmask(self, name: str, reason: str = "回访核实诉求") -> str:
        """What the page of a case is told, to whom the button was pressed."""
        client = person_at(self.server, self.home, "dispatcher", name=name)
        pressed = {"id": BUTTON, "property": "n_clicks", "value": 1}
        state = [
            part | {"value": {Part.CODE: self.code, Part.REASON: reason}[part["id"]]}
            for part in self.body["state"]
        ]
        changed = f"{json.dumps(BUTTON, separators=(',', ':'), sort_keys=True)}.n_clicks"
        told = {"inputs": [[pressed]], "state": state, "changedPropIds": [changed]}
        reply = client.post(PATH, json=self.body | told)
        assert reply.status_code == 200, reply.text
        return json.dumps(reply.get_json(), ensure_ascii=False)

    @property
    def server(self):
        return self.app.server

    def noted(self, name: str) -> list[tuple[str, dict]]:
        found = self.audit.entries(actor=name, action="case.clear")
        return [(each.entry.result, json.loads(each.entry.detail)) for each in found]


@pytest.fixture
def desk(tmp_path, monkeypatch, cheap_passwords) -> Iterator[Desk]:
    monkeypatch.setenv(UNMASK_MOST, str(MOST))
    desk = Desk(tmp_path)
    yield desk
    desk.operations.close()
    desk.store.close()


def test_beyond_so_many_a_day_nothing_is_shown_and_the_audit_says_so(desk: Desk):
    shown = [desk.unmask("one") for _ in range(MOST + 2)]
    assert [NAME[:4] in each for each in shown] == [True] * MOST + [False] * 2
    assert f"今日查看明文已达 {MOST} 次，请联系系统管理员" in shown[-1]
    results = [result for result, _ in desk.noted("one")]
    assert results == [REFUSED] * 2 + [DONE] * MOST
    told = {"field": "parties.1.name", "most": MOST, "reason": "回访核实诉求"}
    assert desk.noted("one")[0][1] == told
    assert NAME[:4] in desk.unmask("two")  # another account has its own


@pytest.mark.parametrize("code", ["\ud800", "\x1b[2J", "", None, 7, "张三的案子", "a" * 41])
def test_what_is_no_code_is_refused_and_written_nowhere(desk: Desk, code):
    desk.code = code
    assert NAME[:4] not in desk.unmask("one")
    (kept,) = desk.audit.entries(actor="one", action="case.clear")
    assert (kept.entry.subject, kept.entry.result) == ("—", REFUSED)


def test_what_was_seen_the_day_before_and_what_was_refused_does_not_count(desk: Desk):
    now = datetime.now(UTC)
    for _ in range(MOST):
        long_ago = now - timedelta(hours=24, minutes=1)
        desk.audit.note(entry("one", "case.clear", desk.code), long_ago)
    for result, action in ((REFUSED, "case.clear"), (DONE, "case.view")):
        for _ in range(MOST):
            desk.audit.note(entry("one", action, desk.code, result), now)
    assert [NAME[:4] in desk.unmask("one") for _ in range(MOST + 1)] == [True] * MOST + [False]


def test_who_asks_from_many_places_at_once_sees_no_more(desk: Desk):
    desk.unmask("one", "短")  # the account is there, nothing was shown
    shown, together = [], threading.Barrier(4 * MOST)

    def ask() -> None:
        together.wait()
        shown.append(NAME[:4] in desk.unmask("one"))

    several = [threading.Thread(target=ask) for _ in range(4 * MOST)]
    for each in several:
        each.start()
    for each in several:
        each.join()
    assert sum(shown) == MOST and len(shown) == 4 * MOST
    assert [result for result, _ in desk.noted("one")].count(DONE) == MOST
    assert desk.audit.verify().problems == ()


def test_in_either_store_only_what_was_done_since_then_is_counted(operations):
    audit, since = Audit(operations), datetime(2026, 11, 5, tzinfo=UTC)
    for hours, actor, result in (
        *((-1, "one", DONE), (0, "one", DONE), (1, "one", REFUSED), (1, "two", DONE)),
        (2, "one", DONE),
    ):
        at = since + timedelta(hours=hours)
        audit.note(entry(actor, "case.clear", "c", result), at)
    with audit.writing() as (connection, note):
        note(entry("one", "case.clear", "c"), since + timedelta(hours=3))
        assert audit.count(connection, "one", "case.clear", since) == 3
        assert audit.count(connection, "one", "case.clear", since - timedelta(hours=2)) == 4
        assert audit.count(connection, "one", "export", since) == 0


def test_by_default_a_hundred(tmp_path, monkeypatch, cheap_passwords):
    monkeypatch.delenv(UNMASK_MOST, raising=False)
    desk, now = Desk(tmp_path), datetime.now(UTC)
    for _ in range(99):
        desk.audit.note(entry("one", "case.clear", desk.code), now)
    assert [NAME[:4] in desk.unmask("one") for _ in range(2)] == [True, False]
    desk.operations.close()
    desk.store.close()
