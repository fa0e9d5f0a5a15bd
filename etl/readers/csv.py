"""Reads delimited text (csv, tsv): every line becomes a row, a reject with its reason, or a count.

One parser, the csv module in strict mode, works at two speeds: a block whose records are exactly
its lines is taken whole; any other is read record by record, so that a quote that never closes
costs its own line and not the good rows after it.
"""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import TextIO

from etl.decode import Decoded, decode
from etl.hostile import FileError
from etl.members import Member
from etl.readers.base import RawChunk, ReaderOptions, Reject, chunk, column_names, oddities

MAX_FIELD = 1 << 20  # characters; a longer field is an unclosed quote or a file in a field
MAX_LINE = 64 << 20  # characters; a longer line would have to fit in memory and is no table
MAX_RECORD_LINES = 1_000  # a record over more lines than this is an unclosed quote
BLOCK = 4 << 20  # characters parsed at a time
SAMPLE = 1 << 16
DELIMITERS = (",", "\t", ";", "|")
EMPTY = ' ,;|\t\r\n"\u3000'  # what a line without content is made of
UNCLOSED = "unexpected end of data"

csv.field_size_limit(MAX_FIELD)  # the module knows only one limit for the whole process

Row = list[str]


@dataclass
class _Records:
    """Consecutive records: their fields, the line each begins on and the text it came from."""

    rows: list[Row] = field(default_factory=list)
    lines: Sequence[int] = field(default_factory=list)
    raws: list[str] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)


def read(member: Member, options: ReaderOptions) -> Iterator[RawChunk]:
    """The rows of a delimited file, at least one chunk, which holds the columns of an empty file.

    Raises FileError for a file that is no table at all.
    """
    with decode(member.open, options.encoding, member.label) as decoded, decoded.text() as text:
        if decoded.longest_line > MAX_LINE:
            reason = f"有一行超过 {MAX_LINE >> 20} 百万字，不是表格"
            raise FileError(member.label, "line_too_long", reason)
        if not decoded.characters:
            yield chunk((), [], [], [Reject(1, "empty_file", "文件为空（0 字节）")])
            return
        yield from _Table(member, options, decoded, text).chunks()


class _Table:
    """One file being read: its columns, and what has come since the last chunk."""

    def __init__(
        self, member: Member, options: ReaderOptions, decoded: Decoded, text: TextIO
    ) -> None:
        self.label, self.options, self.has_nul = member.label, options, decoded.nuls > 0
        delimiter = options.delimiter or sniff(text.read(SAMPLE))
        text.seek(0)
        self.parser = _Parser(text, delimiter)
        self.skipped: Counter[str] = Counter()
        self.notes = oddities(decoded)
        self.header = self._header()
        self.names, notes = column_names(self.options.columns or self.header)
        self.notes += notes
        self.parser.width = len(self.names)
        self.rows: list[Row] = []
        self.lines: list[int] = []
        self.rejects: list[Reject] = []

    def chunks(self) -> Iterator[RawChunk]:
        is_first = True
        for records in self.parser.records():
            self._take(records)
            while max(len(self.rows), len(self.rejects)) >= self.options.chunk_rows:
                yield self._chunk()
                is_first = False
        if is_first or self.rows or self.rejects or self.skipped:
            yield self._chunk()

    def _header(self) -> Row:
        """The fields of the header line; as many empty names where there is no header."""
        if self.options.header:
            self.skipped["before_header"] += self.parser.skip(self.options.header - 1)
        for row in self.parser.first_rows():
            if isinstance(row, Reject):
                raise FileError(self.label, "no_header", f"表头（第 {row.line} 行）{row.reason}")
            if _is_blank(row):
                self.skipped["blank"] += 1
            elif self.options.header == 0:
                self.parser.rewind()
                return [""] * len(row)
            else:
                return row
        raise FileError(self.label, "no_header", "找不到表头：文件里没有一行有内容")

    def _take(self, records: _Records) -> None:
        """Sorts records into rows, rejects and blanks."""
        width, header = len(self.names), self._repeatable_header()
        rows, raws = records.rows, records.raws
        odd = [
            len(row) != width or row == header or (not raw.lstrip(EMPTY) and _is_blank(row))
            for row, raw in zip(rows, raws, strict=True)
        ]
        if self.has_nul:
            odd = [is_odd or "\0" in raw for is_odd, raw in zip(odd, raws, strict=True)]
        self.rejects += records.rejects
        if not any(odd):
            self.rows += rows
            self.lines += records.lines
            return
        for row, line, raw in compress(zip(rows, records.lines, raws, strict=True), odd):
            self._set_aside(row, line, raw)
        even = [not is_odd for is_odd in odd]
        self.rows += compress(rows, even)
        self.lines += compress(records.lines, even)

    def _repeatable_header(self) -> Row | None:
        return None if self.options.header == 0 else self.header

    def _set_aside(self, row: Row, line: int, raw: str) -> None:
        if "\0" in raw:
            self._reject(line, "nul", "含有 NUL 字符", raw)
        elif _is_blank(row):
            self.skipped["blank"] += 1
        elif row == self._repeatable_header():
            self.skipped["header_repeated"] += 1
        else:
            reason = f"应有 {len(self.names)} 列，实有 {len(row)} 列"
            self._reject(line, "ragged", reason, raw)

    def _reject(self, line: int, code: str, reason: str, raw: str) -> None:
        self.rejects.append(Reject(line, code, reason, raw.rstrip("\r\n")))

    def _chunk(self) -> RawChunk:
        size = self.options.chunk_rows
        rows, self.rows = self.rows[:size], self.rows[size:]
        lines, self.lines = self.lines[:size], self.lines[size:]
        rejects, self.rejects = sorted(self.rejects, key=lambda reject: reject.line), []
        skipped, self.skipped = dict(self.skipped), Counter()
        notes, self.notes = self.notes, []
        return chunk(self.names, rows, lines, rejects, skipped, notes)


class _Parser:
    """Cuts a text into records; `width` is the number of columns, once it is known."""

    def __init__(self, text: TextIO, delimiter: str) -> None:
        self.text, self.delimiter, self.width = text, delimiter, 0
        self.ahead: list[str] = []  # lines read from the file, not yet parsed
        self.line = 1  # number of the first of them
        self.before = self.ahead, self.line

    def records(self) -> Iterator[_Records]:
        while lines := self._block():
            yield self._quick(lines) or self._careful(lines)

    def skip(self, count: int) -> int:
        """Drops up to `count` lines."""
        dropped = 0
        while dropped < count and self.text.readline():
            dropped += 1
        self.line += dropped
        return dropped

    def first_rows(self) -> Iterator[Row | Reject]:
        """Record by record from here; `rewind` takes the last one back."""
        self.ahead = self._block()
        while self.ahead:
            row, used = self._record(self.ahead, 0)
            self.before = self.ahead, self.line
            self.ahead, self.line = self.ahead[used:], self.line + used
            yield row

    def rewind(self) -> None:
        self.ahead, self.line = self.before

    def _block(self) -> list[str]:
        lines, self.ahead = self.ahead, []
        return lines + self.text.readlines(BLOCK) if len(lines) < MAX_RECORD_LINES else lines

    def _quick(self, lines: list[str]) -> _Records | None:
        """All lines at once; None unless each is a record of its own.

        A record takes at least one line, so as many records as lines means one line each.
        """
        try:
            rows = list(csv.reader(lines, delimiter=self.delimiter, strict=True))
        except csv.Error:
            return None
        if len(rows) != len(lines):
            return None
        first, self.line = self.line, self.line + len(lines)
        return _Records(rows, range(first, self.line), lines)

    def _careful(self, lines: list[str]) -> _Records:
        """Record by record; the last may go on beyond the block, the rest waits in `ahead`."""
        found, numbers, position, end = _Records(), [], 0, len(lines)
        while position < end:
            row, used = self._record(lines, position)
            if isinstance(row, Reject):
                found.rejects.append(row)
            else:
                found.rows.append(row)
                numbers.append(self.line + position)
                found.raws.append("".join(lines[position : position + used]))
            position += used
        found.lines, self.ahead, self.line = numbers, lines[position:], self.line + position
        return found

    def _record(self, lines: list[str], position: int) -> tuple[Row | Reject, int]:
        """The record that begins at `position`, and the number of lines it takes.

        `lines` grows by what it needs of the file. A record over several lines that does not come
        out right is an unclosed quote in its first line: that line alone is rejected.
        """
        feed = _Feed(lines, position, self.text)
        line, raw = self.line + position, lines[position].rstrip("\r\n")
        try:
            row = next(csv.reader(feed, delimiter=self.delimiter, strict=True))
        except csv.Error as fault:
            return _bad_quote(line, raw, str(fault)), 1
        if feed.used > 1 and self.width and len(row) != self.width:
            return Reject(line, "unclosed_quote", "引号没有配对", raw), 1
        return row, feed.used


class _Feed:
    """The lines from `position` on, at most as many as a record may have; counts those taken."""

    def __init__(self, lines: list[str], position: int, text: TextIO) -> None:
        self.lines, self.position, self.text, self.used = lines, position, text, 0

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        at = self.position + self.used
        if at == len(self.lines):
            self.lines += self.text.readlines(SAMPLE)
        if at == len(self.lines) or self.used == MAX_RECORD_LINES:
            raise StopIteration
        self.used += 1
        return self.lines[at]


def _is_blank(row: Row) -> bool:
    return not any(field.strip() for field in row)


def sniff(sample: str) -> str:
    """The delimiter that cuts the most lines into as many fields as the first line."""
    lines = [line for line in sample.splitlines()[:50] if line.strip()]
    return max(DELIMITERS, key=lambda delimiter: _evenness(lines, delimiter))


def _evenness(lines: list[str], delimiter: str) -> tuple[bool, int, int]:
    try:
        widths = [len(row) for row in csv.reader(lines, delimiter=delimiter)]
    except csv.Error:
        return False, 0, 0
    width = widths[0] if widths else 0
    return width > 1, widths.count(width), width


def _bad_quote(line: int, raw: str, fault: str) -> Reject:
    if fault == UNCLOSED:
        return Reject(line, "unclosed_quote", "引号没有配对", raw)
    if "field limit" in fault:
        return Reject(line, "field_too_long", f"有一列超过 {MAX_FIELD >> 20} MiB", raw)
    return Reject(line, "bad_quote", "引号的位置不对", raw)
