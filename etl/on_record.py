"""What the commands leave in the audit: a declaration that was changed, a case that was erased."""

from datetime import UTC, datetime
from pathlib import Path

from access.audit import CONSOLE, Audit, Entry, entry
from access.operations import FAILURES, Operations, OperationsError
from data import masking
from etl.erasure import LONGEST_REASON
from etl.report import Report


def note_settings(home: Path, report: Report) -> str | None:
    """Write down which parts of the site's declaration, and which sources, are other ones than when
    the edition before was made; why that could not be. The data are published in either case."""
    if report.edition is None or not report.settings:
        return None
    told = {"edition": report.edition, "changed": "、".join(report.settings)}
    return _noted(home, entry(CONSOLE, "settings", "site", **told))


def note_erasure(home: Path, case_code: str, reason: str) -> str | None:
    """Write down an erasure; why that could not be. It is somebody's right to have it done, whether
    or not the store can be reached."""
    told = masking.text(reason)[:LONGEST_REASON]
    return _noted(home, entry(CONSOLE, "case.erase", case_code, reason=told))


def _noted(home: Path, what: Entry) -> str | None:
    try:
        operations = Operations(home)
        try:
            Audit(operations).note(what, datetime.now(UTC))
        finally:
            operations.close()
    except OperationsError as fault:
        return str(fault)
    except FAILURES as fault:
        return f"业务库连不上（{type(fault).__name__}）"
    return None
