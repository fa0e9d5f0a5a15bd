"""What happens in the demo county: matters, who deals with them and how fast, planted stories.

Codes are those of sites/demo; what each system calls them is read from its declaration there.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

CHANNELS = ("hotline_12345", "grid_app", "mediation", "petition", "police_110", "window")
SHARES = (0.42, 0.36, 0.035, 0.05, 0.085, 0.05)  # of all cases
PREFIXES = ("RX", "WG", "MT", "XF", "JQ", "LF")
TO_THE_MINUTE = (False, False, True, True, True, True)
OPENINGS = (
    "市民某某来电反映",
    "网格员巡查发现",
    "当事人某某申请调解，称",
    "某某来信反映",
    "报警人某某称",
    "来访人某某反映",
)
REQUESTS = ("，请核实处理。", "，希望尽快解决。", "，请求协调。", "，要求给予答复。")


@dataclass(frozen=True)
class Topic:
    """One category: who is responsible, how often it comes up where and when, in what words."""

    code: str
    department: str
    second: str  # where it is sent by mistake, or passed on to
    in_town: float
    outside: float
    hours: str  # day, evening, night
    channels: tuple[float, ...]  # in the order of CHANNELS
    matters: tuple[str, ...]


@dataclass(frozen=True)
class Pace:
    """How a department works: the median share of the limit it uses, how often a case sticks."""

    share: float
    stuck: float


@dataclass(frozen=True)
class Cluster:
    """A planted story: many cases of one category at one place within some days before the end."""

    key: str
    name: str
    category: str
    town: int  # position of the town
    first_day: int  # days before the end
    last_day: int
    per_100k: int
    channels: tuple[float, ...]
    grids: int = 1
    is_rising: bool = False
    crowd: float = 0.0  # share of its cases with 10 people and more


PACES = {
    "zzzx": Pace(0.55, 0.010),
    "gaj": Pace(0.42, 0.010),
    "sfj": Pace(0.46, 0.010),
    "xfj": Pace(0.70, 0.030),
    "rsj": Pace(0.58, 0.020),
    "zjj": Pace(0.84, 0.060),
    "cgj": Pace(0.47, 0.012),
    "zrzyj": Pace(0.90, 0.055),
    "nyncj": Pace(0.66, 0.030),
    "wjj": Pace(0.58, 0.020),
    "scjgj": Pace(0.44, 0.010),
    "jyj": Pace(0.42, 0.008),
    "mzj": Pace(0.46, 0.010),
    "jtj": Pace(0.60, 0.020),
    "sthjj": Pace(0.78, 0.040),
    "slj": Pace(0.62, 0.020),
    "yjj": Pace(0.40, 0.006),
    "jrzx": Pace(0.95, 0.080),
    "ybj": Pace(0.38, 0.006),
    "fy": Pace(0.68, 0.030),
    "xfjy": Pace(0.40, 0.006),
    "gyfw": Pace(0.50, 0.012),
}

CLUSTERS = (
    Cluster(
        "rising_smell",
        "开阳街道企业夜间排放异味，十周来逐周上升",
        "D1104",
        4,
        70,
        0,
        150,
        (6, 3, 0, 1, 1, 0),
        is_rising=True,
    ),
    Cluster(
        "wage_site",
        "玉衡街道在建工地欠薪",
        "D0701",
        3,
        305,
        272,
        180,
        (4, 1, 1, 2, 2, 3),
        crowd=0.3,
    ),
    Cluster(
        "property_estate",
        "天枢街道云汉里小区物业纠纷",
        "D1101",
        2,
        210,
        70,
        260,
        (7, 2, 1, 1, 1, 1),
    ),
    Cluster("night_street", "星湖街道夜宵街夜间噪声", "E0405", 0, 180, 85, 320, (8, 2, 0, 0, 2, 0)),
    Cluster(
        "late_houses",
        "摇光街道楼盘逾期交付",
        "D0603",
        5,
        430,
        340,
        160,
        (4, 0, 1, 5, 1, 2),
        crowd=0.25,
    ),
    Cluster(
        "closed_gym", "望斗街道健身房闭店退费难", "D0604", 1, 125, 112, 140, (9, 0, 1, 0, 2, 2)
    ),
    Cluster(
        "flooded_town", "箕水镇暴雨内涝", "E0801", 12, 152, 149, 120, (4, 6, 0, 0, 1, 0), grids=12
    ),
    Cluster(
        "land_rent",
        "角木镇土地流转租金未兑付",
        "D0901",
        6,
        390,
        330,
        90,
        (1, 1, 3, 4, 0, 2),
        grids=4,
        crowd=0.2,
    ),
)

# Month by month factors for what follows the seasons; everything else is even.
SEASONS = {
    "D0701": (3.2, 1.6, 0.7, 0.7, 0.7, 0.8, 0.8, 0.8, 0.8, 0.9, 1.2, 2.4),
    "E0405": (0.5, 0.5, 0.8, 1.0, 1.2, 1.5, 1.7, 1.7, 1.4, 1.0, 0.8, 0.6),
    "D0201": (0.9, 1.0, 0.9, 0.9, 1.0, 1.1, 1.2, 1.2, 1.0, 1.0, 0.9, 0.9),
    "E0801": (0.1, 0.2, 0.6, 1.2, 2.0, 4.0, 3.0, 1.5, 0.6, 0.3, 0.2, 0.1),
    "E0802": (1.6, 2.0, 1.2, 1.2, 0.6, 0.5, 0.7, 0.9, 1.2, 1.4, 1.2, 1.4),
    "E0803": (0.3, 0.4, 0.8, 1.2, 1.8, 3.0, 2.4, 1.2, 0.8, 0.5, 0.3, 0.3),
    "E0302": (0.9, 0.9, 0.7, 0.7, 0.8, 1.2, 2.0, 2.0, 1.0, 0.7, 0.7, 0.9),
    "E0306": (0.6, 0.8, 0.7, 0.8, 1.2, 1.8, 2.5, 2.5, 1.4, 0.5, 0.5, 0.5),
    "D0901": (0.8, 0.9, 1.4, 1.4, 1.0, 0.9, 0.8, 0.8, 1.2, 1.4, 1.0, 0.8),
    "E0307": (1.4, 1.3, 0.9, 0.8, 0.8, 0.8, 0.8, 0.8, 0.9, 1.2, 1.6, 1.5),
}
# New Year's Day of the lunar calendar. Before it wage matters peak, in its week everything rests.
SPRING_FESTIVALS = ("2024-02-10", "2025-01-29", "2026-02-17", "2027-02-06", "2028-01-26")

WEEKDAYS = (  # Monday to Sunday, by channel
    (1.14, 1.08, 1.04, 1.02, 1.04, 0.88, 0.80),
    (1.08, 1.05, 1.04, 1.03, 1.06, 0.94, 0.80),
    (1.30, 1.20, 1.15, 1.10, 1.10, 0.10, 0.05),
    (1.50, 1.25, 1.10, 1.05, 1.00, 0.06, 0.04),
    (0.95, 0.92, 0.92, 0.95, 1.08, 1.14, 1.04),
    (1.40, 1.20, 1.10, 1.10, 1.10, 0.06, 0.04),
)
HOLIDAYS = (0.62, 0.55, 0.05, 0.05, 1.05, 0.03)  # by channel, on a public holiday
SPRING_WEEK = (0.40, 0.30, 0.02, 0.02, 0.85, 0.01)
OFFICE_HOURS = (0, 0, 0, 0, 0, 0, 0, 0, 5, 10, 10, 7, 1, 1, 7, 9, 8, 5, 0, 0, 0, 0, 0, 0)
HOURS = {  # by the clock, for channels that are open all day
    "day": (1, 1, 0, 0, 0, 1, 2, 5, 9, 11, 11, 8, 5, 5, 7, 8, 8, 7, 5, 4, 4, 3, 2, 1),
    "evening": (2, 1, 1, 0, 0, 1, 2, 4, 5, 5, 5, 5, 5, 4, 4, 5, 6, 8, 10, 12, 11, 9, 6, 3),
    "night": (10, 8, 5, 3, 1, 1, 2, 2, 2, 2, 2, 2, 3, 3, 2, 2, 2, 3, 4, 6, 9, 12, 14, 13),
}
OPEN_ALL_DAY = (True, True, False, False, True, False)  # by channel


def topics() -> list[Topic]:
    """The table topics.csv beside this file."""
    with open(Path(__file__).with_name("topics.csv"), encoding="utf-8", newline="") as lines:
        return [_topic(row) for row in csv.DictReader(lines)]


def _topic(row: dict[str, str]) -> Topic:
    weights = tuple(float(row[channel]) for channel in CHANNELS)
    return Topic(
        row["code"],
        row["department"],
        row["second"],
        float(row["in_town"]),
        float(row["outside"]),
        row["hours"],
        weights,
        tuple(row["matters"].split(";")),
    )
