"""Who has each open matter, and since when: the level of handling that the site routes its risk to.

A level has a case since it was accepted, reopened, or since the step that gave it the risk that is
routed there (`[routing]` of site.toml; 红→区, 黄→区+镇街, 蓝→村社/网格), whichever came last. That
is how long the matter lies there, not how long one department has had it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from data.editions.edition import Edition
from data.indicators import indicator_of
from data.scope import Grant, Scope
from data.state import Question, state

if TYPE_CHECKING:
    import pandas as pd

# The state before the first step is none: what it brings, the case had from its acceptance on.
SINCE = """
    SELECT c.case_code, c.risk, c.handling_level, greatest(c.accepted_at, max(s."at")) AS since
    FROM ({open}) c LEFT JOIN {steps} s ON s.case_code = c.case_code AND s.seq > 1
        AND s."at" <= $as_of AND (s.handling_before IS DISTINCT FROM c.handling_level
            OR s.closed_before IS NOT NULL OR s.status_before = '21')
    GROUP BY c.case_code, c.risk, c.handling_level, c.accepted_at
"""


def held_cases(
    edition: Edition, scope: Scope, grant: Grant, only: Sequence[str] | None = None
) -> "pd.DataFrame":
    """Every open case at T, or of those of these codes: case_code, risk, handling_level (codes),
    since."""
    question = Question(edition, scope, grant)
    return _answer(question, _since(question, only))


def longest_held(edition: Edition, scope: Scope, grant: Grant) -> "pd.DataFrame":
    """Of the open cases at T by risk and handling_level (codes, '-' for none): the earliest
    `since`."""
    question = Question(edition, scope, grant)
    return _answer(
        question,
        "SELECT coalesce(risk, '-') AS risk, coalesce(handling_level, '-') AS handling_level,"
        f" min(since) AS since FROM ({_since(question)}) GROUP BY 1, 2 ORDER BY 1, 2",
    )


def _since(question: Question, only: Sequence[str] | None = None) -> str:
    count = indicator_of("open").numerator
    wanted = count.where if only is None else f"{count.where} AND {_one_of(question, only)}"
    rows = state(question, count, uses="case_code risk handling_level accepted_at")
    listed = f"SELECT case_code, risk, handling_level, accepted_at FROM ({rows})"
    opened = f"{listed} WHERE {wanted}"
    return SINCE.format(open=opened, steps=question.grant.table("steps"))


def _one_of(question: Question, codes: Sequence[str]) -> str:
    """Of few cases the steps are found far sooner."""
    return f"case_code IN ({question.bind(codes)})" if len(codes) else "false"


def _answer(question: Question, sql: str) -> "pd.DataFrame":
    return question.edition.frame(sql, question.used(sql))
