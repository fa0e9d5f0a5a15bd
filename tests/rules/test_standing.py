"""What stands: CAP's semantics, grouped, acknowledged, escalated, routed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from rules.standing import (
    Acknowledgement,
    EscalationStep,
    Message,
    Standing,
    StandingRules,
    standing,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
RULES = StandingRules(
    escalation=(
        EscalationStep("red", 2, "值班长"),
        EscalationStep("red", 5, "中心主任"),
    ),
    routing={"red": "区县指挥中心", "orange": "区县指挥中心", "yellow": "镇街"},
)


def at(minute: float) -> datetime:
    return NOW + timedelta(minutes=minute)


def said(name: str, minute: float = 0, sender: str = "s1@xinghu.example", **more) -> Message:
    """A message of one sensor, received when it was sent, red unless told otherwise."""
    given: dict[str, Any] = {"signal": "red", "event": "fire", "place": "P1"} | more
    return Message(sender, name, at(minute), at(minute), **given)


def later(of: Message, name: str, minute: float, kind: str, **more) -> Message:
    """A message of the same sender about `of`."""
    changed = {"identifier": name, "sent": at(minute), "received": at(minute), "msg_type": kind}
    return replace(of, **(changed | {"references": (of.identity,)} | more))


def seen(of: Message, minute: float) -> Acknowledgement:
    return Acknowledgement(of.identity, at(minute), "值班台")


def shown(*messages: Message, minute: float = 1, acks=(), rules=RULES) -> tuple[Standing, ...]:
    return standing(messages, acks, rules, at(minute))


def names(*messages: Message, minute: float = 1) -> list[str]:
    return [alert.identity.identifier for alert in shown(*messages, minute=minute)]


def test_an_alert_stands_until_it_expires():
    alert = said("a", expires=at(10))
    assert names(alert, minute=9.9) == ["a"]
    assert names(alert, minute=10) == []


def test_one_that_names_no_end_stands_as_long_as_the_site_says():
    assert names(said("a"), minute=24 * 60 - 1) == ["a"]
    assert names(said("a"), minute=24 * 60) == []


def test_an_update_replaces_and_a_cancel_or_error_ends():
    alert = said("a")
    assert names(alert, later(alert, "u", 1, "Update"), minute=2) == ["u"]
    assert names(alert, later(alert, "c", 1, "Cancel"), minute=2) == []
    assert names(alert, later(alert, "e", 1, "Error"), minute=2) == []


def test_a_cancel_that_names_the_first_or_the_last_message_ends_them_all():
    alert = said("a")
    update = later(alert, "u", 1, "Update")
    for named in (alert, update):
        assert names(alert, update, later(named, "c", 2, "Cancel"), minute=3) == []


def test_two_updates_that_refer_to_each_other_do_not_make_the_alert_vanish():
    alert = said("a")
    one, two = later(alert, "u1", 1, "Update"), later(alert, "u2", 1, "Update")
    one = replace(one, references=(alert.identity, two.identity))
    two = replace(two, references=(alert.identity, one.identity))
    (both,) = shown(alert, one, two, minute=2)
    assert both.members == (one.identity, two.identity)


def test_who_did_not_send_an_alert_cannot_end_it():
    alert = said("a", device="d1")
    foreign = later(alert, "c", 1, "Cancel", sender="x@xinghu.example")
    assert names(alert, replace(foreign, device="d2"), minute=2) == ["a"]
    assert names(alert, replace(foreign, device="d1"), minute=2) == []


def test_tests_are_never_shown_and_an_exercise_touches_nothing_real():
    alert = said("a")
    for status in ("Test", "Draft", "System"):
        assert names(replace(alert, status=status)) == []
    cancelled = later(alert, "c", 1, "Cancel", status="Exercise")
    assert names(alert, cancelled, minute=2) == ["a"]
    both = shown(alert, said("b", status="Exercise"))
    assert [(s.identity.identifier, s.status, s.count) for s in both] == [
        ("a", "Actual", 1),
        ("b", "Exercise", 1),
    ]


def test_an_acknowledgement_holds_until_an_update_raises_the_signal():
    alert = said("a", signal="yellow")
    same = later(alert, "u", 2, "Update", signal="blue")
    risen = later(same, "r", 3, "Update", signal="yellow")
    acks = [seen(alert, 1)]
    assert [s.acknowledged_at for s in shown(alert, same, minute=4, acks=acks)] == [at(1)]
    (now,) = shown(alert, same, risen, minute=4, acks=acks)
    assert (now.acknowledged_at, now.unanswered) == (None, risen.identity)
    (again,) = shown(alert, same, risen, minute=6, acks=[*acks, seen(risen, 5)])
    assert (again.acknowledged_at, again.acknowledged_by) == (at(5), "值班台")


def test_an_ack_message_acknowledges_if_somebody_else_sent_it():
    alert = said("a")
    ack = later(alert, "k", 3, "Ack", sender="desk@xinghu.example")
    (now,) = shown(alert, ack, minute=4)
    assert (now.acknowledged_at, now.acknowledged_by) == (at(3), "回执")
    (own,) = shown(alert, replace(ack, sender=alert.sender), minute=4)
    assert own.acknowledged_at is None


def test_it_escalates_while_nobody_answers_and_stops_when_somebody_does():
    alert = said("a")
    levels = [shown(alert, minute=m)[0].escalation for m in (1.9, 2, 4.9, 5, 60)]
    assert [level and level.to for level in levels] == [
        None,
        "值班长",
        "值班长",
        "中心主任",
        "中心主任",
    ]
    (stopped,) = shown(alert, minute=60, acks=[seen(alert, 3)])
    assert stopped.escalation and (stopped.escalation.level, stopped.escalation.at) == (1, at(2))


def test_an_update_that_does_not_rise_does_not_start_the_escalation_again():
    alert = said("a")
    update = later(alert, "u", 4, "Update")
    (now,) = shown(alert, update, minute=5)
    assert now.escalation and now.escalation.to == "中心主任"
    assert now.unanswered == alert.identity


def test_the_post_of_the_signal_holds_it_since_it_has_it():
    alert = said("a", signal="yellow")
    risen = later(alert, "r", 3, "Update", signal="orange")
    graver = later(risen, "g", 4, "Update", signal="red")
    assert [(s.holder, s.held_since) for s in shown(alert)] == [("镇街", at(0))]
    (now,) = shown(alert, risen, graver, minute=5)
    assert (now.holder, now.held_since) == ("区县指挥中心", at(3))


def test_a_graver_duplicate_asks_for_a_new_acknowledgement():
    first = said("a", signal="yellow")
    second = said("b", 2, sender="s2@xinghu.example", signal="red")
    (now,) = shown(first, second, minute=3, acks=[seen(first, 1)])
    assert (now.signal, now.count, now.acknowledged_at) == ("red", 2, None)
    assert now.identity == second.identity
    (now,) = shown(first, second, minute=5, acks=[seen(second, 4)])
    assert now.acknowledged_at == at(4)


def test_the_gravest_come_first_then_the_unacknowledged_then_the_newest():
    red, blue = said("r", place="P1"), said("b", 3, signal="blue", place="P2")
    new, answered = said("n", 2, place="P3"), said("k", 4, place="P4")
    order = [
        s.identity.identifier
        for s in shown(red, blue, new, answered, minute=5, acks=[seen(answered, 4)])
    ]
    assert order == ["n", "r", "k", "b"]


def test_it_says_when_it_may_look_otherwise():
    alert = said("a", expires=at(4))
    assert [shown(alert, minute=m)[0].changes_at for m in (1, 2, 3)] == [at(2), at(4), at(4)]
