"""Answer: every question is computed once per (question, scope, grant, edition) for all viewers.

A hundred walls that see a new edition ask the same thing within a second: the first one computes,
the others wait for it (single flight), and later ones take it from the cache.
"""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from flask_caching import Cache

from data import quality, state
from data.alerts import alerts_expired, alerts_in_force
from data.cases import cases_behind, newest_cases
from data.codes import label
from data.compare import compare, earlier, has_history
from data.display import (
    NOTHING,
    below_text,
    change_text,
    count_text,
    exact,
    is_small,
    part_text,
    rate_change,
    text,
    wilson,
)
from data.editions.edition import Edition, EditionError
from data.editions.store import EditionStore
from data.held import held_cases, longest_held
from data.indicators import Indicator, indicator_of
from data.measure import measure
from data.names import named
from data.regions import Region, names_of_tops, unknown_regions, view
from data.retention import erasures
from data.scope import Grant, Scope, ScopeError
from data.single_flight import SingleFlight
from data.small_cells import PLAIN
from data.turns import Turns
from layouts.marks import NO_LEVEL, nothing, short_day
from layouts.panel import BLANK, FINEST, PLACE, Ask, Facts, Listing, Numbers, Panel
from layouts.theme import RISK

DEFAULT_DAYS = 30
KEPT_FOR_THE_DAY = 86_400.0
KEPT = 3600.0  # seconds; an edition is immutable, so an answer never gets old
EVERYWHERE, OWN_PART = "全域", "所辖范围"
CHINA = "Asia/Shanghai"
WITHHELD = "数目过少，不在大屏显示"
NO_PLACE, NOT_DISPATCHED = "未落格", "待派遣"
BEFORE_DISPATCH = ("30", "40")  # codes/status.csv


@dataclass(frozen=True)
class Inquiry:
    """What is asked of one edition on a viewer's behalf; `scope` has its window filled in.

    `of_the_edition(name, compute)` is an answer that whoever asks this edition shares, and
    `of_the_day(name, compute)` one that holds for all editions of one data day, while the cases
    do not double. `now` is the clock, naive in the site's zone; None = as when it was made."""

    edition: Edition
    scope: Scope
    grant: Grant
    of_the_day: Callable[[Hashable, Callable[[], Any]], Any]
    of_the_edition: Callable[[Hashable, Callable[[], Any]], Any]
    now: datetime | None = None

    def within(self, region: Region | None) -> "Inquiry":
        """The same question of another region of the main tree; None = everywhere."""
        pair = (region.level, region.code) if region else None
        return replace(self, scope=self.scope.moved_to(pair, self.edition.site.level_keys))


class Answers:
    """The one way from a callback to a number: cached, computed once, never across grants.

    The cache may be shared by many: centres, homes made anew, and programs of another build."""

    def __init__(
        self,
        store: EditionStore,
        cache: Cache,
        grant: Callable[[], Grant],
        build: str = "",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        who: Callable[[], str] = lambda: "",
    ) -> None:
        self._store = store
        self._flight = SingleFlight(cache)
        self._grant, self._who, self._turns = grant, who, Turns()
        self._owner = (build, str(store.home.resolve()))
        self._clock = clock

    def of(
        self, name: str, scope: Scope, compute: Callable[[Inquiry], Any], extra: Hashable = ()
    ) -> tuple[Any, int]:
        """What `compute` makes of the edition that the scope names, and that edition's number.

        `name` and `extra` must tell apart whatever `compute` would answer differently. Busy where
        the viewer is having too much computed already."""
        grant, who = self._grant(), self._who()

        def in_turn() -> Any:
            with self._turns.of(who):
                return compute(question)

        with self._store.reading(scope.edition) as edition:
            question = self._question(edition, scope, grant)
            answer = question.of_the_edition((name, scope, extra), in_turn)
            return answer, edition.number

    def _question(self, edition: Edition, scope: Scope, grant: Grant) -> Inquiry:
        now = edition.local(self._clock())
        mark = erasures(self._store.home)  # what was erased since is told no more
        expired = alerts_expired(edition, now, Grant.wall())
        made = (*self._owner, edition.number, edition.published_at, expired, mark)
        at = (edition.site.name, edition.data_time.date(), scope.edition)

        def of_the_edition(name: Hashable, compute: Callable[[], Any]) -> Any:
            return self._flight.get(repr((name, grant, made)), compute, timeout=KEPT)

        def of_the_day(name: Hashable, compute: Callable[[], Any]) -> Any:
            key = repr((name, grant, self._owner, at, _size(edition)))
            return self._flight.get(key, compute, timeout=KEPT_FOR_THE_DAY)

        return Inquiry(edition, windowed(scope, edition), grant, of_the_day, of_the_edition, now)

    def zone(self) -> ZoneInfo:
        """That of the site's clocks; of a home without an edition that of China."""
        try:
            with self._store.reading() as edition:
                return edition.site.tzinfo
        except EditionError:
            return ZoneInfo(CHINA)

    def names(self) -> dict[tuple[str, str], str]:
        """Dimension and code of every region of the tree, and of every department -> its name."""
        try:
            with self._store.reading() as edition:
                dimensions = (*edition.site.level_keys, "department")
                return {
                    (dimension, code): name
                    for dimension in dimensions
                    for code, name in named(edition, dimension).items()
                    if code != "-"
                }
        except EditionError:
            return {}

    def check(self, scope: Scope) -> None:
        """ScopeError or EditionError where the scope cannot be answered, whatever is asked."""
        with self._store.reading(scope.edition) as edition:
            state.Question(edition, scope, self._grant())
            unknown = unknown_regions(edition, scope)
            if unknown:
                raise ScopeError(f"没有这个区域：{'、'.join(unknown[:3])}")

    @contextmanager
    def reading(self, scope: Scope) -> Iterator[Edition]:
        """The edition that the scope names, for what is no picture: where a click leads."""
        with self._store.reading(scope.edition) as edition:
            yield edition


def whole(grant: Grant) -> str:
    """What all that a viewer may see is called: who sees a part is not told that it were all."""
    is_all = grant.regions is None and grant.departments is None
    return EVERYWHERE if is_all else OWN_PART


def _size(edition: Edition) -> int:
    """Grows by one as the cases double: what a first small load gives does not hold for the day."""
    return int(edition.rows("SELECT count(*) FROM wall_cases")[0][0]).bit_length()


def drawn(panel: Panel, question: Inquiry, scale: float) -> Any:
    """The panel's picture. One that adds up or plots counts cannot draw what is withheld from it:
    it would draw 0."""
    frames = {name: answered(ask, question) for name, ask in panel.asks.items()}
    if any(_is_withheld(ask, frames[name]) for name, ask in panel.asks.items()):
        return {"data": [], "layout": BLANK} if panel.is_figure else nothing(WITHHELD)
    return panel.draw(facts(question, scale), **frames)


def _is_withheld(ask: Ask, frame: pd.DataFrame) -> bool:
    """Whether cells are withheld from what is not itself a ranking by what describes matters."""
    if not isinstance(ask, Numbers) or "is_suppressed" not in frame:
        return False
    is_count = indicator_of(ask.indicator).kind == "count"
    return is_count and PLAIN.issuperset({*ask.by} - {PLACE}) and bool(frame["is_suppressed"].any())


def facts(question: Inquiry, scale: float = 1.0) -> Facts:
    """What every picture may need to know beside its frames."""
    edition, scope = question.edition, question.scope
    return Facts(
        data_time=scope.as_of or edition.data_time,
        window=window_words(scope, edition),
        risks=risks_of(edition),
        closure_target=edition.site.closure_target,
        scale=scale,
    )


def risks_of(edition: Edition) -> tuple[str, ...]:
    """The risks that the site's rules give, gravest first: many centres have three of the four,
    and some none."""
    ruled = {rule.risk for rule in edition.site.risk}
    return tuple(risk for risk in RISK if risk in ruled)


def answered(ask: Ask, question: Inquiry) -> pd.DataFrame:
    """The frame of one ask: codes, numbers, and beside them names and texts for the screen. What
    several panels ask is computed once; nobody may change the frame."""
    name = ("ask", ask, question.scope)
    return question.of_the_edition(name, lambda: _computed(ask, question))


def _computed(ask: Ask, question: Inquiry) -> pd.DataFrame:
    match ask:
        case Numbers():
            return _numbers(ask, question)
        case Listing():
            return LISTINGS[ask.what](question, ask.limit)


def windowed(scope: Scope, edition: Edition) -> Scope:
    """The scope with a window: the last 30 days, today included, where the viewer chose none."""
    if scope.since is None and scope.until is None:
        return scope.narrowed(**last_days(DEFAULT_DAYS, scope.as_of or edition.data_time))
    return scope


def last_days(days: int, at: datetime) -> dict[str, datetime]:
    """The window of the last `days` calendar days up to the one that holds `at`."""
    midnight = datetime(at.year, at.month, at.day) + timedelta(days=1)
    return {"since": midnight - timedelta(days=days), "until": midnight}


def days_of(scope: Scope) -> int:
    """Length of the window in days; a year where it is open."""
    if scope.since is None or scope.until is None:
        return 365
    return max(1, round((scope.until - scope.since) / timedelta(days=1)))


def window_words(scope: Scope, edition: Edition) -> str:
    """近 30 日, or both days where the viewer chose them: 10/1–10/31."""
    rolling = last_days(days_of(scope), scope.as_of or edition.data_time)
    if scope.since == rolling["since"] and scope.until == rolling["until"]:
        return f"近 {days_of(scope)} 日"
    last = scope.until and scope.until - timedelta(microseconds=1)
    days = [day for day in (scope.since, last) if day]
    is_of_year = all(day.year == edition.data_time.year for day in days)
    shown = [short_day(day) if is_of_year else f"{day.year}/{short_day(day)}" for day in days]
    if scope.since is None:
        return f"截至 {shown[-1]}"
    return "–".join(shown) if last else f"{shown[0]} 起"


def _numbers(ask: Numbers, question: Inquiry) -> pd.DataFrame:
    if PLACE in ask.by:
        return _by_level(ask, question, PLACE, _beneath(question))
    if FINEST in ask.by:
        frame = _by_level(ask, question, FINEST, question.edition.site.grid_key)
        tops = names_of_tops(question.edition)
        return frame.assign(within=[tops.get(code, "") for code in frame[FINEST]])
    return _asked(ask, question)


def _by_level(ask: Numbers, question: Inquiry, wanted: str, level: str) -> pd.DataFrame:
    """PLACE or FINEST is a level of the site's tree; the frame has it under the name asked for."""
    ask = replace(ask, by=tuple(level if key == wanted else key for key in ask.by))
    return _asked(ask, question).rename(columns={level: wanted})


def _beneath(question: Inquiry) -> str:
    """The level of the tree beneath the region that is looked at; the grid has none."""
    return (
        view(question.edition, question.scope, question.grant).outline
        or question.edition.site.grid_key
    )


def _asked(ask: Numbers, question: Inquiry) -> pd.DataFrame:
    edition, scope = question.edition, question.scope
    at = scope.as_of or edition.data_time
    if ask.days is not None:
        days = last_days(ask.days, at)
        if indicator_of(ask.indicator).numerator.at == "due_at":  # 24:00 is of the day that ends
            days = {end: moment + state.TICK for end, moment in days.items()}
        scope = scope.narrowed(**days)
    if ask.hours_ahead is not None:
        scope = scope.narrowed(since=at, until=at + timedelta(hours=ask.hours_ahead))
    for dimension, code in ask.where:
        scope = scope.with_filter(dimension, code)
    if ask.base is not None:
        return _compared(_with_base(ask, edition, scope, question.grant), ask, edition)
    frame = measure(edition, ask.indicator, ask.by, scope, question.grant)
    return _worded(frame, ask, edition)


def _with_base(ask: Numbers, edition: Edition, scope: Scope, grant: Grant) -> pd.DataFrame:
    """The comparison; without one where the window has no base of its length, or an older one than
    the data: to be compared with half a window is no growth."""
    assert ask.base is not None
    with suppress(ScopeError):
        if has_history(edition, earlier(scope, edition.data_time, ask.base)):
            return compare(edition, ask.indicator, ask.by, scope, grant, ask.base)
    frame = measure(edition, ask.indicator, ask.by, scope, grant)
    now = frame.rename(columns={"below": "current_below", "is_suppressed": "current_is_suppressed"})
    return now.assign(current=frame["value"], base=None, change_kind="none")


def _worded(frame: pd.DataFrame, ask: Numbers, edition: Edition) -> pd.DataFrame:
    """With `name` of the last dimension, `text` of the value, `part` n/d, `is_ranked`, and of a
    rate `at_least` and `at_most`, its Wilson interval: small samples rank by it (DOMAIN 2.5)."""
    indicator = indicator_of(ask.indicator)
    rows = list(zip(frame["value"], frame["numerator"], frame["denominator"], strict=True))
    intervals = [_interval(indicator, n, d) for _, n, d in rows]
    frame = frame.assign(
        text=[
            text(*row, indicator, wall=True, below=least)
            for row, least in zip(rows, _below(frame, "below"), strict=True)
        ],
        part=["" if indicator.kind == "count" else part_text(n, d) for _, n, d in rows],
        is_ranked=np.array([indicator.kind == "count" or not is_small(d) for *_, d in rows], bool),
        at_least=np.array([ends[0] for ends in intervals], float),
        at_most=np.array([ends[1] for ends in intervals], float),
    )
    return _with_names(frame, ask, edition)


def _interval(indicator: Indicator, n: Any, d: Any) -> tuple[float, float]:
    is_share = indicator.kind == "rate" and exact(n) is not None and exact(d) and n <= d
    return wilson(n, d) if is_share else (np.nan, np.nan)


def _compared(frame: pd.DataFrame, ask: Numbers, edition: Edition) -> pd.DataFrame:
    if indicator_of(ask.indicator).kind == "rate":
        return _compared_rates(frame, ask, edition)
    pairs = zip(frame["current"], frame["base"], strict=True)
    frame = frame.assign(
        change_text=[change_text(now, then) for now, then in pairs],
        text=_counts(frame["current"], _below(frame, "current_below")),
        base_text=_counts(frame["base"], _below(frame, "base_below")),
    )
    return _with_names(frame, ask, edition)


def _compared_rates(frame: pd.DataFrame, ask: Numbers, edition: Edition) -> pd.DataFrame:
    """As without a base, with the change in 百分点 beside."""
    if "base_numerator" not in frame:
        return _worded(frame, ask, edition).assign(change_text=NOTHING)
    now = frame.rename(columns={f"current_{part}": part for part in ("numerator", "denominator")})
    now = now.rename(columns={"current": "value", "current_below": "below"})
    sides = now[["numerator", "denominator", "base_numerator", "base_denominator"]]
    changes = [rate_change(*row).text for row in sides.itertuples(index=False)]
    return _worded(now, ask, edition).assign(change_text=changes)


def _counts(counts: pd.Series, below: pd.Series) -> list[str]:
    pairs = zip(counts, below, strict=True)
    return [count_text(n, wall=True) if pd.isna(b) else below_text(b) for n, b in pairs]


def _below(frame: pd.DataFrame, name: str) -> pd.Series:
    """Below what each withheld count lies; only a wall has such."""
    return frame[name] if name in frame else pd.Series(np.nan, index=frame.index)


def _with_names(frame: pd.DataFrame, ask: Numbers, edition: Edition) -> pd.DataFrame:
    if not ask.by:
        return frame
    names = named(edition, ask.by[-1])
    return frame.assign(name=[str(names.get(code, code)) for code in frame[ask.by[-1]]])


def _alerts(question: Inquiry, limit: int) -> pd.DataFrame:
    frame = alerts_in_force(question.edition, question.scope, question.grant, limit, question.now)
    names = named(question.edition, question.edition.site.levels[0].key)
    places = [
        names.get(code, code) if isinstance(code, str) else area or NO_PLACE
        for code, area in zip(frame["place"], frame["area_text"], strict=True)
    ]
    return frame.assign(place=places)


def _newest(question: Inquiry, limit: int) -> pd.DataFrame:
    frame = newest_cases(question.edition, question.scope, question.grant, limit)
    return frame.assign(
        place=frame["place"].fillna(NO_PLACE),
        department=[
            name if isinstance(name, str) else _without_department(status)
            for name, status in zip(frame["department"], frame["status"], strict=True)
        ],
    )


def _open_by_deadline(question: Inquiry, limit: int, risk: str) -> pd.DataFrame:
    """Open cases of a risk, the longest overdue first: place, category, department, `level` of
    handling (names), and in ms since 1970 `due` and `since` when that level has had it."""
    scope = question.scope.with_filter("risk", risk)
    edition, level = question.edition, _beneath(question)
    found = cases_behind(
        edition, scope, question.grant, limit, indicator="open", order="due_at", ascending=True
    )
    keys = (level, "category", "department", "handling_level")
    names = {key: named(edition, key) for key in keys}
    frame = found.filter(["case_code", "status", "precision"])
    for key, words in names.items():
        frame[PLACE if key == level else key] = [_name(words, code) for code in found[key]]
    frame["due"] = [None if pd.isna(at) else _epoch_ms(edition, at) for at in found["due_at"]]
    codes = found["case_code"].tolist()
    held = held_cases(edition, scope, question.grant, codes).set_index("case_code")["since"]
    frame["since"] = [_epoch_ms(edition, held[code]) for code in codes]
    frame[PLACE] = frame[PLACE].fillna(NO_PLACE)
    frame["level"] = frame["handling_level"].fillna(NO_LEVEL)
    named_or_not = zip(frame["department"], frame["status"], strict=True)
    return frame.assign(
        department=[
            name if isinstance(name, str) else _without_department(status)
            for name, status in named_or_not
        ]
    )


def _longest_held(question: Inquiry) -> pd.DataFrame:
    """By risk and handling_level (codes): `since`, ms since 1970, when that level has had the open
    case that it has had longest."""
    found = longest_held(question.edition, question.scope, question.grant)
    return found.assign(since=[_epoch_ms(question.edition, at) for at in found["since"]])


def _name(names: dict[str, str], code: Any) -> str | None:
    return None if pd.isna(code) or code == "-" else names.get(code, code)


def _epoch_ms(edition: Edition, at: datetime) -> int:
    return round(at.replace(tzinfo=edition.site.tzinfo).timestamp() * 1000)


def _without_department(status: str) -> str:
    """Only what is accepted and not yet dispatched waits for it; else the status says more."""
    return NOT_DISPATCHED if status in BEFORE_DISPATCH else label("status", status)


LISTINGS: dict[str, Callable[[Inquiry, int], pd.DataFrame]] = {
    "alerts": _alerts,
    "newest_cases": _newest,
    "longest_held": lambda question, _: _longest_held(question),
    "red_cases": lambda question, limit: _open_by_deadline(question, limit, "red"),
    "sources": lambda question, _: quality.sources(question.edition, question.grant),
    "balance": lambda question, _: quality.balance(question.edition, question.grant),
    "batches": lambda question, limit: quality.last_batches(
        question.edition, question.grant, limit
    ),
    "quarantine": lambda question, limit: quality.quarantine_reasons(
        question.edition, question.grant, limit
    ),
    "layers": lambda question, _: quality.layer_reports(question.edition),
    "unplaced": lambda question, _: quality.unplaced(question.edition, question.grant),
}
