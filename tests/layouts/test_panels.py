"""What every panel owes the rest, and what each one shows."""

import json
from datetime import datetime
from urllib.parse import quote

import pandas as pd
import pytest
from dash.development.base_component import Component
from plotly.utils import PlotlyJSONEncoder

from callbacks.answer import drawn
from data.display import wilson
from data.editions.edition import Edition
from data.indicators import INDICATORS
from layouts.panel import PLACE, Facts, Numbers, Panel
from layouts.panels import PANELS
from layouts.panels.accepted_by_category import draw as draw_categories
from layouts.panels.batch_balance import draw as draw_balance
from layouts.panels.closure_by_department import draw as draw_departments
from layouts.panels.daily_trend import draw as draw_trend
from layouts.panels.flow_by_stage import draw as draw_flow
from layouts.panels.flow_by_stage import stage_counts
from layouts.panels.held_by_level import draw as draw_held
from layouts.panels.newest import draw as draw_newest
from layouts.panels.newest import moment
from layouts.panels.open_by_risk import draw as draw_risks
from layouts.panels.red_cases import draw as draw_red
from layouts.panels.risk_by_place import draw as draw_places
from layouts.panels.source_freshness import draw as draw_sources
from layouts.theme import RISK, SHAPE
from tests.layouts.conftest import PICTURES, asked_of

EACH = pytest.mark.parametrize("panel", PICTURES.values(), ids=lambda panel: panel.key)

FACTS = Facts(
    data_time=datetime(2026, 11, 20, 14, 30),
    window="近 30 日",
    risks=("red", "yellow", "blue"),
    closure_target=0.95,
)


def words(picture) -> str:
    """Everything that a picture says, in reading order."""
    if picture is None or isinstance(picture, bool):
        return ""
    if isinstance(picture, str | int | float):
        return str(picture)
    if isinstance(picture, list | tuple):
        return " ".join(" ".join(map(words, picture)).split())
    return words(getattr(picture, "children", None))


def found(picture, kind: str) -> list:
    """The components of a class, in order."""
    parts = picture if isinstance(picture, list | tuple) else [picture]
    every = [each for part in parts for each in (part, *part._traverse())]
    every = [each for each in every if isinstance(each, Component)]
    return [each for each in every if kind in str(getattr(each, "className", "")).split()]


@EACH
def test_a_panel_draws_an_empty_edition(panel: Panel, empty_edition: Edition):
    picture = drawn(panel, asked_of(empty_edition), 1.0)
    assert "nan" not in json.dumps(picture, cls=PlotlyJSONEncoder, ensure_ascii=False).lower()


@EACH
def test_a_panel_draws_a_full_edition(panel: Panel, edition: Edition):
    picture = drawn(panel, asked_of(edition), 1.0)
    text = json.dumps(picture, cls=PlotlyJSONEncoder, ensure_ascii=False)
    least = 100 if panel.key.endswith("_answer") else 300
    assert len(text) > (least if panel.asks else 0)  # without asks only the browser fills it
    assert "nan" not in text.lower()


@EACH
def test_a_panel_says_its_question_and_asks_for_indicators_that_exist(panel: Panel):
    assert panel.question.endswith("？")
    asks = [ask for ask in panel.asks.values() if isinstance(ask, Numbers)]
    assert {ask.indicator for ask in asks} <= set(INDICATORS)


def test_nobodys_name_or_number_reaches_the_wall(edition: Edition):
    for panel in PICTURES.values():
        shown = json.dumps(drawn(panel, asked_of(edition), 1.0), cls=PlotlyJSONEncoder)
        assert "13800138000" not in shown
        assert "张三" not in shown.encode().decode("unicode_escape")


def test_a_figure_without_an_answer_is_nothing_to_see():
    graph = found(PANELS["daily_trend"].view(), "panel-body")[0]
    shown = graph.figure["layout"]
    assert shown["paper_bgcolor"] == shown["plot_bgcolor"] == "rgba(0,0,0,0)"
    assert not shown["xaxis"]["visible"] and not shown["yaxis"]["visible"]


def rates(**of: tuple[int, int]) -> pd.DataFrame:
    """A frame of a rate by department, as answers give it."""
    return pd.DataFrame(
        [
            {
                "department": code,
                "name": code,
                "numerator": n,
                "denominator": d,
                "value": n / d,
                "text": f"{100 * n / d:.1f}%",
                "part": f"{n}/{d}",
                "is_ranked": d >= 10,
                "at_least": wilson(n, d)[0],
                "at_most": wilson(n, d)[1],
            }
            for code, (n, d) in of.items()
        ]
    )


def test_the_department_furthest_behind_comes_first_and_small_ones_are_not_ranked():
    on_time = rates(police=(90, 100), court=(10, 20), tiny=(0, 3))
    picture = draw_departments(FACTS, on_time, rates(court=(1, 2)))
    rows = found(picture, "dep-row")[1:]
    assert [words(row) for row in rows] == [
        "court ▼ 50.0% 10/20 50.0% 1/2",
        "police ▼ 90.0% 90/100 — 0/0",
    ]
    assert "1 个不足 10 件" in words(picture)
    nobodys = draw_departments(FACTS, rates(**{"police": (90, 100), "-": (20, 40)}), on_time)
    assert "不足 10 件" not in words(nobodys) and "目标 95%" in words(nobodys)


def test_at_most_five_departments_are_shown():
    on_time = rates(**{f"d{i}": (i, 20) for i in range(9)})
    assert len(found(draw_departments(FACTS, on_time, rates(d0=(1, 20))), "dep-row")) == 1 + 5


def test_a_department_that_had_bad_luck_with_few_cases_is_not_named_before_those_behind_for_sure():
    sure = {f"d{i}": (860 + i, 1000) for i in range(5)}
    shown = draw_departments(FACTS, rates(court=(12, 14), **sure), rates(court=(1, 2)))
    assert [words(row).split()[0] for row in found(shown, "dep-row")[1:]] == list(sure)


def test_a_department_is_marked_only_where_it_is_below_the_target_beyond_chance():
    on_time = rates(a=(90, 100), b=(94, 100), c=(940, 1000), d=(900, 1000))
    rows = found(draw_departments(FACTS, on_time, rates(a=(1, 2))), "dep-row")[1:]
    marked = [words(row).split()[0] for row in rows if found(row, "behind")]
    assert marked == [words(row).split()[0] for row in rows if "▼" in words(row)] == ["d", "a"]


def test_departments_are_measured_by_their_deadlines():
    asks = PANELS["closure_by_department"].asks
    assert asks["on_time"] == Numbers("on_time_closure_rate", ("department",))
    assert list(asks)[0] == "on_time"


def counts(by: str, **of: int) -> pd.DataFrame:
    return pd.DataFrame({by: list(of), "numerator": list(of.values())})


DUE = pd.DataFrame({"numerator": [4]})


@pytest.mark.parametrize(
    ("count", "shown"),
    [(1234, "1,234"), (12345, "1.23万"), (123456, "12.35万"), (1234567, "123万")],
)
def test_a_large_count_is_shortened_wherever_the_wall_has_little_room(count: int, shown: str):
    one = pd.DataFrame({"numerator": [count], "text": [shown]})
    large = counts("risk", red=count)
    assert words(draw_risks(FACTS, large, large, one)).count(shown) == 5
    assert words(draw_flow(FACTS, counts("stage", handling=count), one, one, one)).count(shown) == 5
    row = {"department": "a", "name": "a", "numerator": count, "denominator": count, "value": 1.0}
    row |= {"text": "100.0%", "part": "", "is_ranked": True, "at_least": 0.9, "at_most": 1.0}
    departments = draw_departments(FACTS, pd.DataFrame([row]), pd.DataFrame([row]))
    assert words(departments).count(f"{shown}/{shown}") == 2
    lines = pd.DataFrame({"day": ["2026-11-19"], "numerator": [count]})
    layout = draw_trend(FACTS, lines, lines)["layout"]
    assert [end["text"] for end in layout["annotations"][1:]] == [f"受理 {shown}", f"办结 {shown}"]
    assert layout["margin"]["r"] > 14 + 24 * (2 + len(shown) / 2)  # the text beside its distance


def test_a_risk_without_cases_shows_0_and_the_overdue_are_among_the_open():
    late = counts("risk", red=2, yellow=0, blue=1)
    picture = draw_risks(FACTS, counts("risk", red=7, blue=12), late, DUE)
    tiles = [words(tile) for tile in found(picture, "tile")]
    assert tiles == ["红色 7 超期 2", "黄色 0 超期 0", "蓝色 12 超期 1", "超期在办 3 今日到期 4"]
    assert "在办 19" in words(picture)


def test_cases_without_a_risk_are_said_and_belong_to_the_total():
    now = pd.DataFrame({"risk": ["red", "-"], "numerator": [7, 5]})
    picture = draw_risks(FACTS, now, counts("risk"), DUE)
    assert "未定级 5" in words(picture)
    assert "在办 12" in words(picture)


def test_a_site_without_risks_shows_what_is_open_and_what_of_it_is_overdue():
    now = pd.DataFrame({"risk": ["-"], "numerator": [12]})
    late = pd.DataFrame({"risk": ["-"], "numerator": [5]})
    picture = draw_risks(Facts(**{**vars(FACTS), "risks": ()}), now, late, DUE)
    tiles = [words(tile) for tile in found(picture, "tile")]
    assert tiles == ["在办合计 12", "超期在办 5 今日到期 4"]


def test_a_risk_that_the_site_does_not_rule_is_shown_as_soon_as_it_occurs():
    picture = draw_risks(FACTS, counts("risk", orange=1), counts("risk"), DUE)
    assert "橙色 1" in words(picture)


def test_red_matters_that_lie_in_no_place_are_said_where_places_are_listed():
    now = pd.DataFrame(
        {"risk": ["red", "red", "yellow"], PLACE: ["T0", "-", "T1"], "numerator": [2, 3, 1]}
    ).assign(name=["甲镇", "-", "乙镇"])
    picture = draw_places(FACTS, now)
    assert [words(row) for row in found(picture, "board-row")[1:]] == ["甲镇 2 0", "乙镇 0 1"]
    assert words(found(picture, "sum")) == "在办，件 · 未落格红 3"


def test_every_open_case_lies_at_one_stage():
    stock = pd.DataFrame({"stage": ["registered", "handling", "-"], "numerator": [3, 5, 2]})
    stages = stage_counts(stock)
    assert sum(stages.values()) == 10
    assert stages["待受理"] == 3
    assert stages["未分类"] == 2


def compared(name: str, now: int, base: int, change: str, kind: str) -> pd.DataFrame:
    shown = {"name": name, "text": f"{now}", "base_text": f"{base}", "change_text": change}
    return pd.DataFrame([shown | {"current": now, "base": base, "change_kind": kind}])


def test_a_category_shows_its_change_with_the_number_it_is_measured_against():
    picture = draw_categories(FACTS, compared("wages", 30, 20, "+50.0%", "percent"))
    assert words(found(picture, "trend-row")) == "wages 30 ↑50.0% 上期 20"
    assert "近 30 日比上期" in words(picture)


def test_a_category_new_in_this_window_has_no_percentage():
    picture = draw_categories(FACTS, compared("wages", 30, 0, "基期为0", "no_base"))
    assert words(found(picture, "trend-row")) == "wages 30 基期为0"


def test_the_trend_has_a_point_for_every_day_also_without_cases():
    came = pd.DataFrame({"day": ["2026-11-19", "2026-11-20"], "numerator": [4, 9]})
    figure = draw_trend(FACTS, came, came.iloc[:0])
    line = figure["data"][0]
    assert len(line["x"]) == 30
    assert (line["x"][-1], line["y"][-1]) == ("2026-11-19", 4)  # today is not over yet
    assert sum(line["y"]) == 4


def test_the_trend_says_of_which_day_its_last_numbers_are():
    came = pd.DataFrame({"day": ["2026-11-19"], "numerator": [4]})
    went = pd.DataFrame({"day": ["2026-11-19"], "numerator": [7]})
    ends = draw_trend(FACTS, came, went)["layout"]["annotations"]
    assert [end["text"] for end in ends] == ["11月19日", "办结 7", "受理 4"]
    heights = [end["yshift"] for end in ends]
    assert heights == sorted(heights, reverse=True)


def test_the_trends_days_lie_flat_and_are_short_beside_large_counts():
    came = pd.DataFrame({"day": ["2026-11-19"], "numerator": [123456]})
    axis = draw_trend(FACTS, came, came)["layout"]["xaxis"]
    assert (axis["ticktext"], axis["tickangle"]) == (["10/21", "10/31", "11/10"], 0)


def test_the_trends_text_grows_with_the_viewers_screen():
    frame = pd.DataFrame({"day": [], "numerator": []})
    small = draw_trend(FACTS, frame, frame)["layout"]["font"]["size"]
    large = draw_trend(Facts(**{**vars(FACTS), "scale": 2.0}), frame, frame)["layout"]["font"][
        "size"
    ]
    assert (small, large) == (18.4, 36.8)


AT = pd.Timestamp("2026-11-20 14:00")
ALERT = {"event": "暴雨", "headline": "", "place": "第1镇", "signal": "red", "sent_at": AT}
ALERT |= {"status": "Actual"}
CASE = {"category": "噪声", "place": "第2镇", "department": "公安局", "risk": None}
CASE |= {"accepted_at": AT, "precision": "minute"}


def newest_rows(alerts: list[dict], cases: list[dict]) -> list:
    return found(draw_newest(FACTS, pd.DataFrame(alerts), pd.DataFrame(cases)), "feed-row")


def test_alerts_come_before_cases_two_at_most_and_cases_for_all_four_rows():
    cases = [{**CASE, "accepted_at": AT - pd.Timedelta(days=number)} for number in range(5)]
    assert [words(row) for row in newest_rows([ALERT] * 3, cases)] == [
        "暴雨 红色预警 第1镇 14:00",
        "暴雨 红色预警 第1镇 14:00",
        "噪声 · 未定级 第2镇 · 公安局 14:00",
        *(f"噪声 · 未定级 第2镇 · 公安局 11/{day} 14:00" for day in (19, 18, 17)),
    ]


def test_an_exercise_and_a_test_are_stamped():
    alerts = [{**ALERT, "status": "Exercise"}, {**ALERT, "status": "Test"}]
    rows = newest_rows(alerts, [])
    assert [words(row).split()[0] for row in rows] == ["演练", "测试"]


def test_an_alert_has_a_flag_and_never_the_shape_of_a_risk():
    marks = [row.children[0] for row in newest_rows([ALERT, {**ALERT, "signal": None}], [CASE])]
    red, unknown, case = (mark.src for mark in marks)
    assert quote(SHAPE["flag"]) in red and quote(SHAPE["flag"]) in unknown
    assert quote(SHAPE["flag"]) not in case
    assert quote(RISK["red"]) in red
    assert not any(quote(colour) in unknown for colour in RISK.values())
    assert "级别不明" in marks[1].alt


def test_a_case_dated_to_the_day_has_no_time_of_day():
    shown = newest_rows([], [{**CASE, "accepted_at": AT.normalize(), "precision": "day"}])
    assert words(shown).endswith("11月20日")
    assert moment(AT.normalize(), "day") == "11月20日"
    assert moment(AT) == "11月20日 14:00"


def test_what_is_said_of_today_carries_its_day_for_when_it_is_over():
    picture = draw_risks(FACTS, counts("risk"), counts("risk"), DUE)
    said = next(each for each in picture[0]._traverse() if hasattr(each, "data-day"))
    assert (getattr(said, "data-day"), said.children) == ("2026-11-20", "今日到期 ")
    assert getattr(said, "data-otherwise") == "11/20 到期 "


def test_the_stations_close_with_the_open_cases_above():
    stock = pd.DataFrame({"stage": ["registered", "handling"], "numerator": [3, 5]})
    one = pd.DataFrame({"text": ["1"], "numerator": [1]})
    picture = draw_flow(FACTS, stock, pd.DataFrame({"numerator": [5]}), one, one)
    assert "未受理 3 + 在办 5 = 未办结 8" in words(picture)


def test_what_came_in_and_went_out_today_is_said_also_where_nothing_is_open():
    shown = words(draw_flow(FACTS, counts("stage"), DUE, *[pd.DataFrame({"text": ["7"]})] * 2))
    assert "暂无数据" in shown and "今日受理 7 办结 7" in shown


def test_a_balance_that_does_not_close_says_by_how_much():
    row = {"title": "热线", "members": 1, "rows_in": 10, "loaded": 7, "updated": 0, "unchanged": 1}
    row |= {"duplicate": 0, "stale": 0, "quarantined": 0, "refused": 0, "read_at": pd.NaT}
    assert "差 2 行" in words(draw_balance(FACTS, pd.DataFrame([row])))
    assert "相等" in words(draw_balance(FACTS, pd.DataFrame([{**row, "loaded": 9}])))


def test_the_balances_of_all_sources_are_added_up():
    row = {"title": "热线", "members": 1, "rows_in": 10, "loaded": 10, "updated": 0, "unchanged": 0}
    row |= {"duplicate": 0, "stale": 0, "quarantined": 0, "refused": 0, "read_at": pd.NaT}
    shown = words(draw_balance(FACTS, pd.DataFrame([row, {**row, "loaded": 9, "stale": 1}])))
    assert "合计 2 20 19 0 0 0 1 0 ✓ 相等" in shown


def test_a_source_without_a_reason_has_none_beside_one_that_has():
    row = {"title": "热线", "expected_every": 3600.0, "last_success_at": None, "rows": 1}
    row |= {"last_data_at": None, "new_columns": "[]"}
    refused = {**row, "state": "refused", "reason": "缺列"}
    shown = words(
        draw_sources(FACTS, pd.DataFrame([refused, {**row, "state": "ok", "reason": None}]))
    )
    assert "：缺列" in shown
    assert "nan" not in shown


def test_a_column_that_nobody_declared_is_reported_beside_its_source():
    row = {"title": "热线", "expected_every": 3600.0, "last_success_at": None, "rows": 1}
    row |= {"last_data_at": None, "state": "refused", "reason": "缺列", "new_columns": '["满意度"]'}
    shown = words(draw_sources(FACTS, pd.DataFrame([row])))
    assert "新增列 满意度" in shown
    assert "被拒收 ：缺列" in shown


def held(*rows: tuple[str, str, str, int]) -> list:
    """The rows drawn of (risk, level, its name, count), since 1000, 1001 ..."""
    now = pd.DataFrame(rows, columns=["risk", "handling_level", "name", "numerator"])
    oldest = now[["risk", "handling_level"]].assign(since=range(1000, 1000 + len(now)))
    return found(draw_held(FACTS, now, oldest), "board-row")[1:]


def test_each_risk_names_the_level_that_has_it_the_gravest_first():
    shown = held(
        ("blue", "village", "村社", 1234), ("-", "-", "无", 2), ("red", "county", "县中心", 3)
    )
    assert [words(row) for row in shown] == [
        "红 → 县中心 3",
        "蓝 → 村社 1,234",
        "未定级 → 未定层级 2",
    ]
    assert [getattr(row.children[2], "data-held") for row in shown] == ["1002", "1000", "1001"]


def test_a_level_without_an_open_matter_is_left_out():
    assert held(("red", "county", "县中心", 0)) == []


def test_a_red_matter_says_who_works_on_it_and_who_directs_it_since_when():
    case = {"category": "噪声", "place": "第2镇", "department": "公安局", "level": "县中心"}
    cases = pd.DataFrame([case | {"due": 2000, "since": 1000}])
    row, of_how_many = draw_red(FACTS, cases, pd.DataFrame([{"text": "13"}]))
    assert words(of_how_many) == "共 13 件，列最急 1 件"
    assert words(row) == "噪声 第2镇 承办 公安局 调度 县中心"
    due, held_by = row.children[2:]
    assert (getattr(due, "data-due"), getattr(held_by.children[-1], "data-held")) == (
        "2000",
        "1000",
    )


def test_what_is_late_has_an_hourglass_and_the_shape_of_no_risk():
    picture = draw_risks(FACTS, counts("risk", red=1), counts("risk", red=1), DUE)
    marks = [quote(SHAPE["deadline"]) in each.src for each in found(picture, "shape")]
    assert marks == [False, False, False, True]


def test_a_risk_is_said_in_words_beside_its_shape():
    assert words(newest_rows([], [{**CASE, "risk": "green"}])).startswith("噪声 · 绿")
