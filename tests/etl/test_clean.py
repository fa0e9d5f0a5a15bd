"""Raw text becomes typed fields; what cannot is put aside with line and reason, never dropped."""

import json
from datetime import datetime

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.declaration import DeclarationError
from data.site import CodeRow, Layer, Site
from etl.clean import clean
from etl.readers.base import RawChunk, Reject
from etl.source import Source
from etl.staging import Stage
from tests.etl.village import MATTERS, matter

NOW = datetime(2026, 11, 10, 12)
SITE = Site(
    name="x",
    title="x",
    zone="Asia/Shanghai",
    levels=(Layer(key="grid", name="格", files=("x",)),),
    departments=(CodeRow(code="police", name="公安局"), CodeRow(code="court", name="法院")),
)


class Cleaned:
    """What became of some raw rows; they are lines 2, 3, ..."""

    def __init__(self, columns, rows, site=SITE, rejects=(), lines=None, **declared):
        base = {"name": "s", "title": "s", "key": ["id"], "delivery": "append"}
        columns = {"reported_at": {"from": "at", "date": "iso"}, **columns}
        source = Source.model_validate(base | {"columns": columns} | declared)
        whole = [{"id": str(n), "at": "2026-11-05", **row} for n, row in enumerate(rows, 2)]
        frame = pd.DataFrame(whole, dtype=object)
        with duckdb.connect(":memory:") as connection:
            stage = Stage(connection, source)
            lines = range(2, len(rows) + 2) if lines is None else lines
            stage.add(RawChunk(frame, np.array(lines, dtype=np.int64), list(rejects)), 0)
            stage.finish()
            self.new = list(stage.new_columns)
            self.fields = clean(connection, source, site, NOW)
            self.rows = (
                connection.execute("SELECT * FROM typed ORDER BY _row").df().to_dict("records")
            )
            self.aside = connection.execute(
                "SELECT _line, kind, column_name, code, reason FROM rejected ORDER BY 1, 3"
            ).fetchall()
            self.rows_aside = connection.execute(
                "SELECT count(DISTINCT _row) FROM rejected WHERE kind = 'row'"
            ).fetchall()[0][0]
            self.raws = connection.execute("SELECT raw FROM rejected ORDER BY _line").fetchall()

    def values(self, name):
        return [None if pd.isna(row[name]) else row[name] for row in self.rows]


def one(column, text, **declared):
    """The value that one text becomes, or the code and reason of its refusal."""
    result = Cleaned({column[0]: {"from": "v", **column[1]}}, [{"v": text}], **declared)
    if result.rows and not result.aside:
        return result.values(column[0])[0]
    return [(kind, code, reason) for _, kind, _, code, reason in result.aside]


TEXT = ("title", {})
PEOPLE = ("people_involved", {})
DUE = ("due_at", {"date": ["iso"]})
DEPARTMENT = ("department", {"lookup": "department"})


@pytest.mark.parametrize(
    "text", ["", "  ", "\t\n", "　", "\xa0", "NULL", "None", "N/A", "nan", " null "]
)
def test_no_value_has_many_spellings(text):
    assert one(TEXT, text) is None and one(PEOPLE, text) is None


def test_a_source_and_a_column_add_spellings_of_no_value():
    assert one(TEXT, "无") == "无"
    assert one(TEXT, "无", na=["无"]) is None
    assert one(("title", {"na": ["-", "暂无"]}), "暂无") is None


def test_text_is_trimmed_of_every_blank_and_otherwise_kept():
    assert one(TEXT, "　\t 噪 音\xa0\n") == "噪 音"
    assert one(TEXT, "=1+1") == "=1+1"


@pytest.mark.parametrize(
    ("column", "text", "value"),
    [
        (PEOPLE, "12", 12),
        (PEOPLE, "1,200", 1200),
        (PEOPLE, "1,234,567.0", 1234567),
        (("people_involved", {"unit": "万"}), "1.1", 11000),
        (PEOPLE, "１，２００", 1200),
        (("people_involved", {"unit": "百"}), "1.5", 150),
        (("people_involved", {"unit": "万"}), "２", 20000),
        (("is_threat", {}), "是", True),
        (("is_threat", {}), " Ｙ ", True),
        (("is_threat", {}), "FALSE", False),
        (DUE, "2026-11-20", datetime(2026, 11, 20)),
        (DUE, "２０２６／１１／２０", datetime(2026, 11, 20)),
    ],
)
def test_values_are_read_as_people_write_them(column, text, value):
    assert one(column, text) == value


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("公安局", "police"),
        ("POLICE", "police"),
        ("　公 安 局", None),
        ("县公安局", "police"),
        ("ＡＢＣ", "court"),
        ("abc", "court"),
    ],
)
def test_a_lookup_folds_width_case_and_blanks(text, code):
    lookups = {"department": {"县公安局": "police", "Abc": "court"}}
    found = one(DEPARTMENT, text, lookups=lookups)
    assert found == (code or [("row", "unknown_value", f"department：{text.strip('　')}")])


def test_a_text_of_no_meaning_costs_the_row_and_says_so():
    assert one(DEPARTMENT, "外星局") == [("row", "unknown_value", "department：外星局")]
    assert one(("channel", {}), "99") == [("row", "unknown_value", "channel：99")]
    assert one(PEOPLE, "几个") == [("row", "bad_number", "people_involved：几个")]
    assert one(("is_threat", {}), "也许") == [("row", "unknown_value", "is_threat：也许")]
    assert one(("closed_at", {"date": ["iso"]}), "5/11/2026") == [
        ("row", "bad_time", "closed_at：5/11/2026")
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2,5", "2,5"),
        ("1,20,000", "1,20,000"),
        (",500", ",500"),
        ("2.5", "2.5（须为整数）"),
        ("０．４", "０．４（须为整数）"),
    ],
)
def test_a_number_is_not_guessed(text, reason):
    assert one(PEOPLE, text) == [("row", "bad_number", f"people_involved：{reason}")]


def test_an_open_list_takes_what_comes():
    site = SITE.model_copy(update={"open_lists": ("department",)})
    assert one(DEPARTMENT, " 外星局 ", site=site) == "外星局"
    assert one(DEPARTMENT, "公安局", site=site) == "police"


@pytest.mark.parametrize(
    ("text", "is_good"),
    [
        ("1999-12-31 23:59:59", False),
        ("2000-01-01", True),
        ("2026-11-11 12:00", True),
        ("2026-11-11 12:01", False),
        ("9999-12-31", False),
    ],
)
def test_an_event_lies_between_2000_and_tomorrow(text, is_good):
    result = Cleaned({}, [{"at": text}])
    assert len(result.rows) == is_good
    wrong = [(2, "row", "reported_at", "time_out_of_range", f"reported_at：{text}")]
    assert result.aside == ([] if is_good else wrong)


def test_a_wrong_deadline_or_point_costs_the_value_not_the_row():
    columns = {"due_at": {"from": "due", "date": "iso"}, "lon": "x", "lat": "y"}
    rows = [{"due": "月底", "x": "东经", "y": "30.5"}, {"due": "2049-01-01", "x": "110", "y": "30"}]
    result = Cleaned(columns, rows)
    assert result.values("due_at") == [None, None]
    assert (result.values("lon"), result.values("lat")) == ([None, 110.0], [30.5, 30.0])
    assert result.aside == [
        (2, "value", "due_at", "bad_time", "due_at：月底"),
        (2, "value", "lon", "bad_number", "lon：东经"),
        (3, "value", "due_at", "time_out_of_range", "due_at：2049-01-01"),
    ]


def test_a_row_without_key_or_time_is_put_aside():
    result = Cleaned({}, [{"id": " "}, {"at": ""}, {}])
    assert [row["_key"] for row in result.rows] == ["4"]
    assert [(line, code, reason) for line, _, _, code, reason in result.aside] == [
        (2, "missing_key", "缺少主键 id"),
        (3, "missing_time", "缺少时间 reported_at"),
    ]


def test_all_that_is_wrong_with_a_row_is_said_and_its_text_is_kept():
    rows = [{"dept": "外星局", "n": "几个"}]
    result = Cleaned(
        {"department": {"from": "dept", "lookup": "department"}, "people_involved": "n"}, rows
    )
    assert result.aside == [
        (2, "row", "department", "unknown_value", "department：外星局；people_involved：几个")
    ]
    assert '"dept":"外星局"' in result.raws[0][0] and '"n":"几个"' in result.raws[0][0]


def test_what_the_reader_rejected_stays_aside():
    result = Cleaned({}, [{}], rejects=[Reject(9, "ragged", "列数不符", "a,b")])
    assert result.aside == [(9, "row", None, "ragged", "列数不符")]
    assert result.raws == [("a,b",)]


def test_a_key_of_several_columns_needs_them_all():
    result = Cleaned({}, [{"b": "1"}, {"b": ""}, {"b": "1"}], key=["id", "b"])
    assert [row["_key"] for row in result.rows] == ["2\x1f1", "4\x1f1"]
    assert result.aside[0][3:] == ("missing_key", "缺少主键 id、b")


def test_only_the_wanted_rows_are_taken():
    rows = [{"t": "a"}, {"t": "b"}]
    result = Cleaned({"title": "t"}, rows, where="t = 'a' -- 只要 a")
    assert result.values("title") == ["a"]


def test_an_expression_that_fails_on_the_data_names_the_source():
    with pytest.raises(DeclarationError, match="来源 s 的 where.*不成立"):
        Cleaned({"title": "t"}, [{"t": "甲"}], where="t::INTEGER > 0")


def test_unknown_columns_are_kept_and_reported_but_not_the_ignored_ones():
    result = Cleaned({}, [{"a": "1", "b": "2", "c": "3"}], keep=["b"], ignore=["c"])
    assert result.new == ["a"]
    assert result.values("extra") == ['{"a":"1","b":"2"}']


def test_the_hash_of_a_row_is_that_of_what_it_says():
    rows = [
        {"id": "1", "t": "x"},
        {"id": "1", "t": " x　"},
        {"id": "1", "t": "y"},
        {"id": "1", "t": ""},
    ]
    hashes = Cleaned({"title": "t"}, rows).values("row_hash")
    assert hashes[0] == hashes[1] and len(set(hashes)) == 3


def test_the_hash_of_a_row_is_the_same_in_any_company():
    alone = Cleaned({"title": "t"}, [{"id": "1", "t": "x"}]).rows[0]
    among = Cleaned({"title": "t"}, [{"id": "1", "t": "x"}, {"v": "1", "u": "2"}]).rows
    assert (alone["row_hash"], alone["extra"]) == (among[0]["row_hash"], None)
    assert among[1]["extra"] == '{"u":"2","v":"1"}'
    turned = Cleaned({"title": "t"}, [{"u": "2", "v": "1", "id": "3"}]).rows[0]
    assert turned["row_hash"] == among[1]["row_hash"]


def test_a_field_takes_the_first_of_its_columns_that_says_anything_in_the_row():
    rows = [{"t": "a"}, {"title": "b"}, {"t": " 　", "title": "c"}, {"t": "d", "title": "e"}]
    assert Cleaned({"title": ["t", "title"]}, rows).values("title") == ["a", "b", "c", "d"]


def test_fields_that_share_a_column_read_each_their_own():
    columns = {"accepted_at": {"from": ["acc", "reg"], "date": "iso"}}
    columns["reported_at"] = {"from": "reg", "date": "iso"}
    result = Cleaned(columns, [{"acc": "2026-11-03", "reg": "2026-11-01"}, {"reg": "2026-11-02"}])
    assert result.values("accepted_at") == [datetime(2026, 11, 3), datetime(2026, 11, 2)]
    assert result.values("reported_at") == [datetime(2026, 11, 1), datetime(2026, 11, 2)]


def test_columns_may_be_called_what_they_like():
    columns = {"title": "p", "summary": "_line", "place_text": "row_hash"}
    columns |= {"category": "a whole row", "department": "a problem", "kind": "is rough"}
    row = {name: str(n) for n, name in enumerate([*columns.values(), "ID", "_member", "_row"])}
    row["is rough"] = " 事件 "
    result = Cleaned(columns, [row, row | {"at": "never"}])
    assert result.values("_key") == ["2"]  # of `id`, not of `ID`
    assert [result.values(name)[0] for name in columns] == ["0", "1", "2", "3", "4", "event"]
    assert result.values("extra") == ['{"ID":"6","_member":"7","_row":"8"}']
    assert [line for line, *_ in result.aside] == [3]
    assert '"p":"0"' in result.raws[0][0]


def test_rows_on_one_line_stay_apart():
    rows = [{"d": "外星局" if n % 2 else "公安局"} for n in range(100)]
    columns = {"department": {"from": "d", "lookup": "department"}}
    result = Cleaned(columns, rows, lines=[1] * 100, rejects=[Reject(1, "ragged", "列数不符")])
    assert (len(result.rows), len(result.aside), result.rows_aside) == (50, 51, 51)


@pytest.mark.parametrize(
    ("date", "text", "precision"),
    [
        ("iso", "2026-11-05", "second"),
        ("%Y-%m-%d", "2026-11-05", "day"),
        ("%Y-%m-%d %H:%M", "2026-11-05 08:00", "second"),
        ("month", "2026-11", "month"),
    ],
)
def test_a_source_tells_how_exact_its_times_are(date, text, precision):
    columns = {"reported_at": {"from": "at", "date": date}}
    assert Cleaned(columns, [{"at": text}]).values("precision") == [precision]


def test_times_of_another_zone_come_into_the_site_s():
    rows = [{"at": "2026-07-01 00:00"}, {"at": "2026-01-01 00:00"}, {"at": "2026-07-01T00:00:00Z"}]
    found = Cleaned({}, rows, zone="Europe/London").values("reported_at")
    assert found == [datetime(2026, 7, 1, 7), datetime(2026, 1, 1, 8), datetime(2026, 7, 1, 8)]


def test_the_time_of_change_orders_the_versions():
    rows = [{"u": "2026-11-05 08:00"}, {"u": "46331.5"}, {"u": "改过"}, {"u": ""}]
    result = Cleaned({}, rows, updated_at="u", updated_date=["iso", "excel"])
    assert result.values("version") == [datetime(2026, 11, 5, 8), datetime(2026, 11, 5, 12), None]
    assert result.aside == [(4, "row", "version", "bad_time", "version：改过")]
    assert "version" not in result.fields


def test_steps_are_of_kinds_that_the_status_machine_knows():
    columns = {"case": "c", "kind": "k", "at": {"from": "at", "date": "iso"}}
    base = {"name": "s", "title": "s", "key": "none", "delivery": "append", "target": "handlings"}
    source = Source.model_validate(base | {"of": "x", "columns": columns})
    frame = pd.DataFrame(
        {"c": ["1", "1"], "k": ["转派", "蒸发"], "at": ["2026-11-05"] * 2}, dtype=object
    )
    with duckdb.connect(":memory:") as connection:
        stage = Stage(connection, source)
        stage.add(RawChunk(frame, np.array([2, 3])), 0)
        stage.finish()
        clean(connection, source, SITE, NOW)
        assert connection.execute("SELECT kind FROM typed").fetchall() == [("transfer",)]
        assert connection.execute("SELECT reason FROM rejected").fetchall() == [("kind：蒸发",)]


TEXTS = st.one_of(
    st.sampled_from(
        [
            "",
            "公安局",
            "外星局",
            "12",
            "-1",
            "1e400",
            "inf",
            "2026-11-05",
            "9999-12-31",
            "5/11/2026",
        ]
    ),
    st.text(max_size=12),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS, TEXTS), min_size=1, max_size=6))
def test_every_row_is_loaded_or_aside_and_never_both(texts):
    columns = {"department": {"from": "d", "lookup": "department"}, "people_involved": "n"}
    columns |= {
        "closed_at": {"from": "c", "date": ["iso", "excel", "epoch_s"]},
        "lon": "x",
        "lat": "x",
    }
    rows = [dict(zip("dncx", four, strict=True)) for four in texts]
    result = Cleaned(columns, rows)
    loaded = {row["_line"] for row in result.rows}
    aside = {line for line, kind, *_ in result.aside if kind == "row"}
    assert loaded | aside == set(range(2, len(texts) + 2)) and not loaded & aside
    assert all(reason for *_, reason in result.aside)


def test_of_an_array_on_one_line_the_bad_rows_are_counted(village):
    """A row is one row wherever it stands: half of these are bad, and that is too many."""
    declared = MATTERS.replace("files", 'reader = "jsonl"\nfiles').replace("*.csv", "*.json")
    rows = [matter(n, dept="外星局" if n % 2 else "公安局") for n in range(100)]
    village.declare(declared)
    village.deliver("matters/a.json", json.dumps(rows))
    (refused,) = village.run().balances
    assert refused.reason == "50/100 行有错，超过 20%，整批拒收"
    village.declare("max_bad_share = 0.5\n" + declared)
    (loaded,) = village.run().balances
    assert (loaded.rows_in, loaded.loaded, loaded.quarantined) == (100, 50, 50)
    found = village.rows("SELECT count(*), count(DISTINCT line), max(line) FROM quarantine")
    assert found == [(50, 50, 100)]
