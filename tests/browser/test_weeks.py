"""A wall runs for weeks: what it holds does not grow with the editions it has shown."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from data.wall_view import WallView
from tests.browser.driving import Wall, looking
from tests.browser.weeks import POLLS, SIZE, STEP, Weeks, curve, growth
from tests.layouts.small import store_with

pytestmark = pytest.mark.browser
BYTES = 1000  # of heap for each change
FLAT = {
    "nodes": 0.05,
    "listeners": 0.01,
}  # for each change; a scene has 450 nodes more than another

KEPT_FOR_UNDO = "() => dash_stores.map(store => store.getState().history.past.length).at(-1)"


@pytest.fixture
def weeks(browser: Browser, serve: Callable[[Path], Wall], tmp_path: Path) -> Iterator[Weeks]:
    """A page between two counties, whose pictures differ."""
    homes = tmp_path / "a", tmp_path / "b"
    for home, cases in zip(homes, (500, 900), strict=True):
        store_with(home, cases).close()
    walls = serve(homes[0]), serve(homes[1])
    with looking(browser, *SIZE, drawing=None) as look:
        weeks = Weeks(look, walls)
        weeks.begin()
        yield weeks
        assert look.complaints == []


def test_neither_nodes_nor_listeners_grow_with_the_editions(weeks: Weeks):
    """Rounds through the scenes, after one in which each gets its first pictures, compared at the
    same one; the long run holds the heap, too. What stays behind does so in every round, and not
    only in one whose pictures came late."""
    a_round = STEP * len(WallView().scenes)
    weeks.run(4 * a_round, every=a_round)
    rounds = [*pairwise(weeks.samples[1:])]
    assert weeks.heartbeats >= 4 * a_round * POLLS and len(rounds) == 2
    grown = min(after.listeners - before.listeners for before, after in rounds)
    assert grown < a_round  # fewer than one with each edition
    assert min(after.nodes - before.nodes for before, after in rounds) < 300  # a scene's panels
    assert weeks.look.page.evaluate(KEPT_FOR_UNDO) < a_round


@pytest.mark.soak
def test_fifty_thousand_heartbeats_and_five_thousand_editions(weeks: Weeks):
    weeks.run(5000, every=100)
    Path("weeks.svg").write_text(curve(weeks.samples))
    heap = growth(weeks.samples, "heap", after=500)
    print(f"soak: heap grows by {heap:.0f} bytes with each change (at most {BYTES})")
    print(f"soak: {weeks.samples[0]} ... {weeks.samples[-1]}; the curve is in weeks.svg")
    grown = {of: growth(weeks.samples, of, after=500) for of in ("nodes", "listeners")}
    print(f"soak: nodes and listeners with each change: {grown}")
    assert weeks.heartbeats >= 50_000
    assert heap <= BYTES
    assert grown["nodes"] <= FLAT["nodes"] and grown["listeners"] <= FLAT["listeners"]
