"""The files of one home: the editions, the pointer to the one that is served, and the pins."""

import errno
import json
import os
import re
import shutil
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from filelock import FileLock

FINISHED = re.compile(r"(\d+)\.duckdb")
POINTER = re.compile(r"(\d+)\n")  # a pointer that lost its end is no pointer
UNSUPPORTED = (errno.ENOSYS, errno.EXDEV, errno.EOPNOTSUPP, errno.EINVAL)


class Shelf:
    """Names, numbers and moves of files; knows nothing of what an edition holds."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.folder = home / "editions"
        self._pointer = home / "CURRENT"
        self._pins = home / "pins.json"
        self._problem = home / "problem.json"

    def path(self, number: int) -> Path:
        return self.folder / f"{number}.duckdb"

    def current(self) -> int | None:
        """The number in CURRENT; the newest file where the pointer is lost or damaged."""
        pointed = self.pointed()
        return pointed if pointed is not None else max(self._on_disk(), default=None)

    def pointed(self) -> int | None:
        """The number in CURRENT; None where there is no readable pointer."""
        try:
            found = POINTER.fullmatch(self._pointer.read_text(encoding="ascii"))
        except (FileNotFoundError, UnicodeDecodeError):
            return None
        return int(found[1]) if found else None

    def has_damaged_pointer(self) -> bool:
        return self.pointed() is None and bool(self._on_disk())

    def numbers(self) -> list[int]:
        """The published editions, oldest first."""
        current = self.current()
        return [n for n in sorted(self._on_disk()) if current is not None and n <= current]

    def candidates(self) -> list[int]:
        """The editions to serve, in order of preference: the current one, then older ones."""
        return self.numbers()[::-1]

    def next_number(self) -> int:
        """Greater than any number that was ever seen here."""
        return max({*self._on_disk(), *self.pinned(), self.pointed() or 0}) + 1

    def add(self, file: Path, number: int) -> None:
        """Move a finished file among the editions; durable when this returns."""
        os.rename(file, self.path(number))
        fsync(self.folder)

    def point(self, number: int) -> None:
        """Make `number` the current edition, atomically and durably."""
        replace_text(self._pointer, f"{number}\n")

    def pinned(self) -> set[int]:
        """The editions that pruning spares."""
        try:
            return set(json.loads(self._pins.read_text(encoding="ascii")))
        except FileNotFoundError:
            return set()

    def pin(self, number: int) -> None:
        """Spare an edition; FileNotFoundError where it does not exist."""
        with self._pinning():
            self.path(number).stat()
            self._write_pins(self.pinned() | {number})

    def unpin(self, number: int) -> None:
        with self._pinning():
            self._write_pins(self.pinned() - {number})

    def prune(self, keep: int, in_use: Collection[int] = ()) -> list[int]:
        """Delete all but the last `keep`, the pinned, the current and those in use; which ones."""
        with self._pinning():
            numbers = self.numbers()
            spared = {*numbers[-max(keep, 1) :], *self.pinned(), *in_use, self.current()}
            gone = [number for number in numbers if number not in spared]
            for number in gone:
                self.path(number).unlink(missing_ok=True)
        return gone

    def remove(self, numbers: Collection[int]) -> list[int]:
        """Delete these editions, but not the current one or a pinned one; which were deleted."""
        with self._pinning():
            spared = {*self.pinned(), self.current()}
            gone = sorted(number for number in numbers if number not in spared)
            for number in gone:
                self.path(number).unlink(missing_ok=True)
        return gone

    def sweep(self) -> None:
        """Remove what killed writers left behind. Only for who holds the writer's lock."""
        published = {*self.numbers(), *self.pinned()}
        for entry in self.folder.iterdir() if self.folder.exists() else ():
            number = FINISHED.fullmatch(entry.name)
            if not number or int(number[1]) not in published:
                remove(entry)
        for left in self.home.glob("CURRENT.*.tmp"):
            remove(left)

    def note_problem(self, number: int, reason: str) -> None:
        """Remember that an edition is damaged, for the next writer and for who watches."""
        with suppress(OSError):  # a full disk must not keep the older edition from serving
            replace_text(self._problem, json.dumps({"edition": number, "reason": reason}))

    def problem(self) -> tuple[int, str] | None:
        """The current edition and why it cannot be used, if somebody found that out."""
        try:
            noted = json.loads(self._problem.read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            return None
        is_current = noted["edition"] == self.current()
        return (noted["edition"], noted["reason"]) if is_current else None

    def clear_problem(self) -> None:
        self._problem.unlink(missing_ok=True)

    def absence(self, number: int | None = None) -> str:
        """Tells the user that an edition is not here, or none at all."""
        if number is None:
            return f"{self.home}：还没有发布过版本；请先运行 python -m etl run"
        there = "、".join(map(str, self.numbers())) or "无"
        return f"{self.home}：没有版本 {number}（可能已清理）；现有：{there}"

    def ruin(self) -> str:
        """Tells the user that no edition can be read."""
        return f"{self.home}：没有一个版本读得出来；请从备份恢复 editions 目录"

    def _on_disk(self) -> set[int]:
        if not self.folder.exists():
            return set()
        found = (FINISHED.fullmatch(name) for name in os.listdir(self.folder))
        return {int(match[1]) for match in found if match}

    def _pinning(self) -> FileLock:
        return FileLock(self.home / "pins.lock")

    def _write_pins(self, numbers: set[int]) -> None:
        replace_text(self._pins, json.dumps(sorted(numbers)))


def replace_text(path: Path, text: str) -> None:
    """Write a small file so that a reader, or a crash, sees the old text or the new."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with open(fresh, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, path)
    fsync(path.parent)


def fsync(path: Path) -> None:
    """Make a file's content, or a folder's names, survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def copy(source: Path, target: Path) -> None:
    """Copy a file inside the kernel; where the file system can, the blocks are only shared."""
    with open(source, "rb") as old, open(target, "wb") as new:
        left = os.fstat(old.fileno()).st_size
        try:
            while left:
                left -= os.copy_file_range(old.fileno(), new.fileno(), left)
        except OSError as error:
            if error.errno not in UNSUPPORTED:
                raise
            old.seek(0)
            new.seek(0)
            shutil.copyfileobj(old, new, 1 << 20)


def remove(path: Path) -> None:
    """Delete a file or a folder, whichever it is."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
