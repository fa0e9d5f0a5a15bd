"""Making, changing and disabling accounts; none is ever deleted, so that what the audit says of one
is always said of the same."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select
from sqlalchemy import update as update_of

from access import one_time, password_life, passwords
from access.account import (
    ACCOUNT_LIMITS,
    ACCOUNTS,
    BOUND,
    DEPARTMENT,
    LONGEST_NAME,
    LONGEST_SUBJECT,
    NAME,
    REGION,
    UNBOUND,
    Account,
    account_named,
    accounts_where,
)
from access.attempts import Attempt, Attempts, Guesser, lock
from access.audit import CONSOLE, REFUSED, Audit, entry
from access.devices import check_region
from access.last_here import LastHere, last_here
from access.operations import Operations, OperationsError
from access.roles import ROLES, Power
from access.sessions import Sessions
from data.scope import LONGEST_VALUE

SUBJECT = re.compile(r"https?://[^\s]+ [^\s].*")  # issuer and subject, as OpenID Connect has them
NOT_ONESELF = "自己的岗位、范围和统一身份请由另一位管理员修改"
NOT_AS_SEEN = "这个账号刚被改过，请重新点“修改”"

Limits = list[tuple[str, str]]  # kind, value


class Accounts:
    """The accounts of one operations store. Safe for threads and processes."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations
        self._audit = Audit(operations)
        self._attempts = Attempts(operations)
        self._sessions = Sessions(operations)

    def add(
        self,
        name: str,
        shown: str,
        role: str,
        now: datetime,
        regions: Iterable[str] = (),
        departments: Iterable[str] = (),
        password: str | None = None,
        by: str = CONSOLE,
        is_demo: bool = False,
        oidc_subject: str | None = None,
    ) -> str:
        """A new account's first password, made here where none is given; OperationsError where that
        cannot be. One that was made here, or that another account gave, must be changed at the
        first sign-in. `regions` are LEVEL:CODE, `oidc_subject` an issuer and a subject."""
        limits = _checked(name, shown, role, regions, departments)
        first = passwords.made() if password is None else password
        _check_strength(first, name)
        row = {
            "name": name,
            "shown": shown.strip(),
            "role": role,
            "digest": passwords.hashed(first),
            "must_change": password is None or by != CONSOLE,
            "is_demo": is_demo,
            "added_at": now,
            "changed_at": now,
            "password_at": now,
        }
        with self._audit.writing() as (connection, note):
            if account_named(connection, name):
                raise OperationsError(f"已有账号 {name}；停用的账号名也不能再用，可以重新启用它")
            connection.execute(insert(ACCOUNTS).values(row))
            account = _named(connection, name)
            _set_limits(connection, account.id, limits)
            subject = _checked_subject(connection, account, oidc_subject)
            _update(connection, account, now, oidc_subject=subject)
            bound = {"single": _bound(None, subject)} if subject else {}
            note(entry(by, "account.add", name, role=role, **_told(limits), **bound), now)
        return first

    def all(self) -> list[Account]:
        """Every account that ever was, by name."""
        with self._operations.reading() as connection:
            return accounts_where(connection)

    def of(self, name: str) -> Account | None:
        """The account of this name, disabled or not."""
        with self._operations.reading() as connection:
            return account_named(connection, name) if NAME.fullmatch(name) else None

    def last_here(self, account: Account, token: str | None) -> LastHere:
        """Who was here before the session with this token, and what was done to the account."""
        with self._operations.reading() as connection:
            begun_at = self._sessions.begun_at(connection, token)
            return last_here(connection, account.id, account.name, begun_at)

    def change(
        self,
        name: str,
        now: datetime,
        by: str,
        *,
        shown: str | None = None,
        role: str | None = None,
        regions: Iterable[str] | None = None,
        departments: Iterable[str] | None = None,
        oidc_subject: str | None = None,
        seen: datetime | None = None,
    ) -> None:
        """Change what is given; None stays as it is, and an `oidc_subject` of "" is taken away.
        Another role or another limit ends the account's sessions, and so does the loss of the
        `oidc_subject` that it had. OperationsError where that cannot be: of the own account `by`
        may change no more than how it is called, and nobody one that is not as he saw it, which
        was `seen` at its changed_at."""
        with self._audit.writing() as (connection, note):
            account = _named(connection, name)
            if seen not in (None, account.changed_at):
                raise OperationsError(NOT_AS_SEEN)
            role = account.role if role is None else role
            shown = account.shown if shown is None else shown.strip()
            kept = _limits_of(account)
            limits = _checked(
                name,
                shown,
                role,
                _values(kept, REGION) if regions is None else regions,
                _values(kept, DEPARTMENT) if departments is None else departments,
            )
            subject = _checked_subject(connection, account, oidc_subject)
            is_limited_otherwise = role != account.role or set(limits) != set(kept)
            if by == name and (is_limited_otherwise or subject != account.oidc_subject):
                raise OperationsError(NOT_ONESELF)
            _keep_an_administrator(connection, account, role)
            _update(connection, account, now, shown=shown, role=role, oidc_subject=subject)
            if is_limited_otherwise:
                _set_limits(connection, account.id, limits)
            if is_limited_otherwise or account.oidc_subject not in (None, subject):
                self._sessions.end_of(connection, account.id, now)
            said = _changes(account, shown, role, limits, subject)
            note(entry(by, "account.change", name, **said), now)

    def disable(self, name: str, now: datetime, by: str = CONSOLE) -> None:
        """Refuse an account from now on, and end its sessions."""
        with self._audit.writing() as (connection, note):
            account = _named(connection, name)
            if account.disabled_at is not None:
                raise OperationsError(f"账号 {name} 已经停用")
            _keep_an_administrator(connection, account, role=None)
            _update(connection, account, now, disabled_at=now)
            self._sessions.end_of(connection, account.id, now)
            note(entry(by, "account.disable", name), now)

    def enable(self, name: str, now: datetime, by: str = CONSOLE) -> None:
        """Let a disabled account sign in again."""
        with self._audit.writing() as (connection, note):
            account = _named(connection, name)
            if account.disabled_at is None:
                raise OperationsError(f"账号 {name} 没有停用")
            _update(connection, account, now, disabled_at=None)
            note(entry(by, "account.enable", name), now)

    def reset_password(self, name: str, now: datetime, by: str = CONSOLE) -> str:
        """A new password, to be changed at the next sign-in; ends the account's sessions, and its
        lock."""
        new = passwords.made()
        values = {"digest": passwords.hashed(new), "must_change": True, "password_at": now}
        with self._audit.writing() as (connection, note):
            account = _named(connection, name)
            former = _digest_of(connection, account)
            password_life.replace(connection, account.id, former, now)
            _update(connection, account, now, **values)
            self._attempts.unlock(connection, name)
            self._sessions.end_of(connection, account.id, now)
            note(entry(by, "account.reset", name), now)
        return new

    def set_password(
        self, name: str, old: str, new: str, now: datetime, keep: str | None = None
    ) -> None:
        """The account's own change. Ends its sessions but the one with the token `keep`: who knew
        the old password is out. A wrong `old` counts against the session, or as a stranger's failed
        sign-in; OperationsError."""
        _check_strength(new, name)
        if passwords.is_same(new, old):
            raise OperationsError("新口令不能与原口令相同")
        kept = self._proved(name, old, now, keep)
        with self._attempts.alone(Guesser(name, keep)):
            self._check_unused(name, new)
            digest = passwords.hashed(new)
        values = {"digest": digest, "must_change": False, "password_at": now}
        with self._audit.writing() as (connection, note):
            account = _named(connection, name)
            if _digest_of(connection, account) != kept:
                raise OperationsError("口令刚刚被改过，请重新登录")
            password_life.replace(connection, account.id, kept, now)
            _update(connection, account, now, **values)
            self._sessions.end_of(connection, account.id, now, keep)
            note(entry(name, "account.password", name), now)

    def start_totp(
        self, name: str, now: datetime, password: str | None = None, session: str | None = None
    ) -> str:
        """The otpauth:// address of new codes, which are asked for once one is confirmed. Where a
        `password` is given it must be the account's; a wrong one counts against the session with
        this token, or as a stranger's failed sign-in."""
        secret = one_time.made()
        if password is not None:
            self._proved(name, password, now, session)
        with self._operations.writing() as connection:
            account = _named(connection, name)
            if account.has_totp:
                raise OperationsError("已经启用动态验证码；要换手机，请管理员先取消")
            _update(connection, account, now, totp_secret=secret)
        return one_time.address(secret, name)

    def confirm_totp(self, name: str, code: str, now: datetime) -> None:
        """From now on the account needs a code to sign in; OperationsError where this is none."""
        with self._audit.writing() as (connection, note):
            account = _named(connection, name)
            is_it = ACCOUNTS.c.id == account.id
            secret = connection.execute(select(ACCOUNTS.c.totp_secret).where(is_it)).scalar()
            if account.has_totp or secret is None:
                raise OperationsError("没有待确认的动态验证码，请重新开始")
            step = one_time.step_of(secret, code, now, None)
            if step is None:
                raise OperationsError("验证码不对；请看手机时间是否准确")
            _update(connection, account, now, totp_last_step=step)
            note(entry(name, "account.totp", name), now)

    def drop_totp(self, name: str, now: datetime, by: str = CONSOLE) -> None:
        """No more codes, as when the telephone is lost."""
        with self._audit.writing() as (connection, note):
            none = {"totp_secret": None, "totp_last_step": None}
            _update(connection, _named(connection, name), now, **none)
            note(entry(by, "account.totp.drop", name), now)

    def _check_unused(self, name: str, new: str) -> None:
        """After the old password was proved: who does not know it must not learn of others."""
        with self._operations.reading() as connection:
            former = password_life.former(connection, _named(connection, name).id)
        if any(passwords.fits(digest, new) for digest in former):
            raise OperationsError(f"新口令不能与最近 {password_life.DIFFERENT} 次用过的口令相同")

    def _proved(self, name: str, password: str, now: datetime, session: str | None) -> str:
        """The digest that this password fits. Whoever guesses in a session is no stranger: those
        cannot keep the account's owner from a change, nor he them out."""
        who = Guesser(name, session)
        refusal = entry(name, "account.password", name, REFUSED)
        with self._audit.writing() as (connection, note):
            kept = _digest_of(connection, _named(connection, name))
            often = self._attempts.refusal(connection, who, None, now) if who.is_known else None
            attempt = Attempt() if often else self._attempts.begin(connection, who, now)
            if attempt.wait or (often and often.is_first):
                note(refusal, now)
        if often:
            raise OperationsError("操作太频繁，请一分钟后再试")
        if attempt.wait:
            raise OperationsError(f"原口令输错太多次，请 {attempt.minutes} 分钟后再试")
        if not self._attempts.fits(who, kept, password):
            with self._audit.writing() as (_, note):
                note(refusal, now)
                if attempt.is_last:
                    note(lock(name, name, who), now)
            raise OperationsError("原口令不对")
        with self._operations.writing() as connection:
            self._attempts.forgive(connection, who)
        return kept


def _checked(
    name: str, shown: str, role: str, regions: Iterable[str], departments: Iterable[str]
) -> Limits:
    """The limits of an account that can be."""
    if not NAME.fullmatch(name) or name == CONSOLE:
        raise OperationsError("账号名应为 2 到 40 个小写字母、数字或 _ . -，以字母开头")
    if not 0 < len(shown.strip()) <= LONGEST_NAME or not shown.isprintable():
        raise OperationsError(f"显示名应为 1 到 {LONGEST_NAME} 个字")
    if role not in ROLES:
        raise OperationsError(f"没有角色 {role[:60]!r}；可用：{'、'.join(ROLES)}")
    limits = [(REGION, region) for region in regions]
    limits += [(DEPARTMENT, department) for department in departments]
    for kind, value in limits:
        _check_limit(kind, value)
    if ROLES[role].is_limited and not limits:
        raise OperationsError(f"{ROLES[role].name}账号要指明区域或部门")
    return list(dict.fromkeys(limits))


def _check_limit(kind: str, value: str) -> None:
    if not value.isprintable():
        raise OperationsError("区域和部门的编码里有不能显示的字符")
    if kind == REGION:
        check_region(value)
    elif not 0 < len(value) <= LONGEST_VALUE:
        raise OperationsError(f"部门编码应为 1 到 {LONGEST_VALUE} 个字符")


def _check_strength(password: str, name: str) -> None:
    if weak := passwords.weakness(password, name):
        raise OperationsError(weak)


def _checked_subject(connection: Connection, account: Account, given: str | None) -> str | None:
    if given is None:
        return account.oidc_subject
    subject = given.strip()
    if not subject:
        return None
    if not SUBJECT.fullmatch(subject) or len(subject) > LONGEST_SUBJECT:
        raise OperationsError("统一身份应为“签发方地址 用户标识”，如 https://sso.example.cn u-001")
    others = ACCOUNTS.c.oidc_subject == subject, ACCOUNTS.c.id != account.id
    if accounts_where(connection, *others):
        raise OperationsError("这个统一身份已经属于另一个账号")
    return subject


def _changes(
    account: Account, shown: str, role: str, limits: Limits, subject: str | None
) -> dict[str, str]:
    """What the audit says of a change: from what to what, and nothing of what stays."""
    kept = _limits_of(account)
    pairs = {
        "shown": (account.shown, shown),
        "role": (_role_name(account.role), _role_name(role)),
        REGION: (_spelled(kept, REGION), _spelled(limits, REGION)),
        DEPARTMENT: (_spelled(kept, DEPARTMENT), _spelled(limits, DEPARTMENT)),
    }
    said = {key: f"{old} → {new}" for key, (old, new) in pairs.items() if old != new}
    if subject != account.oidc_subject:
        said["single"] = _bound(account.oidc_subject, subject)
    return said


def _role_name(role: str) -> str:
    return ROLES[role].name if role in ROLES else role


def _spelled(limits: Limits, kind: str) -> str:
    return " ".join(sorted(_values(limits, kind))) or "不限"


def _bound(old: str | None, new: str | None) -> str:
    """Whoever may bind a subject may come in by it."""
    return f"{BOUND if new else UNBOUND}：{old or '未绑定'} → {new or '未绑定'}"


def _keep_an_administrator(connection: Connection, account: Account, role: str | None) -> None:
    """Somebody must be able to undo what is done here; `role` is what the account is to become."""
    able = [key for key, each in ROLES.items() if Power.ACCOUNTS in each.powers]
    if account.role not in able or account.disabled_at is not None or role in able:
        return
    others = ACCOUNTS.c.role.in_(able), ACCOUNTS.c.disabled_at.is_(None)
    asked = select(func.count()).where(*others, ACCOUNTS.c.id != account.id)
    if not connection.execute(asked).scalar_one():
        raise OperationsError("这是最后一个在用的管理员账号，不能停用或改作别的角色")


def _named(connection: Connection, name: str) -> Account:
    account = account_named(connection, name) if NAME.fullmatch(name) else None
    if account is None:
        raise OperationsError(f"没有账号 {name[:60]!r}")
    return account


def _digest_of(connection: Connection, account: Account) -> str:
    asked = select(ACCOUNTS.c.digest).where(ACCOUNTS.c.id == account.id)
    return connection.execute(asked).scalar_one()


def _update(connection: Connection, account: Account, now: datetime, **values: Any) -> None:
    row = update_of(ACCOUNTS).where(ACCOUNTS.c.id == account.id)
    connection.execute(row.values(**values, changed_at=now))


def _set_limits(connection: Connection, account: int, limits: Limits) -> None:
    connection.execute(delete(ACCOUNT_LIMITS).where(ACCOUNT_LIMITS.c.account == account))
    for kind, value in limits:
        row = {"account": account, "kind": kind, "value": value}
        connection.execute(insert(ACCOUNT_LIMITS).values(row))


def _limits_of(account: Account) -> Limits:
    regions = [(REGION, f"{level}:{code}") for level, code in account.regions]
    return regions + [(DEPARTMENT, code) for code in account.departments]


def _values(limits: Limits, kind: str) -> list[str]:
    return [value for each, value in limits if each == kind]


def _told(limits: Limits) -> dict[str, str]:
    """What the audit says of limits."""
    told = {kind: " ".join(_values(limits, kind)) for kind in (REGION, DEPARTMENT)}
    return {kind: text for kind, text in told.items() if text}
