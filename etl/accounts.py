"""Where every delivered row went: the balance of each member, and its record in the edition."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import duckdb

from data.loading import merging, provenance
from etl.portions import Delivery, Portion
from etl.source import Source

COUNTS = (
    "rows_in",
    "loaded",
    "updated",
    "unchanged",
    "duplicate",
    "stale",
    "quarantined",
    "replaced",
)


@dataclass(frozen=True)
class Balance:
    """Where the rows of one member went: `rows_in` are those that the source's `where` keeps.

    They are counted before anything is done to them, so that the six counts after it may fail to
    add up to it: then a row was lost.
    """

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
    def accounted(self) -> int:
        parts = self.loaded + self.updated + self.unchanged + self.duplicate + self.stale
        return parts + self.quarantined

    @property
    def adds_up(self) -> bool:
        return self.rows_in == self.accounted


class Unbalanced(Exception):
    """A row was delivered and went nowhere: what was loaded cannot be believed."""


def rows_delivered(connection: duckdb.DuckDBPyConnection) -> dict[int, int]:
    """Rows by member, read whole or rejected by the reader; before anything is cleaned."""
    return _by_member(
        connection,
        "SELECT _member, count(*) FROM (SELECT _member FROM raw"
        " UNION ALL SELECT _member FROM rejected) GROUP BY ALL",
    )


def rows_unwanted(connection: duckdb.DuckDBPyConnection) -> dict[int, int]:
    """Rows by member that the source's `where` drops."""
    return _by_member(connection, "SELECT _member, n FROM unwanted")


def rows_put_aside(connection: duckdb.DuckDBPyConnection) -> dict[int, int]:
    """Rows by member that are not loaded for what is wrong with them."""
    return _by_member(
        connection,
        "SELECT _member, count(*) FROM rejected WHERE kind = 'row' GROUP BY ALL",
    )


def balances(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    portion: Portion,
    delivered: Mapping[int, int],
    refused: Mapping[int, str],
    gone: Mapping[str, int],
) -> list[Balance]:
    """A balance for every delivery of the portion; `gone`: replaced rows by member.

    Unbalanced where the rows of a member do not all have a fate.
    """
    unwanted = rows_unwanted(connection)
    fates = _fates(connection)
    found = []
    for number, delivery in portion.deliveries.items():
        rows = delivered.get(number, 0)
        balance = Balance(source.name, delivery.name, delivery.content_hash, rows)
        if number in refused:
            balance = replace(balance, quarantined=rows, state="refused", reason=refused[number])
        else:
            balance = replace(
                balance,
                rows_in=rows - unwanted.get(number, 0),
                filtered=unwanted.get(number, 0),
                replaced=gone.get(delivery.name, 0),
                reason="；".join(portion.notes.get(number, ())) or None,
                **fates.get(number, {}),
            )
        found.append(balance)
    _refuse_loss(found)
    return found


def _fates(connection: duckdb.DuckDBPyConnection) -> dict[int, dict[str, int]]:
    """By member, what became of how many of its rows."""
    rows = connection.execute(
        "SELECT _member, fate, count(*) FROM identified WHERE fate IS NOT NULL GROUP BY ALL"
        " UNION ALL SELECT _member, outcome, count(*) FROM outcomes GROUP BY ALL"
        " UNION ALL SELECT _member, 'repeated_keys', n FROM repeated_keys"
    ).fetchall()
    rows += [(n, "quarantined", rows) for n, rows in rows_put_aside(connection).items()]
    fates: dict[int, dict[str, int]] = {}
    for number, fate, n in rows:
        mine = fates.setdefault(number, {})
        mine[fate] = mine.get(fate, 0) + n  # stale: than another row here, or than the edition's
    return fates


def _refuse_loss(balances: Sequence[Balance]) -> None:
    for balance in balances:
        if not balance.adds_up:
            reason = f"读入 {balance.rows_in:,} 行，有去向的 {balance.accounted:,} 行"
            raise Unbalanced(f"{balance.source} {balance.member} 收支不平：{reason}；未发布")


def record(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    deliveries: Iterable[Delivery],
    balances: Sequence[Balance],
    run: str,
    now: datetime,
) -> int:
    """Store what was read, its balance, and what was put aside; how much no longer is."""
    freed = provenance.replace_quarantine(connection, source.name)
    if source.delivery == "snapshot":
        merging.note_unread(connection, source.name)
    declared = source.declaration_hash()
    provenance.replace_members(
        connection,
        source.name,
        [
            (b.source, b.member, b.content_hash, declared, d.sequence, b.rows_in, b.state)
            for d, b in zip(deliveries, balances, strict=True)
        ],
    )
    provenance.note_batches(
        connection,
        [
            (
                *(run, now, b.source, b.member, b.content_hash, b.rows_in),
                *(b.loaded, b.updated, b.unchanged, b.duplicate, b.stale, b.quarantined),
                *(b.filtered, b.replaced, b.repeated_keys, b.state, b.reason),
            )
            for b in balances
        ],
    )
    return freed


def _by_member(connection: duckdb.DuckDBPyConnection, sql: str) -> dict[int, int]:
    return dict(connection.execute(sql).fetchall())
