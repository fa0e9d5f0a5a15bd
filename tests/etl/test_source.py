"""A source's declaration is refused when it is read, with file, key and what would be right."""

from datetime import datetime

import pytest

from data.declaration import DeclarationError
from data.site import load_site
from etl.hostile import FileError
from etl.source import date_in_name, load_sources, plain
from tests.etl.village import MATTERS, Village

STEPS = """
title = "流转"
target = "handlings"
of = "matters"
key = ["no"]
delivery = "append"
columns = { case = "id", kind = "kind", at = { from = "at", date = "iso" } }
"""


@pytest.fixture
def load(village: Village):
    def sources(text=MATTERS, **others):
        village.declare(text)
        for name, other in others.items():
            village.declare(other, name)
        return load_sources(village.site, load_site(village.site))

    return sources


@pytest.fixture
def refused(load, village: Village):
    def reason(*args, **others):
        with pytest.raises(DeclarationError) as caught:
            load(*args, **others)
        text = str(caught.value)
        assert text.startswith(str(village.site / "sources"))
        return text

    return reason


def test_a_source_knows_which_columns_it_reads(load):
    aliased = MATTERS.replace('title = "title"', 'title = ["title", "Title"]')
    source = load(aliased + '\n[aliases]\nid = ["ID"]\n')["matters"]
    assert source.slots["title"] == ("title", "Title")
    assert source.slots["id"] == ("id", "ID")
    assert source.slot("id") == "id"
    assert set(source.slots) == {
        *("reported", "closed", "dept", "title", "x", "y", "id", "updated"),
    }


def test_a_slot_is_one_for_the_same_columns_and_no_others(load):
    shared = MATTERS.replace('title = "title"', 'title = ["a", "x"]\nsummary = ["a", "x"]')
    source = load(shared)["matters"]
    assert source.slot("a", "x") == "a" and source.slots["a"] == ("a", "x")
    assert source.slot("x") == "x" and source.slots["x"] == ("x",)
    named = load(MATTERS.replace('title = "title"', 'title = "ID"\nsummary = "_line"'))["matters"]
    assert (named.slot("ID"), named.slot("id"), named.slot("_line")) == ("ID", "id_", "_line_")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('delivery = "changes"', "", "delivery：缺少这个键"),
        ('"changes"', '"daily"', "delivery：'daily' 不行；应为 'snapshot', 'changes' or 'append'"),
        ('title = "事项"', 'titel = "事项"', "titel：没有这个键；是不是 title？"),
        ('key = ["id"]', "", '来源主键的列名列表，或 "none"'),
        ('key = ["id"]', "key = []", '主键不能为空；没有主键请写 key = "none"'),
        ('title = "title"', 'heading = "title"', "columns.heading 不是字段；可用：channel、kind"),
        (', date = "iso" }\nclosed', "}\nclosed", "columns.reported_at 是时间，须写 date 格式"),
        (
            '"closed", date = "iso"',
            '"closed", date = "YYYY"',
            "日期格式 'YYYY' 不行；应为 strptime",
        ),
        ('"closed", date = "iso"', '"closed", date = "%Q"', "日期格式 '%Q' 不行"),
        (
            'title = "title"',
            'title = { from = "t", date = "iso" }',
            "columns.title.date 只能用于时间",
        ),
        (
            'title = "title"',
            'title = { from = "t", unit = "万" }',
            "columns.title.unit 只能用于数值",
        ),
        ('lon = "x"', 'lon = { from = "x", unit = "里" }', "单位 '里' 不行；应为 百、千、万、亿"),
        ('lon = "x"\n', "", "columns.lon 与 columns.lat 须一起写"),
        (
            'title = "title"',
            'title = { from = "t", const = "c" }',
            "from 与 const 必须且只能写一个",
        ),
        ('title = "title"', "title = { na = ['-'] }", "from 与 const 必须且只能写一个"),
        ('title = "title"', 'title = { form = "t" }', "columns.title.form：没有这个键"),
        ("reported_at", "happened_at", "columns 须有 accepted_at 或 reported_at"),
        ('"changes"', '"snapshot"', 'delivery = "snapshot" 须写 sequence'),
        (
            'updated_at = "updated"\n',
            "",
            'delivery = "changes" 须写 updated_at（更新时间所在的列）或 sequence，以定同一主键',
        ),
        (
            "key =",
            'zone = "Mars/Base"\nkey =',
            "zone：'Mars/Base' 不是 IANA 时区；应如 Asia/Shanghai",
        ),
        ("key =", 'crs = "GCJ-03"\nkey =', "不认识的坐标系“GCJ-03”，可以写 WGS84"),
        ("key =", 'updated_date = ["when"]\nkey =', "updated_date：日期格式 'when' 不行"),
        ("key =", 'reader = "pdf"\nkey =', "没有读取器 'pdf'；可用：cap、csv、excel"),
        (
            "key =",
            'options = { delimeter = ";" }\nkey =',
            "delimeter：没有这个键；是不是 delimiter？",
        ),
        ("key =", 'options = { delimiter = ";;" }\nkey =', "分隔符须是一个字符"),
        ("key =", "max_bad_share = 2\nkey =", "max_bad_share：2 不行"),
        (
            "key =",
            "where = \"kind = 'x'\"\nkey =",
            "updated_at 所读的列，可用的列：reported、closed、dept",
        ),
        ("key =", 'where = "dept ="\nkey =', "where：不是能用的表达式（Parser Error"),
        ("key =", 'where = "true); DROP TABLE x; SELECT (1"\nkey =', "where：不是能用的表达式"),
        (
            'lookup = "department"',
            'lookup = "departmant"',
            "没有代码表 'departmant'；[lookups] 中有：无",
        ),
    ],
)
def test_a_wrong_source_is_refused(refused, village, old, new, reason):
    assert old in MATTERS
    text = refused(MATTERS.replace(old, new))
    assert str(village.site / "sources" / "matters.toml") in text and reason in text, text


def test_a_lookup_to_no_code_is_refused_with_the_codes_near_it(refused):
    text = refused(MATTERS + '[lookups.department]\n"派出所" = "polize"\n')
    assert "lookups.department.派出所：没有编码 'polize'；可用的编码如 police（公安局）" in text
    text = refused(MATTERS + 'channel = { const = "99" }\n')
    assert (
        "columns.channel.const：没有编码 '99'；可用的编码如" in text and "05（12345热线）" in text
    )


def test_an_open_list_takes_new_codes(load, village: Village):
    site = (village.site / "site.toml").read_text()
    (village.site / "site.toml").write_text('open_lists = ["category"]\n' + site)
    load(
        MATTERS
        + 'category = { from = "type", lookup = "category" }\n[lookups.category]\n"a" = "A9"'
    )


def test_steps_belong_to_a_source_of_cases_with_one_key(refused, load):
    assert load(steps=STEPS)["steps"].of == "matters"
    for wrong in ('of = "nobody"', 'of = "steps"', ""):
        text = refused(steps=STEPS.replace('of = "matters"', wrong))
        assert "steps.toml：of = " in text and "应为本站点一个单列主键的事项来源" in text
    two = MATTERS.replace('key = ["id"]', 'key = ["id", "dept"]')
    assert "应为本站点一个单列主键的事项来源" in refused(two, steps=STEPS)
    assert "columns 缺少 kind" in refused(steps=STEPS.replace('kind = "kind", ', ""))


def test_a_site_without_sources_is_refused(village: Village):
    (village.site / "sources" / "matters.toml").unlink()
    with pytest.raises(DeclarationError, match="没有任何来源"):
        load_sources(village.site, load_site(village.site))


def test_what_changes_the_meaning_changes_the_hash(load, monkeypatch):
    before = load()["matters"].declaration_hash()
    assert load("# 说明\n" + MATTERS)["matters"].declaration_hash() == before
    assert load(MATTERS.replace('"x"', '"X"'))["matters"].declaration_hash() != before
    monkeypatch.setattr("etl.source.READING", "another way to read rows")
    assert load()["matters"].declaration_hash() != before


@pytest.mark.parametrize(
    ("name", "moment"),
    [
        ("a/2018-10/2018-10-kent-street.csv", datetime(2018, 10, 1)),
        ("police_110_20261105.txt", datetime(2026, 11, 5)),
        ("x-2026-11-05T0830.csv", datetime(2026, 11, 5, 8, 30)),
        ("x_20261105_083015.csv", datetime(2026, 11, 5, 8, 30, 15)),
        ("20260101/export_2026-02-03.csv", datetime(2026, 2, 3)),
        ("2026-02-30.csv", None),
        ("a13.csv", None),
        ("1202611059.csv", None),
    ],
)
def test_the_last_date_in_a_name_is_its_sequence(name, moment):
    assert date_in_name(name) == moment


def test_texts_compare_without_width_case_and_blanks():
    assert plain("　ＡＢ c\t 公安局 ") == plain("ab C 公安局") == "ab c 公安局"


def test_a_member_that_should_be_dated_and_is_not_is_refused(load):
    dated = MATTERS.replace('updated_at = "updated"', 'sequence = "name"')
    source = load(dated)["matters"]
    now = datetime(2026, 11, 10)
    assert source.sequence_of(("a/x_20261105.csv",), now) == datetime(2026, 11, 5)
    with pytest.raises(FileError, match=r'a/x.csv：文件名中没有日期；来源声明 sequence = "name"'):
        source.sequence_of(("a/x.csv",), now)
    assert load(MATTERS)["matters"].sequence_of(("a/x.csv",), now) is None
    fetched = load(dated.replace('"name"', '"fetched"'))["matters"]
    assert fetched.sequence_of(("a/x.csv",), now) == now
