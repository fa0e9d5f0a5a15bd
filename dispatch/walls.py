"""What each wall is to show, as the desk's remote control has said it; kept, so that it outlasts
restarts of the server and of the wall."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any, Literal, Self, get_args

import orjson
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    String,
    Table,
    Text,
    func,
    insert,
    select,
    update,
)

from access.devices import LONGEST_NAME
from access.operations import KEPT, LOGS_KEPT, METADATA, Kept, Moment, Operations

OPEN = 0  # stands for all walls that have not signed in with a token of their own
LONGEST = 80  # characters of a scene, a region, an incident

Mode = Literal["peace", "war"]  # 平时, 战时
Palette = Literal["auto", "day", "night"]
Occasion = Literal["normal", "visit", "exercise"]  # 参观模式, 演练模式
CHOICES: dict[str, tuple[str, ...]] = {
    "mode": get_args(Mode),
    "palette": get_args(Palette),
    "occasion": get_args(Occasion),
}

WALLS = Table(
    "walls",
    METADATA,
    Column("device", Integer, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, nullable=False, index=True),
    Column("state", Text, nullable=False),
)
COMMANDS = Table(
    "wall_commands",
    METADATA,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("device", Integer, nullable=False),
    Column("by", String(LONGEST_NAME), nullable=False),
    Column("at", Moment, nullable=False, index=True),
    Column("changes", Text, nullable=False),
    info={KEPT: Kept(LOGS_KEPT, lambda before: COMMANDS.c.at < before)},
)


class CommandError(ValueError):
    """A command that makes no sense; the text is Chinese, for who gave it."""


@dataclass(frozen=True)
class WallState:
    """What a wall is to show. None = as the wall does by itself: it steps through its scenes, shows
    everything, colours the map as the scene says.

    `region` is level:code of the tree, `incident` the id of a standing alert, for 战时."""

    scene: str | None = None
    is_paused: bool = False
    region: str | None = None
    measure: str | None = None
    is_heat: bool | None = None
    mode: Mode = "peace"
    incident: str | None = None
    palette: Palette = "auto"
    occasion: Occasion = "normal"

    def changed(self, changes: Any) -> Self:
        """The state after a command, which is hostile input; CommandError where it makes none."""
        names = {field.name for field in fields(self)}
        if not isinstance(changes, Mapping) or not changes or set(changes) - names:
            raise CommandError(f"指令应是一个 JSON 对象，可用的项：{'、'.join(sorted(names))}")
        for name, value in changes.items():
            if not _fits(name, value):
                raise CommandError(f"{name} 的值不行：{str(value)[:40]}")
        return replace(self, **changes)


class Walls:
    """The walls of one operations store. Safe for threads and processes."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations

    def sequence(self) -> int:
        """Grows with every command to any wall."""
        with self._operations.reading() as connection:
            return _sequence(connection)

    def state(self, device: int) -> tuple[WallState, int]:
        """What that wall is to show, and the number of the command that said so last."""
        with self._operations.reading() as connection:
            return _state(connection, device)

    def command(self, device: int, changes: Any, by: str, now: datetime) -> WallState:
        """Change what a wall shows; kept with who said it before this returns. CommandError."""
        with self._operations.writing() as connection:
            state = _state(connection, device)[0].changed(changes)
            number = _sequence(connection) + 1
            row = {
                "device": device,
                "sequence": number,
                "state": orjson.dumps(asdict(state)).decode(),
            }
            known = connection.execute(update(WALLS).where(WALLS.c.device == device).values(row))
            if not known.rowcount:
                connection.execute(insert(WALLS).values(row))
            told = {"sequence": number, "device": device, "by": by, "at": now}
            told["changes"] = orjson.dumps(dict(changes)).decode()
            connection.execute(insert(COMMANDS).values(told))
        self._operations.forget(now)
        return state


def _state(connection: Connection, device: int) -> tuple[WallState, int]:
    """What an older program kept and this one does not know is left out."""
    row = connection.execute(select(WALLS).where(WALLS.c.device == device)).first()
    if row is None:
        return WallState(), 0
    kept = orjson.loads(row.state)
    known = {field.name for field in fields(WallState)}
    values = {name: value for name, value in kept.items() if name in known and _fits(name, value)}
    return WallState(**values), row.sequence


def _sequence(connection: Connection) -> int:
    return connection.execute(select(func.max(WALLS.c.sequence))).scalar() or 0


def _fits(name: str, value: Any) -> bool:
    if name in CHOICES:
        return value in CHOICES[name]
    if name == "is_paused":
        return isinstance(value, bool)
    if name == "is_heat":
        return value is None or isinstance(value, bool)
    is_text = isinstance(value, str) and 0 < len(value) <= LONGEST and value.isprintable()
    return value is None or is_text
