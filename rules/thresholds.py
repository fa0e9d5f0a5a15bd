"""From a sensor's readings to alerts: thresholds with hysteresis, a time to hold, and an end.

Each signal of a sensor kind has a threshold and is a switch of its own: on when the reading has
been at or beyond it for `hold_seconds`, off when it has been short of it by more than `hysteresis`
for as long. The gravest that is on is the device's signal. Its changes are CAP messages (CAP 1.2,
3.2.1 `msgType`): Alert when there was none, Update when it rises or falls to another or when the
alert would soon expire, Cancel when all are off. Nothing else is ever said, so readings within the
hysteresis band, repeated or late ones say nothing. A device that falls silent says nothing either:
its alert expires, and what it reads later is a new alert. The figures are the site's.
"""

import math
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from rules.episode import RANKS

MsgType = Literal["Alert", "Update", "Cancel"]
AHEAD = timedelta(minutes=5)  # how far a device's clock may be ahead of ours
RENEWED = 0.5  # of its time to expire: then an alert that goes on is told again


class BadReading(ValueError):
    """A reading that cannot be one; the Chinese reason."""


@dataclass(frozen=True)
class Thresholds:
    """What the readings of one kind of sensor mean, in its unit.

    `levels` are (signal, threshold). Worse is greater, or less where `is_worse_below` (a pressure
    that falls). A reading outside `least`..`most` is a broken sensor and not an event.
    """

    unit: str
    levels: tuple[tuple[str, float], ...]
    is_worse_below: bool = False
    hysteresis: float = 0.0
    hold_seconds: float = 0.0
    expires_minutes: float = 60.0
    least: float = -math.inf
    most: float = math.inf

    def __post_init__(self) -> None:
        unknown = [signal for signal, _ in self.levels if signal not in RANKS]
        if unknown or not self.levels:
            raise ValueError(f"预警等级 {'、'.join(unknown) or '（无）'} 应为 {'、'.join(RANKS)}")
        by_rank = sorted(self.levels, key=lambda level: RANKS[level[0]])
        worse = [self._depth(threshold) for _, threshold in by_rank]
        if worse != sorted(set(worse)):
            raise ValueError(
                f"阈值应随预警等级{'降低' if self.is_worse_below else '升高'}，现为 "
                + "、".join(f"{signal} {threshold:g}" for signal, threshold in by_rank)
            )
        if not all(self.least <= threshold <= self.most for _, threshold in self.levels):
            raise ValueError(f"阈值应在量程 {self.least:g} 至 {self.most:g} 之内")

    def is_reached(self, signal: str, value: float) -> bool:
        return self._depth(value) >= self._depth(dict(self.levels)[signal])

    def is_left(self, signal: str, value: float) -> bool:
        """Short of the threshold by more than the hysteresis."""
        return self._depth(value) < self._depth(dict(self.levels)[signal]) - self.hysteresis

    def _depth(self, value: float) -> float:
        return -value if self.is_worse_below else value


@dataclass(frozen=True)
class Reading:
    """One value that a device measured at a time that has a zone; no unit = the kind's own."""

    value: float
    at: datetime
    unit: str | None = None


@dataclass(frozen=True)
class DeviceState:
    """What is known of a device after its readings so far: what was last told of it, which signals
    are on, and since when the others of `turning` have been about to turn."""

    signal: str | None = None
    told_at: datetime | None = None
    read_at: datetime | None = None
    turning: dict[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """What a reading gives cause to say; a Cancel has the signal that ended."""

    msg_type: MsgType
    signal: str
    reading: Reading
    expires_at: datetime


def read(
    thresholds: Thresholds, state: DeviceState, reading: Reading, now: datetime
) -> tuple[DeviceState, Change | None]:
    """The state after a reading, and what is to be told of it. BadReading if it cannot be one.

    A reading not later than the last one changes nothing, so each is looked at once however often
    it comes, and a device's late readings do not undo what it said since.
    """
    _check(thresholds, reading, now)
    if state.read_at is not None and reading.at <= state.read_at:
        return state, None
    state = _unless_expired(thresholds, state, reading)
    turning = _turning(thresholds, state, reading)
    hold = timedelta(seconds=thresholds.hold_seconds)
    turned = {signal for signal, since in turning.items() if reading.at - since >= hold}
    on = {s for s, _ in thresholds.levels if (s in turned) != _is_on(s, state.signal)}
    signal = max(on, key=RANKS.__getitem__, default=None)
    msg_type = _msg_type(thresholds, state, signal, reading)
    left = {s: since for s, since in turning.items() if s not in turned}
    after = replace(state, signal=signal, read_at=reading.at, turning=left)
    if msg_type is None:
        return after, None
    expires_at = reading.at + timedelta(minutes=thresholds.expires_minutes)
    change = Change(msg_type, signal or state.signal or "", reading, expires_at)
    return replace(after, told_at=reading.at), change


def told(signal: str | None, at: datetime) -> DeviceState:
    """The state of a device as its last message tells it (no signal = it was cancelled): what a
    subscriber that starts anew goes on from. Only times to hold begin again."""
    return DeviceState(signal=signal, told_at=at, read_at=at)


def _check(thresholds: Thresholds, reading: Reading, now: datetime) -> None:
    if not math.isfinite(reading.value):
        raise BadReading(f"读数 {reading.value} 不是数")
    if not thresholds.least <= reading.value <= thresholds.most:
        bounds = f"{thresholds.least:g} 至 {thresholds.most:g} {thresholds.unit}"
        raise BadReading(f"读数 {reading.value:g} 超出量程 {bounds}")
    if reading.unit is not None and reading.unit != thresholds.unit:
        raise BadReading(f"单位不对，应为 {thresholds.unit}")
    if reading.at > now + AHEAD:
        raise BadReading(f"时间 {reading.at.isoformat()} 在将来")
    if reading.at < now - timedelta(minutes=thresholds.expires_minutes):
        raise BadReading(
            f"时间 {reading.at.isoformat()} 早于 {thresholds.expires_minutes:g} 分钟前，不再是现状"
        )


def _unless_expired(thresholds: Thresholds, state: DeviceState, reading: Reading) -> DeviceState:
    """As if new, where the last alert has expired meanwhile."""
    life = timedelta(minutes=thresholds.expires_minutes)
    is_over = state.signal and state.told_at and reading.at >= state.told_at + life
    return DeviceState(read_at=state.read_at) if is_over else state


def _is_on(signal: str, current: str | None) -> bool:
    """Graver signals include the lesser ones: a red water level is a yellow one, too."""
    return RANKS[signal] <= RANKS.get(current or "", 0)


def _turning(thresholds: Thresholds, state: DeviceState, reading: Reading) -> dict[str, datetime]:
    """The signals that this reading would turn on or off, and since when all readings would."""
    return {
        signal: state.turning.get(signal, reading.at)
        for signal, _ in thresholds.levels
        if (
            thresholds.is_left(signal, reading.value)
            if _is_on(signal, state.signal)
            else thresholds.is_reached(signal, reading.value)
        )
    }


def _msg_type(
    thresholds: Thresholds, state: DeviceState, signal: str | None, reading: Reading
) -> MsgType | None:
    if signal is None:
        return "Cancel" if state.signal else None
    if state.signal is None:
        return "Alert"
    if signal != state.signal:
        return "Update"
    renewed = timedelta(minutes=thresholds.expires_minutes * RENEWED)
    return "Update" if state.told_at and reading.at - state.told_at >= renewed else None
