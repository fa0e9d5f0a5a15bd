"""Two app processes as one: how soon both have a new edition and an alert, and whether any number
differs between them."""

import json
import sys
import tempfile
import time
from pathlib import Path

from access.operations import Operations
from bench.figure import Figure
from data.editions.store import EditionStore
from tests.deploy.test_processes import alert, edition
from tests.layouts.small import publish, store_with
from tests.postgres import cluster
from tests.processes import Processes, own_folder, processes, wait_for

SWITCHES, ALERTS, CASES = 5, 5, 20_000
SCOPES = (None, *(json.dumps({"where": [["town", f"T{n}"]]}) for n in range(3)))
SWITCH_S, ALERT_S = 2.0, 2.0
ISSUE = 4


def figures() -> list[Figure]:
    """Seconds until both see an edition and the other one an alert, at worst; answers that
    differ."""
    with tempfile.TemporaryDirectory(prefix="zhinao-processes-") as name, cluster() as url:
        home = Path(name) / "home"
        store_with(home, CASES).close()
        Operations(home, url).close()
        Path(name).chmod(0o755)  # nginx's workers are another user
        with processes(home, own_folder(Path(name) / "run"), url) as both:
            switch = max(_switch(both) for _ in range(SWITCHES))
            told = max(_alert(both, f"A{number}") for number in range(ALERTS))
            asked, differing, computed = _compare(both)
    print(f"processes: {asked} answers compared", file=sys.stderr)
    return [
        Figure("processes: edition seen by both", switch, "s", SWITCH_S, issue=ISSUE),
        Figure("processes: alert of one at the other", told, "s", ALERT_S, issue=ISSUE),
        Figure("processes: answers that differ", differing, "answers", 0, issue=ISSUE),
        Figure("processes: computed a second time", computed, "answers", 0, issue=ISSUE),
    ]


def _switch(both: Processes) -> float:
    """Seconds from publishing until both serve it."""
    store = EditionStore(both.home)
    number = publish(store, CASES)
    store.close()
    began = time.monotonic()
    for wall in both.walls:
        wait_for(lambda wall=wall: edition(both, wall) == number, "no new edition", 60)
    return time.monotonic() - began


def _alert(both: Processes, name: str) -> float:
    """Seconds from an alert's being accepted by one until it stands at the other."""
    first, other = both.walls
    before = both.ask(other, "/live").body  # several of one place and kind stand as one
    assert both.ask(first, "/alerts", "alerts", body=alert(name)).status == 201
    return wait_for(lambda: both.ask(other, "/live").body != before, "no alert", 60)


def _compare(both: Processes) -> tuple[int, int, int]:
    """Answers compared, those that differ, and what the second had to compute."""
    first, second = both.walls
    asked = differing = 0
    before = both.metric(second, "zhinao_cache_computed_total")
    for scope in SCOPES:
        for question in both.questions(scope).values():
            answers = [both.answer(wall, question) for wall in (first, second)]
            asked += 1
            differing += answers[0].body != answers[1].body
    computed = both.metric(second, "zhinao_cache_computed_total") - before
    return asked, differing, round(computed)


if __name__ == "__main__":
    for figure in figures():
        print(figure)
