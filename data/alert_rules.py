"""A site's rules of live alerts: kinds of events, who is told and when, what is one alert, sensors.

Everything has a default, so that a site that declares nothing works: events are called by CAP's
categories, the gravest escalate, and no sensor is read.
"""

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from data.codes import codes
from data.declaration import Declared
from data.scope import KEY
from rules.escalation import EscalationStep
from rules.grouping import Grouping
from rules.standing import StandingRules
from rules.thresholds import Thresholds

Signal = Literal["red", "orange", "yellow", "blue"]
Category = Literal[
    "Geo", "Met", "Safety", "Security", "Rescue", "Fire", "Health", "Env", "Transport", "Infra",
    "CBRNE", "Other",
]  # fmt: skip
Positive = Annotated[float, Field(gt=0, le=60 * 24 * 366)]
DEVICE = "{device}"
CATEGORIES = codes("cap_category")
LONGEST_POST = 12  # characters that a line of the strip has room for


class EventKind(Declared):
    """A kind of event that the wall names, and how those who send alerts call it."""

    code: str = Field(description="小写英文字母开头，可含数字和下划线")
    word: str = Field(min_length=1, max_length=8, description="屏幕上的名称，如 燃气泄漏")
    texts: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        (), description="CAP event 中的叫法；word 总是认的"
    )

    @field_validator("code")
    @classmethod
    def _code_is_a_key(cls, code: str) -> str:
        return _key(code)


class Step(Declared):
    """An alert that nobody acknowledges goes to a post."""

    signal: Signal
    after_minutes: Positive = Field(description="收到后无人签收的分钟数")
    to: str = Field(description="岗位，如 值班长")

    @field_validator("to")
    @classmethod
    def _is_a_post(cls, to: str) -> str:
        return _post(to)


class SameAlert(Declared):
    """When alerts are one: the same event at the same spot, or a device that flaps."""

    minutes: Positive = 10
    metres: float = Field(default=100, ge=20, le=50_000)
    flaps: int = Field(default=3, ge=1, description="解除后又发生的次数，达到即为反复")
    flapping_minutes: float = Field(default=30, gt=0, le=60 * 24)


class ClusterRule(Declared):
    """疑似集中上报: so many of one kind within so many metres and minutes."""

    n: int = Field(default=5, ge=2)
    metres: float = Field(default=500, ge=20, le=50_000)
    minutes: Positive = 30


class Routing(Declared):
    """Which post holds an alert of a signal."""

    red: str = "区/县指挥中心"
    orange: str | None = Field(default=None, description="缺省同 red")
    yellow: str = "镇街"
    blue: str = "村社/网格"

    @field_validator("red", "orange", "yellow", "blue")
    @classmethod
    def _is_a_post(cls, to: str | None) -> str | None:
        return to if to is None else _post(to)


class Levels(Declared):
    """The threshold of each signal, in the unit of the kind."""

    red: float | None = None
    orange: float | None = None
    yellow: float | None = None
    blue: float | None = None


class SensorKind(Declared):
    """One kind of sensor on the broker: its topics, what a message says, when that is an alert."""

    kind: str = Field(description="小写英文字母开头，可含数字和下划线，如 water_level")
    event: str = Field(description="kinds 中的 code")
    category: Category = Field("Safety", description="CAP 类别")
    unit: str = Field(description="读数的单位，如 m")
    topics: tuple[str, ...] = Field(
        min_length=1,
        description="MQTT 主题，{device} 处为设备编号，如 sensors/water/{device}/level",
    )
    payload: Literal["number", "json"] = "number"
    value: str = Field("value", description="JSON 中读数的键")
    at: str | None = Field(None, description="JSON 中时间的键；缺省用收到的时间")
    unit_key: str | None = Field(None, description="JSON 中单位的键；与 unit 不同的读数拒收")
    levels: Levels = Field(description="各级预警的阈值，如 { yellow = 31.5, red = 33.0 }")
    worse: Literal["above", "below"] = Field("above", description="below = 越低越严重")
    hysteresis: float = Field(0, ge=0, description="低于阈值多少才降级")
    hold_seconds: float = Field(0, ge=0, le=86_400, description="持续多少秒才算")
    expires_minutes: Positive = Field(60, description="没有新读数时，预警多少分钟后失效")
    least: float | None = Field(None, description="量程下限；低于它的读数拒收")
    most: float | None = Field(None, description="量程上限；高于它的读数拒收")

    @field_validator("kind")
    @classmethod
    def _kind_is_a_key(cls, kind: str) -> str:
        return _key(kind)

    @field_validator("topics")
    @classmethod
    def _topics_name_a_device(cls, topics: tuple[str, ...]) -> tuple[str, ...]:
        for topic in topics:
            parts = topic.split("/")
            if parts.count(DEVICE) != 1 or any(set("#+{") & set(p) for p in parts if p != DEVICE):
                raise ValueError(
                    f"主题 {topic!r} 不行；应有一段恰为 {DEVICE}，没有 # 和 +，"
                    "如 sensors/water/{device}/level"
                )
        return topics

    @model_validator(mode="after")
    def _thresholds_hold(self) -> "SensorKind":
        self.thresholds()
        return self

    def thresholds(self, own: Levels | None = None) -> Thresholds:
        """What a reading means; `own` are a device's own thresholds, which go before the kind's."""
        signals = set(Levels.model_fields)
        levels = self.levels.model_dump()
        levels |= own.model_dump(include=signals, exclude_none=True) if own else {}
        bounds = {"least": self.least, "most": self.most}
        return Thresholds(
            unit=self.unit,
            levels=tuple((signal, at) for signal, at in levels.items() if at is not None),
            is_worse_below=self.worse == "below",
            hysteresis=self.hysteresis,
            hold_seconds=self.hold_seconds,
            expires_minutes=self.expires_minutes,
            **{name: bound for name, bound in bounds.items() if bound is not None},
        )


class Device(Levels):
    """A sensor: where it stands (WGS84), and thresholds of its own. A line of sensors.csv."""

    device: str = Field(description="主题中的设备编号")
    kind: str = Field(description="alerts.sensors 中的 kind")
    lon: float | None = Field(None, ge=-180, le=180, description="WGS84 经度")
    lat: float | None = Field(None, ge=-90, le=90, description="WGS84 纬度")


class AlertRules(Declared):
    """All of it: `[alerts]` of site.toml, and sensors.csv."""

    kinds: tuple[EventKind, ...] = ()
    escalation: tuple[Step, ...] = Field(default_factory=lambda: ESCALATION)
    same: SameAlert = SameAlert()
    cluster: ClusterRule = ClusterRule()
    routing: Routing = Routing()
    stands_hours: float = Field(
        default=24, gt=0, le=24 * 7, description="没写失效时间的预警保留多少小时"
    )
    sensors: tuple[SensorKind, ...] = ()
    devices: tuple[Device, ...] = Field(default=(), description="写在 sensors.csv 中")

    @model_validator(mode="after")
    def _names_exist_once(self) -> "AlertRules":
        _once("kinds.code", [kind.code for kind in self.kinds])
        _once("kinds.word", [kind.word for kind in self.kinds])
        _once("kinds.texts", [text for kind in self.kinds for text in _texts(kind)])
        _once("sensors.kind", [sensor.kind for sensor in self.sensors])
        _once("sensors.topics", [topic for sensor in self.sensors for topic in sensor.topics])
        _once("escalation", [f"{s.signal} {s.after_minutes:g}" for s in self.escalation])
        for sensor in self.sensors:
            _one_of("sensors.event", sensor.event, [kind.code for kind in self.kinds])
        self._devices_fit()
        return self

    def _devices_fit(self) -> None:
        by_kind = {sensor.kind: sensor for sensor in self.sensors}
        _once("sensors.csv", [f"{each.device} {each.kind}" for each in self.devices])
        for each in self.devices:
            _one_of(f"sensors.csv：{each.device} 的 kind", each.kind, list(by_kind))
            if (each.lon is None) != (each.lat is None):
                raise ValueError(f"sensors.csv：{each.device} 的 lon、lat 应都写或都不写")
            try:
                by_kind[each.kind].thresholds(each)
            except ValueError as error:
                raise ValueError(f"sensors.csv：{each.device}：{error}") from None

    @property
    def standing(self) -> StandingRules:
        """What `rules.standing` applies."""
        same, cluster = self.same, self.cluster
        posts = self.routing.model_dump()
        return StandingRules(
            escalation=tuple(EscalationStep(**step.model_dump()) for step in self.escalation),
            grouping=Grouping(
                same_minutes=same.minutes,
                same_metres=same.metres,
                flaps=same.flaps,
                flapping_minutes=same.flapping_minutes,
                cluster_n=cluster.n,
                cluster_metres=cluster.metres,
                cluster_minutes=cluster.minutes,
            ),
            routing=posts | {"orange": posts["orange"] or posts["red"]},
            stands_hours=self.stands_hours,
        )

    def event_of(self, text: str | None, category: str | None) -> tuple[str, str]:
        """What `rules.standing.Message` wants of a CAP event: (`event`, `detail`).

        The code of the declared kind that the text is, or else the longest that it contains
        (暴雨 in 暴雨橙色预警), and nothing more; else the first category, and the text.
        """
        text = (text or "").strip()
        by_text = {said: kind.code for kind in self.kinds for said in _texts(kind)}
        said = max((each for each in by_text if each in text), key=len, default=None)
        if said is not None:
            return by_text[said], ""
        first = next(iter((category or "").split()), "")
        return (first if first in CATEGORIES else "Other"), text

    def word_of(self, event: str) -> str:
        """What the wall calls an event that `event_of` gave: always a declared word."""
        words = {kind.code: kind.word for kind in self.kinds}
        return words.get(event) or CATEGORIES.get(event, CATEGORIES["Other"])["label"]


def _texts(kind: EventKind) -> tuple[str, ...]:
    return tuple(dict.fromkeys((kind.word, *kind.texts)))


def _key(code: str) -> str:
    if not KEY.fullmatch(code):
        raise ValueError(f"{code!r} 不行；应为小写英文字母开头，可含数字和下划线")
    return code


def _post(to: str) -> str:
    if not to.strip() or len(to) > LONGEST_POST or re.search(r"\d", to):
        raise ValueError(
            f"{to!r} 不行；应为岗位或单位，如 值班长，不超过 {LONGEST_POST} 字，不写人名和电话"
        )
    return to


def _once(where: str, names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{where}：{'、'.join(twice)} 重复；应各不相同")


def _one_of(where: str, name: str, known: list[str]) -> None:
    if name not in known:
        raise ValueError(f"{where}：没有 {name!r}；现有：{'、'.join(known) or '（无）'}")


# Told first is who sits beside the wall. The minutes are ours [I]; a site gives its own.
ESCALATION = (
    Step(signal="red", after_minutes=2, to="值班长"),
    Step(signal="red", after_minutes=5, to="中心主任"),
    Step(signal="red", after_minutes=10, to="分管领导"),
    Step(signal="orange", after_minutes=10, to="值班长"),
    Step(signal="orange", after_minutes=30, to="中心主任"),
)
