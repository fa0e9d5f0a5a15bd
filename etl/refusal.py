"""When a delivered member may not be loaded: too many bad rows, the wrong size, half a snapshot."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import duckdb

from data.loading.provenance import snapshot_before
from data.site import Site
from etl.accounts import rows_put_aside, rows_unwanted
from etl.portions import Portion
from etl.source import Source

SMALL = 20  # a share of bad rows means nothing in a smaller member


def refuse(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    site: Site,
    portion: Portion,
    delivered: Mapping[int, int],
) -> dict[int, str]:
    """The members that may not be loaded, with the reason; their rows are forgotten."""
    bad, unwanted = rows_put_aside(connection), rows_unwanted(connection)
    snapshots = _Snapshots(connection, source, site)
    refused = dict(portion.failures)
    in_order = sorted(portion.deliveries.items(), key=lambda pair: pair[1].place)
    for number, delivery in in_order:
        rows = delivered.get(number, 0)
        reason = _wrong_size(source, site, rows, bad.get(number, 0))
        if number not in refused and not reason:
            reason = snapshots.why_not(delivery.sequence, rows - unwanted.get(number, 0))
        if reason:
            refused.setdefault(number, reason)
    _forget(connection, refused)
    return refused


def _wrong_size(source: Source, site: Site, rows: int, broken: int) -> str | None:
    """Why a member of so many rows, of which so many are broken, cannot be what was meant."""
    limit = site.max_bad_share if source.max_bad_share is None else source.max_bad_share
    fewest, most = source.asserts.min_rows, source.asserts.max_rows
    if rows >= SMALL and broken > limit * rows:
        return f"{broken}/{rows} 行有错，超过 {limit:.0%}，整批拒收"
    if rows < fewest:
        return f"只有 {rows} 行，少于声明的 {fewest} 行"
    if most is not None and rows > most:
        return f"有 {rows} 行，多于声明的 {most} 行"
    return None


@dataclass
class _Snapshots:
    """The snapshots of a source, judged in their order, each by the last good one before it."""

    connection: duckdb.DuckDBPyConnection
    source: Source
    site: Site
    accepted: list[tuple[datetime, int]] = field(default_factory=list)  # sequence, rows

    def why_not(self, sequence: datetime | None, rows: int) -> str | None:
        """Why a snapshot is too small to be believed: nobody closes half a county overnight."""
        if self.source.delivery != "snapshot" or sequence is None:
            return None
        before = self._rows_before(sequence)
        if before >= SMALL and rows < before * (1 - self.site.max_withdrawn_share):
            return f"快照只有 {rows} 行，而上一份有 {before} 行，疑似不完整，整批拒收"
        self.accepted.append((sequence, rows))
        return None

    def _rows_before(self, sequence: datetime) -> int:
        is_fetched = self.source.sequence == "fetched"
        known = snapshot_before(self.connection, self.source.name, sequence, is_fetched)
        earlier = [known] if known else []
        earlier += [found for found in self.accepted if found[0] < sequence]
        return max(reversed(earlier), key=lambda found: found[0])[1] if earlier else 0


def _forget(connection: duckdb.DuckDBPyConnection, refused: Mapping[int, str]) -> None:
    if refused:
        numbers = ", ".join(str(number) for number in refused)
        for table in ("typed", "spurned"):
            connection.execute(f"DELETE FROM {table} WHERE _member IN ({numbers})")
