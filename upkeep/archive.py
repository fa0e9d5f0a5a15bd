"""A backup as one file: a compressed tar whose last member says what the others must be.

Nobody need trust a name or a size in it: what is no plain file of a known folder is refused."""

import hashlib
import json
import os
import re
import secrets
import shutil
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO, Any

from backports.zstd import CompressionParameter, ZstdError, tarfile

FORMAT = 1
MANIFEST = "manifest.json"
FOLDERS = ("home", "site", "store")  # in which members lie: of the home, of the site, copies
SUFFIXES = {".tar.zst": "zst", ".tar.gz": "gz"}
SAFE = re.compile(r"[^\x00-\x1f\x7f\\]+")
LONGEST_NAME = 1000
LARGEST_MANIFEST = 64_000_000  # bytes
CHUNK = 1 << 20
LEFT_FOR = 86_400  # seconds; no backup takes a day
CHECKED = {"zst": {"options": {CompressionParameter.checksum_flag: 1}}}  # gzip always is
BROKEN = (
    *(tarfile.TarError, ZstdError, zlib.error),
    *(EOFError, OSError, ValueError, KeyError, TypeError, RecursionError),
)


KINDS = {  # of what a manifest says
    **dict.fromkeys(("made_at", "program"), str),
    **dict.fromkeys(("site", "store", "revision", "inbox"), str | None),
    **{"current": int | None, "has_audit_key": bool, "editions": list, "left_out": list},
}


class BackupError(Exception):
    """A backup cannot be made or used; its text is Chinese, for the user."""


@dataclass(frozen=True)
class Member:
    """One file of a backup."""

    name: str
    size: int  # bytes
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a backup holds, and of what."""

    made_at: str  # ISO 8601 with its zone
    program: str  # version
    site: str | None  # name; None where nothing was loaded yet
    editions: tuple[int, ...]
    current: int | None
    store: str | None  # sqlite, postgresql; None where there was none
    revision: str | None  # of the store's tables
    has_audit_key: bool
    inbox: str | None  # where the deliveries lie within the home; None = elsewhere
    left_out: tuple[str, ...]  # why what is not in it
    members: tuple[Member, ...] = field(default=())
    format: int = FORMAT


def kind_of(path: Path) -> str:
    """zst or gz, by the name; BackupError where it is neither."""
    for suffix, kind in SUFFIXES.items():
        if path.name.endswith(suffix):
            return kind
    raise BackupError(f"{path.name}：备份文件名应以 {' 或 '.join(SUFFIXES)} 结尾")


@contextmanager
def written(target: Path) -> Iterator["Writer"]:
    """A new archive; it has its name only when it is whole, on the disk, and read back."""
    kind = kind_of(target)
    if target.exists():
        raise BackupError(f"{target} 已存在；备份不覆盖别的备份")
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        with open(part, "xb", opener=private) as file:
            options: Any = {"format": tarfile.PAX_FORMAT, **CHECKED.get(kind, {})}
            with _opened(file, f"w:{kind}", **options) as tar:
                yield Writer(tar)
            file.flush()
            os.fsync(file.fileno())
        verify(part, kind)
        os.rename(part, target)
        _fsync(target.parent)
    finally:
        part.unlink(missing_ok=True)


class Writer:
    """Adds members, and remembers what they were."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self.members: list[Member] = []

    def add(self, name: str, file: IO[bytes]) -> None:
        """A file as it is now, from its beginning; BackupError where it becomes shorter meanwhile.
        What is appended meanwhile is left."""
        size = _size(file)
        digest = hashlib.sha256()
        try:
            self._tar.addfile(_described(name, size), _Hashed(file, digest.update))
        except OSError as error:
            raise BackupError(f"{name} 在备份时变短，或写不下去（{error}）；请再试") from None
        self.members.append(Member(name, size, digest.hexdigest()))

    def finish(self, manifest: Manifest) -> None:
        """Say last what all the others must be."""
        text = json.dumps(asdict(manifest), ensure_ascii=False, indent=1).encode()
        self._tar.addfile(_described(MANIFEST, len(text)), BytesIO(text))


def verify(path: Path, kind: str | None = None) -> Manifest:
    """What the backup holds, once every member was read and is what the manifest says. BackupError
    otherwise."""
    return extract(path, lambda _name, content: [None for _ in content], kind)


def extract(
    path: Path, use: Callable[[str, Iterator[bytes]], Any], kind: str | None = None
) -> Manifest:
    """Give each member's name and content to `use`, which must read it to its end; the manifest,
    once all were what it says. BackupError otherwise: what was read before that is not to be used.
    """
    found: list[Member] = []
    manifest = None
    try:
        with open(path, "rb") as file, _opened(file, f"r:{kind or kind_of(path)}") as tar:
            for entry in tar:
                if manifest is not None:
                    raise BackupError(f"{path.name}：清单之后还有内容")
                if entry.name == MANIFEST:
                    manifest = _manifest(tar, entry)
                else:
                    found.append(_read(tar, entry, use))
            _check_to_the_end(tar.fileobj)
    except BROKEN as error:
        raise BackupError(f"{path.name} 读不出来：{type(error).__name__} {error}") from None
    if manifest is None:
        raise BackupError(f"{path.name} 没有清单：不是备份，或不完整")
    _compare(path, found, manifest.members)
    return manifest


def _opened(file: IO[bytes], mode: str, **options: Any) -> tarfile.TarFile:
    return tarfile.open(fileobj=file, mode=mode, **options)  # type: ignore[call-overload]


def _check_to_the_end(stream: Any) -> None:
    """The checksum of the whole stands after the last member, where tarfile does not look; a byte
    that was changed may else have changed a name and the manifest alike."""
    while stream.read(CHUNK):
        pass


def _read(tar: tarfile.TarFile, entry: tarfile.TarInfo, use: Callable) -> Member:
    check_name(entry)
    content = tar.extractfile(entry)
    if content is None:
        raise BackupError(f"{entry.name!r} 不是文件")
    digest, size = hashlib.sha256(), 0

    def chunks() -> Iterator[bytes]:
        nonlocal size
        while chunk := content.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
            yield chunk

    use(entry.name, chunks())
    return Member(entry.name, size, digest.hexdigest())


def check_name(entry: tarfile.TarInfo) -> None:
    """BackupError for whatever is no plain file inside one of FOLDERS: links, devices, and names
    that lead elsewhere."""
    is_inside = "/" in entry.name and entry.name.split("/")[0] in FOLDERS
    if not (is_inside and _leads_down(entry.name)):
        raise BackupError(f"备份中有不该有的路径 {entry.name[:100]!r}")
    if not entry.isreg():
        raise BackupError(f"备份中的 {entry.name[:100]!r} 不是普通文件（链接或设备），拒绝使用")


def _leads_down(name: str) -> bool:
    """Whether a name is a path that begins nowhere else, goes nowhere else and can be said."""
    is_plain = not {"", ".", ".."} & {*name.split("/")} and str(PurePosixPath(name)) == name
    return bool(is_plain and len(name) <= LONGEST_NAME and SAFE.fullmatch(name))


def _manifest(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> Manifest:
    content = tar.extractfile(entry) if entry.isreg() else None
    if content is None or entry.size > LARGEST_MANIFEST:
        raise BackupError("清单不是文件，或太大")
    said = json.loads(content.read())
    if said["format"] != FORMAT:
        raise BackupError(f"备份是第 {said['format']} 种格式，本程序只认第 {FORMAT} 种")
    _check_kinds(said)
    if said["inbox"] is not None and not _leads_down(said["inbox"]):
        raise BackupError(f"清单中有不该有的路径 {said['inbox'][:100]!r}")
    members = tuple(Member(**each) for each in said["members"])
    if not all(map(_is_said, members)):
        raise BackupError("清单中有不该有的文件")
    lists = {name: tuple(said[name]) for name in ("editions", "left_out")}
    return Manifest(**{**said, **lists, "members": members})


def _check_kinds(said: dict[str, Any]) -> None:
    """TypeError or ValueError for what is not of its kind; what is missing or too much, Manifest
    itself refuses."""
    wrong = [name for name, kind in KINDS.items() if not isinstance(said[name], kind)]
    wrong += [
        name
        for name, kind in (("editions", int), ("left_out", str))
        if not all(isinstance(each, kind) for each in said[name])
    ]
    if wrong:
        raise TypeError(f"{MANIFEST}: {wrong[0]}")
    datetime.fromisoformat(said["made_at"])


def _is_said(member: Member) -> bool:
    is_sized = isinstance(member.size, int) and member.size >= 0
    return is_sized and isinstance(member.name, str) and isinstance(member.sha256, str)


def _compare(path: Path, found: Iterable[Member], wanted: Iterable[Member]) -> None:
    there = [each.name for each in found]
    if len(set(there)) < len(there):
        raise BackupError(f"{path.name}：同一个文件出现两次")
    have, want = ({each.name: each for each in side} for side in (found, wanted))
    if wrong := sorted(
        name for name in have.keys() | want.keys() if have.get(name) != want.get(name)
    ):
        raise BackupError(f"{path.name}：{wrong[0]} 与清单不符（共 {len(wrong)} 个）")


def sweep(folder: Path, pattern: str) -> None:
    """Remove what a killed backup or restore left, after a day: it holds all that they do."""
    for left in folder.glob(pattern):
        if time.time() - left.stat().st_mtime > LEFT_FOR:
            shutil.rmtree(left) if left.is_dir() else left.unlink()


def private(path: str, flags: int) -> int:
    """An opener of files that nobody else may read."""
    return os.open(path, flags, 0o600)


def _size(file: IO[bytes]) -> int:
    return os.fstat(file.fileno()).st_size


def _described(name: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o600
    return entry


def _fsync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class _Hashed:
    """A file that tells what was read of it."""

    def __init__(self, file: IO[bytes], told: Callable[[bytes], object]) -> None:
        self._file, self._told = file, told

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._told(data)
        return data
