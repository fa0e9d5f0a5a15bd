"""Pins requirements: writes what the packages named first in each file need, as installed here."""

import sys
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
REST = "# What those need; written by tools/pin.py."
OF_PYTHON = {"pip", "setuptools"}  # come with the virtual environment
OLDEST = {"python_full_version": "3.11.2"}  # Debian 12's: some packages need a backport with it


def main() -> None:
    """Rewrite the second part of both files; the developers' file leaves out what the first has."""
    run = pinned(ROOT / "requirements.txt", already=set())
    pinned(ROOT / "requirements-dev.txt", already=run)


def pinned(path: Path, already: set[str]) -> set[str]:
    """Write the file anew with all versions as installed; the canonical names that it pins."""
    head = path.read_text().split(REST)[0].rstrip().splitlines()
    named = [Requirement(line) for line in head if line and line[0] not in "#-"]
    closure: dict[str, Distribution] = {}
    for requirement in named:
        _follow(requirement, closure)
    first = {canonicalize_name(requirement.name) for requirement in named}
    rest = sorted(set(closure) - first - already - OF_PYTHON)
    lines = [_with_version(line) if line and line[0] not in "#-" else line for line in head]
    lines += ["", REST, *(_pin(closure[name]) for name in rest)]
    path.write_text("\n".join(lines) + "\n")
    print(f"{path.name}: {len(first)} + {len(rest)}", file=sys.stderr)
    return set(closure)


def _follow(requirement: Requirement, closure: dict[str, Distribution]) -> None:
    """Add to `closure` what the requirement names and all that this needs on this machine."""
    name = canonicalize_name(requirement.name)
    if name in closure and not requirement.extras:
        return
    closure[name] = distribution(requirement.name)
    for text in closure[name].requires or ():
        needed = Requirement(text)
        extras = requirement.extras | {""}
        if is_needed(needed, extras):
            _follow(needed, closure)


def is_needed(requirement: Requirement, extras: set[str]) -> bool:
    """Whether it applies to the Python here or to the oldest on which the program runs."""
    marker = requirement.marker
    asked = ({**python, "extra": extra} for python in ({}, OLDEST) for extra in extras)
    return not marker or any(marker.evaluate(each) for each in asked)


def _with_version(line: str) -> str:
    name = line.split("==")[0].strip()
    return f"{name}=={distribution(Requirement(name).name).version}"


def _pin(package: Distribution) -> str:
    return f"{package.metadata['Name']}=={package.version}"


if __name__ == "__main__":
    main()
