"""Every line of a delimited file becomes a row, a reject with its reason, or a count."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.hostile import FileError
from etl.readers import csv as module
from etl.readers import names, reader
from etl.readers.base import ReaderOptions, Reject
from tests.etl.inbox import members


class Result:
    """All chunks of a file together."""

    def __init__(self, chunks):
        self.chunks = list(chunks)
        self.columns = list(self.chunks[0].frame.columns)
        self.rows = [list(row) for c in self.chunks for row in c.frame.itertuples(index=False)]
        self.lines = [int(line) for c in self.chunks for line in c.lines]
        self.rejects = [reject for c in self.chunks for reject in c.rejects]
        self.notes = [note for c in self.chunks for note in c.notes]
        self.skipped = {}
        for c in self.chunks:
            for key, count in c.skipped.items():
                self.skipped[key] = self.skipped.get(key, 0) + count

    @property
    def codes(self):
        return [(reject.line, reject.code) for reject in self.rejects]


@pytest.fixture
def read(tmp_path):
    def run(text, **options):
        data = text if isinstance(text, bytes) else text.encode()
        (tmp_path / "甲.csv").write_bytes(data)
        (member,) = members(tmp_path, ["甲.csv"])
        return Result(reader("csv")(member, ReaderOptions(**options)))

    return run


def test_the_folder_is_the_list_of_readers():
    assert names() == ["cap", "csv", "excel", "geojson", "jsonl", "parquet", "sql"]
    with pytest.raises(ValueError, match="没有读取器 pdf；可用：cap、csv"):
        reader("pdf")


def test_a_plain_table_is_text_with_line_numbers(read):
    result = read("编号,标题\n007,噪音\n8,\n")
    assert result.columns == ["编号", "标题"]
    assert result.rows == [["007", "噪音"], ["8", ""]]
    assert result.lines == [2, 3]
    assert [str(kind) for kind in result.chunks[0].frame.dtypes] == ["object", "object"]
    assert (result.rejects, result.skipped, result.notes) == ([], {}, [])


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_and_line_ends_are_found(read, delimiter, end):
    lines = ["编号,标题", "1,a b", "2,c"]
    result = read(end.join(line.replace(",", delimiter) for line in lines))
    assert result.columns == ["编号", "标题"]
    assert result.rows == [["1", "a b"], ["2", "c"]]
    assert result.lines == [2, 3]


def test_a_declared_delimiter_counts(read):
    assert read("a;b,c\n1;2,3\n", delimiter=";").columns == ["a", "b,c"]
    assert read("a,b\tc\n1,2\t3\n", delimiter="tab").columns == ["a,b", "c"]
    with pytest.raises(ValueError, match="分隔符须是一个字符"):
        ReaderOptions(delimiter="，，")


def test_line_numbers_are_exact_with_line_breaks_inside_fields(read):
    result = read('a,b\n1,"x\ny\r\nz"\n2,"q""r"\n\n3,w\n')
    assert result.rows == [["1", "x\ny\r\nz"], ["2", 'q"r'], ["3", "w"]]
    assert result.lines == [2, 5, 7]
    assert result.skipped == {"blank": 1}


def test_an_unclosed_quote_costs_its_own_line_and_not_the_good_rows_after_it(read):
    result = read('a,b,c\n1,"x,y\n2,p,q\n3,"r",s\n4,"t,u\n5,v,w\n')
    assert [row[0] for row in result.rows] == ["2", "3", "5"]
    assert result.lines == [3, 4, 6]
    assert result.rejects == [
        Reject(2, "bad_quote", "引号的位置不对", '1,"x,y'),
        Reject(5, "unclosed_quote", "引号没有配对", '4,"t,u'),
    ]


def test_an_unclosed_quote_that_swallows_whole_rows_is_noticed_by_the_width(read):
    result = read('a,b\n1,"x\n2,y\n3,z"\n4,w\n')  # one field of three lines: legal
    assert result.rows == [["1", "x\n2,y\n3,z"], ["4", "w"]]
    result = read('a,b\n1,"x\n2,y\n3,z",k\n4,w\n')
    assert result.rows == [["2", "y"], ["4", "w"]]
    assert result.codes == [(2, "unclosed_quote"), (4, "ragged")]


def test_a_quote_left_open_a_thousand_lines_is_given_up(read):
    rows = "".join(f"{n},x\n" for n in range(3000))
    result = read(f'a,b\n-1,"open\n{rows}-2,"y"\n')
    assert len(result.rows) == 3001
    assert result.codes == [(2, "unclosed_quote")]


def test_ragged_rows_are_rejected_with_their_text(read):
    result = read("a,b\n1\n2,x,y\n3,z\n")
    assert result.rows == [["3", "z"]]
    assert result.rejects == [
        Reject(2, "ragged", "应有 2 列，实有 1 列", "1"),
        Reject(3, "ragged", "应有 2 列，实有 3 列", "2,x,y"),
    ]


def test_nul_is_rejected_and_the_other_rows_stay(read):
    result = read("a,b\n1,x\0y\n2,z\n")
    assert result.rows == [["2", "z"]]
    assert result.rejects == [Reject(2, "nul", "含有 NUL 字符", "1,x\0y")]


def test_a_field_of_ten_megabytes_is_rejected_and_cut_for_keeping(read):
    result = read(f"a,b\n1,{'x' * 10_000_000}\n2,y\n")
    assert result.rows == [["2", "y"]]
    (reject,) = result.rejects
    assert (reject.line, reject.code, len(reject.raw)) == (2, "field_too_long", 2000)


def test_a_line_that_never_ends_is_no_table(read, monkeypatch):
    monkeypatch.setattr(module, "MAX_LINE", 1 << 20)
    with pytest.raises(FileError, match="不是表格"):
        read("a,b\n" + "x" * (3 << 20))


def test_an_empty_file_is_a_reject_and_a_header_alone_is_not(read):
    empty = read("")
    assert (empty.columns, empty.rows, empty.codes) == ([], [], [(1, "empty_file")])
    alone = read("编号,标题\n")
    assert (alone.columns, alone.rows, alone.rejects) == (["编号", "标题"], [], [])
    with pytest.raises(FileError, match="甲.csv：找不到表头"):
        read("\n \n,,\n")


def test_marks_are_removed_at_the_beginning_and_in_the_middle(read):
    result = read("\ufeffa,b\n\ufeff1,2\n")
    assert (result.columns, result.rows) == (["a", "b"], [["1", "2"]])
    assert result.notes == ["去掉了文件中间的 1 个 BOM"]


def test_a_header_in_the_middle_is_skipped_and_counted(read):
    result = read("a,b\n1,2\na,b\n3,4\n\n , \na,b\n")
    assert result.rows == [["1", "2"], ["3", "4"]]
    assert result.lines == [2, 4]
    assert result.skipped == {"header_repeated": 2, "blank": 2}


def test_columns_without_a_name_or_with_the_same_name_are_kept_and_noted(read):
    result = read(",a,a,b \n0,1,2,3\n")
    assert result.columns == ["column_1", "a", "a_2", "b"]
    assert result.rows == [["0", "1", "2", "3"]]
    assert result.notes == [
        "表头第 1 列没有名称，记作 column_1",
        "表头第 3 列与前面重名：a，记作 a_2",
    ]


def test_a_file_may_have_no_header_or_have_it_lower_down(read):
    assert read("1,2\n3,4\n", header=0, columns=("a", "b")).rows == [["1", "2"], ["3", "4"]]
    assert read("1,2\n", header=0).columns == ["column_1", "column_2"]
    result = read("某县工单,\n截至 11 月\na,b\n1,2\n", header=3)
    assert (result.columns, result.rows, result.lines) == (["a", "b"], [["1", "2"]], [4])
    assert result.skipped == {"before_header": 2}
    with pytest.raises(ValueError, match="header = 0"):
        ReaderOptions(columns=("a",))


def test_chunks_are_of_the_size_asked_for(read):
    result = read("a\n" + "".join(f"{n}\n" for n in range(25)), chunk_rows=10)
    assert [len(c.frame) for c in result.chunks] == [10, 10, 5]
    assert [list(c.lines[:1]) for c in result.chunks] == [[2], [12], [22]]


def test_rows_go_on_over_the_edge_of_a_block(read, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 20)
    text = "a,b\n" + "".join(f'{n},"x\n{n}"\n{n},y\n' for n in range(50))
    result = read(text)
    assert len(result.rows) == 100
    assert result.lines == [line for n in range(50) for line in (2 + 3 * n, 4 + 3 * n)]


FIELD = st.text(st.sampled_from('ab,"\n\r;甲 '), max_size=6)
ANY = st.text(st.sampled_from('ab,,,"""\n\n\n\r甲'), max_size=120)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(FIELD, FIELD, FIELD), max_size=12), st.sampled_from(["\n", "\r\n"]))
def test_what_a_program_wrote_is_read_back_with_its_lines(rows, end):
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerows([("x1", "x2", "x3"), *rows])
    expected = [row for row in rows if any(field.strip() for field in row)]
    result = parsed(out.getvalue(), 1 << 20)
    assert result.rows == [list(row) for row in expected if list(row) != ["x1", "x2", "x3"]]
    assert result.rejects == []
    text = out.getvalue().splitlines()
    assert all(0 < line <= len(text) + 1 for line in result.lines)


@settings(max_examples=100, deadline=None)
@given(ANY)
def test_both_speeds_and_all_block_sizes_give_the_same(text):
    text = "x1,x2,x3\n" + text
    quick, slow, small = parsed(text, 1 << 20), parsed(text, 1 << 20, False), parsed(text, 7)
    assert quick.rows == slow.rows == small.rows
    assert quick.lines == slow.lines == small.lines
    assert quick.rejects == slow.rejects == small.rejects
    assert quick.skipped == slow.skipped == small.skipped


@settings(max_examples=100, deadline=None)
@given(ANY)
def test_no_line_is_lost_or_counted_twice(text):
    text = "x1,x2,x3\n" + text
    result = parsed(text, 1 << 20)
    lines = io.StringIO(text, newline="").readlines()
    starts = sorted([*result.lines, *(reject.line for reject in result.rejects)])
    assert len(set(starts)) == len(starts)
    content = [n for n, line in enumerate(lines, 1) if line.strip(' ,\r\n"') and n > 1]
    inside = {n for row, at in zip(result.rows, result.lines, strict=True) for n in spans(row, at)}
    rejected = {reject.line for reject in result.rejects}
    repeated = {n for n, line in enumerate(lines, 1) if line.strip() == "x1,x2,x3"}
    assert set(content) <= inside | rejected | repeated


def spans(row, at):
    """The lines that a row takes, from the line breaks inside its fields."""
    breaks = sum(len(io.StringIO(field, newline="").readlines()) for field in row)
    return range(at, at + breaks + 1)


def parsed(text: str, block: int, is_quick: bool = True) -> Result:
    """The table of a text, in blocks of `block` characters, at full speed or record by record."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK", block)
        if not is_quick:
            patch.setattr(module._Parser, "_quick", lambda self, lines: None)
        member = type("M", (), {"open": lambda self: io.BytesIO(text.encode()), "label": "甲"})()
        return Result(reader("csv")(member, ReaderOptions(delimiter=",", encoding="utf-8")))


def test_real_tables_have_the_rows_they_should(shared):
    root = shared / "realdata"

    def rows(file, inside="*", **options):
        total, rejected = 0, 0
        for member in members(root, [file], inside):
            for chunk in reader("csv")(member, ReaderOptions(**options)):
                total, rejected = total + len(chunk.frame), rejected + len(chunk.rejects)
        return total, rejected

    assert rows("boston/boston311_2015_by_type_csv.zip") == (121_145, 0)
    assert rows("boston/311_service_requests_2011.zip") == (58_251, 0)
    assert rows("alerts/usgs/all_month.csv") == (8_976, 0)
    assert rows("stuttgart/*.tar.gz", "*.csv", header=0) == (135_461, 0)
    # The 1,070,154 of uk_police are read and counted where they are loaded, in test_uk_police.py.


def test_boston_has_a_column_without_a_name(shared):
    file = "boston/boston311_2015_by_type_csv.zip"
    member = next(members(shared / "realdata", [file]))
    chunk = next(reader("csv")(member, ReaderOptions()))
    assert list(chunk.frame.columns[:2]) == ["column_1", "CASE_ENQUIRY_ID"]
    assert chunk.frame["Geocoded_Location"][0] == "(42.3504, -71.0867)"
