"""Whatever comes, in whatever order and however often: every alert is kept exactly once."""

import tempfile
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from access import accounts, sessions
from access.operations import KEPT, METADATA, Operations
from dispatch import listeners, walls
from dispatch.alerts import (
    ACKNOWLEDGEMENTS,
    ALERTS,
    ESCALATIONS,
    RECEIPTS,
    REFUSALS,
    Changes,
    LiveAlerts,
    Receipt,
)
from rules.cap_message import CapMessage, Identity
from rules.standing import Acknowledgement, Escalation

NOW = datetime(2026, 11, 5, 4, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=1000)


def message(identifier="A1", sender="a@example.cn", sent="2026-11-05T12:00:00+08:00", **more):
    fields = {"status": "Actual", "msg_type": "Alert", "scope": "Public"} | more
    return CapMessage(sender=sender, identifier=identifier, sent=sent, **fields)


@pytest.fixture
def alerts(operations):
    return LiveAlerts(operations)


def accept(alerts, given=None, device="平台", raw=b"1", now=NOW):
    return alerts.accept(given or message(), device, raw, now)


def rows(operations, *columns):
    with operations.reading() as connection:
        return [tuple(row) for row in connection.execute(select(*columns))]


def test_a_message_is_kept_as_it_was_sent(alerts):
    sent = message(
        expires="2026-11-05T18:00:00+08:00",
        references="a,b,2026-11-05T11:00:00+08:00",
        event="暴雨",
    )
    assert accept(alerts, sent) == Receipt(1, True)
    (found,) = alerts.changes(0, LONG_AGO).received
    assert (found.message, found.device, found.received_at) == (sent, "平台", NOW)


def test_the_first_of_an_identity_counts_and_each_submission_is_recorded(alerts, operations):
    first = accept(alerts, message(event="暴雨"), "甲", b"1")
    same_moment = message(sent="2026-11-05T04:00:00+00:00", event="高温")
    again = accept(alerts, same_moment, "乙", b"2", NOW + timedelta(seconds=1))
    repeated = accept(alerts, message(event="暴雨"), "甲", b"1", NOW + timedelta(seconds=2))
    assert (first.is_new, again, repeated) == (True, Receipt(1, False), Receipt(1, False))
    assert [each.message.event for each in alerts.changes(0, LONG_AGO).received] == ["暴雨"]
    kept = rows(operations, RECEIPTS.c.alert, RECEIPTS.c.device, RECEIPTS.c.is_new, RECEIPTS.c.raw)
    assert kept == [(1, "甲", True, b"1"), (1, "乙", False, b"2"), (1, "甲", False, None)]


def test_another_sender_identifier_or_time_is_another_alert(alerts):
    accept(alerts)
    assert accept(alerts, message(sender="b")).is_new
    assert accept(alerts, message("A2")).is_new
    assert accept(alerts, message(sent="2026-11-05T12:00:01+08:00")).is_new


def test_the_sequence_grows_with_what_may_change_a_wall_and_only_with_that(alerts):
    one, other = message("A1").identity, message("A2").identity
    assert alerts.sequence() == 0
    steps = [
        (lambda: accept(alerts), 1),
        (lambda: accept(alerts), 1),
        (lambda: alerts.acknowledge([one], "值班台", NOW), 2),
        (lambda: alerts.acknowledge([one], "遥控", NOW), 2),
        (lambda: alerts.escalate([(other, Escalation(1, "值班长", NOW))]), 3),
        (lambda: alerts.escalate([(other, Escalation(1, "值班长", NOW))]), 3),
        (lambda: alerts.escalate([(other, Escalation(2, "主任", NOW))]), 4),
    ]
    for step, expected in steps:
        step()
        assert alerts.sequence() == expected
    assert [e.level for _, e in alerts.escalations()] == [1, 2]


def test_who_acknowledges_first_counts_for_each_alert(alerts):
    one, other = message("A1").identity, message("A2").identity
    assert alerts.acknowledge([one], "值班台", NOW)
    assert alerts.acknowledge([one, other], "遥控", NOW + timedelta(seconds=1))
    assert not alerts.acknowledge([other, one], "第三", NOW)
    found = alerts.changes(0, LONG_AGO).acknowledgements
    assert {(a.identity, a.by) for a in found} == {(one, "值班台"), (other, "遥控")}
    assert Acknowledgement(one, NOW, "值班台") in found


def test_only_what_is_new_and_may_still_matter_is_told(alerts):
    expired = message("old", expires="2026-11-05T13:00:00+08:00")
    lasting = message("long", expires="2027-11-05T13:00:00+08:00")
    for each in (expired, lasting):
        accept(alerts, each, now=NOW)
    accept(alerts, message("new"), now=NOW + timedelta(days=8))
    later = NOW + timedelta(days=7)
    assert [r.message.identifier for r in alerts.changes(0, later).received] == ["long", "new"]
    assert [r.message.identifier for r in alerts.changes(2, later).received] == ["new"]
    assert alerts.changes(3, later) == Changes(3, (), ())


def counted(operations):
    tables = (ALERTS, RECEIPTS, REFUSALS, ACKNOWLEDGEMENTS, ESCALATIONS)
    return {table.name: len(rows(operations, *table.primary_key)) for table in tables}


def test_what_is_kept_of_an_alert_goes_in_its_time_and_of_one_in_force_it_stays(alerts, operations):
    lasting = message("long", expires="2035-11-05T13:00:00+08:00")
    for each in (message("old"), lasting):
        accept(alerts, each)
        alerts.acknowledge([each.identity], "值班台", NOW)
        alerts.escalate([(each.identity, Escalation(1, "值班长", NOW))])
    alerts.refuse(message("forged"), "平台", b"1", NOW)
    months, years = NOW + timedelta(days=201), NOW + timedelta(days=3 * 366 + 1)
    operations.forget(months)
    assert counted(operations) == {
        "live_alerts": 2,
        "alert_receipts": 0,
        "alert_refusals": 0,
        "acknowledgements": 2,
        "escalations": 2,
    }
    again = accept(alerts, lasting, now=months)  # known all the same
    assert (again.is_new, again.sequence) == (False, 4)
    operations.forget(years)
    assert [r.message.identifier for r in alerts.changes(0, LONG_AGO).received] == ["long"]
    assert set(counted(operations).values()) == {1, 0}
    assert alerts.sequence() == 6


def test_a_late_submission_keeps_its_alert_until_it_is_forgotten_itself(alerts, operations):
    accept(alerts)
    late = NOW + timedelta(days=3 * 366 - 1)
    assert not accept(alerts, now=late).is_new
    operations.forget(late + timedelta(days=2))
    assert [r.message.identifier for r in alerts.changes(0, LONG_AGO).received] == ["A1"]
    for _ in range(2):
        operations.forget(late + timedelta(days=201))
    assert alerts.changes(0, LONG_AGO).received == ()


# A few rows for each device or account, or one alone: they grow with what a centre owns and
# employs, and not with time.
BOUNDED = {"devices", "device_limits", "walls", "live_sequence", "listeners"} | {
    "accounts",
    "account_limits",
    "former_passwords",
}
FOR_GOOD = {"audit"}  # what is taken out of a chain breaks it


def test_every_table_of_the_store_says_how_long_it_keeps_its_rows():
    assert {walls.COMMANDS.name, listeners.LISTENERS.name} <= set(METADATA.tables)
    assert {accounts.ACCOUNTS.name, sessions.SESSIONS.name} <= set(METADATA.tables)
    unlimited = {name for name, table in METADATA.tables.items() if KEPT not in table.info}
    assert unlimited - FOR_GOOD == BOUNDED


def test_with_what_lasts_is_told_what_ended_it_and_what_was_said_of_it_before(alerts):
    def refers(*names):
        return " ".join(f"a@example.cn,{name},2026-11-05T12:00:00+08:00" for name in names)

    for name, more in {
        "first": {},
        "second": {"msg_type": "Update", "references": refers("first", "never-came")},
        "third": {"msg_type": "Update", "references": refers("second")}
        | {"expires": "2027-11-05T13:00:00+08:00"},
        "end": {"msg_type": "Cancel", "references": refers("third")},
        "other": {},
    }.items():
        accept(alerts, message(name, **more))
    later = NOW + timedelta(days=30)
    accept(alerts, message("new", sent=later.isoformat()), now=later)
    found = alerts.changes(0, later - timedelta(days=7)).received
    names = {each.message.identifier for each in found}
    assert names == {"first", "second", "third", "end", "new"} and len(found) == 5


def test_a_message_that_cannot_be_kept_leaves_nothing(alerts, operations):
    with pytest.raises(IntegrityError):
        alerts.accept(message(), None, b"1", NOW)
    assert (alerts.sequence(), rows(operations, ALERTS.c.sequence)) == (0, [])


submissions = st.lists(
    st.lists(st.tuples(st.integers(0, 4), st.binary(min_size=1, max_size=2)), max_size=8),
    min_size=1,
    max_size=4,
)


def submit(alerts, threads):
    """Each thread's submissions of (identifier, content); (submission, receipt) of all."""
    told: list[tuple[int, bytes, Receipt]] = []

    def run(own):
        for number, raw in own:
            given = message(f"A{number}", note=raw.hex())
            told.append((number, raw, alerts.accept(given, "平台", raw, NOW)))

    running = [threading.Thread(target=run, args=(own,)) for own in threads]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return told


def check_law(operations, threads):
    """Every identity exactly once, the first accepted wins, every submission is recorded."""
    alerts = LiveAlerts(operations)
    told = submit(alerts, threads)
    sent = [each for own in threads for each in own]
    assert sorted((number, raw) for number, raw, _ in told) == sorted(sent)
    new = {number: (raw, receipt.sequence) for number, raw, receipt in told if receipt.is_new}
    assert len([1 for *_, receipt in told if receipt.is_new]) == len(new)
    assert set(new) == {number for number, _ in sent}
    assert {r.sequence for *_, r in told} == set(range(1, len(new) + 1))
    kept = {r.message.identifier: r for r in alerts.changes(0, LONG_AGO).received}
    assert {f"A{n}": (raw.hex(), s) for n, (raw, s) in new.items()} == {
        name: (r.message.note, r.sequence) for name, r in kept.items()
    }
    assert alerts.sequence() == len(new)
    counted = rows(operations, RECEIPTS.c.is_new, func.count().over())
    assert (len(counted), sum(is_new for is_new, _ in counted)) == (len(sent), len(new))


@given(submissions)
@settings(max_examples=30, deadline=None)
def test_every_alert_is_kept_once_whoever_sends_what_when(threads):
    with tempfile.TemporaryDirectory() as folder:
        operations = Operations(Path(folder))
        check_law(operations, threads)
        operations.close()


def test_the_law_holds_in_each_kind_of_store(operations):
    threads = [[(n % 5, bytes([n + t])) for n in range(12)] for t in range(4)]
    check_law(operations, threads)


def test_a_store_opened_anew_knows_what_the_last_one_kept(operations, tmp_path):
    accept(LiveAlerts(operations))
    url = operations.url.render_as_string(hide_password=False)
    again = Operations(tmp_path, url)
    known = LiveAlerts(again)
    assert (known.sequence(), accept(known)) == (1, Receipt(1, False))
    again.close()


def test_identities_of_messages_and_of_the_store_are_one():
    assert message().identity == Identity("a@example.cn", "A1", NOW)
