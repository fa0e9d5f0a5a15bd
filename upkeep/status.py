"""How a centre fares, as an office clerk wants it told: each thing in a sentence, and whether it is
well or somebody should look after it."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from access.operations import FAILURES, Operations, OperationsError
from access.schema import revision_of
from data.editions.edition import EditionError
from data.editions.shelf import Shelf, replace_text
from data.editions.store import EditionStore
from data.quality import sources
from data.runs import RunLog, SourceHealth
from data.scope import Grant
from upkeep.backup import program_version

NOTED = "backup.json"  # of a home: the newest backup that was made of it
BACKUP_EVERY = timedelta(days=2)  # a night may be missed
LATE = 1.5  # periods of a source, as on the wall
ROOM = 3  # times the newest edition: it is copied for the next one, and a few are kept
RESULTS = {"published": "发布了新版本", "unchanged": "没有新数据", "running": "正在进行"}


@dataclass(frozen=True)
class Fact:
    """One thing: its name and what is so, in words of the office."""

    key: str
    name: str
    said: str
    is_good: bool


def facts(home: Path, operations: Operations, now: datetime) -> tuple[Fact, ...]:
    """Everything that somebody may have to look after; `now` knows its zone. Nothing raises: what
    cannot be found out is no good."""
    return tuple(_told(*each, home, operations, now) for each in _ASKED)


def note_backup(home: Path, file: str, size: int, now: datetime) -> None:
    """Remember in the home that a backup of it was made; `size` in bytes."""
    replace_text(home / NOTED, json.dumps({"at": now.isoformat(), "file": file, "size": size}))


Answer = tuple[str, bool]


def _told(
    key: str, name: str, ask: Callable, home: Path, operations: Operations, now: datetime
) -> Fact:
    try:
        said, is_good = ask(home, operations, now)
    except (EditionError, OperationsError) as error:
        said, is_good = str(error).partition("；")[0], False
    except (*FAILURES, ValueError, KeyError) as error:
        said, is_good = f"查不到（{type(error).__name__}）", False
    return Fact(key, name, said, is_good)


def _program(home: Path, _operations: Operations, _now: datetime) -> Answer:
    return program_version(), True


def _edition(home: Path, _operations: Operations, now: datetime) -> Answer:
    store = EditionStore(home)
    try:
        with store.reading() as edition:
            said = f"版本 {edition.number}，数据至 {edition.data_time:%Y-%m-%d %H:%M}"
        problem = store.problem()
    finally:
        store.close()
    return (f"{said}；{problem.partition('：')[0]}", False) if problem else (said, True)


def _run(home: Path, _operations: Operations, now: datetime) -> Answer:
    last = next(iter(RunLog(home).runs(1)), None)
    if last is None:
        return "还没有装载过", False
    said = f"{_moment(last.started)}，{RESULTS.get(last.result, '没有成功')}"
    return (f"{said}：{last.reason}" if last.reason else said), last.result in RESULTS


def _sources(home: Path, _operations: Operations, now: datetime) -> Answer:
    store = EditionStore(home)
    try:
        with store.reading() as edition:
            declared = sources(edition, Grant.full()).to_dict("records")
    finally:
        store.close()
    seen = {each.source: each for each in RunLog(home).sources()}
    late = [row["title"] for row in declared if _is_late(row, seen.get(row["source"]), now)]
    if late:
        return f"{len(late)} 个迟到或失败：{'、'.join(late)}", False
    return f"{len(declared)} 个来源都按约定送达", True


def _is_late(row: dict, seen: SourceHealth | None, now: datetime) -> bool:
    if seen is None or seen.state != "ok":
        return True
    every = row["expected_every"]
    if every is None or every != every or seen.last_success is None:
        return False
    return now - seen.last_success > timedelta(seconds=LATE * every)


def _store(home: Path, operations: Operations, _now: datetime) -> Answer:
    with operations.reading() as connection:
        revision = revision_of(connection)
    kind = "数据目录中的文件" if operations.is_file else "PostgreSQL"
    return f"可用，{kind}，表结构第 {revision} 版", True


def _room(home: Path, _operations: Operations, _now: datetime) -> Answer:
    free = shutil.disk_usage(home).free
    current = Shelf(home).current()
    edition = Shelf(home).path(current).stat().st_size if current else 0
    said = f"还有 {free / 1e9:,.1f} GB，一个版本 {edition / 1e9:,.2f} GB"
    return said, free > max(ROOM * edition, 1e9)


def _backup(home: Path, _operations: Operations, now: datetime) -> Answer:
    if not (home / NOTED).exists():
        return "从未备份", False
    noted = json.loads((home / NOTED).read_text("utf-8"))
    at = datetime.fromisoformat(noted["at"])
    said = f"{_moment(at)}，{noted['file']}，{noted['size'] / 1e6:,.1f} MB"
    return said, now - at <= BACKUP_EVERY


def _moment(at: datetime) -> str:
    return f"{at.astimezone():%Y-%m-%d %H:%M}"


_ASKED: tuple[tuple[str, str, Callable], ...] = (
    ("program", "程序版本", _program),
    ("edition", "正在提供的数据", _edition),
    ("run", "最近一次装载", _run),
    ("sources", "数据来源", _sources),
    ("store", "业务库", _store),
    ("room", "磁盘", _room),
    ("backup", "最近一次备份", _backup),
)
