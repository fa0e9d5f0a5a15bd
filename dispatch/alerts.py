"""Live alerts in the operations store: every message once, from whatever device and how often."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    Integer,
    LargeBinary,
    Row,
    String,
    Table,
    Text,
    UniqueConstraint,
    and_,
    exists,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)

from access.devices import LONGEST_NAME as LONGEST_DEVICE
from access.operations import KEPT, LOGS_KEPT, METADATA, Kept, Moment, Operations
from rules.cap_message import COLUMNS, LONGEST_NAME, CapMessage, Identity, check_times
from rules.standing import Acknowledgement, Escalation

SEQUENCE = Table(  # one row, which is there from the beginning
    "live_sequence",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("value", BigInteger, nullable=False),
)


def _identity_columns(**options: Any) -> tuple[Column, ...]:
    return (
        Column("sender", String(LONGEST_NAME), nullable=False, **options),
        Column("identifier", String(LONGEST_NAME), nullable=False, **options),
        Column("sent_at", Moment, nullable=False, **options),
    )


ALERTS = Table(
    "live_alerts",
    METADATA,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    *_identity_columns(),
    *(Column(name, Text) for name in COLUMNS if name not in ("sender", "identifier")),
    Column("expires_at", Moment, index=True),
    Column("device", String(LONGEST_DEVICE), nullable=False),
    Column("received_at", Moment, nullable=False, index=True),
    UniqueConstraint("sender", "identifier", "sent_at"),
)
IDENTITY = (ALERTS.c.sender, ALERTS.c.identifier, ALERTS.c.sent_at)
BEFORE_ITS_ALERT = timedelta(days=1)  # how much earlier than an alert its end may come in
AT_ONCE = 300  # identities looked up in one question
# For as long as years are compared; the edition keeps the alerts for good.
YEARS = timedelta(days=3 * 366)
ALERTS.info[KEPT] = Kept(
    YEARS,
    lambda before: and_(
        ALERTS.c.received_at < before,
        or_(ALERTS.c.expires_at.is_(None), ALERTS.c.expires_at < before),
        ~exists().where(RECEIPTS.c.alert == ALERTS.c.sequence),
    ),
)
RECEIPTS = Table(
    "alert_receipts",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("alert", BigInteger, ForeignKey(ALERTS.c.sequence), nullable=False, index=True),
    Column("device", String(LONGEST_DEVICE), nullable=False),
    Column("received_at", Moment, nullable=False, index=True),
    Column("is_new", Boolean, nullable=False),
    Column("digest", String(64), nullable=False),  # SHA-256 of what was submitted
    Column("raw", LargeBinary),  # NULL where it is what was submitted first
    info={KEPT: Kept(LOGS_KEPT, lambda before: RECEIPTS.c.received_at < before)},
)
REFUSALS = Table(  # of submissions in the name of a sender for whom the device may not speak
    "alert_refusals",
    METADATA,
    Column("id", Integer, primary_key=True),
    *_identity_columns(),
    Column("device", String(LONGEST_DEVICE), nullable=False),
    Column("received_at", Moment, nullable=False, index=True),
    Column("digest", String(64), nullable=False),
    info={KEPT: Kept(LOGS_KEPT, lambda before: REFUSALS.c.received_at < before)},
)
ACKNOWLEDGEMENTS = Table(
    "acknowledgements",
    METADATA,
    *_identity_columns(primary_key=True),
    Column("sequence", BigInteger, nullable=False, index=True),
    Column("by", Text, nullable=False),
    Column("at", Moment, nullable=False, index=True),
    info={KEPT: Kept(YEARS, lambda before: ACKNOWLEDGEMENTS.c.at < before)},
)
ESCALATIONS = Table(
    "escalations",
    METADATA,
    *_identity_columns(primary_key=True),
    Column("escalation_level", Integer, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, nullable=False, index=True),
    Column("to", Text, nullable=False),
    Column("at", Moment, nullable=False, index=True),
    info={KEPT: Kept(YEARS, lambda before: ESCALATIONS.c.at < before)},
)


@dataclass(frozen=True)
class Receipt:
    """What became of a submission; `sequence` is that of the alert as first accepted."""

    sequence: int
    is_new: bool


@dataclass(frozen=True)
class Received:
    """A message as it was first accepted, by which device and when (UTC)."""

    sequence: int
    message: CapMessage
    device: str
    received_at: datetime


@dataclass(frozen=True)
class Changes:
    """What came into the store up to `sequence`."""

    sequence: int
    received: tuple[Received, ...]
    acknowledgements: tuple[Acknowledgement, ...]


class LiveAlerts:
    """The live alerts of one operations store. Safe for threads and processes: one writes at a time
    (Operations.writing), so numbers become visible in their order, and none is missed."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations

    def accept(self, message: CapMessage, device: str, raw: bytes, now: datetime) -> Receipt:
        """Keep a message; it is on the disk when this returns. The first of an identity counts;
        that it came again, and with what content, is kept too. BadAlert where its times cannot
        be."""
        check_times(message, now)
        digest = hashlib.sha256(raw).hexdigest()
        with self._operations.writing() as connection:
            number = _last_sequence(connection)
            known = _sequence_of(connection, message.identity)
            if known is None:
                row = _row(message) | {"device": device, "received_at": now}
                connection.execute(insert(ALERTS).values(row | {"sequence": number + 1}))
                _raise_sequence(connection, number + 1)
            receipt = Receipt(number + 1 if known is None else known, known is None)
            is_same = known is not None and _first_digest(connection, known) == digest
            row = {"alert": receipt.sequence, "device": device, "received_at": now}
            row |= {"is_new": receipt.is_new, "digest": digest, "raw": None if is_same else raw}
            connection.execute(insert(RECEIPTS).values(row))
        self._operations.forget(now)
        return receipt

    def refuse(self, message: CapMessage, device: str, raw: bytes, now: datetime) -> None:
        """Note that a device spoke in the name of a sender that is not its own."""
        digest = hashlib.sha256(raw).hexdigest()
        row = {"device": device, "received_at": now, "digest": digest}
        with self._operations.writing() as connection:
            connection.execute(insert(REFUSALS).values(row | _identity_row(message.identity)))
        self._operations.forget(now)

    def acknowledge(self, identities: Iterable[Identity], by: str, now: datetime) -> bool:
        """Note that a post or a device has seen these alerts; False where that was known of all.
        The first to say so counts."""
        told = {"by": by, "at": now}
        return self._record(ACKNOWLEDGEMENTS, [(_identity_row(each), told) for each in identities])

    def escalate(self, reached: Iterable[tuple[Identity, Escalation]]) -> bool:
        """Note which levels alerts have reached; False where somebody noticed all before."""
        rows = [
            (
                _identity_row(identity) | {"escalation_level": escalation.level},
                {"to": escalation.to, "at": escalation.at},
            )
            for identity, escalation in reached
        ]
        return self._record(ESCALATIONS, rows)

    def sequence(self) -> int:
        """Grows with everything that may change what stands, however often it is submitted."""
        with self._operations.reading() as connection:
            return _last_sequence(connection)

    def changes(self, since: int, after: datetime) -> Changes:
        """What came after the number `since`, save messages that were received and had ended
        before the time `after`, and do not belong to one that lasts."""
        with self._operations.reading() as connection:
            sequence = _last_sequence(connection)
            is_new = and_(ALERTS.c.sequence > since, ALERTS.c.sequence <= sequence)
            matters = _matters(connection, is_new, after)
            alerts = select(ALERTS).where(is_new, matters).order_by(ALERTS.c.sequence)
            found = [_received(row) for row in connection.execute(alerts)]
            answers = select(ACKNOWLEDGEMENTS).where(
                ACKNOWLEDGEMENTS.c.sequence > since, ACKNOWLEDGEMENTS.c.sequence <= sequence
            )
            return Changes(
                sequence,
                (*_referred(connection, found, after), *found),
                tuple(_acknowledgement(row) for row in connection.execute(answers)),
            )

    def escalations(self) -> list[tuple[Identity, Escalation]]:
        """All that were noted, in their order."""
        with self._operations.reading() as connection:
            rows = connection.execute(select(ESCALATIONS).order_by(ESCALATIONS.c.sequence))
            return [
                (_identity(row), Escalation(row.escalation_level, row.to, row.at)) for row in rows
            ]

    def _record(self, table: Table, rows: Iterable[tuple[dict, dict]]) -> bool:
        """Add rows of (key, what is told); those that are there stay. Whether any is new."""
        is_any_new = False
        with self._operations.writing() as connection:
            number = _last_sequence(connection) + 1
            for key, told in rows:
                at = and_(*(table.c[name] == value for name, value in key.items()))
                if connection.execute(select(table.c.sequence).where(at)).first() is None:
                    connection.execute(insert(table).values(key | told | {"sequence": number}))
                    is_any_new = True
            if is_any_new:
                _raise_sequence(connection, number)
        return is_any_new


def _last_sequence(connection: Connection) -> int:
    return connection.execute(select(SEQUENCE.c.value)).scalar_one()


def _raise_sequence(connection: Connection, number: int) -> None:
    connection.execute(update(SEQUENCE).values(value=number))


def _sequence_of(connection: Connection, identity: Identity) -> int | None:
    at = and_(*(ALERTS.c[name] == value for name, value in _identity_row(identity).items()))
    return connection.execute(select(ALERTS.c.sequence).where(at)).scalar()


def _first_digest(connection: Connection, alert: int) -> str | None:
    """None where its receipt is forgotten already."""
    first = select(RECEIPTS.c.digest).where(RECEIPTS.c.alert == alert, RECEIPTS.c.is_new)
    return connection.execute(first).scalar()


def _matters(
    connection: Connection, is_new: ColumnElement[bool], after: datetime
) -> ColumnElement[bool]:
    """What came or ends after a time; and what may have ended, long ago, one that ends after it."""
    lasts = ALERTS.c.expires_at >= after
    matters = or_(ALERTS.c.received_at >= after, lasts)
    first = connection.execute(select(func.min(ALERTS.c.received_at)).where(is_new, lasts)).scalar()
    if first is None:
        return matters
    refers = ALERTS.c.references.is_not(None)
    return or_(matters, and_(refers, ALERTS.c.received_at >= first - BEFORE_ITS_ALERT))


def _referred(
    connection: Connection, found: Iterable[Received], before: datetime
) -> Iterable[Received]:
    """The messages of before that time to which these refer, in whatever number of steps."""
    known = {each.message.identity for each in found}
    ahead = _old_references(found, before) - known
    while ahead:
        known |= ahead
        further = []
        names = sorted(ahead)
        for part in (names[at : at + AT_ONCE] for at in range(0, len(names), AT_ONCE)):
            rows = connection.execute(select(ALERTS).where(tuple_(*IDENTITY).in_(part)))
            further += [_received(row) for row in rows]
        yield from further
        ahead = _old_references(further, before) - known


def _old_references(found: Iterable[Received], before: datetime) -> set[Identity]:
    return {i for each in found for i in each.message.refers_to if i.sent < before}


def _row(message: CapMessage) -> dict[str, Any]:
    texts = {name: getattr(message, name) for name in COLUMNS}
    return texts | _identity_row(message.identity) | {"expires_at": message.expires_at}


def _identity_row(identity: Identity) -> dict[str, Any]:
    return {
        "sender": identity.sender,
        "identifier": identity.identifier,
        "sent_at": identity.sent,
    }


def _identity(row: Row) -> Identity:
    return Identity(row.sender, row.identifier, row.sent_at)


def _received(row: Row) -> Received:
    message = CapMessage(**{name: row._mapping[name] for name in COLUMNS})
    return Received(row.sequence, message, row.device, row.received_at)


def _acknowledgement(row: Row) -> Acknowledgement:
    return Acknowledgement(_identity(row), row.at, row.by)
