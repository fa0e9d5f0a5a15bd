"""Who listened once and does not any more is lost; who never did is not."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from dispatch.listeners import LISTENERS, Listeners

NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)


def test_where_nobody_ever_listened_nobody_is_lost(operations):
    assert not Listeners(operations).is_any_lost(NOW)


def test_who_says_nothing_for_long_is_lost_until_heard_again(operations):
    listeners, watching = Listeners(operations), Listeners(operations)
    listeners.note("mqtt", NOW)
    after = [NOW + timedelta(seconds=s) for s in (90, 91)]
    assert [watching.is_any_lost(at) for at in after] == [False, True]
    listeners.note("other", after[1])
    assert watching.is_any_lost(after[1])
    listeners.note("mqtt", after[1])
    assert not watching.is_any_lost(after[1])


def test_it_is_written_every_half_minute_and_when_the_clock_goes_back(operations):
    listeners, kept = Listeners(operations), []
    for seconds in (0, 1, 29, 30, 59, -3600):
        listeners.note("mqtt", NOW + timedelta(seconds=seconds))
        with operations.reading() as connection:
            at = connection.execute(select(LISTENERS.c.listened_at)).scalar_one()
            kept.append((at - NOW).total_seconds())
    assert kept == [0, 0, 0, 30, 30, -3600]
