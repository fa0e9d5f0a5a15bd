"""Who is on duty at a moment: shifts are half open, what was withdrawn is no shift."""

from datetime import datetime

import pytest

from data.duty import on_duty
from data.scope import Grant
from tests.data.given import UNTIL, given_things

DAY = {"begins_at": "2026-11-05 08:30", "ends_at": "2026-11-06 08:30"}
NIGHT = {"begins_at": "2026-11-05 20:30", "ends_at": "2026-11-06 08:30"}


def holders(edition, at: str) -> list[tuple]:
    frame = on_duty(edition, datetime.fromisoformat(at), Grant.wall())
    return list(frame[["post", "holder"]].itertuples(index=False, name=None))


def test_each_post_has_who_holds_it_at_that_moment_in_the_order_of_the_roster():
    edition = given_things(
        "duty",
        {**DAY, "post": "值班领导", "holder": "带班领导一", "line": 2},
        {**DAY, "post": "值班长", "holder": "值班长甲", "line": 3},
        {**NIGHT, "post": "受理岗", "holder": None, "line": 4},
    )
    day = [("值班领导", "带班领导一"), ("值班长", "值班长甲")]
    assert holders(edition, "2026-11-05 08:29:59") == []
    assert holders(edition, "2026-11-05 08:30") == day
    assert holders(edition, "2026-11-05 20:30") == [*day, ("受理岗", None)]
    assert holders(edition, "2026-11-06 08:30") == []


def test_a_shift_that_was_withdrawn_is_none_from_then_on():
    edition = given_things("duty", {**DAY, "post": "值班长", "withdrawn_at": "2026-11-05 12:00"})
    assert holders(edition, "2026-11-05 11:00") == [("值班长", None)]
    assert holders(edition, "2026-11-05 12:00") == []


def test_without_a_roster_nobody_is_on_duty():
    assert list(on_duty(given_things("duty"), UNTIL, Grant.full()).columns) == [
        *("post", "holder", "begins_at", "ends_at"),
    ]


@pytest.mark.parametrize(
    "grant",
    [
        Grant(),
        Grant((("town", "t1"),), None),
        Grant(None, ("a",)),
        Grant((("town", "t1"),), ("a",)),
    ],
)
def test_whose_grant_is_limited_is_told_the_posts_and_nobody_who_holds_one(grant):
    edition = given_things("duty", {**DAY, "post": "值班长", "holder": "值班长甲"})
    told = on_duty(edition, datetime(2026, 11, 5, 9), grant)
    assert list(told["post"]) == ["值班长"] and "值班长甲" not in told.to_string()
    whole = on_duty(edition, datetime(2026, 11, 5, 9), Grant(None, None))
    assert list(whole["holder"]) == ["值班长甲"]
