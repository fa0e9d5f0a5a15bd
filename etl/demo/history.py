"""Writes the whole history of the demo county: month by month, the last days in smaller pieces."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from etl.demo import aftercare, alerts, county, forces
from etl.demo.catalogue import CHANNELS, SHARES
from etl.demo.concerned import PARTIES, party_rows
from etl.demo.deliver import (
    FLOW_CHANNELS,
    FLOW_FORM,
    FORMS,
    Writer,
    as_of,
    flow_lines,
    last_event,
    lines_of,
    write_bytes,
    write_text,
    write_workbook,
)
from etl.demo.dirt import Dirt, Sheet
from etl.demo.simulate import NOT_IN_CLUSTER, Cases, Intake, born
from etl.demo.stock import Stock
from etl.demo.wording import words
from etl.demo.world import DAY, HOUR, NEVER, Ints, World, day_weights, moment, world

TWIN_SHARE, REPEAT_SHARE = 0.01, 0.015
HOURLY = ("hotline_12345", "grid_app")  # the others hand over once a day
DAILY_TAIL = 3  # so many whole days before the last one are delivered day by day
SHEET = "纠纷台账"
ZONE = "Asia/Shanghai"
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Period:
    """One delivery: what happened in [since, until) (seconds), and the date in its file names."""

    since: int
    until: int
    name: str
    is_hour: bool = False
    is_last_day: bool = False


@dataclass
class Manifest:
    """What was written: the figures to expect of the edition; saved in planted.json."""

    seed: int
    since: str
    end: str
    cases: int = 0  # distinct matters that should be loaded
    by_channel: dict[str, int] = field(default_factory=dict)
    closed: int = 0  # at the end
    open: int = 0
    reopened: int = 0  # by the end
    transferred: int = 0
    overdue_open: int = 0  # past the deadline as drawn, before the rules for red cases
    twins: int = 0
    alerts: int = 0
    rows: dict[str, int] = field(default_factory=dict)  # delivered by source, dirt included
    clusters: dict[str, dict] = field(default_factory=dict)
    dirt: dict[str, int] = field(default_factory=dict)  # kind -> how many
    files: int = 0


def generate(
    folder: Path,
    *,
    cases: int,
    days: int = 548,
    seed: int = 1,
    end: datetime | None = None,
    progress: Progress | None = None,
) -> Manifest:
    """Write to `folder` the layers and the deliveries of `cases` matters in `days` before `end`.

    `end` is naive, in the county's time, now by default; nothing later is told. The same arguments
    write the same bytes. What was planted is written last: folder/planted.json (the manifest, and
    every fault with its file, line and expected fate) and folder/planted. `progress` gets a title,
    the months done and all months.
    """
    place = world(end or now(), days)
    county.write(place.county, folder)
    run = _Run(place, Writer(place, words(place), folder), seed)
    plan = _plan(place, cases, np.random.default_rng([seed, 1]))
    chunks = _chunks(place)
    for number, periods in enumerate(chunks):
        run.month(periods, plan)
        if progress:
            progress("写出演示县的来源文件", number + 1, len(chunks))
    return run.finish(cases)


@dataclass(frozen=True)
class _Plan:
    """How many cases of every channel, cluster and copy on every day."""

    days: Ints
    counts: Ints  # (channels, days)
    clusters: Ints  # (clusters, days)
    copies: Ints  # (2, days): twins, repeats

    def intake(self, first_day: int, last_day: int) -> Intake:
        within = (self.days >= first_day) & (self.days <= last_day)
        clusters = [(n, self.clusters[n, within]) for n in range(len(self.clusters))]
        twins, repeats = self.copies[:, within].sum(axis=1).tolist()
        return Intake(self.days[within], self.counts[:, within], clusters, twins, repeats)


class _Run:
    """The history being written; what is open goes from one month to the next."""

    def __init__(self, place: World, writer: Writer, seed: int) -> None:
        self.world, self.writer, self.seed = place, writer, seed
        self.stock = Stock.empty(seed, place.end)
        self.dirt = Dirt(seed)
        since, end = moment(place.first_day * DAY), moment(place.end)
        self.manifest = Manifest(seed, since.isoformat(), end.isoformat())
        self.twins: list[tuple[str, str, str, str]] = []
        self.cluster_counts = np.zeros(len(place.clusters), np.int64)

    def month(self, periods: list[Period], plan: _Plan) -> None:
        since, until = periods[0].since, periods[-1].until
        rng = np.random.default_rng([self.seed, 2, since])
        intake = plan.intake(since // DAY, (until - 1) // DAY)
        new = self.stock.numbered(born(self.world, rng, intake, since, until))
        self._note(new)
        self.stock.cases = np.concatenate([self.stock.cases, new])
        for period in periods:
            for channel in CHANNELS:
                self._deliver(channel, period)
            self._warn(period)
            self._follow_up(period)
        self._count(self.stock.forget(until))

    def finish(self, cases: int) -> Manifest:
        manifest, folder = self.manifest, self.writer.folder
        self._count(self.stock.cases)
        self._ready()
        manifest.cases = sum(manifest.by_channel.values())
        manifest.open = manifest.cases - manifest.closed
        manifest.dirt = self.dirt.counts()
        days = (self.world.end - self.world.first_day * DAY) / DAY
        self.stock.rate = cases / days
        for number, cluster in enumerate(self.world.clusters):
            grids = self.world.cluster_grids[number]
            manifest.clusters[cluster.key] = asdict(cluster) | {
                "cases": int(self.cluster_counts[number]),
                "grids_codes": [self.world.county.grids.codes[grid] for grid in grids],
            }
        planted = folder / "planted"
        write_bytes(planted / "twins.csv", _twin_table(self.twins))
        self.stock.save(folder)
        content = asdict(manifest) | {"faults": self.dirt.records}
        write_bytes(folder / "planted.json", _json(content))
        return manifest

    def _deliver(self, channel: str, period: Period) -> None:
        if (channel in HOURLY and period.is_last_day) or (channel not in HOURLY and period.is_hour):
            return
        stock = self.stock.cases
        mine = stock[(stock["channel"] == CHANNELS.index(channel))]
        mine = mine[mine["reported"] < period.until]
        last = last_event(mine, period.until)
        touched = mine[last >= period.since]
        touched = touched[np.argsort(last[last >= period.since], kind="stable")]
        rows = deliver(self.writer, channel, touched, period.until, period.name, self.dirt)
        self._wrote(channel, rows)
        if channel in FLOW_CHANNELS:
            lines = flow_lines(self.writer, mine, period.since, period.until)
            name = f"flow_{channel}"
            sheet = self.dirt.flow(name, period.name, lines)
            if sheet or not period.is_hour:
                write_text(self.writer.path(name, period.name), FLOW_FORM, sheet)
                self._wrote(name, len(sheet))

    def _warn(self, period: Period) -> None:
        if period.is_last_day:
            return
        rng = np.random.default_rng([self.seed, 3, period.since])
        warnings = alerts.drawn(self.world, rng, period.since, period.until)
        folder = self.writer.folder / "alerts"
        if period.until - period.since > 2 * DAY:
            if warnings:
                write_bytes(folder / f"alerts_{period.name}.zip", alerts.archive(warnings))
        else:
            for warning in warnings:
                write_bytes(folder / f"{warning.name}.xml", warning.xml)
        self.manifest.alerts += len(warnings)

    def _follow_up(self, period: Period) -> None:
        if period.is_hour:
            return
        rng = np.random.default_rng([self.seed, 6, period.since])
        for name, rows in follow_up(self.writer, rng, self.stock, period).items():
            self._wrote(name, rows)
        if rows := list_parties(self.writer, self.stock, period):
            self._wrote("parties", rows)

    def _ready(self) -> None:
        """Who and what stands ready at the end: rosters of three months, positions, resources."""
        folder, end = self.writer.folder, moment(self.world.end)
        everybody = np.arange(forces.WORKERS)
        first, last = (end - timedelta(days=45)).date(), (end + timedelta(days=31)).date()
        workers = forces.write_workers(self.world, folder, self.seed, self.world.end, everybody)
        self._wrote("grid_workers", workers)
        self._wrote("duty", forces.write_rosters(folder, first, last))
        resources = forces.write_resources(self.world.county, folder, end.date())
        self._wrote("resources", resources)

    def _wrote(self, source: str, rows: int) -> None:
        self.manifest.rows[source] = self.manifest.rows.get(source, 0) + rows
        self.manifest.files += 1

    def _note(self, new: Cases) -> None:
        """Counts what is planted, and names the pairs that are one matter."""
        counted = np.bincount(new["cluster"][new["cluster"] != NOT_IN_CLUSTER] + 0)
        self.cluster_counts[: len(counted)] += counted
        second = np.flatnonzero(new["twin"] >= 0)
        first = new["twin"][second]
        names = (self.writer.keys(new[first]), self.writer.keys(new[second]))
        channels = np.array(CHANNELS, dtype=object)
        pairs = (channels[new["channel"][first]], names[0])
        others = (channels[new["channel"][second]], names[1])
        self.twins += list(zip(*pairs, *others, strict=True))
        self.manifest.twins += len(second)

    def _count(self, cases: Cases) -> None:
        manifest, end = self.manifest, self.world.end
        seen = as_of(cases, end)
        for number, channel in enumerate(CHANNELS):
            count = int((cases["channel"] == number).sum())
            manifest.by_channel[channel] = manifest.by_channel.get(channel, 0) + count
        is_open = seen.closed == NEVER
        manifest.closed += int((~is_open).sum())
        manifest.reopened += int((cases["reopened"] < end).sum())
        manifest.transferred += int((cases["transferred"] < end).sum())
        manifest.overdue_open += int((is_open & (seen.due < end)).sum())


def now() -> datetime:
    """The time in the county, naive, whole seconds."""
    return datetime.now(ZoneInfo(ZONE)).replace(tzinfo=None, microsecond=0)


def deliver(
    writer: Writer, channel: str, cases: Cases, until: int, name: str, dirt: Dirt | None = None
) -> int:
    """Write one file of a channel with the cases as they stood at `until`; returns its rows."""
    form, path = FORMS[channel], writer.path(channel, name)
    columns = writer.columns(channel, cases, as_of(cases, until))
    if form.template is None:
        rows = list(zip(*columns, strict=True))
        if dirt:
            rows = dirt.workbook(channel, name, form, rows, _settled(cases, until))
        write_workbook(path, SHEET, form.header, rows)
        return len(rows)
    settled = _settled(cases, until) if dirt else np.zeros(0, np.int64)
    sheet = Sheet(channel, name, form, list(form.header), columns, settled)
    if dirt:
        dirt.text(sheet)
    lines = sheet.lines if sheet.lines is not None else lines_of(form, columns)
    write_text(path, form, lines, sheet.header)
    return len(lines)


def follow_up(
    writer: Writer, rng: np.random.Generator, stock: Stock, period: Period
) -> dict[str, int]:
    """Plan what follows from the closures of a period and tell what came of it; rows by source."""
    since, until = period.since, period.until
    new = aftercare.planned(writer.world, rng, stock.cases, since, until)
    stock.calls = np.concatenate([stock.calls, new])
    told = aftercare.told(stock.calls, since, until)
    stock.calls = aftercare.going_on(stock.calls, until)
    tables = {
        "follow_ups": (aftercare.FOLLOW_UPS, aftercare.follow_up_rows(writer, told, until)),
        "evaluations": (aftercare.EVALUATIONS, aftercare.evaluation_rows(writer, told)),
    }
    for name, (form, columns) in tables.items():
        if columns[0]:
            write_text(writer.path(name, period.name), form, lines_of(form, columns))
    return {name: len(columns[0]) for name, (_, columns) in tables.items() if columns[0]}


def list_parties(writer: Writer, stock: Stock, period: Period) -> int:
    """Tell who is concerned by the cases reported in a period; returns the number of rows."""
    reported = stock.cases["reported"]
    new = stock.cases[(reported >= period.since) & (reported < period.until)]
    columns = party_rows(writer, new)
    if columns[0]:
        write_text(writer.path("parties", period.name), PARTIES, lines_of(PARTIES, columns))
    return len(columns[0])


def _settled(cases: Cases, until: int) -> Ints:
    """The positions of the cases to which nothing more happens."""
    return np.flatnonzero(last_event(cases, NEVER) < until)


def _plan(place: World, cases: int, rng: np.random.Generator) -> _Plan:
    """Exactly `cases` matters over the days; the last day counts as far as it has gone."""
    days = np.arange(place.first_day, place.last_day + 1)
    part = np.ones(len(days))
    part[-1] = (place.end - place.last_day * DAY) / DAY
    clusters = _cluster_days(place, days, cases, rng)
    copies = np.array([int(cases * TWIN_SHARE), int(cases * REPEAT_SHARE)])
    ordinary = cases - int(clusters.sum()) - int(copies.sum())
    by_channel = np.array(SHARES) / sum(SHARES) * ordinary
    parts = by_channel.astype(np.int64)
    parts[np.argsort(parts - by_channel, kind="stable")[: ordinary - parts.sum()]] += 1
    counts = np.empty((len(CHANNELS), len(days)), np.int64)
    for number in range(len(CHANNELS)):
        weights = day_weights(number, days, place.clock, place.site) * part
        growth = 1 + 0.12 * np.arange(len(days)) / len(days)
        weights = weights * growth
        counts[number] = rng.multinomial(parts[number], weights / weights.sum())
    busy = counts.sum(axis=0) * (part > 0.05)
    share = busy / busy.sum()
    spread = np.array([rng.multinomial(n, share) for n in copies])
    return _Plan(days, counts, clusters, spread)


def _cluster_days(place: World, days: Ints, cases: int, rng: np.random.Generator) -> Ints:
    """(clusters, days) counts; a cluster that lies before the first day is left out."""
    counts = np.zeros((len(place.clusters), len(days)), np.int64)
    ago = place.last_day - days
    for number, cluster in enumerate(place.clusters):
        during = (ago <= cluster.first_day) & (ago >= cluster.last_day)
        if not during.any():
            continue
        weeks = (cluster.first_day - ago) / 7
        rise = 0.25 + weeks if cluster.is_rising else np.ones(len(days))
        weights = np.where(during, rise, 0.0)
        total = min(max(round(cluster.per_100k * cases / 100_000), 8), cases // 40)
        counts[number] = rng.multinomial(total, weights / weights.sum())
    return counts


def _chunks(place: World) -> list[list[Period]]:
    """The periods of each month; the last days one by one, the last day for some hour by hour."""
    today = place.last_day
    tail = max(place.first_day, today - DAILY_TAIL)
    chunks, since = [], place.first_day
    while since < tail:
        month = np.datetime64(since, "D").astype("datetime64[M]")
        until = min(int((month + 1).astype("datetime64[D]").astype(np.int64)), tail)
        chunks.append([Period(since * DAY, until * DAY, f"{month}")])
        since = until
    days = [Period(d * DAY, (d + 1) * DAY, _day_name(d)) for d in range(tail, today)]
    last = [
        Period(t, min(t + HOUR, place.end), f"{moment(t):%Y%m%dT%H%M}", is_hour=True)
        for t in range(today * DAY, place.end, HOUR)
    ]
    whole = Period(today * DAY, place.end, _day_name(today), is_last_day=True)
    return [*chunks, [*days, *last, whole]]


def _day_name(day: int) -> str:
    return f"{moment(day * DAY):%Y%m%d}"


def _json(content: object) -> bytes:
    return (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode()


def _twin_table(pairs: list[tuple[str, str, str, str]]) -> bytes:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("source", "key", "other_source", "other_key"))
    table.writerows(pairs)
    return text.getvalue().encode()
