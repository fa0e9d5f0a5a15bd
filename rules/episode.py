"""CAP messages that belong together, and what of them is in force: an episode from alert to end.

A pure function of a set of messages: the order in which they arrived changes nothing. The rules:

* CAP 1.2, 3.2.1 `status`: only Actual and Exercise are shown, and neither ever touches the other.
* CAP 1.2, 3.2.1 `msgType`, `references`: Update replaces, Cancel and Error end the earlier messages
  to which they refer; Ack acknowledges them. Senders often name only the first or only the last
  message of an alert, so what refers to all beginnings of a message covers it as well.
* CAP 1.2, 3.2.2 `expires`: without one, "each recipient is free to set its own policy": the site's.
* Ours: only who sent an alert, or the device that delivered it, can replace or end it, and only
  somebody else can acknowledge it.
* Ours: an acknowledgement holds on through updates until one raises the signal.

Where it is unclear what belongs to what, an alert rather stands twice than not at all.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rules.cap_message import Identity

SHOWN = ("Actual", "Exercise")
SPEAKING = ("Alert", "Update")  # say what is
ENDING = ("Update", "Cancel", "Error")  # say what is no more
RANKS: Mapping[str, int] = {"red": 4, "orange": 3, "yellow": 2, "blue": 1}
BY_MESSAGE = "回执"  # who acknowledged by CAP Ack; the sender's name is not for the wall


@dataclass(frozen=True)
class Message:
    """One CAP message as the rules need it. Times have a zone; `received` is our own clock.

    `event` is the code of the site's event kind, or CAP's category where the site knows no kind;
    then `detail` is the sender's word: compared, never shown. `place` is the code of the finest
    region known; lon and lat are WGS84, both or none. `device` delivered it ("" = not known).
    """

    sender: str
    identifier: str
    sent: datetime
    received: datetime
    status: str = "Actual"
    msg_type: str = "Alert"
    references: tuple[Identity, ...] = ()
    signal: str | None = None
    event: str = "Other"
    detail: str = ""
    place: str | None = None
    lon: float | None = None
    lat: float | None = None
    expires: datetime | None = None
    device: str = ""

    @property
    def identity(self) -> Identity:
        return Identity(self.sender, self.identifier, self.sent)

    @property
    def rank(self) -> int:
        """How grave, 4 = red; 0 = no signal given."""
        return RANKS.get(self.signal or "", 0)


@dataclass(frozen=True)
class Acknowledgement:
    """Somebody (a post, as 值班台, or a device's name) has seen an alert."""

    identity: Identity
    at: datetime
    by: str


@dataclass(frozen=True)
class Episode:
    """One alert from its first message on: `said` in order of time, the last is what it says now.

    `ends_at` is when it ended or, if nothing else comes, will. `risen` is the message that nobody
    has answered: the first of the signal, or one higher, which it has had ever since.
    """

    said: tuple[Message, ...]
    ends_at: datetime
    is_in_force: bool
    acknowledgement: Acknowledgement | None
    risen: Message

    @property
    def message(self) -> Message:
        return self.said[-1]

    @property
    def began_at(self) -> datetime:
        return self.said[0].sent


def episodes(
    messages: Iterable[Message],
    acknowledgements: Iterable[Acknowledgement],
    now: datetime,
    stands_hours: float,
) -> list[Episode]:
    """The episodes of all messages, ended ones too, in order of their last message.

    Of several messages with one identity the one received first counts. A message that names no end
    stands for `stands_hours` after it was sent.
    """
    known = _first_received(messages)
    links = _Links(known)
    seen = _acknowledged(known, acknowledgements)
    made = []
    for message in sorted(known.values(), key=_in_time):
        if message.msg_type in SPEAKING and not links.is_replaced(message):
            said = (*links.replaced_by(message), message)
            end = message.expires or message.sent + timedelta(hours=stands_hours)
            enders = links.enders(message)
            ends_at = min([end, *(ender.sent for ender in enders)])
            made.append(Episode(said, ends_at, not enders and now < end, *_answered(said, seen)))
    return made


def _first_received(messages: Iterable[Message]) -> dict[Identity, Message]:
    """The messages that are shown or act on shown ones, by identity; first wins."""
    known: dict[Identity, Message] = {}
    for message in messages:
        if message.status in SHOWN:
            first = known.setdefault(message.identity, message)
            if first is not message:
                known[message.identity] = min(first, message, key=lambda m: (m.received, repr(m)))
    return known


def _acknowledged(
    known: Mapping[Identity, Message], given: Iterable[Acknowledgement]
) -> dict[Identity, Acknowledgement]:
    """The earliest acknowledgement of each message, those by CAP Ack included."""
    found = list(given)
    for ack in known.values():
        for identity in ack.references if ack.msg_type == "Ack" else ():
            of = known.get(identity)
            if of and of.status == ack.status and not _is_its_own(ack, of):
                found.append(Acknowledgement(identity, ack.received, BY_MESSAGE))
    return {a.identity: a for a in sorted(found, key=lambda a: (a.at, a.by), reverse=True)}


def _answered(
    said: Sequence[Message], seen: Mapping[Identity, Acknowledgement]
) -> tuple[Acknowledgement | None, Message]:
    """The acknowledgement that still holds, and the message by which the signal last rose."""
    held, risen, rank = None, said[0], said[0].rank
    for message in said:
        if message.rank > rank:
            held, risen = None, message
        held = held or seen.get(message.identity)
        rank = message.rank
    return held, risen


def _is_its_own(later: Message, earlier: Message) -> bool:
    same_device = later.device != "" and later.device == earlier.device
    return later.sender == earlier.sender or same_device


def _in_time(message: Message) -> tuple:
    return message.sent, message.sender, message.identifier


class _Links:
    """What refers to what: directly, or by way of other messages that are known."""

    def __init__(self, known: Mapping[Identity, Message]) -> None:
        self.known = known
        self.before = {i: self._before(m) for i, m in known.items()}
        self.roots = {
            i: frozenset(b for b in before if not self.before.get(b)) or frozenset([i])
            for i, before in self.before.items()
        }
        self.of_root: dict[Identity, list[Message]] = defaultdict(list)
        for message in sorted(known.values(), key=_in_time, reverse=True):  # finds the last first
            for root in self.roots[message.identity]:
                self.of_root[root].append(message)

    def is_replaced(self, message: Message) -> bool:
        updates = (m for m in self._relatives(message) if m.msg_type == "Update")
        return any(self._ends(update, message) for update in updates)

    def enders(self, message: Message) -> list[Message]:
        """The messages that replace or end `message`."""
        return [other for other in self._relatives(message) if self._ends(other, message)]

    def replaced_by(self, message: Message) -> list[Message]:
        """What `message` replaces, in order of time."""
        roots = self.roots[message.identity]
        found = {m.identity: m for root in roots for m in self.of_root[root]}
        speaking = (m for m in found.values() if m.msg_type in SPEAKING)
        return sorted((m for m in speaking if self._ends(message, m)), key=_in_time)

    def _relatives(self, message: Message) -> list[Message]:
        """What may replace or end `message`: that has all its roots, so any one will do."""
        return self.of_root[next(iter(self.roots[message.identity]))]

    def _ends(self, later: Message, earlier: Message) -> bool:
        if later.msg_type not in ENDING or not self._may_act(later, earlier):
            return False
        if earlier.identity in self.before[later.identity]:
            return later.identity not in self.before[earlier.identity]
        covers = self.roots[earlier.identity] <= self.roots[later.identity]
        return covers and later.sent > earlier.sent

    def _may_act(self, later: Message, earlier: Message) -> bool:
        return (
            later.status == earlier.status
            and later.sent >= earlier.sent
            and later.identity != earlier.identity
            and _is_its_own(later, earlier)
        )

    def _before(self, message: Message) -> frozenset[Identity]:
        """All to which a message refers, by however many steps."""
        found: set[Identity] = set()
        ahead = [message]
        while ahead:
            for identity in self._named(ahead.pop()):
                if identity not in found and identity != message.identity:
                    found.add(identity)
                    ahead += [self.known[identity]] if identity in self.known else []
        return frozenset(found)

    def _named(self, message: Message) -> Iterable[Identity]:
        """The references by which a message acts; an alert acts on nothing, nor does one on what
        another sent, or on what came after it."""
        if message.msg_type not in ENDING:
            return ()
        return (
            identity
            for identity in message.references
            if identity.sent <= message.sent
            and (
                self._may_act(message, self.known[identity])
                if identity in self.known
                else identity.sender == message.sender or message.device != ""
            )
        )
