"""What is one alert on the wall: duplicates, flapping devices; and what is a cluster."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.grouping import Grouping
from rules.standing import (
    Acknowledgement,
    EscalationStep,
    Identity,
    Message,
    Standing,
    StandingRules,
    standing,
)

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
RULES = StandingRules(
    (EscalationStep("red", 2, "值班长"), EscalationStep("red", 5, "中心主任")),
    Grouping(
        same_minutes=10,
        same_metres=100,
        flaps=3,
        flapping_minutes=30,
        cluster_n=3,
        cluster_metres=500,
        cluster_minutes=30,
    ),
)
LAT_M = 1 / 111_195  # degrees a metre


def at(minute: float) -> datetime:
    return NOON + timedelta(minutes=minute)


def said(sender: str, minute: float, north: float = 0, name: str = "", **more: Any) -> Message:
    """A red fire alert of a sender, so many metres north of the place."""
    given: dict[str, Any] = {"signal": "red", "event": "fire", "lon": 112.0}
    given |= {"lat": 28 + north * LAT_M} | more
    return Message(sender, name or f"{sender}-{minute:g}", at(minute), at(minute), **given)


def ended(alert: Message, minute: float) -> Message:
    return replace(
        alert,
        identifier=f"{alert.identifier}-end",
        sent=at(minute),
        received=at(minute),
        msg_type="Cancel",
        references=(alert.identity,),
    )


def shown(*messages: Message, minute: float, acks=()) -> tuple[Standing, ...]:
    return standing(messages, acks, RULES, at(minute))


def counts(*messages: Message, minute: float) -> list[int]:
    return sorted(alert.count for alert in shown(*messages, minute=minute))


# Duplicates


def test_alerts_of_one_event_at_one_spot_within_the_window_are_one():
    assert counts(said("a", 0), said("b", 10, north=99.9), minute=11) == [2]
    assert counts(said("a", 0), said("b", 10.1), minute=11) == [1, 1]
    assert counts(said("a", 0), said("b", 1, north=100.1), minute=11) == [1, 1]
    assert counts(said("a", 0), said("b", 1, event="gas"), minute=11) == [1, 1]


def placed(sender: str, minute: float, place: str | None) -> Message:
    return replace(said(sender, minute), lon=None, lat=None, place=place)


def test_what_has_no_point_is_one_where_the_place_is_one():
    assert counts(placed("a", 0, "P1"), placed("b", 1, "P1"), minute=2) == [2]
    assert counts(placed("a", 0, "P1"), placed("b", 1, "P2"), minute=2) == [1, 1]
    assert counts(placed("a", 0, None), placed("b", 1, None), minute=2) == [1, 1]


def test_two_unknown_events_are_not_one_because_their_category_is():
    one: dict[str, Any] = {"event": "Safety", "detail": "塌陷"}
    other: dict[str, Any] = {"event": "Safety", "detail": "断电"}
    assert counts(said("a", 0, **one), said("b", 1, **other), minute=2) == [1, 1]
    assert counts(said("a", 0, **one), said("b", 1, **one), minute=2) == [2]


def test_the_group_is_named_after_its_first_gravest_message():
    first, second = said("a", 0, signal="yellow"), said("b", 1)
    third = said("c", 2)
    (group,) = shown(first, second, third, minute=3)
    assert (group.identity, group.signal, group.count) == (second.identity, "red", 3)
    assert group.members == (first.identity, second.identity, third.identity)


def test_a_duplicate_of_what_is_acknowledged_asks_for_nothing_unless_it_is_graver():
    first = said("a", 0, signal="orange")
    ack = [Acknowledgement(first.identity, at(1), "值班台")]
    (same,) = shown(first, said("b", 2, signal="orange"), minute=3, acks=ack)
    assert same.acknowledged_at == at(1)
    (graver,) = shown(first, said("b", 2), minute=3, acks=ack)
    assert graver.acknowledged_at is None


def test_when_the_answered_of_two_ends_the_other_does_not_call_again():
    first, second = said("a", 0), said("b", 2, north=50)
    ack = [Acknowledgement(first.identity, at(1), "值班台")]
    gone = ended(first, 20)
    (left,) = shown(first, second, gone, minute=30, acks=ack)
    assert (left.identity, left.acknowledged_at) == (second.identity, at(1))
    assert left.escalation is None
    far, late, graver = (
        (first, said("b", 2, north=101), gone),
        (first, said("b", 10.5), gone),
        (replace(first, signal="orange"), second, gone),
    )
    for story in (far, late, graver):
        assert [s.acknowledged_at for s in shown(*story, minute=30, acks=ack)] == [None]
    early_end = ended(first, 1.5)
    (new,) = shown(first, second, early_end, minute=30, acks=ack)
    assert new.acknowledged_at is None


# Flapping


def flapping(times: int, every: float = 4) -> list[Message]:
    """An alert that begins so many times, each ending after two minutes but the last."""
    found = []
    for number in range(times):
        alert = said("a", number * every)
        found += [alert, ended(alert, number * every + 2)]
    return found[:-1]


def test_a_device_that_began_again_three_times_within_the_window_flaps():
    assert [s.is_flapping for s in shown(*flapping(3), minute=9)] == [False]
    (now,) = shown(*flapping(4), minute=13)
    assert (now.is_flapping, now.count, now.identity) == (True, 4, flapping(1)[0].identity)
    slow = flapping(4, every=16)  # began again at 16, 32 and 48: 32 minutes
    assert [s.is_flapping for s in shown(*slow, minute=49)] == [False]


def test_what_is_raised_again_before_it_ended_does_not_flap():
    (now,) = shown(*(said("a", 4 * n) for n in range(4)), minute=13)
    assert (now.is_flapping, now.count) == (False, 4)


def test_a_flapping_alert_stands_until_it_was_quiet_for_the_window():
    story = [*flapping(4), ended(flapping(4)[-1], 14)]
    (between,) = shown(*story, minute=43.9)
    assert (between.is_flapping, between.expires, between.changes_at) == (True, at(44), at(44))
    assert shown(*story, minute=44) == ()


def test_a_flapping_alert_is_acknowledged_once_and_escalates_once():
    story = flapping(5)
    (unanswered,) = shown(*story, minute=17)
    assert unanswered.unanswered == story[0].identity
    assert unanswered.escalation and unanswered.escalation.to == "中心主任"
    ack = [Acknowledgement(story[0].identity, at(1), "值班台")]
    (answered,) = shown(*story, minute=17, acks=ack)
    assert answered.acknowledged_at == at(1)


def test_the_devices_of_one_platform_do_not_flap_because_there_are_many():
    many = []
    for number in range(6):
        alert = said("platform", number, north=number * 1000)
        many += [alert, ended(alert, number + 0.5)]
    assert shown(*many, minute=7) == ()


# Clusters


def test_enough_of_one_kind_near_in_place_and_time_are_a_cluster():
    three = [said("a", 0), said("b", 20, north=400), said("c", 30, north=200)]
    found = shown(*three, minute=31)
    assert [s.cluster and s.cluster.n for s in found] == [3, 3, 3]
    assert {s.cluster and s.cluster.first for s in found} == {three[0].identity}
    late, far = said("c", 30.1, north=200), said("c", 30, north=501)
    other = said("c", 30, north=200, event="gas")
    for third in (late, far, other):
        assert [s.cluster for s in shown(*three[:2], third, minute=31)] == [None] * 3


def test_a_flapping_device_is_one_of_a_cluster_and_not_many():
    story = [*flapping(5), said("b", 17, north=300)]
    assert [s.cluster for s in shown(*story, minute=18)] == [None, None]


# Laws

senders = st.sampled_from(["a", "b"])
minutes = st.integers(0, 40)


@st.composite
def stories(draw) -> list[Message]:
    """Alerts of some senders, and updates, ends and answers to any of them."""
    story: list[Message] = []
    for number in range(draw(st.integers(1, 9))):
        signal = draw(st.sampled_from(["red", "orange", "yellow", None]))
        status = draw(st.sampled_from(["Actual", "Actual", "Exercise", "Test"]))
        kind = draw(st.sampled_from(["Alert", "Alert", "Update", "Cancel", "Ack", "Error"]))
        minute, north = draw(minutes), draw(st.sampled_from([0, 60, 300]))
        refers: list[Identity] = []
        if story and kind != "Alert":
            refers = draw(st.lists(st.sampled_from([m.identity for m in story]), max_size=2))
        more: dict[str, Any] = {"signal": signal, "status": status, "msg_type": kind}
        more |= {"references": tuple(refers), "device": draw(st.sampled_from(["", "d"]))}
        more |= {"expires": draw(st.none() | minutes.map(lambda m, s=minute: at(s + m)))}
        story.append(said(draw(senders), minute, north, f"m{number}", **more))
    return story


def acks_of(story: list[Message], picked: list[int]) -> list[Acknowledgement]:
    alerts = [story[number % len(story)] for number in picked]
    return [
        Acknowledgement(m.identity, m.received + timedelta(minutes=3), "值班台") for m in alerts
    ]


picks = st.lists(st.integers(0, 8), max_size=3)


@settings(deadline=None)
@given(stories(), picks, minutes, st.randoms())
def test_the_order_of_arrival_changes_nothing(story, picked, minute, random):
    acks = acks_of(story, picked)
    other = [*story, *story[:2]]
    random.shuffle(other)
    assert shown(*story, minute=minute, acks=acks) == shown(*other, minute=minute, acks=acks[::-1])


@settings(deadline=None)
@given(stories(), picks, minutes)
def test_exercises_and_reality_never_touch_each_other(story, picked, minute):
    acks = acks_of(story, picked)
    both = shown(*story, minute=minute, acks=acks)
    for status in ("Actual", "Exercise"):
        alone = shown(*(m for m in story if m.status == status), minute=minute, acks=acks)
        assert [s for s in both if s.status == status] == list(alone)
    assert {s.status for s in both} <= {"Actual", "Exercise"}


@settings(deadline=None)
@given(stories(), minutes)
def test_every_standing_message_is_in_exactly_one_group(story, minute):
    groups = shown(*story, minute=minute)
    members = [identity for group in groups for identity in group.members]
    assert len(members) == len(set(members)) == sum(group.count for group in groups)
    assert all(group.identity in group.members for group in groups)
    untouched = {
        m.identity
        for m in story
        if m.msg_type == "Alert"
        and m.status in ("Actual", "Exercise")
        and (m.expires is None or m.expires > at(minute))
        and not any(m.identity in other.references for other in story)
    }
    assert untouched <= set(members)


@settings(deadline=None)
@given(stories(), picks, minutes)
def test_nothing_looks_otherwise_before_it_says_so(story, picked, minute):
    acks = acks_of(story, picked)
    now = shown(*story, minute=minute, acks=acks)
    changes = [group.changes_at for group in now if group.changes_at]
    until = min(changes, default=at(minute + 60)) - timedelta(microseconds=1)
    assert standing(story, acks, RULES, until) == now


@settings(deadline=None)
@given(stories(), minutes, minutes)
def test_an_escalation_only_grows_while_nobody_answers(story, one, other):
    early, late = sorted((one, other))
    levels = {
        (s.identity, s.unanswered): s.escalation.level if s.escalation else 0
        for s in shown(*story, minute=early)
    }
    for after in shown(*story, minute=late):
        before = levels.get((after.identity, after.unanswered), 0)
        assert (after.escalation.level if after.escalation else 0) >= before


@settings(deadline=None)
@given(stories(), picks, minutes)
def test_who_answered_is_never_called_again_for_the_same(story, picked, minute):
    acks = acks_of(story, picked)
    for alert in shown(*story, minute=minute, acks=acks):
        if alert.acknowledged_at and alert.escalation:
            assert alert.escalation.at <= alert.acknowledged_at


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(["red", "orange", "yellow", "blue"]), min_size=2, max_size=6),
    st.integers(0, 5),
)
def test_an_acknowledgement_holds_exactly_until_the_signal_rises(signals, answered):
    ranks = {"red": 4, "orange": 3, "yellow": 2, "blue": 1}
    story = [said("a", 0, signal=signals[0])]
    for minute, signal in enumerate(signals[1:], start=1):
        before = story[-1].identity
        story.append(said("a", minute, signal=signal, msg_type="Update", references=(before,)))
    answered %= len(signals)
    ack = [Acknowledgement(story[answered].identity, at(30), "值班台")]
    (now,) = shown(*story, minute=31, acks=ack)
    after = [ranks[signal] for signal in signals[answered:]]
    has_risen = any(later > earlier for earlier, later in zip(after, after[1:], strict=False))
    assert (now.acknowledged_at is None) == has_risen


def test_a_distance_that_is_too_short_to_tell_places_apart_is_refused():
    with pytest.raises(ValueError, match="应不小于 20 米"):
        Grouping(same_metres=5)
