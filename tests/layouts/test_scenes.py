"""Every scene of the wall, without naming any: what it may hold, and that it says its question; and
by name what its answer says."""

from collections import Counter
from dataclasses import replace

import pandas as pd
import pytest
from dash.html import Time

from data.site import load_site
from layouts.measures import MEASURES
from layouts.panel import PLACE
from layouts.panels import PANELS
from layouts.scene import MOST_PANELS
from layouts.scenes import SCENES
from layouts.sentence import least
from tests.layouts.test_panels import FACTS, rates, words
from tests.test_contracts import SITES

EACH = pytest.mark.parametrize("scene", SCENES.values(), ids=lambda scene: scene.key)


@EACH
def test_a_scene_asks_one_question_and_has_no_more_than_seven_panels(scene):
    assert scene.question.endswith("？")
    assert 0 < len(scene.panels) + scene.has_map <= MOST_PANELS
    assert len(scene.columns) == (2 if scene.has_map else 3)


@EACH
def test_a_scene_is_made_of_panels_and_measures_that_there_are(scene):
    assert set(scene.panels) <= set(PANELS)
    assert scene.measure is None or (scene.has_map and scene.measure in MEASURES)


def test_a_panel_stands_in_one_scene_only():
    places = Counter(key for scene in SCENES.values() for key in scene.panels)
    assert {key for key, times in places.items() if times > 1} == set()


def test_a_scene_is_found_under_its_own_name():
    assert all(key == scene.key for key, scene in SCENES.items())


@pytest.mark.parametrize("folder", SITES, ids=lambda folder: folder.name)
def test_a_site_names_only_scenes_that_there_are(folder):
    assert set(load_site(folder).wall.scenes) <= set(SCENES)


def by_risk(key: str, **of: dict[str, int]) -> pd.DataFrame:
    """Counts by risk and place, as answers give them."""
    rows = [
        {"risk": risk, key: place, "name": place, "numerator": count, "text": f"{count:,}"}
        for risk, places in of.items()
        for place, count in places.items()
    ]
    return pd.DataFrame(rows, columns=["risk", key, "name", "numerator", "text"])


def overview(now: dict, overdue: dict, risks=FACTS.risks) -> str:
    total = pd.DataFrame({"text": [str(sum(sum(places.values()) for places in now.values()))]})
    late = by_risk("-", **{risk: {"-": count} for risk, count in overdue.items()})
    facts = replace(FACTS, risks=risks)
    return words(SCENES["overview"].answer(facts, by_risk(PLACE, **now), late, total))


def test_a_county_is_calm_without_a_red_matter():
    said = overview({"blue": {"A": 7}, "yellow": {"B": 2}}, {"blue": 5})
    assert said == "平稳 ： 没有红色在办，全部在办 9 件"


def test_a_red_matter_needs_attention_and_an_overdue_one_is_not_calm():
    now = {"red": {"A": 1, "B": 3}, "blue": {"A": 90}}
    assert overview(now, {"blue": 5}) == ("需关注 ：红色在办 4 件， 都未超期 ； B 最多， 3 件")
    assert overview(now, {"red": 2}).startswith("不平稳 ：红色在办 4 件， 其中 2 件超期")


def test_a_centre_without_risks_says_what_is_open_and_late():
    said = overview({"-": {"A": 4, "B": 5}}, {"-": 3}, risks=())
    assert said == "在办 9 件 ，超期 3 件 ； B 最多， 5 件"


def test_who_holds_a_red_matter_longest_is_named_with_the_time_that_runs_on():
    now = by_risk(PLACE, red={"A": 2})
    held_by = by_risk("handling_level", red={"county": 1, "town": 1})
    rows = [("red", "county", 2_000), ("red", "town", 1_000), ("blue", "village", 10)]
    oldest = pd.DataFrame(rows, columns=["risk", "handling_level", "since"])
    said = SCENES["risk"].answer(FACTS, now, held_by, oldest)
    assert words(said) == "红色 在办 2 件 ， A 最多 2 件 ； 最久 在 town"
    (since,) = (word.children for word in said if isinstance(getattr(word, "children", 0), Time))
    assert getattr(since, "data-held") == "1000"


def test_the_answer_to_where_risks_are_has_places_for_the_alerts_that_the_browser_knows():
    nothing = by_risk(PLACE, red={"A": 0})
    said = SCENES["risk"].answer(FACTS, nothing, nothing, nothing)
    places = [getattr(said[at], "data-show") for at in (0, -1)]
    assert (places, said[1:-1]) == (["alerts-lead", "alerts-none"], ["没有红色在办"])


def test_departments_are_behind_beyond_chance_or_not_at_all():
    answer = SCENES["departments"].answer
    on_time = rates(all=(950, 1000))
    late = rates(a=(90, 100), b=(94, 100), c=(940, 1000), d=(900, 1000), tiny=(0, 3))
    assert words(answer(FACTS, on_time, late)) == (
        "2 个部门按时办结率低于目标 95% ，最低 d 90.0% ，误期最多 d 100 件"
    )
    fine = rates(a=(96, 100))
    assert words(answer(FACTS, on_time, fine)) == "按时办结率 95.0% ，没有部门低于目标 95%"
    without = replace(FACTS, closure_target=None)
    assert words(answer(without, on_time, fine)) == "按时办结率 95.0% ；最低 a 96.0%"


def test_disputes_say_how_the_rate_changed_and_where_it_is_lowest():
    answer = SCENES["disputes"].answer
    resolved = rates(all=(60, 100)).assign(change_text="-0.5个百分点")
    places = rates(a=(5, 10)).rename(columns={"department": PLACE})
    categories = rates(wages=(1, 3)).rename(columns={"department": "category"})
    assert words(answer(FACTS, resolved, categories, places)) == (
        "化解率 60.0% ，比上期降 0.5个百分点 ；难在 a 50.0%"
    )


def test_follow_ups_answer_all_three_questions():
    satisfied, judged = rates(all=(87, 100)), rates(all=(24, 100))
    followed, rebounded = rates(all=(90, 101)), rates(all=(5, 90))
    lowest = rates(a=(5, 10), b=(90, 100))
    said = SCENES["follow_up"].answer(FACTS, satisfied, judged, followed, rebounded, lowest)
    assert words(said) == (
        "满意率 87.0% （参评 24.0% ） ， 11 件没按时回访 ， 5 件反弹 ，群众最不满意 a"
    )


def test_the_least_is_the_first_of_the_panel_that_ranks_them():
    """A small one below all together comes before a large one that is above it."""
    overall = rates(all=(880, 1000))
    small, large = {"small": (13, 16)}, {name: (440, 500) for name in "abcde"}
    above = {name: (89 + n, 100) for n, name in enumerate("fghij")}
    frame = rates(**large, **above, **small)
    asked = {"rows": frame, "overall": overall}
    first = PANELS["satisfaction_by_department"].draw(FACTS, **asked)[0]
    assert words(first).split()[0] == words(least(frame, "department", overall)[0]) == "small"


def test_what_reads_as_all_together_is_not_among_the_lowest():
    overall = rates(all=(5850, 10_000))
    frame = rates(a=(210, 359), b=(42, 80))  # 58.5 % as well, and 52.5 %
    rows = PANELS["satisfaction_by_department"].draw(FACTS, rows=frame, overall=overall)
    assert [words(row).split()[0] for row in rows[:-1]] == ["b"]
