"""Who was here last: what somebody must know to find out that another signed in as him."""

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, func, or_, select

from access.account import UNBOUND
from access.audit import AUDIT, REFUSED
from access.sessions import SESSIONS

GUESSED = ("sign_in", "account.password")  # refused: a wrong password or code, or a locked account
DONE_TO = ("account.reset", "account.totp.drop")  # by which others can come in
CHANGE = "account.change"  # of which the owner is told where it is of the single sign-on
SINGLE = '"single":"'  # as it stands in the detail; in a value each quote has a backslash
MOST = 3  # of what others did


@dataclass(frozen=True)
class SignedIn:
    """Somebody signed in: when, from where, in which way."""

    at: datetime
    address: str
    way: str


@dataclass(frozen=True)
class Deed:
    """What another did to the account; `action` as the audit has it, and of CHANGE whether it bound
    an identity of single sign-on, or took it away."""

    at: datetime
    actor: str
    action: str
    is_bound: bool | None = None


@dataclass(frozen=True)
class LastHere:
    """The sign-in before the present one, None = none is known; how many were refused since; what
    others did, the newest first."""

    before: SignedIn | None
    refused: int
    deeds: tuple[Deed, ...]


def last_here(
    connection: Connection, account: int, name: str, begun_at: datetime | None
) -> LastHere:
    """What is known of an account; `begun_at` is when the present session began."""
    before = _before(connection, account, begun_at)
    return LastHere(before, _refused(connection, name, before), _deeds(connection, name))


def _before(connection: Connection, account: int, begun_at: datetime | None) -> SignedIn | None:
    s = SESSIONS.c
    asked = select(s.begun_at, s.address, s.way).where(s.account == account)
    if begun_at is not None:
        asked = asked.where(s.begun_at < begun_at)
    row = connection.execute(asked.order_by(s.begun_at.desc()).limit(1)).first()
    return SignedIn(*row) if row else None


def _refused(connection: Connection, name: str, before: SignedIn | None) -> int:
    is_it = [AUDIT.c.subject == name, AUDIT.c.action.in_(GUESSED), AUDIT.c.result == REFUSED]
    if before is not None:
        is_it.append(AUDIT.c.at > before.at)
    return connection.execute(select(func.count()).where(*is_it)).scalar_one()


def _deeds(connection: Connection, name: str) -> tuple[Deed, ...]:
    is_single = and_(AUDIT.c.action == CHANGE, AUDIT.c.detail.contains(SINGLE))
    asked = select(AUDIT.c.at, AUDIT.c.actor, AUDIT.c.action, AUDIT.c.detail).where(
        AUDIT.c.subject == name,
        or_(AUDIT.c.action.in_(DONE_TO), is_single),
        AUDIT.c.actor != name,
    )
    rows = connection.execute(asked.order_by(AUDIT.c.seq.desc()).limit(MOST))
    return tuple(Deed(at, actor, action, _is_bound(detail)) for at, actor, action, detail in rows)


def _is_bound(detail: str) -> bool | None:
    single = json.loads(detail).get("single")
    return None if single is None else not single.startswith(UNBOUND)
