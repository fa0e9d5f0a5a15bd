"""How numbers are written: the arithmetic of published reports, and what must never be shown."""

import json
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.display import (
    PartsError,
    change,
    change_text,
    close_parts,
    count_text,
    duration_text,
    is_small,
    number_text,
    part_text,
    percent,
    rate_bounds,
    rate_change,
    rate_text,
    rounded,
    text,
    wilson,
)

COUNTS = st.integers(0, 10**8)
PAIRS = st.tuples(COUNTS, COUNTS).map(lambda pair: (min(pair), max(pair)))
DECIMALS = st.integers(0, 4)


@dataclass(frozen=True)
class Indicator:
    kind: str
    unit: str


def numerators(d: int, quoted: str, decimals: int) -> list[int]:
    """All numerators that would be printed as the quoted rate."""
    near = int(Decimal(quoted) * d / 100)
    close = range(max(near - d // 100 - 2, 0), min(near + d // 100 + 2, d) + 1)
    return [n for n in close if rate_text(n, d, decimals) == f"{quoted}%"]


# Published figures, stated here so that they hold without the shared folder


@pytest.mark.parametrize(
    ("n", "d", "decimals", "shown"),
    [
        (16198, 16412, 1, "98.7%"),  # 延边: truncation would print 98.6
        (8037, 8696, 2, "92.42%"),  # 长治
        (685, 691, 2, "99.13%"),  # 右玉
        (405, 450, 0, "90%"),  # 高平
        (661, 686, 1, "96.4%"),  # 文水: impossible by truncation
        (238800, 240900, 2, "99.13%"),  # 阳泉, printed 99.10 from unrounded numbers
        (504, 535, 2, "94.21%"),  # 云州
        (1627, 1678, 2, "96.96%"),  # 东至
        (691, 78354, 2, "0.88%"),
        (32612, 32614, 2, "99.99%"),
        (32612, 32614, 1, ">99.9%"),
        (32612, 32614, 0, ">99%"),
        (32614, 32614, 1, "100.0%"),
        (0, 7, 1, "0.0%"),
        (1, 32614, 1, "<0.1%"),
        (0, 0, 1, "—"),
        (5, 0, 1, "—"),
        (120, 100, 1, "120.0%"),  # 结收比 may exceed 100
        (100_001, 100_000, 1, ">100.0%"),
    ],
)
def test_a_rate_is_half_up_and_never_says_all_or_nothing_falsely(n, d, decimals, shown):
    assert rate_text(n, d, decimals) == shown


def test_wenshui_mediated_exactly_661_of_686():
    assert numerators(686, "96.4", 1) == [661]


def test_missing_numbers_are_a_dash_and_zero_is_a_number():
    missing = (None, float("nan"), pd.NA, np.nan, float("inf"))
    assert {count_text(n) for n in missing} == {"—"}
    assert {rate_text(n, 10) for n in missing} | {rate_text(1, d) for d in missing} == {"—"}
    assert (count_text(0), number_text(0), duration_text(0)) == ("0", "0.0", "0分钟")


def test_numbers_of_every_kind_are_read_without_binary_noise():
    assert rate_text(np.int64(661), np.float64(686.0)) == "96.4%"
    assert number_text(0.285, 2) == "0.29"  # the nearest binary float lies below
    assert number_text(Decimal("-0.25"), 1) == "-0.3"
    assert number_text(np.float64(1234.56)) == "1,234.6"


@pytest.mark.parametrize(
    ("n", "plain", "wall"),
    [
        (9999, "9,999", "9,999"),
        (16412, "16,412", "1.64万"),
        (78354, "78,354", "7.84万"),
        (240900, "240,900", "24.09万"),
        (19_700_000, "19,700,000", "1,970万"),
        (99_999_999, "99,999,999", "1.00亿"),
        (123_456_789, "123,456,789", "1.23亿"),
        (0, "0", "0"),
    ],
)
def test_counts_have_thousands_separators_and_large_units_on_the_wall(n, plain, wall):
    assert (count_text(n), count_text(n, wall=True)) == (plain, wall)


@pytest.mark.parametrize(
    ("current", "base", "shown"),
    [
        (70, 62, "+12.9%"),  # 安康 printed 13.9
        (2566, 2170, "+18.2%"),
        (272, 242, "+12.4%"),
        (62, 81, "-23.5%"),
        (162, 200, "-19.0%"),
        (16502, 20731, "-20.4%"),
        (7, 90, "-92.2%"),
        (3, 0, "基期为0"),
        (0, 0, "基期为0"),
        (12, 9, "+3"),
        (12, 10, "+20.0%"),
        (5, 9, "-4"),
        (9, 9, "持平"),
        (80, 80, "持平"),
        (0, 80, "-100.0%"),
        (1, 100_000, "降幅超99.9%"),
        (100_001, 100_000, "升幅不足0.1%"),
        (None, 80, "—"),
    ],
)
def test_a_change_of_a_count(current, base, shown):
    assert change_text(current, base) == shown


def test_a_change_of_a_rate_is_in_points_of_the_unrounded_rates():
    assert rate_change(685, 691, 16198, 16412).text == "+0.4个百分点"
    assert rate_change(90, 100, 95, 100).text == "-5.0个百分点"
    assert rate_change(90, 100, 9, 10).text == "持平"
    assert rate_change(1, 0, 9, 10).text == "—"
    assert rate_change(5001, 10_000, 5000, 10_000).text == "升幅不足0.1个百分点"
    assert rate_change(90, 100, 95, 100).value == Fraction(-1, 20)
    assert change(70, 62).kind == "percent"


def test_a_rate_can_show_both_of_its_numbers():
    assert part_text(16198, 16412) == "16,198/16,412"
    assert part_text(16198, 16412, wall=True) == "1.62万/1.64万"


def test_a_sample_is_small_under_ten():
    assert [is_small(d) for d in (9, 10, 0, None)] == [True, False, True, True]


def test_parts_that_do_not_close_show_the_gap():
    replies = {"现场": 31, "村": 12, "镇": 17, "分管": 9, "联席": 3}  # 板桥镇
    closed = close_parts(replies, 82)
    assert (closed.gap, closed.parts[-1]) == (10, ("未分类", 10))
    assert closed.shares()[-1] == ("未分类", "12.2%")
    events = close_parts({"民生服务": 658, "安全隐患": 97, "矛盾纠纷": 107}, 989, "其他")  # 梨园
    assert events.parts[-1] == ("其他", 127)
    assert close_parts({"市": 1, "县": 9, "乡": 105, "村": 1388}, 1503).gap == 0  # 株洲
    assert close_parts({"a": 1, "未分类": 2}, 5).parts == (("a", 1), ("未分类", 4))


def test_overlapping_parts_are_no_pie():
    with pytest.raises(PartsError, match="超过总数 100"):
        close_parts({"村级": 60, "萌芽": 80}, 100)  # 右玉


def test_negative_counts_are_refused():
    with pytest.raises(ValueError, match="不能为负"):
        rate_text(-1, 10)
    with pytest.raises(ValueError, match="不能为负"):
        change_text(5, -10)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (59, "不足1分钟"),
        (60, "1分钟"),
        (1500, "25分钟"),
        (3600, "1小时"),
        (9000, "2小时30分钟"),
        (86400, "1天"),
        (86400 * 3 + 4 * 3600 + 59 * 60, "3天4小时"),
        (-9000, "-2小时30分钟"),
        (None, "—"),
    ],
)
def test_durations_are_in_their_two_largest_units(seconds, shown):
    assert duration_text(seconds) == shown


def test_a_timedelta_is_a_duration():
    assert duration_text(timedelta(days=90)) == "90天"


def test_an_indicator_is_shown_by_its_kind():
    assert text(12345, 12345, None, Indicator("count", "件"), wall=True) == "1.23万"
    assert text(0.987, 16198, 16412, Indicator("rate", "%")) == "98.7%"
    assert text(26.5, None, 100, Indicator("quantile", "小时")) == "1天2小时"
    assert text(26.55, None, 100, Indicator("quantile", "小时"), decimals=1) == "26.6"
    assert text(None, None, 0, Indicator("quantile", "小时")) == "—"
    assert text(12.345, 10, 8100, Indicator("per_population", "件/万人")) == "12.35"
    assert text(87.25, None, None, Indicator("score", "分")) == "87.3"


def test_wilson_intervals_of_the_published_rates():
    intervals = {
        (685, 691): ("98.12", "99.60"),
        (16198, 16412): ("98.51", "98.86"),
        (405, 450): ("86.88", "92.44"),
        (504, 535): ("91.89", "95.89"),
    }
    for pair, bounds in intervals.items():
        assert tuple(f"{100 * x:.2f}" for x in wilson(*pair)) == bounds
    assert wilson(685, 691)[0] < wilson(16198, 16412)[1]  # 右玉 is not clearly above 延边
    assert wilson(685, 691)[0] > wilson(405, 450)[1]
    assert wilson(0, 0) == (0.0, 1.0)


# Laws


@settings(max_examples=100)
@given(PAIRS, DECIMALS)
def test_only_all_is_100_percent_only_none_is_0_and_no_cases_are_no_rate(pair, decimals):
    n, d = pair
    shown = rate_text(n, d, decimals)
    zero, full = (f"{Decimal(x).quantize(Decimal(1).scaleb(-decimals))}%" for x in (0, 100))
    assert (shown == "—") == (d == 0)
    assert (shown == full) == (0 < d == n)
    assert (shown == zero) == (n == 0 < d)


@settings(max_examples=100)
@given(st.decimals(-(10**6), 10**6, places=6), DECIMALS)
def test_rounding_is_half_up(number, decimals):
    step = Decimal(1).scaleb(-decimals)
    assert rounded(Fraction(number), decimals) == number.quantize(step, ROUND_HALF_UP)


@settings(max_examples=100)
@given(PAIRS, COUNTS, DECIMALS)
def test_a_greater_numerator_never_shows_a_smaller_rate(pair, other, decimals):
    n, d = pair
    low, high = (percent(x, d, decimals) for x in sorted([n, min(other, d)]))
    assert d == 0 or low <= high


@settings(max_examples=100)
@given(st.dictionaries(st.text(min_size=1, max_size=3), COUNTS, max_size=6), COUNTS)
def test_closed_parts_always_add_up(parts, more):
    total = sum(parts.values()) + more
    closed = close_parts(parts, total)
    assert sum(n for _, n in closed.parts) == total
    assert closed.gap == more


@settings(max_examples=100)
@given(COUNTS, COUNTS)
def test_a_change_has_the_sign_of_the_difference_and_swapping_turns_it(current, base):
    changed = change(current, base)
    if changed.value is not None:
        assert (changed.value > 0) == (current > base)
        assert (changed.text == "持平") == (current == base)
    else:
        assert base == 0


@settings(max_examples=100)
@given(PAIRS)
def test_the_rate_lies_in_its_interval_and_more_cases_narrow_it(pair):
    n, d = pair
    low, high = wilson(n, d)
    assert 0 <= low <= high <= 1
    if d:
        assert low - 1e-12 <= n / d <= high + 1e-12
        wider = wilson(10 * n, 10 * d)
        assert wider[1] - wider[0] <= high - low + 1e-12


@settings(max_examples=100)
@given(st.integers(0, 10**12))
def test_a_count_on_the_wall_is_right_to_its_last_figure(n):
    shown = count_text(n, wall=True)
    unit = {"万": 10**4, "亿": 10**8}.get(shown[-1], 1)
    digits = shown.rstrip("万亿").replace(",", "")
    step = Decimal(1).scaleb(int(Decimal(digits).as_tuple().exponent)) * unit
    assert abs(Decimal(digits) * unit - n) * 2 <= step


# The fixtures of the real reports


@pytest.fixture(scope="module")
def fixtures(shared: Path) -> dict:
    file = shared / "fixtures.json"
    if not file.is_file():
        pytest.skip(f"no fixtures at {file}")
    return json.loads(file.read_text(encoding="utf-8"))


def test_every_published_rate_is_reproduced(fixtures):
    assert len(fixtures["rates"]) == 9
    for case in fixtures["rates"]:
        n, d, decimals = case["numerator"], case["denominator"], case["quoted_decimals"]
        assert str(percent(n, d, decimals)) == case["half_up"], case["id"]
        assert str(percent(n, d, 6)) == case["raw"], case["id"]
        step = 100 if case["id"] == "yangquan_close" else 0  # printed as 23.88万 / 24.09万
        bounds = [float(rounded(b * 100, 4)) for b in rate_bounds(n, d, step, step)]
        assert bounds == pytest.approx(case["interval"], abs=1.01e-4), case["id"]
        if case["verdict"].startswith("exact"):
            assert rate_text(n, d, decimals) == f"{case['quoted']}%", case["id"]


def test_the_numerators_behind_published_rates_are_found(fixtures):
    assert len(fixtures["back_solved"]) == 3
    for case in fixtures["back_solved"]:
        found = numerators(case["denominator"], case["quoted"], case["decimals"])
        assert [found[0], found[-1]] == case["numerators_if_half_up"], case["id"]


def test_every_published_sum_closes_or_shows_its_gap(fixtures):
    assert len(fixtures["sums"]) == 7
    for case in fixtures["sums"]:
        closed = close_parts(case["parts"], case["total"])
        assert closed.gap == case["gap"], case["id"]
        assert sum(n for _, n in closed.parts) == case["total"], case["id"]


def test_every_published_change_is_recomputed(fixtures):
    assert len(fixtures["changes"]) == 8
    for case in fixtures["changes"]:
        shown = change_text(case["current"], case["base"])
        assert shown.lstrip("+") == f"{case['recomputed_1dp']}%", case["id"]
        assert (case["quoted"] == case["recomputed_1dp"]) == (case["verdict"] == "ok")
