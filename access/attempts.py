"""Guesses of passwords: how many in a row failed for a name, how many came from an address.

Strangers are counted together; a browser from which the account was signed in to, and a session,
each for itself (access/known_browsers.py): whoever guesses locks out nobody but such as he is.

Both are counted in the store, so that all processes count together. A guess counts as failed from
before it is looked at until it proves right: however many are tried at once, no more are looked at.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from math import ceil

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Index,
    Integer,
    String,
    Table,
    delete,
    insert,
    select,
)
from sqlalchemy import update as update_of

from access import passwords
from access.audit import Entry, entry
from access.keys import derived_key
from access.operations import KEPT, METADATA, Kept, Moment, Operations

MOST_IN_A_ROW = 5
LOCKED = timedelta(minutes=15)
REMEMBERED = timedelta(days=1)  # failures longer ago count no more
MOST_OF_ADDRESS, ADDRESS_TIME = 10, timedelta(minutes=1)
LONGEST_ADDRESS = 45  # characters

FAILED = Table(
    "sign_in_failures",
    METADATA,
    # Of the name, keyed, and of whose guesses are counted: a name that is no account's may be a
    # password in the wrong field.
    Column("digest", String(64), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_at", Moment, nullable=False),
    Column("of_name", String(64), nullable=False, server_default=""),  # keyed
    Index("sign_in_failures_of_name", "of_name"),
    info={KEPT: Kept(REMEMBERED, lambda before: FAILED.c.last_at < before)},
)
TRIED = Table(
    "sign_in_tries",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("address", String(LONGEST_ADDRESS), nullable=False),
    Column("at", Moment, nullable=False),
    Column("is_refused", Boolean, nullable=False),  # the first refused of its time alone is kept
    Index("sign_in_tries_of_address", "address", "at"),
    info={KEPT: Kept(timedelta(hours=1), lambda before: TRIED.c.at < before)},
)


@dataclass(frozen=True)
class Guesser:
    """Whose guesses of a name's password are counted together: strangers', or those of one browser
    or session, by a secret of its own that is kept nowhere."""

    name: str
    secret: str | None = None

    @property
    def is_known(self) -> bool:
        return self.secret is not None


@dataclass(frozen=True)
class Attempt:
    """One guess of a name's password: the `number`th in a row, or how long to wait with it."""

    number: int = 0
    wait: timedelta | None = None

    @property
    def is_last(self) -> bool:
        """Whether the name is locked if this one fails."""
        return self.number == MOST_IN_A_ROW

    @property
    def minutes(self) -> int:
        """`wait`, as people are told it."""
        return ceil((self.wait or timedelta()) / timedelta(minutes=1))


@dataclass(frozen=True)
class Refusal:
    """An address that comes too often; `is_first` in ADDRESS_TIME."""

    wait: timedelta
    is_first: bool


class Attempts:
    """Who tries to guess, in one operations store. What takes a connection is a part of its
    caller's transaction."""

    def __init__(self, operations: Operations, most_of_address: int = MOST_OF_ADDRESS) -> None:
        self._operations, self._most = operations, most_of_address
        self._key: bytes | None = None

    def begin(self, connection: Connection, who: Guesser, now: datetime) -> Attempt:
        """Count a guess that is about to be looked at."""
        digest = self._of(who)
        is_it = FAILED.c.digest == digest
        row = connection.execute(select(FAILED).where(is_it)).first()
        count = _in_a_row(row.failures, now - row.last_at) if row else 0
        if row and count >= MOST_IN_A_ROW:
            return Attempt(wait=row.last_at + LOCKED - now)
        values = {"failures": count + 1, "last_at": now}
        change = update_of(FAILED).where(is_it) if row else insert(FAILED)
        if row is None:
            values |= {"digest": digest, "of_name": self._digest(who.name)}
        connection.execute(change.values(values))
        return Attempt(count + 1)

    def fits(self, who: Guesser, kept: str | None, password: str) -> bool:
        """Look at a guess that was counted: whether it is the password. Busy where it cannot be
        looked at now; it does not count then."""
        try:
            with self.alone(who):
                return passwords.fits(kept, password, not who.is_known)
        except passwords.Busy:
            row = update_of(FAILED).where(FAILED.c.digest == self._of(who), FAILED.c.failures > 0)
            with self._operations.writing() as connection:
                connection.execute(row.values(failures=FAILED.c.failures - 1))
            raise

    def alone(self, who: Guesser) -> AbstractContextManager[None]:
        """While it lasts no other of whom this account knows has a password looked at, however many
        sessions and browsers he has; Busy. Strangers have rooms of their own."""
        return passwords.alone(self._digest(who.name)) if who.is_known else nullcontext()

    def locked(self, connection: Connection, names: Iterable[str], now: datetime) -> set[str]:
        """Which of these names strangers, or a browser that is known, may not try just now."""
        asked = select(FAILED.c.of_name).where(
            FAILED.c.failures >= MOST_IN_A_ROW, FAILED.c.last_at > now - LOCKED
        )
        found = set(connection.execute(asked).scalars())
        return {name for name in names if self._digest(name) in found}

    def forgive(self, connection: Connection, who: Guesser) -> None:
        """The last guess was right: those that others failed go on counting."""
        connection.execute(delete(FAILED).where(FAILED.c.digest == self._of(who)))

    def unlock(self, connection: Connection, name: str) -> None:
        """Somebody who may lets everybody try the name again."""
        connection.execute(delete(FAILED).where(FAILED.c.of_name == self._digest(name)))

    def refusal(
        self, connection: Connection, who: Guesser, address: str | None, now: datetime
    ) -> Refusal | None:
        """Count a try from an address, from where a known browser stands, which shares it with no
        other name, or of a session, which gives none; a refusal, uncounted, where it had its share
        just now."""
        address = self._counted(who, address)
        recent = select(TRIED.c.at, TRIED.c.is_refused)
        recent = recent.where(TRIED.c.address == address, TRIED.c.at > now - ADDRESS_TIME)
        rows = connection.execute(recent.order_by(TRIED.c.at)).all()
        admitted = [row.at for row in rows if not row.is_refused]
        is_refused = len(admitted) >= self._most
        is_first = not any(row.is_refused for row in rows)
        if not is_refused or is_first:
            row = {"address": address, "at": now, "is_refused": is_refused}
            connection.execute(insert(TRIED).values(row))
        if not is_refused:
            return None
        return Refusal(admitted[-self._most] + ADDRESS_TIME - now, is_first)

    def _counted(self, who: Guesser, address: str | None) -> str:
        """Not by a browser's secret: whoever signs in gets another."""
        if not who.is_known:
            return network(address)
        told = self._of(who) if address is None else json.dumps([who.name, network(address)])
        return self._digest(told)[:LONGEST_ADDRESS]

    def _of(self, who: Guesser) -> str:
        if who.secret is None:
            return self._digest(who.name)
        return self._digest(json.dumps([who.name, who.secret]))

    def _digest(self, name: str) -> str:
        if self._key is None:
            self._key = derived_key(self._operations.home, "sign-in names")
        told = name.encode("utf-8", "surrogatepass")
        return hmac.new(self._key, told, hashlib.sha256).hexdigest()


def lock(actor: str, subject: str, who: Guesser) -> Entry:
    """What the audit says when the last guess has failed."""
    told = {"browser": "known" if who.is_known else "strange"}
    return entry(actor, "account.lock", subject, minutes=LOCKED // timedelta(minutes=1), **told)


def plain(address: str | None) -> str:
    """An address as it is kept and shown; "—" for what is none."""
    found = _address(address)
    return str(found) if found else "—"


def network(address: str | None) -> str:
    """Who stands behind an address: of IPv6 its /64, for one line has as many as it likes."""
    found = _address(address)
    if isinstance(found, IPv6Address):
        return str(ip_network((int(found), 64), strict=False))
    return plain(address)


def _address(given: str | None) -> IPv4Address | IPv6Address | None:
    """Without the zone that may follow an IPv6 address: any text."""
    try:
        found = ip_address(given or "")
    except ValueError:
        return None
    if isinstance(found, IPv4Address):
        return found
    return found.ipv4_mapped or IPv6Address(int(found))


def _in_a_row(count: int, ago: timedelta) -> int:
    is_over = ago >= (LOCKED if count >= MOST_IN_A_ROW else REMEMBERED)
    return 0 if is_over else count
