"""Risk: the first rule that holds, nothing guessed from missing inputs, and who handles it."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.risk import DEFAULT_ROUTING, RISKS, RiskRule, assess, route


def risk_of(**inputs) -> tuple[str, str]:
    row = assess(pd.DataFrame([inputs])).iloc[0]
    return row["risk"], row["risk_rule"]


@pytest.mark.parametrize(
    ("inputs", "risk"),
    [
        ({"people": 50}, "red"),
        ({"people": 49}, "yellow"),
        ({"people": 10}, "yellow"),
        ({"people": 9}, "blue"),
        ({"people": 0}, "blue"),
        ({"people": 2, "scale": "03"}, "red"),
        ({"people": 2, "scale": "02"}, "blue"),
        ({"people": 2, "repeats_90d": 3}, "yellow"),
        ({"people": 2, "repeats_90d": 2}, "blue"),
        ({"people": 2, "is_threat": True}, "yellow"),
        ({"people": 2, "is_threat": False}, "blue"),
    ],
)
def test_the_default_rules_in_their_order(inputs, risk):
    assert risk_of(**inputs)[0] == risk


def test_a_missing_input_never_makes_a_case_harmless():
    assert risk_of(people=None) == ("-", "-")
    assert risk_of(scale="01", repeats_90d=1, is_threat=False) == ("-", "-")
    assert risk_of(people=None, is_threat=True) == ("yellow", "R2")
    assert risk_of(people=None, scale="03") == ("red", "R1")


def test_the_rule_that_decided_is_named():
    assert risk_of(people=60, is_threat=True) == ("red", "R1")


def test_a_site_may_order_its_own_rules():
    rules = (RiskRule("threat", "orange", is_threat=True), RiskRule("big", "red", min_people=50))
    cases = pd.DataFrame({"people": [60, 60, 1], "is_threat": [True, False, False]})
    assert assess(cases, rules)["risk"].tolist() == ["orange", "red", "-"]


def test_an_empty_frame_and_no_rules_give_no_risk():
    assert assess(pd.DataFrame({"people": []})).empty
    assert assess(pd.DataFrame({"people": [99]}), ())["risk"].tolist() == ["-"]


def test_unknown_codes_in_rules_and_routing_are_refused():
    with pytest.raises(ValueError, match="purple"):
        RiskRule("R9", "purple")
    with pytest.raises(ValueError, match="weather"):
        RiskRule("R9", "red", otherwise=True, needs=("weather",))
    with pytest.raises(ValueError, match="moon"):
        route(["red"], {"red": "moon"})


def test_red_goes_to_the_county_yellow_to_the_town_blue_to_the_village():
    levels = route(["red", "yellow", "blue", "-", "red"])
    assert levels.tolist() == ["county", "town", "village", "-", "county"]
    assert set(DEFAULT_ROUTING) == set(RISKS)


@settings(max_examples=50)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "people": st.none() | st.integers(0, 120),
                "scale": st.sampled_from(["01", "02", "03", None]),
                "repeats_90d": st.none() | st.integers(0, 5),
                "is_threat": st.none() | st.booleans(),
            }
        ),
        min_size=1,
        max_size=20,
    )
)
def test_the_columns_say_what_the_words_say(cases):
    def words(c: dict) -> str:
        people, repeats = c["people"] or 0, c["repeats_90d"] or 0
        if people >= 50 or c["scale"] == "03":
            return "red"
        if people >= 10 or repeats >= 3 or c["is_threat"]:
            return "yellow"
        return "-" if c["people"] is None else "blue"

    assert assess(pd.DataFrame(cases))["risk"].tolist() == [words(c) for c in cases]


@settings(max_examples=50)
@given(st.integers(0, 200), st.integers(0, 200))
def test_more_people_are_never_less_serious(a, b):
    fewer, more = assess(pd.DataFrame({"people": sorted([a, b])}))["risk"]
    assert RISKS.index(more) <= RISKS.index(fewer)
