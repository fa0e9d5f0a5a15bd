"""The demo's accounts: one of each role, so that one can see what each of them sees.

Nothing else makes accounts whose password others can read; a centre's own home has none."""

import secrets
from datetime import UTC, datetime
from pathlib import Path

from access.accounts import Accounts
from access.operations import FAILURES, Operations, OperationsError
from access.roles import ROLES
from data.editions.store import EditionStore

PASSWORD = "demo.password"  # a file in the home; the sign-in page reads it
DEPARTMENT = "zjj"  # whose cases are many


def add_accounts(home: Path) -> str | None:
    """Add what is missing of them, and write down their password for whoever looks at the demo; why
    that could not be."""
    try:
        operations = Operations(home)
        try:
            _add(home, operations)
        finally:
            operations.close()
    except OperationsError as fault:
        return str(fault)
    except FAILURES as fault:
        return f"业务库连不上（{type(fault).__name__}）"
    return None


def _add(home: Path, operations: Operations) -> None:
    kept = home / PASSWORD
    accounts, now = Accounts(operations), datetime.now(UTC)
    known = {each.name for each in accounts.all()}
    wanted = [key for key in ROLES if name_of(key) not in known]
    if wanted:
        password = kept.read_text().strip() if kept.is_file() else f"Demo-{secrets.token_hex(4)}"
        kept.touch(mode=0o600)
        kept.write_text(password)
        limits = _limits(home)
        for key in wanted:
            regions, departments = limits.get(key, ((), ()))
            shown = f"演示{ROLES[key].name}"
            given = (name_of(key), shown, key, now, regions, departments, password)
            accounts.add(*given, is_demo=True)


def name_of(role: str) -> str:
    """The name of the demo's account of a role."""
    return f"demo.{role}"


def _limits(home: Path) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Role -> regions and departments of those who work for a part of the county only: the first
    town of the list, and the first grid in it."""
    store = EditionStore(home)
    with store.reading() as edition:
        levels = edition.site.level_keys
        town = _first(edition, levels[0])
        grid = _first(edition, levels[-1])
        departments = [row.code for row in edition.site.departments]
    store.close()
    department = DEPARTMENT if DEPARTMENT in departments else departments[0]
    return {
        "grid_worker": ((f"{levels[-1]}:{grid}",), ()),
        "mediator": ((f"{levels[0]}:{town}",), ()),
        "department": ((), (department,)),
    }


def _first(edition, layer: str) -> str:
    sql = "SELECT min(code) FROM grids WHERE layer = $layer"
    return str(edition.rows(sql, {"layer": layer})[0][0])
