"""Who and what stands ready: the duty roster, grid workers with their positions, resources.

Everybody is a post: no name is written. Who stands where never changes with a delivery's seed; only
the positions do.
"""

from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from etl.demo.county import ADDRESSES, GRIDS, SEED, County
from etl.demo.deliver import (
    EXCEL_EPOCH,
    ZONE_OFFSET,
    Form,
    lines_of,
    write_text,
    write_workbook,
)
from etl.demo.world import DAY, HOUR, MINUTE, Ints, World, moment
from geo.coordinates import from_wgs84

WORKERS = 4207  # 1.86 a grid, as in 长沙县
REPORT_EVERY, ROUNDS = MINUTE, 10  # each minute a tenth of the workers tells where it is
JITTER = 3e-4  # degrees, about 30 m around an address
ROSTER_SHEET = "值班表"
ROSTER_HEADER = tuple(["日期", "班次", "岗位", "值班人", "开始时间", "结束时间", "联系电话"])
SHIFT = 8 * HOUR + 30 * MINUTE  # when the night hands over to the day
SHIFTS = (  # post, shift, begins at, hours, holders in turn
    (
        "值班领导",
        "全天",
        SHIFT,
        24,
        ("带班领导一", "带班领导二", "带班领导三", "带班领导四", "带班领导五"),
    ),
    ("值班长", "全天", SHIFT, 24, ("值班长甲", "值班长乙", "值班长丙", "值班长丁")),
    ("受理岗", "白班", SHIFT, 12, ("受理员1号", "受理员2号", "受理员3号", "受理员4号")),
    ("受理岗", "夜班", SHIFT + 12 * HOUR, 12, ("受理员5号", "受理员6号", "受理员7号")),
    ("派遣岗", "白班", SHIFT, 12, ("派遣员1号", "派遣员2号", "派遣员3号")),
    ("派遣岗", "夜班", SHIFT + 12 * HOUR, 12, ("派遣员4号", "派遣员5号", "派遣员6号")),
    ("研判岗", "白班", SHIFT, 9, ("研判员1号", "研判员2号", "研判员3号")),
)
NO_PHONE = "00000000"
WORKER_FORM = Form(
    tuple(["workerId", "post", "status", "gridCode", "lng", "lat", "locTime"]),
    '{"workerId":"%s","post":"%s","status":"%s","gridCode":"%s","lng":%.6f,"lat":%.6f,"locTime":%d}',
    suffix="jsonl",
    has_header=False,
)
RESOURCE_FORM = Form(
    tuple(["编号", "类别", "名称", "经度", "纬度", "所属网格"]),
    "%s,%s,%s,%.6f,%.6f,%s",
    encoding="gb18030",
)
KINDS = (  # kind, what its name ends in, how many
    ("摄像头", "路口摄像头", 424),
    ("应急队伍", "应急分队", 40),
    ("避难场所", "避难点", 36),
    ("物资仓库", "物资点", 18),
    ("医疗机构", "卫生院", 22),
    ("养老机构", "敬老院", 8),
    ("派出所", "派出所", 8),
    ("消防站", "消防站", 6),
    ("消防水源", "消火栓", 8),
    ("燃气设施", "燃气调压站", 6),
    ("重点场所", "文体广场", 2),
)
KEY_PLACES = {
    "医院": "医疗机构",
    "客运站": "车站",
    "工业园": "工业园区",
}  # where the list names it otherwise


@lru_cache(maxsize=1)
def worker_grids() -> Ints:
    """The grid of each worker: one in each, a second one in some."""
    rng = np.random.default_rng(SEED + 5)
    second = rng.choice(GRIDS, WORKERS - GRIDS, replace=False)
    return np.sort(np.concatenate([np.arange(GRIDS), second]))


def write_workers(world: World, folder: Path, seed: int, until: int, which: Ints) -> int:
    """One file with the positions of these workers just before `until`; how many."""
    rng = np.random.default_rng([seed, 8, until])
    grids, land = worker_grids()[which], world.county
    at = rng.integers(0, ADDRESSES, len(which))
    east, north = rng.normal(0, JITTER, (2, len(which)))
    lon, lat = from_wgs84(
        land.address_lon[grids, at] + east, land.address_lat[grids, at] + north, "GCJ-02"
    )
    is_day = SHIFT <= until % DAY < 18 * HOUR
    on_duty = rng.random(len(which)) < (0.92 if is_day else 0.15)
    seen = until - 1 - rng.integers(0, 5 * MINUTE, len(which)) - np.where(on_duty, 0, 2 * HOUR)
    columns = [
        [f"WGY{n + 1:05d}" for n in which.tolist()],
        [f"网格员 {n + 1}号" for n in which.tolist()],
        np.where(on_duty, "在岗", "离岗").tolist(),
        [land.grids.codes[grid] for grid in grids.tolist()],
        *(lon.tolist(), lat.tolist()),
        ((seen - ZONE_OFFSET) * 1000).tolist(),
    ]
    path = folder / "grid_workers" / f"grid_workers_{moment(until):%Y%m%dT%H%M%S}.jsonl"
    write_text(path, WORKER_FORM, lines_of(WORKER_FORM, columns))
    return len(which)


def reporting(since: int, until: int) -> Ints:
    """The workers who tell where they are in [since, until): a tenth each minute, in turn."""
    rounds = {t // REPORT_EVERY % ROUNDS for t in _minutes(since, until)}
    return np.flatnonzero(np.isin(np.arange(WORKERS) % ROUNDS, list(rounds)))


def _minutes(since: int, until: int) -> range:
    first = -(-since // REPORT_EVERY) * REPORT_EVERY
    return range(first, min(until, first + ROUNDS * REPORT_EVERY), REPORT_EVERY)


def write_rosters(folder: Path, first: date, last: date) -> int:
    """The roster of each month from that of `first` to that of `last`; how many rows."""
    rows, month = 0, first.replace(day=1)
    while month <= last:
        after = (month + timedelta(days=31)).replace(day=1)
        days = [month + timedelta(days=n) for n in range((after - month).days)]
        table = [row for day in days for row in _roster(day)]
        write_workbook(
            folder / "duty" / f"duty_{month:%Y-%m}.xlsx", ROSTER_SHEET, ROSTER_HEADER, table
        )
        rows, month = rows + len(table), after
    return rows


def _roster(day: date) -> list[tuple]:
    since = (day - date(1970, 1, 1)).days
    return [
        (f"{day}", shift, post, holders[since % len(holders)])
        + (_excel(since * DAY + begins), _excel(since * DAY + begins + hours * HOUR), NO_PHONE)
        for post, shift, begins, hours, holders in SHIFTS
    ]


def _excel(seconds: int) -> float:
    return seconds / DAY + EXCEL_EPOCH


def write_resources(land: County, folder: Path, on: date) -> int:
    """What there is, on one sheet; how many."""
    rows = [*_key_places(land), *_others(land)]
    columns = [[f"ZY{n:04d}" for n in range(1, len(rows) + 1)], *zip(*rows, strict=True)]
    path = folder / "resources" / f"resources_{on:%Y%m%d}.csv"
    write_text(path, RESOURCE_FORM, lines_of(RESOURCE_FORM, [list(c) for c in columns]))
    return len(rows)


def _key_places(land: County) -> list[tuple]:
    """What the further layer of 重点区域 surrounds, at its middle."""
    areas = land.key_areas
    rows = []
    for area, shape in zip(areas.names, areas.shapes, strict=True):
        name = area.replace("周边", "")
        kind = name.rstrip("0123456789")
        rows.append((KEY_PLACES.get(kind, kind), name, shape.centroid.x, shape.centroid.y, ""))
    return rows


def _others(land: County) -> list[tuple]:
    """The rest at addresses, more of them where more people live; teams and the like by town."""
    rng = np.random.default_rng(SEED + 6)
    weight = land.grids.population / land.grids.population.sum()
    rows = []
    for kind, ending, count in KINDS:
        grids = rng.choice(GRIDS, count, p=weight, replace=False)
        places: NDArray[np.int64] = rng.integers(0, ADDRESSES, count)
        for number, (grid, at) in enumerate(zip(grids.tolist(), places.tolist(), strict=True), 1):
            town = land.towns.names[int(land.town_of[grid])]
            rows.append(
                (kind, f"{town}{ending}{number:03d}")
                + (land.address_lon[grid, at], land.address_lat[grid, at], land.grids.codes[grid])
            )
    return rows
