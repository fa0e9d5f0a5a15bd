"""The words of the deliveries: addresses, matters, each system's own vocabulary, times as text."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from etl.demo import catalogue
from etl.demo.catalogue import CHANNELS
from etl.demo.county import ADDRESSES, LAND, MANSIONS, SEED, County
from etl.demo.world import DAY, NEVER, Ints, World

Texts = NDArray[np.object_]

STATUSES = ("20", "30", "50", "60", "62", "80", "88")
OUTCOMES = ("resolved", "unresolved", "withdrawn", "judicial")
STYLES = {  # day, clock
    "dash": ("{0:%Y-%m-%d} ", "{h:02d}:{m:02d}:{s:02d}"),
    "slash": ("{0:%Y/%m/%d} ", "{h:02d}:{m:02d}"),
    "dot": ("{0:%Y.%m.%d} ", "{h:02d}:{m:02d}"),
    "cn": ("{0.year}年{0.month}月{0.day}日 ", "{h}时{m}分"),
}


@dataclass(frozen=True)
class Vocabulary:
    """One system's own words by our positions; unknown ones are empty."""

    category: Texts
    department: Texts  # one more at the end, for no department
    status: Texts  # by position in STATUSES
    outcome: Texts  # by position in OUTCOMES, one more at the end for none


class ClockTexts:
    """Times as text in one style; NEVER as the empty text."""

    def __init__(self, style: str, first_day: int, days: int) -> None:
        day_form, clock_form = STYLES[style]
        self.first = first_day
        start = date(1970, 1, 1) + timedelta(days=first_day)
        texts = [day_form.format(start + timedelta(days=n)) for n in range(days)]
        self.days = np.array([*texts, ""], dtype=object)
        step = 1 if "{s" in clock_form else 60
        every = ((n // 3600, n // 60 % 60, n % 60) for n in range(0, DAY, step))
        clocks = [clock_form.format(h=h, m=m, s=s) for h, m, s in every]
        self.clocks = np.append(np.repeat(np.array(clocks, dtype=object), step), "")

    def __call__(self, seconds: Ints) -> list[str]:
        known = seconds < NEVER
        day = np.where(known, seconds // DAY - self.first, len(self.days) - 1)
        clock = np.where(known, seconds % DAY, DAY)
        return (self.days[day] + self.clocks[clock]).tolist()


@dataclass(frozen=True)
class Words:
    """All texts of one world."""

    address: Texts  # (grids * ADDRESSES,)
    matter: Texts  # (topics, most wordings)
    vocabularies: dict[str, Vocabulary]
    department_names: Texts  # the site's own, one more at the end
    clocks: dict[str, ClockTexts]


def words(world: World) -> Words:
    """The texts of a world."""
    most = max(len(topic.matters) for topic in world.topics)
    matters = [
        [topic.matters[n % len(topic.matters)] for n in range(most)] for topic in world.topics
    ]
    first, days = world.first_day - 1, world.last_day - world.first_day + 1200
    return Words(
        _addresses(world.county),
        np.array(matters, dtype=object),
        {channel: vocabulary(world, channel) for channel in CHANNELS},
        np.array([*(row.name for row in world.site.departments), ""], dtype=object),
        {style: ClockTexts(style, first, days) for style in STYLES},
    )


def vocabulary(world: World, source: str) -> Vocabulary:
    """The words of a source's declaration: of two words for one code the first."""
    lookups = world.sources[source].lookups
    return Vocabulary(
        _inverse(lookups["category"], [topic.code for topic in world.topics]),
        _inverse(lookups["department"], [*world.departments, ""]),
        _inverse(lookups["status"], STATUSES),
        _inverse(lookups["outcome"], [*OUTCOMES, ""]),
    )


def _inverse(lookup: dict[str, str], codes: list[str] | tuple[str, ...]) -> Texts:
    first: dict[str, str] = {}
    for raw, code in lookup.items():
        first.setdefault(code, raw)
    return np.array([first.get(code, "") for code in codes], dtype=object)


def _addresses(county: County) -> Texts:
    """Town, village, an invented road and a number, for each address of each grid."""
    rng = np.random.default_rng(SEED + 4)
    roads = [f"{a}{b}路" for a in MANSIONS for b in LAND[:8]]
    chosen = rng.integers(0, len(roads), len(county.grids.codes))
    numbers = rng.integers(1, 300, (len(county.grids.codes), ADDRESSES))
    texts = []
    for grid, (village, town) in enumerate(zip(county.village_of, county.town_of, strict=True)):
        place = county.towns.names[town] + county.villages.names[village] + roads[chosen[grid]]
        texts += [f"{place}{number}号" for number in numbers[grid]]
    return np.array(texts, dtype=object)


def summaries(openings: Texts, address: Texts, matter: Texts, request: Ints) -> Texts:
    """Who says so, where, what and what is asked for."""
    requests = np.array(catalogue.REQUESTS, dtype=object)
    return openings + address + matter + requests[request]
