"""A site's folder is read whole, or refused with the file, the key and what would be right."""

import re

import duckdb
import pytest

from data.declaration import DeclarationError
from data.site import SCHEMA, load_site, schema_columns

SITE = """
name = "village"
title = "小村"
zone = "Asia/Shanghai"
levels = [{ key = "town", name = "镇" },
          { key = "grid", name = "网格", files = ["g.geojson"], parent = "town" }]
layers = [{ key = "beat", name = "警区", files = ["b.geojson"] }]
dimensions = [{ key = "force", name = "警队" }]
"""


@pytest.fixture
def site(tmp_path):
    def load(text=SITE, **tables):
        (tmp_path / "site.toml").write_text(text)
        for name, content in tables.items():
            (tmp_path / f"{name}.csv").write_text(content)
        return load_site(tmp_path)

    return load


@pytest.fixture
def refused(site):
    def reason(*args, **tables):
        with pytest.raises(DeclarationError) as caught:
            site(*args, **tables)
        return str(caught.value)

    return reason


def test_a_site_knows_its_places_from_the_top_down(site):
    found = site(departments="code,name\npolice,公安局\n")
    assert found.place_keys == ("town", "grid", "beat")
    assert (found.grid_key, found.dimension_keys) == ("grid", ("force",))
    assert found.layer("beat").name == "警区"
    assert [(row.code, row.name) for row in found.departments] == [("police", "公安局")]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('title = "小村"', "", "title：缺少这个键；大屏标题"),
        ('title = "小村"', 'titel = "小村"', "titel：没有这个键；是不是 title？"),
        (
            "Asia/Shanghai",
            "Asia/Changsha",
            "zone：'Asia/Changsha' 不是 IANA 时区；应如 Asia/Shanghai",
        ),
        ('"village"', '"Village 1"', "name：'Village 1' 不行；应为小写英文字母开头"),
        ('"beat"', '"grid"', "键重复：grid；层级、图层和维度的键须各不相同"),
        ('"force"', '"beat"', "键重复：beat"),
        ('"force"', '"risk"', "dimensions[0].key：'risk' 是内置维度的名字，请换一个"),
        ('"force"', '"title"', "dimensions[0].key：'title' 是内置列的名字，请换一个"),
        ('"force"', '"extra"', "dimensions[0].key：'extra' 是内置列的名字，请换一个"),
        ('"beat"', '"at"', "'at' 是内置列的名字，请换一个"),
        ('"beat"', '"Beat"', "layers[0].key：'Beat' 不行"),
        (', parent = "town"', "", "层级 grid 缺少 parent：说明如何找到上级 town 的编码"),
        ('files = ["g.geojson"], ', "", "levels[1].files：最下一级须有多边形文件"),
        ('"镇" }', '"镇", coverage = "loose" }', "levels[0].coverage：'loose' 不行；应为 'strict'"),
        (
            '"镇" }',
            "\"镇\", code_pattern = '[0-9' }",
            "levels[0].code_pattern：'[0-9' 不是正则表达式",
        ),
        ("levels =", "levels = []\nold =", "levels：[] 不行"),
        ('zone = "', 'publish_every = 0\nzone = "', "publish_every：0 不行"),
        ('zone = "', 'keep_editions = 1\nzone = "', "keep_editions：1 不行"),
        ('zone = "', 'risk = [{ id = "R1", risk = "pink" }]\nzone = "', "'pink' 应为 red、orange"),
        (
            'zone = "',
            'routing = { red = "moon" }\nzone = "',
            "red → moon 中有未知的风险等级或处置层级",
        ),
    ],
)
def test_a_wrong_site_is_refused(refused, tmp_path, old, new, reason):
    assert old in SITE
    text = refused(SITE.replace(old, new))
    assert f"{tmp_path / 'site.toml'}：" in text and reason in text


@pytest.mark.parametrize(
    ("table", "content", "reason"),
    [
        ("departments", "code,name\na,甲\na,乙\n", "departments.csv 第 3 行：编码 a 重复"),
        ("departments", "code\na\n", "departments.csv：缺少列 name；应有 code、name"),
        (
            "categories",
            "code,name,colour\na,甲,red\n",
            "categories.csv 第 2 行：colour：没有这个键",
        ),
        ("categories", "code,name\na,\n", "categories.csv 第 2 行：name：缺少这个键"),
        (
            "categories",
            "code,name,kind\na,甲,dispute\nb,乙,disptue\n",
            "categories.csv 第 3 行：kind：没有事项大类 'disptue'；应为 dispute、",
        ),
        (
            "calendar",
            "day,kind\n2026/10/01,holiday\n",
            "calendar.csv 第 2 行：day：'2026/10/01' 不行",
        ),
        (
            "calendar",
            "day,kind\n2026-10-01,feast\n",
            "kind：'feast' 不行；应为 'holiday' or 'workday'",
        ),
        ("calendar", "day,kind\n2026-10-01,holiday\n2026-10-01,workday\n", "既是节假日又是工作日"),
        (
            "time_limits",
            "stage,amount,unit\nhandle,0,days\n",
            "time_limits.csv 第 2 行：amount：'0' 不行",
        ),
        (
            "time_limits",
            "stage,amount,unit\nhandle,7,weeks\n",
            "unit：'weeks' 不行；应为 'work_days'",
        ),
        ("time_limits", "stage,amount,unit\nhandle,2.5,work_days\n", "按日计的应为整数"),
        ("calendar", "day,kind\n2026-02-30,holiday\n", "day is out of range for month"),
    ],
)
def test_a_wrong_table_is_refused_with_its_row(refused, table, content, reason):
    text = refused(**{table: content})
    assert f"{table}.csv" in text and re.search(re.escape(reason), text), text


def test_a_limit_for_a_matter_that_nobody_declared_is_refused(refused):
    limits = "category,stage,amount,unit\n*,handle,7,days\nE99,handle,7,days\n"
    text = refused(categories="code,name\nE1,噪声\n", time_limits=limits)
    assert text.endswith("time_limits.csv 第 3 行：category：没有编码 'E99'")


def test_a_folder_that_is_no_site_is_refused(tmp_path):
    with pytest.raises(DeclarationError, match="没有这个站点目录"):
        load_site(tmp_path / "nowhere")
    with pytest.raises(DeclarationError, match="site.toml：文件不存在"):
        load_site(tmp_path)


def test_no_column_of_a_table_may_become_a_dimension():
    assert {"title", "summary", "place_text", "extra", "at", "seq"} <= schema_columns()
    connection = duckdb.connect()
    connection.execute(SCHEMA.read_text("utf-8"))
    names = connection.execute(
        "SELECT column_name FROM duckdb_columns() WHERE table_name IN ('cases', 'alerts', 'steps')"
    ).fetchall()
    assert {name for (name,) in names} <= schema_columns()
    assert "state" not in schema_columns()  # a level may be called so
