"""What lies over the map: a pin for every red case, a flag for every alert."""

from callbacks.colour import MOST_PINS, pictured
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


def test_the_window_stands_on_the_map_and_a_past_time_is_said():
    question = given(("T0V0G0", "red", "open"))
    assert "近 30 日" in str(pictured(question, "risk", False, 1.0).window)
