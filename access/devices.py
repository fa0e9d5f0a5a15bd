"""Devices that come without a person: each has a token of its own, which can be taken back."""

import re
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

import structlog
from sqlalchemy import (
    Column,
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

from access.audit import CONSOLE, Audit, entry
from access.operations import FAILURES, METADATA, Moment, Operations, OperationsError
from access.tokens import BROKEN, Seals, made
from data.scope import KEY, LONGEST_VALUE, Filter

Kind = Literal["alerts", "wall", "remote"]
KINDS: dict[Kind, str] = {
    "alerts": "报送预警",
    "wall": "大屏（只读）",
    "remote": "遥控大屏、确认预警",
}
LIMITED: dict[str, Kind] = {"sender": "alerts", "region": "wall"}  # limit -> kind of device
COOKIE = "zhinao_device"  # in which a browser keeps its token
LONGEST_NAME = 40  # characters
LONGEST_SENDER = 300  # characters; as long as one of CAP may be
LONGEST_TOKEN = 100  # characters; ours have 43
NO_SENDER = re.compile(r"[\s,<&]")  # CAP 1.2, 3.2.1
SEEN_EVERY = timedelta(minutes=1)  # a write for each request would cost more than the request

DEVICES = Table(
    "devices",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", String(LONGEST_NAME), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("digest", String(64), nullable=False, unique=True),  # access/tokens.py
    Column("added_at", Moment, nullable=False),
    Column("last_seen", Moment),
    Column("revoked_at", Moment),
    Column("seal", String(64), nullable=False, server_default=BROKEN),
)
LIMITS = Table(  # of a device: a sender for whom it may speak, a region of which it is told
    "device_limits",
    METADATA,
    Column("device", Integer, ForeignKey(DEVICES.c.id), primary_key=True),
    Column("kind", String(20), primary_key=True),
    Column("value", String(LONGEST_SENDER), primary_key=True),
)
_in_use = DEVICES.c.revoked_at.is_(None)
Index("devices_in_use", DEVICES.c.name, unique=True, sqlite_where=_in_use, postgresql_where=_in_use)

log = structlog.get_logger()

Limits = list[tuple[str, str]]  # kind, value


@dataclass(frozen=True)
class Device:
    """A device as the store knows it; revoked ones stay on record.

    `senders` are those for whom it may send alerts, `regions` (level, code) of the tree of which a
    wall is told; none = any.
    """

    id: int
    name: str
    kind: str
    added_at: datetime
    last_seen: datetime | None
    revoked_at: datetime | None
    senders: tuple[str, ...] = ()
    regions: tuple[Filter, ...] = ()


class Devices:
    """The devices of one operations store. Safe for threads."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations
        self._audit = Audit(operations)
        self._seals = Seals(operations.home, DEVICES.name)
        self._noted: dict[int, datetime] = {}
        self._lock = threading.Lock()

    def add(
        self,
        kind: str,
        name: str,
        now: datetime,
        senders: Iterable[str] = (),
        regions: Iterable[str] = (),
        by: str = CONSOLE,
    ) -> str:
        """A new device's token, which is kept nowhere; OperationsError where that cannot be.

        Of kind alerts it speaks for these `senders` alone, of kind wall it is told of these
        `regions` (level:code) alone; of any where none are given."""
        name = _checked(kind, name)
        limits = _checked_limits(kind, {"sender": [*senders], "region": [*regions]})
        token = made()
        digest = self._seals.digest(token)
        seal = self._seals.seal(digest, name, kind, sorted(limits))
        with self._audit.writing() as (connection, note):
            if _found(connection, name):
                raise OperationsError(f"已有名为 {name} 的设备；请换一个名称，或先吊销它")
            row = {"name": name, "kind": kind, "digest": digest, "seal": seal, "added_at": now}
            inserted = insert(DEVICES).values(row).returning(DEVICES.c.id)
            number = connection.execute(inserted).scalar_one()
            for limit, value in limits:
                row = {"device": number, "kind": limit, "value": value}
                connection.execute(insert(LIMITS).values(row))
            note(entry(by, "device.add", name, kind=kind, limits=len(limits)), now)
        return token

    def all(self) -> list[Device]:
        """Every device that ever was, in the order in which they came."""
        with self._operations.reading() as connection:
            rows = connection.execute(_DEVICE.order_by(DEVICES.c.id)).all()
            return [_device(row, _limits(connection, row.id)) for row in rows]

    def revoke(self, which: str, now: datetime, by: str = CONSOLE) -> Device:
        """Refuse a device from now on, by its name or number; OperationsError where none is in
        use under it."""
        with self._audit.writing() as (connection, note):
            device = _found(connection, which)
            if device is None:
                raise OperationsError(f"没有在用的设备 {which}；python -m access devices list 可查")
            row = update_of(DEVICES).where(DEVICES.c.id == device.id)
            connection.execute(row.values(revoked_at=now, seal=BROKEN))
            note(entry(by, "device.revoke", device.name, kind=device.kind), now)
        return device

    def of(self, token: str | None, now: datetime) -> Device | None:
        """The device in use that has this token. Asked anew each time: a revoked one is refused at
        once."""
        if not token:
            return None
        digest = self._seals.digest(token)
        asked = _DEVICE.add_columns(DEVICES.c.seal).where(DEVICES.c.digest == digest, _in_use)
        with self._operations.reading() as connection:
            row = connection.execute(asked).first()
            limits = _limits(connection, row.id) if row else []
        device = self._sealed(row, digest, limits) if row else None
        if device is not None:
            with suppress(*FAILURES):  # who may ask, may also while nothing can be written
                self._note_seen(device, now)
        return device

    def _sealed(self, row: Row, digest: str, limits: Limits) -> Device | None:
        """The device, if it is as it was registered."""
        if self._seals.holds(row.seal, digest, row.name, row.kind, sorted(limits)):
            return _device(row, limits)
        log.error("device was changed in the store", device=row.id)
        return None

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


def _checked_limits(kind: str, given: dict[str, list[str]]) -> Limits:
    for limit, values in given.items():
        if values and kind != LIMITED[limit]:
            raise OperationsError(f"--{limit} 只用于 {LIMITED[limit]} 类设备，不用于 {kind}")
    for sender in given["sender"]:
        if not 0 < len(sender) <= LONGEST_SENDER or NO_SENDER.search(sender):
            raise OperationsError(
                f"发送者 {sender[:60]!r} 不行；应与 CAP 的 sender 一致，没有空格和逗号"
            )
    for region in given["region"]:
        check_region(region)
    return [(limit, value) for limit, values in given.items() for value in dict.fromkeys(values)]


def check_region(region: str) -> None:
    """OperationsError where it is not LEVEL:CODE."""
    level, _, code = region.partition(":")
    if not KEY.fullmatch(level) or not 0 < len(code) <= LONGEST_VALUE:
        raise OperationsError(f"区域 {region[:60]!r} 不行；应为 层级:编码，如 town:439921001")


def _found(connection: Connection, which: str) -> Device | None:
    """The device in use with this name or number."""
    is_number = which.isdecimal() and len(which) < 10
    is_it = DEVICES.c.id == int(which) if is_number else DEVICES.c.name == which
    row = connection.execute(_DEVICE.where(is_it, _in_use)).first()
    return _device(row, _limits(connection, row.id)) if row else None


_DEVICE = select(*(column for column in DEVICES.c if column.name not in ("digest", "seal")))


def _limits(connection: Connection, device: int) -> Limits:
    own = select(LIMITS.c.kind, LIMITS.c.value).where(LIMITS.c.device == device)
    return [(kind, value) for kind, value in connection.execute(own.order_by(LIMITS.c.value))]


def _device(row: Row, limits: Limits) -> Device:
    known = {name: value for name, value in row._mapping.items() if name != "seal"}
    senders = tuple(value for kind, value in limits if kind == "sender")
    regions = [value.partition(":") for kind, value in limits if kind == "region"]
    pairs = tuple((level, code) for level, _, code in regions)
    return Device(**known, senders=senders, regions=pairs)
