"""How the system runs, a line a thing: a lamp, what is so, and what to do about it."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from dash import html

WORST_FIRST = ("bad", "late", "ok")


class Part(StrEnum):
    """The ids of the page."""

    FACTS = "status-facts"
    TOLD = "status-told"


def board(facts: Sequence[Any]) -> html.Div:
    """The lines of upkeep.status.Fact, what is not well first."""
    ordered = sorted(facts, key=lambda fact: WORST_FIRST.index(fact.state))
    return html.Div([_line(fact) for fact in ordered], className="facts")


def verdict(facts: Sequence[Any]) -> html.B:
    """All of it in one word."""
    states = [fact.state for fact in facts]
    if "bad" in states:
        return html.B(f"有 {states.count('bad')} 项故障，请先处理", className="bad")
    if "late" in states:
        return html.B(f"运行正常，有 {states.count('late')} 项要留意", className="fine")
    return html.B("一切正常", className="fine")


def _line(fact: Any) -> html.Div:
    parts = [
        html.Span(fact.word, className=f"lamp is-{fact.state}"),
        html.B(fact.name),
        html.Div([html.Div(fact.text), html.Small(fact.advice) if fact.advice else ""]),
    ]
    return html.Div(parts, className="fact")
