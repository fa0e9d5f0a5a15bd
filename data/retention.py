"""Which cases' personal values nobody may be shown any more, whatever an edition still holds.

An edition is immutable, and a pinned one stays for months: what was erased from the home since, or
is past the years for which the site keeps what names people, is left out when it is read
(个人信息保护法 第十九条、第四十七条). The list of what was erased lies in the home, in no edition.
"""

import json
from collections.abc import Collection
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from data.editions.edition import Edition, EditionError

LIST = "erased.json"
PAST = """
SELECT case_code FROM cases
WHERE closed_at < $closed_before AND case_code IN (SELECT unnest($codes::VARCHAR[]))
"""


def forgotten(edition: Edition, codes: Collection[str]) -> frozenset[str]:
    """Those of the cases of which nothing personal may be shown now. Years and closing are those of
    the newest edition of the home, and of this one as well. EditionError where the list cannot be
    read."""
    asked = set(codes)
    if not asked:
        return frozenset()
    erased = asked & erased_codes(edition.home) if edition.home else set()
    own = edition.site.retention.personal_years
    with edition.newest() as newest:
        told = [each for each in (own, newest.site.retention.personal_years) if each is not None]
        before = closed_before(min(told, default=None), datetime.now(newest.site.tzinfo))
        past = _past(newest, asked, before) if newest is not edition else set()
    return frozenset(erased | past | _past(edition, asked, before))


def _past(edition: Edition, codes: Collection[str], before: datetime | None) -> set[str]:
    if before is None:
        return set()
    params = {"closed_before": before, "codes": sorted(codes)}
    return {code for (code,) in edition.rows(PAST, params)}


def closed_before(years: int | None, now: datetime) -> datetime | None:
    """Cases that closed before this day are past so many years; None where what names people is
    kept for good. A whole day, so that it moves once a day."""
    if years is None:
        return None
    day = (now.month, now.day) if (now.month, now.day) != (2, 29) else (3, 1)
    return datetime(now.year - years, *day)


def erased_codes(home: Path) -> frozenset[str]:
    """The codes of the cases that were erased in this home; EditionError as `entries`."""
    mark = erasures(home)
    return _codes(home, mark) if mark else frozenset()


def erasures(home: Path) -> tuple[int, int, int] | None:
    """Another one whenever something was erased in this home; None as long as nothing was."""
    try:
        found = (home / LIST).stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def entries(home: Path) -> list[dict[str, str]]:
    """The list of what was erased: case_code, at, reason. EditionError where it cannot be read:
    going on would bring back what must be gone."""
    try:
        listed = json.loads((home / LIST).read_text(encoding="utf-8"))
        return [{**entry, "case_code": str(entry["case_code"])} for entry in listed]
    except FileNotFoundError:
        return []
    except (ValueError, KeyError, TypeError) as error:
        raise EditionError(f"{home / LIST}：清除名单读不懂，请从备份恢复（{error}）") from None


@lru_cache(8)
def _codes(home: Path, _mark: tuple[int, int, int]) -> frozenset[str]:
    return frozenset(entry["case_code"] for entry in entries(home))
