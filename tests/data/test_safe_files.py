"""Tables as files: no text becomes a formula, and none is lost."""

import csv
import io
import re
import zipfile
from datetime import date, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from data.safe_files import CUT, LONGEST_CELL, UNWRITABLE, csv_bytes, xlsx_bytes

FORMULAS = [
    "=1+1",
    " =cmd|' /C calc'!A0",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "＝1",
    "－1",
    "＠a",
]
FORMULAS += [
    "\u3000=1",
    "\n=1",
    "\u00a0@x",
    "\u200b\ufeff=1",
    "'=1",
    "http://example.invalid/",
    "00123",
    "1e5",
]


def csv_rows(content: bytes) -> list[list[str]]:
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def xlsx_rows(content: bytes, sheet: str = "事项") -> list[list]:
    return CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_name(sheet).to_python()


def test_numbers_stay_numbers_and_texts_that_look_like_formulas_do_not():
    frame = pd.DataFrame({"=name": ["=1+1", None], "n": [-5, 2], "r": [-0.5, np.nan]})
    assert csv_rows(csv_bytes(frame)) == [
        ["'=name", "n", "r"],
        ["'=1+1", "-5", "-0.5"],
        ["", "2", ""],
    ]
    assert xlsx_rows(xlsx_bytes(frame, "事项")) == [
        ["=name", "n", "r"],
        ["=1+1", -5, -0.5],
        ["", 2, ""],
    ]


def test_times_yes_and_no_and_what_is_missing():
    at = datetime(2026, 11, 5, 8, 30)
    frame = pd.DataFrame({"at": [at, pd.NaT], "on": [date(2026, 11, 5), None], "is": [True, False]})
    frame["inf"] = [np.inf, 1.0]
    assert csv_rows(csv_bytes(frame))[1:] == [
        ["2026-11-05 08:30:00", "2026-11-05", "是", ""],
        ["", "", "否", "1.0"],
    ]
    assert xlsx_rows(xlsx_bytes(frame, "事项"))[1:] == [
        [at, date(2026, 11, 5), "是", ""],
        ["", "", "否", 1.0],
    ]


def test_an_empty_frame_is_its_header():
    frame = pd.DataFrame({"a": [], "b": []})
    assert csv_rows(csv_bytes(frame)) == [["a", "b"]]
    assert xlsx_rows(xlsx_bytes(frame, "事项")) == [["a", "b"]]


@pytest.mark.parametrize("sheet", ["a/b:c*[d]?\\", "'", "", "长" * 40, "\x00"])
def test_any_title_gives_a_sheet(sheet):
    content = xlsx_bytes(pd.DataFrame({"a": ["x"]}), sheet)
    assert len(CalamineWorkbook.from_filelike(io.BytesIO(content)).sheet_names) == 1


def test_what_no_cell_can_hold_is_cut_and_says_so():
    (_, (text,)) = xlsx_rows(xlsx_bytes(pd.DataFrame({"a": ["长" * 40_000]}), "事项"))
    assert len(text) == LONGEST_CELL and text.endswith(CUT)


def test_more_rows_than_a_sheet_has_are_refused(monkeypatch):
    monkeypatch.setattr("data.safe_files.MOST_ROWS", 2)
    with pytest.raises(ValueError, match="缩小范围"):
        xlsx_bytes(pd.DataFrame({"a": [1, 2, 3]}), "事项")


cells = st.one_of(
    st.sampled_from(FORMULAS),
    st.text(max_size=20),
    st.text("=+-@＝＋－＠\t\r\n\x00\x0b' \"',;_x0041_", max_size=12),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=5))
def test_no_formula_comes_in_and_no_text_gets_lost(rows):
    frame = pd.DataFrame(rows, columns=["甲", "=乙"]).astype(object)
    wanted = [[UNWRITABLE.sub("", re.sub("\r\n?", "\n", cell)) for cell in row] for row in rows]
    read = csv_rows(csv_bytes(frame))
    assert len(read) == len(rows) + 1
    for row, cells_read in zip(wanted, read[1:], strict=True):
        for text, cell in zip(row, cells_read, strict=True):
            assert cell in (text, f"'{text}")
            assert not re.match(r"[\s\u200b\ufeff]*[=+\-@＝＋－＠]|[\t\r\n]", cell)
    content = xlsx_bytes(frame, "事项")
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        sheet = parts.read("xl/worksheets/sheet1.xml").decode()
        assert "<f>" not in sheet and "hyperlink" not in sheet
    kept = [row for row in wanted if any(row)]
    assert [row for row in xlsx_rows(content)[1:] if any(row)] == kept
