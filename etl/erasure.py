"""Personal data that must go: after the years that the site keeps them, or at once and for good.

The list of what was erased lies in the home, in no edition, and every run obeys it: the files of a
source may bring the same row again for years.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from filelock import FileLock

from data.editions.edition import EditionError
from data.editions.publishing import Step, no_step
from data.editions.shelf import replace_text
from data.editions.store import EditionStore
from data.loading import forgetting, provenance
from data.retention import LIST, closed_before, entries, erased_codes
from data.site import Site

LONGEST_REASON = 200


@dataclass(frozen=True)
class Erased:
    """What an erasure did: the edition that knows nothing more (None = the current one already
    knew nothing), older ones that were deleted, and pinned ones whose files still hold it, though
    nobody is shown it (data/retention.py)."""

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
    listed: Callable[[], None] = lambda: None,
) -> Erased:
    """Empty the personal values of a case now and for good. `listed` is called once the case is on
    the list: whatever happens then, the next run empties it.

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
        listed()
        number = _emptied(store, site, now, wait, step)
        holders = [
            n for n in store.numbers() if n != store.current() and _holds(store, n, case_code)
        ]
        removed = store.remove(holders)
        return Erased(number, tuple(removed), tuple(n for n in holders if n not in removed))
    finally:
        store.close()


def is_due(store: EditionStore, site: Site, now: datetime) -> bool:
    """Whether the current edition holds anything that must go."""
    before, erased = closed_before(site.retention.personal_years, now), erased_codes(store.home)
    if (before is None and not erased) or store.current() is None:
        return False
    with store.reading() as edition:
        return forgetting.is_due(edition.rows, before, erased)


_KNOWN = "SELECT 1 FROM cases WHERE case_code = $code"


def _emptied(store: EditionStore, site: Site, now: datetime, wait: float, step: Step) -> int | None:
    """Publish an edition without what must go; None where nothing was there."""
    with store.building(site, wait=wait, step=step) as build:
        due = closed_before(site.retention.personal_years, now), erased_codes(store.home)
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
        kept = [entry for entry in entries(home) if entry["case_code"] != case_code]
        told = {"case_code": case_code, "at": f"{now}", "reason": reason[:LONGEST_REASON]}
        replace_text(home / LIST, json.dumps([*kept, told], ensure_ascii=False, indent=1))
