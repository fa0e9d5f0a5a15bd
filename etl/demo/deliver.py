"""Writes what each system hands over: its own columns, words, times, coordinates and encoding."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import xlsxwriter
from numpy.typing import NDArray

from etl.demo.catalogue import CHANNELS, PREFIXES
from etl.demo.county import ADDRESSES
from etl.demo.people import openings
from etl.demo.simulate import NO_PLACE, PLACEHOLDER, WITH_FLOW, Cases
from etl.demo.wording import Words, summaries
from etl.demo.world import NEVER, Floats, Ints, World
from geo.coordinates import from_wgs84

ZONE_OFFSET = 8 * 3600
EXCEL_EPOCH = 25_569  # 1970-01-01 as an Excel day
CREATED = datetime(2025, 1, 1)  # in every workbook: the same seed gives the same bytes
SCALES = ("个体纠纷", "一般群体", "重大群体")
FLOW_CHANNELS = CHANNELS[:WITH_FLOW]
FLOW_HEADER = (
    "流转编号",
    "事项编号",
    "环节",
    "操作时间",
    "承办单位",
    "新的时限",
    "风险等级",
    "结果",
    "说明",
)
RESOLVED_WORDS = ("resolved", "unresolved", "withdrawn", "judicial", "")

Columns = list[list]


@dataclass(frozen=True)
class Form:
    """How the files of one source look."""

    header: tuple[str, ...]
    template: str | None  # of one line; None = a workbook
    suffix: str = "csv"
    encoding: str = "utf-8"
    delimiter: str = ","
    has_header: bool = True

    def header_line(self, header: Sequence[str]) -> str:
        return self.delimiter.join(header)


def delimited(header: str, **options) -> Form:
    """The form of a delimited text with these columns."""
    names = tuple(header.split())
    return Form(names, options.get("delimiter", ",").join(["%s"] * len(names)), **options)


JSON_FIELDS = {  # how a value of each column is written: as text, as it is, or as text or null
    "id": '"%s"',
    "eventType": '"%s"',
    "title": '"%s"',
    "desc": '"%s"',
    "addr": '"%s"',
    "lng": "%s",
    "lat": "%s",
    "gridCode": '"%s"',
    "unit": "%s",
    "state": '"%s"',
    "result": "%s",
    "persons": "%s",
    "repeats": "%s",
    "reportedAt": "%s",
    "acceptedAt": "%s",
    "dispatchedAt": "%s",
    "signedAt": "%s",
    "finishedAt": "%s",
    "updatedAt": "%s",
}
FORMS = {
    "hotline_12345": delimited(
        "工单编号 来电时间 受理时间 派单时间 签收时间 办结时间 办理时限 工单状态 办理结果 诉求分类"
        " 诉求标题 诉求内容 事发地址 经度 纬度 承办单位 涉及人数 近90日重复 扬言极端 更新时间",
        encoding="gb18030",
    ),
    "grid_app": Form(
        tuple(JSON_FIELDS),
        "{" + ",".join(f'"{name}":{form}' for name, form in JSON_FIELDS.items()) + "}",
        suffix="jsonl",
        has_header=False,
    ),
    "mediation": Form(
        ("纠纷编号", "登记时间", "受理时间", "分流时间", "接收时间", "结案时间")
        + ("纠纷类型", "纠纷规模", "涉及人数", "所属网格", "发生地点", "纠纷概述")
        + ("调解组织", "调解状态", "调解结果", "更新时间"),
        None,
        suffix="xlsx",
    ),
    "petition": delimited(
        "信访编号 登记日期 受理日期 转送日期 接收日期 办结日期 问题分类 概要标题 信访内容 问题属地"
        " 百度经度 百度纬度 责任单位 信访人数 重复次数 扬言 办理状态 办理意见 更新时间"
    ),
    "police_110": delimited(
        "移送编号 接警时间 受理时间 移送时间 签收时间 反馈时间 警情类别 警情摘要 处警情况 警情地址"
        " X Y 移送单位 涉及人数 重复警情 扬言 状态 结果",
        suffix="txt",
        encoding="utf-16",
        delimiter="\t",
    ),
    "window": delimited(
        "登记号 来访时间 受理时间 分流时间 接待时间 办结时间 来访事由 诉求 地址 网格编码 分流窗口"
        " 来访人数 近90日第几次 状态 结果 更新时间",
        encoding="utf-8-sig",
    ),
}
FLOW_FORM = Form(FLOW_HEADER, ",".join(["%s"] * len(FLOW_HEADER)))
CRS = {
    "hotline_12345": "CGCS2000",
    "grid_app": "GCJ-02",
    "petition": "BD-09",
    "police_110": "WGS84",
}
HOTLINE_PLACEHOLDER = (111.558, 29.804)


@dataclass(frozen=True)
class Seen:
    """Cases as they stood at one moment; what had not come yet is NEVER or the last position."""

    accepted: Ints
    dispatched: Ints
    responded: Ints
    closed: Ints
    due: Ints
    department: Ints
    status: Ints  # position in wording.STATUSES
    outcome: Ints
    updated: Ints


class Writer:
    """Writes the files of one world into a folder."""

    def __init__(self, world: World, words: Words, folder: Path) -> None:
        self.world, self.words, self.folder = world, words, folder
        county = world.county
        self.grid_codes = np.array(county.grids.codes, dtype=object)
        lon, lat = county.address_lon.ravel(), county.address_lat.ravel()
        self.points = {channel: from_wgs84(lon, lat, crs) for channel, crs in CRS.items()}

    def keys(self, cases: Cases) -> list[str]:
        """The key of each case in its own system: prefix, day, number."""
        day = (cases["reported"] // 86_400).astype("datetime64[D]")
        days, which = np.unique(day, return_inverse=True)
        texts = np.array([f"{d.astype(object):%y%m%d}" for d in days], dtype=object)
        starts = np.array(PREFIXES, dtype=object)[cases["channel"]] + texts[which]
        return [
            f"{s}{n:07d}" for s, n in zip(starts.tolist(), cases["serial"].tolist(), strict=True)
        ]

    def columns(self, channel: str, cases: Cases, seen: Seen) -> Columns:
        """The columns of one channel's file, as texts in the order of its header."""
        return _COLUMNS[channel](self, cases, seen)

    def common(self, channel: str, cases: Cases, seen: Seen) -> dict[str, list]:
        """What all channels tell, in the words of this one."""
        own = self.words.vocabularies[channel]
        category = cases["category"].astype(np.int64)
        address = self.words.address[cases["grid"].astype(np.int64) * ADDRESSES + cases["address"]]
        matter = self.words.matter[category, cases["matter"]]
        people = cases["people"].tolist()
        return {
            "key": self.keys(cases),
            "category": own.category[category].tolist(),
            "matter": matter.tolist(),
            "summary": summaries(
                openings(self.world, channel, cases),
                address,
                matter,
                cases["request"].astype(np.int64),
            ).tolist(),
            "address": address.tolist(),
            "department": own.department[seen.department].tolist(),
            "status": own.status[seen.status].tolist(),
            "outcome": own.outcome[seen.outcome].tolist(),
            "people": ["" if n < 0 else n for n in people],
            "repeats": cases["repeats"].tolist(),
            "threat": np.where(cases["is_threat"], "是", "否").tolist(),
        }

    def times(self, style: str, cases: Cases, seen: Seen) -> Columns:
        """Reported, accepted, dispatched, responded, closed."""
        clock = self.words.clocks[style]
        moments = (cases["reported"], seen.accepted, seen.dispatched, seen.responded, seen.closed)
        return [clock(moment) for moment in moments]

    def lon_lat(self, channel: str, cases: Cases) -> tuple[list[str], list[str]]:
        """Coordinates in the channel's own system, six decimals, empty where there are none."""
        at = cases["grid"].astype(np.int64) * ADDRESSES + cases["address"]
        lon, lat = (values[at] for values in self.points[channel])
        point, placeholder = cases["point"], cases["point"] == PLACEHOLDER
        lon = np.where(placeholder, HOTLINE_PLACEHOLDER[0], lon + cases["east"])
        lat = np.where(placeholder, HOTLINE_PLACEHOLDER[1], lat + cases["north"])
        return _six_decimals(lon, point), _six_decimals(lat, point)

    def grid_code(self, cases: Cases) -> list[str]:
        return np.where(cases["point"] == NO_PLACE, "", self.grid_codes[cases["grid"]]).tolist()

    def path(self, source: str, name: str) -> Path:
        suffix = FORMS[source].suffix if source in FORMS else "csv"
        return self.folder / source / f"{source}_{name}.{suffix}"


def as_of(cases: Cases, moment: int) -> Seen:
    """The state of the cases just before `moment` (seconds)."""

    def come(name: str) -> Ints:
        return np.where(cases[name] < moment, cases[name], NEVER)

    accepted, dispatched, responded = come("accepted"), come("dispatched"), come("responded")
    transferred, extended = come("transferred") < NEVER, come("extended") < NEVER
    closed, reopened, reclosed = come("closed"), come("reopened"), come("reclosed")
    again = reopened < NEVER
    closed = np.where(again, reclosed, closed)
    sent = dispatched < NEVER
    department = np.where(sent, np.where(transferred, cases["second"], cases["first"]), -1)
    is_closed = closed < NEVER
    status = np.select(
        [is_closed, again, extended, responded < NEVER, sent, accepted < NEVER],
        [5, 6, 4, 3, 2, 1],
        0,
    )
    outcome = np.where(is_closed, np.where(again, cases["outcome_2"], cases["outcome"]), -1)
    return Seen(
        accepted,
        dispatched,
        responded,
        closed,
        np.where(accepted < NEVER, np.where(extended, cases["due_2"], cases["due"]), NEVER),
        department.astype(np.int64),
        status,
        outcome.astype(np.int64),
        last_event(cases, moment),
    )


def last_event(cases: Cases, moment: int = NEVER) -> Ints:
    """The last thing that happened to each case before `moment`."""
    names = ("reported", "accepted", "dispatched", "responded", "transferred")
    last = np.zeros(len(cases), np.int64)
    for name in (*names, "extended", "closed", "reopened", "reclosed"):
        last = np.where(cases[name] < moment, np.maximum(last, cases[name]), last)
    return last


def lines_of(form: Form, columns: Columns) -> list[str]:
    """One text line a row."""
    assert form.template is not None
    return list(map(form.template.__mod__, zip(*columns, strict=True)))


def write_text(
    path: Path, form: Form, lines: list[str], header: Sequence[str] | None = None
) -> None:
    """A text file of lines under the header; one without header and lines is not written."""
    if not lines and not form.has_header:
        return
    if form.has_header:
        lines = [form.header_line(header or form.header), *lines]
    write_bytes(path, ("\n".join(lines) + "\n").encode(form.encoding))


def write_bytes(path: Path, content: bytes) -> None:
    """The file appears complete or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name("." + path.name + ".part")
    beside.write_bytes(content)
    beside.replace(path)


def write_workbook(path: Path, sheet: str, header: Sequence[str], rows: Sequence[Sequence]) -> None:
    """A workbook of one sheet; floats are Excel times, everything else is written as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name("." + path.name + ".part")
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(str(beside), options) as book:
        book.set_properties({"created": CREATED})
        page, when = (
            book.add_worksheet(sheet),
            book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
        )
        for column, name in enumerate(header):
            page.write_string(0, column, name)
        for number, row in enumerate(rows, start=1):
            for column, value in enumerate(row):
                if isinstance(value, float):
                    page.write_number(number, column, value, when)
                elif isinstance(value, int):
                    page.write_number(number, column, value)
                elif value:
                    page.write_string(number, column, value)
    beside.replace(path)


def _six_decimals(values: Floats, point: NDArray) -> list[str]:
    texts = ["%.6f" % value for value in values.tolist()]  # noqa: UP031, twice as fast as format
    if (point == NO_PLACE).any():
        texts = ["" if p == NO_PLACE else t for t, p in zip(texts, point.tolist(), strict=True)]
    return texts


def _hotline(writer: Writer, cases: Cases, seen: Seen) -> Columns:
    of = writer.common("hotline_12345", cases, seen)
    lon, lat = writer.lon_lat("hotline_12345", cases)
    clock = writer.words.clocks["dash"]
    return (
        [
            of["key"],
            *writer.times("dash", cases, seen),
            clock(seen.due),
            of["status"],
            of["outcome"],
        ]
        + [of["category"], of["matter"], of["summary"], of["address"], lon, lat, of["department"]]
        + [of["people"], of["repeats"], of["threat"], clock(seen.updated)]
    )


def _grid_app(writer: Writer, cases: Cases, seen: Seen) -> Columns:
    of = writer.common("grid_app", cases, seen)
    lon, lat = writer.lon_lat("grid_app", cases)
    moments = (cases["reported"], seen.accepted, seen.dispatched, seen.responded, seen.closed)
    stamps = [_epoch_ms(moment) for moment in (*moments, seen.updated)]
    return (
        [of["key"], of["category"], of["matter"], of["summary"], of["address"]]
        + [_or_null(lon), _or_null(lat), writer.grid_codes[cases["grid"]].tolist()]
        + [_quoted_or_null(of["department"]), of["status"], _quoted_or_null(of["outcome"])]
        + [_or_null(of["people"]), of["repeats"], *stamps]
    )


def _mediation(writer: Writer, cases: Cases, seen: Seen) -> Columns:
    of = writer.common("mediation", cases, seen)
    moments = (cases["reported"], seen.accepted, seen.dispatched, seen.responded, seen.closed)
    people = cases["people"]
    scale = np.array(SCALES, dtype=object)[(people >= 10).astype(int) + (people >= 50)].tolist()
    return (
        [of["key"], *(_excel(moment) for moment in moments), of["category"], scale, of["people"]]
        + [writer.grid_code(cases), of["address"], of["summary"], of["department"]]
        + [of["status"], of["outcome"], _excel(seen.updated)]
    )


def _petition(writer: Writer, cases: Cases, seen: Seen) -> Columns:
    of = writer.common("petition", cases, seen)
    lon, lat = writer.lon_lat("petition", cases)
    updated = writer.words.clocks["dash"](seen.updated)
    return (
        [of["key"], *writer.times("cn", cases, seen), of["category"], of["matter"], of["summary"]]
        + [of["address"], lon, lat, of["department"], of["people"], of["repeats"], of["threat"]]
        + [of["status"], of["outcome"], updated]
    )


def _police(writer: Writer, cases: Cases, seen: Seen) -> Columns:
    of = writer.common("police_110", cases, seen)
    lon, lat = writer.lon_lat("police_110", cases)
    return (
        [
            of["key"],
            *writer.times("slash", cases, seen),
            of["category"],
            of["matter"],
            of["summary"],
        ]
        + [of["address"], lon, lat, of["department"], of["people"], of["repeats"], of["threat"]]
        + [of["status"], of["outcome"]]
    )


def _window(writer: Writer, cases: Cases, seen: Seen) -> Columns:
    of = writer.common("window", cases, seen)
    updated = writer.words.clocks["dash"](seen.updated)
    return (
        [of["key"], *writer.times("dot", cases, seen), of["category"], of["summary"], of["address"]]
        + [writer.grid_code(cases), of["department"], of["people"], of["repeats"]]
        + [of["status"], of["outcome"], updated]
    )


_COLUMNS = {
    "hotline_12345": _hotline,
    "grid_app": _grid_app,
    "mediation": _mediation,
    "petition": _petition,
    "police_110": _police,
    "window": _window,
}


def _epoch_ms(seconds: Ints) -> list[str]:
    utc = (seconds - ZONE_OFFSET).tolist()
    return ["null" if s > NEVER // 2 else f"{s}000" for s in utc]


def _excel(seconds: Ints) -> list:
    days = (seconds / 86_400 + EXCEL_EPOCH).tolist()
    return ["" if s >= NEVER else d for s, d in zip(seconds.tolist(), days, strict=True)]


def _or_null(values: list) -> list:
    return ["null" if value == "" else value for value in values]


def _quoted_or_null(values: list[str]) -> list[str]:
    return [f'"{value}"' if value else "null" for value in values]


def flow_lines(writer: Writer, cases: Cases, since: int, until: int) -> list[str]:
    """The steps in [since, until) of the cases whose own columns do not tell their whole story."""
    told = (cases["transferred"] < NEVER) | (cases["extended"] < NEVER)
    told |= (cases["reopened"] < NEVER) | (cases["raised"] < NEVER)
    cases = cases[told]
    parts = [part for part in _steps(cases) if len(part[0])]
    if not parts:
        return []
    which, number, at = (np.concatenate(values) for values in zip(*parts, strict=True))
    due = (at >= since) & (at < until)
    which, number, at = which[due], number[due], at[due]
    order = np.lexsort((number, which, at))
    return _flow_texts(writer, cases, which[order], number[order], at[order])


STEPS = (  # step, the time it happens at, whose department it names
    ("派单", "dispatched", "first"),
    ("响应", "responded", None),
    ("转派", "transferred", "second"),
    ("退单", "transferred", None),
    ("派单", "transferred", "second"),
    ("延期", "extended", None),
    ("风险调整", "raised", None),
    ("办结", "closed", None),
    ("重办", "reopened", None),
    ("办结", "reclosed", None),
)


def _steps(cases: Cases) -> list[tuple[Ints, Ints, Ints]]:
    """(positions of cases, numbers in STEPS, times) of every step that ever comes."""
    parts = []
    for number, (_, time, _) in enumerate(STEPS):
        happens = cases[time] < NEVER
        if time == "transferred":
            happens &= cases["is_return"] == (number != 2)
        at = cases[time] + (300 if number == 4 else 0)  # sent out again five minutes after
        which = np.flatnonzero(happens)
        parts.append((which, np.full(len(which), number), at[which]))
    return parts


def _flow_texts(writer: Writer, cases: Cases, which: Ints, number: Ints, at: Ints) -> list[str]:
    if not len(which):
        return []
    cases = cases[which]
    keys, clock = writer.keys(cases), writer.words.clocks["dash"]
    names = writer.words.department_names
    first, second = names[cases["first"]], names[cases["second"]]
    department = np.select([number == 0, (number == 2) | (number == 4)], [first, second], "")
    due = np.where(number == 5, cases["due_2"], NEVER)
    codes = np.array(RESOLVED_WORDS, dtype=object)
    outcome = np.where(number == 7, cases["outcome"], np.where(number == 9, cases["outcome_2"], -1))
    steps = np.array([step for step, _, _ in STEPS], dtype=object)[number]
    columns = [
        [f"LZ{key}-{n}" for key, n in zip(keys, number.tolist(), strict=True)],
        keys,
        steps.tolist(),
        clock(at),
        department.tolist(),
        clock(due),
        np.where(number == 6, "黄", "").tolist(),
        codes[outcome].tolist(),
        np.where(number == 5, "情况复杂，申请延期", "").tolist(),
    ]
    return lines_of(FLOW_FORM, columns)
