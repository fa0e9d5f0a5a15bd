"""What the commands that load leave in the audit: a changed declaration changes what is told."""

from datetime import UTC, datetime
from pathlib import Path

from access.audit import CONSOLE, Audit, entry
from access.operations import FAILURES, Operations, OperationsError
from etl.report import Report


def note_settings(home: Path, report: Report) -> str | None:
    """Write down which parts of the site's declaration, and which sources, are other ones than when
    the edition before was made; why that was not possible, or None. The data are published in
    either case."""
    if report.edition is None or not report.settings:
        return None
    told = {"edition": report.edition, "changed": "、".join(report.settings)}
    operations = Operations(home)
    try:
        Audit(operations).note(entry(CONSOLE, "settings", "site", **told), datetime.now(UTC))
    except (*FAILURES, OperationsError) as error:
        return f"声明有改动（{told['changed']}），未能记入审计：{error}"
    finally:
        operations.close()
    return None
