"""One answer for many viewers, and never another viewer's."""

import shutil
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from flask import Flask
from flask_caching import Cache

from callbacks import answer
from callbacks.answer import Answers, Inquiry, answered, drawn, window_words, windowed
from callbacks.explain import explainer
from data.editions.edition import Edition
from data.editions.store import EditionStore
from data.measure import measure
from data.scope import Grant, Scope
from layouts.panel import FINEST, Listing, Numbers
from layouts.panels import PANELS
from tests.callbacks.test_bands import given
from tests.layouts.conftest import asked_of, edition  # noqa: F401
from tests.layouts.small import DATA_TIME, of_another_schema, publish, small_site, store_with


@pytest.fixture
def store(tmp_path) -> Iterator[EditionStore]:
    store = store_with(tmp_path, 50)
    yield store
    store.close()


def answers_of(store: EditionStore, grant=Grant.wall, *more, cache=None) -> Answers:
    return Answers(store, cache or a_cache(), grant, *more)


def a_cache() -> Cache:
    return Cache(Flask("answers"), config={"CACHE_TYPE": "SimpleCache"})


def test_fifty_viewers_at_once_are_one_computation(store: EditionStore):
    answers, computed, together = answers_of(store), [], threading.Barrier(50)

    def compute(_question):
        computed.append(1)
        return len(computed)

    def ask():
        together.wait()
        assert answers.of("panel", Scope(), compute) == (1, 1)

    viewers = [threading.Thread(target=ask) for _ in range(50)]
    for viewer in viewers:
        viewer.start()
    for viewer in viewers:
        viewer.join()
    assert computed == [1]


def test_another_grant_gets_an_answer_of_its_own(store: EditionStore):
    grants = iter([Grant.wall(), Grant(regions=(("town", "T1"),), departments=None)])
    answers = answers_of(store, lambda: next(grants))
    first, _ = answers.of("panel", Scope(), lambda question: question.grant.regions)
    second, _ = answers.of("panel", Scope(), lambda question: question.grant.regions)
    assert (first, second) == (None, (("town", "T1"),))


def test_a_new_edition_is_asked_anew_and_an_old_one_stays(store: EditionStore):
    answers = answers_of(store)
    count = "SELECT count(*) FROM cases"
    assert answers.of("n", Scope(), lambda q: q.edition.rows(count)[0][0]) == (50, 1)
    publish(store, 80)
    assert answers.of("n", Scope(), lambda q: q.edition.rows(count)[0][0]) == (80, 2)
    assert answers.of("n", Scope(edition=1), lambda q: q.edition.rows(count)[0][0]) == (50, 1)


def test_a_home_made_anew_starts_at_edition_1_again_and_is_asked_anew(tmp_path):
    cache, seen = a_cache(), []
    for cases in (50, 80):
        store = store_with(tmp_path / "home", cases)
        rows = answers_of(store, cache=cache).of("n", Scope(), counted)
        seen.append(rows)
        store.close()
        shutil.rmtree(tmp_path / "home")
    assert seen == [(50, 1), (80, 1)]


def test_centres_and_builds_that_share_a_cache_do_not_share_answers(tmp_path):
    cache = a_cache()
    here, there = store_with(tmp_path / "a", 50), store_with(tmp_path / "b", 80)
    assert answers_of(here, cache=cache).of("n", Scope(), counted)[0] == 50
    assert answers_of(there, cache=cache).of("n", Scope(), counted)[0] == 80
    newer = answers_of(here, Grant.wall, "a later build", cache=cache)
    assert newer.of("n", Scope(), lambda _: "newer")[0] == "newer"
    here.close()
    there.close()


def test_an_alert_that_expires_leaves_the_answer_that_was_kept(tmp_path):
    store = store_with(tmp_path, 0)
    with store.building(small_site()) as build:
        build.connection.execute("UPDATE alerts SET expires_at = '2026-11-20 15:00'")
        build.publish(DATA_TIME)
    clock = [datetime(2026, 11, 20, 6, 59, tzinfo=UTC)]  # 14:59 in Asia/Shanghai
    answers = answers_of(store, Grant.wall, "", lambda: clock[0])

    def ringing(question: Inquiry) -> int:
        return len(answered(Listing("alerts"), question))

    assert answers.of("alerts", Scope(), ringing)[0] == 1
    clock[0] += timedelta(minutes=1)
    assert answers.of("alerts", Scope(), ringing)[0] == 0
    store.close()


def counted(question: Inquiry) -> int:
    return question.edition.rows("SELECT count(*) FROM cases")[0][0]


def test_what_holds_for_the_day_is_not_computed_for_every_edition(store: EditionStore):
    answers, computed = answers_of(store), []

    def compute(question):
        question.of_the_day("edges", lambda: computed.append(1) or "kept")
        return question.edition.number

    assert answers.of("map", Scope(), compute)[0] == 1
    publish(store, 60)
    assert answers.of("map", Scope(), compute)[0] == 2
    assert computed == [1]
    publish(store, 600)  # the first was but a part
    assert answers.of("map", Scope(), compute)[0] == 3
    assert computed == [1, 1]


def test_what_several_panels_ask_is_computed_once_for_each_edition(
    store: EditionStore, monkeypatch
):
    computed, measured = [], answer.measure
    monkeypatch.setattr(answer, "measure", lambda *of: computed.append(of[1:]) or measured(*of))
    answers, ask = answers_of(store), Numbers("closure_rate", ("department",))
    for _ in range(2):
        for panel in ("one", "other"):
            answers.of(panel, Scope(), lambda question: answered(ask, question))
        answers.of("narrower", Scope(regions=(("town", "T0"),)), partial(answered, ask))
        publish(store, 60)
    assert len(computed) == 4


def test_what_cannot_be_shown_is_explained_in_chinese(store: EditionStore):
    explain = explainer(answers_of(store))
    assert explain(Scope().to_json(), None) == ""
    later = explain(Scope(as_of=DATA_TIME + timedelta(seconds=1)).to_json(), None)
    assert later.startswith("无法显示：截止时点 2026-11-20 14:30:01 晚于数据时间")
    assert "没有版本 0" in explain('{"edition": 0}', None)
    assert "没有版本 9" in explain('{"edition": 9}', None)
    assert "没有这个区域：town:NOPE" in explain('{"regions": [["town", "NOPE"]]}', None)
    assert explain('{"regions": [["town", "-"]]}', None) == ""
    assert "没有维度 towm；是不是 town" in explain('{"where": [["towm", "x"]]}', None)


def test_an_edition_of_another_schema_is_explained(store: EditionStore):
    store.close()
    of_another_schema(store.home / "editions" / "1.duckdb")
    explain = explainer(answers_of(EditionStore(store.home)))
    assert explain('{"edition": 1}', None).startswith("无法显示：该版本的表结构为 1，本程序需要")
    assert explain(None, None).startswith("无法显示：该版本的表结构为 1，本程序需要")


def test_a_text_that_is_missing_is_none_though_another_row_has_one(tmp_path):
    store = store_with(tmp_path, 10)
    with store.building(small_site()) as build:
        build.connection.execute(
            "UPDATE sources SET state = 'failed', reason = '连不上' WHERE source = 'weather';"
            "INSERT INTO alerts BY NAME SELECT * REPLACE ('A2' AS alert_code, 'x2' AS identifier,"
            " NULL AS area_text, NULL AS town, NULL AS event) FROM alerts"
        )
        build.publish(DATA_TIME)
    shown = {}
    for panel in (PANELS["source_freshness"], PANELS["newest"]):
        answers_of(store).of(
            panel.key, Scope(), lambda q, p=panel: shown.update({p.key: drawn(p, q, 1)})
        )
    assert "nan" not in str(shown) and "失败" in str(shown)
    assert "连不上" not in str(shown)  # a reason may quote what was written: not on a wall
    assert "未落格" in str(shown)  # an alert without any place
    store.close()


def test_without_a_window_the_last_thirty_days_are_shown_today_included(edition: Edition):  # noqa: F811
    scope = windowed(Scope(), edition)
    assert (scope.since, scope.until) == (datetime(2026, 10, 22), datetime(2026, 11, 21))


def test_a_window_of_the_viewers_own_stays(edition: Edition):  # noqa: F811
    chosen = Scope(since=datetime(2026, 11, 1), until=datetime(2026, 11, 8))
    assert windowed(chosen, edition) == chosen


@pytest.mark.parametrize(
    "query",
    [
        "until=2026-11-01",
        "since=2026-11-23",
        "since=2026-11-10&as_of=2026-11-01T08:00",
        "since=2024-12-01&until=2026-11-01",
    ],
)
def test_a_window_without_a_base_still_shows_its_counts(edition: Edition, query: str):  # noqa: F811
    question = asked_of(edition, Scope.from_query(query))
    frame = answered(PANELS["accepted_by_category"].asks["accepted"], question)
    assert set(frame["change_text"]) <= {"—"} and set(frame["base_text"]) <= {"—"}
    count = measure(edition, "accepted", (), question.scope, Grant.wall())["numerator"].iloc[0]
    assert frame["current"].sum() == (count or 0)
    drawn(PANELS["accepted_by_category"], question, 1.0)


def test_a_window_with_a_base_is_compared(edition: Edition):  # noqa: F811
    frame = answered(PANELS["accepted_by_category"].asks["accepted"], asked_of(edition))
    assert "percent" in set(frame["change_kind"])


@pytest.mark.parametrize(
    ("since", "until", "said"),
    [
        (datetime(2026, 10, 22), datetime(2026, 11, 21), "近 30 日"),
        (datetime(2026, 10, 1), datetime(2026, 11, 1), "10/1–10/31"),
        (datetime(2025, 12, 1), datetime(2026, 1, 1), "2025/12/1–2025/12/31"),
        (None, datetime(2026, 11, 1), "截至 10/31"),
        (datetime(2026, 11, 1), None, "11/1 起"),
    ],
)
def test_a_window_is_said_in_few_letters(edition: Edition, since, until, said):  # noqa: F811
    assert window_words(Scope(since=since, until=until), edition) == said


def test_a_rate_beside_its_earlier_self_changes_by_points(edition: Edition):  # noqa: F811
    question = asked_of(edition)
    row = answered(Numbers("closure_rate", base="previous"), question).iloc[0]
    assert row["text"] == answered(Numbers("closure_rate"), question)["text"].iloc[0]
    change = 100 * (row["value"] - row["base"])
    assert row["change_text"] == f"{change:+.1f}个百分点"


def test_a_rate_without_an_earlier_self_says_no_change(edition: Edition):  # noqa: F811
    early = Scope(since=DATA_TIME - timedelta(days=400), until=DATA_TIME)
    row = answered(Numbers("closure_rate", base="previous"), asked_of(edition, early)).iloc[0]
    assert (row["change_text"], row["text"][-1]) == ("—", "%")


def test_the_finest_level_is_the_grid_of_the_site(edition: Edition):  # noqa: F811
    frame = answered(Numbers("accepted", (FINEST,)), asked_of(edition))
    known = frame[frame[FINEST] != "-"]
    assert known["name"].str.endswith("格").all() and len(known) > 10
    towns = [f"第{code[1]}镇" for code in known[FINEST]]  # T1V2G0
    assert known["within"].tolist() == towns


@pytest.mark.parametrize(
    ("due", "today"), [("2026-11-20", 0), ("2026-11-21", 1), ("2026-11-22", 0)]
)
def test_what_is_due_at_midnight_is_due_on_the_day_that_ends(due: str, today: int):
    question = given(("T0V0G0", "red", "open"))
    question.edition._connection.execute(f"UPDATE cases SET due_at = '{due}'")
    assert answered(Numbers("due_open", days=1), question)["numerator"].iloc[0] == today
