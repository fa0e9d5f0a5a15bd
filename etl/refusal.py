"""When a delivered member may not be loaded: too many bad rows, the wrong size, half a snapshot."""

from collections.abc import Mapping

import duckdb

from data.loading import merging
from data.site import Site
from etl.accounts import rows_put_aside
from etl.portions import Delivery, Portion
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
    bad = rows_put_aside(connection)
    refused = dict(portion.failures)
    for number, delivery in portion.deliveries.items():
        rows, broken = delivered.get(number, 0), bad.get(number, 0)
        reason = _wrong_size(source, site, rows, broken) or _shrunk(
            connection, source, site, delivery, rows - broken
        )
        if reason:
            refused[number] = reason
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


def _shrunk(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    site: Site,
    delivery: Delivery,
    rows: int,
) -> str | None:
    """Why a snapshot is too small to be believed: nobody closes half a county overnight."""
    if source.delivery != "snapshot" or delivery.sequence is None:
        return None
    newest = merging.newest_sequence(connection, source.name)
    if newest is None or delivery.sequence <= newest:
        return None
    living = merging.living_keys(connection, source.target, source.name)
    if living >= SMALL and rows < living * (1 - site.max_withdrawn_share):
        return f"快照只有 {rows} 行，而现有 {living} 行，疑似不完整，整批拒收"
    return None


def _forget(connection: duckdb.DuckDBPyConnection, refused: Mapping[int, str]) -> None:
    if refused:
        numbers = ", ".join(str(number) for number in refused)
        for table in ("typed", "spurned"):
            connection.execute(f"DELETE FROM {table} WHERE _member IN ({numbers})")
