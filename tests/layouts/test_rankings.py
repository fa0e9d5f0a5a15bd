"""Who is ranked, who is not, and what a ranking says of those it leaves out."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layouts.panel import Facts
from layouts.panels.lagging_departments import draw as draw_lagging
from layouts.panels.missed_by_department import draw as draw_missed
from layouts.panels.rebound_by_category import PANEL as REBOUND
from layouts.panels.resolution_by_level import PANEL as LEVELS
from layouts.panels.satisfaction_by_department import PANEL as SATISFACTION
from layouts.rankings import highest_rows, lowest_rows, missed, total_text
from tests.layouts.test_panels import FACTS, found, rates, words

SOME = st.dictionaries(
    st.sampled_from([f"d{number}" for number in range(12)]),
    st.integers(0, 60).flatmap(lambda d: st.tuples(st.integers(0, d), st.just(max(d, 1)))),
    min_size=1,
)


@given(SOME)
def test_rows_are_in_the_order_of_their_rates_and_none_has_fewer_than_ten_cases(counted: dict):
    frame = rates(**counted)
    lowest, highest = lowest_rows(frame, "department"), highest_rows(frame, "department")
    assert lowest["value"].is_monotonic_increasing
    assert highest["value"].is_monotonic_decreasing
    for ranked in (lowest, highest):
        assert (ranked["denominator"] >= 10).all()
        assert len(ranked) == min(5, sum(d >= 10 for _, d in counted.values()))


def test_one_bad_case_of_few_does_not_lead_a_ranking():
    sure = {f"d{number}": (60 + number, 1000) for number in range(5)}
    assert "luck" not in set(highest_rows(rates(luck=(1, 13), **sure), "department")["department"])


@pytest.mark.parametrize("panel", [SATISFACTION, REBOUND], ids=lambda panel: panel.key)
def test_a_ranking_says_how_many_it_leaves_out_for_having_few_cases(panel):
    by = panel.asks["rows"].by[0]
    sign = 1 if panel is REBOUND else -1
    sure = {f"d{number}": (500 + sign * (60 + number), 1000) for number in range(5)}
    luck = {"luck": (9, 13) if sign > 0 else (4, 13)}
    frame = rates(**sure, **luck).rename(columns={"department": by})
    overall = rates(all=(500, 1000))
    assert "另 1 个件数少" in words(panel.draw(FACTS, rows=frame, overall=overall))
    frame = rates(**sure).rename(columns={"department": by})
    assert "件数少" not in words(panel.draw(FACTS, rows=frame, overall=overall))


def test_who_does_as_well_as_all_together_is_among_neither_the_lowest_nor_the_highest():
    places = {"a": (300, 1000), "b": (500, 1000), "c": (700, 1000)}
    for panel, left in ((SATISFACTION, "a"), (REBOUND, "c")):
        rows = rates(**places).rename(columns={"department": panel.asks["rows"].by[0]})
        picture = panel.draw(FACTS, rows=rows, overall=rates(all=(500, 1000)))
        assert [words(row).split()[0] for row in found(picture, "list-row")] == [left]
        alike = rows.assign(value=0.5)
        picture = panel.draw(FACTS, rows=alike, overall=rates(all=(500, 1000)))
        assert "都不差于全体" in words(picture)


def test_the_bar_of_a_rate_is_as_long_as_the_rate():
    by = REBOUND.asks["rows"].by[0]
    rows = rates(a=(300, 1000)).rename(columns={"department": by})
    (bar,) = found(REBOUND.draw(FACTS, rows=rows, overall=rates(all=(100, 1000))), "bar")
    assert [part.style for part in bar.children] == [{"width": "30.0%"}, {"left": "10.0%"}]


def test_the_levels_of_resolution_say_what_has_none():
    by_level = rates(**{"village": (30, 60), "-": (1, 8)})
    by_level = by_level.rename(columns={"department": "handling_level"})
    shown = LEVELS.draw(FACTS, rows=by_level, overall=rates(all=(31, 68)))
    assert "近 30 日 · 8 件未定层级" in words(shown)


def test_what_a_wall_is_not_told_is_not_added_up_as_nothing():
    assert total_text(pd.Series([3.0, float("nan")])) == "—"
    assert total_text(pd.Series([3.0, 4.0])) == "7"


@given(SOME)
def test_every_missed_deadline_is_counted_once(counted: dict):
    assert missed(rates(**counted)).sum() == sum(d - n for n, d in counted.values())


def test_the_departments_that_missed_most_deadlines_come_first_also_the_small_ones():
    shown = draw_missed(FACTS, rates(a=(900, 940), b=(2, 7), c=(50, 50)), rates(all=(952, 997)))
    assert [words(row) for row in found(shown, "list-row")] == ["a 40 件", "b 5 件"]
    assert "共 45 件" in words(shown)


def lagging(on_time: pd.DataFrame, facts: Facts = FACTS, **of: pd.DataFrame):
    """The picture, where whatever is not given is like that of all."""
    fair, overall = rates(a=(50, 100), b=(50, 100)), rates(all=(500, 1000))
    others = {key: of.get(key, fair) for key in ("closure", "overdue", "duration")}
    others |= {f"all_{key}": overall for key in others}
    return draw_lagging(facts, on_time, rates(all=(90, 100)), **others)


def test_a_lagging_department_says_what_else_is_worse_than_that_of_all():
    on_time = rates(a=(60, 100), b=(80, 100))
    closed, overdue = rates(a=(20, 100), b=(49, 100)), rates(a=(40, 100), b=(90, 100))
    rows = found(lagging(on_time, closure=closed, overdue=overdue), "lagging-row")
    assert [words(row).split()[0] for row in rows] == ["a", "b"]
    worse = [[words(each).split()[-2] for each in found(row, "is-worse")] for row in rows]
    assert worse == [["按时", "办结"], ["按时", "超期"]]
    assert words(rows[0]).startswith("a 误期 40 件")


def test_a_long_duration_is_worse_and_one_of_few_matters_is_not():
    spans = pd.DataFrame(
        {
            "department": ["a", "b"],
            "name": ["a", "b"],
            "numerator": [None, None],
            "denominator": [12, 3],
            "value": [90.0, 900.0],
            "text": ["3天18小时", "37天"],
            "is_ranked": [True, False],
            "at_least": [None, None],
            "at_most": [None, None],
        }
    )
    rows = found(lagging(rates(a=(60, 100), b=(80, 100)), duration=spans), "lagging-row")
    assert ["3天18小时" in words(each) for each in found(rows[0], "is-worse")] == [False, True]
    assert "周期 12 件" in words(rows[0])
    assert len(found(rows[1], "is-worse")) == 1


def test_without_a_target_nobody_is_behind_and_the_tick_is_that_of_all():
    picture = lagging(rates(a=(60, 100)), Facts(**{**vars(FACTS), "closure_target": None}))
    assert "全体 90.0%" in words(picture)
    assert not found(picture, "below") and not found(picture, "behind")


def test_departments_with_few_deadlines_are_said_to_be_few():
    assert "没有满 10 件" in words(lagging(rates(a=(3, 9))))
    assert words(lagging(rates(a=(3, 9))[:0])) == "暂无数据"
