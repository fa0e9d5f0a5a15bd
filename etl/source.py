"""A source: a TOML that says what one system delivers and what each column means to us."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal
from zoneinfo import available_timezones

import duckdb
from pydantic import Field, PrivateAttr, field_validator, model_validator

from data.codes import codes
from data.declaration import DeclarationError, Declared, read_toml, validated
from data.site import Site
from data.sql import quoted
from data.targets import NUMBER, TARGETS, TEXT, TIME, WHOLE
from etl import readers
from etl.hostile import FileError
from etl.readers.base import ReaderOptions
from geo.coordinates import CoordinateError, resolve

FIELDS = {name: target.fields for name, target in TARGETS.items()}
UNCLASSIFIED = "-"  # 未分类: what a lookup says of a value that is known to say nothing
BLANKS = "chr(9) || chr(10) || chr(13) || chr(32) || chr(160) || chr(12288)"  # SQL
NA = ("", "null", "none", "nan", "n/a", "<na>")
READING = "3"  # of how rows are read and hashed; another number reads every delivery anew
OWN_NAMES = (  # of the tables of raw rows
    *("_member", "_row", "_line", "_extra", "row_hash"),
    *("a whole row", "is rough"),  # while they are cleaned
)
UNITS = {"百": 100.0, "千": 1e3, "万": 1e4, "亿": 1e8}
DATE_WORDS = ("iso", "excel", "excel1904", "epoch_s", "epoch_ms", "cn", "month")
NAME_DATE = re.compile(
    r"(?<!\d)(20\d\d)[-_.]?(0[1-9]|1[0-2])(?:[-_.]?(0[1-9]|[12]\d|3[01]))?"
    r"(?:[-_.T]?([01]\d|2[0-3])[-_.:]?([0-5]\d)(?:[-_.:]?([0-5]\d))?)?(?!\d)"
)


def _known_formats(formats: tuple[str, ...]) -> tuple[str, ...]:
    for text in formats:
        if text not in DATE_WORDS and not _is_strptime(text):
            words = "、".join(DATE_WORDS)
            raise ValueError(f"日期格式 {text!r} 不行；应为 strptime 格式或 {words}")
    return formats


@cache
def _is_strptime(text: str) -> bool:
    """Whether both of those who read it, the database and Python, know all its signs."""
    if "%" not in text:
        return False
    try:
        with duckdb.connect(":memory:") as asked:
            asked.execute("SELECT try_strptime('', $form)", {"form": text})
        datetime.strptime("", text)
    except duckdb.Error:
        return False
    except ValueError as error:
        return "does not match" in str(error)
    return True


class Column(Declared):
    """Where one of our fields comes from."""

    from_: tuple[str, ...] = Field((), alias="from", description="来源列名，可列出多个别名")
    const: str | None = None
    lookup: str | None = Field(None, description="代码表名，见 [lookups.名] 或站点代码表")
    date: tuple[str, ...] = Field((), description=f"strptime 格式或 {'、'.join(DATE_WORDS)}")
    unit: str | None = Field(None, description=f"数值的单位：{'、'.join(UNITS)}")
    na: tuple[str, ...] = Field((), description="表示空值的写法")

    @field_validator("from_", "date", "na", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("date")
    @classmethod
    def _formats_are_known(cls, formats: tuple[str, ...]) -> tuple[str, ...]:
        return _known_formats(formats)

    @field_validator("unit")
    @classmethod
    def _unit_is_known(cls, unit: str | None) -> str | None:
        if unit is not None and unit not in UNITS:
            raise ValueError(f"单位 {unit!r} 不行；应为 {'、'.join(UNITS)}")
        return unit

    @model_validator(mode="after")
    def _has_one_origin(self) -> "Column":
        if bool(self.from_) == (self.const is not None):
            raise ValueError("from 与 const 必须且只能写一个")
        return self


class Asserts(Declared):
    """How many rows one delivered file should hold."""

    min_rows: int = 0
    max_rows: int | None = None


class Example(Declared):
    """A worked example: a raw row and what becomes of it."""

    raw: dict[str, Any]
    row: dict[str, Any] | None = None
    rejected: str | None = None

    @model_validator(mode="after")
    def _has_one_result(self) -> "Example":
        if (self.row is None) == (self.rejected is None):
            raise ValueError("row 与 rejected 必须且只能写一个")
        return self


class Source(Declared):
    """One declared source; `name` is the TOML's file name."""

    name: str
    title: str
    target: str = Field("cases", description="送达哪张表：" + "、".join(TARGETS))
    reader: str = Field("csv", description="csv、excel、parquet、jsonl、geojson、cap、sql")
    files: tuple[str, ...] = ()
    inside: str = "*"
    options: dict[str, Any] = Field({}, description="读取器的选项，如 sheet、delimiter、query")
    encoding: str | None = None
    key: tuple[str, ...] | Literal["none"] = Field(description='来源主键的列名列表，或 "none"')
    delivery: Literal["snapshot", "changes", "append"]
    updated_at: str | None = Field(None, description="更新时间所在的列")
    updated_date: tuple[str, ...] = Field(("iso",), description="更新时间的日期格式")
    sequence: Literal["name", "fetched"] | None = Field(
        None, description="先后：name = 文件名中的日期；fetched = 取数的时刻（用于数据库）"
    )
    of: str | None = Field(None, description="各行所属事项的来源；不止一个时写 columns.case_source")
    crs: str = "WGS84"
    placeholders: tuple[tuple[float, float], ...] = ()
    zone: str | None = None
    expected_every: int | None = Field(None, gt=0)
    where: str | None = None
    na: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    max_bad_share: float | None = Field(None, ge=0, le=1)
    aliases: dict[str, tuple[str, ...]] = Field({}, description="列名 = 它在别的文件中的写法")
    columns: dict[str, Column]
    lookups: dict[str, dict[str, str]] = {}
    asserts: Asserts = Field(Asserts(), alias="assert")
    examples: tuple[Example, ...] = Field((), alias="example")
    _context: str = PrivateAttr("")

    @field_validator("target")
    @classmethod
    def _target_is_a_table(cls, target: str) -> str:
        if target not in TARGETS:
            raise ValueError(f"{target!r} 不行；应为 {'、'.join(TARGETS)} 之一")
        return target

    @field_validator("key")
    @classmethod
    def _key_has_columns(cls, key: tuple[str, ...] | str) -> tuple[str, ...] | str:
        if not key:
            raise ValueError('主键不能为空；没有主键请写 key = "none"')
        return key

    @field_validator("updated_date")
    @classmethod
    def _formats_are_known(cls, formats: tuple[str, ...]) -> tuple[str, ...]:
        return _known_formats(formats)

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, zone: str | None) -> str | None:
        if zone is not None and zone not in available_timezones():
            raise ValueError(f"{zone!r} 不是 IANA 时区；应如 Asia/Shanghai")
        return zone

    @field_validator("crs")
    @classmethod
    def _crs_exists(cls, crs: str) -> str:
        try:
            resolve(crs)
        except CoordinateError as error:
            raise ValueError(str(error)) from None
        return crs

    @field_validator("columns", mode="before")
    @classmethod
    def _plain_text_is_from(cls, columns: Any) -> Any:
        if not isinstance(columns, dict):
            return columns
        return {k: {"from": v} if isinstance(v, str | list) else v for k, v in columns.items()}

    @property
    def is_keyed(self) -> bool:
        return self.key != "none"

    @property
    def key_columns(self) -> tuple[str, ...]:
        return () if isinstance(self.key, str) else self.key

    @cached_property
    def slots(self) -> dict[str, tuple[str, ...]]:
        """What is read of a row: slot -> the raw columns of which the first that is not blank
        fills it. Fields from the very same columns share one.

        A slot is named as its first column, with signs added where the database would take the
        name for another's: `ID` beside `id`, or one of its own.
        """
        named = [column.from_ for column in self.columns.values() if column.from_]
        named += [(name,) for name in self.key_columns]
        named += [(self.updated_at,)] if self.updated_at else []
        slots: dict[str, tuple[str, ...]] = {}
        taken: set[str] = set(OWN_NAMES)
        for aliases in dict.fromkeys(map(self._with_aliases, named)):
            name = aliases[0]
            while name.casefold() in taken:
                name += "_"
            taken.add(name.casefold())
            slots[name] = aliases
        return slots

    def slot(self, *names: str) -> str:
        """The slot of what is declared to come from the raw columns `names`."""
        aliases = self._with_aliases(names)
        return next(slot for slot, held in self.slots.items() if held == aliases)

    def _with_aliases(self, names: tuple[str, ...]) -> tuple[str, ...]:
        more = (alias for name in names for alias in self.aliases.get(name, ()))
        return tuple(dict.fromkeys((*names, *more)))

    def sequence_of(self, names: Sequence[str], now: datetime) -> datetime | None:
        """The place of a member, fetched `now`, in the order of deliveries.

        `names`: its own, then that of the archive around. FileError where one of them should
        carry a date and none does: the member would lose against every other, or win, by chance.
        """
        if self.sequence == "fetched":
            return now
        if self.sequence is None:
            return None
        dated = next(filter(None, map(date_in_name, names)), None)
        if dated is None:
            reason = '文件名中没有日期；来源声明 sequence = "name"，应如 x_20261105.csv'
            raise FileError(names[0], "undated", reason)
        return dated

    def within(self, context: str) -> "Source":
        """The same source where something beside its TOML decides what its rows become."""
        copy = self.model_copy()
        copy._context = self._context + context
        return copy

    def declaration_hash(self) -> str:
        """Changes with all that decides what a delivered row becomes: then it is read again."""
        whole = READING + self.model_dump_json(by_alias=True) + self._context
        return hashlib.sha256(whole.encode()).hexdigest()[:32]


def load_sources(folder: Path, site: Site) -> dict[str, Source]:
    """The sources of the site in `folder`; DeclarationError naming file and key of a wrong one."""
    sources = {}
    for path in sorted((folder / "sources").glob("*.toml")):
        source = validated(Source, {"name": path.stem} | read_toml(path), path)
        _check(source, site, path)
        _check_codes(source, site, path)
        _check_reader(source, path)
        _check_where(source, path)
        sources[source.name] = source.within(_code_lists(source, site))
    for source in sources.values():
        _check_reference(source, sources, folder)
    if not sources:
        raise DeclarationError(f"{folder / 'sources'}：没有任何来源（*.toml）")
    return sources


def _check(source: Source, site: Site, path: Path) -> None:
    known = fields_of(source.target, site)
    for name, column in source.columns.items():
        if name not in known:
            raise DeclarationError(f"{path}：columns.{name} 不是字段；可用：{'、'.join(known)}")
        if column.date and known[name] != TIME:
            raise DeclarationError(f"{path}：columns.{name}.date 只能用于时间字段")
        if column.from_ and known[name] == TIME and not column.date:
            raise DeclarationError(f"{path}：columns.{name} 是时间，须写 date 格式")
        if column.unit and known[name] not in (WHOLE, NUMBER):
            raise DeclarationError(f"{path}：columns.{name}.unit 只能用于数值字段")
    missing = [name for name in TARGETS[source.target].needed if name not in source.columns]
    if missing:
        raise DeclarationError(f"{path}：columns 缺少 {'、'.join(missing)}")
    if source.target == "cases" and not {"accepted_at", "reported_at"} & set(source.columns):
        raise DeclarationError(f"{path}：columns 须有 accepted_at 或 reported_at")
    if ("lon" in source.columns) != ("lat" in source.columns):
        raise DeclarationError(f"{path}：columns.lon 与 columns.lat 须一起写")
    if source.delivery == "snapshot" and source.sequence is None:
        raise DeclarationError(
            f'{path}：delivery = "snapshot" 须写 sequence（name 或 fetched），以定先后'
        )
    is_ordered = source.updated_at or source.sequence
    if source.delivery == "changes" and source.is_keyed and not is_ordered:
        raise DeclarationError(
            f'{path}：delivery = "changes" 须写 updated_at（更新时间所在的列）或 sequence，'
            '以定同一主键的行何者为新；行不再变化的来源请写 delivery = "append"'
        )


def _check_codes(source: Source, site: Site, path: Path) -> None:
    """Every lookup leads to codes of its list; a constant is one."""
    for name, table in source.lookups.items():
        known = known_codes(site, name)
        for raw, code in table.items():
            is_known = code in known.values() or code == UNCLASSIFIED
            if known and not is_known and name not in site.open_lists:
                where = f"{path}：lookups.{name}.{raw}"
                raise DeclarationError(f"{where}：没有编码 {code!r}{_near(code, known)}")
    for field, column in source.columns.items():
        name = lookup_of(source.target, field, column)
        known = known_codes(site, name) if name else {}
        if column.lookup and not (known or name in {*source.lookups, *site.open_lists}):
            where = f"{path}：columns.{field}.lookup"
            lists = "、".join(source.lookups) or "无"
            site_lists = {"department": "departments.csv", "category": "categories.csv"}
            remedy = f"；请写 {site_lists[name]} 或 open_lists" if name in site_lists else ""
            raise DeclarationError(f"{where}：没有代码表 {name!r}；[lookups] 中有：{lists}{remedy}")
        if column.const is not None and known and column.const not in known.values():
            where = f"{path}：columns.{field}.const"
            raise DeclarationError(
                f"{where}：没有编码 {column.const!r}{_near(column.const, known)}"
            )


def _code_lists(source: Source, site: Site) -> str:
    """What the site's lists and zone say to the source: a code that becomes known frees rows."""
    found = (lookup_of(source.target, field, column) for field, column in source.columns.items())
    names = sorted({name for name in found if name})
    lists = {name: sorted(known_codes(site, name).items()) for name in names}
    return json.dumps([site.zone, site.open_lists, site.max_bad_share, lists])


def _near(code: str, known: Mapping[str, str]) -> str:
    """The codes that may have been meant, else the first of the list, with their names."""
    names = {value: text for text, value in known.items() if text != value}
    close = get_close_matches(code, [*names, *names.values()], n=3) or list(names)[:8]
    meant = dict.fromkeys(known[text] for text in close)
    listed = "、".join(f"{value}（{names[value]}）" for value in meant)
    return f"；可用的编码如 {listed}" if listed else ""


def _check_reader(source: Source, path: Path) -> None:
    if source.reader not in readers.names():
        there = "、".join(readers.names())
        raise DeclarationError(f"{path}：reader：没有读取器 {source.reader!r}；可用：{there}")
    validated(ReaderOptions, dict(source.options), Path(f"{path} 的 options"))


def _check_where(source: Source, path: Path) -> None:
    """The expression is one, on columns that are read: others may be missing in any file."""
    if source.where is None:
        return
    columns = ", ".join(f"{quoted(slot)} VARCHAR" for slot in source.slots)
    with duckdb.connect(":memory:") as empty:
        empty.execute(f"CREATE TABLE raw ({columns})")
        try:
            if len(duckdb.extract_statements(f"SELECT ({source.where}\n)")) != 1:
                raise duckdb.ParserException("须是一个表达式")
            empty.execute(f"SELECT 1 FROM raw WHERE ({source.where}\n)")
        except duckdb.Error as error:
            reason = str(error).splitlines()[0]
            read = "、".join(source.slots)
            raise DeclarationError(
                f"{path}：where：不是能用的表达式（{reason}）；"
                f"只能用 columns、key、updated_at 所读的列，可用的列：{read}"
            ) from None


def _check_reference(source: Source, sources: dict[str, Source], folder: Path) -> None:
    if not TARGETS[source.target].is_of_case:
        return
    path = folder / "sources" / f"{source.name}.toml"
    by_row = source.lookups.get("case_source", {})
    is_by_row = "case_source" in source.columns
    if is_by_row and (source.of or not by_row):
        raise DeclarationError(
            f"{path}：写了 columns.case_source，须有 lookups.case_source 而无 of"
        )
    for where, name in [*by_row.items()] if is_by_row else [("of", source.of)]:
        owner = sources.get(name or "")
        if owner is None or owner.target != "cases" or len(owner.key_columns) != 1:
            raise DeclarationError(
                f"{path}：{where} = {name!r} 不行；应为本站点一个单列主键的事项来源"
            )


def fields_of(target: str, site: Site) -> dict[str, str]:
    """Field name -> DuckDB type for `target`, the site's place columns and dimensions included."""
    fields = dict(FIELDS[target])
    if TARGETS[target].is_placed:
        fields |= dict.fromkeys(site.place_keys, TEXT)
    if target == "cases":
        fields |= dict.fromkeys(site.dimension_keys, TEXT)
    return fields


def lookup_of(target: str, field: str, column: Column) -> str | None:
    """The code list that the field's values are looked up in; None for free text."""
    if field == "case_source":
        return field
    return column.lookup or TARGETS[target].lookups.get(field)


def known_codes(site: Site, name: str) -> dict[str, str]:
    """Names and codes of a code list -> code; {} for a list that only the source declares."""
    if name in ("department", "category"):
        rows = site.departments if name == "department" else site.categories
        return {row.name: row.code for row in rows} | {row.code: row.code for row in rows}
    try:
        table = codes(name)
    except (FileNotFoundError, KeyError):
        return {}
    return {row["label"]: code for code, row in table.items()} | {code: code for code in table}


def plain(text: str) -> str:
    """The text as lookups compare it: NFKC, blanks as one, case folded."""
    return " ".join(unicodedata.normalize("NFKC", text).split()).casefold()


def date_in_name(name: str) -> datetime | None:
    """The last date that a member's name carries (to the second at best, to the month at least)."""
    found = NAME_DATE.findall(name)
    if not found:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found[-1])
    try:
        return datetime(year, month, day or 1, hour, minute, second)
    except ValueError:
        return None
