"""Opens the files that polygon layers are delivered in, packed or not.

What a file is decides its content, not its name. Archives are hostile until measured: their
unpacked size, their compression ratio and the number of their members are bounded, and nothing is
ever written under a name that an archive chose.
"""

import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

MAX_BYTES = 2 << 30  # unpacked, of one file
MAX_RATIO = 100  # unpacked to packed
SMALL = 16 << 20  # an unpacked size at which the ratio does not matter yet
MAX_MEMBERS = 10_000
MAX_DEPTH = 3  # archives within archives
SHAPEFILE = (".shp", ".shx", ".dbf", ".prj", ".cpg")
PACKED = (".gz", ".xz", ".zip", ".tar", ".tgz", ".txz")


@dataclass(frozen=True)
class Problem:
    """One reason why a layer is refused; `polygon` counts from 1 in its file."""

    file: str
    polygon: int | None
    reason: str

    def __str__(self) -> str:
        place = self.file if self.polygon is None else f"{self.file} 第 {self.polygon} 个面"
        return f"{place}：{self.reason}"


class LayerError(ValueError):
    """A layer that cannot be used: `problems` has every reason, the text the first ten."""

    def __init__(self, *problems: Problem) -> None:
        self.problems = problems
        more = f"；另有 {len(problems) - 10} 处" if len(problems) > 10 else ""
        super().__init__("；".join(str(problem) for problem in problems[:10]) + more)


@dataclass(frozen=True)
class LayerFile:
    """One GeoJSON text, GeoPackage or shapefile. `parts`: content by suffix, such as `.shp`."""

    name: str  # for the user: archive and member
    stem: str  # the member's file name without its suffixes
    parts: dict[str, bytes]


def layer_files(source: Path | bytes, inside: str = "*") -> Iterator[LayerFile]:
    """The layer files in a file, an archive or a directory, in the order of their names.

    `inside` chooses members of archives and directories by a glob on their path, in which `*` also
    crosses folders. Raises LayerError for a damaged or oversized archive.
    """
    if isinstance(source, bytes):
        yield from _collected(_unpacked("（内存）", source, inside, 0), "*")
    elif source.is_dir():
        for file in sorted(source.iterdir()):
            if fnmatchcase(file.name, inside) and not _is_part_of_shapefile(file):
                yield from layer_files(file)
    elif source.suffix.lower() == ".shp":
        siblings = sorted(source.parent.glob(f"{source.stem}.*"))
        yield from _collected(((str(f), f.read_bytes()) for f in siblings), "*")
    else:
        yield from _collected(_unpacked(str(source), source.read_bytes(), inside, 0), "*")


def _is_part_of_shapefile(file: Path) -> bool:
    return file.suffix.lower() != ".shp" and file.with_suffix(".shp").exists()


def _collected(members: Iterator[tuple[str, bytes]], inside: str) -> Iterator[LayerFile]:
    """Members one by one as they come, save that the parts of a shapefile are put together."""
    shapefiles: dict[str, dict[str, bytes]] = {}
    for name, content in members:
        suffix = _suffix(name)
        if suffix in SHAPEFILE:
            shapefiles.setdefault(name[: -len(suffix)], {})[suffix] = content
        elif kind := _kind(content):
            yield LayerFile(name, _stem(name), {kind: content})
    for name, parts in sorted(shapefiles.items()):
        if ".shp" in parts:
            yield LayerFile(f"{name}.shp", _stem(name), parts)


def _kind(content: bytes) -> str | None:
    if content.startswith(b"SQLite format 3\0"):
        return ".gpkg"
    start = content[:64].removeprefix(b"\xef\xbb\xbf").lstrip()
    return ".json" if start.startswith(b"{") else None


def _unpacked(name: str, content: bytes, inside: str, depth: int) -> Iterator[tuple[str, bytes]]:
    """(name, content) of the file, or of its members if it is an archive."""
    unpack = next((u for starts, u in UNPACKERS.items() if content.startswith(starts)), None)
    if content[257:262] == b"ustar":
        unpack = _untar
    if unpack is None:
        yield name, content
        return
    if depth == MAX_DEPTH:
        raise LayerError(Problem(name, None, f"压缩包嵌套超过 {MAX_DEPTH} 层"))
    try:
        for member, unpacked in unpack(name, content, inside):
            yield from _unpacked(member, unpacked, "*" if member != name else inside, depth + 1)
    except (
        OSError,
        EOFError,
        lzma.LZMAError,
        tarfile.TarError,
        zipfile.BadZipFile,
        zlib.error,
    ) as e:
        raise LayerError(Problem(name, None, f"压缩包损坏（{e}）")) from e


def _ungzip(name: str, content: bytes, inside: str) -> Iterator[tuple[str, bytes]]:
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as stream:
        yield from _decompressed(name, content, inside, stream)


def _unxz(name: str, content: bytes, inside: str) -> Iterator[tuple[str, bytes]]:
    with lzma.LZMAFile(io.BytesIO(content)) as stream:
        yield from _decompressed(name, content, inside, stream)


def _decompressed(
    name: str, content: bytes, inside: str, stream: gzip.GzipFile | lzma.LZMAFile
) -> Iterator[tuple[str, bytes]]:
    """A tar is read as it unpacks, so that it never lies in memory as a whole."""
    bounded = Bounded(stream, name, len(content))
    head = io.BufferedReader(bounded, 1 << 16)
    if head.peek(512)[257:262] == b"ustar":
        with tarfile.open(fileobj=head, mode="r|") as tar:
            yield from _tar_members(name, inside, tar)
    else:
        yield name, head.read()


def _untar(name: str, content: bytes, inside: str) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as tar:
        yield from _tar_members(name, inside, tar)


def _tar_members(name: str, inside: str, tar: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    for count, member in enumerate(tar):
        _bound_members(name, count)
        path = member.name.removeprefix("./")
        if member.isfile() and _chosen(path, inside):
            yield f"{name}!{path}", cast(BinaryIO, tar.extractfile(member)).read()


def _unzip(name: str, content: bytes, inside: str) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = sorted(archive.infolist(), key=lambda member: member.filename)
        _bound_members(name, len(members) - 1)
        _bound_bytes(name, sum(member.file_size for member in members), len(content))
        for member in members:
            path = _zip_name(member)
            if not member.is_dir() and _chosen(path, inside):
                if member.flag_bits & 1:
                    raise LayerError(Problem(f"{name}!{path}", None, "压缩包有密码"))
                yield f"{name}!{path}", archive.read(member)


def _zip_name(member: zipfile.ZipInfo) -> str:
    """Chinese Windows packs names as GBK without saying so; zipfile then reads them as cp437."""
    if member.flag_bits & 0x800:
        return member.filename
    try:
        return member.filename.encode("cp437").decode("gb18030")
    except UnicodeError:
        return member.filename


def _chosen(path: str, inside: str) -> bool:
    name = PurePosixPath(path)
    hidden = name.name.startswith(".") or "__MACOSX" in name.parts
    part = name.suffix.lower() in SHAPEFILE and fnmatchcase(str(name.with_suffix(".shp")), inside)
    return not hidden and (part or fnmatchcase(path, inside))


class Bounded(io.RawIOBase):
    """A stream that unpacks, and refuses to go on beyond what an honest file of its size holds."""

    def __init__(self, stream: gzip.GzipFile | lzma.LZMAFile, name: str, packed: int) -> None:
        self.stream, self.name_, self.packed, self.size = stream, name, packed, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        got = self.stream.read(len(buffer))
        self.size += len(got)
        _bound_bytes(self.name_, self.size, self.packed)
        buffer[: len(got)] = got
        return len(got)


def _bound_bytes(name: str, size: int, packed: int) -> None:
    if size > MAX_BYTES:
        raise LayerError(Problem(name, None, f"解压后超过 {MAX_BYTES >> 30} GiB"))
    if size > max(SMALL, MAX_RATIO * packed):
        raise LayerError(Problem(name, None, f"压缩比超过 {MAX_RATIO}，疑似压缩炸弹"))


def _bound_members(name: str, count: int) -> None:
    if count >= MAX_MEMBERS:
        raise LayerError(Problem(name, None, f"压缩包成员超过 {MAX_MEMBERS} 个"))


def _suffix(name: str) -> str:
    return PurePosixPath(name.rpartition("!")[2]).suffix.lower()


def _stem(name: str) -> str:
    """E08000031 of x.tar.xz!json/E08000031.json, tracts of tracts.geojson.gz."""
    path = Path(name.rpartition("!")[2])
    while path.suffix.lower() in (*PACKED, *SHAPEFILE, ".json", ".geojson", ".gpkg"):
        path = path.with_suffix("")
    return path.name


UNPACKERS: dict[bytes, Callable[[str, bytes, str], Iterator[tuple[str, bytes]]]] = {
    b"\x1f\x8b": _ungzip,
    b"\xfd7zXZ\0": _unxz,
    b"PK\x03\x04": _unzip,
}
