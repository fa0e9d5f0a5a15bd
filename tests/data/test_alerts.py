"""Which alerts are in force, for whom, and until when."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from data.alert_messages import messages_of
from data.alerts import alerts_expired, alerts_in_force
from data.editions.edition import Edition
from data.scope import Grant, Scope
from rules.episode import episodes
from tests.data.given import UNTIL, given

WALL = Grant.wall()
SENT = UNTIL - timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def alerts(*rows: dict[str, Any]) -> Edition:
    """An edition with these alerts of one sender: a1, a2 ..., sent one minute apart."""
    edition = given()
    for number, row in enumerate(rows, start=1):
        row = {
            **{"alert_code": f"a{number}", "identifier": f"a{number}", "sender": "cma"},
            **{"sent_at": SENT + timedelta(minutes=number), "signal": "red", "source": "w"},
            **{"precision": "second", "point_quality": "missing", "is_located": False},
            **{"row_hash": "h", "member": "m", "line": number, **row},
        }
        columns, marks = ", ".join(row), ", ".join(f"${name}" for name in row)
        edition._connection.execute(f"INSERT INTO alerts ({columns}) VALUES ({marks})", row)
    return edition


def ringing(edition: Edition, scope: Scope | None = None, grant: Grant = WALL, now=None) -> list:
    return sorted(alerts_in_force(edition, scope or Scope(), grant, 9, now)["alert_code"])


def cancel(**changes: Any) -> dict[str, Any]:
    return {"msg_type": "Cancel", "refs": ",a1,", "status": "Actual", **changes}


def test_a_cancel_ends_the_alert_that_it_names():
    assert ringing(alerts({"status": "Actual"}, cancel())) == []
    assert ringing(alerts({"status": None}, cancel())) == []
    assert ringing(alerts({"status": "Actual"}, cancel(refs=",a9,"))) == ["a1"]
    assert ringing(alerts({"status": "Actual"}, cancel(sender="other"))) == ["a1"]


@pytest.mark.parametrize("status", ["Test", "Draft", "Exercise", "System"])
def test_what_is_not_real_cancels_nothing_real(status: str):
    assert ringing(alerts({"status": "Actual"}, cancel(status=status))) == ["a1"]


def test_an_alert_that_came_by_two_sources_is_one():
    live = {"identifier": "a1", "sent_at": SENT + timedelta(minutes=1), "source": "live"}
    assert ringing(alerts({}, live)) == ["a1"]
    assert ringing(alerts({}, live | {"sender": "other"})) == ["a1", "a2"]
    assert ringing(alerts({}, live | {"sent_at": SENT})) == ["a1", "a2"]
    assert ringing(alerts({}, live, live | {"sender": None}, live | {"sender": None})) == [
        *("a1", "a3", "a4"),
    ]


def test_an_exercise_is_ended_by_an_exercise():
    assert ringing(alerts({"status": "Exercise"}, cancel(status="Exercise"))) == []
    assert ringing(alerts({"status": "Exercise"}, cancel())) == ["a1"]


def test_a_cancel_that_its_source_withdrew_cancels_nothing():
    assert ringing(alerts({}, cancel(withdrawn_at=UNTIL))) == ["a1"]


def test_an_alert_expires_by_the_clock_though_nothing_new_arrives():
    edition = alerts({"expires_at": UNTIL + timedelta(minutes=5)})
    assert ringing(edition, now=UNTIL + timedelta(minutes=4)) == ["a1"]
    assert ringing(edition, now=UNTIL + timedelta(minutes=5)) == []
    assert ringing(edition, now=UNTIL - timedelta(days=9)) == ["a1"]  # a clock that is slow
    assert ringing(edition) == ["a1"]


def test_an_alert_that_names_no_end_stands_as_long_as_the_site_says():
    edition = alerts({"sent_at": SENT})
    assert edition.site.alerts.stands_hours == 24
    ends = SENT + timedelta(hours=24)
    assert ringing(edition, now=ends - timedelta(minutes=1)) == ["a1"]
    assert ringing(edition, now=ends) == []
    assert edition.expiries == [ends]
    assert alerts_expired(edition, ends, Grant.wall()) == 1
    assert alerts_expired(edition, ends, Grant((("town", "t1"),), None)) == 1  # it names no place


def test_a_limited_grant_is_not_told_when_alerts_of_elsewhere_end():
    edition = alerts({"sent_at": SENT, "town": "t2"})
    ends = SENT + timedelta(hours=24)
    told = [alerts_expired(edition, ends, Grant((("town", t),), None)) for t in ("t1", "t2")]
    assert told == [0, 1]


@pytest.mark.parametrize("minutes", [-61, 0, 4, 5, 60 * 23 - 1, 60 * 23, 60 * 24])
def test_the_edition_and_the_live_wall_hold_the_same_alerts_for_in_force(minutes: int):
    """One wall shows both: the map's flags and the list 现行预警."""
    cancelled = f"cma,a3,{UNTIL.isoformat()}"
    edition = alerts(
        {"sent_at": SENT},
        {"sent_at": SENT, "expires_at": UNTIL + timedelta(minutes=5)},
        {"sent_at": UNTIL, "expires_at": UNTIL + timedelta(days=3)},
        {"msg_type": "Error", "refs": f",a3, {cancelled}+08:00", "sent_at": UNTIL + MINUTE},
        {"sender": None, "identifier": None, "sent_at": SENT},
        {"status": "Test", "sent_at": SENT},
    )
    now = (UNTIL + timedelta(minutes=minutes)).replace(tzinfo=edition.site.tzinfo)
    messages = messages_of(edition, now, timedelta(days=7))
    hours = edition.site.alerts.stands_hours
    live = [
        each.message.identifier for each in episodes(messages, [], now, hours) if each.is_in_force
    ]
    at = Scope(as_of=now.replace(tzinfo=None))
    assert sorted(live) == ringing(edition, at)


def test_the_past_is_shown_as_it_was():
    edition = alerts({"expires_at": UNTIL + timedelta(minutes=5)})
    later = UNTIL + timedelta(days=1)
    assert ringing(edition, Scope(as_of=UNTIL), now=later) == ["a1"]
    assert ringing(edition, Scope(edition=1), now=later) == ["a1"]
    assert ringing(edition, Scope(as_of=datetime(2026, 11, 1)), now=later) == []


def test_drilling_keeps_the_alerts_that_concern_the_region():
    edition = alerts(
        {},  # no place: it concerns everybody
        {"town": "t1"},  # all of the town
        {"town": "t1", "grid": "g1"},
        {"town": "t1", "grid": "g2"},
        {"town": "t2"},
        {"beat": "b1"},
    )
    assert ringing(edition, Scope(regions=(("town", "t1"),))) == ["a1", "a2", "a3", "a4", "a6"]
    assert ringing(edition, Scope(regions=(("grid", "g1"),))) == ["a1", "a2", "a3", "a6"]
    assert ringing(edition, Scope(regions=(("beat", "b1"),))) == ["a1", "a6"]
    assert ringing(edition, Scope(where=(("department", "x"),))) == [f"a{n}" for n in range(1, 7)]
    assert ringing(edition, Scope(where=(("town", "t1"),)).with_filter("town", "t2")) == []


def test_a_grant_opens_only_its_own_places():
    edition = alerts({}, {"town": "t1"}, {"town": "t2"})
    town = Grant(regions=(("town", "t2"),), departments=None)
    assert ringing(edition, grant=town) == ["a1", "a3"]
    assert ringing(edition, grant=Grant(regions=(), departments=None)) == []
    assert ringing(edition, grant=Grant(regions=(("risk", "red"),), departments=None)) == []
    assert ringing(edition, grant=Grant(regions=(("nowhere", "x"),), departments=None)) == []
