"""Signing in: by password, and a code where the account has one, or by single sign-on."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil

from sqlalchemy import ColumnElement, Connection, Row, select
from sqlalchemy import update as update_of

from access import one_time, passwords
from access.account import ACCOUNTS, NAME, Account, account_named, accounts_where
from access.attempts import (
    MOST_IN_A_ROW,
    MOST_OF_ADDRESS,
    Attempt,
    Attempts,
    Guesser,
    lock,
    plain,
)
from access.audit import CONSOLE, REFUSED, Audit, Note, entry
from access.known_browsers import KnownBrowsers
from access.operations import Operations, OperationsError
from access.sessions import OIDC, PASSWORD, Sessions

NOBODY = "—"  # a typed name that is no account's is written nowhere: it may be a password
WRONG = "账号、口令或验证码不对"  # whichever it was
LOCKED = f"连续输错 {MOST_IN_A_ROW} 次，账号已锁定，请 {{}} 分钟后再试"
OFTEN = "这个地址登录太频繁，请稍后再试"
UNKNOWN = "这个统一身份在本系统没有可用的账号，请联系管理员"
SOON = timedelta(seconds=5)  # after which another may try who found too many at it


class SignInRefused(Exception):
    """Nobody is signed in. `message` is Chinese, for the user; `wait_seconds` how long it is of no
    use to try again, if that is so."""

    def __init__(self, message: str, wait: timedelta | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.wait_seconds = ceil(wait.total_seconds()) if wait is not None else None


@dataclass(frozen=True)
class Signed:
    """Somebody who has signed in, the token of the session, and by what the browser is known from
    now on; None = by what it had."""

    token: str
    account: Account
    known: str | None = None


@dataclass(frozen=True)
class _Browser:
    """Where somebody signs in; `before` is the token that it had, `known` by what it is known."""

    address: str | None
    agent: str
    before: str | None
    known: str | None = None


class SignIn:
    """Who may come in, in one operations store. Safe for threads and processes."""

    def __init__(
        self,
        operations: Operations,
        sessions: Sessions | None = None,
        most_of_address: int = MOST_OF_ADDRESS,
    ) -> None:
        """`most_of_address`: how many tries a minute one address has."""
        self._operations = operations
        self._sessions = sessions or Sessions(operations)
        self._audit = Audit(operations)
        self._attempts = Attempts(operations, most_of_address)
        self._browsers = KnownBrowsers(operations.home)

    def by_password(
        self,
        name: str,
        password: str,
        code: str | None,
        now: datetime,
        address: str | None,
        agent: str,
        before: str | None = None,
        known: str | None = None,
    ) -> Signed:
        """A session for who knows the password, and the code of this moment where the account needs
        one; `before` is ended. SignInRefused, in the same words and after the same work whatever
        was wrong."""
        name, browser = name.strip().lower(), _Browser(address, agent, before, known)
        who = Guesser(name, self._browsers.nonce(known, name, now))
        kept, attempt = self._begin(who, now, browser)
        is_right, renewed = self._look(who, kept, password)
        with self._audit.writing() as (connection, note):
            row = _row(connection, ACCOUNTS.c.name == name) if NAME.fullmatch(name) else None
            wrong, step = _judged(row, kept, is_right, code or "", now)
            if row is None or wrong:
                signed = None
                _note_refused(note, now, row, browser, wrong)
                if attempt.is_last:
                    note(lock(NOBODY, _subject(row), who), now)
            else:
                self._attempts.forgive(connection, who)
                _update(connection, row, totp_last_step=step, digest=renewed)
                signed = self._let_in(connection, note, row, now, browser, PASSWORD)
        if signed is None:
            raise SignInRefused(WRONG)
        return replace(signed, known=self._browsers.renewed(known, name, now))

    def by_subject(
        self,
        issuer: str,
        subject: str,
        now: datetime,
        address: str | None,
        agent: str,
        before: str | None = None,
    ) -> Signed:
        """A session for whom an identity provider vouches for; SignInRefused where no account, or a
        disabled one, has this subject."""
        browser = _Browser(address, agent, before)
        is_it = ACCOUNTS.c.oidc_subject == f"{issuer} {subject}"
        signed = None
        with self._audit.writing() as (connection, note):
            row = _row(connection, is_it) if f"{issuer}{subject}".isprintable() else None
            if row is None or row.disabled_at is not None:
                _note_refused(note, now, row, browser, "disabled" if row else "unknown", OIDC)
            else:
                signed = self._let_in(connection, note, row, now, browser, OIDC)
        self._operations.forget(now)
        if signed is None:
            raise SignInRefused(UNKNOWN)
        return signed

    def unlock(self, name: str, now: datetime, by: str = CONSOLE) -> None:
        """Let an account be tried again at once; OperationsError where there is none."""
        with self._audit.writing() as (connection, note):
            if not NAME.fullmatch(name) or account_named(connection, name) is None:
                raise OperationsError(f"没有账号 {name[:60]!r}")
            self._attempts.unlock(connection, name)
            note(entry(by, "account.unlock", name), now)

    def locked(self, names: Iterable[str], now: datetime) -> set[str]:
        """Which of these names are locked now, for strangers or for somebody who is known."""
        with self._operations.reading() as connection:
            return self._attempts.locked(connection, names, now)

    def _begin(self, who: Guesser, now: datetime, browser: _Browser) -> tuple[str | None, Attempt]:
        """The digest of the account's password, if there is one, and which guess this is."""
        name = who.name
        with self._audit.writing() as (connection, note):
            row = _row(connection, ACCOUNTS.c.name == name) if NAME.fullmatch(name) else None
            refusal = self._attempts.refusal(connection, who, browser.address, now)
            attempt = Attempt() if refusal else self._attempts.begin(connection, who, now)
            if refusal and refusal.is_first:  # of more than one a minute the audit would only grow
                _note_refused(note, now, row, browser, "address")
            if attempt.wait:
                _note_refused(note, now, row, browser, "locked")
        self._operations.forget(now)
        if refusal is not None:
            raise SignInRefused(OFTEN, refusal.wait)
        if attempt.wait is not None:
            raise SignInRefused(LOCKED.format(attempt.minutes), attempt.wait)
        return row.digest if row else None, attempt

    def _look(self, who: Guesser, kept: str | None, password: str) -> tuple[bool, str | None]:
        """Whether it is the password; and its new digest where the one kept is out of date."""
        try:
            is_right = self._attempts.fits(who, kept, password)
        except passwords.Busy as busy:
            raise SignInRefused(str(busy), SOON) from None
        if not is_right or kept is None or not passwords.is_outdated(kept):
            return is_right, kept
        with suppress(passwords.Busy):  # the next time, then
            return True, passwords.hashed(password)
        return True, kept

    def _let_in(
        self,
        connection: Connection,
        note: Note,
        row: Row,
        now: datetime,
        browser: _Browser,
        way: str,
    ) -> Signed:
        told = browser.address, browser.agent, way, browser.before
        token = self._sessions.begin_in(connection, row.id, now, *told)
        note(entry(row.name, "sign_in", row.name, way=way, address=plain(browser.address)), now)
        account = accounts_where(connection, ACCOUNTS.c.id == row.id)[0]
        return Signed(token, self._sessions.signed_in(account, way, now))


def _judged(
    row: Row | None, kept: str | None, is_right: bool, code: str, now: datetime
) -> tuple[str, int | None]:
    """What is wrong, "" for nothing; and the step of the code, where the account has codes."""
    if row is None:
        return "unknown", None
    if not is_right or row.digest != kept:  # or changed in the meantime
        return "password", None
    if row.disabled_at is not None:
        return "disabled", None
    if row.totp_last_step is None:
        return "", None
    step = one_time.step_of(row.totp_secret, code, now, row.totp_last_step)
    return "" if step is not None else "code", step


def _note_refused(
    note: Note, now: datetime, row: Row | None, browser: _Browser, why: str, way: str = PASSWORD
) -> None:
    told = {"way": way, "address": plain(browser.address), "why": why}
    note(entry(NOBODY, "sign_in", _subject(row), REFUSED, **told), now)


def _subject(row: Row | None) -> str:
    return row.name if row else NOBODY


def _row(connection: Connection, is_it: ColumnElement[bool]) -> Row | None:
    return connection.execute(select(ACCOUNTS).where(is_it)).first()


def _update(connection: Connection, row: Row, **values: int | str | None) -> None:
    connection.execute(update_of(ACCOUNTS).where(ACCOUNTS.c.id == row.id).values(**values))
