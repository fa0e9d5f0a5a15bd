"""Load the changed members of one source into the edition being built, and account for each row."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import duckdb
import numpy as np
import pandas as pd

from data.case_code import SEPARATOR, case_code_sql
from data.editions.tables import columns
from data.loading import merging, provenance
from data.loading.merging import CODES
from data.site import Site
from data.sql import literal, quoted
from etl.ahead import ahead
from etl.clean import clean
from etl.derive import Rules, derive
from etl.fetch import FETCHED, STORED_AS
from etl.hostile import FileError
from etl.identity import identify
from etl.members import Member
from etl.places import Places
from etl.readers import reader
from etl.readers.base import RawChunk, ReaderOptions
from etl.source import FIELDS, Source, date_in_name
from etl.staging import Stage

READ_AHEAD = 4  # chunks read while the rows before them are worked on
PORTION_ROWS = 300_000  # rows worked on at a time; bounds the memory, not the result
SKIPPED = {"header_repeated": "重复的表头", "blank": "空行", "before_header": "表头之前"}
SMALL = 20  # a share of bad rows means nothing in a smaller member
GIVEN = (
    *("department", "status", "risk", "outcome", "accepted_at", "dispatched_at", "responded_at"),
    *("closed_at", "accept_due_at", "due_at"),
)


@dataclass(frozen=True)
class Delivery:
    """A member whose content is new to us, and its place in the order of deliveries."""

    member: Member
    content_hash: str
    sequence: datetime | None

    @classmethod
    def of(cls, member: Member, source: Source, now: datetime) -> "Delivery":
        sequences = {"name": date_in_name(member.name), "fetched": now}
        return cls(member, member.content_hash, sequences.get(source.sequence or ""))


@dataclass(frozen=True)
class Balance:
    """Where the rows of one member went; `rows_in` is the sum of the six counts after it."""

    source: str
    member: str
    content_hash: str
    rows_in: int = 0
    loaded: int = 0
    updated: int = 0
    unchanged: int = 0
    duplicate: int = 0
    stale: int = 0
    quarantined: int = 0
    filtered: int = 0
    replaced: int = 0
    repeated_keys: int = 0
    state: str = "loaded"
    reason: str | None = None

    @property
    def adds_up(self) -> bool:
        parts = self.loaded + self.updated + self.unchanged + self.duplicate + self.stale
        return self.rows_in == parts + self.quarantined


@dataclass
class Loading:
    """One run's work on the edition being built."""

    connection: duckdb.DuckDBPyConnection
    site: Site
    places: Places
    run: str
    now: datetime
    balances: list[Balance] = field(default_factory=list)
    new_columns: dict[str, list[str]] = field(default_factory=dict)
    found_slots: dict[str, set[str]] = field(default_factory=dict)
    moved: int = 0  # rows that no balance counts: went, came back, or were only seen again

    def __post_init__(self) -> None:
        self.rules = Rules(self.site)
        self.connection.execute("CREATE OR REPLACE TEMP TABLE touched (case_code VARCHAR)")


def load_source(
    loading: Loading, source: Source, deliveries: Sequence[Delivery], rewrite: bool
) -> list[Balance]:
    """Load the deliveries of one source; a balance for each. Nothing of a refused one is loaded."""
    balances: list[Balance] = []
    if rewrite:
        contents = {d.member.name: d.content_hash for d in deliveries}
        declared = source.declaration_hash()
        merging.begin_rewrite(loading.connection, source.target, source.name, declared, contents)
    for portion in _portions(loading, source, deliveries):
        balances += _load_portion(loading, source, portion, rewrite)
    if rewrite:
        refused = [b.member for b in balances if b.state == "refused"]
        merging.end_rewrite(loading.connection, source.target, source.name, refused)
    if source.delivery == "snapshot":
        loading.moved += merging.mark_withdrawn(loading.connection, source.target, source.name)
    loading.balances += balances
    return balances


def finish_cases(loading: Loading) -> None:
    """Derive anew the cases whose steps came without the case itself."""
    merging.pend_touched_cases(loading.connection)
    _write(loading, "cases")
    loading.connection.execute("DELETE FROM touched")


# ---- reading ---------------------------------------------------------------------------------


@dataclass
class _Portion:
    """Members read into `raw`, numbered by their place here."""

    stage: Stage
    deliveries: list[Delivery] = field(default_factory=list)
    failures: dict[int, str] = field(default_factory=dict)
    notes: dict[int, list[str]] = field(default_factory=dict)
    rows: int = 0

    def take(self, delivery: Delivery, item: RawChunk | FileError | None) -> None:
        """A chunk of the delivery, why it could not be read further, or nothing more."""
        if not self.deliveries or self.deliveries[-1] is not delivery:
            self.deliveries.append(delivery)
        number = len(self.deliveries) - 1
        if isinstance(item, FileError):
            self.failures[number] = str(item)
        elif item is not None:
            self.rows += len(item.lines) + len(item.rejects)
            _note_oddities(self.notes.setdefault(number, []), item)
            self.stage.add(item, number)


def _portions(
    loading: Loading, source: Source, deliveries: Sequence[Delivery]
) -> Iterator[_Portion]:
    """Whole members in `raw` and `rejected`, as many as make enough rows to work on."""
    portion: _Portion | None = None
    for delivery, item in ahead(_read(source, deliveries), READ_AHEAD):
        portion = portion or _Portion(Stage(loading.connection, source))
        portion.take(delivery, item)
        is_last = item is None and delivery is deliveries[-1]
        if is_last or (item is None and portion.rows >= PORTION_ROWS):
            portion.stage.finish()
            known = loading.new_columns.setdefault(source.name, [])
            known += [name for name in portion.stage.new_columns if name not in known]
            loading.found_slots.setdefault(source.name, set()).update(portion.stage.found)
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
                yield delivery, chunk
        except FileError as error:
            yield delivery, error
        yield delivery, None


def _note_oddities(notes: list[str], chunk: RawChunk) -> None:
    """What was noticed of the whole member, and what it held beside rows."""
    skipped = [f"{SKIPPED.get(kind, kind)} {n} 行" for kind, n in chunk.skipped.items() if n]
    notes += [note for note in (*chunk.notes, *skipped) if note not in notes]


# ---- one portion -----------------------------------------------------------------------------


def _load_portion(
    loading: Loading, source: Source, portion: _Portion, rewrite: bool
) -> list[Balance]:
    connection = loading.connection
    _number_deliveries(connection, portion)
    counts = _rows_delivered(connection)
    fields = clean(connection, source, loading.site, loading.now)
    refused = portion.failures | _refused(loading, source, portion, counts)
    _forget_refused(connection, refused)
    identify(connection, source)
    loading.places.place(connection, source, fields)
    _gather_incoming(connection, source, loading.site, fields)
    loading.moved += merging.classify(connection, source.target, source.name, rewrite)
    gone = merging.remove_replaced(
        connection, source.target, source.name, _accepted(portion, refused)
    )
    _write(loading, source.target)
    balances = _balances(loading, source, portion, counts, refused, gone)
    _record(loading, source, portion, balances)
    return balances


def _number_deliveries(connection: duckdb.DuckDBPyConnection, portion: _Portion) -> None:
    frame = pd.DataFrame(
        {
            "_member": np.arange(len(portion.deliveries), dtype=np.int32),
            "member": pd.Series([d.member.name for d in portion.deliveries], dtype=object),
            "sequence": pd.Series([d.sequence for d in portion.deliveries], dtype="datetime64[us]"),
        }
    )
    connection.register("delivery_frame", frame)
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE deliveries AS SELECT _member::INTEGER AS _member,"
        " member::VARCHAR AS member, sequence::TIMESTAMP AS sequence FROM delivery_frame"
    )
    connection.unregister("delivery_frame")


def _rows_delivered(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Rows by member: `whole` (in raw) and `broken` (rejected by the reader)."""
    return (
        _by_member(connection, "whole", "SELECT _member, count(*) FROM raw GROUP BY ALL")
        .join(
            _by_member(connection, "broken", "SELECT _member, count(*) FROM rejected GROUP BY ALL"),
            how="outer",
        )
        .fillna(0)
    )


def _by_member(connection: duckdb.DuckDBPyConnection, name: str, sql: str) -> pd.DataFrame:
    rows = connection.execute(sql).fetchall()
    index = pd.Index([number for number, _ in rows], dtype="int64", name="_member")
    return pd.DataFrame({name: [n for _, n in rows]}, index=index)


def _refused(
    loading: Loading, source: Source, portion: _Portion, counts: pd.DataFrame
) -> dict[int, str]:
    """Members that may not be loaded, with the reason."""
    limit = loading.site.max_bad_share if source.max_bad_share is None else source.max_bad_share
    bad = _by_member(
        loading.connection,
        "bad",
        "SELECT _member, count(DISTINCT _line) FROM rejected WHERE kind = 'row' GROUP BY ALL",
    )["bad"]
    reasons = {}
    for number, delivery in enumerate(portion.deliveries):
        rows = int(counts.sum(axis=1).get(number, 0))
        broken = int(bad.get(number, 0))
        if rows >= SMALL and broken > limit * rows:
            reasons[number] = f"{broken}/{rows} 行有错，超过 {limit:.0%}，整批拒收"
        elif rows < source.asserts.min_rows:
            reasons[number] = f"只有 {rows} 行，少于声明的 {source.asserts.min_rows} 行"
        elif source.asserts.max_rows is not None and rows > source.asserts.max_rows:
            reasons[number] = f"有 {rows} 行，多于声明的 {source.asserts.max_rows} 行"
        elif shrunk := _shrunk(loading, source, delivery, rows - broken):
            reasons[number] = shrunk
    return reasons


def _shrunk(loading: Loading, source: Source, delivery: Delivery, rows: int) -> str | None:
    """Why a snapshot is too small to be believed: nobody closes half a county overnight."""
    if source.delivery != "snapshot" or delivery.sequence is None:
        return None
    newest = merging.newest_sequence(loading.connection, source.name)
    if newest is None or delivery.sequence <= newest:
        return None
    living = merging.living_keys(loading.connection, source.target, source.name)
    if living >= SMALL and rows < living * (1 - loading.site.max_withdrawn_share):
        return f"快照只有 {rows} 行，而现有 {living} 行，疑似不完整，整批拒收"
    return None


def _forget_refused(connection: duckdb.DuckDBPyConnection, refused: dict[int, str]) -> None:
    if refused:
        numbers = ", ".join(str(number) for number in refused)
        for table in ("typed", "spurned"):
            connection.execute(f"DELETE FROM {table} WHERE _member IN ({numbers})")


def _accepted(portion: _Portion, refused: dict[int, str]) -> list[str]:
    return [d.member.name for n, d in enumerate(portion.deliveries) if n not in refused]


def _gather_incoming(
    connection: duckdb.DuckDBPyConnection, source: Source, site: Site, fields: Sequence[str]
) -> None:
    """`incoming`: the rows that stand for their identity, with all columns of the target."""
    have = {name: quoted(name) for name in fields}
    have |= {name: quoted(name) for name in site.place_keys if source.target != "handlings"}
    have |= {"source": literal(source.name), CODES[source.target]: "code", "line": "_line"}
    have |= {name: name for name in ("source_key", "version", "row_hash", "seen_at", "member")}
    have |= {name: name for name in ("extra", "precision")}
    if source.target != "handlings":
        have |= {name: name for name in ("lon", "lat", "point_quality", "is_located")}
    if source.target == "cases":
        have |= _case_columns(have)
    if source.target == "handlings":
        owner = literal(f"{source.of}{SEPARATOR}")
        have["case_code"] = case_code_sql(f"{owner} || {quoted('case')}")
    types = _types(connection, source.target)
    listed = ", ".join(
        f"{have.get(name, f'CAST(NULL AS {types[name]})')} AS {quoted(name)}"
        for name in columns(connection, source.target)
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE incoming AS SELECT _member, {listed} FROM identified"
        " WHERE fate IS NULL"
    )


def _case_columns(have: dict[str, str]) -> dict[str, str]:
    """The columns of a case that follow from others: `given`, and the time that it counts by."""
    accepted = have.get("accepted_at", have.get("reported_at", "NULL"))
    reported = have.get("reported_at", accepted)
    times = {"accepted_at": accepted, "reported_at": f"coalesce({reported}, {accepted})"}
    whole = have | times
    given = ", ".join(
        f"{name} := {whole.get(name, 'NULL')}::{FIELDS['cases'][name]}" for name in GIVEN
    )
    return times | {"given": f"struct_pack({given})", "reopen_count": "0"}


def _types(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    rows = connection.execute(f"DESCRIBE {table}").fetchall()
    return {row[0]: row[1] for row in rows}


def _write(loading: Loading, target: str) -> None:
    connection = loading.connection
    if not connection.execute("SELECT 1 FROM pending LIMIT 1").fetchone():
        return
    if target == "handlings":
        connection.execute("INSERT INTO touched SELECT DISTINCT case_code FROM pending")
    if target == "cases":
        derive(connection, loading.rules)
        merging.replace_steps(connection)
        connection.execute("DELETE FROM touched WHERE case_code IN (SELECT case_code FROM pending)")
    merging.write_pending(connection, target)


# ---- accounts --------------------------------------------------------------------------------


def _balances(
    loading: Loading,
    source: Source,
    portion: _Portion,
    counts: pd.DataFrame,
    refused: dict[int, str],
    gone: dict[str, int],
) -> list[Balance]:
    connection = loading.connection
    fates = connection.execute(
        "SELECT _member, fate, count(*) FROM identified WHERE fate IS NOT NULL GROUP BY ALL"
        " UNION ALL SELECT _member, outcome, count(*) FROM outcomes GROUP BY ALL"
        " UNION ALL SELECT _member, 'quarantined', count(DISTINCT _line) FROM rejected"
        " WHERE kind = 'row' GROUP BY ALL"
        " UNION ALL SELECT _member, 'repeated_keys', n FROM repeated_keys"
    ).fetchall()
    parts: dict[int, dict[str, int]] = {}
    for number, fate, n in fates:
        mine = parts.setdefault(number, {})
        mine[fate] = mine.get(fate, 0) + n
    return [
        _balance(
            source,
            number,
            delivery,
            parts.get(number, {}),
            counts,
            refused,
            gone,
            portion.notes.get(number, ()),
        )
        for number, delivery in enumerate(portion.deliveries)
    ]


def _balance(
    source: Source,
    number: int,
    delivery: Delivery,
    parts: dict[str, int],
    counts: pd.DataFrame,
    refused: dict[int, str],
    gone: dict[str, int],
    notes: Sequence[str],
) -> Balance:
    delivered = int(counts.sum(axis=1).get(number, 0))
    start = Balance(source.name, delivery.member.name, delivery.content_hash)
    if number in refused:
        return replace(
            start, rows_in=delivered, quarantined=delivered, state="refused", reason=refused[number]
        )
    kept = sum(n for fate, n in parts.items() if fate != "repeated_keys")
    return replace(
        start,
        rows_in=kept,
        filtered=delivered - kept,
        replaced=gone.get(delivery.member.name, 0),
        reason="；".join(notes) or None,
        **parts,
    )


def _record(
    loading: Loading, source: Source, portion: _Portion, balances: Sequence[Balance]
) -> None:
    """Store what was read, its balance, and what was put aside."""
    connection, declared = loading.connection, source.declaration_hash()
    connection.execute(
        "DELETE FROM quarantine USING deliveries"
        f" WHERE source = {literal(source.name)} AND quarantine.member = deliveries.member"
    )
    connection.execute(
        "INSERT INTO quarantine SELECT $source, d.member, r._line, r.kind, r.column_name, r.code,"
        " r.reason, r.raw FROM rejected AS r JOIN deliveries AS d USING (_member)",
        {"source": source.name},
    )
    if source.delivery == "snapshot":
        merging.note_unread(connection, source.name)
    connection.execute(
        "DELETE FROM members USING deliveries"
        f" WHERE source = {literal(source.name)} AND members.member = deliveries.member"
    )
    provenance.note_members(
        connection,
        [
            (b.source, b.member, b.content_hash, declared, d.sequence, b.rows_in, b.state)
            for d, b in zip(portion.deliveries, balances, strict=True)
        ],
    )
    provenance.note_batches(
        connection,
        [
            (
                *(loading.run, loading.now, b.source, b.member, b.content_hash, b.rows_in),
                *(b.loaded, b.updated, b.unchanged, b.duplicate, b.stale, b.quarantined),
                *(b.filtered, b.replaced, b.repeated_keys, b.state, b.reason),
            )
            for b in balances
        ],
    )
