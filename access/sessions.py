"""Sessions: a browser is known by a token from signing in until it is idle, too old or ended."""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    Index,
    Integer,
    Row,
    String,
    Table,
    insert,
    select,
)
from sqlalchemy import update as update_of

from access import password_life
from access.account import ACCOUNTS, Account, account_named, accounts_where
from access.attempts import LONGEST_ADDRESS, plain
from access.audit import CONSOLE, Audit, entry
from access.operations import (
    FAILURES,
    KEPT,
    LOGS_KEPT,
    METADATA,
    Kept,
    Moment,
    Operations,
    OperationsError,
)
from access.tokens import BROKEN, Seals, made, moment

IDLE = timedelta(minutes=15)
LONGEST = timedelta(hours=8)
SEEN_EVERY = timedelta(minutes=1)  # a write for each request would cost more than the request
LONGEST_AGENT = 120  # characters
PASSWORD, OIDC = "password", "oidc"  # the ways to sign in

SESSIONS = Table(
    "sessions",
    METADATA,
    Column("digest", String(64), primary_key=True),  # access/tokens.py
    Column("account", Integer, ForeignKey(ACCOUNTS.c.id), nullable=False),
    Column("begun_at", Moment, nullable=False),
    Column("seen_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("address", String(LONGEST_ADDRESS), nullable=False),
    Column("agent", String(LONGEST_AGENT), nullable=False),
    Column("way", String(10), nullable=False),
    Column("seal", String(64), nullable=False, server_default=BROKEN),
    Index("sessions_of_account", "account"),
    info={KEPT: Kept(LOGS_KEPT, lambda before: SESSIONS.c.begun_at < before)},
)

log = structlog.get_logger()


@dataclass(frozen=True)
class Session:
    """A session that runs; `account` is a name, `seen_at` true to the minute."""

    account: str
    shown: str
    begun_at: datetime
    seen_at: datetime
    address: str
    agent: str
    way: str


class Sessions:
    """The sessions of one operations store. Safe for threads and processes."""

    def __init__(
        self,
        operations: Operations,
        idle: timedelta = IDLE,
        longest: timedelta = LONGEST,
        only_one: bool = False,
    ) -> None:
        """One ends after `idle` without an active request, and `longest` after it began;
        `only_one`: signing in ends the account's others."""
        self._operations = operations
        self._audit = Audit(operations)
        self._seals = Seals(operations.home, SESSIONS.name)
        self._idle, self._longest, self._only_one = idle, longest, only_one
        self._password_days = password_life.most_days()

    def begin(
        self,
        account: Account,
        now: datetime,
        address: str | None,
        agent: str,
        way: str,
        ended: str | None = None,
    ) -> str:
        """A new session's token, which is kept nowhere. `ended` is the one that the browser had
        before: it is worthless from now on, whoever else knows it."""
        with self._operations.writing() as connection:
            return self.begin_in(connection, account.id, now, address, agent, way, ended)

    def begin_in(
        self,
        connection: Connection,
        account: int,
        now: datetime,
        address: str | None,
        agent: str,
        way: str,
        ended: str | None,
    ) -> str:
        """`begin`, as a part of the caller's transaction."""
        if ended:
            _end(connection, now, SESSIONS.c.digest == self._seals.digest(ended))
        if self._only_one:
            self.end_of(connection, account, now)
        token = made()
        digest = self._seals.digest(token)
        row = {
            "digest": digest,
            "seal": self._seals.seal(digest, account, way, moment(now)),
            "account": account,
            "begun_at": now,
            "seen_at": now,
            "address": plain(address),
            "agent": "".join(c for c in agent[:LONGEST_AGENT] if c.isprintable()),
            "way": way,
        }
        connection.execute(insert(SESSIONS).values(row))
        return token

    def of(self, token: str | None, now: datetime, is_active: bool) -> Account | None:
        """The account, not disabled, whose running session has this token. Asked anew each time:
        what is ended or changed holds at once. `is_active`: somebody did something, as against a
        page that asks by itself; the session is then good for another `idle`, or a minute more."""
        if not token:
            return None
        digest = self._seals.digest(token)
        asked = select(SESSIONS).where(SESSIONS.c.digest == digest, *self._runs(now))
        with self._operations.reading() as connection:
            row = connection.execute(asked).first()
            is_it = (ACCOUNTS.c.id == row.account, ACCOUNTS.c.disabled_at.is_(None)) if row else ()
            account = next(iter(accounts_where(connection, *is_it)), None) if row else None
        if row is None or account is None or not self._is_sealed(row):
            return None
        if is_active and now - row.seen_at >= SEEN_EVERY:
            with suppress(*FAILURES):  # who may ask, may also while nothing can be written
                self._note_seen(row, now)
        return self.signed_in(account, row.way, row.begun_at)

    def signed_in(self, account: Account, way: str, begun_at: datetime) -> Account:
        """The account, as the way by which it came makes it: who came by single sign-on has no
        password here that must be changed, and another must change one that is too old."""
        if way != PASSWORD:
            return replace(account, must_change=False)
        left = password_life.days_left(account, begun_at, self._password_days)
        is_over = left is not None and left <= 0
        return replace(account, must_change=account.must_change or is_over)

    def begun_at(self, connection: Connection, token: str | None) -> datetime | None:
        """When the session with this token began, over or not; None where there is none."""
        is_it = SESSIONS.c.digest == self._seals.digest(token or "")
        return connection.execute(select(SESSIONS.c.begun_at).where(is_it)).scalar()

    def end(self, token: str | None, now: datetime) -> None:
        """Sign out: nothing where the session has ended already."""
        is_it = SESSIONS.c.digest == self._seals.digest(token or "")
        asked = select(ACCOUNTS.c.name).join(SESSIONS).where(is_it, *self._runs(now))
        with self._audit.writing() as (connection, note):
            name = connection.execute(asked).scalar()
            if name is not None:
                _end(connection, now, is_it)
                note(entry(name, "session.end", name), now)

    def end_all(self, account_name: str, now: datetime, by: str = CONSOLE) -> int:
        """End the sessions of an account, and say how many ran; OperationsError where there is no
        such account."""
        with self._audit.writing() as (connection, note):
            account = account_named(connection, account_name)
            if account is None:
                raise OperationsError(f"没有账号 {account_name[:60]!r}")
            running = SESSIONS.c.account == account.id, *self._runs(now)
            count = len(connection.execute(select(SESSIONS.c.digest).where(*running)).all())
            self.end_of(connection, account.id, now)
            note(entry(by, "session.end", account_name, sessions=count), now)
        return count

    def end_of(
        self, connection: Connection, account: int, now: datetime, keep: str | None = None
    ) -> None:
        """End those of an account but the one with the token `keep`, in the caller's
        transaction."""
        kept = self._seals.digest(keep) if keep else ""
        _end(connection, now, SESSIONS.c.account == account, SESSIONS.c.digest != kept)

    def all(self, now: datetime) -> list[Session]:
        """Those that run, the newest first."""
        s = SESSIONS.c
        columns = (s.begun_at, s.seen_at, s.address, s.agent, s.way)
        asked = select(ACCOUNTS.c.name.label("account"), ACCOUNTS.c.shown, *columns)
        runs = *self._runs(now), ACCOUNTS.c.disabled_at.is_(None)
        with self._operations.reading() as connection:
            rows = connection.execute(asked.join(ACCOUNTS).where(*runs).order_by(s.begun_at.desc()))
            return [Session(**row) for row in rows.mappings()]

    def _runs(self, now: datetime) -> tuple[ColumnElement[bool], ...]:
        # What was seen less than SEEN_EVERY after `seen_at` was not written: nobody is idle before.
        return (
            SESSIONS.c.ended_at.is_(None),
            SESSIONS.c.begun_at > now - self._longest,
            SESSIONS.c.seen_at > now - self._idle - SEEN_EVERY,
        )

    def _is_sealed(self, row: Row) -> bool:
        """Whether the row is as it was when somebody signed in."""
        opens = row.account, row.way, moment(row.begun_at)
        if self._seals.holds(row.seal, row.digest, *opens):
            return True
        log.error("session was changed in the store", account=row.account)
        return False

    def _note_seen(self, row: Row, now: datetime) -> None:
        with self._operations.writing() as connection:
            is_it = SESSIONS.c.digest == row.digest, SESSIONS.c.seen_at <= now - SEEN_EVERY
            connection.execute(update_of(SESSIONS).where(*is_it).values(seen_at=now))


def _end(connection: Connection, now: datetime, *is_it: ColumnElement[bool]) -> None:
    change = update_of(SESSIONS).where(*is_it, SESSIONS.c.ended_at.is_(None))
    connection.execute(change.values(ended_at=now, seal=BROKEN))
