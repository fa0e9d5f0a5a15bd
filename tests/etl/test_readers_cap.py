"""A warning is read as the CAP standard says, or rejected with the reason."""

import pytest

from etl.readers import reader
from etl.readers.base import ReaderOptions
from tests.etl.inbox import members

INFO = """<info>{language}<category>Met</category><event>{event}</event><urgency>Expected</urgency>
<severity>Severe</severity><certainty>Likely</certainty>{more}</info>"""
ALERT = """<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>A1</identifier>
<sender>qxj@example.cn</sender><sent>2026-11-05T08:30:00+08:00</sent><status>Actual</status>
<msgType>Alert</msgType><scope>Public</scope>{infos}</alert>"""
AREA = "<area><areaDesc>{}</areaDesc>{}</area>"
SQUARE = "<polygon>28,112 28,113 29,113 28,112</polygon>"


def info(event="暴雨", language="", more=""):
    language = f"<language>{language}</language>" if language else ""
    return INFO.format(language=language, event=event, more=more)


def alert(*infos, **replaced):
    text = ALERT.format(infos="".join(infos))
    for old, new in replaced.values():
        assert old in text
        text = text.replace(old, new)
    return text


@pytest.fixture
def read(tmp_path):
    def run(text, **options):
        data = text if isinstance(text, bytes) else text.encode()
        (tmp_path / "a.cap").write_bytes(data)
        (member,) = members(tmp_path, ["a.cap"])
        (chunk,) = reader("cap")(member, ReaderOptions(**options))
        return chunk

    return run


def test_an_alert_becomes_a_row(read):
    areas = AREA.format("长沙县", SQUARE) + AREA.format("望城区", "<circle>28,112 5</circle>")
    chunk = read(alert(info(more=f"<headline>暴雨橙色预警</headline>{areas}")))
    row = chunk.frame.iloc[0]
    assert list(chunk.lines) == [1]
    assert (row.identifier, row.sent, row.msg_type) == ("A1", "2026-11-05T08:30:00+08:00", "Alert")
    assert (row.event, row.severity, row.headline) == ("暴雨", "Severe", "暴雨橙色预警")
    assert (row.area_desc, row.circle) == ("长沙县;望城区", "28,112 5")
    assert row.polygon == "28,112 28,113 29,113 28,112"
    assert row.instruction is None


def test_of_several_languages_the_chinese_one_is_taken_else_the_first(read):
    english, chinese = info("Rain", "en-US"), info("暴雨", "zh-CN")
    assert read(alert(english, chinese)).frame.event[0] == "暴雨"
    assert read(alert(info("Rain"), info("Lluvia", "es"))).frame.event[0] == "Rain"


def test_an_alert_without_info_is_legal(read):
    chunk = read(alert())
    assert (chunk.frame.identifier[0], chunk.frame.event[0]) == ("A1", None)


@pytest.mark.parametrize("encoding", ["GB2312", "gb18030", "utf-8", "utf-16"])
def test_chinese_encodings_that_expat_does_not_know_are_read(read, encoding):
    text = f'<?xml version="1.0" encoding="{encoding}"?>\n' + alert(info())
    assert read(text.encode(encoding)).frame.event[0] == "暴雨"


@pytest.mark.parametrize("space", ["", "urn:oasis:names:tc:emergency:cap:1.1", "urn:x"])
def test_namespaces_may_differ(read, space):
    text = alert(info()).replace("urn:oasis:names:tc:emergency:cap:1.2", space)
    assert read(text.replace(' xmlns=""', "")).frame.event[0] == "暴雨"


@pytest.mark.parametrize(
    ("old", "new", "code", "reason"),
    [
        ("<scope>Public</scope>", "", "missing", "缺少 scope"),
        ("<sender>qxj@example.cn</sender>", "<sender> </sender>", "missing", "缺少 sender"),
        (">Actual<", ">Real<", "value", "status 的值不在标准之内：Real"),
        (">Expected<", ">Soon<", "value", "urgency 的值不在标准之内：Soon"),
        (">Met<", ">Weather<", "value", "category 的值不在标准之内：Weather"),
        ("<event>暴雨</event>", "", "missing", "缺少 event"),
        (">A1<", ">A 1<", "unsafe", "identifier 含有空格、逗号等不允许的字符：A 1"),
        ("08:30:00+08:00", "08:30", "time", "sent 不是 CAP 时间：2026-11-05T08:30"),
        ("08:30:00+08:00", "00:30:00Z", "time", "sent 不是 CAP 时间：2026-11-05T00:30:00Z"),
        ("2026-11-05T", "2026-02-30T", "time", "sent 不是 CAP 时间：2026-02-30T08:30:00+08:00"),
        (">Public<", ">Private<", "missing", "scope 为 Private 时须有 addresses"),
        (
            "<scope>",
            "<references/><scope>",
            "references",
            "references 为空或写法不对（应为 sender,identifier,sent）",
        ),
        (
            SQUARE,
            "<polygon>28,112 29,113</polygon>",
            "polygon",
            "polygon 不是闭合的多边形：28,112 29,113",
        ),
        (SQUARE, "<circle>128,12 5</circle>", "circle", "circle 写法不对：128,12 5"),
        ("<areaDesc>长沙县</areaDesc>", "", "missing", "缺少 areaDesc"),
    ],
)
def test_what_breaks_the_standard_is_rejected_with_the_reason(read, old, new, code, reason):
    text = alert(info(more=AREA.format("长沙县", SQUARE)), change=(old, new))
    chunk = read(text)
    assert len(chunk.frame) == 0
    (reject,) = chunk.rejects
    assert (reject.line, reject.code, reject.reason) == (1, code, reason)
    assert "event" in reject.raw or code == "missing"


def test_one_bad_alert_in_a_feed_does_not_cost_the_others(read):
    entries = (alert(info()), alert(info()).replace("Severe", "Bad"), "<title>只有标题</title>")
    feed = "".join(f"<entry>{entry}</entry>" for entry in entries)
    chunk = read(f'<feed xmlns="http://www.w3.org/2005/Atom">{feed}</feed>')
    assert list(chunk.lines) == [1]
    assert [(r.line, r.code) for r in chunk.rejects] == [(2, "value"), (3, "link_only")]


def test_very_likely_of_the_old_standard_is_likely(read):
    assert read(alert(info()).replace(">Likely<", ">Very Likely<")).frame.certainty[0] == "Likely"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("<alert>", "bad_xml"),
        ("", "bad_xml"),
        ("<html/>", "not_cap"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><alert>&b;</alert>', "hostile_xml"),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><alert/>', "hostile_xml"),
    ],
)
def test_what_is_no_message_is_rejected_as_a_whole(read, text, code):
    (reject,) = read(text).rejects
    assert (reject.line, reject.code) == (1, code)


LOADED = {  # every real file: how many alerts it gives
    "43b080713727.cap": 1,
    "KAR0-0306112239-SW.cap": 1,
    "amber.atom": 1,
    "australia.cap": 1,
    "bushfire_invalid.edxlde": 5,
    "bushfire_valid.edxlde": 7,
    "canada.cap": 1,
    "canada_signed.atom": 1,
    "canada_signed.cap": 1,
    "cap_amber_alert_example.xml": 1,
    "earthquake-iso8859-1.cap": 1,
    "earthquake.cap": 1,
    "earthquake_signed.cap": 1,
    "no_entries.atom": 1,  # an alert is an alert, also outside of an entry
    "no_optional_fields.cap": 1,
    "nws_atom_feed_example.xml": 163,
    "wcatwc-warning.cap": 1,
    "weather.atom": 1,
    "weather.cap": 1,
}
REJECTED = {  # every real file: the codes of its rejects
    "CAP-v1.2.xsd": ["not_cap"],
    "bushfire_invalid.edxlde": ["missing", "value"],
    "canada_errors.cap": ["references"],
    "earthquake_index.atom": ["link_only"],
    "environment_canada_x509_cert.pem": ["bad_xml"],
    "invalid.cap": ["missing"],
    "invalid.rss": ["link_only"],
    "invalid_element.atom": ["link_only"],
    "naads_x509_cert.pem": ["bad_xml"],
    "no_id.atom": ["link_only"],
    "no_link.atom": ["link_only"],
    "no_title.atom": ["link_only"],
    "noaa_errors.cap": ["references"],
    "ny_index.rss": ["link_only", "link_only"],
    "weather_index.atom": ["missing", "missing"],
    "weather_invalid.atom": ["unsafe"],
    "xee.atom": ["hostile_xml"],
    "xee.cap": ["hostile_xml"],
}
QUIET = {"empty_weather_index.atom"}


def test_every_real_message_loads_or_is_rejected_with_its_reason(shared):
    folder = shared / "realdata/alerts"
    loaded, rejected, quiet = {}, {}, set()
    for member in members(folder, ["cap_google", "cap_ibm"]):
        (chunk,) = reader("cap")(member, ReaderOptions())
        name = member.name.rpartition("/")[2]
        if len(chunk.frame):
            loaded[name] = len(chunk.frame)
        if chunk.rejects:
            rejected[name] = sorted(reject.code for reject in chunk.rejects)
        if chunk.notes == ["没有预警"]:
            quiet.add(name)
    assert (loaded, rejected, quiet) == (LOADED, REJECTED, QUIET)


def test_real_messages_have_the_content_they_should(shared):
    folder = shared / "realdata/alerts"

    def rows(file):
        (member,) = members(folder, [file])
        (chunk,) = reader("cap")(member, ReaderOptions())
        return chunk.frame

    quake = rows("cap_google/earthquake-iso8859-1.cap").iloc[0]
    assert quake.headline == "EQ 4.6 Usulután, Usulután, El Salvador - PRELIMINARY REPORT"
    wind = rows("cap_ibm/nws_atom_feed_example.xml").iloc[0]
    assert (wind.event, wind.sender) == ("High Wind Warning", "w-nws.webmaster@noaa.gov")
    assert (wind.sent, wind.scope) == ("2018-08-15T14:52:00-08:00", "Public")
    assert wind.geocode == "FIPS6=002185;UGC=AKZ204"
    assert wind.polygon is None
    fire = rows("cap_google/australia.cap").iloc[0]
    assert (fire.category, fire.language) == ("Fire Met", "en-AU")
