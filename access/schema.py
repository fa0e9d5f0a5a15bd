"""The tables of an operations store: made where there are none, brought up to date where they are
of an older program, and left alone where they are of a newer one."""

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from alembic.migration import MigrationContext
from alembic.operations import Operations as Migrating
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

FOLDER = Path(__file__).parent / "migrations"
NUMBERED = re.compile(r"(\d{4})_\w+\.py")
VERSIONS = "alembic_version"
_upgrading = threading.Lock()  # alembic's operations are of the process, not of a thread


class TooNew(Exception):
    """The store is of a program newer than this one."""


def newest() -> str:
    """The number of the newest revision that this program knows."""
    return max(revisions())


def revisions() -> list[str]:
    """The numbers of all revisions, oldest first."""
    found = (NUMBERED.fullmatch(path.name) for path in FOLDER.iterdir())
    return sorted(match[1] for match in found if match)


def revision_of(connection: Connection) -> str | None:
    """The number of a store's newest revision; None where it has none yet."""
    if not inspect(connection).has_table(VERSIONS):
        return None
    return connection.execute(text(f"SELECT version_num FROM {VERSIONS}")).scalar()


def is_current(connection: Connection) -> bool:
    """Whether nothing is to be done; TooNew where nothing can be."""
    found = revision_of(connection)
    if found is not None and found > newest():
        raise TooNew(found)
    return found == newest()


def is_empty(connection: Connection) -> bool:
    """Whether there is no table at all."""
    return not inspect(connection).get_table_names()


def upgrade(
    connection: Connection, key_of: Callable[[str], bytes], to: str | None = None
) -> list[str]:
    """Bring the store to a revision, the newest unless told otherwise; the numbers of those that
    were done. To be called by one at a time, in a transaction: all of it is done or nothing.
    `key_of` gives the home's key for a purpose.

    A store that was made before there were revisions is taken over: the first one makes only what
    is not there. TooNew where the store is of a newer program."""
    if is_current(connection):
        return []
    scripts = ScriptDirectory(str(FOLDER), version_locations=[FOLDER])
    done: list[str] = []

    def steps(found: tuple[str, ...], _context: MigrationContext) -> Iterator:
        for step in scripts._upgrade_revs(to or newest(), found[0] if found else None):  # type: ignore[arg-type]
            done.append(step.revision.revision)
            yield step

    with _upgrading:
        options = {"fn": steps, "script": scripts, "as_sql": False, "key_of": key_of}
        context = MigrationContext.configure(connection, opts=options)
        with Migrating.context(context):
            context.run_migrations()
    return done
