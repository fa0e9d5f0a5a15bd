"""Devices that come without a person: each has a token of its own, which can be taken back."""

import hashlib
import secrets
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from sqlalchemy import Column, Connection, Index, Integer, Row, String, Table, insert, select
from sqlalchemy import update as update_of

from access.operations import METADATA, Moment, Operations, OperationsError

Kind = Literal["alerts", "wall", "remote"]
KINDS: dict[Kind, str] = {
    "alerts": "报送预警",
    "wall": "大屏（只读）",
    "remote": "遥控大屏、确认预警",
}
COOKIE = "zhinao_device"  # in which a browser keeps its token
LONGEST_NAME = 40  # characters
SEEN_EVERY = timedelta(minutes=1)  # a write for each request would cost more than the request

DEVICES = Table(
    "devices",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", String(LONGEST_NAME), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("digest", String(64), nullable=False, unique=True),  # SHA-256 of the token
    Column("added_at", Moment, nullable=False),
    Column("last_seen", Moment),
    Column("revoked_at", Moment),
)
_in_use = DEVICES.c.revoked_at.is_(None)
Index("devices_in_use", DEVICES.c.name, unique=True, sqlite_where=_in_use, postgresql_where=_in_use)


@dataclass(frozen=True)
class Device:
    """A device as the store knows it; revoked ones stay on record."""

    id: int
    name: str
    kind: str
    added_at: datetime
    last_seen: datetime | None
    revoked_at: datetime | None


class Devices:
    """The devices of one operations store. Safe for threads."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations
        self._noted: dict[int, datetime] = {}
        self._lock = threading.Lock()

    def add(self, kind: str, name: str, now: datetime) -> str:
        """A new device's token, which is kept nowhere; OperationsError where that cannot be."""
        name = _checked(kind, name)
        token = secrets.token_urlsafe(32)
        with self._operations.writing() as connection:
            if _found(connection, name):
                raise OperationsError(f"已有名为 {name} 的设备；请换一个名称，或先吊销它")
            row = {"name": name, "kind": kind, "digest": _digest(token), "added_at": now}
            connection.execute(insert(DEVICES).values(row))
        return token

    def all(self) -> list[Device]:
        """Every device that ever was, in the order in which they came."""
        with self._operations.reading() as connection:
            return [_device(row) for row in connection.execute(_DEVICE.order_by(DEVICES.c.id))]

    def revoke(self, which: str, now: datetime) -> Device:
        """Refuse a device from now on, by its name or number; OperationsError where none is in
        use under it."""
        with self._operations.writing() as connection:
            device = _found(connection, which)
            if device is None:
                raise OperationsError(f"没有在用的设备 {which}；python -m access devices list 可查")
            row = update_of(DEVICES).where(DEVICES.c.id == device.id)
            connection.execute(row.values(revoked_at=now))
        return device

    def of(self, token: str | None, now: datetime) -> Device | None:
        """The device in use that has this token. Asked anew each time: a revoked one is refused at
        once."""
        if not token:
            return None
        asked = _DEVICE.where(DEVICES.c.digest == _digest(token), _in_use)
        with self._operations.reading() as connection:
            row = connection.execute(asked).first()
        if row is None:
            return None
        device = _device(row)
        self._note_seen(device, now)
        return device

    def _note_seen(self, device: Device, now: datetime) -> None:
        with self._lock:
            last = self._noted.get(device.id, device.last_seen)
            if last is not None and now - last < SEEN_EVERY:
                return
            self._noted[device.id] = now
        with self._operations.writing() as connection:
            row = update_of(DEVICES).where(DEVICES.c.id == device.id)
            connection.execute(row.values(last_seen=now))


def _checked(kind: str, name: str) -> str:
    if kind not in get_args(Kind):
        raise OperationsError(f"没有 {kind} 这种设备；可用：{'、'.join(KINDS)}")
    name = name.strip()
    if not name or not name.isprintable() or len(name) > LONGEST_NAME or name.isdecimal():
        raise OperationsError(f"设备名称应为 1 到 {LONGEST_NAME} 个字，不能只有数字")
    return name


def _found(connection: Connection, which: str) -> Device | None:
    """The device in use with this name or number."""
    is_number = which.isdecimal() and len(which) < 10
    is_it = DEVICES.c.id == int(which) if is_number else DEVICES.c.name == which
    row = connection.execute(_DEVICE.where(is_it, _in_use)).first()
    return _device(row) if row else None


_DEVICE = select(*(DEVICES.c[name] for name in Device.__dataclass_fields__))


def _device(row: Row) -> Device:
    return Device(**row._mapping)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
