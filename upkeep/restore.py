"""A home made again from a backup: looked through first, built beside, and moved in place only when
all of it holds."""

import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from access.audit import ANCHOR_FILE, CONSOLE, Audit, entry
from access.copies import check_sqlite, is_empty, load, set_aside
from access.operations import FILE, Operations
from access.schema import newest
from data.editions.edition import EditionError, EditionOutdated
from data.editions.shelf import Shelf, fsync
from data.editions.store import EditionStore
from upkeep.archive import BackupError, Manifest, extract, private, sweep, verify
from upkeep.backup import ANCHOR, POSTGRESQL, RUNS, SQLITE, STORES

ERASED = "erased.json"  # of a home: the cases whose personal data are gone for good
PLACES = {  # of members that do not lie where they were copied from
    STORES[SQLITE]: FILE,
    STORES[POSTGRESQL]: "operations.pgdump",
    RUNS: "runs.db",
    ANCHOR: ANCHOR_FILE,
}


@dataclass(frozen=True)
class Restored:
    """What was made again, and what the user should know; `aside` is where the old home is now."""

    manifest: Manifest
    aside: Path | None
    notes: tuple[str, ...]


def restore(archive: Path, home: Path, now: datetime, is_replacing: bool = False) -> Restored:
    """Make the home of a backup, in place of none, of an empty folder, or, if told so, of one that
    is set aside. BackupError, OperationsError or OSError where that cannot be: the old home then
    stands as before."""
    home = home.resolve()
    if home.exists() and any(home.iterdir()) and not is_replacing:
        raise BackupError(f"{home} 不是空的；要代替它，请加 --replace（原来的会移到一旁）")
    manifest = verify(archive)
    _check_program(manifest)
    with _built_beside(home) as fresh:
        _check_room(manifest, home.parent)
        _unpack(archive, fresh, manifest)
        notes = [*manifest.left_out, *_settle(fresh, home, manifest), *_erased(fresh, home)]
        notes += _check_editions(fresh, manifest)
        with _store(fresh, manifest, now, is_replacing) as operations:
            notes += _check_store(operations, manifest, archive.name, now)
        aside = _move_in(fresh, home, now)
    return Restored(manifest, aside, tuple(notes))


def _check_program(manifest: Manifest) -> None:
    if manifest.revision is not None and manifest.revision > newest():
        raise BackupError(
            f"备份来自更新的程序（业务库第 {manifest.revision} 版，本程序到第 {newest()} 版）；"
            f"请用 {manifest.program} 或更新的程序恢复"
        )


@contextmanager
def _built_beside(home: Path) -> Iterator[Path]:
    home.parent.mkdir(parents=True, exist_ok=True)
    sweep(home.parent, f"{home.name}.restoring.*")
    fresh = home.with_name(f"{home.name}.restoring.{secrets.token_hex(4)}")
    fresh.mkdir(mode=0o700)
    try:
        yield fresh
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _check_room(manifest: Manifest, folder: Path) -> None:
    """A small backup may unpack to much."""
    size, free = sum(each.size for each in manifest.members), shutil.disk_usage(folder).free
    if size > free:
        raise BackupError(
            f"备份解开有 {size / 1e6:,.1f} MB，{folder} 只剩 {free / 1e6:,.1f} MB；没有恢复"
        )


def _unpack(archive: Path, fresh: Path, manifest: Manifest) -> None:
    """Write every member to its place, never more than `manifest` says; names were checked by
    `extract`."""
    left = {each.name: each.size for each in manifest.members}

    def write(name: str, content: Iterator[bytes]) -> None:
        target = fresh / PLACES.get(name, name.removeprefix("home/"))
        if not target.resolve().is_relative_to(fresh.resolve()):
            raise BackupError(f"备份中有不该有的路径 {name[:100]!r}")
        _make_folder(target.parent)
        with open(target, "xb", opener=private) as file:
            for chunk in content:
                left[name] = left.get(name, 0) - len(chunk)
                if left[name] < 0:
                    raise BackupError(f"{archive.name}：{name} 比清单说的大")
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())

    if extract(archive, write) != manifest:
        raise BackupError(f"{archive.name} 在恢复时变了；没有恢复")


def _make_folder(folder: Path) -> None:
    """With those above it; nobody else may look into any."""
    if not folder.exists():
        _make_folder(folder.parent)
        folder.mkdir(mode=0o700)


def _settle(fresh: Path, home: Path, manifest: Manifest) -> list[str]:
    """Where the site and the deliveries are from now on; what is to be said of it."""
    record = fresh / "origin.json"
    if not record.exists():
        return []
    origin, notes = _read(record), []
    if not isinstance(origin, dict) or not all(
        isinstance(origin.get(name), str) for name in ("site", "input")
    ):
        raise BackupError(f"备份中的 {record.name} 不是装载的记录")
    if not Path(origin["site"]).is_dir() and (fresh / "site").is_dir():
        notes.append(f"站点声明原在 {origin['site']}，这里没有；改用备份中的 {home / 'site'}")
        origin["site"] = str(home / "site")
    if manifest.inbox is not None:
        origin["input"] = str(home / manifest.inbox)
        _make_folder(fresh / manifest.inbox)
    elif not Path(origin["input"]).is_dir():
        notes.append(f"送来的文件原在 {origin['input']}，这里没有；请放回，或重新指定 --input")
    record.write_text(json.dumps(origin, ensure_ascii=False, indent=2), "utf-8")
    return notes


def _erased(fresh: Path, home: Path) -> list[str]:
    """What was erased since the backup must not come back for good: the old home's list goes on
    holding, and the next run obeys it."""
    known = _listed(fresh / ERASED)
    missed = [each for each in _listed(home / ERASED) if each not in known]
    if not missed:
        return []
    with open(fresh / ERASED, "w", encoding="utf-8", opener=private) as file:
        json.dump([*known, *missed], file, ensure_ascii=False, indent=1)
    return [f"备份之后清除过 {len(missed)} 件事项的个人信息：下一次装载会再清除，请随即运行"]


def _listed(path: Path) -> list[dict]:
    found = _read(path) if path.exists() else []
    if not isinstance(found, list):
        raise BackupError(f"{path.name} 不是清除的记录")
    return found


def _read(path: Path) -> Any:
    """What a file of a home says; BackupError where it cannot be read, or not be written again."""
    try:
        found = json.loads(path.read_text("utf-8"))
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise BackupError(f"{path.name} 读不出来") from None
    return found


def _check_editions(fresh: Path, manifest: Manifest) -> list[str]:
    """Every block of every edition can be read, and the pointer points to one that is there. Of an
    older program's the digests of `verify` must do; what becomes of it is to be said."""
    notes = []
    if Shelf(fresh).pointed() != manifest.current:
        raise BackupError("备份中的版本指针与清单不符")
    store = EditionStore(fresh)
    try:
        for number in manifest.editions:
            try:
                with store.reading(number) as edition:
                    edition.scan()
            except EditionOutdated as older:
                notes.append(f"版本 {number} 来自旧程序：{older}")
    except EditionError as error:
        raise BackupError(f"备份中的版本 {number} 用不了：{error}") from None
    finally:
        store.close()
    return notes


@contextmanager
def _store(
    fresh: Path, manifest: Manifest, now: datetime, is_replacing: bool
) -> Iterator[Operations]:
    """The operations store with what the backup has of it; BackupError where that is of another
    kind than the one configured here."""
    operations = Operations(fresh)
    try:
        kind = SQLITE if operations.is_file else POSTGRESQL
        if manifest.store not in (None, kind):
            raise BackupError(
                f"备份中的业务库是 {manifest.store}，这里配置的是 {kind}；请改 ZHINAO_OPERATIONS"
            )
        if manifest.store == SQLITE:
            check_sqlite(fresh / FILE)
        elif manifest.store == POSTGRESQL:
            _fill(operations, fresh / PLACES[STORES[POSTGRESQL]], now, is_replacing)
        yield operations
    finally:
        operations.close()


def _fill(operations: Operations, dumped: Path, now: datetime, is_replacing: bool) -> None:
    if not is_empty(operations.url):
        if not is_replacing:
            raise BackupError(
                f"数据库 {operations} 不是空的；要代替，请加 --replace（原来的会留着）"
            )
        set_aside(operations.url, f"before_{now:%Y%m%d_%H%M%S}")
    load(operations.url, dumped)
    dumped.unlink()


def _check_store(operations: Operations, manifest: Manifest, name: str, now: datetime) -> list[str]:
    """How the audit of the restored store fares, in words; the restoring is noted in it."""
    if manifest.store is None:
        return []
    outer = Audit(operations).anchor
    inner = Audit(operations, anchor=operations.home / ANCHOR_FILE)
    verdict = inner.verify()
    notes = [f"审计 {verdict.entries} 条"]
    if verdict.problems:
        notes.append(f"审计链有问题，请查 python -m access audit verify：{verdict.problems[0]}")
    if outer != inner.anchor and outer.exists():
        aside = outer.with_name(f"{outer.name}.before_{now:%Y%m%d_%H%M%S}")
        os.rename(outer, aside)
        notes.append(f"锚文件 {outer} 可能记到备份之后，已移到 {aside.name}")
    if outer != inner.anchor:
        shutil.copyfile(inner.anchor, outer)
    Audit(operations).note(entry(CONSOLE, "restore", name, made_at=manifest.made_at), now)
    return notes


def _move_in(fresh: Path, home: Path, now: datetime) -> Path | None:
    """The new home under its name, the old one beside it."""
    aside = None
    if home.exists():
        if any(home.iterdir()):
            aside = home.with_name(f"{home.name}.before_{now:%Y%m%d_%H%M%S}")
            os.rename(home, aside)
        else:
            home.rmdir()
    os.rename(fresh, home)
    fsync(home.parent)
    return aside
