"""The restore drill: what was answered before a backup began is in the centre made of it."""

import sys
import tempfile
from pathlib import Path

from bench.figure import Figure
from tests.upkeep.drill import drill

ALERTS, CLIENTS = 3000, 8
ISSUE = 4


def figures() -> list[Figure]:
    """Alerts that were answered and lost, and indicators that differ, after a backup under load."""
    with tempfile.TemporaryDirectory(prefix="zhinao-restore-") as folder:
        found = drill(Path(folder), ALERTS, CLIENTS)
    print(
        f"restore: {found.acknowledged} of {ALERTS} alerts answered when the backup began,"
        f" {found.lost} of them lost; backup {found.backup_seconds:.1f} s,"
        f" restore {found.restore_seconds:.1f} s",
        file=sys.stderr,
    )
    wrong = len(found.differing) + len(found.problems)
    return [
        Figure("restore: acknowledged writes lost", found.lost, "alerts", 0, issue=ISSUE),
        Figure("restore: indicators that differ, audit faults", wrong, "numbers", 0, issue=ISSUE),
        Figure("restore: backup under load", found.backup_seconds, "s", 60, issue=ISSUE),
        Figure("restore: from nothing to served", found.restore_seconds, "s", 60, issue=ISSUE),
    ]


if __name__ == "__main__":
    for figure in figures():
        print(figure)
