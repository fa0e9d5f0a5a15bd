"""How a centre fares, as an office clerk wants it told: each thing in a sentence, whether it is
well, and what to do where it is not."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cached_property
from pathlib import Path

from access.audit import Audit
from access.devices import Devices
from access.operations import FAILURES, Operations, OperationsError
from access.schema import revision_of
from access.sessions import Sessions
from data.editions.edition import EditionError
from data.editions.shelf import Shelf, replace_text
from data.editions.store import EditionStore
from data.quality import sources
from data.runs import RunLog, SourceHealth, is_late
from data.scope import Grant
from data.trouble import told
from upkeep.backup import program_version

NOTED = "backup.json"  # of a home: the newest backup that was made of it
BACKUP_EVERY = timedelta(days=2)  # a night may be missed
ROOM = 3  # times the newest edition: it is copied for the next one, and a few are kept
SEEN = timedelta(minutes=5)  # a screen in use asks every second
MOST_NAMED = 5  # screens
RESULTS = {"published": "发布了新版本", "unchanged": "没有新数据", "running": "正在进行"}
PATH = re.compile(r"(?<![\w/.])/[^\s'\"，。；：、）)]+")  # of the server
OK, LATE, BAD = "ok", "late", "bad"
WORDS = {OK: "正常", LATE: "留意", BAD: "故障"}


@dataclass(frozen=True)
class Fact:
    """One thing: its name and what is so, in words of the office; one of WORDS; what to do, where
    anything is."""

    key: str
    name: str
    text: str
    state: str = OK
    advice: str = ""

    @property
    def word(self) -> str:
        """`state` as it is shown."""
        return WORDS[self.state]


def facts(store: EditionStore, operations: Operations, now: datetime) -> tuple[Fact, ...]:
    """Everything that somebody may have to look after; `now` knows its zone. Nothing raises: what
    cannot be found out is not well."""
    centre = Centre(store, operations, now)
    return tuple(_told(centre, *each) for each in _ASKED)


def note_backup(home: Path, file: str, size: int, now: datetime) -> None:
    """Remember in the home that a backup of it was made; `size` in bytes."""
    replace_text(home / NOTED, json.dumps({"at": now.isoformat(), "file": file, "size": size}))


@dataclass(frozen=True)
class Centre:
    """What is looked at, and when."""

    store: EditionStore
    operations: Operations
    now: datetime

    @property
    def home(self) -> Path:
        return self.store.home

    def shown(self, at: datetime) -> str:
        """A moment by the clocks of the site; without an edition by those of the server."""
        return f"{at.astimezone(self._zone):%Y-%m-%d %H:%M}"

    def without_paths(self, text: str) -> str:
        """What went wrong, for a page that names no paths of the server."""
        for home in (str(self.home.resolve()), str(self.home)):
            text = text.removeprefix(home)
        return PATH.sub("…", told(text.lstrip("： ")))

    @cached_property
    def _zone(self) -> tzinfo | None:
        try:
            with self.store.reading() as edition:
                return edition.site.tzinfo
        except EditionError:
            return None


Answer = tuple[str, str, str]  # text, state, advice


def _told(
    centre: Centre, key: str, name: str, ask: Callable[[Centre], Answer], worst: str, advice: str
) -> Fact:
    """`worst` and `advice` are of what cannot be found out."""
    try:
        return Fact(key, name, *ask(centre))
    except (EditionError, OperationsError) as error:
        return Fact(key, name, centre.without_paths(str(error)), worst, advice)
    except (*FAILURES, ValueError, KeyError) as error:
        return Fact(key, name, f"查不到（{type(error).__name__}）", worst, advice)


def _judged(text: str, is_good: bool, state: str, advice: str) -> Answer:
    return (text, OK, "") if is_good else (text, state, advice)


def _program(_centre: Centre) -> Answer:
    return program_version(), OK, ""


def _edition(centre: Centre) -> Answer:
    with centre.store.reading() as edition:
        text = f"第 {edition.number} 版，数据至 {edition.data_time:%Y-%m-%d %H:%M}"
    problem = centre.store.problem()
    return _judged(text, not problem, BAD, f"{told(problem or '')}；{SEE_LOG}")


def _run(centre: Centre) -> Answer:
    last = next(iter(RunLog(centre.home).runs(1)), None)
    if last is None:
        return "还没有装载过", LATE, FIRST_RUN
    text = f"{centre.shown(last.started)}，{RESULTS.get(last.result, '没有成功')}"
    text = f"{text}：{centre.without_paths(last.reason)}" if last.reason else text
    return _judged(text, last.result in RESULTS, LATE, SEE_LOG)


def _sources(centre: Centre) -> Answer:
    with centre.store.reading() as edition:
        declared = sources(edition, Grant.full()).to_dict("records")
    seen = {each.source: each for each in RunLog(centre.home).sources()}
    late = [row["title"] for row in declared if _is_late(row, seen.get(row["source"]), centre.now)]
    if late:
        return f"{len(late)} 个迟到或失败：{'、'.join(late)}", LATE, SEE_SOURCES
    return f"{len(declared)} 个来源都按约定送达", OK, ""


def _is_late(row: dict, seen: SourceHealth | None, now: datetime) -> bool:
    if seen is None:
        return True
    every = None if row["expected_every"] != row["expected_every"] else row["expected_every"]
    silent = (now - seen.last_success).total_seconds() if seen.last_success else None
    return is_late(seen.state, silent, every)


def _store(centre: Centre) -> Answer:
    with centre.operations.reading() as connection:
        revision = revision_of(connection)
    kind = "数据目录中的文件" if centre.operations.is_file else "PostgreSQL"
    return f"可用，{kind}，表结构第 {revision} 版", OK, ""


def _room(centre: Centre) -> Answer:
    free = shutil.disk_usage(centre.home).free
    current = Shelf(centre.home).current()
    edition = Shelf(centre.home).path(current).stat().st_size if current else 0
    text = f"还有 {free / 1e9:,.1f} GB，一个版本 {edition / 1e9:,.2f} GB"
    return _judged(text, free > max(ROOM * edition, 1e9), BAD, MAKE_ROOM)


def _backup(centre: Centre) -> Answer:
    if not (centre.home / NOTED).exists():
        return "从未备份", LATE, BACK_UP
    noted = json.loads((centre.home / NOTED).read_text("utf-8"))
    at = datetime.fromisoformat(noted["at"])
    text = f"{centre.shown(at)}，{noted['file']}，{noted['size'] / 1e6:,.1f} MB"
    return _judged(text, centre.now - at <= BACKUP_EVERY, LATE, BACK_UP)


def _audit(centre: Centre) -> Answer:
    audit = Audit(centre.operations)
    newest = audit.entries(limit=1)
    count = newest[0].seq if newest else 0
    is_apart = audit.anchor.parent.resolve() != centre.home.resolve()
    return f"{count:,} 条", OK, "" if is_apart else MOVE_ANCHOR


def _people(centre: Centre) -> Answer:
    running = Sessions(centre.operations).all(centre.now.astimezone(UTC))
    return f"{len(running)} 个会话正在使用", OK, ""


def _screens(centre: Centre) -> Answer:
    used = [each for each in Devices(centre.operations).all() if not each.revoked_at]
    walls = [each for each in used if each.kind == "wall"]
    last = {each.name: each.last_seen for each in walls}
    away = [name for name, seen in last.items() if seen is None or centre.now - seen > SEEN]
    text = f"{len(walls)} 台大屏，{len(walls) - len(away)} 台在线"
    advice = f"不在线：{'、'.join(away[:MOST_NAMED])}；请看该屏的电源、网络和浏览器"
    return _judged(text, not away, LATE, advice)


SEE_LOG = "看装载服务的日志：journalctl -u zhinao-watch"
SEE_SOURCES = "联系送数单位；被拒收的看数据质量页；都迟到时：systemctl status zhinao-watch"
FIRST_RUN = "装载第一批数据：python -m etl run"
SEE_STORE = "检查数据库服务和磁盘；恢复前登录、报送预警、签收都用不了，大屏照常显示已有数据"
MAKE_ROOM = "清理或扩容：放不下新版本时装载会停，屏上的数据从此变旧"
BACK_UP = "运行 python -m upkeep backup --to 文件，或启用 deploy/ 里每夜备份的定时器"
MOVE_ANCHOR = "锚文件和库在一处，能改库的人也能改它：用 ZHINAO_AUDIT_ANCHOR 放到另一块盘"

_ASKED: tuple[tuple[str, str, Callable[[Centre], Answer], str, str], ...] = (
    ("program", "程序版本", _program, BAD, ""),
    ("edition", "正在提供的数据", _edition, BAD, FIRST_RUN),
    ("run", "最近一次装载", _run, LATE, SEE_LOG),
    ("sources", "数据来源", _sources, LATE, SEE_SOURCES),
    ("store", "业务库", _store, BAD, SEE_STORE),
    ("room", "磁盘", _room, BAD, MAKE_ROOM),
    ("backup", "最近一次备份", _backup, LATE, BACK_UP),
    ("audit", "审计", _audit, BAD, SEE_STORE),
    ("people", "登录", _people, LATE, SEE_STORE),
    ("screens", "大屏", _screens, LATE, SEE_STORE),
)
