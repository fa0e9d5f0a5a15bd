"""The one formatter: how every number is written on a screen, in a report, in a letter.

All functions are pure and take numbers as a frame holds them: int, float, numpy, Decimal; None and
NaN are "no value". Rounding is half-up, as the press does it (16198/16412 = 98.7 %), on exact
fractions, never on binary floats. What the rules of DOMAIN 1.2 and K17 force:

* no denominator, no rate: "—", never 0 %; 0 itself is shown;
* n < d never shows 100 % but ">99.9%"; n > 0 never shows 0 % but "<0.1%";
* under ten the sample is small: the rate is shown, and not ranked;
* a rate changes by 百分点, a count by percent, or from a base under ten by a difference;
* parts that do not close show their gap;
* a small count that a wall is not told (data/small_cells.py) is "<3", never 0.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from numbers import Number, Rational
from typing import Any, Protocol, TypeAlias

from data.codes import UNCLASSIFIED

NOTHING = "—"
SMALL = 10
NO_BASE = "基期为0"
Z95 = 1.959963984540054

Value: TypeAlias = Any  # a number of any kind, None, NaN or pd.NA


class PartsError(ValueError):
    """Parts are more than their total: they overlap and must not be drawn as shares."""


class Shown(Protocol):
    """What the formatter needs to know of an indicator."""

    @property
    def kind(self) -> str: ...
    @property
    def unit(self) -> str: ...


def text(
    value: Value,
    numerator: Value,
    denominator: Value,
    indicator: Shown,
    *,
    decimals: int | None = None,
    wall: bool = False,
    below: Value = None,
) -> str:
    """A measured number as it is shown: rates from n and d with %, others with the unit's decimals.

    Counts come without their unit. `wall` shortens large counts to 万 and 亿. `below` says of a
    withheld count only that it is smaller.
    """
    if (least := exact(below)) is not None:
        return below_text(least)
    if indicator.kind == "count":
        return count_text(numerator, wall=wall)
    if indicator.kind == "rate":
        return rate_text(numerator, denominator, 1 if decimals is None else decimals)
    if indicator.kind == "quantile" and indicator.unit in _SECONDS and decimals is None:
        seconds = exact(value)
        return NOTHING if seconds is None else duration_text(seconds * _SECONDS[indicator.unit])
    places = 2 if indicator.kind == "per_population" and decimals is None else decimals
    return number_text(value, 1 if places is None else places)


# Counts and other numbers


def exact(value: Value) -> Fraction | None:
    """The number without binary noise (0.1 is one tenth); None for no value, inf or pd.NA."""
    if value is None or not isinstance(value, Number) or isinstance(value, complex):
        return None
    if isinstance(value, Rational):
        return Fraction(int(value.numerator), int(value.denominator))
    number = Decimal(str(value))
    return Fraction(number) if number.is_finite() else None


def rounded(number: Fraction | int, decimals: int) -> Decimal:
    """The number half-up (away from zero) to `decimals` places."""
    scaled = abs(Fraction(number)) * 10**decimals
    whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return Decimal(-whole if number < 0 else whole).scaleb(-decimals)


def number_text(value: Value, decimals: int = 1) -> str:
    """A number with thousands separators and a fixed number of decimals."""
    number = exact(value)
    return NOTHING if number is None else f"{rounded(number, decimals):,f}"


def count_text(n: Value, wall: bool = False) -> str:
    """A whole number with thousands separators: 16,412; on the wall 1.64万, 1,970万, 1.23亿."""
    count = exact(n)
    if count is None:
        return NOTHING
    return _in_myriads(count) if wall and abs(count) >= 10_000 else number_text(count, 0)


def below_text(least: Value) -> str:
    """A count that is withheld because it is small: <3."""
    return f"<{count_text(least)}"


def _in_myriads(count: Fraction) -> str:
    """Three figures or more, in the largest unit of which there is at least one after rounding."""
    for size, unit in ((10**4, "万"), (10**8, "亿")):
        figure = rounded(count / size, 2 if abs(count) < 100 * size else 0)
        if abs(figure) < 10_000 or unit == "亿":
            return f"{figure:,f}{unit}"
    raise AssertionError


# Rates


def percent(n: Value, d: Value, decimals: int = 1) -> Decimal | None:
    """n / d in percent, half-up; None without a denominator. The bare figure: show `rate_text`."""
    rate = _rate(n, d)
    return None if rate is None else rounded(rate * 100, decimals)


def rate_text(n: Value, d: Value, decimals: int = 1) -> str:
    """98.7%; "—" without a denominator; never a 0 % or 100 % that is not exactly so."""
    rate = _rate(n, d)
    if rate is None:
        return NOTHING
    step = Decimal(1).scaleb(-decimals)
    shown = rounded(rate * 100, decimals)
    if shown == 0 and rate > 0:
        return f"<{step:f}%"
    if shown == 100 and rate < 1:
        return f">{100 - step:f}%"
    if shown == 100 and rate > 1:
        return f">{shown:f}%"
    return f"{shown:,f}%"


def part_text(n: Value, d: Value, wall: bool = False) -> str:
    """The two numbers behind a rate: 16,198/16,412; on the wall 1.62万/1.64万."""
    return f"{count_text(n, wall)}/{count_text(d, wall)}"


def is_small(d: Value) -> bool:
    """Whether the sample is too small to be ranked: fewer than ten."""
    size = exact(d)
    return size is None or size < SMALL


def rate_bounds(
    n: Value, d: Value, n_step: Value = 0, d_step: Value = 0
) -> tuple[Fraction, Fraction]:
    """The least and greatest rate, if n and d were rounded to steps (23.88万: a step of 100)."""
    top, bottom, n_half, d_half = (exact(x) or Fraction(0) for x in (n, d, n_step, d_step))
    n_half, d_half = n_half / 2, d_half / 2
    return (top - n_half) / (bottom + d_half), (top + n_half) / (bottom - d_half)


def _rate(n: Value, d: Value) -> Fraction | None:
    top, bottom = exact(n), exact(d)
    if top is None or bottom is None or bottom == 0:
        return None
    if top < 0 or bottom < 0:
        raise ValueError(f"率的分子、分母不能为负：{n}/{d}")
    return top / bottom


def edge_text(edge: float, indicator: Shown) -> str:
    """Where a band of values ends, without figures that say nothing: 50%, 12.5%, 3."""
    if indicator.kind == "rate":
        return number_text(100 * edge, 1).removesuffix(".0") + "%"
    return text(edge, edge, None, indicator, decimals=1).removesuffix(".0")


# Comparison with a base


@dataclass(frozen=True)
class Change:
    """A comparison: `kind` is percent, difference, points, no_base or none.

    `value` is what the kind says, unrounded (a share of 1, a count, a share of 1, none, none).
    """

    kind: str
    value: Fraction | None
    text: str


def change(current: Value, base: Value, decimals: int = 1) -> Change:
    """How a count changed (K17): in percent, or as a difference if the base is under ten."""
    now, then = exact(current), exact(base)
    if now is None or then is None:
        return Change("none", None, NOTHING)
    if then < 0 or now < 0:
        raise ValueError(f"比较的数不能为负：{current}、{base}")
    if then == 0:
        return Change("no_base", None, NO_BASE)
    if then < SMALL:
        places = 0 if (now - then).denominator == 1 else decimals
        return Change("difference", now - then, _signed(now - then, places, ""))
    return Change("percent", (now - then) / then, _signed_percent((now - then) / then, decimals))


def change_text(current: Value, base: Value, decimals: int = 1) -> str:
    """+12.9%, -20.4%, +3 (small base), 持平, 基期为0 or "—"."""
    return change(current, base, decimals).text


def rate_change(n: Value, d: Value, base_n: Value, base_d: Value, decimals: int = 1) -> Change:
    """How a rate changed, in 百分点 of the unrounded rates, never in percent of the rate."""
    now, then = _rate(n, d), _rate(base_n, base_d)
    if now is None or then is None:
        return Change("none", None, NOTHING)
    return Change("points", now - then, _signed((now - then) * 100, decimals, "个百分点"))


def _signed_percent(share: Fraction, decimals: int) -> str:
    """As `_signed`, but a fall that left something is never written as -100 %."""
    if share > -1 and rounded(share * 100, decimals) <= -100:
        return f"降幅超{100 - Decimal(1).scaleb(-decimals):f}%"
    return _signed(share * 100, decimals, "%")


def _signed(number: Fraction, decimals: int, unit: str) -> str:
    if number == 0:
        return "持平"
    shown = rounded(number, decimals)
    if shown == 0:  # it did change, though by less than can be shown
        word = "升幅" if number > 0 else "降幅"
        return f"{word}不足{Decimal(1).scaleb(-decimals):f}{unit}"
    return f"{shown:+,f}{unit}"


# Parts of a total


@dataclass(frozen=True)
class Parts:
    """Parts that close: the named ones and, if they leave one, the gap under its own name."""

    parts: tuple[tuple[str, int], ...]
    total: int
    gap: int

    def shares(self, decimals: int = 1) -> tuple[tuple[str, str], ...]:
        """Each part with its share of the total, rounded one by one as anybody would check it."""
        return tuple((name, rate_text(n, self.total, decimals)) for name, n in self.parts)


def close_parts(parts: Mapping[str, int], total: int, gap_name: str = UNCLASSIFIED) -> Parts:
    """The parts and what is missing to the total; PartsError if they are more than the total."""
    named = tuple((name, int(n)) for name, n in parts.items())
    gap = int(total) - sum(n for _, n in named)
    if gap < 0 or any(n < 0 for _, n in named):
        raise PartsError(f"各部分合计 {total - gap:,} 超过总数 {total:,}，有重叠，不能画成构成图")
    if gap and gap_name in parts:
        named = tuple((name, n + gap * (name == gap_name)) for name, n in named)
    elif gap:
        named += ((gap_name, gap),)
    return Parts(named, int(total), gap)


# Durations

_SECONDS = {"秒": 1, "分钟": 60, "小时": 3600, "天": 86400}


def duration_text(duration: timedelta | Value) -> str:
    """A duration (timedelta or seconds) in its two largest units: 3天4小时, 25分钟, 不足1分钟.

    What the second unit leaves over is cut off, so a duration is never overstated.
    """
    seconds = duration.total_seconds() if isinstance(duration, timedelta) else duration
    number = exact(seconds)
    if number is None:
        return NOTHING
    if number < 0:
        return "-" + duration_text(-number)
    minutes = int(number // 60)
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days:,}天{hours}小时" if hours else f"{days:,}天"
    if hours:
        return f"{hours}小时{minutes}分钟" if minutes else f"{hours}小时"
    return f"{minutes}分钟" if minutes or not number else "不足1分钟"


# How sure a rate is


def wilson(n: float, d: float, z: float = Z95) -> tuple[float, float]:
    """The Wilson score interval of n / d, by default of 95 %; (0, 1) if d is 0."""
    if d == 0:
        return 0.0, 1.0
    if not 0 <= n <= d:
        raise ValueError(f"分子应在 0 与分母之间：{n}/{d}")
    share, spread = n / d, z * z / d
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(share * (1 - share) / d + spread / (4 * d))
    low = 0.0 if n == 0 else max(0.0, middle - half)  # exact at the ends, not 1e-17 beside them
    return low, 1.0 if n == d else min(1.0, middle + half)
