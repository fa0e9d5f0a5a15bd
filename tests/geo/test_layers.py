"""Layers come in from any file, are validated before they are used, and leave light."""

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import geopandas as gpd
import orjson
import pytest
import shapely
from shapely import MultiPolygon, Polygon, box

from geo import files
from geo.coordinates import from_wgs84
from geo.coverage import area_km2, validate
from geo.display import content_hash, display_geojson, display_geometry
from geo.files import LayerError
from geo.layers import dissolve, parent_within, read_layer

SQUARES = {"a": box(0, 0, 1, 1), "b": box(1, 0, 2, 1), "c": box(0, 1, 1, 2)}


def layer(shapes: dict, **columns) -> gpd.GeoDataFrame:
    columns = {"code": list(shapes), "name": list(shapes), "parent": None} | columns
    return gpd.GeoDataFrame(columns, geometry=list(shapes.values()), crs=4326)


def feature(shape: shapely.Geometry | None, **properties) -> dict:
    geometry = orjson.loads(shapely.to_geojson(shape)) if shape else None
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def geojson(*features: dict, **members) -> bytes:
    return orjson.dumps({"type": "FeatureCollection", "features": features, **members})


def squares() -> bytes:
    return geojson(
        *(feature(shape, id=code, 名称=f"{code}网格") for code, shape in SQUARES.items())
    )


def bent(number: int, **members) -> bytes:
    """The squares, the one of that number with members that no feature has."""
    document = orjson.loads(squares())
    document["features"][number - 1] |= members
    return orjson.dumps(document)


def tar(mode: str, members: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return packed.getvalue()


def zipped(members: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def shapefile(folder: Path) -> Path:
    """The squares around 114 E 28 N, in metres of the three-degree zone."""
    x, y = from_wgs84(114.0, 28.0, "EPSG:4547")
    moved = {
        code: shapely.transform(shape, lambda xy: xy * 1000 + [float(x), float(y)])
        for code, shape in SQUARES.items()
    }
    frame = gpd.GeoDataFrame(
        {"CODE": [101.0, 102.0, 103.0], "NAME": ["湘龙", "星沙", "泉塘"]},
        geometry=list(moved.values()),
        crs="EPSG:4547",
    )
    frame.to_file(folder / "grids.shp", encoding="GB18030")
    (folder / "grids.cpg").unlink()  # as Chinese tools leave it
    return folder / "grids.shp"


def refused(*arguments, **options) -> str:
    with pytest.raises(LayerError) as error:
        read_layer(*arguments, **options)
    return str(error.value)


def test_codes_names_and_order(tmp_path):
    file = tmp_path / "g.geojson"
    file.write_bytes(squares())
    read = read_layer([file], code="id", name="名称")
    assert read["code"].tolist() == ["a", "b", "c"]
    assert read["name"].tolist() == ["a网格", "b网格", "c网格"]
    assert read["parent"].tolist() == [None, None, None]
    assert read.crs.to_epsg() == 4326
    assert read_layer([file], code="id")["name"].tolist() == ["a", "b", "c"]


@pytest.mark.parametrize(
    "packed",
    [
        squares(),
        b"\xef\xbb\xbf" + squares(),
        squares().decode().encode("gb18030"),
        gzip.compress(squares()),
        tar("w:", {"g.json": squares()}),
        tar("w:gz", {"g.json": squares()}),
        tar("w:xz", {"g.json": squares()}),
        zipped({"g.json": squares(), "__MACOSX/._g.json": b"{}", "README.txt": b"hello"}),
        zipped({"inner.tar.gz": tar("w:gz", {"g.json": squares()})}),
    ],
    ids=["json", "bom", "gb18030", "gz", "tar", "tar.gz", "tar.xz", "zip", "tar.gz in zip"],
)
def test_any_packing_gives_the_same_layer(packed):
    read = read_layer([packed], code="id", name="名称")
    assert read["name"].tolist() == ["a网格", "b网格", "c网格"]
    assert shapely.equals(read.geometry.array, list(SQUARES.values())).all()


def test_members_are_chosen_by_a_glob_and_give_their_stem(tmp_path):
    members = {
        "./json/eng/lsoa/E06.json": geojson(feature(SQUARES["a"], id="a")),
        "./json/wal/lsoa/W07.json": geojson(feature(SQUARES["b"], id="b")),
        "./json/eng/msoa/E06.json": geojson(feature(SQUARES["a"], id="other")),
    }
    file = tmp_path / "many.tar.xz"
    file.write_bytes(tar("w:xz", members))
    read = read_layer(
        [file], code="id", parent="{stem}", attributes={"lad": "L{stem}"}, inside="json/*/lsoa/*"
    )
    assert read[["code", "parent", "lad"]].to_numpy().tolist() == [
        ["a", "E06", "LE06"],
        ["b", "W07", "LW07"],
    ]
    assert "没有找到面图层" in refused([file], code="id", inside="nothing/*")


def test_a_nested_property_and_a_number_are_codes_as_text():
    content = geojson(feature(SQUARES["a"], adcode=430102, people=5, parent={"adcode": 430100.0}))
    read = read_layer(
        [content], code="adcode", parent="parent.adcode", attributes={"population": "people"}
    )
    row = read.iloc[0]
    assert (row["code"], row["parent"], row["population"]) == ("430102", "430100", 5)


def test_heights_are_dropped():
    cube = Polygon([(0, 0, 7), (1, 0, 7), (1, 1, 7), (0, 0, 7)])
    assert not read_layer([geojson(feature(cube, code="a"))]).geometry.has_z.any()


def test_a_shapefile_says_its_own_coordinate_system_and_is_read_as_gbk(tmp_path):
    shapefile(tmp_path)
    for source in (tmp_path / "grids.shp", tmp_path):
        read = read_layer([source], code="CODE", name="NAME")
        assert read["code"].tolist() == ["101", "102", "103"]
        assert read["name"].tolist() == ["湘龙", "星沙", "泉塘"]
        assert shapely.get_x(shapely.Point(read.total_bounds[:2])) == pytest.approx(114.0, abs=1e-9)
    assert area_km2(read.geometry.array) == pytest.approx([1.0, 1.0, 1.0], rel=1e-3)


def test_a_zipped_shapefile_is_read_from_any_folder_inside(tmp_path):
    shapefile(tmp_path)
    parts = {f"网格/{file.name}": file.read_bytes() for file in tmp_path.iterdir()}
    read = read_layer([zipped(parts)], code="CODE", name="NAME", inside="网格/*.shp")
    assert read["name"].tolist() == ["湘龙", "星沙", "泉塘"]


def test_a_shapefile_without_prj_must_be_declared(tmp_path):
    file = shapefile(tmp_path)
    file.with_suffix(".prj").unlink()
    assert "没有坐标系" in refused([file], code="CODE")
    read = read_layer([file], code="CODE", crs="EPSG:4547")
    assert read.total_bounds[0] == pytest.approx(114.0, abs=1e-9)
    assert "第 1 个面：坐标不在地球上" in refused([file], code="CODE", crs="WGS84")


def test_a_declared_coordinate_system_overrides_the_file():
    china = box(113, 28, 113.1, 28.1)
    content = geojson(feature(china, code="a"))
    shift = read_layer([content], crs="GCJ-02").total_bounds[0] - 113
    assert -0.007 < shift < -0.004  # 高德 draws Changsha half a kilometre too far east
    assert "不认识的坐标系" in refused([content], crs="火星")


def test_the_crs_member_of_geojson_counts():
    mercator = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::3857"}}
    content = geojson(feature(box(0, 0, 111_319.49079, 100_000), code="a"), crs=mercator)
    assert read_layer([content]).total_bounds[2] == pytest.approx(1.0)


def test_a_geopackage_and_its_tables(tmp_path):
    file = tmp_path / "layers.gpkg"
    layer(SQUARES).to_file(file, layer="grids", engine="pyogrio")
    layer({"z": box(0, 0, 9, 9)}).to_file(file, layer="towns", engine="pyogrio")
    assert read_layer([file], table="towns")["code"].tolist() == ["z"]
    assert read_layer([file.read_bytes()], table="grids")["code"].tolist() == ["a", "b", "c"]
    assert "无法读取" in refused([file], table="nothing")


def test_every_wrong_polygon_is_named_with_its_file_number_and_reason(tmp_path):
    file = tmp_path / "wrong.json"
    file.write_bytes(
        geojson(
            feature(SQUARES["a"], code="a"),
            feature(None, code="b"),
            feature(SQUARES["b"], code=" "),
            feature(SQUARES["c"], code="a"),
        )
    )
    with pytest.raises(LayerError) as error:
        read_layer([file])
    assert [(p.polygon, p.reason) for p in error.value.problems] == [
        (2, "没有几何"),
        (3, "没有编码"),
        (4, f"编码 a 重复，已见于 {file} 第 1 个面"),
    ]
    assert str(error.value).startswith(f"{file} 第 2 个面：没有几何；")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "没有找到面图层"),
        (b"{]", "不是 JSON"),
        (b'{"type": "Topology"}', "不是 GeoJSON 要素集（type = Topology）"),
        (geojson(), "没有属性“code”"),
        (geojson(feature(shapely.Point(1, 1), code="a")), "第 1 个面：是 Point，不是面"),
        (geojson(feature(SQUARES["a"], id="a")), "没有属性“code”，只有 id"),
        (squares().replace(b"1.0,1.0", b'"x",1.0'), "第 1 个面：坐标不是成对的数字"),
        (squares().replace(b"[2.0,1.0]", b"2.0"), "第 2 个面：坐标的层次不是 Polygon 的"),
        (bent(2, geometry="x"), "第 2 个面：geometry 不是对象"),
        (bent(2, geometry={"type": "Polygon", "coordinates": [1, 2]}), "第 2 个面：坐标的层次"),
        (bent(3, geometry={"type": "Polygon", "coordinates": "x"}), "第 3 个面：坐标的层次"),
        (bent(1, geometry={"type": "MultiPolygon", "coordinates": [[1, 2]]}), "第 1 个面：坐标"),
        (bent(2, properties=["x"]), "第 2 个面：properties 不是对象"),
        (squares().replace(b"[1.0,2.0],[0.0,2.0]", b"[1,2,5],[0]"), "第 3 个面：坐标不是成对"),
        (squares().replace(b"[[[1.0,0.0]", b"[[[1.0,0.5]"), "环没有闭合"),
        (gzip.compress(squares())[:-20], "压缩包损坏"),
        (zipped({"g.json": squares()})[:-9], "压缩包损坏"),
        (gzip.compress(b"{" + b" " * 30_000_000), "压缩比超过 100"),
        (zipped({"g.json": b"{" + b" " * 30_000_000}), "压缩比超过 100"),
        (tar("w:xz", {"g.json": b"{" + b" " * 30_000_000}), "压缩比超过 100"),
    ],
)
def test_what_is_no_layer_is_refused_with_its_reason(content, reason):
    code = "id" if b"\xe5\x90\x8d" in content or content[:1] != b"{" else "code"
    assert reason in refused([content], code=code)


def test_too_many_members_and_nested_archives_are_refused(monkeypatch):
    monkeypatch.setattr(files, "MAX_MEMBERS", 2)
    members = {f"{i}.json": geojson(feature(box(0, 0, 1, 1), code="a")) for i in range(3)}
    assert "成员超过 2 个" in refused([zipped(members)])
    assert "成员超过 2 个" in refused([tar("w:gz", members)])
    russian_doll = squares()
    for _ in range(4):
        russian_doll = zipped({"doll.zip": russian_doll})
    assert "嵌套超过" in refused([russian_doll])


def test_an_invalid_polygon_is_repaired_and_reported():
    bowtie = Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    report = validate(layer(SQUARES | {"bow": bowtie}), max_invalid_share=0.25)
    (repair,) = report.repairs
    assert (repair.code, repair.reason) == ("bow", "Self-intersection[0.5 0.5]")
    assert repair.after_km2 == pytest.approx(area_km2([box(0, 0, 1, 1)])[0] / 2, rel=1e-3)
    assert report.layer.geometry.is_valid.all() and report.polygons == 4
    assert report.layer.geom_type.isin(["Polygon", "MultiPolygon"]).all()
    assert report.rows()[0]["kind"] == "repair"
    with pytest.raises(LayerError, match="1 / 4 个面无效，超过允许的 20%"):
        validate(layer(SQUARES | {"bow": bowtie}), max_invalid_share=0.2)


def test_a_polygon_of_which_the_repair_leaves_nothing_is_refused():
    flat = Polygon([(0, 0), (1, 1), (0, 0)])
    with pytest.raises(LayerError, match="flat 修复后没有面积"):
        validate(layer({"flat": flat}), max_invalid_share=1)
    with pytest.raises(LayerError, match="第 1 个面：none 没有几何"):
        validate(layer({"none": None}))


def test_squares_that_meet_neither_overlap_nor_leave_gaps():
    report = validate(layer(SQUARES), coverage="strict")
    assert (report.overlap_pairs, report.gap_count, report.repairs) == (0, 0, ())
    assert report.area_km2 == pytest.approx(sum(area_km2(list(SQUARES.values()))))


@pytest.mark.parametrize(
    ("other", "common"),
    [
        (box(0.5, 0, 1.5, 1), box(0.5, 0, 1, 1)),
        (box(0.25, 0.25, 0.5, 0.5), box(0.25, 0.25, 0.5, 0.5)),  # wholly inside
        (box(0, 0, 1, 1), box(0, 0, 1, 1)),  # the same twice
    ],
)
def test_overlaps_are_measured(other, common):
    report = validate(layer({"a": box(0, 0, 1, 1), "x": other}))
    assert [(o.code, o.other) for o in report.overlaps] == [("a", "x")]
    assert report.overlap_km2 == pytest.approx(area_km2([common])[0], rel=1e-6)
    with pytest.raises(LayerError, match="a 与 x 重叠"):
        validate(layer({"a": box(0, 0, 1, 1), "x": other}), coverage="strict")


def test_gaps_are_measured_without_the_islands_in_them():
    frame = Polygon(box(0, 0, 3, 3).exterior, [box(1, 1, 2, 2).exterior])
    assert validate(layer({"f": frame})).gap_km2 == pytest.approx(area_km2([box(1, 1, 2, 2)])[0])
    island = box(1.4, 1.4, 1.6, 1.6)
    report = validate(layer({"f": frame, "i": island}))
    assert report.gap_count == 1
    assert report.gap_km2 == pytest.approx(area_km2([box(1, 1, 2, 2).difference(island)])[0])
    with pytest.raises(LayerError, match="处有空隙"):
        validate(layer({"f": frame}), coverage="strict")
    filled = validate(layer({"f": frame, "yolk": box(1, 1, 2, 2)}), coverage="strict")
    assert filled.gap_count == 0


def test_rounding_noise_below_a_centimetre_is_neither_gap_nor_overlap():
    noisy = {"a": box(0, 0, 1 + 3e-9, 1), "b": box(1 - 2e-9, 0, 2, 1)}
    report = validate(layer(noisy), coverage="strict")
    assert (report.overlap_pairs, report.gap_count) == (0, 0)


def test_area_is_that_of_the_ellipsoid():
    assert area_km2([box(-180, -90, 180, 90)])[0] == pytest.approx(510_065_621.7, rel=1e-9)


def test_parent_by_place_is_the_polygon_that_holds_a_point_of_the_child():
    towns = layer({"west": box(0, 0, 1, 2), "east": box(1, 0, 2, 2)})
    placed = parent_within(layer(SQUARES | {"far": box(5, 5, 6, 6)}), towns)
    assert placed["parent"].tolist() == ["west", "east", "west", None]


def test_a_level_without_shape_is_made_of_its_children():
    children = layer(SQUARES, parent=["t1", "t2", "t1"])
    towns = dissolve(children)
    assert towns["code"].tolist() == ["t1", "t2"]
    assert shapely.equals(towns.geometry.array, [box(0, 0, 1, 2), box(1, 0, 2, 1)]).all()
    noisy = layer({"a": box(0, 0, 1 + 3e-9, 1), "b": box(1, 0, 2, 1)}, parent=["t", "t"])
    assert shapely.equals(dissolve(noisy).geometry.iloc[0], box(0, 0, 2, 1))


def test_display_keeps_shared_borders_shared_and_says_code_and_name():
    wave = [(1, y / 50) for y in range(51)]
    wave = [(x + 0.001 * (i % 2), y) for i, (x, y) in enumerate(wave)]
    left = Polygon([(0, 0), *wave, (0, 1)])
    right = Polygon([*wave, (2, 1), (2, 0)])
    content = display_geojson(layer({"2": right, "1": left}), tolerance_m=2_000)
    shown = orjson.loads(content)["features"]
    assert [(f["id"], f["properties"]) for f in shown] == [
        ("1", {"code": "1", "name": "1"}),
        ("2", {"code": "2", "name": "2"}),
    ]
    a, b = shapely.from_geojson([orjson.dumps(f["geometry"]) for f in shown])
    assert shapely.coverage_is_valid([a, b])
    assert shapely.get_num_coordinates(a) < 10
    assert content_hash(content) == content_hash(
        display_geojson(layer({"1": left, "2": right}), 2_000)
    )


def test_display_of_what_is_no_coverage_is_still_valid_and_complete():
    ring = Polygon(box(0, 0, 3, 3).exterior, [box(1, 1, 1 + 1e-7, 1 + 1e-7).exterior])
    speck = box(5, 5, 5 + 1e-7, 5 + 1e-7)
    many = MultiPolygon([box(0.5, 0.5, 1, 1), box(2, 2, 2.5, 2.5)])
    shown = display_geometry([ring, speck, many], tolerance_m=50)
    assert shapely.is_valid(shown).all() and not shapely.is_empty(shown).any()
    assert shapely.equals(shown[0], box(0, 0, 3, 3))
    assert shapely.equals(display_geometry([box(0, 0, 1, 1)], 0)[0], box(0, 0, 1, 1))


def test_boston_layers_fail_where_they_are_known_to(shared):
    folder = shared / "realdata/boston"
    places = validate(read_layer([folder / "neighborhoods.geojson.gz"], code="Name"))
    assert [repair.code for repair in places.repairs] == ["Hyde Park"]
    assert abs(places.repairs[0].change_percent) < 1e-6
    tracts = validate(
        read_layer(
            [folder / "census_tracts_metro.geojson.gz"],
            code="tract_id",
            attributes={"population": "population2012"},
        )
    )
    assert (tracts.polygons, len(tracts.repairs), tracts.overlap_pairs) == (987, 0, 1799)
    assert tracts.overlap_km2 == pytest.approx(0.9356, abs=1e-4)
    assert tracts.layer["population"].iloc[0] > 0


def test_the_layer_of_348_files_gives_the_district_from_the_file_name(shared):
    archive = shared / "realdata/uk_police/uk_lad_msoa_lsoa_geojson.tar.xz"
    read = read_layer(
        [archive],
        code="MSOA11CD",
        name="MSOA11NM",
        parent="{stem}",
        inside="json/statistical/*/msoa_by_lad/*.json",
    )
    assert len(read) == 7_201 and read["parent"].nunique() == 348
    report = validate(read)
    assert len(report.repairs) == 31
    assert report.area_km2 == pytest.approx(151_150, rel=2e-3)  # England and Wales


def test_datav_districts_tile_changsha(shared):
    file = shared / "realdata/china/boundaries/anzhou99/430100_full.json"
    read = read_layer([file], code="adcode", name="name", parent="parent.adcode", crs="GCJ-02")
    assert read["parent"].unique().tolist() == ["430100"]
    assert read.set_index("code")["name"]["430121"] == "长沙县"
    assert area_km2(read.geometry.array).sum() == pytest.approx(11_816, rel=0.01)
