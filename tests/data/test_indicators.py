"""Every indicator gives the answer of its own worked example."""

import math

import pytest

from data.dimensions import UnknownName
from data.indicators import INDICATORS, indicator_of
from data.measure import measure
from data.scope import Grant, Scope
from tests.data.given import SINCE, UNTIL, given

WEEK = Scope(since=SINCE, until=UNTIL)


@pytest.mark.parametrize("key", INDICATORS)
def test_an_indicator_gives_the_answer_of_its_example(key):
    rows, expected = INDICATORS[key].example
    frame = measure(given(*rows), key, (), WEEK, Grant.full())
    assert frame["value"].tolist() == [pytest.approx(expected, rel=1e-12)]


@pytest.mark.parametrize("key", INDICATORS)
def test_an_indicator_says_what_it_is(key):
    indicator = INDICATORS[key]
    assert indicator.key == key
    assert indicator.name and indicator.unit and indicator.meaning and indicator.example[0]
    assert (indicator.kind == "rate") == bool(indicator.denominator)


@pytest.mark.parametrize("key", [k for k, i in INDICATORS.items() if i.kind == "rate"])
def test_no_cases_mean_no_rate_not_0(key):
    row = measure(given(), key, (), WEEK, Grant.full()).iloc[0]
    assert (row["numerator"], row["denominator"]) == (0, 0)
    assert math.isnan(row["value"])


def test_an_unknown_indicator_is_refused_with_names_that_are_near():
    with pytest.raises(UnknownName, match="closure_rate"):
        indicator_of("closur_rate")


def test_names_of_indicators_are_told_apart():
    names = [indicator.name for indicator in INDICATORS.values()]
    assert len(set(names)) == len(names)
