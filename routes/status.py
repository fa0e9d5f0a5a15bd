"""How the system runs, in sentences that an office clerk can act on; the same for the page and as
JSON for whoever watches from elsewhere."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from flask import Flask, Response

from access.audit import Audit
from access.devices import Devices
from access.operations import FAILURES, Operations, OperationsError
from access.policy import needs
from access.roles import Power
from access.sessions import Sessions
from routes.health import Condition, condition
from upkeep import status as upkeep

OK, LATE, BAD = "ok", "late", "bad"
ADVICE = {  # key of upkeep.status -> how bad it is where it is not well, and what to do
    "run": (LATE, "看装载服务的日志：journalctl -u zhinao-watch"),
    "sources": (LATE, "联系送数单位；被拒收的看数据质量页"),
    "store": (
        BAD,
        "检查数据库服务和磁盘；恢复前登录、报送预警、签收都用不了，大屏照常显示已有数据",
    ),
    "room": (BAD, "清理或扩容：放不下新版本时装载会停，屏上的数据从此变旧"),
    "backup": (LATE, "运行 python -m upkeep backup --to 文件，或启用 deploy/ 里每夜备份的定时器"),
}
SEEN = timedelta(minutes=5)  # a screen in use asks every second


@dataclass(frozen=True)
class Fact:
    """One thing that is well or not: `state` is ok, late or bad; `advice` says what to do."""

    name: str
    state: str
    text: str
    advice: str = ""


class Status:
    """The facts of one app; each is looked up when it is asked for."""

    def __init__(
        self,
        home: Path,
        operations: Operations,
        heartbeat: Callable[[], Mapping[str, Any]],
        cache_answers: Callable[[], bool],
        standing: Callable[[], int],
    ) -> None:
        """`heartbeat` gives its body, `standing` how many alerts stand."""
        self._home, self._operations = home, operations
        self._heartbeat = heartbeat
        self._cache_answers, self._standing = cache_answers, standing
        self._audit, self._sessions = Audit(operations), Sessions(operations)
        self._devices = Devices(operations)

    def facts(self, now: datetime) -> list[Fact]:
        """All of them; where the operations store is away, those that need none."""
        body = self._heartbeat()
        found = condition(body, now.timestamp())
        told = upkeep.facts(self._home, self._operations, now)
        homes = [_of_home(each) for each in told if each.key != "edition"]
        facts = [_data(found, body), *homes, self._cache()]
        try:
            return [*facts, self._kept(), self._people(now), self._screens(now)]
        except (*FAILURES, OperationsError):
            return facts

    def _cache(self) -> Fact:
        if self._cache_answers():
            return Fact("缓存", OK, "正常")
        return Fact("缓存", BAD, "写入后读不出", "检查 Redis 服务；没有缓存时每次都要重算，会变慢")

    def _kept(self) -> Fact:
        newest = self._audit.entries(limit=1)
        count = newest[0].seq if newest else 0
        is_apart = self._audit.anchor.parent.resolve() != self._home.resolve()
        advice = "锚文件和库在一处，能改库的人也能改它：用 ZHINAO_AUDIT_ANCHOR 放到另一块盘"
        return Fact("审计", OK, f"{count:,} 条", "" if is_apart else advice)

    def _people(self, now: datetime) -> Fact:
        return Fact("登录", OK, f"{len(self._sessions.all(now))} 个会话正在使用")

    def _screens(self, now: datetime) -> Fact:
        walls = [
            each for each in self._devices.all() if each.kind == "wall" and not each.revoked_at
        ]
        away = [
            each.name for each in walls if each.last_seen is None or now - each.last_seen > SEEN
        ]
        text = (
            f"{len(walls)} 台大屏，{len(walls) - len(away)} 台在线；现行预警 {self._standing()} 条"
        )
        advice = f"不在线：{'、'.join(away[:5])}；请看该屏的电源、网络和浏览器" if away else ""
        return Fact("大屏", LATE if away else OK, text, advice)


def _data(found: Condition, body: Mapping[str, Any]) -> Fact:
    if found.edition is None or found.loaded_age is None:
        return Fact("数据", BAD, "还没有可以显示的数据", "装载第一批数据：python -m etl run")
    age = timedelta(seconds=found.loaded_age)
    text = f"第 {found.edition} 版，{_ago(age)}前核对过"
    if body.get("problem"):
        return Fact("数据", BAD, text, str(body["problem"]))
    advice = "看装载服务：systemctl status zhinao-watch；再看各来源是否送来了文件"
    return Fact("数据", LATE if found.is_late else OK, text, advice if found.is_late else "")


def _of_home(found: upkeep.Fact) -> Fact:
    """A thing that also `python -m upkeep status` tells, with what to do where it is not well."""
    state, advice = ADVICE.get(found.key, (LATE, ""))
    if found.is_good:
        return Fact(found.name, OK, found.said)
    return Fact(found.name, state, found.said, advice)


def _ago(age: timedelta) -> str:
    minutes = max(int(age.total_seconds() // 60), 0)
    if minutes < 60:
        return f"{minutes} 分钟" if minutes else "不到 1 分钟"
    return f"{minutes // 60} 小时" if minutes < 2880 else f"{minutes // 1440} 天"


def register(server: Flask, status: Status) -> None:
    """Serve the facts to whoever may see how the system runs."""

    @server.get("/status.json")
    @needs(Power.STATUS)
    def answer_status() -> Response:
        facts = [asdict(fact) for fact in status.facts(datetime.now(UTC))]
        return Response(orjson.dumps({"facts": facts}), mimetype="application/json")
