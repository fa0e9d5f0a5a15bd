"""What alerts stand now: from all messages, acknowledgements and a site's rules, at one moment.

A pure function of a set of messages: the order in which they arrived changes nothing. What is in
force is CAP's (rules/episode.py), what is one alert is ours (rules/grouping.py). Beside that:

* An alert is acknowledged while nobody sends a graver one into its group (DOMAIN 4.1: red takes the
  screen, then sits in the strip until acknowledged).
* Until then it escalates, by the site's steps (rules/escalation.py).
* Who handles its signal holds it (DOMAIN 2.4: 红→区, 黄→区+镇街, 蓝→村社/网格; per site).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from rules.episode import RANKS, Acknowledgement, Episode, Identity, Message, episodes
from rules.escalation import Escalation, EscalationStep, levels_of
from rules.grouping import Cluster, Group, Grouping, answered_with, clusters, groups

__all__ = [
    "Acknowledgement",
    "Cluster",
    "Escalation",
    "EscalationStep",
    "Grouping",
    "Identity",
    "Message",
    "Standing",
    "StandingRules",
    "standing",
]


@dataclass(frozen=True)
class StandingRules:
    """A site's rules of what stands; `routing` gives the post that handles a signal."""

    escalation: tuple[EscalationStep, ...] = ()
    grouping: Grouping = field(default_factory=Grouping)
    routing: Mapping[str, str] = field(default_factory=dict)
    stands_hours: float = 24  # a message that names no end


@dataclass(frozen=True)
class Standing:
    """One alert on the wall: a message, and all that it stands for.

    `identity` is the first message that says the gravest signal, so it changes when something
    graver comes and not with every repetition; `members` are all messages for which it stands, and
    `count` their number. Who acknowledges it has seen them all: record it for every member.
    `unanswered` is the message since which nobody has answered this signal: escalations are
    recorded once for it and their level. `changes_at` is when it may look otherwise though nothing
    arrives (an end, an escalation); None = never.
    """

    identity: Identity
    signal: str | None
    event: str
    status: str
    place: str | None
    lon: float | None
    lat: float | None
    sent: datetime
    received: datetime
    expires: datetime | None
    count: int
    is_flapping: bool
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    escalations: tuple[Escalation, ...]
    unanswered: Identity
    holder: str | None
    held_since: datetime
    cluster: Cluster | None
    members: tuple[Identity, ...]
    changes_at: datetime | None

    @property
    def escalation(self) -> Escalation | None:
        """How far it has come: the last of its escalations; None = nowhere yet."""
        return self.escalations[-1] if self.escalations else None


def standing(
    messages: Iterable[Message],
    acknowledgements: Iterable[Acknowledgement],
    rules: StandingRules,
    now: datetime,
) -> tuple[Standing, ...]:
    """What stands at `now`: the gravest first, then the unacknowledged, then the newest.

    Give every message that may matter: those that are not over by themselves, those to which these
    refer and that refer to them, and those that ended within the last `flapping_minutes`; more
    change nothing.
    """
    told = episodes(messages, acknowledgements, now, rules.stands_hours)
    told = answered_with(told, rules.grouping)
    found = groups(told, rules.grouping, now)
    near = clusters([run for group in found for run in group], rules.grouping)
    return tuple(sorted((_standing(group, near, rules, now) for group in found), key=_order))


def _standing(
    group: Group, near: Mapping[Identity, Cluster], rules: StandingRules, now: datetime
) -> Standing:
    rank = max(run.now.message.rank for run in group)
    run = next(run for run in group if run.now.message.rank == rank)
    gravest = [e for run in group for e in run.episodes if e.message.rank >= rank]
    shown = next(e.message for e in run.episodes if e.message.rank == rank)
    seen = min((e.acknowledgement for e in gravest if e.acknowledgement), key=_when, default=None)
    risen = min((e.risen for e in gravest), key=lambda m: (m.received, m.identity))
    until = min(now, seen.at) if seen else now
    holder = rules.routing.get(shown.signal or "")
    levels = levels_of(rules.escalation, shown.signal, risen.received)
    return Standing(
        identity=shown.identity,
        signal=shown.signal,
        event=shown.event,
        status=shown.status,
        place=shown.place,
        lon=shown.lon,
        lat=shown.lat,
        sent=shown.sent,
        received=shown.received,
        expires=run.now.message.expires if run.now.is_in_force else run.ends_at,
        count=sum(len(run.episodes) for run in group),
        is_flapping=any(run.is_flapping for run in group),
        acknowledged_at=seen.at if seen else None,
        acknowledged_by=seen.by if seen else None,
        escalations=tuple(level for level in levels if level.at <= until),
        unanswered=risen.identity,
        holder=holder,
        held_since=min(_held(e, rules.routing) for e in gravest),
        cluster=_cluster(group, near),
        members=tuple(e.message.identity for run in group for e in run.episodes),
        changes_at=min((at for at in _moments(group, levels, seen) if at > now), default=None),
    )


def _moments(
    group: Group, levels: Sequence[Escalation], seen: Acknowledgement | None
) -> Iterable[datetime]:
    yield from (level.at for level in levels if seen is None or level.at <= seen.at)
    yield from (run.ends_at for run in group)
    yield from (e.ends_at for run in group for e in run.episodes)


def _held(episode: Episode, routing: Mapping[str, str]) -> datetime:
    """Since when the present holder has had it."""
    since = episode.message
    holder = routing.get(since.signal or "")
    for message in reversed(episode.said):
        if routing.get(message.signal or "") != holder:
            break
        since = message
    return since.received


def _cluster(group: Group, near: Mapping[Identity, Cluster]) -> Cluster | None:
    """The greatest cluster to which a run of the group belongs."""
    found = (near.get(run.now.message.identity) for run in group)
    return max((c for c in found if c), key=lambda c: (c.n, c.first), default=None)


def _when(seen: Acknowledgement) -> tuple:
    return seen.at, seen.by


def _order(alert: Standing) -> tuple:
    rank = RANKS.get(alert.signal or "", 0)
    return -rank, alert.acknowledged_at is not None, -alert.sent.timestamp(), alert.identity
