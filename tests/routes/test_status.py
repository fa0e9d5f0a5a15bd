"""What an office is told of how the system runs, and what to do where it does not."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

import app as screen
from access.devices import Devices
from access.operations import Operations
from routes.status import BAD, LATE, OK, Fact, Status
from tests.layouts.small import store_with
from tests.people import person_at

NOW = datetime(2026, 11, 20, 6, 40, tzinfo=UTC)  # ten minutes after the data of the small county
MINUTE = 60_000
SOURCE = {"key": "hotline", "title": "热线", "every": 600, "state": "ok"}


class House:
    """A small county, with what else the server knows; each can be made to fail."""

    def __init__(self, home) -> None:
        self.home, self.operations = home, Operations(home)
        store_with(home, 20).close()
        at = round(NOW.timestamp() * 1000) - 2 * MINUTE
        self.body = {"edition": 7, "problem": None, "publish_every": 60, "sources": [dict(SOURCE)]}
        self.body |= {"published": at, "data_time": at}
        self.body["sources"][0]["last"] = at
        self.is_cache_there = True

    def facts(self, now: datetime = NOW) -> dict[str, Fact]:
        given = (lambda: self.body, lambda: self.is_cache_there, lambda: 3)
        return {fact.name: fact for fact in Status(self.home, self.operations, *given).facts(now)}


@pytest.fixture
def house(tmp_path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.operations.close()


def test_what_is_well_needs_no_advice(house: House):
    facts = house.facts()
    assert facts["数据"] == Fact("数据", OK, "第 7 版，2 分钟前核对过")
    assert facts["缓存"] == Fact("缓存", OK, "正常")
    assert facts["业务库"].state == OK and facts["业务库"].advice == ""
    assert facts["大屏"].text == "0 台大屏，0 台在线；现行预警 3 条"


def test_a_home_that_was_never_backed_up_is_told_how(house: House):
    fact = house.facts()["最近一次备份"]
    assert fact.state == LATE and "upkeep backup" in fact.advice


def test_old_data_say_what_to_look_at(house: House):
    fact = house.facts(NOW + timedelta(hours=3))["数据"]
    assert fact.state == LATE and "zhinao-watch" in fact.advice


def test_without_an_edition_the_first_step_is_named(house: House):
    house.body = {"edition": None, "problem": None, "sources": []}
    fact = house.facts()["数据"]
    assert fact.state == BAD and "etl run" in fact.advice


def test_a_damaged_edition_is_a_fault_in_words(house: House):
    house.body["problem"] = "版本 8 已损坏"
    assert house.facts()["数据"] == Fact("数据", BAD, "第 7 版，2 分钟前核对过", "版本 8 已损坏")


def test_a_cache_that_does_not_keep_is_a_fault(house: House):
    house.is_cache_there = False
    assert house.facts()["缓存"].state == BAD and "Redis" in house.facts()["缓存"].advice


def test_where_the_store_is_away_the_rest_is_told_all_the_same(house: House, tmp_path):
    house.operations.close()
    house.operations = Operations(tmp_path, "postgresql://nobody@127.0.0.1:1/none")
    facts = house.facts()
    assert {"数据", "数据来源", "业务库", "缓存", "磁盘"} <= set(facts)
    assert facts["业务库"].state == BAD and "登录" in facts["业务库"].advice
    assert "审计" not in facts


def test_a_wall_that_has_gone_dark_is_named(house: House):
    devices = Devices(house.operations)
    token = devices.add("wall", "大厅", NOW)
    devices.add("wall", "门厅", NOW)
    devices.of(token, NOW)
    fact = house.facts(NOW + timedelta(minutes=1))["大屏"]
    assert fact.state == LATE and "门厅" in fact.advice and "大厅" not in fact.advice
    assert fact.text.startswith("2 台大屏，1 台在线")


def test_the_same_is_told_as_json_to_who_may_see_it(tmp_path, cheap_passwords):
    store = store_with(tmp_path, 20)
    server = screen.build(store).server
    facts = person_at(server, tmp_path, "auditor").get("/status.json").json["facts"]
    assert {"数据", "业务库", "审计", "大屏"} <= {fact["name"] for fact in facts}
    assert {fact["state"] for fact in facts} <= {OK, LATE, BAD}
    assert person_at(server, tmp_path, "analyst").get("/status.json").status_code == 403
    store.close()
