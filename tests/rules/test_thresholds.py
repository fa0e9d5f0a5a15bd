"""Readings become alerts once, whatever the sensor's noise, the broker's repetitions, the order."""

import math
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.thresholds import BadReading, Change, DeviceState, Reading, Thresholds, read, told

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
WATER = Thresholds(
    "m", (("yellow", 3.0), ("orange", 4.0), ("red", 5.0)), hysteresis=0.5, least=0, most=20
)
LASTING = Thresholds("m", WATER.levels, hysteresis=0.5, hold_seconds=60)
PRESSURE = Thresholds("MPa", (("yellow", 0.3), ("red", 0.1)), is_worse_below=True, hysteresis=0.05)

values = st.floats(0, 8, allow_nan=False).map(lambda v: round(v, 2))
streams = st.lists(values, max_size=40).map(
    lambda vs: [Reading(v, NOON + timedelta(seconds=20 * n)) for n, v in enumerate(vs)]
)


def at(minute: float) -> datetime:
    return NOON + timedelta(minutes=minute)


def changes(readings, thresholds=WATER, state: DeviceState | None = None) -> list[Change]:
    state, found = state or DeviceState(), []
    for reading in readings:
        state, change = read(thresholds, state, reading, now=reading.at)
        found += [change] if change else []
    return found


def said(*values: float, thresholds=WATER, every=1.0) -> list[tuple[str, str, float]]:
    """What is told of values read each `every` minutes: type, signal, minute."""
    readings = [Reading(value, at(n * every)) for n, value in enumerate(values)]
    found = changes(readings, thresholds)
    return [(c.msg_type, c.signal, (c.reading.at - NOON) / timedelta(minutes=1)) for c in found]


def test_it_alerts_updates_and_cancels_exactly_at_the_thresholds():
    assert said(2.99, 3, 3.99, 4, 5, 4.5, 4.49, 2.5, 2.49) == [
        ("Alert", "yellow", 1),
        ("Update", "orange", 3),
        ("Update", "red", 4),
        ("Update", "orange", 6),
        ("Update", "yellow", 7),
        ("Cancel", "yellow", 8),
    ]


def test_a_leap_is_one_message():
    assert said(1, 6, 1) == [("Alert", "red", 1), ("Cancel", "red", 2)]


def test_less_can_be_worse():
    assert said(0.4, 0.3, 0.1, 0.15, 0.16, 0.36, thresholds=PRESSURE) == [
        ("Alert", "yellow", 1),
        ("Update", "red", 2),
        ("Update", "yellow", 4),
        ("Cancel", "yellow", 5),
    ]


def test_a_level_counts_when_it_has_held_without_a_break():
    assert said(3, 5, 5, thresholds=LASTING) == [("Alert", "yellow", 1), ("Update", "red", 2)]
    assert said(3, 2, 3, 2, 3, thresholds=LASTING, every=0.5) == []
    assert said(3, 3, 2, 3, 2, 2, thresholds=LASTING) == [
        ("Alert", "yellow", 1),
        ("Cancel", "yellow", 5),
    ]


def test_of_two_readings_of_one_moment_the_first_counts():
    assert changes([Reading(1, NOON), Reading(6, NOON)]) == []


def test_an_alert_that_goes_on_is_told_again_before_it_expires():
    found = changes([Reading(3.2, at(minute)) for minute in range(0, 61, 10)])
    assert [(c.msg_type, c.reading.at, c.expires_at) for c in found] == [
        ("Alert", at(0), at(60)),
        ("Update", at(30), at(90)),
        ("Update", at(60), at(120)),
    ]


def test_after_a_silence_longer_than_its_alert_a_device_begins_anew():
    found = changes([Reading(5, at(0)), Reading(2.7, at(60)), Reading(5, at(61))])
    assert [(c.msg_type, c.signal) for c in found] == [("Alert", "red"), ("Alert", "red")]


@pytest.mark.parametrize(
    ("reading", "reason"),
    [
        (Reading(math.nan, NOON), "读数 nan 不是数"),
        (Reading(math.inf, NOON), "读数 inf 不是数"),
        (Reading(-0.01, NOON), "读数 -0.01 超出量程 0 至 20 m"),
        (Reading(9999, NOON), "读数 9999 超出量程 0 至 20 m"),
        (Reading(3, NOON, "cm"), "单位不对，应为 m"),
        (Reading(3, at(5.1)), "在将来"),
        (Reading(3, at(-60.1)), "早于 60 分钟前，不再是现状"),
    ],
)
def test_what_cannot_be_a_reading_is_refused_with_the_reason(reading, reason):
    with pytest.raises(BadReading, match=re.escape(reason)):
        read(WATER, DeviceState(), reading, now=NOON)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"levels": ()}, "预警等级"),
        ({"levels": (("purple", 1.0),)}, "预警等级 purple 应为 red"),
        ({"levels": (("yellow", 5.0), ("red", 3.0))}, "阈值应随预警等级升高，现为 yellow 5、red 3"),
        ({"levels": (("yellow", 1.0), ("red", 1.0))}, "阈值应随预警等级升高"),
        ({"levels": (("red", 30.0),), "most": 20}, "阈值应在量程"),
    ],
)
def test_thresholds_that_contradict_themselves_are_refused(wrong, reason):
    with pytest.raises(ValueError, match=reason):
        Thresholds(unit="m", **wrong)


# Laws


@settings(deadline=None)
@given(streams)
def test_each_level_is_on_as_the_last_reading_outside_its_band_says(readings):
    last: dict[str, bool] = {}
    told_signals = {
        c.reading.at: None if c.msg_type == "Cancel" else c.signal for c in changes(readings)
    }
    signal = None
    for reading in readings:
        for name, threshold in WATER.levels:
            if not threshold - 0.5 <= reading.value < threshold:
                last[name] = reading.value >= threshold
        expected = next((n for n, _ in reversed(WATER.levels) if last.get(n)), None)
        signal = told_signals.get(reading.at, signal)
        assert signal == expected


@settings(deadline=None)
@given(streams, st.lists(st.floats(4.5, 4.99), min_size=1, max_size=20))
def test_nothing_is_told_within_the_band(readings, noise):
    state = DeviceState()
    for reading in readings:
        state, _ = read(WATER, state, reading, now=reading.at)
    start = (readings[-1].at if readings else NOON) + timedelta(seconds=1)
    settled, _ = read(WATER, state, Reading(4.7, start), now=start)
    chatter = [Reading(v, start + timedelta(seconds=n + 1)) for n, v in enumerate(noise)]
    assert changes(chatter, state=settled) == []


@settings(deadline=None)
@given(streams, st.data())
def test_repeated_and_late_readings_change_nothing(readings, data):
    arrived = []
    for number, reading in enumerate(readings):
        arrived.append(reading)
        late = data.draw(st.lists(st.sampled_from(readings[: number + 1]), max_size=2))
        arrived += late
    assert changes(arrived) == changes(readings)
    assert changes(arrived, LASTING) == changes(readings, LASTING)


@settings(deadline=None)
@given(streams, st.sampled_from([WATER, LASTING]))
def test_what_is_told_of_a_device_is_alerts_updated_and_cancelled(readings, thresholds):
    story = "".join(change.msg_type[0] for change in changes(readings, thresholds))
    assert re.fullmatch("(AU*C)*(AU*)?", story)


@settings(max_examples=50, deadline=None)
@given(streams, st.integers(0, 40))
def test_a_subscriber_that_starts_anew_goes_on_from_the_last_message(readings, cut):
    before, after = readings[:cut], readings[cut:]
    first = changes(before)
    last = first[-1] if first else None
    state = DeviceState()
    if last:
        state = told(None if last.msg_type == "Cancel" else last.signal, last.reading.at)
    # The broker gives again what was not acknowledged: here all since the last message.
    again = [r for r in before if last is None or r.at >= last.reading.at]
    assert first + changes([*again, *after], state=state) == changes(readings)
