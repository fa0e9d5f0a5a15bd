"""What the simulation draws from: weights of places, kinds and hours, limits, office clock."""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.site import Site, load_site
from etl.demo import catalogue, county
from etl.demo.catalogue import CHANNELS, Cluster, Topic
from etl.source import Source, load_sources
from rules.calendar import Calendar
from rules.deadlines import Limit, TimeLimits

SITE = Path(__file__).parents[2] / "sites" / "demo"
NEVER = 2**62  # a time that does not come
DAY, HOUR, MINUTE = 86_400, 3_600, 60
OPENS, CLOSES = 8 * HOUR + 30 * MINUTE, 18 * HOUR
BEYOND = 900  # days after the end for which the office clock goes on
HOUR_KINDS = ("day", "evening", "night")

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class OfficeClock:
    """Work days as whole numbers; times are seconds of the local clock since 1970."""

    first: int  # the day (since 1970) of position 0
    works: NDArray[np.bool_]
    before: Ints  # work days before each day
    work_days: Ints  # positions of the work days

    @classmethod
    def of(cls, calendar: Calendar, first: int, days: int) -> "OfficeClock":
        span = np.datetime64(first, "D") + np.arange(days)
        works = calendar.is_work_day(span)
        before = np.concatenate([[0], np.cumsum(works)])
        return cls(first, works, before, np.flatnonzero(works))

    @property
    def horizon(self) -> int:
        """Nothing is reckoned from a time after this one: two months before the days run out."""
        return (self.first + len(self.works) - 60) * DAY

    def opening(self, t: Ints, lateness: Floats) -> Ints:
        """t where the offices are open, else up to 50 minutes after they next open."""
        day, clock = t // DAY - self.first, t % DAY
        open_now = self.works[day] & (clock >= OPENS) & (clock < CLOSES)
        today = self.works[day] & (clock < OPENS)
        next_day = self.work_days[self.before[np.where(today, day, day + 1)]]
        later = (next_day + self.first) * DAY + OPENS + (lateness * 50 * MINUTE).astype(np.int64)
        return np.where(open_now, t, later)

    def after(self, t: Ints, work_days: Floats, clock: Floats) -> Ints:
        """Some time in office hours (`clock`: 0..1) so many work days after t; NEVER if too far."""
        position = self.before[t // DAY - self.first] + np.minimum(work_days, 1e6).astype(np.int64)
        far = position >= len(self.work_days)
        day = self.work_days[np.where(far, 0, position)] + self.first
        moment = day * DAY + OPENS + (clock * (CLOSES - OPENS)).astype(np.int64)
        return np.where(far, NEVER, moment)

    def deadline(self, t: Ints, work_days: Ints) -> Ints:
        """The same clock time that many work days on, as rules.calendar counts them."""
        day = t // DAY - self.first
        start = self.work_days[self.before[day]]
        clock = np.where(self.works[day], t % DAY, 0)
        return (self.work_days[self.before[start] + work_days] + self.first) * DAY + clock


@dataclass(frozen=True)
class World:
    """Everything that does not change while cases are drawn."""

    site: Site
    sources: dict[str, Source]
    county: county.County
    topics: list[Topic]
    departments: list[str]
    clock: OfficeClock
    end: int  # seconds
    first_day: int
    topic_department: Ints
    topic_second: Ints
    topic_hours: Ints  # position in HOUR_KINDS
    topic_is_dispute: NDArray[np.bool_]
    topic_matters: Ints  # how many wordings
    limit_days: Floats  # (topics, departments) work days; 0 where the limit is in hours
    limit_hours: Floats  # (topics, departments); 0 where it is in work days
    pace: Floats  # (departments,)
    stuck: Floats
    grid_weights: Floats  # (channels, grids) cumulated
    topic_weights: (
        Floats  # (channels, 2, topics): outside, in town; 0 = the channel has no word for it
    )
    hour_weights: Floats  # (channels, 3, 24) cumulated
    clusters: tuple[Cluster, ...]
    cluster_grids: list[Ints]

    @property
    def last_day(self) -> int:
        return (self.end - 1) // DAY


def world(end: datetime, days: int) -> World:
    """The world of a history of `days` days before `end` (naive, local)."""
    site = load_site(SITE)
    sources = load_sources(SITE, site)
    topics, land = catalogue.topics(), county.build()
    departments = [row.code for row in site.departments]
    position = {code: n for n, code in enumerate(departments)}
    end_s = seconds(end)
    first_day = (end_s - 1) // DAY - days + 1
    limits, calendar = _limits(site)
    in_days, in_hours = _limit_tables(limits, topics, departments)
    paces = [catalogue.PACES[code] for code in departments]
    return World(
        site,
        sources,
        land,
        topics,
        departments,
        OfficeClock.of(calendar, first_day - 10, days + BEYOND),
        end_s,
        first_day,
        np.array([position[t.department] for t in topics]),
        np.array([position[t.second] for t in topics]),
        np.array([HOUR_KINDS.index(t.hours) for t in topics]),
        np.array([t.code[0] == "D" for t in topics]),
        np.array([len(t.matters) for t in topics]),
        in_days,
        in_hours,
        np.array([pace.share for pace in paces]),
        np.array([pace.stuck for pace in paces]),
        _grid_weights(land),
        _topic_weights(topics, sources),
        _hour_weights(),
        catalogue.CLUSTERS,
        [_cluster_grids(cluster, land) for cluster in catalogue.CLUSTERS],
    )


def seconds(moment: datetime) -> int:
    """Seconds of the local clock since 1970."""
    return int(np.datetime64(moment, "s").astype(np.int64))


def moment(seconds: int) -> datetime:
    """The naive local time of `seconds`."""
    return np.datetime64(int(seconds), "s").astype(datetime)


def day_weights(channel: int, days: Ints, calendar: OfficeClock, site: Site) -> Floats:
    """How busy each day is: weekday, public holidays, the week of the Spring Festival."""
    weekday = (days + 3) % 7
    weight = np.array(catalogue.WEEKDAYS[channel])[weekday]
    holidays = {_day(row.day) for row in site.calendar if row.kind == "holiday"}
    swapped = {_day(row.day) for row in site.calendar if row.kind == "workday"}
    weight = np.where(np.isin(days, list(swapped)), catalogue.WEEKDAYS[channel][0], weight)
    weight = np.where(np.isin(days, list(holidays)), catalogue.HOLIDAYS[channel], weight)
    for festival in catalogue.SPRING_FESTIVALS:
        since = days - _day(festival)
        weight = np.where((since >= -1) & (since <= 5), catalogue.SPRING_WEEK[channel], weight)
    return weight * (1 + 0.06 * np.sin(days / 11.0))  # no two weeks are quite alike


def season_factors(topics: list[Topic], days: Ints) -> Floats:
    """(days, topics): the seasons, and the wage peak in the weeks before the Spring Festival."""
    months = (np.datetime64(0, "D") + days).astype("datetime64[M]").astype(np.int64) % 12
    factors = np.ones((len(days), len(topics)))
    for column, topic in enumerate(topics):
        if topic.code in catalogue.SEASONS:
            factors[:, column] = np.array(catalogue.SEASONS[topic.code])[months]
    wages = [topic.code for topic in topics].index("D0701")
    for festival in catalogue.SPRING_FESTIVALS:
        ahead = _day(festival) - days
        peak = np.where((ahead > 0) & (ahead <= 35), 1 + 2.5 * (1 - ahead / 36), 1.0)
        factors[:, wages] *= peak
    return factors


def _day(text: str) -> int:
    return (date.fromisoformat(text) - date(1970, 1, 1)).days


def _limits(site: Site) -> tuple[TimeLimits, Calendar]:
    calendar = Calendar.of_days([(date.fromisoformat(d.day), d.kind) for d in site.calendar])
    limits = tuple(Limit(**limit.model_dump()) for limit in site.time_limits)
    return TimeLimits(limits, calendar), calendar


def _limit_tables(
    limits: TimeLimits, topics: list[Topic], departments: list[str]
) -> tuple[Floats, Floats]:
    codes = np.array([topic.code for topic in topics], dtype=object)[:, None]
    names = np.array(departments, dtype=object)[None, :]
    found = [limits.limits[n] for n in limits.find(codes, names, "-").ravel()]
    days = [float(limit.amount) if limit.unit == "work_days" else 0.0 for limit in found]
    hours = [
        float(limit.amount) * (24 if limit.unit == "days" else 1) if not d else 0.0
        for limit, d in zip(found, days, strict=True)
    ]
    shape = (len(topics), len(departments))
    return np.array(days).reshape(shape), np.array(hours).reshape(shape)


def _grid_weights(land: county.County) -> Floats:
    """By channel: people, some places livelier than others; mediation and petitions more rural."""
    lively = np.random.default_rng(county.SEED + 3).lognormal(0, 0.5, county.GRIDS)
    base = land.grids.population**0.9 * lively
    rural = np.array([1.0, 1.15, 1.7, 1.8, 0.9, 1.3])[:, None]
    weights = base * np.where(land.is_urban, 1.0, rural)
    cumulated = np.cumsum(weights, axis=1)
    return cumulated / cumulated[:, -1:]


def _topic_weights(topics: list[Topic], sources: dict[str, Source]) -> Floats:
    weights = np.zeros((len(CHANNELS), 2, len(topics)))
    for number, channel in enumerate(CHANNELS):
        known = set(sources[channel].lookups["category"].values())
        for column, topic in enumerate(topics):
            if topic.code in known:
                by_place = np.array([topic.outside, topic.in_town])
                weights[number, :, column] = by_place * topic.channels[number]
    return weights


def _hour_weights() -> Floats:
    rows = [
        [catalogue.HOURS[k] if open_ else catalogue.OFFICE_HOURS for k in HOUR_KINDS]
        for open_ in catalogue.OPEN_ALL_DAY
    ]
    cumulated = np.cumsum(np.array(rows, dtype=float), axis=2)
    return cumulated / cumulated[..., -1:]


def _cluster_grids(cluster: Cluster, land: county.County) -> Ints:
    """The most populous grids of the cluster's town, a different one for each cluster of a town."""
    inside = np.flatnonzero(land.town_of == cluster.town)
    busy = inside[np.argsort(-land.grids.population[inside], kind="stable")]
    return busy[: cluster.grids]
