"""Goes on delivering where the history ended: new cases, what happens to open ones, warnings."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from etl.demo import alerts, forces
from etl.demo.alert_stories import stories
from etl.demo.catalogue import CHANNELS, SHARES
from etl.demo.deliver import (
    FLOW_CHANNELS,
    FLOW_FORM,
    Writer,
    flow_lines,
    last_event,
    write_bytes,
    write_text,
)
from etl.demo.history import Period, deliver, follow_up, list_parties, now
from etl.demo.simulate import Cases, Intake, born
from etl.demo.stock import Stock
from etl.demo.wording import words
from etl.demo.world import DAY, HOUR, MINUTE, World, day_weights, moment, seconds, world

LOOKING_BACK = 1000  # days: how old an open case may be
AT_ONCE = 10 * MINUTE  # a longer silence is caught up with at the rates of the history
RISING = 0  # position of the cluster that goes on
RISING_SHARE, TWIN_SHARE = 0.02, 0.01


def live(
    folder: Path,
    *,
    seed: int | None = None,
    every_seconds: float = 5.0,
    max_batches: int | None = None,
    stop: threading.Event | None = None,
    clock: Callable[[], datetime] = now,
    at_least_per_minute: float = 1.0,
) -> int:
    """Deliver into `folder`, which `generate` wrote, until stopped; returns the number of batches.

    Each batch tells what happened since the last one, at the rates of the history, but with at
    least so many new cases a minute: a wall is to move in a small county too (0 = as it comes). Can
    be killed at any moment: a batch that was begun is written again, with the same bytes.
    """
    stop = stop or threading.Event()
    stock = Stock.load(folder)
    stock.seed = stock.seed if seed is None else seed
    place = world(clock(), LOOKING_BACK)
    stream = _Stream(place, Writer(place, words(place), folder), stock, at_least_per_minute)
    done = 0
    while not stop.is_set() and (max_batches is None or done < max_batches):
        stream.batch(seconds(clock()))
        done += 1
        if max_batches is None or done < max_batches:
            stop.wait(every_seconds)
    return done


class _Stream:
    def __init__(self, place: World, writer: Writer, stock: Stock, at_least: float) -> None:
        self.world, self.writer, self.stock, self.at_least = place, writer, stock, at_least

    def batch(self, until: int) -> None:
        """Everything from the last batch to `until`, or first a batch that was broken off."""
        stock = self.stock
        until = stock.pending_until or until
        if until <= stock.told_until:
            return
        stock.pending_until = until
        stock.save(self.writer.folder)
        rng = np.random.default_rng([stock.seed, 5, stock.batch])
        since = stock.told_until
        new = stock.numbered(self._new(rng, since, until))
        stock.cases = np.concatenate([stock.cases, new])
        self._deliver(since, until)
        self._warn(rng, since, until)
        calls = np.random.default_rng([stock.seed, 7, stock.batch])
        period = Period(since, until, _name(until))
        follow_up(self.writer, calls, stock, period)
        list_parties(self.writer, stock, period)
        self._report(since, until)
        stock.forget(until)
        stock.told_until, stock.pending_until, stock.batch = until, 0, stock.batch + 1
        stock.save(self.writer.folder)

    def _new(self, rng: np.random.Generator, since: int, until: int) -> Cases:
        """The cases reported in [since, until), drawn hour by hour."""
        parts, start = [self.stock.cases[:0]], since
        floor = self.at_least / MINUTE if until - since <= AT_ONCE else 0.0
        while start < until:
            stop = min((start // HOUR + 1) * HOUR, until)
            expected = self._expected(start // DAY, start % DAY // HOUR) * (stop - start)
            least = floor * (stop - start)
            if expected.sum() < least:
                expected *= least / expected.sum()
            parts.append(self._drawn(rng, expected, start, stop))
            start = stop
        return np.concatenate(parts)

    def _expected(self, day: int, hour: int) -> np.ndarray:
        """(channels,) cases a second at that hour, as in the history."""
        days = np.arange(day - 182, day + 183)
        rates = np.empty(len(CHANNELS))
        for number in range(len(CHANNELS)):
            weights = day_weights(number, days, self.world.clock, self.world.site)
            by_hour = np.diff(self.world.hour_weights[number, 0], prepend=0.0)
            rates[number] = SHARES[number] * weights[182] / weights.mean() * by_hour[hour] / HOUR
        return np.maximum(rates * self.stock.rate, 1e-9)

    def _drawn(
        self, rng: np.random.Generator, expected: np.ndarray, since: int, until: int
    ) -> Cases:
        counts = rng.poisson(expected)
        total = int(counts.sum())
        rising = np.array([rng.binomial(total, RISING_SHARE)])
        twins = int(rng.binomial(total, TWIN_SHARE))
        days = np.array([since // DAY])
        intake = Intake(days, counts[:, None], [(RISING, rising)], twins, 0)
        return born(self.world, rng, intake, since, until)

    def _deliver(self, since: int, until: int) -> None:
        cases, name = self.stock.cases, _name(until)
        last = last_event(cases, until)
        for number, channel in enumerate(CHANNELS):
            mine = cases["channel"] == number
            touched = cases[mine & (last >= since)]
            if len(touched):
                deliver(self.writer, channel, touched, until, name)
            if channel in FLOW_CHANNELS:
                lines = flow_lines(self.writer, cases[mine], since, until)
                if lines:
                    path = self.writer.path(f"flow_{channel}", name)
                    write_text(path, FLOW_FORM, lines)

    def _report(self, since: int, until: int) -> None:
        """Positions of those whose turn it is; with a new month the roster of the next."""
        which, folder = forces.reporting(since, until), self.writer.folder
        if len(which):
            forces.write_workers(self.world, folder, self.stock.seed, until, which)
        before, today = moment(since).date(), moment(until).date()
        if before.month != today.month:
            ahead = today + timedelta(days=31)
            forces.write_rosters(folder, ahead, ahead)

    def _warn(self, rng: np.random.Generator, since: int, until: int) -> None:
        """Those of the hour; of a silence that is caught up with, as many as in the history."""
        if until - since <= AT_ONCE:
            warnings = stories(self.world, self.stock.seed, since, until)
        else:
            warnings = alerts.drawn(self.world, rng, since, until)
        for warning in warnings:
            path = self.writer.folder / "alerts" / f"{warning.name}.xml"
            write_bytes(path, warning.xml)


def _name(until: int) -> str:
    return f"{moment(until):%Y%m%dT%H%M%S}"
