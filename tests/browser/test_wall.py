"""What a viewer of the wall does and sees, in Chromium."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Browser, Route, TimeoutError, expect
from plotly.utils import PlotlyJSONEncoder

from data.display import count_text
from data.editions.store import EditionStore
from data.site import RiskRule
from layouts.panel import Facts
from layouts.panels import PANELS
from layouts.plain import plain
from layouts.theme import RISK
from tests.browser.driving import PATIENCE, Look, Wall, looking
from tests.browser.weeks import FASTER
from tests.layouts.small import DATA_TIME, publish, small_site

TRIES, SOON = 6, 5_000  # ms

pytestmark = pytest.mark.browser


def open_wall(look: Look, wall: Wall, query: str = "") -> None:
    look.page.goto(wall.url + "/" + query)
    look.wait_for_edition(1)


def test_every_panel_shows_the_edition_and_the_map_its_rate_of_located_cases(
    look: Look, wall: Wall
):
    open_wall(look, wall)
    look.wait_for_map()
    assert look.page.locator("h1").inner_text() == "小县综治中心"
    assert "落格率 89.6%　146/163" in look.page.locator(".map-placed").inner_text()
    assert look.page.locator(".foot .demo").inner_text() == "演示数据"
    age = look.page.locator("[data-show='data-age']")
    expect(age).to_contain_text("数据截至 11/20 14:30", timeout=PATIENCE)
    assert look.page.locator(".map-label").all_inner_texts() == ["第0镇", "第1镇", "第2镇"]


def test_an_address_that_was_sent_opens_as_it_was(look: Look, wall: Wall):
    open_wall(look, wall, "?regions=village:T2V1&measure=closure_rate")
    look.wait_for_trail("全域", "第2镇", "21村")
    assert "办结率" in look.page.locator(".map-legend .legend-title").inner_text()


def test_what_was_today_is_said_with_its_date(look: Look, wall: Wall):
    open_wall(look, wall)
    look.page.get_by_text("11/20 受理").wait_for()
    assert "今日" not in look.page.locator(".wall-body").inner_text()


def test_a_past_time_is_said_loudly_and_the_window_always(look: Look, wall: Wall):
    open_wall(look, wall, "?as_of=2026-10-20T08:00")
    look.page.get_by_text("历史　2026-10-20 08:00 的情况").wait_for()
    assert "当时在办" in look.page.locator(".map-window").inner_text()
    open_wall(look, wall, "?as_of=2026-10-20T08:00&measure=accepted")
    look.page.locator(".map-window", has_text="近 30 日").wait_for()


@pytest.mark.parametrize(("minutes", "looks"), [(1, ""), (120, "is-late"), (400, "is-frozen")])
def test_data_that_nobody_renews_look_old(look: Look, wall: Wall, minutes: int, looks: str):
    """The small county's only promise is an hour: late after one and a half, frozen after three."""

    def aged(route: Route) -> None:
        reply = route.fetch(headers={})
        body, then = reply.json(), float(reply.headers["x-server-time"]) - minutes * 60_000
        sources = [{**source, "last": then} for source in body["sources"]]
        route.fulfill(response=reply, json={**body, "published": then, "sources": sources})

    look.page.route("**/heartbeat", aged)
    open_wall(look, wall)
    expected = f"[data-show='data-age'][class='{looks}']"
    look.page.wait_for_selector(expected, state="attached")
    look.page.unroute_all(behavior="wait")


FRAMES = ".panel, .tile, .map-box, .head, .foot, .dep-row"
OVERFLOWING = """frames => [...document.querySelectorAll(frames)]
    .filter(e => e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1)
    .map(e => e.className + ' ' + e.innerText.slice(0, 40))"""
SMALLEST = """() => {
    const size = e => parseFloat(getComputedStyle(e).fontSize);
    const says = e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    const texts = [...document.querySelectorAll('.shell *')].filter(e => says(e) && e.offsetParent);
    return Math.min(...texts.map(size)) / size(document.documentElement);
}"""
MAP_SHARE = """() => {
    const area = s => (b => b.width * b.height)(document.querySelector(s).getBoundingClientRect());
    return area('.map') / area('.wall-body');
}"""


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (3840, 2160)])
def test_nothing_overflows_text_is_large_and_the_map_takes_half(
    browser: Browser, wall: Wall, width: int, height: int
):
    with looking(browser, width, height) as look:
        open_wall(look, wall)
        look.wait_for_map()
        assert look.page.evaluate(OVERFLOWING, FRAMES) == []
        assert look.page.evaluate(SMALLEST) >= 1.15
        assert look.page.evaluate(MAP_SHARE) >= 0.5
        root = look.page.evaluate("getComputedStyle(document.documentElement).fontSize")
        assert root == f"{16 * width / 1920:g}px"


TOO_WIDE = """parts => [...document.querySelectorAll(parts)]
    .filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.className + ' ' + e.textContent)"""
CUT_OFF = """() => [...document.querySelectorAll('.sum.is-parts > *')].filter(e => {
    const part = e.getBoundingClientRect(), room = e.parentElement.getBoundingClientRect();
    return part.top < room.top - 1 || part.bottom > room.bottom + 1 || part.left < room.left - 1;
}).map(e => e.textContent)"""
INSIDE = """parts => [...document.querySelectorAll(parts)].map(e => {
        const range = document.createRange();
        range.selectNodeContents(e);
        return [e, range.getBoundingClientRect(), e.closest('.panel').getBoundingClientRect()];
    })
    .filter(([e, text, panel]) => text.right > panel.right || text.left < panel.left)
    .map(([e]) => e.className + ' ' + e.textContent)"""
MEETING = """() => {
    const seen = e => {
        const range = document.createRange(), box = e.getBoundingClientRect();
        range.selectNodeContents(e);
        const text = range.getBoundingClientRect();
        return [text.left, e.matches('.name') ? box.right : text.right];
    };
    return [...document.querySelectorAll('.dep-row:not(.dep-head)')].filter(row => {
        const parts = [...row.querySelectorAll('.name, .rate small')].map(seen);
        return parts.some((part, at) => at && part[0] < parts[at - 1][1]);
    }).length; }"""


def pictures(count: int, risks: tuple[str, ...]) -> dict:
    """Every panel of the wall that counts, with that many of everything."""
    facts = Facts(DATA_TIME, "10/1–10/31", risks, 0.95)
    shown = count_text(count, wall=True)
    row = {"name": "县自然资源局", "department": "a", "numerator": count, "denominator": count}
    row |= {
        "value": 0.9,
        "text": "98.7%",
        "part": "",
        "is_ranked": True,
        "at_least": 0.9,
        "at_most": 0.9,
    }
    row |= {"current": count, "base": count / 2, "base_text": shown, "change_kind": "percent"}
    rates = pd.DataFrame([row | {"department": str(at)} for at in range(5)])
    one = pd.DataFrame([{"numerator": count, "text": shown}])
    categories = rates.assign(text=shown, change_text="+1,128.9%")
    days = pd.date_range(end="2026-11-19", periods=30).strftime("%Y-%m-%d")
    line = pd.DataFrame({"day": days, "numerator": count})
    of = {"risk": [*risks, "-"], "stage": ["registered", "handling", "-"]}
    risk, stage = (pd.DataFrame({by: codes, "numerator": count}) for by, codes in of.items())
    frames = {
        "open_by_risk": (risk, risk, one),
        "flow_by_stage": (stage, one.assign(numerator=2 * count), one, one),
        "accepted_by_category": (categories,),
        "closure_by_department": (rates, rates),
        "daily_trend": (line, line),
    }
    return {key: PANELS[key].draw(facts, *asked) for key, asked in frames.items()}


@pytest.mark.parametrize("risks", [("red", "yellow", "blue"), tuple(RISK)])
def test_large_counts_have_room(look: Look, wall: Wall, risks: tuple[str, ...]):
    open_wall(look, wall)
    for count in (1234, 12345, 123456, 1234567):
        show(look, pictures(count, risks), count_text(count, wall=True))
        assert look.page.evaluate(OVERFLOWING, FRAMES) == [], count
        parts = ".kpi, .sum, .sum-row span, .rank-row, .trend-row"
        assert look.page.evaluate(TOO_WIDE, parts) == [], count
        parts = ".sum, .rank-row, .trend-row, .annotation-text, .rate"
        assert look.page.evaluate(INSIDE, parts) == [], count
        assert look.page.evaluate(CUT_OFF) == [], count
        assert look.page.evaluate(MEETING) == 0, count


def show(look: Look, pictures: dict, accepted: str) -> None:
    """Give those panels their pictures; done when the trend says how many were accepted. Given
    again while a refresh of the page itself, which may still be under way, puts its own there."""
    look.page.evaluate("window.dispatchEvent(new Event('pointerdown'))")  # the scene stays
    for _ in range(TRIES - 1):
        with suppress(TimeoutError):
            return give(look, pictures, accepted, SOON)
    give(look, pictures, accepted, PATIENCE)


def give(look: Look, pictures: dict, accepted: str, patience: float) -> None:
    set_props = "([id, given]) => window.dash_clientside.set_props(id, given)"
    for key, picture in pictures.items():
        panel = PANELS[key]
        if panel.is_figure:
            figure = {"figure": json.loads(json.dumps(picture, cls=PlotlyJSONEncoder))}
            look.page.evaluate(set_props, [panel.body_id, figure])
        else:
            told = {"frame": panel.frame_id, "body": panel.body_id, "children": plain(picture)}
            paint = "told => window.dash_clientside.wall.paint([told])"
            look.page.evaluate(paint, told | {"edition": "1"})
    look.page.wait_for_function(
        "text => document.querySelector('.panel-daily-trend .annotation-text')"
        " && document.querySelector('.panel-daily-trend').textContent.includes('受理 ' + text)",
        arg=accepted,
        timeout=patience,
    )


TITLES_FREE = """() => [...document.querySelectorAll('.panel')].filter(panel => {
        const title = panel.querySelector('h2 span'), sum = panel.querySelector('.sum');
        return sum && sum.getBoundingClientRect().left
            < title.getBoundingClientRect().right; }).map(panel => panel.className)"""


def test_a_chosen_window_leaves_the_titles_readable(look: Look, wall: Wall):
    open_wall(look, wall, "?since=2026-10-01&until=2026-11-01")
    assert "10/1–10/31" in look.page.locator(".panel-closure-by-department .sum").inner_text()
    assert look.page.evaluate(TITLES_FREE) == []


def test_a_window_without_a_beginning_shows_every_panel(look: Look, wall: Wall):
    open_wall(look, wall, "?until=2026-11-01")
    assert look.page.locator(".trend-row").count() == 3


def test_of_a_past_time_the_header_says_so(look: Look, wall: Wall):
    open_wall(look, wall, "?as_of=2026-10-20T08:00")
    age = look.page.locator("[data-show='data-age']")
    age.get_by_text("历史数据").wait_for()
    assert age.inner_text() == "数据截至 2026/10/20 08:00，历史数据"


def test_a_source_that_failed_is_said_to_have_failed(look: Look, wall: Wall):
    def failed(route: Route) -> None:
        reply = route.fetch(headers={})
        body, now = reply.json(), float(reply.headers["x-server-time"])
        sources = [{**source, "last": now, "state": "ok"} for source in body["sources"]]
        sources[0]["state"] = "failed"
        route.fulfill(response=reply, json={**body, "sources": sources})

    look.page.route("**/heartbeat", failed)
    open_wall(look, wall)
    look.page.wait_for_selector("[data-show='sources'].is-late")
    assert look.page.locator("[data-show='sources']").inner_text().endswith(" 失败")
    look.page.unroute_all(behavior="wait")


def test_what_was_today_is_put_right_also_where_only_its_letters_change(look: Look, wall: Wall):
    open_wall(look, wall)
    look.page.get_by_text("11/20 受理").wait_for()
    said = look.page.evaluate(
        """async () => { const shown = document.querySelector('.panel-flow-by-stage [data-day]');
            shown.firstChild.data = '今日受理 ';
            await new Promise(resolve => setTimeout(resolve));
            return shown.textContent; }"""
    )
    assert said == "11/20 受理 "


def test_a_notice_on_a_wrong_address_leaves_by_itself(look: Look, wall: Wall):
    open_wall(look, wall, "?since=yesterday")
    told = look.page.locator(".notice .told")
    assert "不是时间" in told.inner_text()
    look.page.evaluate(
        "document.querySelector('.told').getAnimations().forEach(each => each.finish())"
    )
    assert told.evaluate("e => getComputedStyle(e).opacity") == "0"


def test_a_centre_with_four_risks_has_room_for_them(
    look: Look, serve: Callable[[Path], Wall], tmp_path: Path
):
    risks = tuple(RiskRule(id=risk, risk=risk, otherwise=False) for risk in RISK)
    store = EditionStore(tmp_path)
    publish(store, 60_000, small_site().model_copy(update={"risk": risks}))
    store.close()
    open_wall(look, serve(tmp_path))
    look.wait_for_map()
    assert look.page.locator(".tile").count() == 5
    assert look.page.evaluate(OVERFLOWING, FRAMES) == []


def test_an_idle_wall_asks_only_the_heartbeat(look: Look, wall: Wall):
    look.page.add_init_script(FASTER)
    open_wall(look, wall)
    look.wait_for_map()
    look.wait_for_scenes()
    look.page.evaluate("zhinaoScenes.hold('overview', true)")  # the next one may ask for its map
    look.wait_until_idle(seconds=6)
    assert set(look.requests) == {f"{wall.url}/heartbeat"}
    assert len(look.requests) <= 9


@pytest.mark.parametrize(
    ("path", "says"), [("/quality", "批次平衡"), ("/indicators", "按时办结率"), ("/", "在办风险")]
)
def test_every_page_opens_without_a_complaint(look: Look, wall: Wall, path: str, says: str):
    look.page.goto(wall.url + path)
    look.page.get_by_text(says).first.wait_for()
    look.page.wait_for_function("() => document.querySelector('.clock')?.innerText.length === 8")


def test_the_quality_page_shows_the_balance_and_the_reasons(look: Look, wall: Wall):
    look.page.goto(wall.url + "/quality")
    look.wait_for_edition(1)
    assert "2,003" in look.page.locator(".panel-batch-balance").inner_text()
    assert "相等" in look.page.locator(".panel-batch-balance").inner_text()
    reasons = look.page.locator(".panel-quarantine-reasons").inner_text()
    assert "代码表里没有的值" in reasons and "列数不符" in reasons
    assert "外星局" not in reasons and "第 0 行" not in reasons  # whoever opens it, as on a wall
    assert "60" in look.page.locator(".panel-layer-report").inner_text()


def test_an_edition_that_there_never_was_is_explained_and_no_panel_blamed(look: Look, wall: Wall):
    look.page.goto(wall.url + "/?edition=0")
    look.page.get_by_text("无法显示：没有版本 0").wait_for()
    look.page.wait_for_timeout(9500)  # a panel counts as late after eight seconds
    assert look.page.locator(".is-behind").count() == 0
