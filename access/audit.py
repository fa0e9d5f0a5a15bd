"""The audit: who did what when, in a chain that shows every change, gap and missing end.

Each entry carries a MAC over itself and the MAC before it, with a key that lies outside the store,
so nobody who can write the store can write a chain that holds. What is cut off at the end leaves
a chain that holds as well: the newest MAC is therefore also written to an anchor, a file that may
lie on another disk."""

import hashlib
import hmac
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import structlog
from sqlalchemy import (
    Column,
    Connection,
    Index,
    Integer,
    String,
    Table,
    Text,
    func,
    insert,
    select,
)

from access.keys import key_of, private
from access.operations import METADATA, Moment, Operations, OperationsError

ANCHOR_FILE = "audit.anchor"
ANCHOR = "ZHINAO_AUDIT_ANCHOR"  # an environment variable
FIRST = "0" * 64  # what the first entry follows
DONE, REFUSED = "done", "refused"
CONSOLE = "console"  # an actor: whoever may type commands on the server
PORTION = 1000  # entries read at a time
LONGEST = {"actor": 80, "action": 40, "subject": 200}
ANCHORED = re.compile(r"(\d{1,12}) ([0-9a-f]{64})")

AUDIT = Table(
    "audit",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=False),  # 1, 2, 3 ... without a gap
    Column("at", Moment, nullable=False),
    Column("actor", String(LONGEST["actor"]), nullable=False),
    Column("action", String(LONGEST["action"]), nullable=False),
    Column("subject", String(LONGEST["subject"]), nullable=False),
    Column("result", String(10), nullable=False),
    Column("detail", Text, nullable=False),  # JSON, without any personal value
    Column("mac", String(64), nullable=False),
    Index("audit_about", "subject", "seq"),
)
# The store itself refuses to change or delete a row (access/migrations/0001_first.py): a mistake in
# the program is refused, an enemy is found out.

log = structlog.get_logger()

Note = Callable[["Entry", datetime], None]


@dataclass(frozen=True)
class Entry:
    """One thing that was done or refused. `actor` is an account or "device:NAME", `action` a code
    (`device.add`), `subject` what it was done to; `detail` holds no personal value."""

    actor: str
    action: str
    subject: str = ""
    result: str = DONE
    detail: str = "{}"


@dataclass(frozen=True)
class Kept:
    """An entry as the store holds it."""

    seq: int
    at: datetime
    entry: Entry
    mac: str


@dataclass(frozen=True)
class Verdict:
    """How many entries there are, and what is wrong with them, in words; nothing where the chain
    holds and ends no earlier than its anchor."""

    entries: int
    anchored: int
    problems: tuple[str, ...]


def entry(
    actor: str, action: str, subject: str = "", result: str = DONE, **detail: str | int | None
) -> Entry:
    """An entry whose texts are cut to what the store keeps, without what a terminal would obey."""
    told = {key: _printed(each) if isinstance(each, str) else each for key, each in detail.items()}
    said = json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    texts = {"actor": actor, "action": action, "subject": subject}
    cut = {k: _printed(text[: LONGEST[k]]) for k, text in texts.items()}
    return Entry(**cut, result=result, detail=said)


def _printed(text: str) -> str:
    """A text without what is not printed: controls, what turns its direction, half characters."""
    return "".join(
        each if each.isprintable() else " " if each.isspace() else "\N{REPLACEMENT CHARACTER}"
        for each in text
    )


class Audit:
    """The audit of one operations store. Safe for threads and processes."""

    def __init__(self, operations: Operations, anchor: Path | None = None) -> None:
        """`anchor` is the file of the newest MACs; else that in the environment variable ANCHOR,
        else one in the home."""
        self._operations = operations
        given = os.environ.get(ANCHOR)
        self.anchor = anchor or (Path(given) if given else operations.home / ANCHOR_FILE)
        self._key: bytes | None = None

    @contextmanager
    def writing(self) -> Iterator[tuple[Connection, Note]]:
        """A transaction of the store, and what notes an entry in it: neither is kept without the
        other, and both are on the disk once the block is left."""
        noted: list[Kept] = []
        with self._operations.writing() as connection:

            def note(what: Entry, now: datetime) -> None:
                noted.append(self._append(connection, what, now))

            yield connection, note
        if noted:
            self._anchor_head(noted[-1])

    def note(self, what: Entry, now: datetime) -> None:
        """Append an entry that stands alone."""
        with self.writing() as (_, note):
            note(what, now)

    def count(self, connection: Connection, actor: str, action: str, since: datetime) -> int:
        """How often somebody has done something since a time. In a transaction of `writing` it
        holds until the end, whoever else asks at the same moment."""
        older = select(AUDIT.c.seq).where(AUDIT.c.at < since).order_by(AUDIT.c.seq.desc()).limit(1)
        wanted = {"actor": actor[: LONGEST["actor"]], "action": action, "result": DONE}
        given = [AUDIT.c[name] == value for name, value in wanted.items()]
        newer = AUDIT.c.seq > func.coalesce(older.scalar_subquery(), 0)
        return connection.execute(select(func.count()).where(newer, *given)).scalar_one()

    def _append(self, connection: Connection, what: Entry, now: datetime) -> Kept:
        newest = select(AUDIT.c.seq, AUDIT.c.mac).order_by(AUDIT.c.seq.desc()).limit(1)
        last = connection.execute(newest).first()
        seq, before = (last.seq + 1, last.mac) if last else (1, FIRST)
        kept = Kept(seq, now, what, _mac(self._secret(), before, seq, now, what))
        row = {"seq": seq, "at": now, **asdict(what), "mac": kept.mac}
        connection.execute(insert(AUDIT).values(row))
        return kept

    def _anchor_head(self, newest: Kept) -> None:
        """Never raises: what was done is done, and the next entry anchors this one as well."""
        try:
            self.anchor.parent.mkdir(parents=True, exist_ok=True)
            with open(self.anchor, "ab", opener=private) as file:
                file.write(f"{newest.seq} {newest.mac}\n".encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as fault:
            log.error("audit not anchored", reason=type(fault).__name__)

    def entries(
        self,
        before: int | None = None,
        limit: int = 100,
        actor: str | None = None,
        action: str | None = None,
        subject: str | None = None,
    ) -> list[Kept]:
        """The newest entries, or those before a number, the newest first; of one actor, of one
        action, about one subject, where these are given."""
        given = {"actor": actor, "action": action, "subject": subject}
        wanted = [AUDIT.c[name] == value for name, value in given.items() if value is not None]
        if before is not None:
            wanted.append(AUDIT.c.seq < before)
        asked = select(AUDIT).where(*wanted).order_by(AUDIT.c.seq.desc()).limit(limit)
        with self._operations.reading() as connection:
            return [_kept(row._mapping) for row in connection.execute(asked)]

    def verify(self) -> Verdict:
        """Whether no entry was changed, taken out, put in or cut off since it was written.
        OperationsError where the key or the anchor cannot be read."""
        anchored, problems = self._anchored()
        before, last = FIRST, 0
        for kept in self._all():
            if kept.seq != last + 1:
                problems.append(f"第 {last + 1} 条到第 {kept.seq - 1} 条不见了")
            elif kept.mac != _mac(self._secret(), before, kept.seq, kept.at, kept.entry):
                problems.append(f"第 {kept.seq} 条被改动过，或前一条不是原来的")
            if anchored.get(kept.seq, kept.mac) != kept.mac:
                problems.append(f"第 {kept.seq} 条与锚文件记录的不同")
            before, last = kept.mac, kept.seq
        newest = max(anchored, default=0)
        if newest > last:
            problems.append(f"锚文件记录到第 {newest} 条，库里只到第 {last} 条：末尾被截去")
        return Verdict(last, newest, tuple(problems))

    def _all(self) -> Iterator[Kept]:
        after = 0
        while True:
            asked = select(AUDIT).where(AUDIT.c.seq > after).order_by(AUDIT.c.seq).limit(PORTION)
            with self._operations.reading() as connection:
                found = [_kept(row._mapping) for row in connection.execute(asked)]
            if not found:
                return
            yield from found
            after = found[-1].seq

    def _anchored(self) -> tuple[dict[int, str], list[str]]:
        """The MACs in the anchor by number, and which of its lines cannot be read."""
        try:
            lines = self.anchor.read_text("ascii", "replace").splitlines()
        except FileNotFoundError:
            return {}, []
        except OSError as fault:
            raise OperationsError(
                f"锚文件 {self.anchor} 读不出（{type(fault).__name__}）"
            ) from None
        found = {at: ANCHORED.fullmatch(line) for at, line in enumerate(lines, 1)}
        wrong = [
            f"锚文件第 {at} 行读不懂（写到一半断电，或被改动）" for at in found if not found[at]
        ]
        told: dict[int, str] = {}
        for line in filter(None, found.values()):
            if told.setdefault(int(line[1]), line[2]) != line[2]:  # one was cut off, one put there
                wrong.append(f"锚文件里第 {line[1]} 条有两个不同的记录：原来的被截去过")
        return told, wrong

    def _secret(self) -> bytes:
        if self._key is None:
            self._key = key_of(self._operations.home)
        return self._key


def _mac(key: bytes, before: str, seq: int, at: datetime, what: Entry) -> str:
    """HMAC-SHA256 over the MAC before, and everything that the entry says."""
    told = [before, seq, round(at.timestamp() * 1e6), *asdict(what).values()]
    return hmac.new(key, json.dumps(told).encode(), hashlib.sha256).hexdigest()


def _kept(row: Mapping) -> Kept:
    told = Entry(*(row[name] for name in ("actor", "action", "subject", "result", "detail")))
    return Kept(row["seq"], row["at"], told, row["mac"])
