"""Plants the faults that real deliveries have, and keeps the record of what was planted where."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from etl.demo.deliver import Columns, Form, lines_of
from etl.demo.world import Ints

FRESH = 9_000_001  # numbers of rows that are no case: no channel gets that far
FEWEST_ROWS = 24  # a file with fewer rows stays clean: one bad row would be too great a share of it
ROWS_PER_FAULT = 12
COPIES = {"hotline_12345": 2}  # how often each fault is planted; 1 for the other sources

Row = dict[str, str]
Change = Callable[[Row], Row | str]


@dataclass(frozen=True)
class Names:
    """What a source calls the columns that the faults are planted in."""

    key: str
    reported: str
    accepted: str
    closed: str
    status: str
    category: str
    department: str
    people: str
    text: str
    lon: str = ""
    lat: str = ""
    updated: str = ""


@dataclass(frozen=True)
class Fault:
    """One kind of fault.

    expected: rejected (the row is put aside), value (loaded without the value), loaded, no_point
    (loaded, its point is not used), unlocated (loaded, in no grid), duplicate, stale, flagged
    (loaded, out of the durations), skipped (no row at all), column (the file has one more).
    """

    kind: str
    expected: str
    is_extra: bool  # a row of its own, or a change of a case's row
    change: Change


@dataclass
class Sheet:
    """One file of lines about to be written."""

    source: str
    name: str
    form: Form
    header: list[str]
    columns: Columns
    settled: Ints  # the rows that no later file tells again
    lines: list[str] | None = None  # None until something is changed

    def row(self, number: int) -> Row:
        values = [column[number] for column in self.columns]
        names = [*self.form.header, *self.header[len(self.form.header) :]]  # not renamed
        return dict(zip(names, map(str, values), strict=True))

    def line(self, row: Row) -> str:
        assert self.form.template is not None
        more = len(self.header) - len(self.form.header)
        return (self.form.template + ",%s" * more) % tuple(row.values())


@dataclass
class Dirt:
    """All that is planted in one history; `records` in the order of planting."""

    seed: int
    records: list[dict] = field(default_factory=list)
    fresh: int = FRESH
    queues: dict[str, list[Fault]] = field(default_factory=dict)
    months: Counter = field(default_factory=Counter)

    def counts(self) -> dict[str, int]:
        return dict(sorted(Counter(record["kind"] for record in self.records).items()))

    def text(self, sheet: Sheet) -> None:
        """Change the lines of a file; where nothing is to be changed it stays as it is."""
        is_month = len(sheet.name) == 7
        self.months[sheet.source] += is_month
        _drift(self, sheet)
        faults = self._due(sheet.source, len(sheet.settled)) if is_month else []
        if not faults and len(sheet.header) == len(sheet.form.header):
            return
        sheet.lines = _lines(sheet)
        chosen = self._chosen(sheet.source, sheet.name, sheet.settled)
        edits = [self._edit(sheet, f, at) for f, at in zip(faults, chosen, strict=False)]
        sheet.lines = self._placed(sheet, sorted(edits, key=lambda edit: edit[0]))

    def workbook(
        self, source: str, name: str, form: Form, rows: list[tuple], settled: Ints
    ) -> list[tuple]:
        """The rows of a workbook with its faults; text where the system would write a date."""
        if len(name) != 7:
            return rows
        taken = self._due(source, len(settled))
        rows = list(rows)
        for fault, at in zip(taken, self._chosen(source, name, settled), strict=False):
            row = dict(zip(form.header, rows[at], strict=True))
            if fault.is_extra:
                row[form.header[0]] = self._fresh_key(str(row[form.header[0]]))
            changed = fault.change(row)
            assert isinstance(changed, dict)
            place = len(rows) if fault.is_extra else at
            rows[place : place + 1] = [tuple(changed.values())]
            self._record(source, name, form, fault, place + 2, str(changed[form.header[0]]))
        return rows

    def flow(self, source: str, name: str, lines: list[str]) -> list[str]:
        """The lines of a flow log with one step that does not exist."""
        if (
            len(name) != 7
            or len(lines) < FEWEST_ROWS
            or any(record["source"] == source for record in self.records)
        ):
            return lines
        parts = lines[len(lines) // 2].split(",")
        parts[0], parts[2] = f"LZ{FRESH}", "蒸发"
        fault = Fault("unknown_step", "rejected", True, dict)
        self._record(source, name, Form((), None), fault, len(lines) + 2, parts[0])
        return [*lines, ",".join(parts)]

    def _due(self, source: str, rows: int) -> list[Fault]:
        """The next faults for a file of so many rows."""
        if source not in self.queues:
            self.queues[source] = list(FAULTS[source]) * COPIES.get(source, 1)
        if rows < FEWEST_ROWS:
            return []
        queue = self.queues[source]
        count = min(rows // ROWS_PER_FAULT, 6, len(queue))
        self.queues[source] = queue[count:]
        return queue[:count]

    def _chosen(self, source: str, name: str, settled: Ints) -> list[int]:
        """The settled rows in the order in which they get a fault: each at most one."""
        rng = np.random.default_rng([self.seed, 4, *source.encode(), *name.encode()])
        return rng.permutation(settled).tolist()

    def _edit(self, sheet: Sheet, fault: Fault, at: int) -> tuple[int, Fault, str, str]:
        """(row, fault, line, key); the line replaces the row or comes after it."""
        names, row = NAMES[sheet.source], sheet.row(at)
        if fault.is_extra and fault.kind not in ("duplicate", "stale"):
            row[names.key] = self._fresh_key(row[names.key])
        key = row[names.key]
        changed = fault.change(row)
        if isinstance(changed, str) and changed == HEADER:
            changed = sheet.form.header_line(sheet.header)
        line = changed if isinstance(changed, str) else sheet.line(changed)
        return at, fault, line, key

    def _placed(self, sheet: Sheet, edits: list[tuple[int, Fault, str, str]]) -> list[str]:
        assert sheet.lines is not None
        lines, first = list(sheet.lines), 2 if sheet.form.has_header else 1
        inserted = 0
        for at, fault, line, key in edits:
            place = at + inserted + fault.is_extra
            lines[place : place + (not fault.is_extra)] = [line]
            inserted += fault.is_extra
            self._record(sheet.source, sheet.name, sheet.form, fault, place + first, key)
        return lines

    def _fresh_key(self, like: str) -> str:
        self.fresh += 1
        return f"{like[:8]}{self.fresh - 1:07d}"

    def _record(
        self, source: str, name: str, form: Form, fault: Fault, line: int | None, key: str
    ) -> None:
        self.records.append(
            {
                "kind": fault.kind,
                "source": source,
                "file": f"{source}/{source}_{name}.{form.suffix}",
                "line": line,
                "key": key,
                "expected": fault.expected,
            }
        )


def _lines(sheet: Sheet) -> list[str]:
    more = len(sheet.header) - len(sheet.form.header)
    if not more:
        return lines_of(sheet.form, sheet.columns)
    assert sheet.form.template is not None
    template = sheet.form.template + ",%s" * more
    return list(map(template.__mod__, zip(*sheet.columns, strict=True)))


def _drift(dirt: Dirt, sheet: Sheet) -> None:
    """The columns of the hotline change over time: one renamed, one new and known, one unknown."""
    if sheet.source != "hotline_12345":
        return
    months, rows = dirt.months[sheet.source], len(sheet.columns[0])

    def planted(kind: str, expected: str) -> None:
        fault = Fault(kind, expected, False, dict)
        dirt._record(sheet.source, sheet.name, sheet.form, fault, 1, "")

    if months <= 4 and len(sheet.name) == 7:
        sheet.header[sheet.header.index("诉求分类")] = "诉求类别"
        planted("renamed_column", "loaded")
    if months >= 12:
        sheet.header.append("受理渠道细分")
        sheet.columns.append(["电话"] * rows)
    if months == 14 and len(sheet.name) == 7:
        sheet.header.append("办理满意度")
        sheet.columns.append(["满意"] * rows)
        planted("unknown_column", "column")


def _set(column: str, value: str) -> Change:
    return lambda row: row | {column: value}


def _of(column: str, change: Callable[[str], str]) -> Change:
    return lambda row: row | {column: change(row[column])}


def _swapped(lon: str, lat: str) -> Change:
    return lambda row: row | {lon: row[lat], lat: row[lon]}


def _joined(delimiter: str, change: Callable[[list[str]], list[str]]) -> Change:
    return lambda row: delimiter.join(change(list(row.values())))


def _before(row: Row, names: Names) -> Row:
    """Closed before it was accepted: the year of the closing time is one too early."""
    year = int(row[names.accepted][:4])
    return row | {names.closed: row[names.accepted].replace(str(year), str(year - 1), 1)}


def _first_state(names: Names, status: str) -> Change:
    """The same case as it was when it had just come in, delivered late."""
    return lambda row: (
        row | {names.closed: "", names.status: status, names.updated: row[names.reported]}
    )


HEADER = "\x00header"
NAMES = {
    "hotline_12345": Names(
        "工单编号", "来电时间", "受理时间", "办结时间", "工单状态", "诉求分类", "承办单位",
        "涉及人数", "诉求内容", "经度", "纬度", "更新时间",
    ),
    "grid_app": Names(
        "id", "reportedAt", "acceptedAt", "finishedAt", "state", "eventType", "unit", "persons",
        "desc", "lng", "lat", "updatedAt",
    ),
    "petition": Names(
        "信访编号", "登记日期", "受理日期", "办结日期", "办理状态", "问题分类", "责任单位",
        "信访人数", "信访内容", "百度经度", "百度纬度", "更新时间",
    ),
    "police_110": Names(
        "移送编号", "接警时间", "受理时间", "反馈时间", "状态", "警情类别", "移送单位", "涉及人数",
        "处警情况", "X", "Y",
    ),
    "window": Names(
        "登记号", "来访时间", "受理时间", "办结时间", "状态", "来访事由", "分流窗口", "来访人数",
        "诉求", updated="更新时间",
    ),
}  # fmt: skip


def _rejected(kind: str, change: Change) -> Fault:
    return Fault(kind, "rejected", True, change)


def _loaded(kind: str, change: Change, expected: str = "loaded") -> Fault:
    return Fault(kind, expected, False, change)


def _points(lon: str, lat: str) -> list[Fault]:
    return [
        _loaded("zero_point", lambda row: row | {lon: "0", lat: "0"}, "no_point"),
        _loaded("swapped_point", _swapped(lon, lat), "no_point"),
        _loaded("outside_point", lambda row: row | {lon: "116.397", lat: "39.908"}, "no_point"),
        _loaded("bad_point", _set(lon, '"东经"' if lon == "lng" else "东经"), "value"),
    ]


def _hotline() -> list[Fault]:
    return [
        _rejected("bad_quote", _of("诉求标题", lambda text: f'"{text}')),
        _rejected("unknown_department", _set("承办单位", "外星局")),
        _rejected("impossible_date", _set("来电时间", "2026-02-30 08:30:00")),
        _loaded("four_byte_character", _of("诉求内容", lambda text: text + "（𠮷某）")),
        _loaded("fullwidth_date", _of("来电时间", _fullwidth)),
        Fault("duplicate", "duplicate", True, dict),
        _rejected("ragged_short", _joined(",", lambda values: values[:-3])),
        _rejected("unknown_category", _of("诉求分类", lambda text: "星际/外星来客")),
        _loaded("slashed_date", _of("来电时间", lambda text: text.replace("-", "/"))),
        *_points("经度", "纬度"),
        Fault("stale", "stale", True, _first_state(NAMES["hotline_12345"], "待签收")),
        _rejected("ragged_long", _joined(",", lambda values: [*values, "多出的一列"])),
        _rejected("nul", _of("诉求内容", lambda text: text + "\x00")),
        _rejected("ambiguous_date", _set("来电时间", "5/11/2026 08:30:00")),
        _loaded("mark_in_the_middle", lambda row: row | {"工单编号": "\ufeff" + row["工单编号"]}),
        _loaded("mojibake", _of("诉求内容", lambda text: text + "锟斤拷")),
        _loaded(
            "closed_before_accepted",
            lambda row: _before(row, NAMES["hotline_12345"]),
            "flagged",
        ),
        Fault("header_repeated", "skipped", True, lambda row: HEADER),
        Fault("blank_line", "skipped", True, lambda row: ""),
        _rejected("far_future", _set("来电时间", "9999-12-31 00:00:00")),
        _rejected("excel_serial", _set("来电时间", "46331.354")),
        _rejected("missing_key", _set("工单编号", "")),
        _loaded("stamp_date", _of("来电时间", lambda t: "".join(c for c in t if c.isdigit()))),
        _loaded("padded_name", _of("承办单位", lambda text: f"\u3000{text} ")),
        _loaded("html", _of("诉求内容", lambda text: text + "<img src=x onerror=alert(1)>")),
        _loaded("formula", _of("事发地址", lambda text: "=" + text)),
    ]


def _grid_app() -> list[Fault]:
    return [
        _rejected("broken_json", lambda row: f'{{"id":"{row["id"]}","eventType":'),
        _rejected("unknown_category", _set("eventType", "ufo_landing")),
        *_points("lng", "lat"),
        _rejected("seconds_for_ms", _of("reportedAt", lambda text: text[:-3])),
        _rejected("unknown_department", _set("unit", '"WXJ"')),
        _loaded("number_as_text", _of("lng", lambda text: f'"{text}"')),
        Fault("duplicate", "duplicate", True, dict),
        _rejected("missing_time", lambda row: row | {"reportedAt": "null", "acceptedAt": "null"}),
        Fault("blank_line", "skipped", True, lambda row: ""),
    ]


def _petition() -> list[Fault]:
    return [
        _rejected("ambiguous_date", _set("登记日期", "5/11/2026")),
        _rejected("impossible_date", _set("登记日期", "2026年2月30日 8时0分")),
        _loaded("chinese_numerals", _of("登记日期", _chinese_day)),
        *_points("百度经度", "百度纬度"),
        _rejected("unknown_department", _set("责任单位", "星湖县外星局")),
        _rejected("ragged_short", _joined(",", lambda values: values[:4])),
        Fault("duplicate", "duplicate", True, dict),
    ]


def _police() -> list[Fault]:
    return [
        _rejected("impossible_date", _set("接警时间", "2026/13/05 23:10")),
        *_points("X", "Y"),
        _rejected("unknown_category", _set("警情类别", "外星警情")),
        _rejected("ragged_long", _joined("\t", lambda values: [*values, "多出的一列"])),
        Fault("duplicate", "duplicate", True, dict),
    ]


def _window() -> list[Fault]:
    return [
        _rejected("missing_key", _set("登记号", "")),
        _rejected("unknown_category", _set("来访事由", "外星签证")),
        _loaded("unknown_grid", _set("网格编码", "439921999999999"), "unlocated"),
        Fault("stale", "stale", True, _first_state(NAMES["window"], "待接待")),
        Fault("header_repeated", "skipped", True, lambda row: HEADER),
    ]


def _mediation() -> list[Fault]:
    return [
        _loaded("text_date", _set("登记时间", "2025年6月5日 8时30分")),
        _rejected("unknown_category", _set("纠纷类型", "星际航线纠纷")),
        _loaded("unknown_grid", _set("所属网格", "439921999999999"), "unlocated"),
        _rejected("impossible_date", _set("登记时间", "2026-02-30 08:30:00")),
    ]


def _fullwidth(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if c.isdigit() else c for c in text)


def _chinese_day(text: str) -> str:
    """2026年11月5日 8时30分 with the year in Chinese numerals."""
    return "".join("〇一二三四五六七八九"[int(c)] for c in text[:4]) + text[4:]


FAULTS: dict[str, Sequence[Fault]] = {
    "hotline_12345": _hotline(),
    "grid_app": _grid_app(),
    "petition": _petition(),
    "police_110": _police(),
    "window": _window(),
    "mediation": _mediation(),
}
