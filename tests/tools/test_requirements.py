"""What is imported is required by name with its version, and nothing else is."""

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.pin import OF_PYTHON, REST, is_needed

ROOT = Path(__file__).parent.parent.parent
OF_PROGRAM = ("data", "geo", "rules", "access", "dispatch", "etl", "layouts", "callbacks", "routes")
OF_PROGRAM += ("upkeep",)
NEEDED_UNSEEN = {
    "tzdata",  # zoneinfo reads it where the system has no time zones
    "redis",  # Flask-Caching loads it where the cache is Redis
    "psycopg",  # SQLAlchemy loads it where the operations store is PostgreSQL
}


def test_the_program_requires_what_it_imports_and_no_more() -> None:
    of = packages_distributions()
    files = [ROOT / "app.py", *(f for name in OF_PROGRAM for f in (ROOT / name).rglob("*.py"))]
    imported = {name for file in files for name in _imported(file)} - set(sys.stdlib_module_names)
    foreign = {name for name in imported if not (ROOT / name).exists() and name != "app"}
    needed = {canonicalize_name(of[name][0]) for name in foreign} | NEEDED_UNSEEN
    assert needed == _named(ROOT / "requirements.txt")


def test_every_requirement_has_one_exact_version_and_no_address() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        for line in (ROOT / name).read_text().splitlines():
            is_pin = re.fullmatch(r"[A-Za-z0-9_.-]+(\[[a-z]+\])?==[0-9][0-9A-Za-z.]*", line)
            assert is_pin or not line or line.startswith("#") or line == "-r requirements.txt", line


def test_what_the_oldest_python_needs_is_pinned_too() -> None:
    """Debian 12 has 3.11.2, for which redis wants a backport; without internet nobody adds it."""
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    pins = [Requirement(line) for line in lines if line and line[0] != "#"]
    pinned = {canonicalize_name(each.name): each for each in pins}
    missing = {
        needed.name: each.name
        for each in pinned.values()
        if each.name != "async-timeout"  # needs nothing, and is not installed on newer ones
        for needed in map(Requirement, distribution(each.name).requires or ())
        if is_needed(needed, each.extras | {""})
        and canonicalize_name(needed.name) not in {*pinned, *OF_PYTHON}
    }
    assert missing == {}


def _named(path: Path) -> set[str]:
    lines = path.read_text().split(REST)[0].splitlines()
    return {
        canonicalize_name(re.split(r"\[|==", line)[0]) for line in lines if line and line[0] != "#"
    }


def _imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]
