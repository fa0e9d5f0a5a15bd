"""Turn raw text into typed fields; what cannot be understood is put aside with its reason.

Raw rows wait in the temporary table `raw`: `_member` (number of the member), `_row` (number of
the row), `_line`, `_extra` (JSON of the columns without a field) and one VARCHAR column per slot
of the source. `clean` makes `typed` (rows that can be loaded) and adds to `rejected` what cannot.
The database does the work; only texts that its fast forms leave over are looked at one by one,
each distinct text once.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pandas as pd

from data.declaration import DeclarationError
from data.site import Site
from data.sql import literal, quoted
from data.targets import NUMBER, TARGETS, TEXT, TIME, WHOLE, YES_NO
from etl import source as declared
from etl.source import Column, Source, known_codes, plain
from etl.times import parse_time

EARLIEST = datetime(2000, 1, 1)
DUE_AHEAD = timedelta(days=365 * 20)
MAY_LIE_AHEAD = frozenset(
    {"due_at", "accept_due_at", "expires_at", "effective_at", "onset_at", "begins_at", "ends_at"}
)
COSTS_ONLY_THE_VALUE = ("lon", "lat", "due_at", "accept_due_at")  # the row is loaded without it
PROBLEM_CODES = {TIME: "bad_time", NUMBER: "bad_number", WHOLE: "bad_number"}
WIDE = "'０１２３４５６７８９．－＋，,', '0123456789.-+'"  # full-width signs of numbers; no commas
DIGIT = "[0-9０-９]"
WIDE_OR_GROUPED = f"'[-+－＋]?({DIGIT}{{1,3}}([,，]{DIGIT}{{3}})+|{DIGIT}*)([.．]{DIGIT}*)?'"
FRACTION = f"'{DIGIT}[.．]{DIGIT}'"
PROBLEM = '"a problem"'  # of lambdas: a field or dimension `p` would be taken for a `p`
WHOLE_ROW, IS_ROUGH = '"a whole row"', '"is rough"'
YES = frozenset({"1", "true", "t", "yes", "y", "是", "有"})
NO = frozenset({"0", "false", "f", "no", "n", "否", "无"})
# Other forms the database's cast would read wrong: it drops an offset that it does not know.
LOCAL_FORM = r"'\d{4}[-/]\d\d?[-/]\d\d?([ T]\d\d?:\d\d?(:\d\d?(\.\d+)?)?)?'"
ZONED_FORM = r"'\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)'"
FAST_FORMS = {  # date words that the database reads by itself; the rest goes to etl.times
    "iso": "CASE WHEN regexp_full_match({t}, {local_form}) THEN {local}"
    " WHEN regexp_full_match({t}, {zoned_form})"
    " THEN timezone({zone}, try_cast({t} AS TIMESTAMPTZ)) END",
    "epoch_s": "CASE WHEN abs(try_cast({t} AS DOUBLE)) < 1e11"
    " THEN timezone({zone}, to_timestamp(try_cast({t} AS DOUBLE))) END",
    "epoch_ms": "CASE WHEN abs(try_cast({t} AS DOUBLE)) < 1e14"
    " THEN timezone({zone}, to_timestamp(try_cast({t} AS DOUBLE) / 1000)) END",
    "excel": "CASE WHEN try_cast({t} AS DOUBLE) BETWEEN 20000 AND 80000 THEN TIMESTAMP '1899-12-30'"
    " + to_seconds(round(try_cast({t} AS DOUBLE) * 86400)::BIGINT) END",
}


@dataclass(frozen=True)
class Work:
    """What one cleaning needs: where the rows are, what they mean, and the range of times."""

    connection: duckdb.DuckDBPyConnection
    source: Source
    site: Site
    now: datetime


@dataclass(frozen=True)
class Field:
    """How one field is made: SQL of its raw text (None for constants), of its value, and the
    joined table of meanings that the value needs."""

    name: str
    type: str
    raw: str | None
    value: str
    join: str = ""


def clean(
    connection: duckdb.DuckDBPyConnection, source: Source, site: Site, now: datetime
) -> tuple[str, ...]:
    """Make `typed` from `raw` and add to `rejected`; returns the fields that `typed` holds.

    `typed`: `_member`, `_row`, `_line`, `extra`, `row_hash`, `_key` (NULL where the source has
    none), `version`, `precision`, and a column per field. `rejected`: `_member`, `_row`, `_line`,
    `kind` (row | value), `column_name`, `code`, `reason`, `raw`. `spurned`: `_member`, `_key` of
    the rows put aside. `unwanted`: `_member`, `n` of the rows that `where` drops. Event times
    after `now` + 1 day are refused.
    """
    work = Work(connection, source, site, now)
    try:
        _keep_wanted(work)
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        raise DeclarationError(
            f"来源 {source.name} 的 where 在这批数据上不成立：{reason}"
        ) from None
    fields = _fields(work)
    _judge(work, fields)
    _put_aside(work, fields)
    return tuple(field.name for field in fields if field.name != "version")


# ---- the texts -------------------------------------------------------------------------------


def _keep_wanted(work: Work) -> None:
    """`texts`: the rows that `where` keeps; trimmed, NA spellings as NULL, with their hash.

    One look at the whole row finds the few with anything to trim or to take for NA.
    """
    where, slots = f"({work.source.where or 'true'}\n)", list(work.source.slots)
    work.connection.execute(
        "CREATE OR REPLACE TEMP TABLE unwanted AS SELECT _member, count(*) AS n FROM raw"
        f" WHERE {where} IS NOT TRUE GROUP BY _member"
    )
    known = "".join(f", {_known(work.source, slot)} AS {quoted(slot)}" for slot in slots)
    work.connection.execute(
        "CREATE OR REPLACE TEMP TABLE texts AS WITH seen AS (SELECT *,"
        f" {_whole(slots)} AS {WHOLE_ROW}, regexp_matches({WHOLE_ROW}, {_rough(work.source)})"
        f" AS {IS_ROUGH} FROM raw WHERE {where}), known AS"
        f" (SELECT _member, _row, _line, _extra, {WHOLE_ROW}, {IS_ROUGH}{known} FROM seen)"
        f" SELECT * EXCLUDE ({WHOLE_ROW}, {IS_ROUGH}), md5(CASE WHEN {IS_ROUGH}"
        f" THEN {_whole(slots)} ELSE {WHOLE_ROW} END) AS row_hash FROM known"
    )


def _whole(slots: Sequence[str]) -> str:
    """SQL of all that a row says as one text; what it does not say is an empty part of it."""
    parts = ", ".join(f"coalesce({quoted(slot)}, '')" for slot in slots)
    return f"concat_ws(chr(31), {parts}, coalesce(_extra, ''))"


def _rough(source: Source) -> str:
    """The pattern of a whole row where a part has a blank at its edge or may be an NA spelling."""
    na = "|".join(sorted({_na(source, slot) for slot in source.slots}))
    blank = r"[\s\x{a0}\x{3000}]"
    return literal(rf"(?i)(?:^|\x1f)(?:{blank}|(?:{na})(?:\x1f|$))|{blank}(?:\x1f|$)")


def _na(source: Source, slot: str) -> str:
    """The pattern of the spellings of NA."""
    own = [c.na for c in source.columns.values() if c.from_ and source.slot(*c.from_) == slot]
    words = {*declared.NA, *source.na, *(text for na in own for text in na)} - {""}
    return "|".join(re.escape(word) for word in sorted(words))


def _known(source: Source, slot: str) -> str:
    """SQL of the text without blanks around it; NULL where it is empty or a spelling of NA.

    No part is written twice: the database would take it out of the CASE and do it for every row.
    """
    text, na = quoted(slot), literal(f"(?i)^(?:{_na(source, slot)})$")
    known = f"nullif(regexp_replace(trim({text}, {declared.BLANKS}), {na}, ''), '')"
    return f"CASE WHEN {IS_ROUGH} THEN {known} ELSE nullif({text}, '') END"


# ---- the fields ------------------------------------------------------------------------------


def _fields(work: Work) -> list[Field]:
    types = declared.fields_of(work.source.target, work.site)
    columns = dict(work.source.columns)
    if work.source.updated_at:
        form = {"from": work.source.updated_at, "date": work.source.updated_date}
        columns["version"] = Column.model_validate(form)
    return [_field(work, name, types.get(name, TIME), column) for name, column in columns.items()]


def _field(work: Work, name: str, kind: str, column: Column) -> Field:
    if column.const is not None:
        return Field(name, kind, None, f"CAST({literal(column.const)} AS {kind})")
    raw = quoted(work.source.slot(*column.from_))
    if kind == TIME:
        return _time_field(work, name, raw, column.date)
    if kind in (NUMBER, WHOLE):
        factor = declared.UNITS.get(column.unit or "", 1.0)
        return Field(name, kind, raw, _number(f"texts.{raw}", kind, factor))
    meaning = _yes_or_no if kind == YES_NO else _lookup(work, name, column)
    if meaning is None:
        return Field(name, TEXT, raw, f"texts.{raw}")
    return _mapped(work, Field(name, kind, raw, ""), _distinct(work, raw), meaning)


def _number(raw: str, kind: str, factor: float) -> str:
    """SQL of the number that a text is; a comma that groups no thousands makes it none.

    Most texts can be cast as they are, and translate() is slow.
    """
    form = (
        f"CASE WHEN regexp_full_match({raw}, {WIDE_OR_GROUPED}) THEN translate({raw}, {WIDE}) END"
    )
    number = f"coalesce(try_cast({raw} AS DOUBLE), try_cast({form} AS DOUBLE)) * {factor}"
    if kind == NUMBER:
        return f"({number})"
    return f"CASE WHEN round({number}, 6) = round({number}) THEN try_cast({number} AS {kind}) END"


def _distinct(work: Work, raw: str, condition: str = "true") -> list[str]:
    rows = work.connection.execute(
        f"SELECT DISTINCT {raw} FROM texts WHERE {raw} IS NOT NULL AND {condition} ORDER BY 1"
    ).fetchall()
    return [text for (text,) in rows]


def _mapped(
    work: Work, field: Field, texts: Sequence[str], meaning: Callable[[str], Any], first: str = ""
) -> Field:
    """The field through a joined table text -> meaning; `first` is tried before it."""
    table = quoted(f"meaning_{field.name}")
    frame = pd.DataFrame({"raw": texts, "value": [meaning(text) for text in texts]}, dtype=object)
    work.connection.register("meanings", frame)
    work.connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {table} AS"
        f" SELECT raw::VARCHAR AS raw, value::{field.type} AS value FROM meanings"
    )
    work.connection.unregister("meanings")
    value = f"coalesce({first}, {table}.value)" if first else f"{table}.value"
    join = f" LEFT JOIN {table} ON {table}.raw = texts.{field.raw}"
    return Field(field.name, field.type, field.raw, value, join)


def _yes_or_no(raw: str) -> bool | None:
    text = plain(raw)
    return True if text in YES else False if text in NO else None


def _lookup(work: Work, field: str, column: Column) -> Callable[[str], str | None] | None:
    """What a raw text means in the field's code list; None for a field of free text."""
    name = declared.lookup_of(work.source.target, field, column)
    if name is None:
        return None
    table = {plain(raw): code for raw, code in known_codes(work.site, name).items()}
    table |= {plain(raw): code for raw, code in work.source.lookups.get(name, {}).items()}
    if name in work.site.open_lists:
        return lambda raw: table.get(plain(raw), raw)
    return lambda raw: table.get(plain(raw))


# ---- times -----------------------------------------------------------------------------------


def _time_field(work: Work, name: str, raw: str, formats: Sequence[str]) -> Field:
    """The time: the fast forms, then a table of the few distinct texts that they leave."""
    fast = _fast_time(work, f"texts.{raw}", formats)
    field = Field(name, TIME, raw, fast)
    left = _distinct(work, raw, f"({fast}) IS NULL")
    if not left:
        return field
    zones = (ZoneInfo(work.source.zone or work.site.zone), work.site.tzinfo)
    return _mapped(work, field, left, lambda text: parse_time(text, formats, *zones), fast)


def _fast_time(work: Work, text: str, formats: Sequence[str]) -> str:
    tries = []
    zone = literal(work.site.zone)
    strptime = [form for form in formats if "%" in form] + ["%Y-%m"] * ("month" in formats)
    zoned = ", ".join(literal(form) for form in strptime if "%z" in form)
    local = ", ".join(literal(form) for form in strptime if "%z" not in form)
    if local:
        tries.append(_local(work, f"try_strptime({text}, [{local}])"))
    if zoned:
        tries.append(f"timezone({zone}, try_strptime({text}, [{zoned}]))")
    local = _local(work, f"try_cast({text} AS TIMESTAMP)")
    tries += [
        FAST_FORMS[word].format(
            t=text, local=local, zone=zone, local_form=LOCAL_FORM, zoned_form=ZONED_FORM
        )
        for word in formats
        if word in FAST_FORMS
    ]
    return f"coalesce({', '.join(tries)})" if tries else "CAST(NULL AS TIMESTAMP)"


def _local(work: Work, sql: str) -> str:
    """`sql`, a time in the source's zone, as a time in the site's zone."""
    if work.source.zone in (None, work.site.zone):
        return sql
    return (
        f"timezone({literal(work.site.zone)}, timezone({literal(work.source.zone or '')}, {sql}))"
    )


# ---- judgement -------------------------------------------------------------------------------


def _judge(work: Work, fields: Sequence[Field]) -> None:
    """`judged`: every row with its fields, the `problems` of them, which of these are `fatal`,
    and which of key and time it `lacks`; all three NULL for a good row, as most are."""
    given = [field for field in fields if field.raw]
    values = "".join(f", {field.value} AS {quoted(field.name)}" for field in fields)
    raws = [f"texts.{field.raw} AS {quoted('raw ' + field.name)}" for field in given]
    version = "" if work.source.updated_at else ", CAST(NULL AS TIMESTAMP) AS version"
    without = ", ".join(quoted("raw " + field.name) for field in given)
    loose = ", ".join(map(literal, _costs_only_the_value(work.source)))
    work.connection.execute(
        "CREATE OR REPLACE TEMP TABLE judged AS WITH valued AS (SELECT _member, _row, _line,"
        f" _extra AS extra, row_hash, {_key(work.source)} AS _key{values},"
        f" {', '.join(raws)}{version} FROM texts{''.join(field.join for field in fields)}),"
        f" seen AS (SELECT * EXCLUDE ({without}), {_precision(work.source)} AS precision,"
        f" {_problems(given, work.now)} AS problems FROM valued)"
        f" SELECT *, list_filter(problems, lambda {PROBLEM}: {PROBLEM}.column_name"
        f" NOT IN ({loose})) AS fatal, {_lacks(work.source)} AS lacks FROM seen"
    )


def _key(source: Source) -> str:
    """The key as one text, parts joined by chr(31); NULL where a part is missing."""
    if not source.is_keyed:
        return "CAST(NULL AS VARCHAR)"
    parts = ["texts." + quoted(source.slot(name)) for name in source.key_columns]
    missing = " OR ".join(f"{part} IS NULL" for part in parts)
    return f"CASE WHEN {missing} THEN NULL ELSE concat_ws(chr(31), {', '.join(parts)}) END"


def _precision(source: Source) -> str:
    """second | day | month: how exact the declared form of the counting time is."""
    names = _counting_times(source)
    forms = source.columns[names[0]].date if names else ()
    if "month" in forms:
        return "'month'"
    has_clock = any("%H" in form or "%I" in form or "%" not in form for form in forms)
    return "'second'" if has_clock or not forms else "'day'"


def _problems(given: Sequence[Field], now: datetime) -> str:
    """SQL of the list of what is wrong with the fields, made only where anything is."""
    tests = {field.name: _tests(field, now) for field in given}
    whens = {
        name: "".join(
            f" WHEN {test} THEN {{'column_name': '{name}', 'code': '{code}', 'reason': {said}}}"
            for test, code, said in found
        )
        for name, found in tests.items()
    }
    any_ = " OR ".join(f"({test})" for found in tests.values() for test, _, _ in found)
    each = ", ".join(f"CASE{when} END" for when in whens.values())
    found = f"list_filter([{each}], lambda {PROBLEM}: {PROBLEM} IS NOT NULL)"
    return f"CASE WHEN {any_} THEN {found} END"


def _tests(field: Field, now: datetime) -> list[tuple[str, str, str]]:
    """What may be wrong with the field: SQL of when it is, the code, SQL of the reason."""
    raw, value = quoted("raw " + field.name), quoted(field.name)
    said = f"'{field.name}：' || left({raw}, 200)"
    if field.type == WHOLE:
        said += f" || CASE WHEN regexp_matches({raw}, {FRACTION}) THEN '（须为整数）' ELSE '' END"
    code = PROBLEM_CODES.get(field.type, "unknown_value")
    tests = [(f"{raw} IS NOT NULL AND {value} IS NULL", code, said)]
    if field.type == TIME:
        latest = now + (DUE_AHEAD if field.name in MAY_LIE_AHEAD else timedelta(days=1))
        outside = f"{value} < TIMESTAMP '{EARLIEST}' OR {value} > TIMESTAMP '{latest}'"
        tests.append((outside, "time_out_of_range", said))
    return tests


def _lacks(source: Source) -> str:
    """SQL of what a row cannot be without: missing_key, missing_time, or the name of a field."""
    whens = ["WHEN _key IS NULL THEN 'missing_key'"] if source.is_keyed else []
    if times := _counting_times(source):
        no_time = " AND ".join(f"{quoted(name)} IS NULL" for name in times)
        whens.append(f"WHEN {no_time} THEN 'missing_time'")
    whens += [
        f"WHEN nullif({quoted(name)}::VARCHAR, '{declared.UNCLASSIFIED}') IS NULL THEN '{name}'"
        for name in TARGETS[source.target].needed
        if name not in times
    ]
    return f"CASE {' '.join(whens)} END" if whens else "CAST(NULL AS VARCHAR)"


def _counting_times(source: Source) -> list[str]:
    return [name for name in TARGETS[source.target].times if name in source.columns]


def _costs_only_the_value(source: Source) -> list[str]:
    """Fields of which a wrong value costs no more than itself."""
    return [n for n in COSTS_ONLY_THE_VALUE if n not in TARGETS[source.target].needed]


def _put_aside(work: Work, fields: Sequence[Field]) -> None:
    """Split `judged` into `typed` and `rejected`."""
    is_lost = "(lacks IS NOT NULL OR len(fatal) > 0)"
    no_key = literal("缺少主键 " + "、".join(work.source.key_columns))
    no_time = literal("缺少时间 " + "、".join(_counting_times(work.source)))
    work.connection.execute(
        "INSERT INTO rejected SELECT lost.*,"
        f" {_raw_json(work)} FROM (SELECT _member, _row, _line, 'row', fatal[1].column_name,"
        " coalesce(fatal[1].code, CASE WHEN lacks IN ('missing_key', 'missing_time') THEN lacks"
        " ELSE 'missing_value' END), coalesce(list_aggregate(list_transform(fatal,"
        f" lambda {PROBLEM}: {PROBLEM}.reason), 'string_agg', '；'),"
        f" CASE lacks WHEN 'missing_key' THEN {no_key} WHEN 'missing_time' THEN {no_time}"
        " ELSE '缺少 ' || lacks END)"
        f" FROM judged WHERE {is_lost}) AS lost JOIN texts AS t ON t._row = lost._row"
    )
    work.connection.execute(
        "INSERT INTO rejected"
        " SELECT _member, _row, _line, 'value', found.column_name, found.code, found.reason, NULL"
        " FROM (SELECT _member, _row, _line, unnest(problems) AS found FROM judged"
        f" WHERE problems IS NOT NULL AND NOT coalesce({is_lost}, false))"
    )
    work.connection.execute(
        "CREATE OR REPLACE TEMP TABLE typed AS"
        f" SELECT * EXCLUDE (problems, fatal, lacks){_emptied(fields)}"
        f" FROM judged WHERE NOT coalesce({is_lost}, false)"
    )
    work.connection.execute(
        "CREATE OR REPLACE TEMP TABLE spurned AS SELECT _member, _key FROM judged"
        f" WHERE _key IS NOT NULL AND {is_lost}"
    )
    for table in ("judged", "texts"):
        work.connection.execute(f"DROP TABLE {table}")


def _emptied(fields: Sequence[Field]) -> str:
    """SQL that empties what a lookup calls 未分类, and wrong values that do not cost the row."""
    listed = [
        f"nullif({quoted(f.name)}, '{declared.UNCLASSIFIED}') AS {quoted(f.name)}"
        for f in fields
        if f.join and f.type == TEXT
    ]
    listed += [
        f"CASE WHEN problems IS NULL OR NOT list_contains(list_transform(problems,"
        f" lambda {PROBLEM}: {PROBLEM}.column_name), '{f.name}') THEN {f.name} END AS {f.name}"
        for f in fields
        if f.name in COSTS_ONLY_THE_VALUE
    ]
    return f" REPLACE ({', '.join(listed)})" if listed else ""


def _raw_json(work: Work) -> str:
    slots = ", ".join(f"{literal(slot)}: t.{quoted(slot)}" for slot in work.source.slots)
    return f"left(to_json({{{slots}}})::VARCHAR, 2000)"
