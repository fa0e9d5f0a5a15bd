"""Go on loading what arrives: at most one edition per `publish_every`, one writer at a time."""

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog
import watchfiles

from data import masking
from data.site import load_site
from etl.fetch import Answers
from etl.members import Container
from etl.origin import Origin
from etl.report import Report
from etl.run import FAILURES, run

SETTLE = 1.0  # seconds that a file must have been left alone: it may still be arriving
LOOK_EVERY = 60.0  # seconds; without any file event too, for databases and lost events
log = structlog.get_logger()


def watch(
    origin: Origin,
    home: Path,
    *,
    on_report: Callable[[Report], None],
    stop: threading.Event | None = None,
) -> None:
    """Run whenever a file changes, until `stop`. A failed run is logged and tried again."""
    stop, changed = stop or threading.Event(), threading.Event()
    hashes, answers = _Hashes(), Answers(LOOK_EVERY)
    publish_every = load_site(origin.site_folder).publish_every
    listener = threading.Thread(target=_listen, args=(origin, changed, stop), daemon=True)
    listener.start()
    is_first = True  # a second look soon: the listener may have begun after the first
    while not stop.is_set():
        changed.clear()
        started = time.monotonic()
        report = _tried(origin, home, hashes, answers)
        if report is not None and (report.edition is not None or not report.is_good):
            on_report(report)
        published = report is not None and report.edition is not None
        stop.wait(max(0.0, publish_every - (time.monotonic() - started)) if published else SETTLE)
        if not (is_first or (report is not None and report.unsettled)):
            _until_either(changed, stop)
        is_first = False
    listener.join()


def log_report(report: Report) -> None:
    """What a run did, as one line: counts, and the sources of which something is wrong, by key."""
    refused = sorted({b.source for b in report.balances if b.state == "refused"})
    wrong = {"refused": refused, "failed": sorted(report.failures)}
    say = log.info if report.is_good else log.warning
    say("run", edition=report.edition, **report.totals(), forgotten=report.forgotten, **wrong)


def _tried(origin: Origin, home: Path, hashes: "_Hashes", answers: Answers) -> Report | None:
    try:
        return run(origin, home, hash_of=hashes, fetch=answers, settle=SETTLE, wait=10.0)
    except FAILURES as error:
        log.error("run_failed", reason=masking.text(str(error)))
    except Exception:  # a watch goes on for months: what it did not expect must not end it
        log.exception("run_failed")
    return None


def _listen(origin: Origin, changed: threading.Event, stop: threading.Event) -> None:
    """Set `changed` at every file event, also during a run.

    A folder that vanishes, or a system that allows no more listeners, must not end the watch:
    until listening works again it looks by the clock.
    """
    while not stop.is_set():
        folders = [folder for folder in (origin.input, origin.site_folder) if folder.is_dir()]
        try:
            _listen_to(folders, changed, stop)
        except Exception as error:
            log.warning("listening_failed", reason=masking.text(str(error)))
            stop.wait(LOOK_EVERY)


def _listen_to(folders: Sequence[Path], changed: threading.Event, stop: threading.Event) -> None:
    for changes in watchfiles.watch(
        *folders,
        stop_event=stop,
        rust_timeout=round(LOOK_EVERY * 1000),
        yield_on_timeout=True,
        raise_interrupt=False,
        debounce=500,
    ):
        if not changes:  # quiet for long: the folders may have been put in place of others
            return
        changed.set()


def _until_either(changed: threading.Event, stop: threading.Event) -> None:
    """At most LOOK_EVERY seconds: a database announces nothing, and an event may get lost."""
    end = time.monotonic() + LOOK_EVERY
    while not stop.is_set() and time.monotonic() < end and not changed.wait(0.2):
        pass


class _Hashes:
    """Content hashes of delivered files, read again only when the file was touched."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[int, int, int, int], str]] = {}

    def __call__(self, container: Container) -> str:
        mark = container.mark()
        known = self._known.get(container.path)
        if known is None or known[0] != mark:
            known = (mark, container.hash)
            self._known[container.path] = known
        return known[1]
