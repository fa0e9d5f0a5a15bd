"""Warnings as the emergency, weather and sensor platforms send them: CAP 1.2, one XML each."""

import io
import zipfile
from dataclasses import dataclass
from xml.sax.saxutils import escape

import numpy as np

from etl.demo.world import DAY, HOUR, MINUTE, World, moment

PER_DAY = 0.45
SIGNALS = {"Extreme": "红色", "Severe": "橙色", "Moderate": "黄色", "Minor": "蓝色"}


@dataclass(frozen=True)
class Kind:
    """One kind of warning: who sends it, how grave it gets, when in the year, how long it holds."""

    event: str
    category: str
    sender: str
    name: str
    severities: dict[str, float]
    months: tuple[int, ...]
    hours: int
    is_local: bool  # at one place, or over a whole town
    text: str


ALL_YEAR = tuple(range(1, 13))
KINDS = (
    Kind(
        "暴雨",
        "Met",
        "qxt@xinghu.example",
        "星湖县气象台（虚构）",
        {"Minor": 0.4, "Moderate": 0.35, "Severe": 0.2, "Extreme": 0.05},
        (4, 5, 6, 7, 8, 9),
        6,
        False,
        "预计未来6小时降雨量较大，请注意防范内涝和地质灾害",
    ),
    Kind(
        "高温",
        "Met",
        "qxt@xinghu.example",
        "星湖县气象台（虚构）",
        {"Moderate": 0.6, "Severe": 0.4},
        (6, 7, 8),
        24,
        False,
        "最高气温将升至37℃以上，请减少户外作业",
    ),
    Kind(
        "道路结冰",
        "Met",
        "qxt@xinghu.example",
        "星湖县气象台（虚构）",
        {"Moderate": 0.8, "Severe": 0.2},
        (1, 2, 12),
        24,
        False,
        "路面可能结冰，请注意出行安全",
    ),
    Kind(
        "水位超警戒",
        "Safety",
        "sl@xinghu.example",
        "星湖县水情监测（虚构）",
        {"Moderate": 0.6, "Severe": 0.35, "Extreme": 0.05},
        (5, 6, 7, 8),
        12,
        True,
        "水位站读数超过警戒水位，请组织巡堤",
    ),
    Kind(
        "火情",
        "Fire",
        "xf@xinghu.example",
        "星湖县消防感知平台（虚构）",
        {"Moderate": 0.6, "Severe": 0.35, "Extreme": 0.05},
        ALL_YEAR,
        3,
        True,
        "感知设备报警，疑似火情，请就近核实",
    ),
    Kind(
        "人员聚集",
        "Security",
        "zz@xinghu.example",
        "星湖县综治中心研判岗（虚构）",
        {"Minor": 0.3, "Moderate": 0.5, "Severe": 0.2},
        ALL_YEAR,
        4,
        True,
        "现场人员持续增加，请到场了解情况",
    ),
    Kind(
        "燃气泄漏",
        "Safety",
        "rq@xinghu.example",
        "星湖县燃气监测（虚构）",
        {"Moderate": 0.7, "Severe": 0.3},
        ALL_YEAR,
        3,
        True,
        "监测点浓度超限，请疏散周边并关阀",
    ),
)
TEMPLATE = """<?xml version="1.0" encoding="UTF-8"?>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
  <identifier>{identifier}</identifier>
  <sender>{sender}</sender>
  <sent>{sent}</sent>
  <status>{status}</status>
  <msgType>{msg_type}</msgType>
  <scope>Public</scope>{references}
  <info>
    <language>zh-CN</language>
    <category>{category}</category>
    <event>{event}</event>
    <urgency>{urgency}</urgency>
    <severity>{severity}</severity>
    <certainty>{certainty}</certainty>
    <effective>{sent}</effective>
    <expires>{expires}</expires>
    <senderName>{name}</senderName>
    <headline>{headline}</headline>
    <description>{description}（演示数据）</description>
    <area>
      <areaDesc>{area}</areaDesc>
      {shape}
    </area>
  </info>
</alert>
"""


@dataclass(frozen=True)
class Warning:
    """One message: when it was sent, its name without suffix, its XML."""

    at: int
    name: str
    xml: bytes


def drawn(world: World, rng: np.random.Generator, since: int, until: int) -> list[Warning]:
    """The warnings sent in [since, until), by the season."""
    count = rng.poisson((until - since) / DAY * PER_DAY)
    times = np.sort(rng.integers(since, until, count)).tolist()
    warnings = []
    for at in times:
        warnings += _message(world, rng, at, until)
    return warnings


def archive(warnings: list[Warning]) -> bytes:
    """The messages as one zip; the same messages give the same bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for warning in warnings:
            entry = zipfile.ZipInfo(f"{warning.name}.xml", (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(entry, warning.xml)
    return packed.getvalue()


def _message(world: World, rng: np.random.Generator, at: int, until: int) -> list[Warning]:
    """A warning, and for some an update or a cancellation one hour later."""
    month = moment(at).month
    kinds = [kind for kind in KINDS if month in kind.months]
    kind = kinds[rng.integers(0, len(kinds))]
    names, shares = list(kind.severities), np.array(list(kind.severities.values()))
    severity = str(rng.choice(names, p=shares / shares.sum()))
    chance, number = rng.random(3), int(rng.integers(1000, 9999))
    status = "Exercise" if chance[0] < 0.03 else "Test" if chance[0] < 0.04 else "Actual"
    area, shape = _area(world, rng, kind.is_local)
    fields = fields_of(
        kind, f"XH-{moment(at):%Y%m%d%H%M%S}-{number}", status, severity, area, shape
    )
    lasts = kind.hours * HOUR
    first = written(kind, fields, at, "Alert", "", lasts)
    later = at + HOUR + int(chance[1] * 30) * MINUTE
    if chance[2] > 0.15 or later >= until:
        return [first]
    reference = triple(fields, at)
    fields["identifier"] += "-2"
    msg_type = "Update" if chance[2] < 0.07 else "Cancel"
    return [first, written(kind, fields, later, msg_type, reference, lasts)]


def fields_of(
    kind: Kind, identifier: str, status: str, severity: str, area: str, shape: str
) -> dict[str, str]:
    """What a message of this kind says, save when it was sent."""
    return {
        "identifier": identifier,
        "sender": kind.sender,
        "name": kind.name,
        "status": status,
        "category": kind.category,
        "event": kind.event,
        "urgency": "Immediate" if kind.is_local else "Expected",
        "severity": severity,
        "certainty": "Observed" if kind.is_local else "Likely",
        "area": area,
        "shape": shape,
    }


def triple(fields: dict[str, str], at: int) -> str:
    """How a later message refers to one sent at `at` (CAP 1.2, `references`)."""
    return f"{fields['sender']},{fields['identifier']},{_iso(at)}"


def written(
    kind: Kind, fields: dict[str, str], at: int, msg_type: str, reference: str, lasts: int
) -> Warning:
    """A message of the fields, in force for `lasts` seconds."""
    word = {"Alert": "发布", "Update": "更新", "Cancel": "解除"}[msg_type]
    severity = SIGNALS[fields["severity"]]
    texts = {key: escape(value) for key, value in fields.items() if key != "shape"}
    xml = TEMPLATE.format(
        **texts,
        shape=fields["shape"],
        sent=_iso(at),
        expires=_iso(at + lasts),
        msg_type=msg_type,
        references=f"\n  <references>{escape(reference)}</references>" if reference else "",
        headline=escape(f"{fields['area']}{kind.event}{severity}预警{word}"),
        description=escape(kind.text),
    )
    return Warning(
        at, f"alert_{moment(at):%Y%m%dT%H%M%S}_{fields['identifier'][18:]}", xml.encode()
    )


def _area(world: World, rng: np.random.Generator, is_local: bool) -> tuple[str, str]:
    """The name of the area, and its circle or its outline (latitude first)."""
    county = world.county
    if is_local:
        name, lon, lat = spot(world, rng)
        return name, circle(lon, lat, rng.uniform(0.2, 0.8))
    town = int(rng.integers(0, len(county.towns.codes)))
    ring = county.towns.shapes[town].simplify(0.004).exterior.coords
    points = " ".join(f"{lat:.5f},{lon:.5f}" for lon, lat in ring)
    return county.towns.names[town], f"<polygon>{points}</polygon>"


def circle(lon: float, lat: float, radius_km: float) -> str:
    return f"<circle>{lat:.6f},{lon:.6f} {radius_km:.2f}</circle>"


def spot(world: World, rng: np.random.Generator) -> tuple[str, float, float]:
    """An address where people live: its name, longitude, latitude."""
    county = world.county
    grid = int(rng.choice(len(county.grids.codes), p=_people(world)))
    number = int(rng.integers(0, county.address_lon.shape[1]))
    lon, lat = county.address_lon[grid, number], county.address_lat[grid, number]
    return _name(world, grid), float(lon), float(lat)


def _name(world: World, grid: int) -> str:
    county = world.county
    return county.towns.names[county.town_of[grid]] + county.grids.names[grid]


def _people(world: World) -> np.ndarray:
    people = world.county.grids.population
    return people / people.sum()


def _iso(at: int) -> str:
    return f"{moment(at):%Y-%m-%dT%H:%M:%S}+08:00"
