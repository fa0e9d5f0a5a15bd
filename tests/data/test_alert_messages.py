"""Of an edition's alerts those count that have not ended for long, and what may have ended them."""

from datetime import UTC, datetime, timedelta

from data.alert_messages import messages_of
from rules.standing import StandingRules, standing
from tests.data.given import given_things

LATEST = datetime(2026, 11, 8, 15, 30)  # in the site's zone
NOW = datetime(2026, 11, 8, 7, 30, tzinfo=UTC)
WEEK = timedelta(days=7)


def alert(name: str, days_ago: float, **more) -> dict:
    sent_at = LATEST - timedelta(days=days_ago)
    row = {"sender": "s", "identifier": name, "sent_at": sent_at, "signal": "red"}
    return row | {"precision": "second"} | more


def names(*alerts: dict) -> list[str]:
    return [m.identifier for m in messages_of(given_things("alerts", *alerts), NOW, WEEK)]


def test_what_ended_more_than_a_week_ago_does_not_count():
    assert names(
        alert("old", 8),
        alert("ended", 30, expires_at=LATEST - timedelta(days=8)),
        alert("lasting", 30, expires_at=LATEST + timedelta(days=1)),
        alert("new", 6),
        alert("ahead", -1),
    ) == ["lasting", "new"]


def test_what_was_cancelled_stays_so_however_long_it_was_to_last():
    lasting = alert("lasting", 30, expires_at=LATEST + timedelta(days=100))
    refs = f"s,lasting,{(NOW - timedelta(days=30)).isoformat()}"
    edition = given_things(
        "alerts", lasting, alert("end", 29, msg_type="Cancel", refs=refs), alert("other", 29)
    )
    messages = messages_of(edition, NOW, WEEK)
    assert [message.identifier for message in messages] == ["lasting", "end"]
    assert standing(messages, [], StandingRules(), NOW) == ()
