"""Who listens for alerts in a process of its own, and when it last did: silence is no calm."""

from datetime import datetime, timedelta

from sqlalchemy import Column, String, Table, func, insert, select, update

from access.operations import METADATA, Moment, Operations

EVERY = timedelta(seconds=30)
LOST = timedelta(seconds=90)  # without a word

LISTENERS = Table(
    "listeners",
    METADATA,
    Column("name", String(40), primary_key=True),
    Column("listened_at", Moment, nullable=False),
)


class Listeners:
    """The listeners of one operations store."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations
        self._noted: dict[str, datetime] = {}

    def note(self, name: str, now: datetime) -> None:
        """That it listens; to be told as often as one likes, for it is written every EVERY."""
        if name in self._noted and timedelta() <= now - self._noted[name] < EVERY:
            return
        row = {"name": name, "listened_at": now}
        with self._operations.writing() as connection:
            known = update(LISTENERS).where(LISTENERS.c.name == name).values(row)
            if not connection.execute(known).rowcount:
                connection.execute(insert(LISTENERS).values(row))
        self._noted[name] = now

    def is_any_lost(self, now: datetime) -> bool:
        """Whether one that listened once has not for LOST; never, where none ever did."""
        with self._operations.reading() as connection:
            last = connection.execute(select(func.min(LISTENERS.c.listened_at))).scalar()
        return last is not None and now - last > LOST
