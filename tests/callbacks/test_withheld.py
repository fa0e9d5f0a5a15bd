"""What a wall is not told is drawn as such: never as 0, and every panel draws."""

import json
from datetime import timedelta

import pytest
from plotly.utils import PlotlyJSONEncoder

from callbacks.answer import WITHHELD, answered, drawn
from callbacks.colour import pictured
from data.cases import cases_behind
from data.measure import measure
from data.scope import Grant, Scope
from layouts.panel import Numbers
from tests.layouts.conftest import PICTURES, asked_of, edition  # noqa: F401
from tests.layouts.small import DATA_TIME

YEAR = Scope(since=DATA_TIME - timedelta(days=365), until=DATA_TIME + timedelta(days=1))
GRID = YEAR.narrowed(regions=(("grid", "T0V0G0"),))
FEW = GRID.narrowed(since=DATA_TIME - timedelta(days=60))
WAGES = FEW.with_filter("category", "wages")


def picture(key: str, question) -> str:
    made = drawn(PICTURES[key], question, 1)
    return json.dumps(made, cls=PlotlyJSONEncoder, ensure_ascii=False)


@pytest.mark.parametrize("scope", [FEW, WAGES, GRID.with_filter("outcome", "-")])
@pytest.mark.parametrize("key", PICTURES)
def test_every_panel_draws_what_is_withheld(edition, key: str, scope: Scope):  # noqa: F811
    assert "NaN" not in picture(key, asked_of(edition, scope))


def test_a_small_count_of_a_ranking_is_written_as_small(edition):  # noqa: F811
    question = asked_of(edition, FEW)
    frame = answered(Numbers("accepted", ("category",)), question)
    assert frame["is_suppressed"].any()
    assert set(frame.loc[frame["is_suppressed"], "text"]) <= {"<3", "—"}
    assert '"<3"' in picture("accepted_by_category", question)


@pytest.mark.parametrize("key", ["open_by_risk", "flow_by_stage", "deadline_board"])
def test_a_picture_that_adds_up_says_that_it_may_not(edition, key: str):  # noqa: F811
    hidden = [
        answered(ask, asked_of(edition, WAGES))["is_suppressed"].any()
        for ask in PICTURES[key].asks.values()
        if isinstance(ask, Numbers)
    ]
    assert any(hidden) == (WITHHELD in picture(key, asked_of(edition, WAGES)))


def test_a_map_whose_located_cases_are_withheld_is_drawn_all_the_same(edition):  # noqa: F811
    few = YEAR.narrowed(since=DATA_TIME - timedelta(days=60))
    scope = few.with_filter("grid", "T0V0G0").with_filter("category", "wages")
    shown = str(pictured(asked_of(edition, scope), "risk", False, 1.0).placed)
    assert "落格率 " in shown and "'—'" in shown


def test_no_red_point_is_on_the_map_where_their_count_is_withheld(edition):  # noqa: F811
    grids = [f"T{t}V{v}G{g}" for t in range(3) for v in range(4) for g in range(5)]
    scopes = [YEAR.with_filter("grid", grid).with_filter("category", "wages") for grid in grids]
    hidden = [scope for scope in scopes if count_is_withheld(edition, scope)]
    assert hidden
    for scope in hidden:
        overlay = pictured(asked_of(edition, scope), "risk", False, 1.0).overlay
        assert not [item for item in overlay if item.get("mark") == "risk-red"]


def count_is_withheld(edition, scope: Scope) -> bool:  # noqa: F811
    """Whether there are red matters, and a wall is not told how many."""
    red = scope.narrowed(since=None, until=None).with_filter("risk", "red")
    row = measure(edition, "open", (), red, Grant.wall()).iloc[0]
    return (
        bool(row["is_suppressed"])
        and len(cases_behind(edition, red, Grant.full(), None, "open")) > 0
    )
