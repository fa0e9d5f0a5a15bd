"""One answer for many viewers, and never another viewer's."""

import threading
from collections.abc import Iterator
from datetime import datetime

import pytest
from flask import Flask
from flask_caching import Cache

from callbacks.answer import Answers, windowed
from data.editions.edition import Edition
from data.editions.store import EditionStore
from data.scope import Grant, Scope
from tests.layouts.conftest import edition  # noqa: F401
from tests.layouts.small import publish, store_with


@pytest.fixture
def store(tmp_path) -> Iterator[EditionStore]:
    store = store_with(tmp_path, 50)
    yield store
    store.close()


def answers_of(store: EditionStore, grant=Grant.wall) -> Answers:
    return Answers(store, Cache(Flask("answers"), config={"CACHE_TYPE": "SimpleCache"}), grant)


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


def test_what_holds_for_the_day_is_not_computed_for_every_edition(store: EditionStore):
    answers, computed = answers_of(store), []

    def compute(question):
        question.of_the_day("edges", lambda: computed.append(1) or "kept")
        return question.edition.number

    assert answers.of("map", Scope(), compute)[0] == 1
    publish(store, 80)
    assert answers.of("map", Scope(), compute)[0] == 2
    assert computed == [1]


def test_without_a_window_the_last_thirty_days_are_shown_today_included(edition: Edition):  # noqa: F811
    scope = windowed(Scope(), edition)
    assert (scope.since, scope.until) == (datetime(2026, 10, 22), datetime(2026, 11, 21))


def test_a_window_of_the_viewers_own_stays(edition: Edition):  # noqa: F811
    chosen = Scope(since=datetime(2026, 11, 1), until=datetime(2026, 11, 8))
    assert windowed(chosen, edition) == chosen
