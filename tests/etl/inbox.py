"""The members of a folder of delivered files, for the tests of what reads one."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from etl.hostile import LIMITS, FileError, Limits
from etl.members import Member, Room, containers, unpack


def members(
    root: Path,
    files: Sequence[str],
    inside: str = "*",
    problems: list[FileError] | None = None,
    limits: Limits = LIMITS,
) -> Iterator[Member]:
    """Every delivered file that `files` names, unpacked; ordered by file, then by name inside.

    A file that cannot be used is appended to `problems` and the others go on; without a list the
    first one is raised.
    """
    room = Room()
    for container in containers(root, files, problems):
        try:
            yield from unpack(container, inside, limits, room)
        except FileError as problem:
            if problems is None:
                raise
            problems.append(problem)
