"""The lines of the ticker: the newest first, each with its time and place."""

from callbacks.announce import lines
from tests.callbacks.test_bands import given


def test_a_line_says_when_and_where_what_was_accepted():
    (said,) = lines(given(("T0V0G0", "red", "open")))
    when, where, *_, risk, department = said.split("　")
    assert (when, where, risk) == ("11月19日 00:00", "第0镇", "红")


def test_the_newest_comes_first():
    question = given(("T0V0G0", "blue", "open"), ("T1V0G0", "red", "open"))
    question.edition._connection.execute(
        "UPDATE cases SET accepted_at = TIMESTAMP '2026-11-19 08:30' WHERE town = 'T1'"
    )
    assert ["08:30" in line for line in lines(question)] == [True, False]
