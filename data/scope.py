"""Scope: what the viewer asks for; Grant: what the viewer may see."""

import json
import math
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, time
from typing import Any, Literal, Self
from urllib.parse import parse_qsl, urlencode

KEY = re.compile(r"[a-z][a-z0-9_]{0,30}")
NO_TEXT = re.compile("[\0\ud800-\udfff]")  # NUL and half characters: a database refuses them
LONGEST_TEXT = 20_000  # characters of a whole scope, as JSON or URL query
LONGEST_VALUE = 100
MOST_FILTERS = 500
MOST_CORNERS = 100
YEARS = range(1900, 2201)  # beyond them a shifted window would leave the calendar
Filter = tuple[str, str]  # dimension, code
PAIRS = ("regions", "where", "only")  # the fields that hold filters


class ScopeError(ValueError):
    """What was asked for makes no sense; `message` tells the user why, in Chinese."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True)
class Scope:
    """A window [since, until), the clocks, and filters; all optional, so `Scope()` is everything.

    Times are naive, in the site's zone; a date means its 00:00. `as_of` is the time T whose state
    is shown (None = the edition's data time), `edition` what the centre knew then (None = the
    newest). A case must fit every dimension named in `regions` and `where`, and within one
    dimension any of its codes; `-` is "no value". `area` is a drawn ring of (lon, lat) in WGS84.
    `only` narrows what `regions` and `where` take: a case must fit each of its pairs.
    """

    since: datetime | None = None
    until: datetime | None = None
    as_of: datetime | None = None
    edition: int | None = None
    regions: tuple[Filter, ...] = ()
    where: tuple[Filter, ...] = ()
    area: tuple[tuple[float, float], ...] = ()
    only: tuple[Filter, ...] = ()

    def __post_init__(self) -> None:
        """Normalises lists and dates, and refuses what cannot be asked."""
        for name in ("since", "until", "as_of"):
            object.__setattr__(self, name, _moment(name, getattr(self, name)))
        for name in PAIRS:
            object.__setattr__(self, name, _filters(name, getattr(self, name)))
        object.__setattr__(self, "area", _ring(self.area))
        object.__setattr__(self, "edition", _edition(self.edition))
        if self.since and self.until and self.since >= self.until:
            raise ScopeError(f"起始时间 {self.since} 应早于截止时间 {self.until}")

    @property
    def filters(self) -> dict[str, tuple[str, ...]]:
        """The codes asked for, by dimension; () where no code can fit."""
        found: dict[str, tuple[str, ...]] = {}
        for dimension, code in (*self.regions, *self.where):
            found[dimension] = (*found.get(dimension, ()), code)
        for dimension, code in self.only:
            found[dimension] = (code,) if code in found.get(dimension, (code,)) else ()
        return found

    def narrowed(self, **changes: Any) -> Self:
        """The same scope with other fields."""
        return replace(self, **changes)

    def with_filter(self, dimension: str, code: str) -> Self:
        """What of the scope has this code: never more than the scope itself."""
        pair = (dimension, code)
        return self if pair in self.only else replace(self, only=(*self.only, pair))

    def moved_to(self, region: Filter | None, tree: Collection[str]) -> Self:
        """The same scope of another region of the tree, whose levels are given; None = of all."""
        kept = tuple(pair for pair in self.regions if pair[0] not in tree)
        return replace(self, regions=(*kept, region) if region else kept)

    def to_json(self) -> str:
        """The scope as JSON text; what is not set is left out."""
        return json.dumps(self._set_fields(), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | bytes | Mapping[str, Any] | None) -> Self:
        """The scope of `to_json`, as text or already parsed; anything else raises ScopeError."""
        if text is None:
            return cls()
        raw = _parsed(text) if isinstance(text, str | bytes) else text
        if not isinstance(raw, Mapping):
            raise ScopeError("查询范围应是一个 JSON 对象")
        unknown = [key for key in raw if key not in {field.name for field in fields(cls)}]
        if unknown:
            raise ScopeError(f"查询范围里没有 {_quoted(unknown[0])} 这一项")
        return cls(**{str(key): value for key, value in raw.items()})

    def to_query(self) -> str:
        """The scope as a URL query, readable and repeatable: since=..&where=risk:red."""
        pairs = []
        for name, value in self._set_fields().items():
            match name:
                case "regions" | "where" | "only":
                    pairs += [(name, f"{dimension}:{code}") for dimension, code in value]
                case "area":
                    pairs.append((name, ";".join(f"{lon!r},{lat!r}" for lon, lat in value)))
                case _:
                    pairs.append((name, str(value)))
        return urlencode(pairs, safe=":,;-")

    @classmethod
    def from_query(cls, query: str) -> Self:
        """The scope of a URL query (with or without `?`); anything wrong raises ScopeError."""
        if len(query) > LONGEST_TEXT:
            raise ScopeError("查询范围过长")
        raw: dict[str, Any] = {}
        for name, value in _pairs(query):
            if name in PAIRS:
                raw.setdefault(name, []).append(_pair(value))
            elif name in raw:
                raise ScopeError(f"{_quoted(name)} 重复出现")
            else:
                raw[name] = _corners(value) if name == "area" else value
        return cls.from_json(raw)

    def _set_fields(self) -> dict[str, Any]:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in values.items()
            if value not in (None, ())
        }


@dataclass(frozen=True)
class Grant:
    """What a viewer may see; made on the server, never read from a browser.

    `regions` are (dimension, code) pairs of which a case must fit one, `departments` codes; None
    means all, an empty tuple nothing. `masking`: whether personal text is covered. `view`: a wall
    is answered from the de-identified views alone (data/wall_views.py), and small cells are
    withheld from it (data/small_cells.py).
    """

    regions: tuple[Filter, ...] | None = ()
    departments: tuple[str, ...] | None = ()
    masking: Literal["masked", "clear"] = "masked"
    view: Literal["tables", "wall"] = "tables"

    def __post_init__(self) -> None:
        if self.view == "wall" and self.masking == "clear":
            raise ValueError("a wall has no clear text to show")

    @property
    def is_wall(self) -> bool:
        return self.view == "wall"

    @property
    def is_limited(self) -> bool:
        """Whether some regions or departments of the site lie outside it."""
        return self.regions is not None or self.departments is not None

    def table(self, name: str) -> str:
        """What the viewer's questions about a table of the edition read."""
        return f"wall_{name}" if self.is_wall else name

    @classmethod
    def full(cls) -> Self:
        """Everything, personal text too: the command line's."""
        return cls(regions=None, departments=None, masking="clear")

    @classmethod
    def wall(cls) -> Self:
        """Every place and department, nobody's data: what a screen in a hall may show."""
        return cls(regions=None, departments=None, masking="masked", view="wall")


def _moment(name: str, value: Any) -> datetime | None:
    if isinstance(value, str):
        value = _read_moment(name, value)
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if value is None or (isinstance(value, datetime) and value.tzinfo is None):
        return value
    raise ScopeError(f"{name} 应为本地时间（不带时区），如 2026-11-02 或 2026-11-02 08:30")


def _read_moment(name: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text[:LONGEST_VALUE])
    except ValueError:
        raise ScopeError(
            f"{name}={_quoted(text)} 不是时间，应如 2026-11-02 或 2026-11-02 08:30"
        ) from None
    if moment.year not in YEARS:
        raise ScopeError(f"{name} 的年份 {moment.year} 应在 {YEARS[0]} 至 {YEARS[-1]} 之间")
    return moment


def _filters(name: str, value: Any) -> tuple[Filter, ...]:
    if not isinstance(value, list | tuple) or len(value) > MOST_FILTERS:
        raise ScopeError(f"{name} 应为（维度, 编码）的列表，至多 {MOST_FILTERS} 项")
    return tuple(_filter(name, pair) for pair in value)


def _filter(name: str, pair: Any) -> Filter:
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        raise ScopeError(f"{name} 的每一项应为（维度, 编码）")
    dimension, code = pair
    if not isinstance(dimension, str) or not KEY.fullmatch(dimension):
        raise ScopeError(f"{name}：{_quoted(dimension)} 不是维度名")
    if not isinstance(code, str) or not 0 < len(code) <= LONGEST_VALUE or NO_TEXT.search(code):
        raise ScopeError(f"{name}：{_quoted(code)} 不是编码（1 至 {LONGEST_VALUE} 个字符）")
    return dimension, code


def _ring(value: Any) -> tuple[tuple[float, float], ...]:
    if not isinstance(value, list | tuple) or len(value) > MOST_CORNERS or len(value) in (1, 2):
        raise ScopeError(f"圈选范围应有 3 至 {MOST_CORNERS} 个点")
    return tuple(_corner(point) for point in value)


def _corner(point: Any) -> tuple[float, float]:
    try:
        lon, lat = (float(part) for part in point)
    except (TypeError, ValueError, OverflowError):
        raise ScopeError(f"圈选范围：{_quoted(point)} 不是（经度, 纬度）") from None
    if not (math.isfinite(lon) and math.isfinite(lat) and abs(lon) <= 180 and abs(lat) <= 90):
        raise ScopeError(f"圈选范围：({lon}, {lat}) 不在地球上")
    return lon, lat


def _edition(value: Any) -> int | None:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value):
        value = int(value)
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
        return value
    raise ScopeError(f"版本号 {_quoted(value)} 应为非负整数")


def _parsed(text: str | bytes) -> Any:
    if len(text) > LONGEST_TEXT:
        raise ScopeError("查询范围过长")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ScopeError("查询范围不是合法的 JSON") from None


def _pairs(query: str) -> Iterable[tuple[str, str]]:
    try:
        return parse_qsl(
            query.removeprefix("?"),
            keep_blank_values=True,
            strict_parsing=bool(query.strip("?")),
            max_num_fields=2 * MOST_FILTERS + 10,
            errors="strict",
        )
    except ValueError:
        raise ScopeError("网址中的查询范围读不懂") from None


def _pair(text: str) -> Filter:
    dimension, separator, code = text.partition(":")
    if not separator:
        raise ScopeError(f"{_quoted(text)} 应写成 维度:编码")
    return dimension, code


def _corners(text: str) -> list[list[str]]:
    return [point.split(",") for point in text.split(";")] if text else []


def _quoted(value: Any) -> str:
    text = NO_TEXT.sub("?", str(value))  # the message must be printable
    return f"“{text[:40]}{'…' if len(text) > 40 else ''}”"
