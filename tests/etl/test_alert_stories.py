"""The demo county's alerts of the hour: always something, never the same, never too much."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from data.site import load_site
from etl.demo import generate, live
from etl.demo.alert_stories import stories
from etl.demo.world import DAY, HOUR, MINUTE, World, seconds, world
from rules.cap_message import CapMessage, from_xml
from rules.standing import Message, standing
from tests.conftest import ROOT

SINCE = seconds(datetime(2026, 11, 20))
SIGNALS = {"Extreme": "red", "Severe": "orange", "Moderate": "yellow", "Minor": "blue"}


@pytest.fixture(scope="module")
def county() -> World:
    return world(datetime(2026, 11, 22), 30)


@pytest.fixture(scope="module")
def day(county) -> list[CapMessage]:
    """All that is said on one day; every message keeps to the standard, or this fails."""
    return [from_xml(warning.xml) for warning in stories(county, 1, SINCE, SINCE + DAY)]


def test_whoever_asks_for_a_stretch_of_time_gets_the_same_messages(county, day):
    cuts = [SINCE, SINCE + 5, *range(SINCE + 6 * MINUTE, SINCE + DAY, 6 * MINUTE), SINCE + DAY]
    parts = [stories(county, 1, a, b) for a, b in zip(cuts, cuts[1:], strict=False)]
    assert [from_xml(warning.xml) for part in parts for warning in part] == day
    assert stories(county, 2, SINCE, SINCE + HOUR) != stories(county, 1, SINCE, SINCE + HOUR)


def test_no_two_messages_have_one_name(county, day):
    assert len({message.identity for message in day}) == len(day)
    names = [warning.name for warning in stories(county, 1, SINCE, SINCE + DAY)]
    assert len(set(names)) == len(names)


def test_a_day_has_alerts_of_every_signal_their_changes_ends_and_exercises(day):
    assert min(Counter(m.severity for m in day)[severity] for severity in SIGNALS) >= 10
    kinds = Counter(m.msg_type for m in day)
    assert set(kinds) == {"Alert", "Update", "Cancel"}
    assert min(kinds.values()) >= 30
    assert {m.status for m in day} == {"Actual", "Exercise"}
    assert len({m.event for m in day}) >= 3


def test_there_is_always_something_and_never_too_much_and_all_that_a_wall_can_show(day):
    rules = load_site(ROOT / "sites" / "demo").alerts
    messages = [_message(each, rules) for each in day]
    start = datetime.fromtimestamp(SINCE, UTC) - timedelta(hours=8)
    shown = [
        standing(messages_until(messages, now), [], rules.standing, now)
        for now in (start + timedelta(minutes=minute) for minute in range(60, 24 * 60, 20))
    ]
    assert max(map(len, shown)) <= 20
    assert sum(not alerts for alerts in shown) <= 2
    every = [alert for alerts in shown for alert in alerts]
    assert any(alert.is_flapping for alert in every)
    assert any(alert.cluster for alert in every)
    assert any(alert.count > 1 and not alert.is_flapping for alert in every)
    assert any(alert.escalation for alert in every)


def messages_until(messages: list[Message], now: datetime) -> list[Message]:
    return [message for message in messages if message.sent <= now]


def _message(said: CapMessage, rules) -> Message:
    event, detail = rules.event_of(said.event, said.category)
    lat, lon = (said.circle or "").split()[0].split(",")
    return Message(
        said.sender,
        said.identifier,
        said.identity.sent,
        said.identity.sent,
        status=said.status or "",
        msg_type=said.msg_type or "",
        references=said.refers_to,
        signal=SIGNALS[said.severity or ""],
        event=event,
        detail=detail,
        lon=float(lon),
        lat=float(lat),
        expires=said.expires_at,
    )


def test_the_live_mode_delivers_them_a_file_each(tmp_path):
    end = datetime(2026, 11, 22, 8)
    generate(tmp_path, cases=200, days=10, seed=2, end=end)
    before = {path.stem for path in _xml(tmp_path)}
    times = iter([end + timedelta(minutes=3 * n) for n in range(30)])
    live(tmp_path, max_batches=20, every_seconds=0, clock=lambda: next(times))
    new = {path.stem: path.read_bytes() for path in _xml(tmp_path) if path.stem not in before}
    told = stories(world(end, 30), 2, seconds(end), seconds(end) + HOUR)
    assert new == {warning.name: warning.xml for warning in told}
    assert len(new) >= 10


def _xml(folder: Path) -> list[Path]:
    return list((folder / "alerts").glob("*.xml"))
