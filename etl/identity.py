"""Which delivered rows are the same matter, which of them counts, and what its code is.

From `typed` and `deliveries` (`_member`, `member`, `sequence`) it makes `identified`: every row
with `member`, `source_key`, `version`, `seen_at`, `fate` (NULL = it stands for its identity;
duplicate, stale = another row of this delivery does) and, where it stands, its `code`.
"""

import duckdb

from data.case_code import SEPARATOR, case_code_sql
from data.loading.merging import EVER
from data.sql import literal
from etl.source import Source

PART = "chr(31)"


def identify(connection: duckdb.DuckDBPyConnection, source: Source) -> None:
    """Make `identified` and `repeated_keys` (_member, n: rows whose key is no identity)."""
    _find_repeats(connection, source)
    code = case_code_sql(f"{literal(source.name + SEPARATOR)} || identity")
    connection.execute(  # windows carry every column they are given: only what orders the rows
        f"""
        CREATE OR REPLACE TEMP TABLE identified AS
        WITH marked AS (
            SELECT t._member, t._row, t.row_hash, d.member, d.sequence,
                coalesce(t.version, d.sequence) AS version,
                CASE WHEN r._key IS NULL THEN t._key END AS source_key
            FROM typed AS t JOIN deliveries AS d USING (_member)
            LEFT JOIN repeats AS r ON r._member = t._member AND r._key = t._key
        ), keyed AS (
            SELECT _row, member, version, source_key, source_key AS identity, CASE
                WHEN row_number() OVER same = 1 THEN NULL
                WHEN row_hash = first_value(row_hash) OVER same THEN 'duplicate'
                ELSE 'stale' END AS fate,
                max(sequence) OVER (PARTITION BY source_key) AS seen_at
            FROM marked WHERE source_key IS NOT NULL
            WINDOW same AS (PARTITION BY source_key
                ORDER BY coalesce(version, {EVER}) DESC, row_hash DESC, member, _row)
        ), keyless AS (
            SELECT _row, member, version, source_key, member || {PART} || row_hash || {PART}
                || row_number() OVER (PARTITION BY member, row_hash ORDER BY _row) AS identity,
                NULL AS fate, sequence AS seen_at
            FROM marked WHERE source_key IS NULL
        )
        SELECT t.* EXCLUDE (_key, version), i.* EXCLUDE (_row, identity),
            CASE WHEN i.fate IS NULL THEN {code} END AS code
        FROM typed AS t
        JOIN (SELECT * FROM keyed UNION ALL BY NAME SELECT * FROM keyless) AS i USING (_row)
        """
    )
    connection.execute("DROP TABLE repeats")


def _find_repeats(connection: duckdb.DuckDBPyConnection, source: Source) -> None:
    """`repeats`: keys that are no identity, for they come back in one file with other content
    and no `updated_at` of the source says which of the rows is newer."""
    is_counted = "false" if source.updated_at or not source.is_keyed else "true"
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE repeats AS
        SELECT _member, _key FROM typed WHERE {is_counted} AND _key IS NOT NULL
        GROUP BY ALL HAVING count(DISTINCT row_hash) > 1
        """
    )
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE repeated_keys AS
        SELECT t._member, count(*) AS n FROM typed AS t JOIN repeats AS r USING (_member, _key)
        GROUP BY t._member
        """
    )
