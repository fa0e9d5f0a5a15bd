"""Alerts of the hour, so that a wall is alive: each a short story with its rise and its end.

Every few minutes something begins: one alert, the same seen by two, a sensor that flaps, several
reports of one place (疑似集中上报), an exercise. A story depends on the seed and its slot of time
alone, so whoever asks for a stretch of time always gets the same messages, also after a kill.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from etl.demo.alerts import KINDS, Kind, Warning, circle, fields_of, spot, triple, written
from etl.demo.county import KM_PER_DEGREE
from etl.demo.world import MINUTE, World, moment

SLOT = 6 * MINUTE  # a story begins in most of them
LONGEST = 40 * MINUTE  # after its beginning a story says nothing any more
LASTS = 25 * MINUTE  # an alert whose end nobody tells
STREAM = 7  # of the seed: the other streams of the live mode are numbered below
SEVERITIES = ("Minor", "Moderate", "Severe", "Extreme")
SHARES = (0.15, 0.45, 0.28, 0.12)
SHAPES = {"single": 0.5, "exercise": 0.05, "twice": 0.15, "flapping": 0.1, "cluster": 0.1, "": 0.1}
SECOND = (
    "zb@xinghu.example",
    "星湖县综治中心值班台（虚构）",
)  # who reports what another has reported


@dataclass(frozen=True)
class _Scene:
    """What a story is about; `number` tells its messages from those of others."""

    kind: Kind
    place: str
    lon: float
    lat: float
    severity: str
    number: int
    status: str = "Actual"


def stories(world: World, seed: int, since: int, until: int) -> list[Warning]:
    """All that the stories say in [since, until), in order of time."""
    slots = range((since - LONGEST) // SLOT, (until - 1) // SLOT + 1)
    said = (warning for slot in slots for warning in _story(world, seed, slot))
    return sorted((w for w in said if since <= w.at < until), key=lambda w: (w.at, w.name))


def _story(world: World, seed: int, slot: int) -> list[Warning]:
    rng = np.random.default_rng([seed, STREAM, slot])
    at = slot * SLOT + int(rng.integers(0, SLOT))
    shape = str(rng.choice(list(SHAPES), p=list(SHAPES.values())))
    kinds = [kind for kind in KINDS if moment(at).month in kind.months and kind.is_local]
    scene = _Scene(
        kinds[rng.integers(0, len(kinds))],
        *spot(world, rng),
        str(rng.choice(SEVERITIES, p=SHARES)),
        int(rng.integers(1000, 9999)),
    )
    match shape:
        case "single":
            return list(_told(rng, scene, at))
        case "exercise":
            return list(_told(rng, replace(scene, status="Exercise"), at))
        case "twice":
            return list(_seen_by_two(rng, scene, at))
        case "flapping":
            return list(_flapping(scene, at))
        case "cluster":
            return list(_reported_by_many(rng, scene, at))
    return []


def _told(rng: np.random.Generator, scene: _Scene, at: int) -> Iterator[Warning]:
    """An alert; for some an update, one step graver or milder; then its end."""
    first = _fields(scene, at, 0)
    yield _said(scene, first, at, "Alert")
    refers, last = [triple(first, at)], at
    if rng.random() < 0.4:
        last = at + int(rng.integers(2, 8)) * MINUTE
        step = SEVERITIES.index(scene.severity) + (1 if rng.random() < 0.6 else -1)
        changed = replace(scene, severity=SEVERITIES[max(0, min(step, 3))])
        update = _fields(changed, last, 1)
        yield _said(changed, update, last, "Update", refers)
        refers.append(triple(update, last))
    if rng.random() < 0.6:
        end = last + int(rng.integers(5, 20)) * MINUTE
        yield _said(scene, _fields(scene, end, 2), end, "Cancel", refers)


def _seen_by_two(rng: np.random.Generator, scene: _Scene, at: int) -> Iterator[Warning]:
    """The same event at nearly the same spot, by a sensor and soon after by the duty desk."""
    yield _said(scene, _fields(scene, at, 0), at, "Alert")
    sender, name = SECOND
    nearby = _beside(scene, *rng.uniform(-0.03, 0.03, 2))
    later = at + int(rng.integers(1, 5)) * MINUTE
    fields = _fields(nearby, later, 1) | {"sender": sender, "name": name}
    yield _said(nearby, fields, later, "Alert")


def _flapping(scene: _Scene, at: int) -> Iterator[Warning]:
    """A sensor that ends its alert and begins it again, five times in half an hour."""
    scene = replace(scene, severity="Moderate")
    for turn in range(5):
        begins, ends = at + turn * 6 * MINUTE, at + (turn * 6 + 3) * MINUTE
        fields = _fields(scene, begins, 2 * turn)
        yield _said(scene, fields, begins, "Alert")
        refers = [triple(fields, begins)]
        yield _said(scene, _fields(scene, ends, 2 * turn + 1), ends, "Cancel", refers)


def _reported_by_many(rng: np.random.Generator, scene: _Scene, at: int) -> Iterator[Warning]:
    """Six reports of one kind within 200 m and 12 minutes."""
    scene = replace(scene, severity="Moderate")
    for number in range(6):
        moved = _beside(scene, *rng.uniform(-0.14, 0.14, 2))
        sent = at + number * 2 * MINUTE
        yield _said(moved, _fields(moved, sent, number), sent, "Alert")


def _beside(scene: _Scene, east_km: float, north_km: float) -> _Scene:
    east, north = KM_PER_DEGREE
    return replace(scene, lon=scene.lon + east_km / east, lat=scene.lat + north_km / north)


def _fields(scene: _Scene, at: int, turn: int) -> dict[str, str]:
    identifier = f"XH-{moment(at):%Y%m%d%H%M%S}-{scene.number}-{turn}"
    area = circle(scene.lon, scene.lat, 0.3)
    return fields_of(scene.kind, identifier, scene.status, scene.severity, scene.place, area)


def _said(
    scene: _Scene, fields: dict[str, str], at: int, msg_type: str, refers: list[str] | None = None
) -> Warning:
    return written(scene.kind, fields, at, msg_type, " ".join(refers or []), LASTS)
