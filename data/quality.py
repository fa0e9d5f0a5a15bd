"""What the edition says about its own data: balances, quarantine, layers, freshness, no place."""

import pandas as pd

from data.editions.edition import Edition
from data.scope import Grant

# A batch's balance closes when rows_in equals the six that follow it.
BALANCE = """
SELECT coalesce(s.title, b.source) AS title, b.source, count(*) AS members,
       sum(rows_in)::BIGINT AS rows_in, sum(loaded)::BIGINT AS loaded,
       sum(updated)::BIGINT AS updated, sum(unchanged)::BIGINT AS unchanged,
       sum(duplicate)::BIGINT AS duplicate, sum(stale)::BIGINT AS stale,
       sum(quarantined)::BIGINT AS quarantined, sum(filtered)::BIGINT AS filtered,
       sum(repeated_keys)::BIGINT AS repeated_keys,
       count(*) FILTER (b.state = 'refused') AS refused, max(read_at) AS read_at
FROM {batches} b LEFT JOIN {sources} s USING (source)
GROUP BY ALL ORDER BY b.source
"""

LAST_BATCHES = """
SELECT coalesce(s.title, b.source) AS title, b.member, b.read_at, b.rows_in, b.loaded, b.updated,
       b.unchanged, b.duplicate, b.stale, b.quarantined, b.state, b.reason
FROM {batches} b LEFT JOIN {sources} s USING (source)
ORDER BY b.read_at DESC, b.source, b.member LIMIT $limit
"""

REASONS = """
SELECT coalesce(s.title, q.source) AS title, q.kind, coalesce(q.column_name, '') AS column_name,
       q.code, any_value(q.reason ORDER BY q.member, q.line) AS reason, count(*) AS rows,
       any_value(CASE WHEN q.line > 0 THEN q.member || ' 第 ' || q.line || ' 行' ELSE '—' END
                 ORDER BY q.member, q.line) AS first_at  -- a wall is told no file
FROM {quarantine} q LEFT JOIN {sources} s USING (source)
GROUP BY s.title, q.source, q.kind, q.column_name, q.code
ORDER BY rows DESC, title, q.code LIMIT $limit
"""

LAYERS = """
SELECT layer, name, tier, polygons, repaired, overlap_pairs, overlap_km2, gap_km2, report
FROM layers ORDER BY tier NULLS LAST, layer
"""

UNPLACED = """
SELECT coalesce(s.title, c.source) AS title, c.point_quality, count(*) AS cases,
       count(*) FILTER (NOT c.is_located) AS unlocated
FROM {cases} c LEFT JOIN {sources} s USING (source)
WHERE c.withdrawn_at IS NULL
GROUP BY s.title, c.source, c.point_quality ORDER BY title, cases DESC
"""

SOURCES = """
SELECT source, title, target, expected_every, last_success_at, last_data_at, rows, state, reason,
       new_columns
FROM {sources} ORDER BY source
"""


def balance(edition: Edition, grant: Grant) -> pd.DataFrame:
    """One row a source: members read, and rows in = loaded + updated + unchanged + duplicate +
    stale + quarantined over all of them."""
    return _frame(edition, grant, BALANCE)


def last_batches(edition: Edition, grant: Grant, limit: int = 20) -> pd.DataFrame:
    """The members read last, newest first, each with its balance."""
    return _frame(edition, grant, LAST_BATCHES, {"limit": limit})


def quarantine_reasons(edition: Edition, grant: Grant, limit: int = 50) -> pd.DataFrame:
    """Rows and values kept aside, counted by source, column and reason, with a first example.

    A wall is told the kind of reason and no value, column or file: they may hold what people wrote.
    """
    return _frame(edition, grant, REASONS, {"limit": limit})


def layer_reports(edition: Edition) -> pd.DataFrame:
    """One row a layer: polygons, repaired ones, overlaps and gaps."""
    return edition.frame(LAYERS)


def unplaced(edition: Edition, grant: Grant) -> pd.DataFrame:
    """Cases by source and point quality, with how many have no place in the main tree."""
    return _frame(edition, grant, UNPLACED)


def sources(edition: Edition, grant: Grant) -> pd.DataFrame:
    """The state of every source as at publication."""
    return _frame(edition, grant, SOURCES)


def _frame(
    edition: Edition, grant: Grant, sql: str, params: dict[str, int] | None = None
) -> pd.DataFrame:
    names = ("batches", "cases", "quarantine", "sources")
    return edition.frame(sql.format(**{name: grant.table(name) for name in names}), params)
