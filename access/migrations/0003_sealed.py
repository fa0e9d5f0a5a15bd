"""Tokens are kept as MACs, with a seal over what they open; guesses are counted by browser too;
former passwords are kept; the audit is found by what it is about.

The tokens of walls, remote controls and sessions go on being good: the MAC of a token is made of
the digest that was kept of it."""

import hashlib
import hmac
import json
from collections import defaultdict
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0003", "0002"
branch_labels = depends_on = None

MOMENT = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")


def upgrade() -> None:
    for table in ("devices", "sessions"):
        op.add_column(table, _text("seal"))
    _seal_devices()
    _seal_sessions()
    op.add_column("sign_in_failures", _text("of_name"))
    op.execute("UPDATE sign_in_failures SET of_name = digest")
    op.create_index("sign_in_failures_of_name", "sign_in_failures", ["of_name"])
    op.create_table(
        "former_passwords",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("account", sa.Integer, sa.ForeignKey("accounts.id"), nullable=False),
        sa.Column("digest", sa.String(200), nullable=False),
        sa.Column("replaced_at", MOMENT, nullable=False),
    )
    op.create_index("former_passwords_of_account", "former_passwords", ["account"])
    op.create_index("audit_about", "audit", ["subject", "seq"])


def _text(name: str) -> sa.Column:
    return sa.Column(name, sa.String(64), nullable=False, server_default="")


def _seal_devices() -> None:
    limits = defaultdict(list)
    for device, kind, value in _rows("SELECT device, kind, value FROM device_limits"):
        limits[device].append([kind, value])
    found = _rows("SELECT id, digest, name, kind, revoked_at FROM devices")
    key = _key("devices") if found else b""
    _change(
        "UPDATE devices SET digest = :digest, seal = :seal WHERE id = :id",
        [
            {"id": number}
            | _sealed(key, digest, revoked_at, name, kind, sorted(limits.get(number, [])))
            for number, digest, name, kind, revoked_at in found
        ],
    )


def _seal_sessions() -> None:
    found = _rows("SELECT digest, account, way, begun_at, ended_at FROM sessions")
    key = _key("sessions") if found else b""
    _change(
        "UPDATE sessions SET digest = :digest, seal = :seal WHERE digest = :old",
        [
            {"old": digest} | _sealed(key, digest, ended_at, account, way, _moment(begun_at))
            for digest, account, way, begun_at, ended_at in found
        ],
    )


def _sealed(key: bytes, old: str, ended_at: object, *opens: object) -> dict[str, str]:
    digest = _mac(key, old)
    seal = "" if ended_at else _mac(key, json.dumps([digest, *opens]))
    return {"digest": digest, "seal": seal}


def _mac(key: bytes, told: str) -> str:
    return hmac.new(key, told.encode(), hashlib.sha256).hexdigest()


def _key(kind: str) -> bytes:
    return op.get_context().opts["key_of"](f"tokens of {kind}")


def _moment(at: datetime | str) -> str:
    if isinstance(at, str):
        return at
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _rows(asked: str) -> list:
    return list(op.get_bind().execute(sa.text(asked)))


def _change(statement: str, rows: list[dict]) -> None:
    if rows:
        op.get_bind().execute(sa.text(statement), rows)
