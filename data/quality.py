"""What the edition says about its own data: balances, quarantine, layers, freshness, no place.

Deliveries are of the whole site and hold what people wrote. Who may not see personal text in clear
is told kinds of reasons, and neither values nor names of files; who may see some regions or
departments only is told nothing of deliveries but whether they come.
"""

import pandas as pd

from data.editions.edition import Edition
from data.indicators import Count
from data.scope import Grant, Scope
from data.state import Question, state
from data.wall_views import why

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
FROM ({cases}) c LEFT JOIN {sources} s USING (source)
GROUP BY s.title, c.source, c.point_quality ORDER BY title, cases DESC
"""

SOURCES = """
SELECT source, title, target, expected_every, last_success_at, last_data_at, rows, state, reason,
       new_columns
FROM {sources} ORDER BY source
"""

NOBODYS = {  # a table without what may name people -> its SQL
    "quarantine": "(SELECT * REPLACE ('' AS member, 0 AS line,"
    f" {why()} AS reason, NULL::VARCHAR AS raw) FROM quarantine)",
    "batches": "wall_batches",
    "sources": "wall_sources",
}
NOTHING = "(FROM {} WHERE false)"


def balance(edition: Edition, grant: Grant) -> pd.DataFrame:
    """One row a source: members read, and rows in = loaded + updated + unchanged + duplicate +
    stale + quarantined over all of them. Nothing for a limited grant."""
    return _frame(edition, grant, BALANCE)


def last_batches(edition: Edition, grant: Grant, limit: int = 20) -> pd.DataFrame:
    """The members read last, newest first, each with its balance. Nothing for a limited grant, and
    for a masked one neither their names nor why they were refused."""
    return _frame(edition, grant, LAST_BATCHES, {"limit": limit})


def quarantine_reasons(edition: Edition, grant: Grant, limit: int = 50) -> pd.DataFrame:
    """Rows and values kept aside, counted by source, column and reason, with a first example.

    Nothing for a limited grant. A masked one is told the kind of reason and no value or file: they
    may hold what people wrote; a wall no column either.
    """
    return _frame(edition, grant, REASONS, {"limit": limit})


def layer_reports(edition: Edition) -> pd.DataFrame:
    """One row a layer: polygons, repaired ones, overlaps and gaps."""
    return edition.frame(LAYERS)


def unplaced(edition: Edition, grant: Grant) -> pd.DataFrame:
    """Cases by source and point quality, with how many have no place in the main tree."""
    question = Question(edition, Scope(), grant)
    every = state(question, Count(at="reported_at"), uses="source point_quality is_located")
    sql = UNPLACED.format(cases=every, sources=_table(grant, "sources"))
    return edition.frame(sql, question.used(sql))


def sources(edition: Edition, grant: Grant) -> pd.DataFrame:
    """The state of every source as at publication. `rows` is None for a limited grant; why a source
    failed, and which columns it added, only for one that sees clear text everywhere."""
    frame = _frame(edition, grant, SOURCES)
    return frame.assign(rows=None) if grant.is_limited else frame


def _frame(
    edition: Edition, grant: Grant, sql: str, params: dict[str, int] | None = None
) -> pd.DataFrame:
    tables = {name: _table(grant, name) for name in NOBODYS}
    return edition.frame(sql.format(**tables), params)


def _table(grant: Grant, name: str) -> str:
    """What a grant may read of a table about deliveries."""
    if grant.is_limited and name != "sources":
        return NOTHING.format(name)
    is_covered = grant.masking != "clear" or grant.is_limited
    return grant.table(name) if grant.is_wall or not is_covered else NOBODYS[name]
