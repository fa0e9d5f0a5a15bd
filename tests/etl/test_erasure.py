"""Personal data that must go: after the years of the site, or at once; it never comes back."""

import json
from datetime import datetime, timedelta

import pytest
from typer.testing import CliRunner

import app as screen
from access.audit import Audit
from access.operations import VARIABLE, Operations
from data.__main__ import app as data_app
from data.case_file import case_file, clear_value
from data.cases import cases_behind
from data.editions.edition import EditionError
from data.editions.integrity import state_hash, verify
from data.editions.store import EditionStore
from data.parties import people_of
from data.retention import LIST, closed_before, erased_codes
from data.scope import Grant, Scope
from etl import commands
from etl.commands import app
from etl.erasure import erase
from tests.etl.village import MATTERS, NOW, SITE, Village, code_of, matter, table, written
from tests.people import person_at

PARTIES = """
title = "当事人"
target = "parties"
files = ["parties/*.csv"]
key = ["id"]
delivery = "append"
of = "matters"

[columns]
case = "case"
name = "name"
phone = "phone"
"""
STEPS = """
title = "流转"
target = "handlings"
files = ["steps/*.csv"]
key = ["id"]
delivery = "append"
of = "matters"

[columns]
case = "case"
at = { from = "at", date = "iso" }
kind = "kind"
note = "note"
"""
OLD, NEW, OPEN = (
    matter(
        "old-000001", closed="2024-11-01 09:00:00", reported="2024-10-01 08:00:00", title="测老"
    ),
    matter("new-000001", closed="2026-11-01 09:00:00", title="测新"),
    matter("open-00001", reported="2020-01-01 08:00:00", title="测开"),
)
KEPT_TWO_YEARS = f"{SITE}\n[retention]\npersonal_years = 2\n"


@pytest.fixture
def place(village: Village) -> Village:
    village.declare(MATTERS)
    village.declare(PARTIES, "people")
    village.declare(STEPS, "flow")
    village.deliver("matters/1.csv", table(OLD | {"extra": "测备注"}, NEW, OPEN))
    people = [
        {"id": n, "case": row["id"], "name": f"张测{n}", "phone": f"1990000000{n}"}
        for n, row in enumerate((OLD, NEW, OPEN))
    ]
    village.deliver("parties/1.csv", table(*people))
    step = {"id": 1, "case": NEW["id"], "at": "2026-11-01 08:30:00", "kind": "派遣"}
    village.deliver("steps/1.csv", table(step | {"note": "联系张测1"}))
    return village


def told(place: Village) -> dict[str, list]:
    """By key of the case its title, what else it brought and the names of its parties."""
    with place.edition() as edition:
        rows = edition.rows(
            "SELECT c.source_key, c.title, c.extra, p.name, p.phone, p.person_key IS NOT NULL"
            " FROM cases c LEFT JOIN parties p USING (case_code)"
        )
    return {key: values for key, *values in rows}


NOTHING = [None, None, None, None, False]


def test_after_the_years_what_names_people_is_emptied_and_the_case_stays(place):
    place.run()
    assert told(place)["old-000001"][0] == "测老"
    written(place.site / "site.toml", KEPT_TWO_YEARS)
    report = place.run()
    assert report.forgotten == 1
    found = told(place)
    assert found["old-000001"] == NOTHING
    assert found["new-000001"] == ["测新", None, "张测1", "19900000001", True]
    assert found["open-00001"][0] == "测开"  # however old, it is not closed
    with place.edition() as edition:
        assert edition.rows("SELECT count(*), count(closed_at) FROM cases") == [(3, 2)]


def test_it_stays_so_when_the_row_is_delivered_again(place):
    written(place.site / "site.toml", KEPT_TWO_YEARS)
    assert place.run().forgotten == 1
    state = hash_of(place)
    place.deliver("matters/2.csv", table(OLD | {"extra": "测备注"}, NEW, OPEN))
    place.deliver(
        "parties/2.csv",
        table({"id": 0, "case": OLD["id"], "name": "张测0", "phone": "19900000000"}),
    )
    assert place.run().forgotten == 0
    assert hash_of(place) == state
    place.deliver(
        "matters/3.csv", table(OLD | {"title": "测新名", "updated": "2026-11-02 08:00:00"})
    )
    report = place.run()
    assert (report.totals()["updated"], report.forgotten) == (1, 1)
    assert told(place)["old-000001"] == NOTHING


def test_time_passes_though_nothing_arrives(place):
    written(place.site / "site.toml", KEPT_TWO_YEARS)
    assert place.run().edition == 1
    assert place.run(now=datetime(2026, 11, 20)).edition is None
    later = place.run(now=datetime(2028, 11, 2))
    assert (later.edition, later.forgotten) == (2, 1)
    assert told(place)["new-000001"] == NOTHING
    assert place.run(now=datetime(2028, 11, 2)).edition is None


def test_the_steps_of_a_forgotten_case_say_nothing_more(place):
    place.run()
    erase(place.home, code_of(NEW["id"]), now=NOW)
    with place.edition() as edition:
        for name in ("handlings", "steps"):
            assert edition.rows(f"SELECT count(note) FROM {name}") == [(0,)]
        file = case_file(edition, code_of(NEW["id"]), Grant.full())
    assert file is not None and {step.note for step in file.steps} == {None}
    assert file.case["title"] is None and file.parties[0].name is None
    assert file.covered == frozenset()


def test_an_erased_case_is_gone_from_every_file_and_stays_gone(place):
    place.run()
    place.deliver(
        "matters/2.csv", table(NEW | {"dept": "外星局", "updated": "2026-11-03 08:00:00"})
    )
    place.run()
    assert holders(place, "测新") == {1, 2}
    done = erase(place.home, code_of(NEW["id"]), "申请", now=NOW)
    assert (done.edition, done.removed, done.pinned) == (3, (1, 2), ())
    assert holders(place, "测新") == holders(place, "张测1") == set()
    assert holders(place, "测老") == {3}
    assert erased_codes(place.home) == {code_of(NEW["id"])}
    place.deliver(
        "matters/3.csv", table(NEW | {"title": "测又来", "updated": "2026-11-04 08:00:00"})
    )
    assert place.run().forgotten == 1
    assert told(place)["new-000001"] == NOTHING
    assert sound(place)


def test_a_rewritten_edition_has_the_same_tables_and_views(place):
    place.run()
    before = tables(place)
    assert erase(place.home, code_of(NEW["id"]), now=NOW).edition == 2
    assert tables(place) == before


def test_a_pinned_edition_is_named_and_goes_once_it_is_free(place):
    place.run()
    EditionStore(place.home).pin(1)
    code = code_of(NEW["id"])
    first = CliRunner().invoke(app, ["erase", code, "--home", str(place.home)])
    assert first.exit_code == 1
    assert "已固定的版本仍含有它：1" in first.output
    EditionStore(place.home).unpin(1)
    again = CliRunner().invoke(app, ["erase", code, "--home", str(place.home)])
    assert again.exit_code == 0 and "删除旧版本：1" in again.output
    assert holders(place, "测新") == set()


def test_an_erasure_is_in_the_audit_before_it_is_acknowledged(place):
    place.run()
    code = code_of(NEW["id"])
    said = ["erase", code, "--reason", "申请，13800138000", "--home", str(place.home)]
    assert CliRunner().invoke(app, said).exit_code == 0
    operations = Operations(place.home)
    [kept] = Audit(operations).entries(action="case.erase")
    assert (kept.entry.actor, kept.entry.subject, kept.entry.result) == ("console", code, "done")
    assert json.loads(kept.entry.detail) == {"reason": "申请，138＊＊＊＊8000"}
    assert CliRunner().invoke(app, ["erase", "nobody", "--home", str(place.home)]).exit_code == 1
    assert len(Audit(operations).entries()) == 1  # nothing was erased
    operations.close()


def test_an_erasure_that_waits_for_a_writer_is_in_the_audit_too(place, monkeypatch):
    place.run()
    monkeypatch.setattr(commands, "WRITER_PATIENCE", 0.0)
    store = EditionStore(place.home)
    with store.reading() as edition:
        site = edition.site
    with store.building(site):
        said = CliRunner().invoke(app, ["erase", code_of(NEW["id"]), "--home", str(place.home)])
    store.close()
    assert said.exit_code == 1 and "另一个装载" in said.output
    operations = Operations(place.home)
    assert len(Audit(operations).entries(action="case.erase")) == 1
    operations.close()


def test_a_store_that_is_away_hinders_no_erasure_and_the_entry_is_caught_up(place, monkeypatch):
    place.run()
    command = ["erase", code_of(NEW["id"]), "--home", str(place.home)]
    monkeypatch.setenv(VARIABLE, "postgresql://nobody@127.0.0.1:1/none")
    said = CliRunner().invoke(app, command)
    assert said.exit_code == 1 and "没有记入审计：业务库连不上" in said.output
    assert "已清空" in said.output and holders(place, "测新") == set()
    monkeypatch.delenv(VARIABLE)
    assert CliRunner().invoke(app, command).exit_code == 0
    operations = Operations(place.home)
    assert len(Audit(operations).entries(action="case.erase")) == 1
    operations.close()


def everything_told(place: Village, number: int, row: dict) -> str:
    """All that anybody may be shown of a case at an edition, in clear: its file, its list, single
    values, the command, and a file taken from the server."""
    store, code = EditionStore(place.home), code_of(row["id"])
    told = []
    with store.reading(number) as edition:
        assert edition.number == number
        for grant in (Grant.full(), Grant(None, None)):
            told.append(case_file(edition, code, grant))
            told.append(case_file(edition, code, grant, edition.data_time - timedelta(minutes=1)))
            told.append(cases_behind(edition, Scope(), grant, None).to_dict("records"))
            for field in ("title", "summary", "place_text", "extra", *PARTS):
                told.append(clear_value(edition, code, field, grant))
        told.append(people_of(edition, [(code, None)]))
    command = ["cases", "--edition", str(number), "--home", str(place.home)]
    told.append(CliRunner().invoke(data_app, command).output)
    server = screen.build(store).server
    path = f"/export/cases.csv?edition={number}"
    reply = person_at(server, place.home, "analyst").get(path)
    assert reply.status_code == 200 and code in reply.text, reply.text
    told.append(reply.text)
    store.close()
    return "\n".join(map(str, told))


PARTS = ("parties.1.name", "parties.1.phone", *(f"steps.{n}.note" for n in range(1, 6)))


def test_a_pinned_edition_tells_nothing_of_what_was_erased_since(place, cheap_passwords):
    place.run()
    EditionStore(place.home).pin(1)
    for text in ("测新", "张测1", "联系张测1", "19900000001"):
        assert text in everything_told(place, 1, NEW)
    assert erase(place.home, code_of(NEW["id"]), now=NOW).pinned == (1,)
    assert 1 in holders(place, "测新")  # the file has it: it is the reading that leaves it out
    for number in (1, 2):
        found = everything_told(place, number, NEW)
        assert "测新" not in found and "张测1" not in found and "19900000001" not in found
        assert "测老" in found and "张测0" in everything_told(place, number, OLD)
    (place.home / LIST).write_text("{")
    with pytest.raises(EditionError, match="清除名单"):
        everything_told(place, 1, NEW)


def test_a_pinned_edition_tells_nothing_of_what_is_past_its_years(place, cheap_passwords):
    stale = OLD | {"closed": "", "updated": "2024-10-01 08:00:00"}
    place.deliver("matters/1.csv", table(stale | {"extra": "测备注"}, NEW, OPEN))
    place.run()  # here it was open, and nothing was said of years
    EditionStore(place.home).pin(1)
    place.deliver("matters/2.csv", table(OLD | {"updated": "2024-11-02 08:00:00"}, NEW, OPEN))
    place.run()
    assert "测老" in everything_told(place, 1, OLD) and "张测0" in everything_told(place, 1, OLD)
    written(place.site / "site.toml", KEPT_TWO_YEARS)
    assert place.run().forgotten == 1
    for number in (1, 2, 3):
        found = everything_told(place, number, OLD)
        assert "测老" not in found and "张测0" not in found and "19900000000" not in found
        assert "测新" in found and "测开" in found


def test_nobody_is_led_from_one_case_to_one_that_is_forgotten(place):
    same = {"name": "张测9", "phone": "19900000009"}
    place.deliver(
        "parties/1.csv",
        table({"id": 1, "case": NEW["id"], **same}, {"id": 2, "case": OPEN["id"], **same}),
    )
    place.run()
    EditionStore(place.home).pin(1)

    def others() -> tuple[str, ...]:
        with EditionStore(place.home).reading(1) as edition:
            found = case_file(edition, code_of(OPEN["id"]), Grant.full())
        assert found is not None
        return found.parties[0].elsewhere

    assert others() == (code_of(NEW["id"]),)
    erase(place.home, code_of(NEW["id"]), now=NOW)
    assert others() == ()


def test_another_writer_keeps_nothing_from_the_list(place):
    place.run()
    store = EditionStore(place.home)
    with store.reading() as edition:
        site = edition.site
    with store.building(site), pytest.raises(EditionError, match="另一个装载"):
        erase(place.home, code_of(NEW["id"]))
    store.close()
    assert told(place)["new-000001"][0] == "测新"
    assert place.run().forgotten == 1  # though nothing arrived
    assert told(place)["new-000001"] == NOTHING


def test_an_unknown_case_and_an_unreadable_list_are_said(place):
    place.run()
    with pytest.raises(EditionError, match="没有事项"):
        erase(place.home, "nobody")
    assert not (place.home / LIST).exists()
    written(place.home / LIST, "{")
    with pytest.raises(EditionError, match="清除名单"):
        place.run()


def test_a_case_is_listed_once_with_its_reason(place):
    place.run()
    for reason in ("甲", "乙"):
        erase(place.home, code_of(NEW["id"]), reason, now=NOW)
    [entry] = json.loads((place.home / LIST).read_text("utf-8"))
    assert entry == {"case_code": code_of(NEW["id"]), "at": f"{NOW}", "reason": "乙"}


def test_a_leap_day_is_no_obstacle():
    assert closed_before(2, datetime(2028, 2, 29, 9)) == datetime(2026, 3, 1)
    assert closed_before(2, datetime(2026, 11, 10, 9)) == datetime(2024, 11, 10)


def hash_of(place: Village) -> str:
    with place.edition() as edition:
        return state_hash(edition._connection)


def sound(place: Village) -> bool:
    with place.edition() as edition:
        return verify(edition._connection) == []


def tables(place: Village) -> list[tuple]:
    """Columns and views of the current edition, and its cases in their order."""
    with place.edition() as edition:
        return [
            *edition.rows(
                "SELECT table_name, column_index, column_name, data_type, is_nullable"
                " FROM duckdb_columns() WHERE NOT internal ORDER BY ALL"
            ),
            *edition.rows(
                "SELECT view_name, sql FROM duckdb_views() WHERE NOT internal ORDER BY 1"
            ),
            *edition.rows("SELECT case_code FROM cases"),
        ]


def holders(place: Village, text: str) -> set[int]:
    """The editions in whose file a text can be read, in whatever block."""
    files = (place.home / "editions").glob("*.duckdb")
    return {int(file.stem) for file in files if text.encode() in file.read_bytes()}
