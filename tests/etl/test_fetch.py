"""A database's answer is one whole file, whoever else asks, and is not asked for too often."""

import sqlite3

import orjson
import pytest

from data.site import load_site
from etl import fetch as module
from etl.fetch import Answers, fetch
from etl.hostile import FileError
from etl.readers import reader
from etl.source import Source, load_sources
from tests.etl.village import MATTERS, Village

ASKED = MATTERS.replace('files = ["matters/*.csv"]', 'reader = "sql"').replace(
    "[columns]",
    """[options]
url = "sqlite:///{input}/office.db"
query = "SELECT id, updated, reported FROM matters ORDER BY id"

[columns]""",
)


@pytest.fixture
def office(village: Village) -> Village:
    """The village with a database in place of files; two matters."""
    village.declare(ASKED)
    with sqlite3.connect(village.input / "office.db") as database:
        database.execute("CREATE TABLE matters (id, updated, reported)")
    register(village, "1", "2")
    return village


def register(village: Village, *keys: str) -> None:
    with sqlite3.connect(village.input / "office.db") as database:
        rows = [(key, "2026-11-01", "2026-11-01") for key in keys]
        database.executemany("INSERT INTO matters VALUES (?, ?, ?)", rows)
    database.close()


def source(village: Village) -> Source:
    return load_sources(village.site, load_site(village.site))["matters"]


def answer(village: Village, ask=fetch) -> list[str]:
    found = ask(source(village), village.input, village.home / "fetched")
    return [orjson.loads(line)["id"] for line in found.path.read_bytes().splitlines()]


def test_two_who_ask_at_once_both_get_a_whole_answer(office, monkeypatch):
    inner = []

    def interrupted(name):
        def read(member, options):
            for chunk in reader(name)(member, options):
                yield chunk
                if not inner:
                    inner.append("asked")
                    register(office, "3")
                    inner[:] = answer(office)

        return read

    monkeypatch.setattr(module, "reader", interrupted)
    assert answer(office) == ["1", "2"]
    assert inner == ["1", "2", "3"]
    assert [path.name for path in (office.home / "fetched").iterdir()] == ["matters.jsonl"]


def test_half_an_answer_leaves_the_former_one_and_no_file(office):
    assert answer(office) == ["1", "2"]
    (office.input / "office.db").write_bytes(b"no database, " * 100)
    with pytest.raises(FileError):
        answer(office)
    folder = office.home / "fetched"
    assert [path.name for path in folder.iterdir()] == ["matters.jsonl"]
    assert len((folder / "matters.jsonl").read_bytes().splitlines()) == 2


def test_a_database_is_not_asked_at_every_file_event(office):
    seldom, always = Answers(every=3600), Answers(every=0)
    assert answer(office, seldom) == answer(office, always) == ["1", "2"]
    register(office, "3")
    assert answer(office, seldom) == ["1", "2"]
    assert answer(office, always) == ["1", "2", "3"]
    office.declare(ASKED.replace("FROM matters", "FROM matters WHERE id > '1'"))
    assert answer(office, seldom) == ["2", "3"]


def test_a_database_that_failed_is_not_asked_again_at_once(office):
    kept = (office.input / "office.db").read_bytes()
    (office.input / "office.db").write_bytes(b"no database, " * 100)
    seldom = Answers(every=3600)
    for _ in range(2):
        with pytest.raises(FileError):
            answer(office, seldom)
        (office.input / "office.db").write_bytes(kept)
