"""The life of a password: how long one may be used, and which were used before (等保 8.1.4.1)."""

import os
from datetime import datetime, timedelta

from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    delete,
    insert,
    select,
)

from access.account import ACCOUNTS, Account
from access.operations import METADATA, Moment, OperationsError

VARIABLE = "ZHINAO_PASSWORD_DAYS"  # 0 = a password may be used for ever
DAYS = 90
SOON = 10  # days before its end from which on its owner is told
DIFFERENT = 5  # passwords in a row, the present one among them

FORMER = Table(
    "former_passwords",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("account", Integer, ForeignKey(ACCOUNTS.c.id), nullable=False),
    Column("digest", String(200), nullable=False),  # argon2id of the password
    Column("replaced_at", Moment, nullable=False),
    Index("former_passwords_of_account", "account"),
)


def most_days() -> int:
    """For how many days a password may be used, 0 = for ever; OperationsError where VARIABLE is no
    number of days."""
    given = os.environ.get(VARIABLE) or str(DAYS)
    if not (given.isascii() and given.isdecimal()):
        raise OperationsError(f"{VARIABLE}：应为天数，0 为不限，现为 {given[:20]!r}")
    return int(given)


def days_used(account: Account, now: datetime) -> int:
    """Whole days since the password was given."""
    return (now - account.password_at) // timedelta(days=1)


def days_left(account: Account, now: datetime, most: int) -> int | None:
    """Whole days until the password must be changed, 0 and less when it must; None where it ages
    not: of the demo everybody may know it. Who came by another house's sign-in is not asked."""
    if not most or account.is_demo:
        return None
    return most - days_used(account, now)


def former(connection: Connection, account: int) -> list[str]:
    """The digests of the passwords that an account had, the newest first."""
    asked = select(FORMER.c.digest).where(FORMER.c.account == account)
    return list(connection.execute(asked.order_by(FORMER.c.id.desc())).scalars())


def replace(connection: Connection, account: int, digest: str, now: datetime) -> None:
    """Keep the digest that is being replaced, and forget what is longer ago than it need be."""
    row = {"account": account, "digest": digest, "replaced_at": now}
    connection.execute(insert(FORMER).values(row))
    of_account = FORMER.c.account == account
    newest = select(FORMER.c.id).where(of_account).order_by(FORMER.c.id.desc())
    kept = connection.execute(newest.limit(DIFFERENT - 1)).scalars().all()
    connection.execute(delete(FORMER).where(of_account, FORMER.c.id < min(kept)))
