"""Layers of every kind are read once, checked, and kept until they change."""

import pytest

from data.declaration import DeclarationError
from data.site import load_site
from etl.check import check
from etl.hostile import FileError
from etl.layers import Layers
from geo.files import LayerError
from tests.etl.village import MATTERS, SITE, Village, matter, squares, table, written
from tests.etl.village import village as built

CODES = MATTERS.replace('lon = "x"\nlat = "y"\n', 'grid = "grid"\n')
BY_CODE = SITE.replace("grids.geojson", "grids.csv")


def layers(village: Village) -> Layers:
    roots = village.origin.roots
    return Layers(load_site(village.site), roots, village.home / "layers")


def test_a_level_without_files_is_the_union_of_those_below(tmp_path):
    kept = layers(built(tmp_path)).kept
    towns = kept["town"].grids.set_index("code")
    assert list(towns.index) == ["east", "west"]
    assert (towns.loc["west", "west"], towns.loc["west", "east"]) == (110, 111)
    assert (towns.loc["west", "south"], towns.loc["west", "north"]) == (30, 32)
    assert kept["grid"].parents == {"g1": "west", "g2": "east", "g3": "west", "g4": "east"}
    assert [kept[key].summary["tier"] for key in ("town", "grid")] == [1, 2]
    area = kept["grid"].grids["area_km2"]
    assert area.between(10_000, 11_000).all()  # a degree by a degree at 30 to 32 degrees north
    assert towns["area_km2"].sum() == pytest.approx(area.sum(), rel=1e-6)


def test_a_level_of_codes_alone_places_by_the_code(tmp_path):
    village = built(tmp_path, BY_CODE, CODES)
    written(village.site / "grids.csv", "code,town\ng1,west\ng2,east\n")
    rows = [matter(1, grid="g2"), matter(2, grid="g1"), matter(3, grid="g9"), matter(4, grid="")]
    village.deliver("matters/a.csv", table(*rows))
    village.run()
    found = village.rows("SELECT grid, town, is_located FROM cases ORDER BY source_key")
    assert found == [("g2", "east", True), ("g1", "west", True)] + [(None, None, False)] * 2
    assert check(village.home)[2] == []


def test_a_delivered_code_that_no_layer_has_is_kept_aside_and_its_case_is_loaded(tmp_path):
    village = built(tmp_path, BY_CODE, CODES)
    written(village.site / "grids.csv", "code,town\ng1,west\n")
    village.deliver("matters/a.csv", table(matter(1, grid="g9"), matter(2, grid="g1")))
    assert village.run().totals()["loaded"] == 2
    aside = village.rows("SELECT kind, column_name, code, reason FROM quarantine")
    assert aside == [("value", "grid", "unknown_place", "grid：g9")]


@pytest.mark.parametrize(
    ("codes", "reason"),
    [
        ("code,town\ng1,west\ng1,east\n", "第 3 行：编码 g1 重复，已见于 .*第 2 行"),
        ("code,town\ng1,\n", "第 2 行：编码 g1 没有上级（列 town）"),
        ("code,town\n,west\n", "第 2 行：没有编码"),
        ("code,village\ng1,west\n", "缺少列 town；应有 code、town，现有 code、village"),
    ],
)
def test_a_csv_of_codes_is_refused_by_row(tmp_path, codes, reason):
    village = built(tmp_path, BY_CODE, CODES)
    written(village.site / "grids.csv", codes)
    with pytest.raises(DeclarationError, match=reason):
        _ = layers(village).kept


def test_codes_alone_cannot_say_within_what_they_lie(tmp_path):
    village = built(tmp_path, BY_CODE.replace('parent = "town"', 'parent = "within"'), CODES)
    written(village.site / "grids.csv", "code,town\ng1,west\n")
    with pytest.raises(DeclarationError, match="没有多边形，grid 的 parent 不能是 within"):
        _ = layers(village).kept


def test_a_parent_that_the_level_above_lacks_is_refused(tmp_path):
    site = BY_CODE.replace('key = "town"', 'key = "town"\nfiles = ["towns.csv"]')
    village = built(tmp_path, site, CODES)
    written(village.site / "towns.csv", "code\nwest\n")
    written(village.site / "grids.csv", "code,town\ng1,west\ng2,east\n")
    with pytest.raises(LayerError, match="g2 的上级 east 不在"):
        _ = layers(village).kept


def test_a_layer_is_read_once_and_again_when_it_changes(tmp_path):
    village = built(tmp_path)
    first = layers(village)
    assert set(first.kept) == {"town", "grid"}
    grids = village.site / "grids.geojson"
    again = layers(village)
    again._build = None  # what is kept suffices
    assert again.kept["grid"].summary == first.kept["grid"].summary
    assert list(again.kept["grid"].index.locate([110.5], [30.5])) == [0]
    grids.write_bytes(squares({"h1": ("west", 0, 0)}))
    other = layers(village)
    assert other.files_hashes["grid"] != first.files_hashes["grid"]
    assert list(other.kept["grid"].grids["code"]) == ["h1"]


def test_names_may_stand_in_a_table_of_the_site(tmp_path):
    village = built(tmp_path, SITE.replace('parent = "town"', 'parent = "town"\nnames = "n.csv"'))
    written(village.site / "n.csv", "code,name\ng1,东风网格\n")
    grids = layers(village).kept["grid"].grids.set_index("code")["name"]
    assert (grids["g1"], grids["g2"]) == ("东风网格", "g2")
    before = layers(village).files_hashes["grid"]
    written(village.site / "n.csv", "code,name\ng1,西风网格\n")
    assert layers(village).files_hashes["grid"] != before
    written(village.site / "n.csv", "code\ng1\n")
    with pytest.raises(DeclarationError, match="n.csv：缺少列 name"):
        _ = layers(village).kept


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('files = ["grids.geojson"]', 'files = ["grids.geojson"]\ncode = "id"', "grids.geojson"),
        ('parent = "town"', 'parent = "county"', "county"),
        ('parent = "town"', 'parent = "town"\ncode_pattern = "g[1-3]"', "g4"),
    ],
)
def test_a_layer_that_is_not_what_the_site_says_is_refused(tmp_path, old, new, reason):
    with pytest.raises(LayerError, match=reason):
        _ = layers(built(tmp_path, SITE.replace(old, new))).kept


def test_strict_coverage_refuses_overlaps_and_the_other_reports_them(tmp_path):
    overlapping = squares({"g1": ("west", 0, 0), "g2": ("east", 0.5, 0)})
    for coverage in ("strict", "overlaps"):
        site = SITE.replace('parent = "town"', f'parent = "town"\ncoverage = "{coverage}"')
        village = built(tmp_path / coverage, site)
        (village.site / "grids.geojson").write_bytes(overlapping)
        if coverage == "strict":
            with pytest.raises(LayerError, match="重叠"):
                _ = layers(village).kept
        else:
            summary = layers(village).kept["grid"].summary
            assert summary["overlap_pairs"] == 1
            assert 5_000 < summary["overlap_km2"] < 5_500


def test_a_file_that_is_nowhere_is_named(tmp_path):
    village = built(tmp_path, SITE.replace("grids.geojson", "nowhere.geojson"))
    with pytest.raises(
        FileError, match="nowhere.geojson：图层 grid：文件不存在（找过 .*input、.*site）"
    ):
        layers(village)


def test_a_file_of_the_input_counts_before_that_of_the_site(tmp_path):
    village = built(tmp_path)
    village.deliver("grids.geojson", squares({"h1": ("west", 0, 0)}))
    assert list(layers(village).kept["grid"].grids["code"]) == ["h1"]
