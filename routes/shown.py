"""What walls are told of the alerts that stand: in words of the site, without those of who sent."""

import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any

import orjson

from data.alert_rules import AlertRules
from data.codes import codes
from data.scope import Filter, Grant
from data.wall_views import DECIMALS
from data.whereabouts import Tree
from rules.cap_message import Identity
from rules.standing import Standing

MOST = 200  # alerts that a wall is sent, the gravest first
EXERCISE = "演练"


@dataclass(frozen=True)
class Shown:
    """What stands, the gravest first, and what walls are told of it. `number` is another one
    whenever `body` is."""

    standing: tuple[Standing, ...] = ()
    rules: AlertRules = AlertRules()
    tree: Tree | None = None
    problem: str | None = None
    _parts: dict[tuple[Filter, ...], "Shown"] = field(default_factory=dict, compare=False)

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """The first of them, as `_row` gives them."""
        return [_row(alert, self.rules, self.tree) for alert in self.standing[:MOST]]

    @cached_property
    def members(self) -> dict[str, tuple[Identity, ...]]:
        """The messages for which each stands, by its id."""
        return {id_of(alert.identity): alert.members for alert in self.standing}

    @cached_property
    def number(self) -> int:
        digest = hashlib.blake2b(orjson.dumps(self._told), digest_size=6)  # browsers have 53 bits
        return int.from_bytes(digest.digest(), "big")

    @cached_property
    def body(self) -> bytes:
        return orjson.dumps({"sequence": self.number} | self._told)

    def with_problem(self, problem: str | None) -> "Shown":
        """The same, of which something else, or nothing, is wrong."""
        return replace(self, problem=problem, _parts={})

    def granted(self, grant: Grant) -> "Shown":
        """What of it a viewer may see: all, or what is of the grant's regions."""
        regions = grant.regions
        if regions is None:
            return self
        if regions not in self._parts:
            own = tuple(alert for alert in self.standing if self._is_of(alert, regions))
            self._parts[regions] = replace(self, standing=own, _parts={})
        return self._parts[regions]

    def _is_of(self, alert: Standing, regions: tuple[Filter, ...]) -> bool:
        """Whether the alert is in one of the regions, or of a region around it. One of which nobody
        knows where it is may be another's."""
        level, _, code = (alert.place or "").partition(":")
        around = self._trail(level, code)
        return any(own in around or (level, code) in self._trail(*own) for own in regions)

    def _trail(self, level: str, code: str) -> set[Filter]:
        region = self.tree.region(level, code) if self.tree else None
        trail = self.tree.trail(region) if self.tree and region else ()
        return {(step.level, step.code) for step in trail}

    @property
    def _told(self) -> dict[str, Any]:
        more = len(self.standing) - len(self.rows)
        return {"alerts": self.rows, "more": more, "problem": self.problem}


def _row(alert: Standing, rules: AlertRules, tree: Tree | None) -> dict[str, Any]:
    """An alert as a wall may know it, as data/wall_views.py: nothing in it was written by who sent
    it, and it says the block of houses, not the door."""
    signal = codes("signal").get(alert.signal or "")
    level, _, code = (alert.place or "").partition(":")
    region = tree.region(level, code) if tree else None
    told, near = alert.escalation, alert.cluster
    return {
        "id": id_of(alert.identity),
        "signal": alert.signal if signal else None,
        "word": signal["label"] if signal else "预警",
        "event": rules.word_of(alert.event),
        "stamp": EXERCISE if alert.status == "Exercise" else None,
        "place": tree.called(region) if tree and region else None,
        "lon": alert.lon if alert.lon is None else round(alert.lon, DECIMALS),
        "lat": alert.lat if alert.lat is None else round(alert.lat, DECIMALS),
        "sent": _ms(alert.sent),
        "received": _ms(alert.received),
        "expires": _ms(alert.expires),
        "count": alert.count,
        "flapping": alert.is_flapping,
        "acknowledged": _ms(alert.acknowledged_at),
        "by": alert.acknowledged_by,
        "holder": alert.holder,
        "since": _ms(alert.held_since),
        "escalation": told and {"level": told.level, "to": told.to, "at": _ms(told.at)},
        "escalations": [{"to": each.to, "at": _ms(each.at)} for each in alert.escalations],
        "cluster": near and {"n": near.n, "minutes": near.minutes},
    }


def id_of(identity: Identity) -> str:
    """A name of an alert that says nothing of who sent it."""
    text = "\n".join((identity.sender, identity.identifier, identity.sent.isoformat()))
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def _ms(at: datetime | None) -> int | None:
    return None if at is None else round(at.timestamp() * 1000)
