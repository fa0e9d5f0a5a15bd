"""Files that are safe to open: a table as csv or xlsx in which no text can become a formula.

What people wrote is in our tables, and a spreadsheet runs what begins like a formula (OWASP, CSV
injection; TRUST 1.15). In csv such a text gets an apostrophe before it; in xlsx every text is
written as one.
"""

import csv
import io
import math
import re
from datetime import date, datetime
from numbers import Number
from typing import Any

import pandas as pd
import xlsxwriter

MARK = "\ufeff"  # without it Excel takes UTF-8 for the system's own encoding
FORMULA = re.compile("[\\s\u200b-\u200f\u2060\ufeff]*[=+\\-@＝＋－＠]|[\t\n]")
# What no text needs and a file may not hold: control characters but TAB and LF, half characters.
UNWRITABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
LONGEST_CELL = 32_767  # characters, of xlsx
CUT = "……（原文过长，此处截断）"
MOST_ROWS = 1_048_575  # of one sheet, below its header
BAD_IN_SHEET = re.compile(r"[\[\]:*?/\\\x00-\x1f]")
FORMATS = {"num_format": "yyyy-mm-dd hh:mm:ss"}
OPTIONS = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}


def csv_bytes(frame: pd.DataFrame) -> bytes:
    """The frame as csv without its index: UTF-8 with a mark, CRLF. Numbers stay numbers, missing
    values are empty, times are 2026-11-05 08:30:00, yes and no are 是 and 否."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([_harmless(str(name)) for name in frame.columns])
    columns = [map(_csv_cell, frame.iloc[:, place].tolist()) for place in range(frame.shape[1])]
    writer.writerows(zip(*columns, strict=True))
    return (MARK + text.getvalue()).encode("utf-8")


def xlsx_bytes(frame: pd.DataFrame, sheet: str) -> bytes:
    """The frame as a workbook of one sheet, without its index. A text longer than a cell takes is
    cut and says so; ValueError for more rows than a sheet has."""
    if len(frame) > MOST_ROWS:
        raise ValueError(f"共 {len(frame):,} 行，超过一张工作表的 {MOST_ROWS:,} 行；请缩小范围")
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, OPTIONS) as book:
        page, when = book.add_worksheet(_sheet_name(sheet)), book.add_format(FORMATS)
        for column, name in enumerate(frame.columns):
            page.write_string(0, column, _cell_text(str(name)))
            for row, value in enumerate(frame.iloc[:, column].tolist(), start=1):
                _write(page, row, column, value, when)
    return file.getvalue()


def _csv_cell(value: Any) -> str:
    if _is_missing(value):
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, Number | date):
        return str(value)
    return _harmless(str(value))


def _harmless(text: str) -> str:
    """The text as no spreadsheet takes it for a formula."""
    text = _writable(text)
    return f"'{text}" if FORMULA.match(text) else text


def _writable(text: str) -> str:
    return UNWRITABLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def _write(page: Any, row: int, column: int, value: Any, when: Any) -> None:
    if _is_missing(value):
        return
    if isinstance(value, bool):
        page.write_string(row, column, "是" if value else "否")
    elif isinstance(value, datetime | date):
        page.write_datetime(row, column, value, when)
    elif isinstance(value, Number):
        page.write_number(row, column, value)
    else:
        page.write_string(row, column, _cell_text(str(value)))


def _cell_text(text: str) -> str:
    text = _writable(text)
    return text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - len(CUT)] + CUT


def _is_missing(value: Any) -> bool:
    if value is None or value is pd.NA or value is pd.NaT:
        return True
    return isinstance(value, float) and not math.isfinite(value)


def _sheet_name(name: str) -> str:
    return BAD_IN_SHEET.sub(" ", name)[:31].strip("' ") or "表"
