"""Real Chinese boundaries, drawn in GCJ-02, and real warnings of the common alerting protocol."""

from pathlib import Path

import numpy as np
import pytest

from data.site import load_site
from etl.check import check
from etl.places import Places
from etl.source import Source
from geo.coordinates import from_wgs84
from tests.conftest import ROOT
from tests.etl.village import SITE, Village, matter, table, written
from tests.etl.village import village as built

HUNAN = """
name = "hunan"
title = "湖南"
zone = "Asia/Shanghai"
[[levels]]
key = "city"
name = "市州"
files = ["430000_full.json"]
code = "adcode"
label = "name"
crs = "GCJ-02"
max_invalid_share = 0.1
[[layers]]
key = "district"
name = "区县"
files = ["430100_full.json"]
code = "adcode"
label = "name"
crs = "GCJ-02"
"""
KNOWN = {  # WGS84, as a GPS gives them: name -> (lon, lat, city, district of Changsha)
    "五一广场": (112.9710, 28.1973, "430100", "430102"),
    "岳麓书院": (112.9353, 28.1856, "430100", "430104"),
    "株洲站": (113.1470, 27.8370, "430200", None),
    "岳阳楼": (113.0890, 29.3840, "430600", None),
}


@pytest.fixture(scope="module")
def hunan(shared, tmp_path_factory) -> Village:
    place = built(tmp_path_factory.mktemp("hunan"), HUNAN)
    folder = shared / "realdata" / "china" / "boundaries" / "anzhou99"
    for name in ("430000_full.json", "430100_full.json"):
        written(place.site / name, (folder / name).read_bytes())
    return place


def test_a_layer_in_gcj02_takes_the_points_of_a_gps_where_they_are(hunan):
    rows = [matter(n, x=x, y=y) for n, (x, y, _, _) in enumerate(KNOWN.values())]
    hunan.deliver("matters/a.csv", table(*rows))
    hunan.run()
    found = hunan.rows("SELECT city, district FROM cases ORDER BY source_key::INTEGER")
    assert found == [(city, district) for _, _, city, district in KNOWN.values()]
    names = dict(hunan.rows("SELECT code, name FROM grids"))
    assert (names["430100"], names["430102"]) == ("长沙市", "芙蓉区")
    assert check(hunan.home)[2] == []


def test_the_same_points_from_an_amap_and_a_baidu_source_land_in_the_same_place(hunan):
    places = Places(load_site(hunan.site), hunan.origin.roots, hunan.home / "layers")
    lon, lat = np.array([(x, y) for x, y, _, _ in KNOWN.values()]).T
    for crs in ("GCJ-02", "BD-09", "CGCS2000"):
        x, y = from_wgs84(lon, lat, crs)
        source = Source.model_validate(
            {"name": "s", "title": "s", "key": "none", "delivery": "append", "crs": crs}
            | {"columns": {"reported_at": {"from": "t", "date": "iso"}}}
        )
        where = places.point(x, y, source)
        assert list(where[2]) == ["ok"] * len(KNOWN)
        assert abs(where[0] - lon).max() < 2e-6 and abs(where[1] - lat).max() < 2e-6
        codes = places.codes(*where, {})
        assert list(codes["city"]) == [city for _, _, city, _ in KNOWN.values()]


# Warnings

ALERTS = (ROOT / "sites" / "demo" / "sources" / "alerts.toml").read_text("utf-8")
WORLD = SITE.replace('"village"', '"world"').replace("Asia/Shanghai", "UTC")


@pytest.fixture(scope="module")
def warned(shared, tmp_path_factory) -> Village:
    text = ALERTS[: ALERTS.index("[[example]]")].replace(
        '["alerts/*.zip", "alerts/*.xml"]', '["alerts"]'
    )
    text = text.replace('inside = "*.xml"\n', 'max_bad_share = 1.0\nna = ["Unknown"]\n')
    place = built(tmp_path_factory.mktemp("warned"), WORLD, source=None)
    place.declare(text, "alerts")
    folder = shared / "realdata" / "alerts"
    for path in sorted(Path(folder).glob("cap_*/*")):
        if path.suffix in (".cap", ".atom", ".rss", ".edxlde", ".xml"):
            place.deliver(f"alerts/{path.name}", path.read_bytes())
    return place


def test_real_warnings_load_and_the_invalid_ones_say_why(warned):
    report = warned.run()
    assert all(balance.adds_up for balance in report.balances)
    [(loaded,)] = warned.rows("SELECT count(*) FROM alerts")
    assert loaded == report.totals()["loaded"] == 183
    aside = dict(warned.rows("SELECT member, string_agg(reason, '|') FROM quarantine GROUP BY 1"))
    refused = "只有标题或链接，没有预警内容；请接入链接所指的 CAP 消息"
    assert aside["alerts/invalid.cap"] == "缺少 scope"
    assert aside["alerts/xee.cap"] == "XML 含有 DTD 或实体，拒绝读取"
    assert aside["alerts/noaa_errors.cap"].startswith("references 为空或写法不对")
    assert aside["alerts/weather_invalid.atom"].startswith(
        "identifier 含有空格、逗号等不允许的字符"
    )
    assert aside["alerts/earthquake_index.atom"] == refused
    assert check(warned.home)[2] == []


def test_a_real_warning_keeps_its_words_and_its_times(warned):
    if not (warned.home / "CURRENT").exists():
        warned.run()
    found = warned.rows(
        "SELECT sender, event, severity, signal, sent_at::VARCHAR, status FROM alerts"
        " WHERE identifier = 'http://doj.dc.gov/amber12345'"
    )
    sent = "2010-06-04 00:15:00"  # 2010-06-03T17:15:00-07:00
    sender = "KARO@CLETS.DOJ.DC.GOV"
    assert found == [(sender, "Child Abduction", "Severe", "orange", sent, "Actual")]


def test_the_same_warnings_again_are_no_news(warned):
    if not (warned.home / "CURRENT").exists():
        warned.run()
    assert warned.run().edition is None
