"""What lies over the map: a pin for every red case, a flag for every alert."""

from dataclasses import replace
from datetime import datetime

from callbacks.announce import lines
from callbacks.colour import MOST_PINS, painted, pictured
from tests.callbacks.test_bands import given


def reds(question) -> list[dict]:
    shown = pictured(question, "risk", False, 1.0)
    return [item for item in shown.overlay if item.get("mark") == "risk-red"]


def legend(question) -> str:
    return str(pictured(question, "risk", False, 1.0).legend)


def test_every_red_case_is_pinned_one_without_a_point_in_the_middle_of_its_polygon():
    question = given(*[("T0V0G0", "red", "open")] * 9)
    pins = reds(question)
    assert len(pins) == 9
    assert {(round(pin["lon"], 6), round(pin["lat"], 6)) for pin in pins} == {(112.005, 28.005)}
    assert "9/9" in legend(question)


def test_of_too_many_red_cases_the_newest_are_pinned_and_the_legend_says_so():
    question = given(*[("T0V0G0", "red", "open")] * (MOST_PINS + 5))
    assert len(reds(question)) == MOST_PINS
    assert f"最新 {MOST_PINS}/{MOST_PINS + 5}" in legend(question)


def test_beneath_a_region_the_rate_of_located_cases_says_that_it_is_of_everything():
    everything = given(("T0V0G0", "red", "open"))
    town = replace(everything, scope=everything.scope.narrowed(regions=(("town", "T0"),)))
    assert "全域" not in str(pictured(everything, "risk", False, 1.0).placed)
    assert "全域落格率 " in str(pictured(town, "risk", False, 1.0).placed)


def test_the_time_of_what_is_not_the_newest_travels_with_the_map():
    newest = given(("T0V0G0", "red", "open"))
    past = replace(newest, scope=newest.scope.narrowed(as_of=datetime(2026, 11, 20, 8)))
    old = replace(newest, scope=newest.scope.narrowed(edition=1))
    shown = [pictured(each, "risk", False, 1.0).past for each in (newest, past, old)]
    assert shown == ["", "1795132800000", "1795156200000"]  # 08:00 and 14:30 in Asia/Shanghai


def test_without_population_the_legend_of_rates_by_population_has_no_band():
    question = given(("T0V0G0", "red", "open"))
    question.edition._connection.execute("UPDATE grids SET population = NULL")
    words = [band.words for band in painted(question, "per_10k", "grid", ["T0V0G0"]).legend]
    assert words == ["无数据"]


def test_the_ticker_says_ungraded_and_where_there_is_nothing_that():
    assert "未定级" in lines(given(("T0V0G0", None, "open")))[0]
    assert lines(given()) == ["暂无新事项"]


def test_the_window_stands_on_the_map_and_a_past_time_is_said():
    question = given(("T0V0G0", "red", "open"))
    assert "近 30 日" in str(pictured(question, "accepted", False, 1.0).window)
    assert "近 30 日" in str(
        pictured(question, "risk", True, 1.0).window
    )  # the heat is of the window
    for of_now in ("risk", "overdue_open_rate"):
        assert "当前在办" in str(pictured(question, of_now, False, 1.0).window)


def test_a_red_case_without_a_place_of_its_own_stands_beside_the_name_of_its_town():
    question = given(("T0V0G0", "red", "open"), ("T1V0G0", "red", "open"))
    question.edition._connection.execute(
        "UPDATE cases SET village = NULL, grid = NULL, lon = NULL, lat = NULL WHERE town = 'T1'"
    )
    shown = pictured(question, "risk", False, 1.0).overlay
    beside = {item["text"]: item["beside"]["count"] for item in shown if "beside" in item}
    assert (beside, len(reds(question))) == ({"第1镇": 1}, 1)
    assert "1/2" in legend(question) and "地名旁" in legend(question)
