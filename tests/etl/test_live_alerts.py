"""What came in live is in the edition with the next run, once, on SQLite and on PostgreSQL."""

from datetime import UTC, datetime

import pytest

from access.operations import VARIABLE, Operations
from dispatch.alerts import LiveAlerts
from rules.cap_message import CapMessage
from tests.conftest import ROOT
from tests.etl.village import Village, village

NOW = datetime(2026, 11, 5, tzinfo=UTC)
DECLARED = (ROOT / "sites" / "demo" / "sources" / "live_alerts.toml").read_text("utf-8")
LISTED = "SELECT identifier, signal, event, sent_at, grid, status FROM alerts ORDER BY identifier"


def message(identifier: str, **fields) -> CapMessage:
    told = {"status": "Actual", "msg_type": "Alert", "scope": "Public", "event": "火情"}
    told |= {"severity": "Severe", "circle": "30.5,110.5 0.2"} | fields
    sent = "2026-11-05T08:30:00+08:00"
    return CapMessage(sender="xf@village.example", identifier=identifier, sent=sent, **told)


@pytest.fixture
def place(tmp_path) -> Village:
    made = village(tmp_path, source=None)
    made.declare(DECLARED, "live_alerts")
    return made


def test_before_anything_came_a_run_finds_nothing_and_makes_no_store(place):
    report = place.run()
    assert (report.is_good, place.rows(LISTED)) == (True, [])
    assert not (place.home / "operations.db").exists()


def test_what_was_accepted_is_in_the_next_edition_and_nothing_new_makes_none(
    place, operations, monkeypatch
):
    if not operations.is_file:
        monkeypatch.setenv(VARIABLE, operations.url.render_as_string(hide_password=False))
    store = operations if not operations.is_file else Operations(place.home)
    alerts = LiveAlerts(store)
    assert place.run().edition == 1
    alerts.accept(message("F1"), "平台", b"", NOW)
    alerts.accept(message("F1", event="别的"), "平台", b"2", NOW)
    assert place.run().edition == 2
    fire = ("orange", "火情", datetime(2026, 11, 5, 8, 30), "g1", "Actual")
    assert place.rows(LISTED) == [("F1", *fire)]
    assert place.run().edition is None
    alerts.accept(message("F2"), "平台", b"", NOW)
    assert place.run().edition == 3
    assert place.rows(LISTED) == [("F1", *fire), ("F2", *fire)]
    store.close()


def test_the_order_in_which_they_came_and_were_loaded_makes_no_difference(tmp_path):
    states = []
    for number, names in enumerate((["F1", "F2", "F3"], ["F3", "F1", "F2"])):
        place = village(tmp_path / str(number), source=None)
        place.declare(DECLARED, "live_alerts")
        store = Operations(place.home)
        alerts = LiveAlerts(store)
        for name in names:
            alerts.accept(message(name), "平台", b"", NOW)
            if number:
                place.run()
        place.run()
        states.append(place.state())
        store.close()
    assert states[0] == states[1]
