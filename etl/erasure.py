"""Personal data that must go: after the years that the site keeps them, or at once and for good.

The list of what was erased lies in the home, in no edition, and every run obeys it: the files of a
source may bring the same row again for years.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from filelock import FileLock

from data.editions.edition import EditionError
from data.editions.publishing import Step, no_step
from data.editions.shelf import replace_text
from data.editions.store import EditionStore
from data.loading import forgetting, provenance
from data.site import Site

LIST = "erased.json"
LONGEST_REASON = 200


@dataclass(frozen=True)
class Erased:
    """What an erasure did: the edition that knows nothing more (None = the current one already
    knew nothing), older ones that were deleted, and pinned ones that still hold it."""

    edition: int | None
    removed: tuple[int, ...]
    pinned: tuple[int, ...]


def erase(
    home: Path,
    case_code: str,
    reason: str = "",
    *,
    now: datetime | None = None,
    wait: float = 0.0,
    step: Step = no_step,
) -> Erased:
    """Empty the personal values of a case now and for good.

    EditionError where no edition knows the case, or another run goes on writing for `wait` seconds:
    then the case is on the list already, and the next run empties it.
    """
    store = EditionStore(home)
    try:
        with store.reading() as edition:
            site, known = edition.site, edition.rows(_KNOWN, {"code": case_code})
        if not known:
            raise EditionError(f"{home}：当前版本里没有事项 {case_code[:40]}")
        now = now or datetime.now(site.tzinfo).replace(tzinfo=None, microsecond=0)
        _note(home, case_code, reason, now)
        number = _emptied(store, site, now, wait, step)
        holders = [
            n for n in store.numbers() if n != store.current() and _holds(store, n, case_code)
        ]
        removed = store.remove(holders)
        return Erased(number, tuple(removed), tuple(n for n in holders if n not in removed))
    finally:
        store.close()


def erased_codes(home: Path) -> frozenset[str]:
    """The codes of the cases that were erased in this home."""
    return frozenset(entry["case_code"] for entry in _entries(home))


def closed_before(site: Site, now: datetime) -> datetime | None:
    """Cases that closed before this day are past the years for which the site keeps what names
    people; None where it keeps it for good. A whole day, so that it moves once a day."""
    years = site.retention.personal_years
    if years is None:
        return None
    day = (now.month, now.day) if (now.month, now.day) != (2, 29) else (3, 1)
    return datetime(now.year - years, *day)


def is_due(store: EditionStore, site: Site, now: datetime) -> bool:
    """Whether the current edition holds anything that must go."""
    before, erased = closed_before(site, now), erased_codes(store.home)
    if (before is None and not erased) or store.current() is None:
        return False
    with store.reading() as edition:
        return forgetting.is_due(edition.rows, before, erased)


_KNOWN = "SELECT 1 FROM cases WHERE case_code = $code"


def _emptied(store: EditionStore, site: Site, now: datetime, wait: float, step: Step) -> int | None:
    """Publish an edition without what must go; None where nothing was there."""
    with store.building(site, wait=wait, step=step) as build:
        due = closed_before(site, now), erased_codes(store.home)
        if not forgetting.forget(build.connection, *due):
            return None
        build.rewrite()  # what was overwritten still lies in the file's free blocks
        return build.publish(provenance.data_time(build.connection, now))


def _holds(store: EditionStore, number: int, case_code: str) -> bool:
    """Whether an edition tells anything personal of the case; one that cannot be read may."""
    try:
        with store.reading(number) as edition:
            return forgetting.is_due(edition.rows, None, [case_code])
    except EditionError:
        return True


def _note(home: Path, case_code: str, reason: str, now: datetime) -> None:
    with FileLock(home / f"{LIST}.lock"):
        entries = [entry for entry in _entries(home) if entry["case_code"] != case_code]
        told = {"case_code": case_code, "at": f"{now}", "reason": reason[:LONGEST_REASON]}
        replace_text(home / LIST, json.dumps([*entries, told], ensure_ascii=False, indent=1))


def _entries(home: Path) -> list[dict[str, str]]:
    """EditionError where the list cannot be read: going on would bring back what must be gone."""
    try:
        entries = json.loads((home / LIST).read_text(encoding="utf-8"))
        return [{**entry, "case_code": str(entry["case_code"])} for entry in entries]
    except FileNotFoundError:
        return []
    except (ValueError, KeyError, TypeError) as error:
        raise EditionError(f"{home / LIST}：清除名单读不懂，请从备份恢复（{error}）") from None
