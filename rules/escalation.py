"""Escalation 提级: who is told, and when, of an alert that nobody acknowledges.

A red alert takes the screen and then waits for the duty officer (DOMAIN 4.1: 视频连线/电话, 提级).
Who comes next after how long is the site's; what is named is a post, never a person.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class EscalationStep:
    """An alert of this signal, unacknowledged for so many minutes, goes to the post `to`."""

    signal: str
    after_minutes: float
    to: str

    def __post_init__(self) -> None:
        if not 0 < self.after_minutes < 60 * 24 * 366:
            raise ValueError(f"提级 {self.to}：{self.after_minutes} 分钟不行；应为正数")


@dataclass(frozen=True)
class Escalation:
    """The level reached (1 = the first step), the post it went to, and when that fell due."""

    level: int
    to: str
    at: datetime


def levels_of(
    steps: Sequence[EscalationStep], signal: str | None, since: datetime
) -> tuple[Escalation, ...]:
    """All levels of an alert of `signal`, unanswered since `since`, with the times at which they
    fall due, in order of time."""
    own = sorted((s for s in steps if s.signal == signal), key=lambda s: s.after_minutes)
    return tuple(
        Escalation(level, step.to, since + timedelta(minutes=step.after_minutes))
        for level, step in enumerate(own, start=1)
    )
