"""Which alerts are one on the wall: repetitions, flapping sensors; and which make a cluster.

All rules are ours; their figures are the site's (issue of the wall: "duplicate and flapping alerts
are grouped; 疑似集中上报 groups same-kind alerts near in place and time"):

* A device that ended its alert and began it again so many times within a window flaps 反复: all
  that is one alert, which stands until it has been quiet for a window.
* Alerts of one event at one spot within a window, from whatever sender, are one.
* So many of one event within so many metres and minutes are 疑似集中上报; each stays an alert.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from rules.episode import Acknowledgement, Episode, Identity, Message
from rules.gathering import LEAST_METRES, Floats, Ints, apart_m, gathered

SPOT_DIGITS = 4  # decimals of a degree, about 10 m: where a device says that it is


@dataclass(frozen=True)
class Grouping:
    """A site's figures. `flaps` = how often an alert must begin again; minutes and metres."""

    same_minutes: float = 10
    same_metres: float = 100
    flaps: int = 3
    flapping_minutes: float = 30
    cluster_n: int = 5
    cluster_metres: float = 500
    cluster_minutes: float = 30

    def __post_init__(self) -> None:
        if min(self.same_metres, self.cluster_metres) < LEAST_METRES:
            raise ValueError(f"归并和集中上报的距离应不小于 {LEAST_METRES:g} 米")


@dataclass(frozen=True)
class Cluster:
    """疑似集中上报: `n` alerts that are near each other within `minutes`, and the earliest."""

    n: int
    minutes: float
    first: Identity


@dataclass(frozen=True)
class Run:
    """What one device says of one thing: a single episode, or all of a flapping alert in order."""

    episodes: tuple[Episode, ...]
    is_flapping: bool
    ends_at: datetime

    @property
    def now(self) -> Episode:
        """The episode that shows how it stands."""
        return self.episodes[-1]

    @property
    def began_at(self) -> datetime:
        return self.episodes[0].began_at


Group = tuple[Run, ...]


def groups(episodes: Iterable[Episode], rules: Grouping, now: datetime) -> list[Group]:
    """Every alert in force, and every flapping one that is not yet quiet, in exactly one group.

    The runs of a group, and the groups, are in order of time.
    """
    alike: dict[Hashable, list[Run]] = defaultdict(list)
    for run in _runs(episodes, rules, now):
        alike[_what(run.now)].append(run)
    found = [group for runs in alike.values() for group in _same(runs, rules)]
    return sorted(found, key=lambda group: _in_time(group[0]))


def answered_with(episodes: Sequence[Episode], rules: Grouping) -> list[Episode]:
    """The episodes; one whose duplicate was acknowledged while both were in force is so with it,
    if it is no graver. So who has answered is not called again, by all levels at once, when of two
    devices that saw one thing the answered one ends first."""
    answered: dict[Hashable, list[Episode]] = defaultdict(list)
    for episode in sorted(episodes, key=_beginning):
        if episode.acknowledgement and not episode.is_in_force:
            answered[_what(episode)].append(episode)
    return [
        replace(episode, acknowledgement=_answer(episode, answered[_what(episode)], rules))
        if episode.is_in_force and not episode.acknowledgement and answered.get(_what(episode))
        else episode
        for episode in episodes
    ]


def _answer(
    episode: Episode, answered: Sequence[Episode], rules: Grouping
) -> Acknowledgement | None:
    """What the earliest of its answered duplicates was answered; `answered` is in order of time."""
    window = timedelta(minutes=rules.same_minutes)
    first = bisect_left(answered, episode.began_at - window, key=lambda e: e.began_at)
    for other in answered[first:]:
        if other.began_at > episode.began_at + window:
            break
        one, two = episode.message, other.message
        covers = other.ends_at > episode.began_at and two.rank >= one.rank
        if covers and _is_same_spot(one, two, rules.same_metres):
            return other.acknowledgement
    return None


def _is_same_spot(one: Message, other: Message, metres: float) -> bool:
    points = (one.lon, one.lat, other.lon, other.lat)
    if None in points:
        is_bare = one.lon is None and other.lon is None
        return is_bare and one.place is not None and one.place == other.place
    return apart_m(*points) <= metres  # type: ignore[arg-type]  # none of them is None


def clusters(runs: Iterable[Run], rules: Grouping) -> dict[Identity, Cluster]:
    """The cluster of each run that belongs to one, by the identity of its present message.

    Runs gather where one of them has, with itself, `cluster_n` of its event within the metres and
    the minutes before it; gatherings that share a run are one. Runs without a point cannot.
    """
    alike: dict[Hashable, list[Run]] = defaultdict(list)
    for run in sorted(runs, key=_in_time):
        if _has_point(run):
            alike[_what(run.now)].append(run)
    near = (rules.cluster_n, rules.cluster_metres, rules.cluster_minutes)
    found: dict[Identity, Cluster] = {}
    for kind in alike.values():
        for members in _split(kind, gathered(*_points(kind), *near)):
            first = members[0].now.message.identity
            cluster = Cluster(len(members), rules.cluster_minutes, first)
            found |= {run.now.message.identity: cluster for run in members}
    return found


def _runs(episodes: Iterable[Episode], rules: Grouping, now: datetime) -> Iterable[Run]:
    """What stands: each episode in force, and what flaps as one."""
    by_device: dict[Hashable, list[Episode]] = defaultdict(list)
    for episode in episodes:
        by_device[_who(episode)].append(episode)
    quiet = timedelta(minutes=rules.flapping_minutes)
    for own in by_device.values():
        own.sort(key=_beginning)
        for run in _stretches(own, quiet):
            ends_at = max(e.ends_at for e in run) + quiet
            if not _is_flapping(run, rules):
                yield from (Run((e,), False, e.ends_at) for e in run if e.is_in_force)
            elif now < ends_at or any(e.is_in_force for e in run):
                yield Run(tuple(run), True, ends_at)


def _stretches(own: Sequence[Episode], quiet: timedelta) -> Iterable[list[Episode]]:
    """Episodes of one device in order, parted where it was quiet for so long."""
    stretch: list[Episode] = []
    ends_at = own[0].ends_at
    for episode in own:
        if stretch and episode.began_at - ends_at > quiet:
            yield stretch
            stretch = []
        ends_at = max(ends_at, episode.ends_at) if stretch else episode.ends_at
        stretch.append(episode)
    if stretch:
        yield stretch


def _is_flapping(run: Sequence[Episode], rules: Grouping) -> bool:
    if len(run) <= rules.flaps:
        return False
    again = [b.began_at for a, b in zip(run, run[1:], strict=False) if a.ends_at <= b.began_at]
    window = timedelta(minutes=rules.flapping_minutes)
    spans = zip(again, again[rules.flaps - 1 :], strict=False)
    return any(last - first <= window for first, last in spans)


def _same(runs: list[Run], rules: Grouping) -> Iterable[Group]:
    """Runs of one event, parted by spot and time; what says no place is like nothing else."""
    runs = sorted(runs, key=_in_time)
    placed = [run for run in runs if _has_point(run)]
    labels = gathered(*_points(placed), 2, rules.same_metres, rules.same_minutes)
    yield from _split(placed, labels)
    yield from ((run,) for run, label in zip(placed, labels, strict=True) if label < 0)
    by_place: dict[Hashable, list[Run]] = defaultdict(list)
    for run in runs:
        if not _has_point(run):
            by_place[run.now.message.place or run.now.message.identity].append(run)
    for those in by_place.values():
        yield from _in_succession(those, timedelta(minutes=rules.same_minutes))


def _in_succession(runs: Sequence[Run], window: timedelta) -> Iterable[Group]:
    group: list[Run] = []
    for run in runs:
        if group and run.began_at - group[-1].began_at > window:
            yield tuple(group)
            group = []
        group.append(run)
    if group:
        yield tuple(group)


def _split(runs: Sequence[Run], labels: Ints) -> Iterable[Group]:
    parts: dict[int, list[Run]] = defaultdict(list)
    for run, label in zip(runs, labels.tolist(), strict=True):
        parts[label].append(run)
    yield from (tuple(part) for label, part in parts.items() if label >= 0)


def _points(runs: Sequence[Run]) -> tuple[Floats, Floats, Floats]:
    """Longitudes, latitudes, and when each began (seconds); all have a point."""
    told = [(run.now.message.lon, run.now.message.lat, run.began_at.timestamp()) for run in runs]
    lon, lat, at = np.array(told, dtype=float).reshape(-1, 3).T
    return lon, lat, at


def _has_point(run: Run) -> bool:
    return run.now.message.lon is not None and run.now.message.lat is not None


def _what(episode: Episode) -> Hashable:
    message = episode.message
    return message.status, message.event, message.detail


def _who(episode: Episode) -> Hashable:
    """One device at one spot; a platform sends for many, each at its own."""
    message = episode.message
    point = (
        (round(message.lon, SPOT_DIGITS), round(message.lat, SPOT_DIGITS))
        if message.lon is not None and message.lat is not None
        else None
    )
    return message.sender, message.device, _what(episode), message.place, point


def _beginning(episode: Episode) -> tuple:
    return episode.began_at, episode.message.sender, episode.message.identifier


def _in_time(run: Run) -> tuple:
    return _beginning(run.episodes[0])
