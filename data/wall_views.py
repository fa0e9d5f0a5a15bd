"""The wall's views: what a screen in a hall may be asked about, without anybody's data.

Whoever stands in the hall reads the wall, and its page can be opened and asked from any desk; so
what it shows comes from these views alone (`Grant.view`), and they have no column for what
identifies or was written by people: titles, texts, notes, keys and files of the sources, senders.
A point is rounded to about 100 m. `case_code` is a hash, and stays: by it a matter is found at a
desk, where one must sign in.

Matters of sensitive categories (`[wall] sensitive` of site.toml) count in every total, for a total
that leaves some out is wrong; but as unclassified (`-`), with no place beneath the top level of the
tree, no point, and never as a row of their own (`is_listed`). Of a kind that only such categories
have, the kind is taken too.
"""

import duckdb

from data.alert_rules import CATEGORIES
from data.site import Site
from data.sql import literal, quoted

DECIMALS = 3  # of a degree: 111 m, a block of houses
# The columns that pass as they are; what is not named here does not exist for a wall.
PASSED = {
    "cases": (
        *("case_code", "source", "channel", "department", "risk", "status", "outcome"),
        *("handling_level", "scale", "happened_at", "reported_at", "accepted_at"),
        *("dispatched_at", "responded_at", "closed_at", "accept_due_at", "due_at", "warn_at"),
        *("last_step_at", "precision", "reopen_count", "point_quality", "is_located"),
        "withdrawn_at",
    ),
    "steps": (
        *("case_code", "seq", "at", "kind", "department", "since", "status_before"),
        *("department_before", "risk_before", "handling_before", "outcome_before"),
        *("due_before", "warn_before", "closed_before"),
    ),
    "follow_ups": ("case_code", "due_at", "done_at", "way", "result", "withdrawn_at"),
    "evaluations": ("case_code", "at", "satisfaction", "withdrawn_at"),
    "alerts": (
        *("alert_code", "source", "sent_at", "status", "msg_type", "signal", "expires_at"),
        *("point_quality", "is_located", "withdrawn_at"),
    ),
    "batches": (
        *("run", "read_at", "source", "rows_in", "loaded", "updated", "unchanged", "duplicate"),
        *("stale", "quarantined", "filtered", "replaced", "repeated_keys", "state"),
    ),
    "quarantine": ("source", "kind", "code"),
    "sources": (
        *("source", "title", "target", "expected_every", "last_success_at", "last_data_at"),
        *("rows", "state"),
    ),
}
POINT = {name: f"round({name}, {DECIMALS})" for name in ("lon", "lat")}
# Why something was kept aside, by quarantine.code; the reason itself quotes what was written.
WHY = {
    "unknown_value": "代码表里没有的值",
    "bad_time": "读不懂的时间",
    "time_out_of_range": "时间超出范围",
    "bad_number": "读不懂的数",
    "ragged": "列数不符",
    "encoding": "文字编码有误",
    "mojibake": "文字编码有误",
    "missing_key": "缺少主键",
    "missing_time": "缺少时间",
    "outside": "坐标在界外",
    "swapped": "经纬度颠倒",
    "bad_position": "读不懂的坐标",
    "bad_json": "格式有误",
    "bad_quote": "格式有误",
}
OTHERWISE = "其他（详见装载报告）"
# Who sent a message, and its number, only tell messages apart.
REFERRED = (
    "',' || array_to_string(list_transform(string_split(refs, ' '),"
    " lambda triple: md5(string_split(triple, ',')[2])), ',') || ','"
)


def create_wall_views(connection: duckdb.DuckDBPyConnection, site: Site) -> None:
    """Make the `wall_*` views anew, as the site's tables and declarations are now."""
    for table, passed in PASSED.items():
        columns = {name: quoted(name) for name in passed} | _made(table, site)
        listed = ", ".join(f"{sql} AS {quoted(name)}" for name, sql in columns.items())
        connection.execute(f"CREATE OR REPLACE VIEW wall_{table} AS SELECT {listed} FROM {table}")


def sensitive_categories(site: Site) -> frozenset[str]:
    """The codes declared sensitive, with all beneath them."""
    found = set(site.wall.sensitive)
    while more := {row.code for row in site.categories if row.parent in found} - found:
        found |= more
    return frozenset(found)


def sensitive_kinds(site: Site) -> frozenset[str]:
    """The kinds of matters that only sensitive categories have: they would tell the category."""
    hidden = sensitive_categories(site)
    told = {row.kind for row in site.categories if row.code not in hidden}
    return frozenset(
        row.kind
        for row in site.categories
        if row.code in hidden and row.kind and row.kind not in told
    )


def _made(table: str, site: Site) -> dict[str, str]:
    """The columns of a view that are not simply passed, as SQL."""
    match table:
        case "cases":
            return _of_cases(site)
        case "alerts":
            return {
                "sender": "md5(sender)",
                "identifier": "md5(identifier)",
                "refs": REFERRED,
                "event": _event(site),
                "headline": "NULL::VARCHAR",
                "area_text": "NULL::VARCHAR",
                **POINT,
                **{key: quoted(key) for key in site.place_keys},
            }
        case "batches":
            return {"member": "'—'", "reason": "NULL::VARCHAR"}
        case "quarantine":
            columns = {"member": "''", "line": "0", "column_name": "NULL::VARCHAR"}
            return columns | {"reason": why()}
        case "sources":
            return {"reason": "NULL::VARCHAR", "new_columns": "NULL::VARCHAR"}
    return {}


def _of_cases(site: Site) -> dict[str, str]:
    hidden, top = sensitive_categories(site), site.levels[0].key
    below = {key: quoted(key) for key in site.place_keys if key != top}
    columns = {"kind": "kind", "category": "category", **POINT, **below}
    if hidden:
        is_hidden = f"category IN ({_listed(hidden)})"
        unless = {
            name: f"CASE WHEN {is_hidden} IS NOT TRUE THEN {s} END" for name, s in columns.items()
        }
        kinds = sensitive_kinds(site)
        kind = f"CASE WHEN kind IN ({_listed(kinds)}) THEN NULL ELSE kind END" if kinds else "kind"
        category = f"CASE WHEN {is_hidden} THEN '-' ELSE category END"
        columns = unless | {"kind": kind, "category": category}
    listed = f"({is_hidden}) IS NOT TRUE" if hidden else "true"
    own = {key: quoted(key) for key in (top, *site.dimension_keys)}
    return columns | own | {"is_listed": listed}


def why() -> str:
    """SQL of why a row of `quarantine` was put aside, without what was written in it."""
    cases = [f"WHEN {literal(code)} THEN {literal(word)}" for code, word in WHY.items()]
    return f"CASE code {' '.join(cases)} ELSE {literal(OTHERWISE)} END"


def _event(site: Site) -> str:
    """A declared word for what an alert is about: as AlertRules.event_of, the longest text counts,
    without one the word of its category; what a sender calls it is text."""
    said = {text: kind.word for kind in site.alerts.kinds for text in (kind.word, *kind.texts)}
    cases = [
        f"WHEN contains(event, {literal(text)}) THEN {literal(said[text])}"
        for text in sorted(said, key=len, reverse=True)
    ]
    cases += [
        f"WHEN string_split(category, ' ')[1] = {literal(code)} THEN {literal(row['label'])}"
        for code, row in CATEGORIES.items()
    ]
    return f"CASE {' '.join(cases)} END"


def _listed(codes: frozenset[str]) -> str:
    return ", ".join(literal(code) for code in sorted(codes))
