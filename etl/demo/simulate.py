"""The life of each case: reported, accepted, sent out, answered, closed, sometimes opened again."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from etl.demo.catalogue import CHANNELS, OPEN_ALL_DAY, TO_THE_MINUTE
from etl.demo.county import ADDRESSES
from etl.demo.world import (
    DAY,
    HOUR,
    MINUTE,
    NEVER,
    Floats,
    Ints,
    World,
    season_factors,
)

TIMES = ("reported", "accepted", "dispatched", "responded", "transferred") + (
    "extended",
    "raised",
    "closed",
    "reopened",
    "reclosed",
)
CASE = np.dtype(
    [("channel", "i1"), ("category", "i1"), ("address", "i1"), ("matter", "i1")]
    + [("request", "i1"), ("repeats", "i1"), ("people", "i2"), ("grid", "i2")]
    + [("cluster", "i1"), ("is_threat", "?"), ("is_return", "?"), ("point", "i1")]
    + [("first", "i1"), ("second", "i1"), ("outcome", "i1"), ("outcome_2", "i1")]
    + [("serial", "i4"), ("twin", "i4"), ("east", "f4"), ("north", "f4")]
    + [(name, "i8") for name in TIMES]
    + [("due", "i8"), ("due_2", "i8")]
)
NO_PLACE, POINT, PLACEHOLDER = 0, 1, 2
RESOLVED, UNRESOLVED, WITHDRAWN, JUDICIAL = range(4)
NOT_IN_CLUSTER = -1
JITTER = 6e-5  # degrees, about 6 m: how well people point
ACCEPTED_IN = np.array([5, 25, 40, 150, 8, 12]) * MINUTE  # median by channel
POINT_SHARE = (0.965, 0.995, 0.0, 0.86, 0.97, 0.0)  # by channel; the others give a grid, or nothing
PLACEHOLDER_SHARE = 0.015  # of the hotline
WITH_FLOW = 4  # the first so many channels have a flow log
ON_DUTY = 0.6  # of what comes outside office hours is sent on, and answered, at once
LATE_ACCEPTANCE, TRANSFERS, EXTENSIONS, REOPENED, RAISED = 0.03, 0.055, 0.22, 0.027, 0.004

Cases = NDArray[np.void]


@dataclass(frozen=True)
class Intake:
    """How many cases to draw: of each channel and cluster on each day, and copies of others."""

    days: Ints  # (n,) days since 1970
    counts: Ints  # (channels, n)
    clusters: list[tuple[int, Ints]]  # cluster, (n,) cases a day
    twins: int
    repeats: int


def born(world: World, rng: np.random.Generator, intake: Intake, since: int, until: int) -> Cases:
    """The cases of an intake with their whole lives, reported in [since, until), in time order."""
    cases = np.concatenate([_ordinary(world, rng, intake), _clustered(world, rng, intake)])
    _place_and_word(world, rng, cases)
    _into_window(rng, cases, since, until)
    cases["twin"] = -1
    cases = np.concatenate([cases, *_copies(world, rng, cases, intake, until)])
    _live(world, rng, cases)
    order = np.argsort(cases["reported"], kind="stable")
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    cases = cases[order]
    cases["twin"] = np.where(cases["twin"] >= 0, place[cases["twin"]], -1)
    return cases


def _ordinary(world: World, rng: np.random.Generator, intake: Intake) -> Cases:
    """One case for each count, with its channel, day, grid, category and hour."""
    size = int(intake.counts.sum())
    cases = np.zeros(size, CASE)
    cases["cluster"] = NOT_IN_CLUSTER
    channel, day = np.divmod(
        np.repeat(np.arange(intake.counts.size), intake.counts.ravel()), len(intake.days)
    )
    cases["channel"] = channel
    for number in range(len(CHANNELS)):
        of = channel == number
        cases["grid"][of] = np.searchsorted(world.grid_weights[number], rng.random(of.sum()))
    weights = season_factors(world.topics, intake.days)[:, None, None] * world.topic_weights
    in_town = world.county.is_urban[cases["grid"]]
    row = (day * len(CHANNELS) + channel) * 2 + in_town
    cases["category"] = _drawn(weights.reshape(-1, len(world.topics)), row, rng.random(size))
    cases["reported"] = intake.days[day] * DAY
    return cases


def _drawn(weights: Floats, row: Ints, chance: Floats) -> Ints:
    """For each chance the column of its row of `weights` that it falls into."""
    cumulated = np.cumsum(weights, axis=1)
    cumulated /= cumulated[:, -1:]
    flat = (cumulated + np.arange(len(weights))[:, None]).ravel()
    found = np.searchsorted(flat, row + chance, side="right")
    return np.minimum(found - row * weights.shape[1], weights.shape[1] - 1)


def _clustered(world: World, rng: np.random.Generator, intake: Intake) -> Cases:
    parts = [np.zeros(0, CASE)]
    codes = [topic.code for topic in world.topics]
    for number, counts in intake.clusters:
        cluster, grids = world.clusters[number], world.cluster_grids[number]
        cases = np.zeros(int(counts.sum()), CASE)
        shares = np.array(cluster.channels, dtype=float)
        cases["channel"] = rng.choice(len(CHANNELS), len(cases), p=shares / shares.sum())
        cases["grid"] = grids[rng.integers(0, len(grids), len(cases))]
        cases["category"] = codes.index(cluster.category)
        cases["cluster"] = number
        cases["reported"] = np.repeat(intake.days, counts) * DAY
        parts.append(cases)
    return np.concatenate(parts)


def _place_and_word(world: World, rng: np.random.Generator, cases: Cases) -> None:
    """Address, hour, wording and what the risk rules ask for."""
    size = len(cases)
    chance = rng.random((4, size))
    addresses = np.where(cases["cluster"] >= 0, 3, ADDRESSES)
    cases["address"] = (rng.random(size) ** 1.7 * addresses).astype(np.int64)
    kinds = world.topic_hours[cases["category"]]
    row = cases["channel"].astype(np.int64) * 3 + kinds
    steps = np.diff(world.hour_weights.reshape(-1, 24), axis=1, prepend=0.0)
    hour = _drawn(steps, row, chance[0])
    cases["reported"] += hour * HOUR + (chance[1] * HOUR).astype(np.int64)
    cases["matter"] = (chance[2] * world.topic_matters[cases["category"]]).astype(np.int64)
    cases["request"] = (chance[3] * 4).astype(np.int64)
    cases["people"] = _people(world, rng, cases)
    cases["repeats"] = 1
    cases["is_threat"] = rng.random(size) < 0.0025


def _people(world: World, rng: np.random.Generator, cases: Cases) -> Ints:
    """1 to 5 mostly, 10 and more for 3 %, 50 and more for 0.5 %; 2 % are not known (-1)."""
    few = 1 + rng.geometric(0.55, len(cases)).clip(1, 8) - 1
    chance, size = rng.random(len(cases)), rng.random(len(cases))
    crowds = np.array([cluster.crowd for cluster in world.clusters])
    crowd = np.where(cases["cluster"] >= 0, crowds[cases["cluster"]], 0.03)
    people = np.where(chance < crowd, 10 + (size * 30).astype(np.int64), few)
    people = np.where(chance < crowd / 4, 50 + (size**3 * 120).astype(np.int64), people)
    return np.where(chance > 0.98, -1, people)


def _into_window(rng: np.random.Generator, cases: Cases, since: int, until: int) -> None:
    """Times that lie outside [since, until) are drawn again inside their day."""
    day = cases["reported"] // DAY * DAY
    low, high = np.maximum(day, since), np.minimum(day + DAY, until)
    outside = (cases["reported"] < low) | (cases["reported"] >= high)
    again = low + (rng.random(len(cases)) * np.maximum(high - low, 1)).astype(np.int64)
    cases["reported"] = np.where(outside, np.minimum(again, until - 1), cases["reported"])


def _copies(
    world: World, rng: np.random.Generator, cases: Cases, intake: Intake, until: int
) -> tuple[Cases, Cases]:
    """Twins: the same matter by another channel within 36 hours. Repeats: the same one again."""
    if not len(cases):
        return cases, cases
    twin_of = rng.integers(0, len(cases), intake.twins)
    twins = cases[twin_of]
    speaks = world.topic_weights.sum(axis=1) > 0  # (channels, topics)
    for position in range(len(twins)):
        able = speaks[:, twins["category"][position]].copy()
        able[twins["channel"][position]] = False
        choice = np.flatnonzero(able[[0, 1, 4]])
        others = np.array([0, 1, 4])[choice] if len(choice) else np.array([0])
        twins["channel"][position] = others[rng.integers(0, len(others))]
    twins["twin"] = twin_of
    later = (10 * MINUTE + rng.random(len(twins)) * 36 * HOUR).astype(np.int64)
    _later(rng, twins, later, until)
    repeats = cases[rng.integers(0, len(cases), intake.repeats)]
    repeats["twin"] = -1
    repeats["repeats"] = rng.integers(2, 5, len(repeats))
    _later(rng, repeats, ((1 + rng.random(len(repeats)) * 20) * DAY).astype(np.int64), until)
    return twins, repeats


def _later(rng: np.random.Generator, cases: Cases, by: Ints, until: int) -> None:
    left = until - 1 - cases["reported"]
    shorter = (rng.random(len(cases)) * np.maximum(left, 0)).astype(np.int64)
    cases["reported"] += np.where(by < left, by, shorter)


def _live(world: World, rng: np.random.Generator, cases: Cases) -> None:
    """Every later time of each case, whether or not it has come yet."""
    _locate(rng, cases)
    _take_in(world, rng, cases)
    limit, used = _work(world, rng, cases)
    _extend(world, rng, cases, limit, used)
    _pass_on(world, rng, cases)
    _open_again(world, rng, cases, limit)
    _raise(rng, cases)
    _only_what_is_told(cases)
    _to_the_minute(cases)


def _locate(rng: np.random.Generator, cases: Cases) -> None:
    """Whether the case has a point (or, from those without points, a grid code), and which."""
    size, channel = len(cases), cases["channel"]
    chance = rng.random(size)
    by_code = np.isin(channel, (2, 5))
    point = np.where(by_code, chance < 0.94, chance < np.array(POINT_SHARE)[channel])
    placeholder = (channel == 0) & (chance > 1 - PLACEHOLDER_SHARE)
    cases["point"] = np.select([placeholder, point], [PLACEHOLDER, POINT], NO_PLACE)
    cases["east"] = rng.standard_normal(size, dtype=np.float32) * JITTER
    cases["north"] = rng.standard_normal(size, dtype=np.float32) * JITTER


def _take_in(world: World, rng: np.random.Generator, cases: Cases) -> None:
    """Acceptance, dispatch, first response, department."""
    size, category = len(cases), cases["category"]
    hurried = world.limit_hours[category, world.topic_department[category]] > 0
    wait = ACCEPTED_IN[cases["channel"]] * rng.lognormal(0, 0.8, size)
    wait *= np.where(rng.random(size) < LATE_ACCEPTANCE, 60, 1)
    wait = np.where(hurried, np.minimum(wait, 40 * MINUTE) / 3, wait)
    accepted = cases["reported"] + np.minimum(wait, 9 * DAY).astype(np.int64) + MINUTE
    by_day = ~np.array(OPEN_ALL_DAY)[cases["channel"]]
    opening = world.clock.opening(accepted, rng.random(size))
    cases["accepted"] = np.where(by_day, opening, accepted)
    sent = cases["accepted"] + (rng.lognormal(3.1, 0.9, size) * MINUTE).astype(np.int64)
    opening = world.clock.opening(sent, rng.random(size))
    on_duty = hurried | (~by_day & (rng.random(size) < ON_DUTY))
    cases["dispatched"] = np.where(on_duty, sent, opening)
    other = rng.random(size) < 0.12
    right = np.where(other, world.topic_second[category], world.topic_department[category])
    cases["first"], cases["second"] = right, right
    wait = rng.lognormal(3.9, 0.8, size) * MINUTE * (0.5 + world.pace[right])
    answered = cases["dispatched"] + wait.astype(np.int64) + 60
    opening = world.clock.opening(answered, rng.random(size))
    quick = cases["dispatched"] + (wait / 6).astype(np.int64) + 60
    stays = on_duty & (rng.random(size) < ON_DUTY)
    cases["responded"] = np.where(hurried, quick, np.where(stays, answered, opening))


def _work(world: World, rng: np.random.Generator, cases: Cases) -> tuple[Floats, Floats]:
    """Closure and deadline; returns the limit in work days and the share of it that is used."""
    size, category, department = len(cases), cases["category"], cases["second"]
    days, hours = world.limit_days[category, department], world.limit_hours[category, department]
    used = world.pace[department] * rng.lognormal(-0.12, 0.52, size)
    stuck = rng.random(size) < world.stuck[department]
    used *= np.where(stuck, 3 + 22 * rng.random(size) ** 2, 1)
    soon = cases["responded"] + (5 + 90 * rng.random(size)).astype(np.int64) * MINUTE
    by_hours = cases["accepted"] + (hours * used * HOUR).astype(np.int64)
    by_days = world.clock.after(cases["accepted"], days * used, rng.random(size))
    cases["closed"] = np.maximum(np.where(hours > 0, by_hours, by_days), soon)
    by_days = world.clock.deadline(cases["accepted"], days.astype(np.int64))
    cases["due"] = np.where(hours > 0, cases["accepted"] + (hours * HOUR).astype(np.int64), by_days)
    cases["due_2"] = cases["due"]
    dispute = world.topic_is_dispute[category]
    cases["outcome"] = _outcome(rng, dispute, world.pace[department])
    return days, used


def _outcome(rng: np.random.Generator, dispute: NDArray[np.bool_], pace: Floats) -> Ints:
    chance = rng.random(len(dispute))
    failing = np.where(dispute, 0.03 + 0.12 * pace, 0.012)
    bounds = [chance < failing, chance < failing + 0.012, dispute & (chance < failing + 0.04)]
    return np.select(bounds, [UNRESOLVED, WITHDRAWN, JUDICIAL], RESOLVED)


def _extend(
    world: World, rng: np.random.Generator, cases: Cases, limit: Floats, used: Floats
) -> None:
    """Some that run out of time get five or ten work days more, before the time is over."""
    wanted = (limit >= 5) & (used > 0.8) & (rng.random(len(cases)) < EXTENSIONS)
    asked = world.clock.after(cases["accepted"], limit * 0.72, rng.random(len(cases)))
    asked = np.maximum(asked, cases["responded"] + 10 * MINUTE)
    wanted &= (asked < cases["due"]) & (asked < cases["closed"] - 10 * MINUTE)
    more = world.clock.deadline(cases["due"], np.where(limit >= 10, 10, 5))
    cases["due_2"] = np.where(wanted, more, cases["due"])
    cases["extended"] = np.where(wanted, asked, NEVER)


def _pass_on(world: World, rng: np.random.Generator, cases: Cases) -> None:
    """Some went to a wrong department and were passed on, or sent back and out again."""
    size, category = len(cases), cases["category"]
    wait = (rng.lognormal(1.2, 0.8, size) * HOUR).astype(np.int64) + 10 * MINUTE
    passed = world.clock.opening(cases["responded"] + wait, rng.random(size))
    wrong = np.where(
        cases["second"] == world.topic_department[category],
        world.topic_second[category],
        world.topic_department[category],
    )
    chance = rng.random(size)
    happens = (chance < TRANSFERS) & (passed < cases["closed"] - 30 * MINUTE)
    happens &= (wrong != cases["second"]) & (passed != cases["extended"])
    cases["first"] = np.where(happens, wrong, cases["first"])
    cases["transferred"] = np.where(happens, passed, NEVER)
    cases["is_return"] = happens & (chance < TRANSFERS * 0.4)


def _open_again(world: World, rng: np.random.Generator, cases: Cases, limit: Floats) -> None:
    """A few closed ones are opened again within three weeks, and closed a second time."""
    size = len(cases)
    happens = (rng.random(size) < REOPENED) & (cases["outcome"] <= UNRESOLVED)
    happens &= cases["closed"] < world.clock.horizon
    closed = np.where(happens, cases["closed"], cases["reported"])
    again = world.clock.after(closed, 1 + 15 * rng.random(size) ** 2, rng.random(size))
    work = 1 + np.maximum(limit, 2) * 0.7 * rng.lognormal(0, 0.6, size)
    reclosed = world.clock.after(again, np.where(happens, work, 0), rng.random(size))
    cases["reopened"] = np.where(happens, again, NEVER)
    cases["reclosed"] = np.where(happens, np.maximum(reclosed, again + HOUR), NEVER)
    cases["outcome_2"] = np.where(rng.random(size) < 0.8, RESOLVED, UNRESOLVED)


def _raise(rng: np.random.Generator, cases: Cases) -> None:
    """The risk of a few is raised by hand some days on."""
    size = len(cases)
    later = cases["responded"] + (rng.random(size) * 3 * DAY).astype(np.int64) + 5 * MINUTE
    happens = (rng.random(size) < RAISED) & (later < cases["closed"]) & (cases["people"] >= 0)
    cases["raised"] = np.where(happens & (cases["people"] < 10), later, NEVER)


def _only_what_is_told(cases: Cases) -> None:
    """Without a flow log a system can tell neither of passing on nor of opening again."""
    untold = cases["channel"] >= WITH_FLOW
    cases["first"] = np.where(untold, cases["second"], cases["first"])
    cases["due_2"] = np.where(untold, cases["due"], cases["due_2"])
    for name in ("transferred", "extended", "raised", "reopened", "reclosed"):
        cases[name] = np.where(untold, NEVER, cases[name])


def _to_the_minute(cases: Cases) -> None:
    rounded = np.array(TO_THE_MINUTE)[cases["channel"]]
    for name in (*TIMES, "due", "due_2"):
        whole = cases[name] // MINUTE * MINUTE
        cases[name] = np.where(rounded & (cases[name] < NEVER), whole, cases[name])
