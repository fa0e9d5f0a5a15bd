"""One file from which a centre can be made again, taken while it works.

In this order: the audit's anchor, for it may not be ahead of the store; the operations store, in
which is whatever was answered before; the editions, which never change; and last what was
delivered, of which there may be more than the editions know, never less."""

import os
import re
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import orjson

from access.audit import CONSOLE, Audit, entry
from access.copies import copy_sqlite, dump
from access.keys import KEY, KEY_FILE
from access.operations import FILE, Operations
from access.schema import revision_of
from data.editions.edition import EditionDamaged, EditionError
from data.editions.shelf import Shelf
from data.editions.store import EditionStore
from upkeep.archive import BackupError, Manifest, Writer, kind_of, sweep, written

ROOT = Path(__file__).parent.parent
SQLITE, POSTGRESQL = "sqlite", "postgresql"
STORES = {SQLITE: f"store/{FILE}", POSTGRESQL: "store/operations.pgdump"}  # as members
RUNS, ANCHOR = "store/runs.db", "store/audit.anchor"
EDITION = "home/editions/{}.duckdb"
CURRENT = "home/CURRENT"
# Of the home: copied otherwise, made anew by whoever needs it, or only of the moment.
OTHERWISE = re.compile(
    r"editions(/.*)?|layers(/.*)?|site(/.*)?|CURRENT|problem\.json|(operations|runs)\.db.*|audit\.anchor"
    r"|.*\.(tmp|part|lock|log|log\.\d+)"
)
TRIES = 5  # times that an edition may be pruned under us before we give up


@dataclass
class _Taken:
    """What was found so far."""

    left_out: list[str] = field(default_factory=list)
    store: str | None = None
    revision: str | None = None
    editions: tuple[int, ...] = ()
    current: int | None = None
    site: str | None = None


def backup(home: Path, target: Path, now: datetime, with_inbox: bool = True) -> Manifest:
    """Write `target` (.tar.zst or .tar.gz), which nobody but the owner may read; what is in it.
    BackupError, OperationsError or OSError where that fails, and then there is no file."""
    kind_of(target)
    if not home.is_dir():
        raise BackupError(f"{home}：没有这个数据目录")
    taken = _Taken()
    for pattern in (".zhinao-*", ".*.tar.*.????????.part"):
        sweep(target.parent, pattern)
    # Beside the target: where a backup has room, the copies for it have.
    with tempfile.TemporaryDirectory(prefix=".zhinao-", dir=target.parent) as folder:
        copies = _store_copies(home, Path(folder), target.name, now, taken)
        with ExitStack() as opened, written(target) as archive:
            editions = _opened_editions(home, opened, taken)
            _add_all(archive, copies | editions)
            if taken.current is not None:
                _add_text(archive, Path(folder), CURRENT, f"{taken.current}\n")
            origin = _origin(home)
            _add_home(archive, home, _inbox(home, origin) if not with_inbox else None, taken)
            _add_site(archive, origin, taken)
            manifest = _manifest(home, archive, taken, origin, now)
            archive.finish(manifest)
    return manifest


def program_version() -> str:
    """Of this program, as pyproject.toml has it."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]


def _store_copies(
    home: Path, folder: Path, name: str, now: datetime, taken: _Taken
) -> dict[str, Path]:
    """Copies of what is written all the time: member -> file."""
    copies: dict[str, Path] = {}
    operations = Operations(home)
    try:
        if not operations.is_file or (home / FILE).exists():
            copies = _operations_copies(operations, folder, name, now, taken)
    finally:
        operations.close()
    if (home / "runs.db").exists():
        copies[RUNS] = folder / "runs.db"
        copy_sqlite(home / "runs.db", copies[RUNS])
    return copies


def _operations_copies(
    operations: Operations, folder: Path, name: str, now: datetime, taken: _Taken
) -> dict[str, Path]:
    audit = Audit(operations)
    audit.note(entry(CONSOLE, "backup", name), now)  # it holds everybody's data
    copies = {}
    if audit.anchor.exists():
        copies[ANCHOR] = folder / "audit.anchor"
        copies[ANCHOR].write_bytes(_whole_lines(audit.anchor.read_bytes()))
    with operations.reading() as connection:
        taken.revision = revision_of(connection)
    taken.store = SQLITE if operations.is_file else POSTGRESQL
    copies[STORES[taken.store]] = copy = folder / Path(STORES[taken.store]).name
    if operations.is_file:
        copy_sqlite(operations.home / FILE, copy)
    else:
        dump(operations.url, copy)
    if os.environ.get(KEY):
        taken.left_out.append(f"审计密钥在环境变量 {KEY} 中，不在备份里，请另行保管")
    return copies


def _whole_lines(text: bytes) -> bytes:
    """Without one that is being written."""
    return text[: text.rfind(b"\n") + 1]


def _opened_editions(home: Path, opened: ExitStack, taken: _Taken) -> dict[str, Path]:
    """The current edition and the pinned ones, each read whole once; held open, so that pruning
    does not take them away. In place of a damaged current one the newest that is sound."""
    shelf, store = Shelf(home), EditionStore(home)
    try:
        for _ in range(TRIES):
            with suppress(FileNotFoundError):  # pruned: newer ones were published meanwhile
                return _held(shelf, store, opened, taken)
    finally:
        store.close()
    raise BackupError(f"{home}：版本更替太快，备份没有做成；请稍后再试")


def _held(shelf: Shelf, store: EditionStore, opened: ExitStack, taken: _Taken) -> dict[str, Path]:
    held: dict[int, Path] = {}
    for number in shelf.candidates():
        if held and number not in shelf.pinned():
            continue
        handle = os.open(shelf.path(number), os.O_RDONLY)
        opened.callback(os.close, handle)
        if _is_sound(store, number, taken):
            held[number] = Path(f"/proc/self/fd/{handle}")
    taken.current, taken.editions = next(iter(held), None), tuple(sorted(held))
    return {EDITION.format(number): path for number, path in held.items()}


def _is_sound(store: EditionStore, number: int, taken: _Taken) -> bool:
    """Whether every block can be read; one of another program's is taken as it is."""
    try:
        with store.reading(number) as edition:
            edition.scan()
            taken.site = taken.site or edition.site.name
    except EditionDamaged as error:
        taken.left_out.append(f"版本 {number} 已损坏，没有备份：{error}")
        return False
    except EditionError:
        pass
    return True


def _add_all(archive: Writer, files: dict[str, Path]) -> None:
    for name, path in files.items():
        with open(path, "rb") as file:
            archive.add(name, file)


def _add_text(archive: Writer, folder: Path, name: str, text: str) -> None:
    (folder / "text").write_text(text)
    _add_all(archive, {name: folder / "text"})


def _add_home(archive: Writer, home: Path, without: Path | None, taken: _Taken) -> None:
    """Every other file of the home."""
    for path in _files(home, taken):
        name = path.relative_to(home).as_posix()
        if OTHERWISE.fullmatch(name) or (without and path.is_relative_to(without)):
            continue
        with suppress(FileNotFoundError):  # delivered and taken back meanwhile
            _add_all(archive, {f"home/{name}": path})
    if without:
        taken.left_out.append("送来的文件（收件箱）没有备份")


def _files(folder: Path, taken: _Taken) -> Iterator[Path]:
    for base, folders, names in os.walk(folder):
        folders.sort()
        for name in [*names, *folders]:
            if (Path(base) / name).is_symlink():
                taken.left_out.append(f"链接 {(Path(base) / name).relative_to(folder)} 没有备份")
        paths = (Path(base) / name for name in sorted(names))
        yield from (path for path in paths if path.is_file() and not path.is_symlink())


def _origin(home: Path) -> dict[str, str]:
    """Where the site and the deliveries lie, as the last run recorded it; {} where none ran."""
    try:
        return orjson.loads((home / "origin.json").read_bytes())
    except (OSError, ValueError):
        return {}


def _inbox(home: Path, origin: dict[str, str]) -> Path | None:
    """The folder of the deliveries, where it is in the home."""
    inbox = Path(origin["input"]) if "input" in origin else home / "inbox"
    inside = home.resolve()
    if not inbox.is_relative_to(inside) or inbox == inside:
        return None
    return home / inbox.relative_to(inside)


def _add_site(archive: Writer, origin: dict[str, str], taken: _Taken) -> None:
    folder = Path(origin["site"]) if "site" in origin else None
    if folder is None:
        return
    if not folder.is_dir():
        taken.left_out.append(f"站点声明 {folder} 不在了，没有备份")
        return
    for path in _files(folder, taken):
        _add_all(archive, {f"site/{path.relative_to(folder).as_posix()}": path})


def _manifest(
    home: Path, archive: Writer, taken: _Taken, origin: dict[str, str], now: datetime
) -> Manifest:
    inbox = _inbox(home, origin)
    if inbox is None and "input" in origin:
        taken.left_out.append(f"送来的文件在 {origin['input']}，不在数据目录中，没有备份")
    return Manifest(
        made_at=now.isoformat(timespec="seconds"),
        program=program_version(),
        site=taken.site,
        editions=taken.editions,
        current=taken.current,
        store=taken.store,
        revision=taken.revision,
        has_audit_key=any(each.name == f"home/{KEY_FILE}" for each in archive.members),
        inbox=inbox and inbox.relative_to(home).as_posix(),
        left_out=tuple(taken.left_out),
        members=tuple(archive.members),
    )
