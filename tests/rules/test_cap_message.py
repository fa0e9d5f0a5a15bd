"""One warning is read from XML and JSON alike, or refused with the reason."""

from datetime import UTC, datetime, timedelta

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.cap_message import BadAlert, CapMessage, Identity, check_times, from_json, from_xml

XML = """<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>A2</identifier>
<sender>qxj@example.cn</sender><sent>2026-11-05T08:30:00+08:00</sent><status>Actual</status>
<msgType>Update</msgType><scope>Public</scope>
<references>qxj@example.cn,A1,2026-11-05T00:00:00-00:00 b@example.cn,B,2026-11-04T23:00:00+08:00
</references><info><language>zh-CN</language><category>Met</category><category>Safety</category>
<event>暴雨</event><urgency>Expected</urgency><severity>Severe</severity><certainty>Likely</certainty>
<expires>2026-11-05T14:30:00+08:00</expires><headline>暴雨橙色预警</headline>
<area><areaDesc>长沙县</areaDesc><polygon>28,112 28,113 29,113 28,112</polygon>
<geocode><valueName>GB/T 2260</valueName><value>430121</value></geocode></area>
<area><areaDesc>望城区</areaDesc><circle>28,112 5</circle></area></info></alert>"""
RECORD = {
    "identifier": "A2",
    "sender": "qxj@example.cn",
    "sent": "2026-11-05T08:30:00+08:00",
    "status": "Actual",
    "msgType": "Update",
    "scope": "Public",
    "references": "qxj@example.cn,A1,2026-11-05T00:00:00-00:00"
    " b@example.cn,B,2026-11-04T23:00:00+08:00",
    "info": [
        {
            "language": "zh-CN",
            "category": ["Met", "Safety"],
            "event": "暴雨",
            "urgency": "Expected",
            "severity": "Severe",
            "certainty": "Likely",
            "expires": "2026-11-05T14:30:00+08:00",
            "headline": "暴雨橙色预警",
            "area": [
                {
                    "areaDesc": "长沙县",
                    "polygon": ["28,112 28,113 29,113 28,112"],
                    "geocode": [{"valueName": "GB/T 2260", "value": "430121"}],
                },
                {"areaDesc": "望城区", "circle": "28,112 5"},
            ],
        }
    ],
}


def reason(read, data):
    with pytest.raises(BadAlert) as refused:
        read(data)
    return refused.value.code, str(refused.value)


def changed(**fields):
    return orjson.dumps(RECORD | fields)


def test_a_message_says_the_same_as_xml_and_as_json():
    message = from_xml(XML.encode())
    assert from_json(orjson.dumps(RECORD)) == message
    assert message.category == "Met Safety"
    assert message.area_desc == "长沙县;望城区"
    assert (message.polygon, message.circle) == ("28,112 28,113 29,113 28,112", "28,112 5")
    assert message.geocodes == (("GB/T 2260", "430121"),)
    assert message.expires_at == datetime(2026, 11, 5, 6, 30, tzinfo=UTC)


def test_an_alert_is_known_by_sender_identifier_and_moment():
    at = datetime(2026, 11, 5, 0, 30, tzinfo=UTC)
    identity = from_xml(XML.encode()).identity
    assert identity == Identity("qxj@example.cn", "A2", at)
    elsewhere = XML.replace("2026-11-05T08:30:00+08:00", "2026-11-04T14:30:00-10:00")
    assert from_xml(elsewhere.encode()).identity == identity


def test_what_it_refers_to_is_told_by_the_same_three():
    assert from_xml(XML.encode()).refers_to == (
        Identity("qxj@example.cn", "A1", datetime(2026, 11, 5, tzinfo=UTC)),
        Identity("b@example.cn", "B", datetime(2026, 11, 4, 15, tzinfo=UTC)),
    )
    assert from_json(changed(references=None)).refers_to == ()


@pytest.mark.parametrize("encoding", ["gb2312", "GBK", "utf-8", "utf-16"])
def test_chinese_encodings_are_read(encoding):
    stated = f'<?xml version="1.0" encoding="{encoding}"?>{XML}'
    assert from_xml(stated.encode(encoding)).event == "暴雨"


@pytest.mark.parametrize(
    ("data", "code", "said"),
    [
        (b"", "bad_xml", "不是合法的 XML"),
        (b"<a>" * 300_000, "bad_xml", "不是合法的 XML"),
        (b"<html/>", "not_cap", "不是 CAP 消息（根元素是 html）"),
        (b"\xff\xfea", "encoding", "内容不是 utf-16 编码"),
        (b"\xff", "encoding", "内容不是 utf-8 编码"),
        (b'<?xml version="1.0" encoding="punycode"?><alert/>', "encoding", "不支持的编码"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><alert>&b;</alert>', "hostile_xml", "DTD 或实体"),
        (
            b"<alert>" + b"<a>" * 100_000 + b"</a>" * 100_000 + b"</alert>",
            "bad_xml",
            "嵌套超过 24 层",
        ),
    ],
)
def test_a_document_that_is_no_message_is_refused(data, code, said):
    found, text = reason(from_xml, data)
    assert (found, said in text) == (code, True)


def nested(depth):
    return {"x": nested(depth - 1)} if depth else "y"


@pytest.mark.parametrize(
    ("data", "code", "said"),
    [
        (b"[]", "bad_json", "JSON 须是一个对象"),
        (b"{", "bad_json", "不是合法的 JSON"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "bad_json", "不是合法的 JSON"),
        (orjson.dumps(nested(200)), "bad_json", "嵌套超过 24 层"),
        (changed(status=True), "bad_json", "status 应为文字"),
        (changed(note="a\0b"), "bad_json", "note 含有 NUL 字符"),
        (changed(status="Real"), "value", "status 的值不在标准之内：Real"),
        (changed(sender=None), "missing", "缺少 sender"),
        (changed(sender="a b"), "unsafe", "sender 含有空格"),
        (changed(sender="a" * 301), "too_long", "sender 超过 300 个字"),
        (changed(sent="2026-11-05T00:30:00Z"), "time", "sent 不是 CAP 时间"),
        (changed(sent="0001-01-01T00:00:00+14:00"), "time", "不是 CAP 时间"),
        (changed(references="a,b,c"), "time", "不是 CAP 时间：c"),
        (changed(references="a,b"), "references", "写法不对"),
    ],
)
def test_an_object_that_is_no_message_is_refused(data, code, said):
    found, text = reason(from_json, data)
    assert (found, said in text) == (code, True)


anything = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*RECORD, "info", "note"]), anything, max_size=4))
def test_whatever_stands_in_a_message_it_is_read_or_refused(fields):
    try:
        data = orjson.dumps(RECORD | fields)
    except orjson.JSONEncodeError:  # half characters, which JSON cannot hold
        return
    try:
        assert isinstance(from_json(data), CapMessage)
    except BadAlert as refused:
        assert str(refused)


@given(st.binary(max_size=200))
def test_whatever_bytes_come_they_are_refused(data):
    for read in (from_xml, from_json):
        assert all(reason(read, data))


@pytest.mark.parametrize(("count", "is_taken"), [(1000, True), (1001, False)])
def test_a_message_refers_to_no_more_than_can_be_followed(count, is_taken):
    references = " ".join(f"a,A{number},2026-11-05T08:30:00+08:00" for number in range(count))
    record = orjson.dumps(RECORD | {"references": references})
    if is_taken:
        assert len(from_json(record).refers_to) == count
    else:
        assert reason(from_json, record) == ("too_long", "references 超过 1000 条")


NOW = datetime(2026, 11, 5, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("sent", "expires", "is_possible"),
    [
        ("2026-11-06T08:30:00+08:00", None, True),  # a day ahead, to the second
        ("2026-11-06T08:30:01+08:00", None, False),
        ("2000-01-01T08:00:00+08:00", None, True),
        ("2000-01-01T07:59:59+08:00", None, False),
        ("2026-11-05T08:30:00+08:00", "2046-10-31T08:30:00+08:00", True),
        ("2026-11-05T08:30:00+08:00", "9999-12-31T23:59:59+08:00", False),
    ],
)
def test_a_clock_far_from_ours_cannot_be_right(sent, expires, is_possible):
    message = CapMessage(sender="a", identifier="1", sent=sent, expires=expires)
    if is_possible:
        check_times(message, NOW)
        return
    with pytest.raises(BadAlert) as refused:
        check_times(message, NOW)
    assert refused.value.code == "time"
    assert (expires or sent) in str(refused.value)


def test_a_forgotten_zone_is_no_impossible_clock():
    in_china_said_to_be_utc = (NOW + timedelta(hours=8)).isoformat()
    check_times(CapMessage(sender="a", identifier="1", sent=in_china_said_to_be_utc), NOW)
