"""The page of accounts saves what its form was filled with, over nothing that another changed."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from access.accounts import Accounts
from access.operations import Operations
from layouts.account_list import Part
from tests.people import PASSWORD, person_at
from tests.routes.test_bodies import PATH
from tests.routes.test_scope import County

EDIT = {"type": "edit", "index": "wang"}
FIELDS = (Part.NAME, Part.SHOWN, Part.ROLE, Part.REGIONS, Part.DEPARTMENTS, Part.SUBJECT)


class Office(County):
    """A county with an administrator and wang, a grid worker of one town."""

    def __init__(self, home) -> None:
        super().__init__(home)
        self.operations = Operations(home)
        self.accounts = Accounts(self.operations)
        self.admin = person_at(self.app.server, home, "administrator", name="admin1")
        now = datetime.now(UTC)
        self.accounts.add("wang", "王", "grid_worker", now, ["town:T0"], (), PASSWORD)

    def filled(self) -> dict:
        """The form after 修改 was pressed, by component."""
        pressed = {"id": EDIT, "property": "n_clicks", "value": 1}
        name = json.dumps(EDIT, separators=(",", ":"), sort_keys=True)
        body = self._body(f"{Part.NAME}.value") | {"inputs": [[pressed]]}
        told = self._told(body | {"changedPropIds": [f"{name}.n_clicks"]})
        return {part: next(iter(values.values())) for part, values in told.items()}

    def save(self, form: dict) -> str:
        """What the page says once 保存修改 was pressed."""
        body = self._body(f"{Part.TOLD}.children")
        inputs = [
            part | {"value": 1} if isinstance(part, dict) and part["id"] == Part.SAVE else part
            for part in body["inputs"]
        ]
        state = [part | {"value": form.get(part["id"])} for part in body["state"]]
        pressed = {"changedPropIds": [f"{Part.SAVE}.n_clicks"]}
        return json.dumps(
            self._told(body | {"inputs": inputs, "state": state} | pressed), ensure_ascii=False
        )

    def regions(self) -> tuple:
        account = self.accounts.of("wang")
        assert account is not None
        return account.regions

    def _body(self, output: str) -> dict:
        return next(body for body in self.bodies if output in body["output"])

    def _told(self, body: dict) -> dict:
        reply = self.admin.post(PATH, json=body)
        assert reply.status_code == 200, reply.text
        return reply.get_json()["response"]


@pytest.fixture
def office(tmp_path, cheap_passwords) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    office.operations.close()
    office.store.close()


def test_what_was_filled_in_and_changed_is_saved_once(office: Office):
    form = office.filled()
    assert [form[part] for part in FIELDS] == ["wang", "王", "grid_worker", ["town:T0"], [], ""]
    form[Part.REGIONS] = ["town:T1"]
    assert "已保存 wang" in office.save(form)
    assert office.regions() == (("town", "T1"),)
    form[Part.REGIONS] = ["town:T2"]
    assert "刚被改过，请重新点" in office.save(form)
    assert "已保存 wang" in office.save(office.filled() | {Part.REGIONS: ["town:T2"]})
    assert office.regions() == (("town", "T2"),)


def test_what_another_changed_meanwhile_stays(office: Office):
    form = office.filled()
    office.accounts.change("wang", datetime.now(UTC), "admin2", regions=["town:T2"])
    assert "刚被改过，请重新点" in office.save(form)
    assert office.regions() == (("town", "T2"),)


@pytest.mark.parametrize(
    "loaded",
    [None, "wang", [], {}, {"name": "li"}, {"name": "wang"}, {"name": "wang", "seen": "soon"}]
    + [{"name": "wang", "seen": each} for each in ("0001-01-01T00:00:00", None, 1, "\ud800")],
)
def test_a_name_that_was_typed_is_not_saved(office: Office, loaded):
    """Its limits are not in the form: to save them would let it see everything."""
    form = office.filled() | {Part.ROLE: "leader", Part.REGIONS: [], Part.LOADED: loaded}
    told = office.save(form)
    assert "再保存" in told or "刚被改过" in told
    assert office.regions() == (("town", "T0"),)
