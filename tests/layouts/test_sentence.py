"""The words of an answer, and the room that they take."""

import pandas as pd
import pytest
from dash import html

from layouts.marks import held, shape
from layouts.sentence import most, sentence, since_before, spare


def em(*words) -> float:
    return float(sentence(list(words)).style["--em"])


def test_a_sentence_knows_about_how_long_it_is():
    assert em("红色在办") == 4
    assert em("红色", html.B("12")) == pytest.approx(2 + 2 * 0.58, abs=0.1)
    assert 3 < em("红色", shape("red")) < 4 and em(html.B(held(0))) > 3
    assert em(spare(["在", html.B("县")], 1)) == 2
    assert em(html.Span()) == 0  # what the browser says in it, it counts itself


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("+1.2个百分点", "，比上期升 1.2个百分点"),
        ("-0.5个百分点", "，比上期降 0.5个百分点"),
        ("持平", "，与上期持平"),
        ("升幅不足0.1个百分点", "，与上期持平"),
        ("—", ""),
    ],
)
def test_a_change_is_said_in_words(told: str, said: str):
    assert since_before(pd.DataFrame({"change_text": [told]})) == said
    assert since_before(pd.DataFrame({"change_text": []})) == ""


def test_nothing_is_most_where_nothing_is():
    empty = pd.DataFrame({"place": ["a", "-"], "numerator": [0, 3], "name": ["a", "-"]})
    assert most(empty.assign(text="0"), "place") == []


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ((3, 2, 1), "a最多，3 件"),
        ((3, 3, 1), "a、b最多，各 3 件"),
        ((2, 2, 2), "a等 3 处最多，各 2 件"),
    ],
)
def test_equals_are_named_together(counts: tuple[int, ...], said: str):
    frame = pd.DataFrame({"place": list("abc"), "numerator": counts})
    frame = frame.assign(name=frame["place"], text=frame["numerator"].astype(str))
    parts = [getattr(word, "children", word) for word in most(frame, "place")]
    assert "".join(parts) == said
