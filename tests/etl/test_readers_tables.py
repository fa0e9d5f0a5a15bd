"""Excel, parquet, JSON, GeoJSON and databases give the same kind of rows as a csv."""

import json
import sqlite3
from datetime import date, datetime, time
from pathlib import Path

import duckdb
import pytest
import xlsxwriter

from etl.hostile import FileError, HostileFile
from etl.readers import excel, jsonl, reader
from etl.readers.base import ReaderOptions
from tests.etl.inbox import members


def chunks(path: Path, kind: str, **options):
    (member,) = members(path.parent, [path.name])
    return list(reader(kind)(member, ReaderOptions(**options)))


def rows(made):
    return [row for c in made for row in c.frame.to_dict("records")]


def lines(made):
    return [int(line) for c in made for line in c.lines]


def codes(made):
    return [(reject.line, reject.code) for c in made for reject in c.rejects]


# --- Excel ---------------------------------------------------------------------------------


@pytest.fixture
def workbook(tmp_path):
    """Writes cells {(row, column): value} to sheets and gives the file's path."""

    def write(sheets: dict[str, dict], merged=(), hidden=()) -> Path:
        path = tmp_path / "表.xlsx"
        with xlsxwriter.Workbook(path) as book:
            day = book.add_format({"num_format": "yyyy-mm-dd"})
            moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
            clock = book.add_format({"num_format": "hh:mm"})
            formats = {date: day, datetime: moment, time: clock}
            for name, cells in sheets.items():
                sheet = book.add_worksheet(name)
                for area in merged:
                    sheet.merge_range(area, "")
                if name in hidden:
                    sheet.hide()
                elif hidden:
                    sheet.activate()
                for (row, column), value in cells.items():
                    sheet.write(row, column, value, formats.get(type(value)))
        return path

    return write


def table(*texts: str, top: int = 0) -> dict:
    return {
        (top + at, column): value
        for at, row in enumerate(texts)
        for column, value in enumerate(row.split(","))
        if value
    }


def test_cells_become_text_in_iso_form_and_without_needless_zeros(workbook):
    cells = table("编号,日期,时间,时刻,量,是,空") | {
        (1, 0): 7.0,
        (1, 1): date(2026, 11, 5),
        (1, 2): datetime(2026, 11, 5, 8, 30),
        (1, 3): time(8, 30),
        (1, 4): 0.1,
        (1, 5): True,
    }
    made = chunks(workbook({"事项": cells}), "excel")
    assert rows(made) == [
        {
            "编号": "7",
            "日期": "2026-11-05",
            "时间": "2026-11-05 08:30:00",
            "时刻": "08:30:00",
            "量": "0.1",
            "是": "TRUE",
            "空": None,
        }
    ]
    assert lines(made) == [2]
    assert {str(kind) for kind in made[0].frame.dtypes} == {"object"}


def test_the_header_is_found_below_merged_titles_and_empty_rows_are_counted(workbook):
    cells = {(1, 0): "某县12345工单", (2, 0): "制表：2026年"} | table(
        "编号,标题,联系\n电话", "1,噪音,", ",,", "2,路灯,138", "编号,标题,联系\n电话", top=4
    )
    made = chunks(workbook({"事项": cells}, merged=["A2:C2"]), "excel")
    assert rows(made) == [
        {"编号": "1", "标题": "噪音", "联系电话": None},
        {"编号": "2", "标题": "路灯", "联系电话": "138"},
    ]
    assert lines(made) == [6, 8]
    assert made[0].skipped == {"blank": 3, "header_repeated": 1}
    assert made[0].notes == [
        "读取的工作表：事项",
        "有 1 处合并单元格，只有左上角一格有值",
        "表头在第 5 行，其上 2 行是标题",
    ]


def test_a_header_row_can_be_declared_or_be_absent(workbook):
    path = workbook({"a": table("甲,乙", "丙,丁", "1,2")})
    assert rows(chunks(path, "excel", header=2)) == [{"丙": "1", "丁": "2"}]
    assert rows(chunks(path, "excel", header=0, columns=("x", "y")))[0] == {"x": "甲", "y": "乙"}
    with pytest.raises(FileError, match="第 9 行是空的，不是表头"):
        chunks(path, "excel", header=9)


def test_the_sheet_is_chosen_by_name_by_number_or_is_the_first_that_shows(workbook):
    path = workbook({"藏": table("a", "1"), "一": table("b", "2")}, hidden=["藏"])
    assert rows(chunks(path, "excel", sheet="藏")) == [{"a": "1"}]
    assert rows(chunks(path, "excel", sheet=2)) == [{"b": "2"}]
    assert rows(chunks(path, "excel")) == [{"b": "2"}]
    with pytest.raises(FileError, match="没有工作表 二；有：藏、一"):
        chunks(path, "excel", sheet="二")


def test_a_table_that_begins_further_right_keeps_its_names(workbook):
    made = chunks(workbook({"a": {(3, 2): "甲", (3, 3): "乙", (4, 3): "x"}}), "excel")
    assert rows(made) == [{"column_1": None, "column_2": None, "甲": None, "乙": "x"}]
    assert lines(made) == [5]


@pytest.mark.parametrize("size", [1, 29, 30, 31, 60, 1000])
def test_a_long_sheet_comes_whole_in_chunks_of_any_size(workbook, size):
    path = workbook({"a": table("a,b", *(f"{n},x" for n in range(90)))})
    made = chunks(path, "excel", chunk_rows=size)
    assert [row["a"] for row in rows(made)] == [str(n) for n in range(90)]
    assert lines(made) == list(range(2, 92))
    assert max(len(c.frame) for c in made) == min(size, 90)


def test_a_row_wider_than_the_table_is_rejected(workbook):
    long = table("a,b", *(f"{n},x" for n in range(40)), "40,x,note")
    made = chunks(workbook({"a": long}), "excel")
    assert len(rows(made)) == 40
    assert codes(made) == [(42, "ragged")]


def test_digits_that_excel_has_lost_are_noted(workbook):
    made = chunks(workbook({"a": {(0, 0): "身份证", (1, 0): 430121199001011234}}), "excel")
    assert made[0].notes[-1] == "有 1 个数字超过 15 位，Excel 已丢失末位"


def test_an_empty_sheet_has_no_rows_and_says_so(workbook):
    made = chunks(workbook({"空": {}}), "excel")
    assert (rows(made), made[0].notes[-1]) == ([], "工作表是空的")


def test_an_excel_name_on_other_content_is_said_to_be_that(tmp_path):
    (tmp_path / "a.xls").write_text("<html><table>", encoding="utf-8")
    with pytest.raises(FileError, match="不是 Excel 文件（内容是网页，可用 csv 读取器）"):
        chunks(tmp_path / "a.xls", "excel")


def test_a_damaged_workbook_is_an_error_that_names_it(workbook):
    path = workbook({"a": table("a", "1")})
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(FileError, match="表.xlsx"):
        chunks(path, "excel")


def test_one_cell_in_the_far_corner_does_not_fill_the_memory(workbook):
    path = workbook({"a": {(0, 0): "a", (1_048_575, 16_383): "x"}})
    with pytest.raises(HostileFile, match="工作表过大") as fault:
        chunks(path, "excel")
    assert fault.value.code == "extent"


def test_a_long_narrow_sheet_is_no_hostile_one(workbook, monkeypatch):
    path = workbook({"a": table("a", "1") | {(199_999, 1): "x"}})
    assert lines(chunks(path, "excel")) == [2, 200_000]
    monkeypatch.setattr(excel, "MAX_CELLS", 399_999)
    with pytest.raises(HostileFile):
        chunks(path, "excel")


# --- parquet -------------------------------------------------------------------------------


def test_parquet_columns_become_text(tmp_path):
    path = tmp_path / "p.parquet"
    duckdb.connect().execute(
        f"""COPY (SELECT 1 AS "编号", 4.0::DOUBLE AS code, 0.5::DOUBLE AS x, TRUE AS yes,
        TIMESTAMP '2026-11-05 08:30:00' AS at, [1, 2] AS list, {{'a': 1}} AS "s""t",
        NULL::VARCHAR AS none UNION ALL SELECT 2, NULL, 1e20, FALSE, NULL, NULL, NULL, '')
        TO '{path}' (FORMAT parquet)"""
    )
    made = chunks(path, "parquet", chunk_rows=1)
    assert rows(made)[0] == {
        "编号": "1",
        "code": "4",
        "x": "0.5",
        "yes": "true",
        "at": "2026-11-05 08:30:00",
        "list": "[1,2]",
        's"t': '{"a":1}',
        "none": None,
    }
    assert [row["none"] for row in rows(made)] == [None, ""]
    assert (lines(made), len(made)) == ([1, 2], 2)


def test_a_parquet_file_without_rows_still_has_its_columns(tmp_path):
    path = tmp_path / "p.parquet"
    duckdb.connect().execute(f"COPY (SELECT 1 AS a LIMIT 0) TO '{path}' (FORMAT parquet)")
    assert list(chunks(path, "parquet")[0].frame.columns) == ["a"]


def test_what_is_no_parquet_file_is_an_error(tmp_path):
    (tmp_path / "p.parquet").write_bytes(b"a,b\n1,2\n")
    with pytest.raises(FileError, match="p.parquet：不是 parquet 文件"):
        chunks(tmp_path / "p.parquet", "parquet")


def test_real_parquet_has_the_rows_it_should(shared):
    made = chunks(shared / "realdata/chicago/crimes-2022-slim.parquet", "parquet")
    assert sum(len(c.frame) for c in made) == 215_551
    assert made[0].frame["Community Area"][0] == "35"
    assert lines(made)[-1] == 215_551


# --- JSON ----------------------------------------------------------------------------------


@pytest.fixture
def read_json(tmp_path):
    def run(text, kind="jsonl", **options):
        (tmp_path / "j.json").write_text(text, encoding="utf-8")
        return chunks(tmp_path / "j.json", kind, **options)

    return run


def test_nested_keys_are_joined_with_dots_and_numbers_stay_as_written(read_json):
    made = read_json(
        '{"a":{"b":1.10,"c":{"d":"x"}},"n":12345678901234567890,"e":null}\n\n{"l":[1]}'
    )
    assert rows(made) == [
        {"a.b": "1.10", "a.c.d": "x", "n": "12345678901234567890", "e": None, "l": None},
        {"a.b": None, "a.c.d": None, "n": None, "e": None, "l": "[1]"},
    ]
    assert lines(made) == [1, 3]


def test_a_bad_line_is_rejected_and_the_next_is_read(read_json):
    bad = [
        "{",
        "[1]",
        '{"a":NaN}',
        '{"a":1,"a":2}',
        '{"a":"\\u0000"}',
        '{"a":"\\ud800"}',
        '{"a":1,"b.c":1,"b":{"c":2}}',
        "[" * 100_000,
    ]
    made = read_json('{"a":0}\n' + "\n".join(bad) + '\n{"a":"末"}\n')
    assert [row["a"] for row in rows(made)] == ["0", "末"]
    assert [code for _, code in codes(made)] == [
        "bad_json",
        "not_object",
        "bad_json",
        "twice",
        "nul",
        "bad_text",
        "twice",
        "bad_json",
    ]
    assert [line for line, _ in codes(made)] == list(range(2, 10))


@pytest.mark.parametrize("block", [3, 8, 1 << 20])
def test_an_array_is_read_element_by_element_with_their_numbers(read_json, monkeypatch, block):
    monkeypatch.setattr(jsonl, "BLOCK", block)
    made = read_json('[\n {"a": 1,\n  "b": [2, {"c": 3}]},\n\n {"a": 22}, {"a": "]"}\n]\n')
    assert rows(made) == [
        {"a": "1", "b": '[2, {"c": 3}]'},
        {"a": "22", "b": None},
        {"a": "]", "b": None},
    ]
    assert lines(made) == [1, 2, 3]
    assert rows(read_json("[]")) == rows(read_json(" [ ] \n\n ")) == []


@pytest.mark.parametrize("text", ['[{"a":1},', '[{"a":1} {"a":2}]', '[{"a":1},{"a"', "[", "[1,]"])
def test_a_damaged_array_is_refused_whole_since_rows_would_be_missing(read_json, text):
    with pytest.raises(FileError, match="JSON 数组.*第 [123] 条"):
        read_json(text)


@pytest.mark.parametrize("rest", ["]", ',{"a":2}', '\n[{"a":2}]', "   \n  x"])
@pytest.mark.parametrize("block", [3, 1 << 20])
def test_what_follows_an_array_is_not_dropped(read_json, monkeypatch, block, rest):
    monkeypatch.setattr(jsonl, "BLOCK", block)
    with pytest.raises(FileError, match=r"JSON 数组结束之后还有内容"):
        read_json('[{"a":1}]' + rest)


def test_records_inside_a_document_are_found_by_their_path(read_json):
    document = json.dumps({"code": 0, "data": {"rows": [{"a": 1}, {"a": 2}]}}, indent=1)
    assert rows(read_json(document, record_path="data.rows")) == [{"a": "1"}, {"a": "2"}]
    with pytest.raises(FileError, match="data.list 处不是数组"):
        read_json(document, record_path="data.list")
    with pytest.raises(FileError, match="请声明 record_path"):
        read_json(document)


def test_an_empty_json_file_is_a_reject(read_json):
    assert codes(read_json("")) == [(1, "empty_file")]


def test_real_json_has_the_rows_it_should(shared):
    made = chunks(shared / "realdata/cameras/nyc_cameras.json", "jsonl")
    assert sum(len(c.frame) for c in made) == 541
    assert rows(made)[0]["lon"] == "-73.938074111938"


# --- GeoJSON -------------------------------------------------------------------------------


def feature(geometry, **properties):
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def point(*position):
    return {"type": "Point", "coordinates": list(position)}


def test_points_become_rows_with_their_place(read_json):
    features = [
        feature(point(112.98, 28.25, 43.0), 编号="1", x={"y": 2}),
        feature(None, 编号="2"),
        {"id": 7} | feature({"type": "Polygon", "coordinates": []}),
        feature(point("112", "28")),
        feature(point(112)),
        feature(point(1, 2), _lon="0"),
        {"id": 7} | feature(point(1, 2)),
    ]
    made = read_json(json.dumps({"type": "FeatureCollection", "features": features}), "geojson")
    assert rows(made) == [
        {"编号": "1", "x.y": "2", "_lon": "112.98", "_lat": "28.25", "_id": None},
        {"编号": "2", "x.y": None, "_lon": None, "_lat": None, "_id": None},
        {"编号": None, "x.y": None, "_lon": "1", "_lat": "2", "_id": "7"},
    ]
    assert lines(made) == [1, 2, 7]
    assert codes(made) == [
        (3, "not_point"),
        (4, "bad_position"),
        (5, "bad_position"),
        (6, "twice"),
    ]


def test_other_json_is_no_geojson(read_json):
    with pytest.raises(FileError, match="不是 GeoJSON"):
        read_json("[]", "geojson")


def test_real_polygons_are_rejected_one_by_one(shared):
    made = chunks(shared / "realdata/boston/police_districts.geojson.gz", "geojson")
    assert rows(made) == []
    assert {code for _, code in codes(made)} == {"not_point"}
    assert len(codes(made)) == 12


# --- databases -----------------------------------------------------------------------------


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "ops.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE cases (id INTEGER, title TEXT, at TEXT, x REAL, b BLOB)")
        connection.executemany(
            "INSERT INTO cases VALUES (?, ?, ?, ?, ?)",
            [(n, f"事项{n}", None, n / 2, b"x" if n == 3 else None) for n in range(1, 6)],
        )
    connection.close()
    return f"sqlite:///{path}"


def query(**options):
    return list(reader("sql")(None, ReaderOptions(**options)))


def test_a_query_gives_rows_in_chunks(database):
    made = query(url=database, query="SELECT id, title, at, x FROM cases", chunk_rows=2)
    assert rows(made)[0] == {"id": "1", "title": "事项1", "at": None, "x": "0.5"}
    assert (lines(made), [len(c.frame) for c in made]) == ([1, 2, 3, 4, 5], [2, 2, 1])


def test_binary_values_are_rejected(database):
    made = query(url=database, query="SELECT * FROM cases")
    assert (len(rows(made)), codes(made)) == (4, [(3, "bad_value")])


def test_an_answer_without_rows_still_has_its_columns(database):
    made = query(url=database, query="SELECT id, id FROM cases WHERE id > 9")
    assert list(made[0].frame.columns) == ["id", "id_2"]


def test_the_address_may_stand_in_the_environment(database, monkeypatch):
    monkeypatch.setenv("OPS_URL", database)
    assert len(rows(query(url_env="OPS_URL", query="SELECT id FROM cases"))) == 5
    with pytest.raises(FileError, match="环境变量 NONE_SUCH 没有设置"):
        query(url_env="NONE_SUCH", query="SELECT 1")


def test_the_environment_goes_before_the_address(database, monkeypatch):
    asked = {"url_env": "OPS_URL", "url": database, "query": "SELECT id FROM cases"}
    assert len(rows(query(**asked))) == 5
    monkeypatch.setenv("OPS_URL", "nodatabase://")
    with pytest.raises(FileError):
        query(**asked)


def test_a_table_that_may_be_missing_has_no_rows_until_it_is_there(database, tmp_path):
    absent = f"sqlite:///{tmp_path}/none.db"
    for url in (database, absent):
        (chunk,) = query(url=url, query="SELECT a FROM later", if_table="later")
        assert len(chunk.frame) == 0
    assert not (tmp_path / "none.db").exists()
    assert len(rows(query(url=database, query="SELECT id FROM cases", if_table="cases"))) == 5


def test_errors_name_the_database_and_hide_the_password(database):
    with pytest.raises(FileError, match="no such table: none"):
        query(url=database, query="SELECT * FROM none")
    with pytest.raises(FileError) as fault:
        query(url="mysql+nodriver://u:secret@host/db", query="SELECT 1")
    assert "secret" not in str(fault.value)
    assert "u:***@host/db" in str(fault.value)
