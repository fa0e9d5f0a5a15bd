"""Reads one sheet of an Excel file (xlsx, xlsm, xlsb, xls, ods) as text, row by row."""

import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from typing import Any, BinaryIO

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, PasswordError

from etl.hostile import LIMITS, FileError, HostileFile, refuse_hostile, zip_entries
from etl.members import Member
from etl.readers.base import RawChunk, ReaderOptions, Reject, chunk, column_names

SEARCHED_ROWS = 30  # a title, a subtitle and a note stand above a header, not a page of text
HEADER_SHARE = 0.6  # of the columns have a name
EXACT = 10**15  # Excel keeps 15 digits: the last ones of a longer number are already lost
ZIP, OLD = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
MAX_CELLS = 1 << 25  # the rectangle is held in memory, empty cells too: 1 M rows x 32 columns
FAR = re.compile(rb'r="(?:[A-Z]{3}|[B-Z][A-Z])\d|r="[A-Z]{1,3}\d{6,7}"')  # else under 5 M cells
CELL = re.compile(rb'r="([A-Z]{1,3})(\d{1,7})"')

DAMAGE = (CalamineError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError)

Cells = list[str | None]
Rows = list[tuple[int, Cells]]  # row number in the sheet, its cells


def read(member: Member, options: ReaderOptions) -> Iterator[RawChunk]:
    """The rows of a sheet below its header; line = the sheet's own row number.

    The header is declared, or the first row that is nearly as wide as the table, all text and
    without repetition: titles above it are passed over. Rows without any content are counted.
    Raises FileError for what is no Excel file, or has a password, or no such sheet.
    """
    with member.open() as stream, _faults(member.label):
        sheet = _sheet(stream, member.label, options.sheet)
        body = _Body(sheet)
        top = body.filled(max(SEARCHED_ROWS, options.header or 0))
        if not top:
            yield chunk((), [], [], notes=[*body.notes(), "工作表是空的"])
            return
        at, names, notes = _header(top, options, member.label)
        notes = [*body.notes(), *notes]
        body.header = top[at - 1][1] if at else []
        rows, is_first = top[at:], True
        while True:
            rows += body.filled(options.chunk_rows - len(rows))
            if not rows and not is_first:
                return
            yield _chunk(rows[: options.chunk_rows], names, body, notes if is_first else [])
            rows, is_first = rows[options.chunk_rows :], False


class _Body:
    """The rows of a sheet from the top; those without content are only counted."""

    def __init__(self, sheet: CalamineSheet) -> None:
        self.sheet, self.long_numbers, self.passed = sheet, 0, Counter[str]()
        self.header: Cells = []
        self.margin: Cells = [None] * (sheet.start[1] if sheet.start else 0)
        self.rows = enumerate(sheet.iter_rows(), 1)

    def filled(self, count: int) -> Rows:
        """The next `count` rows that hold anything."""
        found: Rows = []
        while len(found) < count and (row := next(self.rows, None)):
            cells = [self._text(cell) for cell in row[1]]
            if any(cells):
                found.append((row[0], self.margin + cells))
            else:
                self.passed["blank"] += 1
        return found

    def skipped(self) -> dict[str, int]:
        passed, self.passed = +self.passed, Counter[str]()  # without zeros
        return dict(passed)

    def notes(self) -> list[str]:
        notes = [f"读取的工作表：{self.sheet.name}"]
        try:
            merged = len(self.sheet.merged_cell_ranges or [])
        except CalamineError:  # not kept in this format
            merged = 0
        if merged:
            notes.append(f"有 {merged} 处合并单元格，只有左上角一格有值")
        return notes

    def lost_digits(self) -> list[str]:
        count, self.long_numbers = self.long_numbers, 0
        return [f"有 {count} 个数字超过 15 位，Excel 已丢失末位"] if count else []

    def _text(self, value: Any) -> str | None:
        if isinstance(value, float) and abs(value) >= EXACT:
            self.long_numbers += 1
        return cell_text(value)


def cell_text(value: Any) -> str | None:
    """A cell as text: dates in ISO form, numbers in their shortest form, None when empty."""
    match value:
        case None | "":
            return None
        case bool():
            return "TRUE" if value else "FALSE"
        case int() | float():
            return _number_text(value)
        case datetime():
            return _to_milliseconds(value).isoformat(" ")
        case date() | time():
            return value.isoformat()
        case timedelta():
            return _duration_text(value)
    return str(value).replace("\r\n", "\n")


def _sheet(stream: BinaryIO, label: str, wanted: str | int | None) -> CalamineSheet:
    book = _book(stream, label)
    if wanted is None:
        visible = [s.name for s in book.sheets_metadata if str(s.visible).endswith("Visible")]
        wanted = visible[0] if visible else 1
    if isinstance(wanted, int) and 1 <= wanted <= len(book.sheet_names):
        return book.get_sheet_by_index(wanted - 1)
    if wanted in book.sheet_names:
        return book.get_sheet_by_name(str(wanted))
    there = "、".join(book.sheet_names)
    raise FileError(label, "no_sheet", f"没有工作表 {wanted}；有：{there}")


def _book(stream: BinaryIO, label: str) -> CalamineWorkbook:
    head = stream.read(8)
    if not head.startswith((ZIP, OLD)):
        kind = "网页" if head.lstrip().startswith(b"<") else "文本"
        raise FileError(label, "not_excel", f"不是 Excel 文件（内容是{kind}，可用 csv 读取器）")
    stream.seek(0)
    if head.startswith(ZIP):
        size = stream.seek(0, 2)
        archive = zipfile.ZipFile(stream)
        entries = [entry for entry, _ in zip_entries(archive)]
        refuse_hostile(label, size, entries, LIMITS)
        _refuse_far_cells(archive, label)
    stream.seek(0)
    return CalamineWorkbook.from_filelike(stream)  # type: ignore[arg-type]


@contextmanager
def _faults(label: str) -> Iterator[None]:
    """Turns what the unpacker and calamine may raise into a FileError that names the file."""
    try:
        yield
    except FileError:
        raise
    except PasswordError as fault:
        raise FileError(label, "password", "Excel 文件有密码") from fault
    except DAMAGE as fault:
        raise FileError(label, "damaged", f"Excel 文件损坏或不完整（{fault}）") from fault
    except BaseException as fault:
        if type(fault).__name__ != "PanicException":  # Rust's, not derived from Exception
            raise
        raise FileError(label, "damaged", "Excel 文件损坏，无法读取") from fault


def _refuse_far_cells(archive: zipfile.ZipFile, label: str) -> None:
    """One cell in the far corner of a small file would fill the memory with empty ones."""
    for info in archive.infolist():
        if info.filename.startswith("xl/worksheets/") and _extent(archive, info) > MAX_CELLS:
            raise HostileFile(label, "extent", f"工作表过大，超过 {MAX_CELLS} 格（含空格）")


def _extent(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> int:
    """Cells in the rectangle from A1 that the sheet spans; 0 where it is small for certain."""
    xml = archive.read(info)
    if not FAR.search(xml):
        return 0
    columns, rows = zip(*CELL.findall(xml), strict=True)
    return _column_number(max(set(columns), key=_column_number)) * max(map(int, set(rows)))


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = 26 * number + letter - 64
    return number


def _header(top: Rows, options: ReaderOptions, label: str) -> tuple[int, list[str], list[str]]:
    """Where the data begin in `top`, the column names, and notes on them."""
    if options.header == 0:
        width = max(_width(row) for _, row in top)
        return 0, *column_names(options.columns or [""] * width)
    at = _header_at(top, options.header)
    if at is None:
        raise FileError(label, "no_header", f"第 {options.header} 行是空的，不是表头")
    width = max(_width(row) for _, row in top[at : at + SEARCHED_ROWS])
    names, notes = column_names(
        [re.sub(r"\s*\n\s*", "", cell or "") for cell in top[at][1][:width]]
    )
    if at:
        notes.append(f"表头在第 {top[at][0]} 行，其上 {at} 行是标题")
    return at + 1, names, notes


def _header_at(top: Rows, declared: int | None) -> int | None:
    if declared is not None:
        return next((at for at, (number, _) in enumerate(top) if number == declared), None)
    width = max(_filled(row) for _, row in top)
    return next((at for at, (_, row) in enumerate(top) if _is_header(row, width)), 0)


def _is_header(row: Cells, width: int) -> bool:
    names = [cell for cell in row if cell]
    is_text = not any(re.fullmatch(r"[-+\d.:/ ]+", name) for name in names)
    return len(names) >= HEADER_SHARE * width and len(set(names)) == len(names) and is_text


def _filled(row: Cells) -> int:
    return sum(cell is not None for cell in row)


def _width(row: Cells) -> int:
    return next((at + 1 for at in reversed(range(len(row))) if row[at] is not None), 0)


def _chunk(rows: Rows, names: list[str], body: _Body, notes: list[str]) -> RawChunk:
    width = len(names)
    body.passed["header_repeated"] += sum(row == body.header for _, row in rows)
    rows = [(number, row) for number, row in rows if row != body.header]
    too_wide = [(number, row) for number, row in rows if any(row[width:])]
    good = [(number, row) for number, row in rows if not any(row[width:])]
    cells = [(row + [None] * width)[:width] for _, row in good]
    rejects = [_ragged(number, row, width) for number, row in too_wide]
    notes = [*notes, *body.lost_digits()]
    return chunk(names, cells, (n for n, _ in good), rejects, body.skipped(), notes)


def _ragged(number: int, row: Cells, width: int) -> Reject:
    raw = "\t".join(cell or "" for cell in row)
    return Reject(number, "ragged", f"表头有 {width} 列，这一行有 {_width(row)} 列", raw)


def _number_text(value: int | float) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value)


def _to_milliseconds(moment: datetime) -> datetime:
    """Excel keeps a time as a fraction of a day; what is below a millisecond is its rounding."""
    rounded = moment + timedelta(microseconds=500)
    return rounded.replace(microsecond=rounded.microsecond // 1000 * 1000)


def _duration_text(span: timedelta) -> str:
    minutes, seconds = divmod(round(span.total_seconds()), 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}"
