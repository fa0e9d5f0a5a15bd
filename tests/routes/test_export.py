"""A list leaves as a file: masked, within the grant, on record, and never in the way of a wall."""

import io
import json
from collections.abc import Iterator

import pytest
from python_calamine import CalamineWorkbook

import app as screen
from access.audit import Audit
from access.operations import Operations
from routes import export
from tests.layouts.small import store_with
from tests.people import person_at


class Office:
    """A server over a small county."""

    def __init__(self, home) -> None:
        self.home, self.store = home, store_with(home, 300)
        self.server = screen.build(self.store).server

    def person(self, role: str, **limits):
        return person_at(self.server, self.home, role, **limits)

    def noted(self) -> list[dict]:
        operations = Operations(self.home)
        found = [kept.entry for kept in Audit(operations).entries(action="export")]
        operations.close()
        return [json.loads(each.detail) | {"actor": each.actor} for each in found]


@pytest.fixture
def office(tmp_path, cheap_passwords) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    office.store.close()


def test_both_formats_hold_the_same_cases_and_are_on_record(office: Office):
    analyst = office.person("analyst")
    text = analyst.get("/export/cases.csv?of=open&where=risk:red").get_data().decode("utf-8-sig")
    book = analyst.get("/export/cases.xlsx?of=open&where=risk:red").get_data()
    rows = CalamineWorkbook.from_filelike(io.BytesIO(book)).get_sheet_by_index(0).to_python()
    codes = [line.split(",")[0] for line in text.splitlines()[1:]]
    assert codes and [row[0] for row in rows[1:]] == codes
    assert [(each["format"], each["rows"]) for each in office.noted()] == [
        ("xlsx", len(codes)),
        ("csv", len(codes)),
    ]
    assert office.noted()[0] | {"format": ""} == {
        "actor": "analyst",
        "format": "",
        "rows": len(codes),
        "of": "open",
        "scope": "where=risk:red",
    }


def test_no_padding_hides_what_was_asked(office: Office):
    query = "&".join(["of=accepted"] * 300 + ["where=risk:red"])
    assert office.person("analyst").get(f"/export/cases.csv?{query}").status_code == 200
    assert office.noted()[0]["scope"] == "where=risk:red"


def test_one_writes_at_a_time_and_the_next_is_told_when_to_come_back(office: Office):
    analyst = office.person("analyst")
    assert export._exporting.acquire(blocking=False)
    try:
        reply = analyst.get("/export/cases.csv")
        assert (reply.status_code, reply.headers["Retry-After"]) == (503, "10")
        assert office.noted() == []
    finally:
        export._exporting.release()
    assert analyst.get("/export/cases.csv").status_code == 200


def test_too_many_rows_are_refused_and_not_cut(office: Office, monkeypatch):
    monkeypatch.setattr(export, "MOST", 10)
    reply = office.person("analyst").get("/export/cases.csv")
    assert reply.status_code == 400 and "缩小范围" in reply.text and office.noted() == []


@pytest.mark.parametrize("past", ["as_of=2026-10-01", "edition=1"])
def test_whose_grant_is_limited_takes_away_what_is_theirs_now(office: Office, past: str):
    own = office.person("department", departments=["rsj"])
    assert own.get("/export/cases.csv").status_code == 200
    reply = own.get(f"/export/cases.csv?{past}")
    assert reply.status_code == 400 and "现在" in reply.text
    assert office.person("analyst").get(f"/export/cases.csv?{past}").status_code == 200


@pytest.mark.parametrize(
    "query", ["of=nothing", "since=yesterday", "where=title:x", "regions=town", "edition=99"]
)
def test_what_cannot_be_asked_is_refused_in_words(office: Office, query: str):
    reply = office.person("analyst").get(f"/export/cases.csv?{query}")
    assert reply.status_code == 400 and reply.mimetype == "text/plain" and reply.text


def test_who_may_not_export_is_refused(office: Office):
    assert office.person("registrar").get("/export/cases.csv").status_code == 403
    assert office.person("analyst").get("/export/cases.exe").status_code == 404
