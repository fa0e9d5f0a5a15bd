"""What the answer of a scene says of the alerts that stand, without an edition."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from data.editions.store import EditionStore
from data.wall_view import WallView
from tests.browser.driving import PATIENCE, Look, Wall
from tests.browser.hall import PLACE, Hall, hall_of
from tests.layouts.small import publish, small_site

pytestmark = pytest.mark.browser
AT = f"{PLACE}12村火情"
LEAST = 1.45 * 16  # px at 1920 x 1080: 20 minutes of arc, 8 m from a wall of 4 m

OVERFLOW = """() => { const sentence = document.querySelector('.scene.is-shown .sentence');
    return [sentence.scrollWidth - sentence.clientWidth,
            parseFloat(getComputedStyle(sentence).fontSize)]; }"""


@pytest.fixture
def hall(serve: Callable[[Path], Wall], tmp_path: Path) -> Hall:
    """Red alerts leave the screen after twenty seconds."""
    return hall_of(serve, tmp_path, WallView(takeover_seconds=20))


def says(sentence: Locator, words: str) -> None:
    expect(sentence).to_contain_text(words, timeout=PATIENCE, use_inner_text=True)


def risk(look: Look) -> Locator:
    look.page.evaluate("zhinaoScenes.hold('risk', true)")
    look.wait_for_edition(1)
    return look.page.locator("[data-scene='risk'] .sentence")


def test_without_an_alert_the_answer_says_so_and_an_alert_stands_first(seen: Look, hall: Hall):
    sentence = risk(seen)
    says(sentence, "；没有现行预警")
    hall.alert("Severe")
    says(sentence, f"橙色预警 {AT}未签收，区/县指挥中心")
    expect(sentence).not_to_contain_text("没有现行预警")
    first = sentence.locator("> :first-child")
    expect(first.locator(".flag")).to_be_visible()
    assert "红色" in sentence.inner_text().partition("；")[2]  # the matters of the edition
    seen.page.wait_for_function(
        "() => / [0-9]+ 秒；/.test(document.querySelector('[data-scene=risk] .sentence').innerText)"
    )


def test_a_county_with_a_red_alert_is_not_said_to_be_calm(seen: Look, hall: Hall):
    sentence = seen.page.locator("[data-scene='overview'] .sentence")
    expect(sentence).not_to_be_empty(timeout=PATIENCE)
    seen.page.evaluate(CALM)
    expect(sentence.locator(".calm")).to_be_visible()
    hall.alert()
    says(sentence, f"红色预警 {AT}未签收")
    expect(sentence.locator(".calm")).to_be_hidden(timeout=PATIENCE)


# What a county without a red matter is told (layouts/scenes/overview.py).
CALM = """() => document.querySelector('[data-scene=overview] .sentence')
    .insertAdjacentHTML('beforeend', '<span class="calm"><b>平稳</b>：</span>')"""


def test_of_several_it_says_the_gravest_and_how_many_nobody_has_acknowledged(
    seen: Look, hall: Hall
):
    sentence = risk(seen)
    hall.alert("Moderate", "道路结冰", "Met")
    hall.alert("Severe")
    says(sentence, f"橙色预警 {AT}、黄色 1 条，均未签收")
    first = seen.page.evaluate("zhinaoLive.alerts()[0].id")
    hall.acknowledge(first)
    says(sentence, f"预警 2 条，黄色 {PLACE}12村气象未签收")
    hall.acknowledge(seen.page.evaluate("zhinaoLive.alerts()[1].id"))
    says(sentence, f"橙色预警 {AT}、黄色 1 条，均已签收")


def test_the_answer_keeps_its_size_with_the_alerts_and_over_an_edition(seen: Look, hall: Hall):
    sentence = risk(seen)
    hall.alert("Severe")
    says(sentence, "未签收")
    seen.page.wait_for_timeout(600)  # the next drawing fits it
    over, size = seen.page.evaluate(OVERFLOW)
    assert over <= 0 and size >= LEAST
    store = EditionStore(hall.wall.home)
    publish(store, 320, small_site())
    store.close()
    seen.wait_for_edition(2)
    assert "未签收" in sentence.inner_text()
    seen.page.wait_for_timeout(600)
    assert seen.page.evaluate(OVERFLOW)[0] <= 0


NARROW = "w => { document.querySelector('[data-scene=risk] .answer').style.right = w + 'rem'; }"


def test_what_has_no_room_is_left_out_the_least_important_first(seen: Look, hall: Hall):
    sentence = risk(seen)
    hall.alert("Severe")
    says(sentence, "未签收")
    spared = sentence.locator("[data-spare='1']")
    expect(sentence.locator("[data-spare='4']")).to_be_visible()
    seen.page.evaluate(NARROW, 66)
    expect(spared).to_be_hidden()
    expect(spared).to_have_text("，区/县指挥中心")
    expect(sentence.locator("[data-spare='4']")).to_be_hidden()
    assert seen.page.evaluate(OVERFLOW)[0] <= 0
    says(sentence, f"橙色预警 {AT}未签收")
    seen.page.evaluate(NARROW, 80)
    says(sentence, "橙色预警 1 条未签收")


def test_visitors_read_nothing_of_alerts_in_the_answer(seen: Look, hall: Hall):
    hall.alert("Severe")
    hall.command(occasion="visit", scene="risk")
    seen.page.wait_for_selector("html[data-occasion='visit']")
    sentence = risk(seen)
    seen.page.wait_for_timeout(1200)
    assert "预警" not in sentence.inner_text()


def test_a_red_alert_says_for_how_long_it_has_the_screen(seen: Look, hall: Hall):
    hall.alert()
    rest = seen.page.locator(".takeover .rest span")
    says(rest, "秒后收起，留在屏底直至签收")
    said = "() => parseInt(document.querySelector('.takeover .rest span').innerText)"
    before = seen.page.evaluate(said)
    seen.page.wait_for_function(f"before => ({said})() < before", arg=before)


NEWEST = """() => [...document.querySelectorAll('.panel-newest .feed-row')]
    .filter(row => row.checkVisibility()).map(row => row.innerText.replaceAll('\\n', ' '))"""


def test_the_newest_begins_with_the_alerts_of_now_and_keeps_its_four_rows(seen: Look, hall: Hall):
    page = seen.page
    page.wait_for_function(f"() => ({NEWEST})().length === 4")
    assert not any("预警" in row for row in page.evaluate(NEWEST))
    for signal, category in (("Moderate", "Met"), ("Severe", "Fire"), ("Minor", "Infra")):
        hall.alert(signal, category=category)
    page.wait_for_function(f"() => ({NEWEST})()[0]?.startsWith('火情 橙色预警 {PLACE}')")
    rows = page.evaluate(NEWEST)
    assert "黄色预警" in rows[1] and "未签收" in rows[1]
    assert len(rows) == 4 and not any("预警" in row for row in rows[2:])
    hall.acknowledge(page.evaluate("zhinaoLive.alerts()[0].id"))
    page.wait_for_function(f"() => ({NEWEST})().some(row => row.includes('已签收'))")


def test_visitors_read_no_alert_among_the_newest(seen: Look, hall: Hall):
    hall.alert("Severe")
    seen.page.wait_for_function(f"() => ({NEWEST})().some(row => row.includes('预警'))")
    hall.command(occasion="visit")
    seen.page.wait_for_function(f"() => !({NEWEST})().some(row => row.includes('预警'))")
    assert len(seen.page.evaluate(NEWEST)) == 4


def test_of_a_past_time_nothing_is_said_of_the_alerts_of_now(seen: Look, hall: Hall):
    hall.alert("Severe")
    sentence = seen.page.locator("[data-scene='overview'] .sentence")
    says(sentence, f"橙色预警 {AT}未签收")
    store = EditionStore(hall.wall.home)
    publish(store, 320, small_site())
    store.close()
    seen.page.goto(f"{hall.wall.url}/?edition=1")
    seen.page.wait_for_selector("[data-time]:not([data-time=''])")
    seen.page.wait_for_function("() => zhinao.pastTime() !== null && zhinaoLive.alerts().length")
    seen.page.wait_for_timeout(1200)
    expect(sentence).not_to_be_empty()
    expect(sentence).not_to_contain_text("预警")
    rows = seen.page.evaluate(NEWEST)
    assert rows[0].startswith("橙色预警 第1镇 11/20") and not any("火情" in row for row in rows)
