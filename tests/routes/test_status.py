"""What an office is told of a running server, beside what is told of its home."""

from collections.abc import Iterator
from datetime import UTC, datetime

import orjson
import pytest

import app as screen
from access.operations import Operations
from data.editions.shelf import Shelf
from data.editions.store import EditionStore
from routes.status import Status
from tests.layouts.small import store_with
from tests.people import person_at
from upkeep.status import BAD, LATE, OK, WORDS, Fact

NOW = datetime(2026, 11, 20, 6, 40, tzinfo=UTC)  # ten minutes after the data of the small county


class House:
    """A small county, with what else the server knows; each can be made to fail."""

    def __init__(self, home) -> None:
        self.store, self.operations = store_with(home, 20), Operations(home)
        self.is_cache_there = True

    def facts(self, now: datetime = NOW) -> dict[str, Fact]:
        given = (lambda: self.is_cache_there, self.standing)
        return {fact.key: fact for fact in Status(self.store, self.operations, *given).facts(now)}

    def standing(self) -> int:
        with self.operations.reading():
            return 3

    def close(self) -> None:
        self.operations.close()
        self.store.close()


@pytest.fixture
def house(tmp_path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.close()


def test_what_only_a_running_server_knows_is_told_beside_the_rest(house: House):
    facts = house.facts()
    assert facts["cache"] == Fact("cache", "缓存", "正常")
    assert facts["alerts"] == Fact("alerts", "现行预警", "3 条")
    assert facts["edition"].text.startswith("第 1 版")
    assert facts["backup"].state == LATE and "upkeep backup" in facts["backup"].advice


def test_a_cache_that_does_not_keep_is_a_fault(house: House):
    house.is_cache_there = False
    assert house.facts()["cache"].state == BAD and "Redis" in house.facts()["cache"].advice


def test_where_the_store_is_away_the_rest_is_told_all_the_same(house: House, tmp_path):
    house.operations.close()
    house.operations = Operations(tmp_path, "postgresql://nobody@127.0.0.1:1/none")
    facts = house.facts()
    assert facts["edition"].state == facts["cache"].state == OK
    assert facts["store"].state == BAD and facts["alerts"].state == LATE


def test_a_damaged_edition_is_a_fault_in_words(house: House):
    path = Shelf(house.store.home).path(1)
    house.store.close()
    path.write_bytes(path.read_bytes()[:9000])
    house.store = EditionStore(house.store.home)
    fact = house.facts()["edition"]
    assert (fact.text, fact.state) == ("没有一个版本读得出来", BAD)


def test_the_same_is_told_as_json_to_who_may_see_it(tmp_path, cheap_passwords):
    store = store_with(tmp_path, 20)
    server = screen.build(store).server
    answer = person_at(server, tmp_path, "auditor").get("/status.json")
    facts = orjson.loads(answer.data)["facts"]
    assert {"edition", "store", "audit", "screens", "cache"} <= {fact["key"] for fact in facts}
    assert {fact["state"] for fact in facts} <= set(WORDS)
    assert person_at(server, tmp_path, "analyst").get("/status.json").status_code == 403
    store.close()
