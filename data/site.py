"""A site: everything that differs between two centres, as declarations in one folder."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, field_validator, model_validator

from data.alert_rules import AlertRules, Device
from data.built_in_dimensions import BUILT_IN
from data.codes import codes
from data.declaration import DeclarationError, Declared, read_table, read_toml, validated
from data.scope import KEY
from data.wall_view import WallView
from rules.calendar import Calendar
from rules.deadlines import Limit
from rules.risk import RiskRule as AppliedRule
from rules.risk import check_routing

# The columns of what `measure` and a listing give, beside those of the tables.
GIVEN = frozenset({"all", "value", "numerator", "denominator", "step", "step_at", "at", "lamp"})
SCHEMA = Path(__file__).parent / "schema.sql"
# The tables in which a site's keys are columns, or joined to.
OWN = ("cases", "alerts", "grid_workers", "resources", "steps", "follow_ups", "evaluations")
Key = Annotated[str, Field(description="小写英文字母开头，可含数字和下划线")]


class Layer(Declared):
    """A layer of polygons: a level of the main tree, or a further layer that need not nest."""

    key: Key
    name: str = Field(description="屏幕上的名称，如 镇街")
    files: tuple[str, ...] = Field((), description="文件、通配符或目录；空 = 由下一级合并而成")
    inside: str = Field("*", description="压缩包内成员的通配符")
    code: str = Field("code", description="编码所在的属性；{stem} = 成员文件名（不含扩展名）")
    label: str | None = Field(None, description="名称所在的属性；缺省用编码")
    parent: str | None = Field(
        None, description="上级编码所在的属性、{stem} 或 within（按位置归入上级）"
    )
    population: str | None = None
    households: str | None = None
    crs: str | None = Field(
        None, description="WGS84、CGCS2000、GCJ-02、BD-09、EPSG:n；缺省读文件自带"
    )
    coverage: Literal["strict", "overlaps"] = "overlaps"
    max_invalid_share: float = Field(0.05, ge=0, le=1)
    code_pattern: str | None = Field(None, description="编码须符合的正则表达式")
    names: str | None = Field(None, description="站点目录中的 csv（code,name），给编码以名称")
    placed: Literal["points", "children"] | None = Field(
        None,
        description="points = 按本层多边形落位；children = 按下级的上级编码。"
        "缺省：最下一级和另外的图层按多边形，主树的上级按下级",
    )

    @field_validator("key")
    @classmethod
    def _key_is_free(cls, key: str) -> str:
        return _free_key(key)

    @field_validator("code_pattern")
    @classmethod
    def _pattern_is_one(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except re.error as error:
            raise ValueError(f"{pattern!r} 不是正则表达式（{error}）；应如 \\d{{12}}") from None
        return pattern


class ColumnDimension(Declared):
    """A further column of `cases` that numbers can be split by."""

    key: Key
    name: str

    @field_validator("key")
    @classmethod
    def _key_is_free(cls, key: str) -> str:
        return _free_key(key)


class RiskRule(Declared):
    """One line of the ordered risk rules; a case that meets any of the conditions gets `risk`."""

    id: str
    risk: str
    min_people: int | None = None
    scale: tuple[str, ...] = ()
    min_repeats_90d: int | None = None
    is_threat: bool | None = None
    otherwise: bool = Field(False, description="true = 前面都不符合时；缺少输入的仍为 -")


class CodeRow(Declared):
    """A department or a category."""

    code: str
    name: str
    parent: str | None = None
    kind: str | None = None


class TimeLimit(Declared):
    """One line of the 责任清单: how long a stage may take; '*' fits everything."""

    category: str = "*"
    department: str = "*"
    risk: str = "*"
    stage: Literal["accept", "handle", "verify"]
    amount: float = Field(gt=0)
    unit: Literal["work_days", "days", "hours"]


class Day(Declared):
    """A day that the working calendar treats otherwise than its weekday."""

    day: str = Field(pattern=r"\d{4}-\d{2}-\d{2}")
    kind: Literal["holiday", "workday"]
    name: str = ""


class MapView(Declared):
    """What the map shows apart from the data."""

    approval: str = Field(default="", description="审图号，显示在地图角上")
    tolerance_m: float = Field(default=15, gt=0, description="显示用简化误差（米）；不影响落格")


class Retention(Declared):
    """How long what names people is kept."""

    personal_years: int | None = Field(
        default=None, ge=1, le=100, description="办结满几年清空个人信息；不写则一直保留"
    )


class Site(Declared):
    """One centre. `levels` are the main tree from the top down; the last is the grid 网格."""

    name: Key
    title: str = Field(description="大屏标题，如 长沙县综治中心")
    zone: str = Field(description="IANA 时区，如 Asia/Shanghai")
    is_demo: bool = False
    levels: tuple[Layer, ...] = Field(min_length=1)
    layers: tuple[Layer, ...] = ()
    dimensions: tuple[ColumnDimension, ...] = ()
    open_lists: tuple[Literal["department", "category"], ...] = Field(
        (), description="随数据增加的代码表：未知值自成一码，而不隔离"
    )
    publish_every: int = Field(60, gt=0, description="两次发布之间的最少秒数")
    keep_editions: int = Field(3, ge=2)
    max_bad_share: float = Field(0.2, ge=0, le=1, description="一批中坏行超过此比例则整批拒收")
    max_withdrawn_share: float = Field(
        0.5, ge=0, le=1, description="快照中消失的行超过此比例则拒收"
    )
    closure_target: float | None = Field(None, ge=0, le=1)
    map: MapView = MapView()
    wall: WallView = WallView()
    risk: tuple[RiskRule, ...] = ()
    routing: dict[str, str] = Field({}, description="风险等级 → 处置层级")
    labels: dict[str, dict[str, str]] = Field({}, description="本地叫法：代码表.代码 = 名称")
    departments: tuple[CodeRow, ...] = ()
    categories: tuple[CodeRow, ...] = ()
    time_limits: tuple[TimeLimit, ...] = ()
    calendar: tuple[Day, ...] = ()
    alerts: AlertRules = AlertRules()
    retention: Retention = Retention()

    @field_validator("name")
    @classmethod
    def _name_is_a_key(cls, name: str) -> str:
        if not KEY.fullmatch(name):
            raise ValueError(f"{name!r} 不行；应为小写英文字母开头，可含数字和下划线")
        return name

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, zone: str) -> str:
        if zone not in _zones():
            raise ValueError(f"{zone!r} 不是 IANA 时区；应如 Asia/Shanghai")
        return zone

    @model_validator(mode="after")
    def _keys_are_unique(self) -> "Site":
        keys = [thing.key for thing in (*self.levels, *self.layers, *self.dimensions)]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            raise ValueError(f"键重复：{'、'.join(twice)}；层级、图层和维度的键须各不相同")
        if not self.levels[-1].files:
            raise ValueError(f"levels[{len(self.levels) - 1}].files：最下一级须有多边形文件")
        for upper, lower in zip(self.levels, self.levels[1:], strict=False):
            if not lower.parent:
                raise ValueError(
                    f"层级 {lower.key} 缺少 parent：说明如何找到上级 {upper.key} 的编码"
                    + ("" if lower.files else "（它没有 files：先给它面图层，或编码表 csv）")
                )
        return self

    @property
    def place_keys(self) -> tuple[str, ...]:
        """The place columns of what has a place: tree levels, then further layers."""
        return tuple(layer.key for layer in (*self.levels, *self.layers))

    @property
    def level_keys(self) -> tuple[str, ...]:
        """The levels of the main tree, from the top down."""
        return tuple(level.key for level in self.levels)

    @property
    def dimension_keys(self) -> tuple[str, ...]:
        return tuple(dimension.key for dimension in self.dimensions)

    @property
    def grid_key(self) -> str:
        """The key of the lowest level of the main tree."""
        return self.levels[-1].key

    @property
    def tzinfo(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    def layer(self, key: str) -> Layer:
        return next(layer for layer in (*self.levels, *self.layers) if layer.key == key)


def load_site(folder: Path) -> Site:
    """The site declared in `folder`; DeclarationError naming file and key where it is wrong."""
    if not folder.is_dir():
        raise DeclarationError(f"{folder}：没有这个站点目录")
    raw = read_toml(folder / "site.toml")
    raw["departments"] = _rows(folder / "departments.csv", CodeRow, ("code", "name"))
    raw["categories"] = _rows(folder / "categories.csv", CodeRow, ("code", "name"))
    raw["time_limits"] = _rows(folder / "time_limits.csv", TimeLimit, ("stage", "amount", "unit"))
    raw["calendar"] = _rows(folder / "calendar.csv", Day, ("day", "kind"))
    sensors = _rows(folder / "sensors.csv", Device, ("device", "kind"))
    if sensors:
        raw["alerts"] = {**raw.get("alerts", {}), "devices": sensors}
    site = validated(Site, raw, folder / "site.toml")
    for name in ("departments", "categories"):
        _codes_are_unique(folder / f"{name}.csv", getattr(site, name))
    _check_rules(site, folder)
    return site


def _rows(path: Path, model: type[Declared], required: tuple[str, ...]) -> list[dict]:
    rows = read_table(path, required)
    rows = [{key: value for key, value in row.items() if value != ""} for row in rows]
    for number, row in enumerate(rows, start=2):
        validated(model, row, Path(f"{path} 第 {number} 行"))
    return rows


def _codes_are_unique(path: Path, rows: tuple[CodeRow, ...]) -> None:
    seen: set[str] = set()
    for number, row in enumerate(rows, start=2):
        if row.code in seen:
            raise DeclarationError(f"{path} 第 {number} 行：编码 {row.code} 重复")
        seen.add(row.code)


def _check_rules(site: Site, folder: Path) -> None:
    """What the rules would refuse when they are applied is refused here, with its file."""
    with _said_of(folder / "site.toml"):
        for rule in site.risk:
            AppliedRule(**rule.model_dump())
        check_routing(site.routing)
    with _said_of(folder / "calendar.csv"):
        Calendar.of_days([(date.fromisoformat(day.day), day.kind) for day in site.calendar])
    with _said_of(folder / "site.toml"):
        _check_sensitive(site)
    _check_kinds(site, folder / "categories.csv")
    known = {"category": site.categories, "department": site.departments}
    for number, limit in enumerate(site.time_limits, start=2):
        with _said_of(Path(f"{folder / 'time_limits.csv'} 第 {number} 行")):
            Limit(**limit.model_dump())
            for name, rows in known.items():
                code = getattr(limit, name)
                if rows and code not in {"*", *(row.code for row in rows)}:
                    raise ValueError(f"{name}：没有编码 {code!r}")


def _check_kinds(site: Site, path: Path) -> None:
    """A misspelt kind would count as no dispute, and be told as an unknown code."""
    known = {**codes("kind"), **site.labels.get("kind", {})}
    for number, row in enumerate(site.categories, start=2):
        if row.kind is not None and row.kind not in known:
            told = f"kind：没有事项大类 {row.kind!r}；应为 {'、'.join(known)} 之一"
            raise DeclarationError(f"{path} 第 {number} 行：{told}")


def _check_sensitive(site: Site) -> None:
    """A misspelt code would hide nothing; of an open list nobody knows them all."""
    unknown = set(site.wall.sensitive) - {row.code for row in site.categories}
    if unknown and "category" not in site.open_lists:
        raise ValueError(f"wall.sensitive：没有类别 {'、'.join(sorted(unknown))}")


@contextmanager
def _said_of(path: Path) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise DeclarationError(f"{path}：{error}") from None


def _free_key(key: str) -> str:
    if not KEY.fullmatch(key):
        raise ValueError(f"{key!r} 不行；应为小写英文字母开头，可含数字和下划线")
    if key in BUILT_IN:
        raise ValueError(f"{key!r} 是内置维度的名字，请换一个")
    if key in GIVEN or key in schema_columns():
        raise ValueError(f"{key!r} 是内置列的名字，请换一个")
    return key


@cache
def schema_columns() -> frozenset[str]:
    """The columns beside which a site's own stand: as a dimension, one of them would show what is
    to be covered."""
    tables = re.findall(r"CREATE TABLE (\w+) (.*?)\n\);", SCHEMA.read_text("utf-8"), re.DOTALL)
    columns = (
        re.findall(r'^ +"?(\w+)"? +[A-Z]', text, re.M) for name, text in tables if name in OWN
    )
    return frozenset(chain.from_iterable(columns))


@cache
def _zones() -> frozenset[str]:
    """The time zones of this machine; their files are looked through once."""
    return frozenset(available_timezones())
