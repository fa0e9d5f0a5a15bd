"""An account: who may sign in, with which role, for which regions and departments."""

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    Integer,
    String,
    Table,
    select,
)

from access.operations import METADATA, Moment
from access.roles import ROLES, Power
from data.scope import LONGEST_VALUE, Filter

NAME = re.compile(r"[a-z][a-z0-9_.-]{1,39}")
LONGEST_NAME = 40  # characters; of the shown name too
LONGEST_SUBJECT = 300  # characters of issuer and subject
BOUND, UNBOUND = "绑定", "解除"  # what the audit says first of a change of the single sign-on
REGION, DEPARTMENT = "region", "department"  # the kinds of limit

ACCOUNTS = Table(
    "accounts",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", String(LONGEST_NAME), nullable=False, unique=True),  # never given a second time
    Column("shown", String(LONGEST_NAME), nullable=False),
    Column("role", String(20), nullable=False),
    Column("digest", String(200), nullable=False),  # argon2id of the password
    Column("must_change", Boolean, nullable=False),
    Column("totp_secret", String(64)),
    Column("totp_last_step", Integer),  # of the newest code used; none = not confirmed yet
    Column("oidc_subject", String(LONGEST_SUBJECT), unique=True),  # "ISSUER SUBJECT"
    Column("is_demo", Boolean, nullable=False),
    Column("added_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("password_at", Moment, nullable=False),
    Column("disabled_at", Moment),
)
ACCOUNT_LIMITS = Table(  # where there are none of a kind, none hold
    "account_limits",
    METADATA,
    Column("account", Integer, ForeignKey(ACCOUNTS.c.id), primary_key=True),
    Column("kind", String(20), primary_key=True),
    Column("value", String(31 + 1 + LONGEST_VALUE), primary_key=True),  # a region as LEVEL:CODE
)


@dataclass(frozen=True)
class Account:
    """An account as everybody may know it: neither its password nor the secret of its codes.

    `regions` are (level, code) of the tree and `departments` codes for which it works; () = any.
    """

    id: int
    name: str
    shown: str
    role: str
    must_change: bool
    has_totp: bool
    oidc_subject: str | None
    is_demo: bool
    added_at: datetime
    changed_at: datetime
    password_at: datetime
    disabled_at: datetime | None
    regions: tuple[Filter, ...] = ()
    departments: tuple[str, ...] = ()

    @property
    def powers(self) -> frozenset[Power]:
        """What it may do; nothing where its role is no more."""
        role = ROLES.get(self.role)
        return role.powers if role else frozenset()


_SECRET = {"digest", "totp_secret", "totp_last_step"}
_KNOWN = select(
    *(column for column in ACCOUNTS.c if column.name not in _SECRET),
    ACCOUNTS.c.totp_last_step.is_not(None).label("has_totp"),
)


def accounts_where(connection: Connection, *is_it: ColumnElement[bool]) -> list[Account]:
    """Those of which all of this is true, by name."""
    rows = connection.execute(_KNOWN.where(*is_it).order_by(ACCOUNTS.c.name)).mappings().all()
    limits = _limits(connection, *is_it) if rows else {}
    return [_account(dict(row), limits.get(row["id"], [])) for row in rows]


def account_named(connection: Connection, name: str) -> Account | None:
    """The account of this name, disabled or not."""
    return next(iter(accounts_where(connection, ACCOUNTS.c.name == name)), None)


def _limits(connection: Connection, *is_it: ColumnElement[bool]) -> dict[int, list[tuple]]:
    limits = ACCOUNT_LIMITS.c
    asked = select(limits.account, limits.kind, limits.value).join(ACCOUNTS).where(*is_it)
    found = defaultdict(list)
    for account, kind, value in connection.execute(asked.order_by(limits.value)):
        found[account].append((kind, value))
    return found


def _account(row: dict[str, Any], limits: list[tuple]) -> Account:
    regions = [value.partition(":") for kind, value in limits if kind == REGION]
    return Account(
        **row,
        regions=tuple((level, code) for level, _, code in regions),
        departments=tuple(value for kind, value in limits if kind == DEPARTMENT),
    )
