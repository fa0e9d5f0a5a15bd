"""The rules of alerts: a site that says nothing works, a wrong one is told what would be right."""

from datetime import timedelta

import pytest

from data.alert_rules import AlertRules
from data.codes import codes
from data.declaration import DeclarationError
from data.site import Site, load_site
from rules.cap_message import VALUES
from tests.conftest import ROOT
from tests.data.village import SITE


@pytest.fixture
def load(tmp_path):
    def load(text=SITE, sensors=None):
        (tmp_path / "site.toml").write_text(text)
        if sensors:
            (tmp_path / "sensors.csv").write_text(sensors)
        return load_site(tmp_path)

    return load


def test_a_site_that_says_nothing_escalates_routes_and_names_by_category():
    rules = AlertRules()
    assert [(s.after_minutes, s.to) for s in rules.standing.escalation if s.signal == "red"] == [
        (2, "值班长"),
        (5, "中心主任"),
        (10, "分管领导"),
    ]
    assert rules.standing.routing["orange"] == rules.standing.routing["red"] == "区/县指挥中心"
    assert rules.event_of("山洪", "Met Safety") == ("Met", "山洪")
    assert rules.word_of("Met") == "气象"


def test_orange_is_routed_as_red_unless_the_site_says_otherwise(load):
    routed = load(SITE + '[alerts.routing]\nred = "区中心"\n').alerts.standing.routing
    assert (routed["orange"], routed["yellow"]) == ("区中心", "镇街")


def test_an_event_is_known_by_the_longest_text_in_it(load):
    rules = load().alerts
    assert rules.event_of("暴雨橙色预警", "Met") == ("rain", "")
    assert rules.event_of("暴雨致水位异常", "Met") == ("flood", "")
    assert rules.event_of("张三打架", "Security") == ("Security", "张三打架")
    assert rules.event_of(None, None) == ("Other", "")


def test_the_wall_is_only_given_declared_words(load):
    rules = load().alerts
    assert [rules.word_of(e) for e in ("flood", "Fire", "Nonsense", "张三打架")] == [
        "水位超警戒",
        "火情",
        "其他",
        "其他",
    ]


def test_the_categories_are_those_of_the_standard():
    assert set(codes("cap_category")) == VALUES["category"]


def test_a_device_has_its_own_thresholds_and_place(load):
    rules = load(sensors="device,kind,lon,lat,yellow,red\nw1,water,112.5,28.5,4,\n").alerts
    (device,) = rules.devices
    assert (device.lon, device.lat) == (112.5, 28.5)
    assert dict(rules.sensors[0].thresholds(device).levels) == {"yellow": 4.0, "red": 5.0}
    assert dict(rules.sensors[0].thresholds().levels) == {"yellow": 3.0, "red": 5.0}


def test_what_an_edition_keeps_of_the_rules_is_all_of_them(load):
    site = load(sensors="device,kind\nw1,water\n")
    assert Site.model_validate_json(site.model_dump_json()) == site


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('code = "flood"', 'code = "Flood"', "alerts.kinds[0].code：'Flood' 不行；应为小写英文"),
        ('code = "rain"', 'code = "flood"', "kinds.code：flood 重复；应各不相同"),
        ('word = "暴雨"', 'word = "水位"', "kinds.texts：水位 重复"),
        ('event = "flood"', 'event = "fire"', "sensors.event：没有 'fire'；现有：flood、rain"),
        ('unit = "m"', 'unitt = "m"', "alerts.sensors[0].unitt：没有这个键；是不是 unit？"),
        ('unit = "m"', "", "alerts.sensors[0].unit：缺少这个键；读数的单位，如 m"),
        ("t/water/{device}/level", "t/water/+/level", "应有一段恰为 {device}，没有 # 和 +"),
        ("t/water/{device}/level", "t/water/x{device}/level", "应有一段恰为 {device}"),
        ("yellow = 3, red = 5", "yellow = 5, red = 3", "阈值应随预警等级升高"),
        ("yellow = 3, red = 5", "", "预警等级 （无） 应为"),
        ("yellow = 3, red = 5", "purple = 3", "levels.purple：没有这个键；可用的键：red"),
        ("most = 20", "most = 4", "阈值应在量程"),
        ("hysteresis = 0.5", "hysteresis = -1", "hysteresis：-1 不行"),
    ],
)
def test_a_wrong_rule_is_refused_with_file_key_and_remedy(load, old, new, reason):
    assert old in SITE
    with pytest.raises(DeclarationError) as caught:
        load(SITE.replace(old, new))
    assert "site.toml：alerts" in str(caught.value) and reason in str(caught.value)


@pytest.mark.parametrize("to", ["张三 13800000000", "", "一个写得太长以至于放不下的岗位名称"])
def test_alerts_escalate_to_posts_and_not_to_persons(load, to):
    steps = f'[[alerts.escalation]]\nsignal = "red"\nafter_minutes = 2\nto = "{to}"\n'
    with pytest.raises(DeclarationError, match=r"应为岗位或单位，如 值班长"):
        load(SITE + steps)


@pytest.mark.parametrize(
    ("sensors", "reason"),
    [
        ("device,kind\nw1,smoke\n", "w1 的 kind：没有 'smoke'；现有：water"),
        ("device,kind\nw1,water\nw1,water\n", "sensors.csv：w1 water 重复"),
        ("device,kind,lon\nw1,water,112\n", "w1 的 lon、lat 应都写或都不写"),
        ("device,kind,lon,lat\nw1,water,29,112\n", "sensors.csv 第 2 行：lat"),
        ("device,kind,yellow\nw1,water,6\n", "sensors.csv：w1：阈值应随预警等级升高"),
        ("device\nw1\n", "缺少列 kind；应有 device、kind"),
    ],
)
def test_a_wrong_device_is_refused_with_its_line_or_name(load, sensors, reason):
    with pytest.raises(DeclarationError) as caught:
        load(sensors=sensors)
    assert reason in str(caught.value)


def test_the_demo_county_knows_the_events_of_its_own_platforms():
    from etl.demo.alerts import KINDS

    rules = load_site(ROOT / "sites" / "demo").alerts
    known = {kind.event: rules.event_of(kind.event, kind.category) for kind in KINDS}
    assert {detail for _, detail in known.values()} == {""}
    assert [rules.word_of(code) for code, _ in known.values()] == list(known)
    assert {sensor.kind for sensor in rules.sensors} == {each.kind for each in rules.devices}
    assert timedelta(hours=rules.stands_hours) == timedelta(days=1)
