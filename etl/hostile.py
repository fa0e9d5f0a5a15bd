"""Refuses a delivered file that is dangerous or out of proportion, naming it and the reason."""

import re
import stat
import tempfile
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from tarfile import TarInfo
from typing import BinaryIO
from zipfile import ZipFile, ZipInfo

BLOCK = 1 << 20
MIB = 1 << 20
JUNK_NAMES = {".DS_Store", "Thumbs.db", "desktop.ini"}
OFFICE_NAMES = {"[Content_Types].xml", "mimetype"}  # xlsx, docx; ods
ZIP_ENCRYPTED = 0x1
ZIP_NAME_IS_UTF8 = 0x800


class FileError(ValueError):
    """One delivered file cannot be used: `file`, `code` (for statistics), `reason` (Chinese)."""

    def __init__(self, file: object, code: str, reason: str) -> None:
        super().__init__(f"{file}：{reason}")
        self.file, self.code, self.reason = str(file), code, reason


class HostileFile(FileError):
    """The file would do harm if it were unpacked, so nothing of it was read."""


class Unreachable(FileError):
    """The file could not be read this time, whatever it holds: it is tried again."""


@dataclass(frozen=True)
class Limits:
    """How far an archive may expand: TRUST 3a, hostile files. Sizes in bytes."""

    ratio: int = 100
    ratio_from: int = 50 * MIB
    total: int = 2048 * MIB
    members: int = 10_000


LIMITS = Limits()


@dataclass(frozen=True)
class Entry:
    """What an archive says of one of its members, before any of its bytes is read."""

    name: str
    size: int
    packed: int  # bytes it takes in the archive, 0 when unknown
    is_plain: bool  # neither link nor device nor pipe


def zip_entries(archive: ZipFile) -> list[tuple[Entry, ZipInfo]]:
    return [
        (Entry(_zip_name(info), info.file_size, info.compress_size, _is_plain(info)), info)
        for info in archive.infolist()
        if not info.is_dir()
    ]


def tar_entries(infos: Iterable[TarInfo]) -> list[tuple[Entry, TarInfo]]:
    return [
        (Entry(readable_name(info.name), info.size, 0, info.isreg()), info)
        for info in infos
        if not info.isdir()
    ]


def refuse_hostile(file: object, size: int, entries: list[Entry], limits: Limits) -> None:
    """Raises HostileFile when the archive `file` of `size` bytes may not be unpacked."""
    if len(entries) > limits.members:
        raise HostileFile(file, "members", f"含 {len(entries)} 个文件，超过上限 {limits.members}")
    for entry in entries:
        _refuse_entry(file, entry, limits)
    refuse_growth(file, size, sum(entry.size for entry in entries), limits)
    names = [entry.name for entry in entries if not is_junk(entry.name)]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise HostileFile(file, "twice", f"同名文件出现两次：{twice}")


def refuse_growth(file: object, packed: int, unpacked: int, limits: Limits) -> None:
    """Raises HostileFile when `packed` bytes become too many `unpacked` ones."""
    if unpacked > limits.total:
        raise HostileFile(file, "total", f"解压后超过 {limits.total // MIB} MiB")
    if unpacked > limits.ratio_from and unpacked > limits.ratio * max(packed, 1):
        raise HostileFile(file, "ratio", f"压缩比超过 {limits.ratio}，疑为压缩炸弹")


def expand(file: object, stream: BinaryIO, packed: int, limits: Limits) -> BinaryIO:
    """The decompressed stream as a temporary file, stopped as soon as it grows too far.

    An xz or gz tells nothing of its content beforehand; after this one pass it can be read in
    any order.
    """
    spool, size = tempfile.TemporaryFile(prefix="zhinao-"), 0  # noqa: SIM115 -- the archive owns it
    try:
        while block := stream.read(BLOCK):
            size += len(block)
            refuse_growth(file, packed, size, limits)
            spool.write(block)
    except BaseException:
        spool.close()
        raise
    spool.seek(0)
    return spool  # type: ignore[return-value]


def is_junk(name: str) -> bool:
    """What macOS and Windows leave in archives and folders, and half-written or lock files."""
    parts = PurePosixPath(name).parts
    last = parts[-1] if parts else ""
    return (
        "__MACOSX" in parts
        or last in JUNK_NAMES
        or last.startswith(("._", "~$"))
        or last.endswith((".part", ".partial", ".filepart", ".crdownload", ".tmp"))
    )


def readable_name(name: str) -> str:
    """A file name as text: names that are not UTF-8 were written by a Chinese Windows (GB18030)."""
    try:
        name.encode()
    except UnicodeEncodeError:
        raw = name.encode("utf-8", "surrogateescape")
        name = raw.decode("gb18030", "replace")
    return unicodedata.normalize("NFC", PurePosixPath(name.replace("\\", "/")).as_posix())


def _zip_name(info: ZipInfo) -> str:
    if info.flag_bits & ZIP_NAME_IS_UTF8:
        return readable_name(info.filename)
    try:  # without the flag zipfile has taken the bytes for cp437
        return readable_name(info.filename.encode("cp437").decode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:
        return readable_name(info.filename)


def _is_plain(info: ZipInfo) -> bool:
    kind = stat.S_IFMT(info.external_attr >> 16)  # 0 when packed on Windows
    return kind in (0, stat.S_IFREG)


def _refuse_entry(file: object, entry: Entry, limits: Limits) -> None:
    parts = entry.name.split("/")
    if entry.name.startswith("/") or re.match(r"[A-Za-z]:", entry.name) or ".." in parts:
        raise HostileFile(file, "path", f"文件名指向目录之外：{entry.name}")
    if not entry.is_plain:
        raise HostileFile(file, "link", f"含链接或设备文件：{entry.name}")
    if entry.packed:
        refuse_growth(f"{file}（{entry.name}）", entry.packed, entry.size, limits)
