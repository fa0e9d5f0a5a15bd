"""The cases behind a number: the same arguments as `measure`, one row a case."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pandas as pd

from data.built_in_dimensions import LAMP
from data.dimensions import dimension_of
from data.editions.edition import Edition
from data.indicators import Count, indicator_of
from data.masking import COVERED
from data.names import named
from data.parties import People, people_of
from data.retention import forgotten
from data.scope import Grant, Scope, ScopeError
from data.sql import quoted
from data.state import Question, state

COLUMNS = (
    *("case_code", "source", "source_key", "channel", "kind", "category", "department"),
    *("risk", "status", "outcome", "handling_level", "happened_at", "reported_at"),
    *("accepted_at", "dispatched_at", "responded_at", "closed_at", "due_at", "precision"),
    *("reopen_count", "point_quality", "lon", "lat"),
)
PERSONAL = ("title", "summary", "place_text", "extra")  # may name people
NOT_ON_WALLS = ("source_key", *PERSONAL)  # nor matters of sensitive categories
LONGEST_LIST = 1_000_000
QUIET = timedelta(days=30)  # the newest cases at a past time lie within these


def cases_behind(
    edition: Edition,
    scope: Scope,
    grant: Grant,
    limit: int | None = 100,
    indicator: str = "accepted",
    side: str = "numerator",
    order: str = "accepted_at",
    ascending: bool = False,
) -> pd.DataFrame:
    """The cases that a side of the indicator counts, in their state at T, at most `limit`.

    For a group of `measure` add its code to the scope (`with_filter`). Columns: COLUMNS, `lamp`,
    the site's places and dimensions, PERSONAL. A case whose steps are counted is listed once.
    Personal text is masked (`masked`) unless the grant is clear, and nothing can be ordered by it
    then; of forgotten cases (data/retention.py) there is none. A wall has no NOT_ON_WALLS, points
    to 100 m, and of sensitive matters no row. ScopeError for an unknown `order`.
    """
    question = Question(edition, scope, grant)
    columns = _columns(question)
    orders = [name for name in columns if grant.masking == "clear" or name not in PERSONAL]
    if order not in orders:
        raise ScopeError(f"不能按 {order[:40]} 排序；可用的列：{'、'.join(orders)}")
    found = indicator_of(indicator)
    counts = (found.numerator,) if side == "numerator" else found.denominator
    listed = " UNION ".join(_listing(question, count, columns) for count in counts)
    if not listed:
        raise ScopeError(f"{found.name} 没有分母")
    most = LONGEST_LIST if limit is None else min(limit, LONGEST_LIST)
    sql = (
        f"SELECT * FROM ({listed}) ORDER BY {quoted(order)} {'ASC' if ascending else 'DESC'}"
        f" NULLS LAST, case_code LIMIT {most:d}"
    )
    frame = edition.frame(sql, question.used(sql))
    if grant.is_wall:
        return frame
    frame = _without_forgotten(edition, frame)
    return frame if grant.masking == "clear" else _with_masks(edition, frame)


def masked(case: Mapping[str, Any], people: People) -> dict[str, str | None]:
    """The PERSONAL fields of a case as who may not see them in clear is told them: texts without
    its people (data/masking.py), the place as far as its community, nothing of `extra`."""
    title, summary, place, extra = (case[name] or None for name in PERSONAL)
    places = [place or ""]
    return {
        "title": title and people.masked(title, places),
        "summary": summary and people.masked(summary, places),
        "place_text": place and people.masked_place(place),
        "extra": extra and COVERED,
    }


def newest_cases(edition: Edition, scope: Scope, grant: Grant, limit: int = 5) -> pd.DataFrame:
    """The newest accepted cases at T, whatever the window, without anything personal.

    Columns case_code, accepted_at, precision, risk, status (codes); category, department, place
    (names; without one 未分类, None, None): what a ticker may show. `place` is the region of the
    top level.
    """
    question = Question(edition, scope, grant)
    since = question.as_of - QUIET if question.is_past else None
    newest = scope.narrowed(since=since, until=None)
    columns = ["case_code", "accepted_at", "precision", "risk", "status", "category", "department"]
    top = edition.site.levels[0].key
    frame = cases_behind(edition, newest, grant, limit).filter([*columns, top])
    for key in ("category", "department", top):
        names = named(edition, key)
        nothing = names["-"] if key == "category" else None
        frame[key] = [nothing if pd.isna(c) or c == "-" else names.get(c, c) for c in frame[key]]
    return frame.set_axis([*columns, "place"], axis=1)


def _columns(question: Question) -> dict[str, str]:
    """Column of the listing -> its SQL."""
    site = question.edition.site
    columns = {name: name for name in COLUMNS}
    columns["lamp"] = f"coalesce({LAMP}, '-')"
    columns |= {
        key: dimension_of(site, key).sql for key in (*site.place_keys, *site.dimension_keys)
    }
    columns |= {name: name for name in PERSONAL}
    if question.grant.is_wall:
        return {name: sql for name, sql in columns.items() if name not in NOT_ON_WALLS}
    return columns


def _without_forgotten(edition: Edition, frame: pd.DataFrame) -> pd.DataFrame:
    personal = list(PERSONAL)
    told = frame.loc[frame[personal].notna().any(axis=1), "case_code"]
    gone = forgotten(edition, list(told))
    if gone:
        frame[personal] = frame[personal].astype(object)
        frame.loc[frame["case_code"].isin(gone), personal] = None
    return frame


def _with_masks(edition: Edition, frame: pd.DataFrame) -> pd.DataFrame:
    """The listing with its PERSONAL columns masked, each case by its own parties."""
    cases = list(zip(frame["case_code"], frame["reported_at"], strict=True))
    people, nobody = people_of(edition, cases), People()
    told = zip(
        *([v if isinstance(v, str) else None for v in frame[n]] for n in PERSONAL), strict=True
    )
    texts = [
        masked(dict(zip(PERSONAL, row, strict=True)), people.get(code, nobody))
        for (code, _), row in zip(cases, told, strict=True)
    ]
    for name in PERSONAL:
        frame[name] = pd.Series([text[name] for text in texts], frame.index, object)
    return frame


def _listing(question: Question, count: Count, columns: dict[str, str]) -> str:
    selected = ", ".join(f"{sql} AS {quoted(name)}" for name, sql in columns.items())
    rows = state(question, count, uses=selected)
    once = "DISTINCT " if count.table == "steps" else ""
    listed = " AND is_listed" if question.grant.is_wall else ""
    return f"SELECT {once}{selected} FROM ({rows}) WHERE ({count.where}){listed}"
