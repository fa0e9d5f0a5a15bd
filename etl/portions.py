"""Read the members of a source portion by portion: whole members, enough rows to work on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import duckdb
import pandas as pd

from etl.ahead import ahead
from etl.fetch import FETCHED, STORED_AS
from etl.hostile import FileError, Unreachable
from etl.members import Member
from etl.readers import reader
from etl.readers.base import RawChunk, ReaderOptions
from etl.source import Source
from etl.staging import Stage

WITH_HEADER = frozenset({"csv", "excel", "parquet"})  # readers that name every column
READ_AHEAD = 4  # chunks read while the rows before them are worked on
PORTION_ROWS = 300_000  # rows worked on at a time; bounds the memory, not the result
SKIPPED = {"header_repeated": "重复的表头", "blank": "空行", "before_header": "表头之前"}


@dataclass(frozen=True)
class Delivery:
    """A member whose content is new to us, and its place in the order of deliveries.

    Where a key identifies the rows, `name` is that of the archive too: daily archives often hold
    a file of one and the same name. Without a key the rows are of the file, whoever packs it.
    """

    member: Member
    name: str
    content_hash: str
    sequence: datetime | None

    @property
    def place(self) -> tuple[datetime, str]:
        """Its place among the deliveries of its source."""
        return self.sequence or datetime.min, self.name

    @classmethod
    def of(cls, member: Member, source: Source, now: datetime) -> "Delivery":
        name = member.full_name if source.is_keyed else member.name
        sequence = source.sequence_of((member.name, member.delivered.name), now)
        return cls(member, name, member.content_hash, sequence)


@dataclass
class Portion:
    """Members read into `raw` and `rejected`, numbered in the order in which they were `taken`."""

    stage: Stage
    taken: list[Delivery] = field(default_factory=list)
    failures: dict[int, str] = field(default_factory=dict)
    unread: dict[int, str] = field(default_factory=dict)  # not this time: to be tried again
    notes: dict[int, list[str]] = field(default_factory=dict)
    rows: int = 0

    @property
    def deliveries(self) -> dict[int, Delivery]:
        """By number, those whose content is known now, be it that it is no good."""
        return {n: taken for n, taken in enumerate(self.taken) if n not in self.unread}

    @property
    def new_columns(self) -> list[str]:
        """Columns that the declaration does not know, in the order of their appearance."""
        return list(self.stage.new_columns)

    @property
    def found(self) -> set[str]:
        """Slots of the declaration that some member had a column for."""
        return self.stage.found

    def take(self, delivery: Delivery, item: RawChunk | FileError | None) -> None:
        """A chunk of the delivery, why it could not be read further, or nothing more."""
        if not self.taken or self.taken[-1] is not delivery:
            self.taken.append(delivery)
        number = len(self.taken) - 1
        if isinstance(item, Unreachable):
            self.unread[number] = str(item)
        elif isinstance(item, FileError):
            self.failures[number] = str(item)
        elif item is not None:
            self.rows += len(item.lines) + len(item.rejects)
            _note_oddities(self.notes.setdefault(number, []), item)
            self.stage.add(item, number)


def portions(
    connection: duckdb.DuckDBPyConnection, source: Source, deliveries: Sequence[Delivery]
) -> Iterator[Portion]:
    """The deliveries in `raw` and `rejected`, with their numbers in `deliveries`, bit by bit."""
    portion: Portion | None = None
    for delivery, item in ahead(_read(source, deliveries), READ_AHEAD):
        portion = portion or Portion(Stage(connection, source))
        portion.take(delivery, item)
        is_last = item is None and delivery is deliveries[-1]
        if is_last or (item is None and portion.rows >= PORTION_ROWS):
            portion.stage.finish()
            _forget_unread(connection, portion)
            _number_deliveries(connection, portion)
            yield portion
            portion = None


def _read(
    source: Source, deliveries: Sequence[Delivery]
) -> Iterator[tuple[Delivery, RawChunk | FileError | None]]:
    """The chunks of each delivery, the error that ended it, and None at its end."""
    is_fetched = source.reader in FETCHED
    options = {} if is_fetched else {"encoding": source.encoding, **source.options}
    read = reader(STORED_AS if is_fetched else source.reader)
    for delivery in deliveries:
        try:
            for chunk in read(delivery.member, ReaderOptions(**options)):
                _refuse_a_stranger(delivery.member, source, chunk)
                yield delivery, chunk
        except FileError as error:
            yield delivery, error
        yield delivery, None


def _refuse_a_stranger(member: Member, source: Source, chunk: RawChunk) -> None:
    """FileError for a table without any declared column: most often it has no header line."""
    declared = {name for names in source.slots.values() for name in names}
    is_table = source.reader in WITH_HEADER and len(chunk.lines) > 0
    if is_table and declared and declared.isdisjoint(chunk.frame.columns):
        there = "、".join(str(name)[:20] for name in chunk.frame.columns[:5])
        reason = f"声明的列一个也没有，文件的列是 {there}…；没有表头的须写 header = 0 和 columns"
        raise FileError(member.label, "no_declared_column", reason)


def _note_oddities(notes: list[str], chunk: RawChunk) -> None:
    """What was noticed of the whole member, and what it held beside rows."""
    skipped = [f"{SKIPPED.get(kind, kind)} {n} 行" for kind, n in chunk.skipped.items() if n]
    notes += [note for note in (*chunk.notes, *skipped) if note not in notes]


def _forget_unread(connection: duckdb.DuckDBPyConnection, portion: Portion) -> None:
    """What was read of a member before it could not be read on is no delivery."""
    for number in portion.unread:
        for table in ("raw", "rejected"):
            connection.execute(f"DELETE FROM {table} WHERE _member = {number}")


def _number_deliveries(connection: duckdb.DuckDBPyConnection, portion: Portion) -> None:
    numbers, deliveries = portion.deliveries.keys(), portion.deliveries.values()
    frame = pd.DataFrame(
        {
            "_member": pd.Series(numbers, dtype="int32"),
            "member": pd.Series([d.name for d in deliveries], dtype=object),
            "sequence": pd.Series([d.sequence for d in deliveries], dtype="datetime64[us]"),
        }
    )
    connection.register("delivery_frame", frame)
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE deliveries AS SELECT _member::INTEGER AS _member,"
        " member::VARCHAR AS member, sequence::TIMESTAMP AS sequence FROM delivery_frame"
    )
    connection.unregister("delivery_frame")
