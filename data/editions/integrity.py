"""Does an edition hold what it should: every block readable, one state for the same sources?"""

import hashlib
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import duckdb

from data.case_code import ALPHABET, LENGTH
from data.editions.edition import EditionError, read_meta, read_site
from data.editions.tables import full_scan_sql, table_names
from data.site import Site
from data.sql import quoted
from data.targets import TARGETS
from rules.status import CLOSING

# Where a row came from and when we read it is no state: a file may come again under another name.
PROVENANCE = {"member", "line"}
STATE: dict[str, set[str]] = {
    **dict.fromkeys(TARGETS, PROVENANCE),
    "parties": {*PROVENANCE, "person_key"},  # keyed with a secret of the home
    "steps": set(),
    "quarantine": PROVENANCE,
    "grids": set(),
    "layers": {"report"},
    "departments": set(),
    "categories": set(),
    "dimensions": set(),
    "calendar": set(),
    "time_limits": set(),
}


def verify(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """What does not hold in an edition, in Chinese; [] where all is well. Stops at damage."""
    try:
        full_scan(connection)
        return list(_problems(connection, read_site(read_meta(connection))))
    except (duckdb.Error, EditionError) as error:
        return [f"读不出来：{error}"]


def full_scan(connection: duckdb.DuckDBPyConnection) -> dict[str, tuple[int, int]]:
    """Read every value of every table: (rows, checksum) by table; duckdb.Error at damage."""
    return {
        table: _row(connection, full_scan_sql(connection, table))
        for table in table_names(connection)
    }


def checksum(contents: dict[str, tuple[int, int]]) -> str:
    """What `full_scan` found as one text, to be kept with the edition (in `meta`, so without it).

    It names DuckDB's version, since another one may sum otherwise. Cheaper than `state_hash` by a
    factor of four, so it can be taken at every publication.
    """
    rows = sorted((table, found) for table, found in contents.items() if table != "meta")
    digest = hashlib.sha256(repr(rows).encode()).hexdigest()
    return f"{duckdb.__version__} {digest}"


def state_hash(connection: duckdb.DuckDBPyConnection) -> str:
    """What the sources have led to, as 64 hex digits: the same for any order of loading.

    The sum of the md5 of the rows' text, by table: neither the order of rows nor DuckDB's version
    matters. Left out are edition numbers, runs, their clocks and PROVENANCE.
    """
    texts = [f"{table} {_row_sum(connection, table)}" for table in STATE]
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


# State


def _row_sum(connection: duckdb.DuckDBPyConnection, table: str) -> str:
    texts = dict(_texts(connection, table))
    origin = f"{table} AS r"
    if table in TARGETS:  # made from the member where there is no key: what was delivered stands in
        code = texts[TARGETS[table].code]
        texts[TARGETS[table].code] = f"CASE WHEN r.source_key IS NULL THEN '' ELSE {code} END"
    if table == "steps":
        origin = (
            "steps AS r LEFT JOIN (SELECT case_code, row_hash FROM cases WHERE source_key IS NULL)"
            " AS keyless USING (case_code)"
        )
        texts["case_code"] = "coalesce(keyless.row_hash, r.case_code)"
    parts = ", chr(31), ".join(f"coalesce({texts[name]}, chr(0))" for name in sorted(texts))
    total = _row(
        connection, f"SELECT count(*), sum(md5_number_lower(concat({parts}))) FROM {origin}"
    )
    return f"{','.join(sorted(texts))} {total[0]} {total[1] or 0}"


def _texts(connection: duckdb.DuckDBPyConnection, table: str) -> Iterator[tuple[str, str]]:
    """The columns that are state, each with SQL of its text; a struct gives one per field."""
    for name, kind in _columns(connection, table):
        if name in STATE[table]:
            continue
        if kind.id == "struct":
            for field, inner in kind.children:
                yield f"{name}.{field}", _text(f"r.{quoted(name)}.{quoted(field)}", inner.id)
        else:
            yield name, _text(f"r.{quoted(name)}", kind.id)


def _text(column: str, kind: str) -> str:
    # Numbers of our own: how a time is printed may change from one DuckDB to the next.
    return f"epoch_us({column})::VARCHAR" if kind == "timestamp" else f"{column}::VARCHAR"


def _columns(connection: duckdb.DuckDBPyConnection, table: str) -> list[tuple[str, Any]]:
    described = connection.execute(f"SELECT * FROM {table} LIMIT 0").description or []
    return [(column[0], column[1]) for column in described]


# What must hold


def _problems(connection: duckdb.DuckDBPyConnection, site: Site) -> Iterator[str]:
    for name, sql in _checks(site):
        broken = _row(connection, sql)
        if broken[0]:
            yield f"{name}：{broken[0]} 处，如 {broken[1]}"
    recorded = read_meta(connection).get("checksum")
    is_ours = recorded is not None and recorded.split()[0] == duckdb.__version__
    if is_ours and recorded != checksum(full_scan(connection)):
        yield "内容与发布时所记的校验值不符"


def _checks(site: Site) -> Iterator[tuple[str, str]]:
    """(rule, SQL of how many break it and one example)."""
    for table, target in TARGETS.items():
        twice = f"(SELECT {target.code} FROM {table} GROUP BY ALL HAVING count(*) > 1)"
        yield f"{table} 的编码唯一", _count(target.code, twice)
    yield "一案一码的校验位", _count("case_code", f"cases WHERE NOT {_is_valid('case_code')}")
    yield "流转的事项存在", _count("case_code", "steps ANTI JOIN cases USING (case_code)")
    yield "流转按时间编号", _count("case_code", _UNORDERED)
    yield "办结时间等于最后一次办结", _count("case_code", _CLOSED_OTHERWISE)
    yield "批次平账", _count("source || ' ' || member", _UNBALANCED)
    for table, target in TARGETS.items():
        if not target.is_placed:
            continue
        for layer in site.place_keys:
            yield f"{table} 的 {layer} 合计加未落格等于总数", _unplaced(table, layer)
        yield (
            f"{table} 的落格标记与位置一致",
            _count(target.code, f"{table} WHERE is_located IS DISTINCT FROM ({_has_place(site)})"),
        )
        for upper, lower in pairwise(level.key for level in site.levels):
            yield f"{table} 的 {lower} 属于其 {upper}", _misplaced(table, upper, lower)


def _count(example: str, origin: str) -> str:
    return f"SELECT count(*), min({example}) FROM {origin}"


_UNORDERED = """(
    SELECT case_code FROM steps
    WINDOW w AS (PARTITION BY case_code ORDER BY seq)
    QUALIFY row_number() OVER w <> seq OR since > "at" OR lag("at") OVER w <> since
)"""

_CLOSED_OTHERWISE = f"""cases LEFT JOIN (
    SELECT case_code, IF(arg_max(kind, seq) = 'reopen', NULL, arg_max("at", seq)) AS last_closed
    FROM steps
    WHERE kind IN ({", ".join(f"'{kind}'" for kind in sorted({*CLOSING, "reopen"}))})
    GROUP BY case_code
) USING (case_code)
WHERE closed_at IS DISTINCT FROM last_closed"""

_UNBALANCED = """batches WHERE state = 'loaded'
    AND rows_in <> loaded + updated + unchanged + duplicate + stale + quarantined"""


def _unplaced(table: str, layer: str) -> str:
    """Rows whose code is in no polygon of the layer, or in several: sums over it would be off."""
    column = quoted(layer)
    return f"""
        SELECT abs(count(*) - (SELECT count(*) FROM {table})), min({column}) FILTER (n IS NULL)
        FROM {table} LEFT JOIN (
            SELECT code, 1 AS n FROM grids WHERE layer = '{layer}'
        ) ON {column} = code
        WHERE {column} IS NULL OR n IS NOT NULL"""


def _misplaced(table: str, upper: str, lower: str) -> str:
    return f"""
        SELECT count(*), min({TARGETS[table].code}) FROM {table}
        JOIN grids ON layer = '{lower}' AND code = {quoted(lower)}
        WHERE parent IS DISTINCT FROM {quoted(upper)}"""


def _has_place(site: Site) -> str:
    return f"{quoted(site.grid_key)} IS NOT NULL"


def _is_valid(code: str) -> str:
    """SQL of data.case_code.is_valid: the form, and a Luhn sum that 32 divides."""
    digits = [f"(instr('{ALPHABET}', {code}[{place + 1}]) - 1)" for place in range(LENGTH)]
    doubled = [f"({d} * 2 // 32 + {d} * 2 % 32)" for d in digits[1::2]]
    total = " + ".join([*digits[::2], *doubled])
    return f"(regexp_full_match({code}, '[{ALPHABET}]{{{LENGTH}}}') AND ({total}) % 32 = 0)"


def _row(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple:
    row = connection.execute(sql).fetchone()
    assert row is not None  # an aggregate without GROUP BY gives one row
    return row
