"""Pictures as plain lists: every picture can be told so, and what cannot is refused."""

from typing import Any

import pytest
from dash import dcc, html
from hypothesis import given
from hypothesis import strategies as st

from layouts.plain import plain

WORDS = st.text(max_size=5)
ELEMENTS = st.recursive(
    WORDS | st.integers(),
    lambda inner: st.builds(html.Div, st.lists(inner, max_size=3), className=WORDS),
    max_leaves=12,
)


def test_an_element_is_its_tag_what_describes_it_and_what_it_holds():
    row = html.Div(["办结", html.B(3, className="sum"), None], **{"data-day": "2026-11-20"})  # type: ignore[arg-type]
    assert plain(row) == [
        ["div", {"data-day": "2026-11-20"}, ["办结", ["b", {"className": "sum"}, ["3"]]]]
    ]


def test_nothing_and_lists_of_lists():
    assert plain(None) == []
    assert plain([["a", []], html.Span()]) == ["a", ["span", {}, []]]


@pytest.mark.parametrize("odd", [dcc.Graph(), 0.5, True, {"a": 1}])
def test_what_no_browser_could_build_is_refused(odd: Any):
    with pytest.raises(TypeError, match="a picture"):
        plain(html.Div([odd]))


def words(parts: list) -> str:
    return "".join(part if isinstance(part, str) else words(part[2]) for part in parts)


def said(children: object) -> str:
    if isinstance(children, html.Div):
        return said(children.children)
    return "".join(map(said, children)) if isinstance(children, list) else str(children)


@given(st.lists(ELEMENTS, max_size=4))
def test_no_word_is_lost_nor_moved(children: list):
    assert words(plain(children)) == said(children)
