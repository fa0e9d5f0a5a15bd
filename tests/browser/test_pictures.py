"""Pictures are built in the browser from plain lists, over whatever was there before."""

import pytest
from dash import html
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser, Route

from layouts.plain import plain
from tests.browser.driving import Look, Wall, looking

pytestmark = pytest.mark.browser
PAINT = """([told, isFresh]) => {
    let frame = document.getElementById("frame-of-test");
    if (isFresh || !frame) {
        frame?.remove();
        frame = document.createElement("section");
        Object.assign(frame, { id: "frame-of-test", hidden: true });
        frame.append(Object.assign(document.createElement("div"), { id: "body-of-test" }));
        document.body.append(frame);
    }
    const picture = { frame: frame.id, body: "body-of-test", edition: "1", children: told };
    window.dash_clientside.wall.paint([picture]);
    return frame.firstChild.innerHTML; }"""
WORDS = st.text("办结<b>&\"'", max_size=4)
ELEMENTS = st.recursive(
    WORDS,
    lambda inner: st.builds(
        lambda kind, children, name, style: kind(children, className=name, style=style),
        st.sampled_from([html.Div, html.Span, html.B]),
        st.lists(inner, max_size=3),
        WORDS,
        st.sampled_from([None, {"--mark": "red"}, {"width": "3%", "backgroundColor": "blue"}]),
    ),
    max_leaves=8,
)


@pytest.fixture
def painted(look: Look, wall: Wall) -> Look:
    look.page.goto(wall.url)
    look.wait_for_edition(1)
    return look


def paint(look: Look, children: list, is_fresh: bool = False) -> str:
    return look.page.evaluate(PAINT, [plain(children), is_fresh])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(before=st.lists(ELEMENTS, max_size=3), now=st.lists(ELEMENTS, max_size=3))
def test_what_was_there_before_makes_no_difference(painted: Look, before: list, now: list):
    fresh = paint(painted, now, is_fresh=True)
    paint(painted, before, is_fresh=True)
    assert paint(painted, now) == fresh


def test_what_stays_is_kept_so_that_nothing_flickers(painted: Look):
    paint(painted, [html.Div([html.B("1"), html.I(style={"width": "3%"})])], is_fresh=True)
    painted.page.evaluate("window.before = document.querySelector('#body-of-test i')")
    assert 'style="width: 7%"' in paint(
        painted, [html.Div([html.B("2"), html.I(style={"width": "7%"})])]
    )
    assert painted.page.evaluate("document.querySelector('#body-of-test i') === window.before")


def test_what_the_browser_itself_writes_into_a_place_stays(painted: Look):
    place = html.Div(className="standing", **{"data-show": "of-test"})  # type: ignore[arg-type]
    paint(painted, [place], is_fresh=True)
    painted.page.evaluate("document.querySelector('[data-show=of-test]').append('火情')")
    assert "火情" in paint(painted, [place])


def test_words_are_never_markup(painted: Look):
    shown = paint(painted, ["<img src=x onerror=alert(1)>"], is_fresh=True)
    assert shown == "&lt;img src=x onerror=alert(1)&gt;"


def test_a_wall_that_could_not_fetch_plotly_fetches_it_later(browser: Browser, wall: Wall):
    asked = []

    def refuse_twice(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) <= 2:
            return route.abort()
        return route.continue_()

    with looking(browser) as look:
        look.page.route("**/plotly/package_data/*", refuse_twice)
        look.page.goto(wall.url)
        look.wait_for_map()
        look.page.locator(".panel-daily-trend .annotation-text").first.wait_for()
        look.wait_for_edition(1)
    assert len(asked) == 3
