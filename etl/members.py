"""Finds the delivered files of a source, plain or packed, and gives each as one Member to read."""

import bz2
import fnmatch
import gzip
import hashlib
import io
import lzma
import os
import shutil
import stat
import tarfile
import tempfile
import time
import weakref
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import islice
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import BinaryIO, Generic, TypeVar, cast

from etl.hostile import (
    BLOCK,
    LIMITS,
    OFFICE_NAMES,
    ZIP_ENCRYPTED,
    FileError,
    HostileFile,
    Limits,
    Unreachable,
    expand,
    is_junk,
    readable_name,
    refuse_hostile,
    tar_entries,
    zip_entries,
)

__all__ = ["FileError", "HostileFile", "Limits", "Member", "containers", "is_settled", "unpack"]

EXPANDERS: dict[bytes, ModuleType] = {b"\x1f\x8b": gzip, b"BZh": bz2, b"\xfd7zXZ\x00": lzma}
FOREIGN = {b"Rar!": "rar", b"7z\xbc\xaf\x27\x1c": "7z", b"\x28\xb5\x2f\xfd": "zstd"}
DAMAGE = (zipfile.BadZipFile, tarfile.TarError, lzma.LZMAError, zlib.error, EOFError)
UNSUPPORTED = (NotImplementedError, RuntimeError)  # zipfile: unknown compression, password


@dataclass(frozen=True)
class Member:
    """One delivered file, the unit of delivery; `name` is that inside the archive around it."""

    name: str
    delivered: "Container" = field(repr=False, compare=False)
    size: int
    _open: Callable[[], BinaryIO] = field(repr=False, compare=False)
    _is_plain: bool = field(default=False, repr=False, compare=False)
    _is_entry: bool = field(default=False, repr=False, compare=False)  # one of an archive's

    @property
    def container(self) -> Path:
        """The file that it came in."""
        return self.delivered.path

    def open(self) -> BinaryIO:
        """Its bytes, seekable; may be opened again. Reading raises FileError, never OSError."""
        with _faults(self.label):
            return cast(BinaryIO, io.BufferedReader(_Guarded(self._open(), self.label), BLOCK))

    @property
    def label(self) -> str:
        """How messages name it: the file, and the archive it came in."""
        return self.name if self._is_plain else f"{self.container.name}（{self.name}）"

    @property
    def full_name(self) -> str:
        """Its name and that of the archive around: no other member that lies there has it."""
        delivered = self.delivered.name
        return f"{delivered}/{self.name}" if self._is_entry else delivered

    @cached_property
    def content_hash(self) -> str:
        """sha256 of its bytes, hex."""
        if self._is_plain:
            return self.delivered.hash
        with self.open() as stream:
            return _sha256(stream)

    @contextmanager
    def path(self) -> Iterator[Path]:
        """A real file with its bytes, for readers that need one: itself, or a temporary copy."""
        if self._is_plain:
            with self.open():  # the reader would not tell what it may not read from damage
                yield self.container
            return
        with tempfile.NamedTemporaryFile(prefix="zhinao-") as copy, self.open() as stream:
            shutil.copyfileobj(stream, copy, BLOCK)
            copy.flush()
            yield Path(copy.name)


@dataclass(frozen=True, eq=False)
class Container:
    """A delivered file as it lies on disk; knows its own hash before anything is unpacked."""

    path: Path
    name: str

    @cached_property
    def hash(self) -> str:
        """sha256 of the file, hex: an unchanged archive is recognised without unpacking it."""
        with _faults(self.name), self.path.open("rb") as stream:
            return _sha256(stream)

    @property
    def size(self) -> int:
        return self.path.stat().st_size

    def mark(self) -> tuple[int, int, int, int]:
        """Another one after every change of the file; known without reading it."""
        with _faults(self.name):
            stat = self.path.stat()
        return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino


class Room:
    """How many archives stay open, expanded where they must be: those that were used last.

    The others are opened again when one of their members is read, so that a thousand of them need
    neither a thousand descriptors nor their expanded size on disk.
    """

    def __init__(self, archives: int = 32, size: int = LIMITS.total) -> None:
        self._archives, self._size = archives, size
        self._open: dict[_Archive, int] = {}  # the last used at the end -> bytes taken on disk

    def take(self, archive: "_Archive", size: int) -> None:
        """`archive`, which takes `size` bytes, is used now; those used longest ago make room."""
        self._open.pop(archive, None)
        self._open[archive] = size
        while len(self._open) > self._archives or (
            len(self._open) > 1 and sum(self._open.values()) > self._size
        ):
            oldest = next(iter(self._open))
            del self._open[oldest]
            oldest.close()


def containers(
    root: Path, files: Sequence[str], problems: list[FileError] | None = None
) -> list[Container]:
    """The delivered files themselves, packed or not, sorted by their path under root, each once."""
    found: dict[str, Container] = {}
    for entry in files:
        try:
            paths = _matches(root, entry)
        except FileError as problem:
            _report(problem, problems)
            continue
        for path in paths:
            name = readable_name(path.relative_to(root).as_posix())
            found[name] = Container(path, name)
    return [found[name] for name in sorted(found)]


def unpack(
    container: Container,
    inside: str = "*",
    limits: Limits = LIMITS,
    room: Room | None = None,
    wanted: Set[str] | None = None,
) -> list[Member]:
    """The members of one delivered file, sorted by name; itself when it is not an archive.

    Only those `wanted` by name, if that is said: then no file is expanded for the one other that
    it holds.

    Compressed streams are expanded to a temporary file in one pass, which lives as long as there
    is `room` for it or one of its members is being read. Raises FileError or HostileFile.
    """
    room = room or Room()
    with _faults(container.name):
        found = _members(container, inside, limits, room, wanted)
    return [member for member in found if wanted is None or member.name in wanted]


def _members(
    container: Container, inside: str, limits: Limits, room: Room, wanted: Set[str] | None
) -> list[Member]:
    if not stat.S_ISREG(container.path.stat().st_mode):
        raise FileError(container.name, "not_a_file", "不是普通文件")
    with container.path.open("rb") as stream:
        head = stream.read(tarfile.BLOCKSIZE)
    for magic, kind in FOREIGN.items():
        if head.startswith(magic):
            raise FileError(container.name, "archive_kind", f"不支持 {kind} 压缩，请改用 zip")
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _unzip(container, inside, limits, room)
    for magic, codec in EXPANDERS.items():
        if head.startswith(magic):
            if wanted is not None and not _may_hold(container, codec, wanted):
                return []
            return _expand(container, codec, inside, limits, room)
    if _is_tar(head):
        return _untar(_Archive(container, partial(_stored, container.path), room), inside, limits)
    return [_plain(container)]


def is_settled(path: Path, seconds: float) -> bool:
    """Whether nothing was written to the file for `seconds`, so that it is not still arriving.

    The change time counts, not the modification time: copying tools set the latter back.
    """
    try:
        return time.time() - path.stat().st_ctime >= seconds
    except OSError:
        return False


def _matches(root: Path, entry: str) -> list[Path]:
    if PurePosixPath(entry).is_absolute() or ".." in PurePosixPath(entry).parts:
        raise FileError(entry, "declaration", "文件须在输入目录之内，不能用绝对路径或 ..")
    path = root / entry
    if path.is_dir():
        return [found for found in path.rglob("*") if found.is_file() and _is_wanted(root, found)]
    if os.path.lexists(path):
        return [path]
    if any(sign in entry for sign in "*?["):
        return [
            found for found in root.glob(entry) if not found.is_dir() and _is_wanted(root, found)
        ]
    raise FileError(entry, "missing", "文件不存在")


def _is_wanted(root: Path, path: Path) -> bool:
    name = path.relative_to(root)
    return not is_junk(name.as_posix()) and not any(part.startswith(".") for part in name.parts)


def _plain(container: Container) -> Member:
    opener = partial(container.path.open, "rb")
    return Member(container.name, container, container.size, opener, _is_plain=True)


def _unzip(container: Container, inside: str, limits: Limits, room: Room) -> list[Member]:
    opened = _Archive(container, partial(zipfile.ZipFile, container.path), room)
    archive = opened.get()
    entries = zip_entries(archive)
    refuse_hostile(container.name, container.size, [entry for entry, _ in entries], limits)
    if OFFICE_NAMES & set(archive.namelist()):  # an xlsx is a zip too, but one document
        return [_plain(container)]
    if any(info.flag_bits & ZIP_ENCRYPTED for _, info in entries):
        raise FileError(container.name, "password", "压缩包有密码")
    return [
        Member(
            entry.name, container, entry.size, partial(_open_zipped, opened, info), _is_entry=True
        )
        for entry, info in sorted(entries, key=lambda pair: pair[0].name)
        if _is_selected(entry.name, inside)
    ]


def _expand(
    container: Container, codec: ModuleType, inside: str, limits: Limits, room: Room
) -> list[Member]:
    archive = _Archive(container, partial(_expanded, container, codec, limits), room)
    spool = archive.get()
    if _is_tar(os.pread(spool.descriptor, tarfile.BLOCKSIZE, 0)):
        return _untar(archive, inside, limits)
    name = _expanded_name(container)
    return [Member(name, container, spool.size, partial(_slice, archive, 0, spool.size))]


def _may_hold(container: Container, codec: ModuleType, wanted: Set[str]) -> bool:
    """Whether a compressed file is one of the wanted, or an archive of which that is not known."""
    if _expanded_name(container) in wanted:
        return True
    with codec.open(container.path) as stream:
        return _is_tar(stream.read(tarfile.BLOCKSIZE))


def _expanded_name(container: Container) -> str:
    return container.name.removesuffix(container.path.suffix)


def _expanded(container: Container, codec: ModuleType, limits: Limits) -> "_Shared":
    with codec.open(container.path) as stream:
        return _Shared(expand(container.name, stream, container.size, limits), is_spool=True)


def _stored(path: Path) -> "_Shared":
    return _Shared(path.open("rb"))


def _untar(opened: "_Archive[_Shared]", inside: str, limits: Limits) -> list[Member]:
    shared, container = opened.get(), opened.container
    with open(shared.descriptor, "rb", closefd=False) as stream:
        stream.seek(0)
        archive = tarfile.open(fileobj=stream, mode="r:")  # noqa: SIM115 -- the stream is shared
        infos = list(islice(archive, 2 * limits.members + 1))
    if len(infos) > 2 * limits.members:  # as many folders as files are allowed
        raise HostileFile(container.name, "members", f"条目超过上限 {2 * limits.members}")
    if os.pread(shared.descriptor, tarfile.BLOCKSIZE, archive.offset) != bytes(tarfile.BLOCKSIZE):
        raise FileError(container.name, "damaged", "压缩文件损坏或不完整（没有结尾）")
    entries = tar_entries(infos)
    refuse_hostile(container.name, container.size, [entry for entry, _ in entries], limits)
    return [
        Member(
            entry.name, container, entry.size, partial(_open_tarred, opened, info), _is_entry=True
        )
        for entry, info in sorted(entries, key=lambda pair: pair[0].name)
        if _is_selected(entry.name, inside)
    ]


def _is_tar(head: bytes) -> bool:
    return head[257:262] == b"ustar"


def _is_selected(name: str, inside: str) -> bool:
    """A pattern without a slash is about the file name alone; junk never counts."""
    subject = name if "/" in inside else PurePosixPath(name).name
    return fnmatch.fnmatchcase(subject, inside) and not is_junk(name)


def _open_zipped(archive: "_Archive[zipfile.ZipFile]", info: zipfile.ZipInfo) -> BinaryIO:
    return cast(BinaryIO, archive.get().open(info))


def _open_tarred(archive: "_Archive[_Shared]", info: tarfile.TarInfo) -> BinaryIO:
    if info.issparse():
        raise FileError(info.name, "sparse", "不支持稀疏文件")
    return _slice(archive, info.offset_data, info.size)


def _slice(archive: "_Archive[_Shared]", start: int, size: int) -> BinaryIO:
    return cast(BinaryIO, _Slice(archive.get(), start, size))


class _Shared:
    """A file on disk that several slices read; closed when the last of them is gone."""

    def __init__(self, stream: BinaryIO, is_spool: bool = False) -> None:
        self.descriptor = stream.fileno()
        self.size = os.fstat(self.descriptor).st_size
        self.is_spool = is_spool
        weakref.finalize(self, stream.close)


Opened = TypeVar("Opened", zipfile.ZipFile, _Shared)


class _Archive(Generic[Opened]):
    """An archive that is opened when it is needed and may be closed between two members.

    What was learnt when it was first opened must still hold: a file that has changed since is not
    read on at the old places.
    """

    def __init__(self, container: Container, open: Callable[[], Opened], room: Room) -> None:
        self.container = container
        self._new, self._room = open, room
        self._opened: Opened | None = None
        self._mark = container.mark()

    def get(self) -> Opened:
        if self._opened is None:
            if self.container.mark() != self._mark:
                raise Unreachable(self.container.name, "changed", "文件在读取期间有变动")
            self._opened = self._new()
        opened = self._opened
        takes = opened.size if isinstance(opened, _Shared) and opened.is_spool else 0
        self._room.take(self, takes)
        return opened

    def close(self) -> None:
        """Let go of it; a member that is being read keeps it open until its end."""
        self._opened = None


class _Slice(io.RawIOBase):
    """`size` bytes of a shared file from `start`, with a position of its own."""

    def __init__(self, shared: _Shared, start: int, size: int) -> None:
        self.shared, self.start, self.size, self.position = shared, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def]
        wanted = min(len(buffer), self.size - self.position)
        block = os.pread(self.shared.descriptor, max(wanted, 0), self.start + self.position)
        if not block and wanted > 0:
            raise EOFError("the archive ends inside this member")
        buffer[: len(block)] = block
        self.position += len(block)
        return len(block)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self.position, os.SEEK_END: self.size}[whence]
        self.position = max(origin + offset, 0)
        return self.position


class _Guarded(io.RawIOBase):
    """A stream whose faults while reading become a FileError that names the file."""

    def __init__(self, stream: BinaryIO, label: str) -> None:
        self.stream, self.label = stream, label

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def]
        with _faults(self.label):
            block = self.stream.read(len(buffer))
        buffer[: len(block)] = block
        return len(block)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        with _faults(self.label):
            return self.stream.seek(offset, whence)

    def close(self) -> None:
        self.stream.close()
        super().close()


@contextmanager
def _faults(file: str) -> Iterator[None]:
    """Turns what a file system or an unpacker may raise into a FileError that names the file."""
    try:
        yield
    except FileNotFoundError as fault:
        raise Unreachable(file, "vanished", "文件已不存在") from fault
    except PermissionError as fault:
        raise Unreachable(file, "permission", "没有读取权限") from fault
    except DAMAGE as fault:
        raise FileError(file, "damaged", f"压缩文件损坏或不完整（{fault}）") from fault
    except UNSUPPORTED as fault:
        raise FileError(file, "archive_kind", f"压缩方式不支持（{fault}）") from fault
    except OSError as fault:
        if fault.errno is None:  # gzip and bz2 report damage so
            raise FileError(file, "damaged", f"压缩文件损坏或不完整（{fault}）") from fault
        raise Unreachable(file, "unreadable", f"读取失败（{fault}）") from fault


def _report(problem: FileError, problems: list[FileError] | None) -> None:
    if problems is None:
        raise problem
    problems.append(problem)


def _sha256(stream: BinaryIO) -> str:
    digest = hashlib.sha256()
    while block := stream.read(BLOCK):
        digest.update(block)
    return digest.hexdigest()
