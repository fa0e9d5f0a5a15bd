"""One warning of the Common Alerting Protocol (CAP 1.1 and 1.2): what it says, and whether it keeps
to the standard. Of messages as XML and as JSON; nothing here reads a file."""

import codecs
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element, ParseError, SubElement

import orjson
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

ALERT = {  # column -> element, in the order of the standard
    "sender": "sender",
    "identifier": "identifier",
    "sent": "sent",
    "status": "status",
    "msg_type": "msgType",
    "source": "source",
    "scope": "scope",
    "note": "note",
    "references": "references",
    "incidents": "incidents",
}
INFO = {
    "language": "language",
    "category": "category",
    "event": "event",
    "response_type": "responseType",
    "urgency": "urgency",
    "severity": "severity",
    "certainty": "certainty",
    "effective": "effective",
    "onset": "onset",
    "expires": "expires",
    "sender_name": "senderName",
    "headline": "headline",
    "description": "description",
    "instruction": "instruction",
    "web": "web",
    "contact": "contact",
}
AREA = {"area_desc": "areaDesc", "polygon": "polygon", "circle": "circle"}
PAIRS = {"geocode": "geocode", "event_code": "eventCode", "parameter": "parameter"}
COLUMNS = (*ALERT, *INFO, *AREA, *PAIRS)

NEEDED_OF_ALERT = ("identifier", "sender", "sent", "status", "msgType", "scope")
NEEDED_OF_INFO = ("category", "event", "urgency", "severity", "certainty")
TIMES_OF_INFO = ("effective", "onset", "expires")
VALUES = {  # CAP 1.2, 3.2.1 and 3.2.2; 1.1 has the same save two response types
    "status": {"Actual", "Exercise", "System", "Test", "Draft"},
    "msgType": {"Alert", "Update", "Cancel", "Ack", "Error"},
    "scope": {"Public", "Restricted", "Private"},
    "category": {"Geo", "Met", "Safety", "Security", "Rescue", "Fire", "Health", "Env"}
    | {"Transport", "Infra", "CBRNE", "Other"},
    "responseType": {"Shelter", "Evacuate", "Prepare", "Execute", "Avoid", "Monitor", "Assess"}
    | {"AllClear", "None"},
    "urgency": {"Immediate", "Expected", "Future", "Past", "Unknown"},
    "severity": {"Extreme", "Severe", "Moderate", "Minor", "Unknown"},
    "certainty": {"Observed", "Likely", "Possible", "Unlikely", "Unknown"},
}
VERY_LIKELY = "Very Likely"  # of CAP 1.0; to be treated as Likely (CAP 1.1, 3.2.2)
MANY = {"category", "responseType", "areaDesc", "polygon", "circle"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[-+]\d\d:\d\d")
TIME_1_1 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?([-+]\d\d:\d\d|Z)")
UNSAFE = re.compile(r"[\s,<&]")  # not allowed in identifier and sender
ENCODING = re.compile(rb"^\s*<\?xml[^>]*?encoding\s*=\s*['\"]([\w.-]+)['\"]")
ENCODINGS = {  # as messages state them -> as Python reads them
    **dict.fromkeys(("utf-8", "utf8", "us-ascii", "ascii"), "utf-8"),
    **dict.fromkeys(("gb2312", "gbk", "gb18030"), "gb18030"),
    "big5": "big5",
    "iso-8859-1": "iso-8859-1",
    "windows-1252": "windows-1252",
}
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
SPACE = "{urn:oasis:names:tc:emergency:cap:1.2}"
DEEPEST = 24  # levels of one message; a signed one has 8
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
AHEAD = timedelta(days=1)  # of our clock; a zone that is forgotten makes eight hours
LASTS_AT_MOST = timedelta(days=20 * 365)
LONGEST_NAME = 300  # characters of sender and identifier, which a database keeps in an index
MOST_REFERENCES = 1000  # whoever updates an alert for weeks names some hundred

Record = dict[str, str | None]


class BadAlert(ValueError):
    """A message that breaks the standard; `code` and the Chinese reason."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Identity(NamedTuple):
    """What makes an alert one alert (CAP 1.2, 3.2.1); `sent` knows its zone, so two spellings of
    one moment are equal."""

    sender: str
    identifier: str
    sent: datetime


@dataclass(frozen=True, kw_only=True)
class CapMessage:
    """One message as text, its fields as COLUMNS: the alert's, then those of one info.

    Several values of an element stand in one text: of `category` and `response_type` with blanks
    between them, of `area_desc`, `polygon` and `circle` with ";", and pairs as `name=value;...`.
    """

    sender: str
    identifier: str
    sent: str
    status: str | None = None
    msg_type: str | None = None
    source: str | None = None
    scope: str | None = None
    note: str | None = None
    references: str | None = None
    incidents: str | None = None
    language: str | None = None
    category: str | None = None
    event: str | None = None
    response_type: str | None = None
    urgency: str | None = None
    severity: str | None = None
    certainty: str | None = None
    effective: str | None = None
    onset: str | None = None
    expires: str | None = None
    sender_name: str | None = None
    headline: str | None = None
    description: str | None = None
    instruction: str | None = None
    web: str | None = None
    contact: str | None = None
    area_desc: str | None = None
    polygon: str | None = None
    circle: str | None = None
    geocode: str | None = None
    event_code: str | None = None
    parameter: str | None = None

    @property
    def identity(self) -> Identity:
        return Identity(self.sender, self.identifier, moment(self.sent))

    @property
    def expires_at(self) -> datetime | None:
        """In UTC; None where the message names no end."""
        return moment(self.expires) if self.expires else None

    @property
    def refers_to(self) -> tuple[Identity, ...]:
        """The alerts that it updates, cancels, acknowledges or rejects."""
        return references_of(self.references)

    @property
    def geocodes(self) -> tuple[tuple[str, str], ...]:
        """(valueName, value) of every geocode."""
        pairs = (pair.partition("=") for pair in (self.geocode or "").split(";") if pair)
        return tuple((name, value) for name, _, value in pairs)


def from_xml(data: bytes) -> CapMessage:
    """The message in a document whose root is `alert`; BadAlert where it is none, or a bad one."""
    root = parse(_decoded(data))
    if name_of(root) != "alert":
        raise BadAlert("not_cap", f"不是 CAP 消息（根元素是 {name_of(root)[:60]}）")
    if _depth(root) > DEEPEST:
        raise BadAlert("bad_xml", f"XML 嵌套超过 {DEEPEST} 层")
    return _kept_apart(message_of(root))


def from_json(data: bytes) -> CapMessage:
    """The message in a JSON object with the elements' names as keys; a list where there are
    several of an element. BadAlert as of XML: it is held to the same rules (those of 1.2)."""
    try:
        record = orjson.loads(data)
    except orjson.JSONDecodeError as fault:
        raise BadAlert("bad_json", f"不是合法的 JSON（{fault}）") from None
    if not isinstance(record, dict):
        raise BadAlert("bad_json", "JSON 须是一个对象，键与 CAP 的元素同名")
    root = Element(f"{SPACE}alert")
    _grow(root, record, depth=1)
    return _kept_apart(message_of(root))


def parse(text: str) -> Element:
    """The root element of a document without DTD and entities."""
    try:
        return fromstring(text, forbid_dtd=True)
    except DefusedXmlException:
        raise BadAlert("hostile_xml", "XML 含有 DTD 或实体，拒绝读取") from None
    except ParseError as fault:
        raise BadAlert("bad_xml", f"不是合法的 XML（{fault}）") from None


def message_of(alert: Element) -> CapMessage:
    """One alert, checked as the standard demands. Of several infos the Chinese one is taken, else
    the first."""
    _check_alert(alert)
    record = {column: text_of(alert, name) for column, name in ALERT.items()}
    infos = children(alert, "info")
    for info in infos:
        check_info(info, _pattern(alert))
    if infos:
        record |= info_of(_chosen(infos))
    return CapMessage(**record)  # type: ignore[arg-type]  # what is needed was checked


def info_of(info: Element) -> Record:
    """The columns of one info; several values of an element stand one after the other."""
    areas = children(info, "area") or [info]
    record: Record = {column: text_of(info, name) for column, name in INFO.items()}
    if record["certainty"] == VERY_LIKELY:
        record["certainty"] = "Likely"
    for column, name in AREA.items():
        record[column] = ";".join(text for area in areas for text in _texts(area, name)) or None
    record["geocode"] = _pairs(areas, "geocode")
    record["event_code"] = _pairs([info], "eventCode")
    record["parameter"] = _pairs([info], "parameter")
    return record


def references_of(text: str | None) -> tuple[Identity, ...]:
    """The identities in a text of `sender,identifier,sent` triples; BadAlert for a wrong time."""
    triples = (part.split(",") for part in (text or "").split())
    return tuple(Identity(sender, name, moment(sent)) for sender, name, sent in triples)


def moment(text: str) -> datetime:
    """A CAP time in UTC; BadAlert where it is none."""
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            raise ValueError(text)
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadAlert("time", f"不是 CAP 时间：{text[:60]}") from None


def check_times(message: CapMessage, now: datetime) -> None:
    """BadAlert where the sender's clock cannot be right: then nothing sent later, by a clock that
    is, could end it. The same bounds as when an edition is loaded; a wrong zone passes."""
    if not EARLIEST <= message.identity.sent <= now + AHEAD:
        raise BadAlert(
            "time", f"sent 不可能是 {message.sent}：现在是 {now.isoformat(' ', 'seconds')}"
        )
    if message.expires_at and message.expires_at > now + LASTS_AT_MOST:
        raise BadAlert("time", f"expires 太远：{message.expires}")


def check_info(info: Element, pattern: re.Pattern[str] = TIME) -> None:
    """BadAlert where an info, or a feed entry that is like one, breaks the standard."""
    _check_needed(info, NEEDED_OF_INFO)
    check_values(info, (*NEEDED_OF_INFO, "responseType"))
    for name in TIMES_OF_INFO:
        _check_time(info, name, pattern)
    for area in children(info, "area"):
        _check_needed(area, ("areaDesc",))
    for area in children(info, "area") or [info]:
        _check_shapes(area)


def check_values(element: Element, names: tuple[str, ...]) -> None:
    """BadAlert where one of these elements has a value that the standard does not list."""
    for name in names:
        for text in _texts(element, name):
            if text not in VALUES.get(name, {text}) and (name, text) != ("certainty", VERY_LIKELY):
                raise BadAlert("value", f"{name} 的值不在标准之内：{text[:60]}")


def name_of(element: Element) -> str:
    """The local name: namespaces differ by version and by publisher."""
    return str(element.tag).rpartition("}")[2]


def children(element: Element, name: str) -> list[Element]:
    """The children of this local name."""
    return [child for child in element if name_of(child) == name]


def text_of(element: Element, name: str) -> str | None:
    """The text of a child; of those that may repeat, all of them."""
    texts = _texts(element, name)
    return (" ".join(texts) if name in MANY else texts[0]) if texts else None


def raw(element: Element) -> str:
    """All that an element says, for who has to find out what was wrong with it."""
    parts = (
        f"{name_of(e)}={(e.text or '').strip()}" for e in element.iter() if (e.text or "").strip()
    )
    return " ".join(parts)


def _decoded(data: bytes) -> str:
    """The text of a document: by its mark, else by the encoding that it states, else UTF-8. Only
    encodings of the list: some that Python knows take hours for a megabyte."""
    marked = next((name for mark, name in MARKS if data.startswith(mark)), None)
    stated = ENCODING.match(data)
    name = (stated.group(1).decode() if stated else "utf-8").lower()
    if not marked and name not in ENCODINGS:
        raise BadAlert("encoding", f"不支持的编码：{name[:60]}")
    try:
        return data.decode(marked or ENCODINGS[name])
    except UnicodeDecodeError:
        raise BadAlert("encoding", f"内容不是 {marked or name} 编码") from None


def _depth(root: Element) -> int:
    deepest, waiting = 0, [(root, 1)]
    while waiting:
        element, depth = waiting.pop()
        deepest = max(deepest, depth)
        waiting += [(child, depth + 1) for child in element]
    return deepest


def _kept_apart(message: CapMessage) -> CapMessage:
    """The message, if it can be kept by its identity and found by what refers to it."""
    for name in ("sender", "identifier"):
        if len(getattr(message, name)) > LONGEST_NAME:
            raise BadAlert("too_long", f"{name} 超过 {LONGEST_NAME} 个字")
    for text in (message.sent, message.effective, message.onset, message.expires):
        if text:
            moment(text)
    if len(references_of(message.references)) > MOST_REFERENCES:
        raise BadAlert("too_long", f"references 超过 {MOST_REFERENCES} 条")
    return message


def _grow(parent: Element, record: dict[str, Any], depth: int) -> None:
    if depth > DEEPEST:
        raise BadAlert("bad_json", f"JSON 嵌套超过 {DEEPEST} 层")
    for name, value in record.items():
        for each in value if isinstance(value, list) else [value]:
            if each is None:
                continue
            child = SubElement(parent, SPACE + name)
            if isinstance(each, dict):
                _grow(child, each, depth + 1)
            else:
                child.text = _plain(name, each)


def _plain(name: str, value: Any) -> str:
    if isinstance(value, bool | list):
        raise BadAlert("bad_json", f"{name[:60]} 应为文字")
    text = str(value)
    if "\0" in text:  # XML cannot hold it, a database does not take it
        raise BadAlert("bad_json", f"{name[:60]} 含有 NUL 字符")
    return text


def _chosen(infos: list[Element]) -> Element:
    languages = [(text_of(info, "language") or "en-US").lower() for info in infos]
    return next((i for i, at in zip(infos, languages, strict=True) if at[:2] == "zh"), infos[0])


def _check_alert(alert: Element) -> None:
    _check_needed(alert, NEEDED_OF_ALERT)
    check_values(alert, ("status", "msgType", "scope"))
    for name in ("identifier", "sender"):
        if UNSAFE.search(text_of(alert, name) or ""):
            text = (text_of(alert, name) or "")[:60]
            raise BadAlert("unsafe", f"{name} 含有空格、逗号等不允许的字符：{text}")
    _check_time(alert, "sent", _pattern(alert))
    _check_references(alert)
    if text_of(alert, "scope") == "Private" and not text_of(alert, "addresses"):
        raise BadAlert("missing", "scope 为 Private 时须有 addresses")


def _check_references(alert: Element) -> None:
    """Each reference is sender,identifier,sent; an element without any says nothing."""
    for text in (element.text or "" for element in children(alert, "references")):
        parts = text.split()
        if not parts or any(part.count(",") != 2 for part in parts):
            raise BadAlert("references", "references 为空或写法不对（应为 sender,identifier,sent）")


def _check_needed(element: Element, names: tuple[str, ...]) -> None:
    missing = [name for name in names if not _texts(element, name)]
    if missing:
        raise BadAlert("missing", f"缺少 {'、'.join(missing)}")


def _check_time(element: Element, name: str, pattern: re.Pattern[str]) -> None:
    text = text_of(element, name)
    if text is None:
        return
    try:
        is_time = bool(pattern.fullmatch(text)) and datetime.fromisoformat(text) is not None
    except ValueError:
        is_time = False
    if not is_time:
        raise BadAlert("time", f"{name} 不是 CAP 时间：{text[:60]}")


def _check_shapes(area: Element) -> None:
    """WGS84, latitude first; empty elements, which the NWS sends, count as absent."""
    for text in _texts(area, "polygon"):
        points = text.split()
        if len(points) < 4 or points[0] != points[-1] or not all(map(_is_point, points)):
            raise BadAlert("polygon", f"polygon 不是闭合的多边形：{text[:60]}")
    for text in _texts(area, "circle"):
        point, _, radius = text.partition(" ")
        if not _is_point(point) or not _is_between(radius, 0, 40_000):
            raise BadAlert("circle", f"circle 写法不对：{text[:60]}")


def _is_point(text: str) -> bool:
    latitude, _, longitude = text.partition(",")
    return _is_between(latitude, -90, 90) and _is_between(longitude, -180, 180)


def _is_between(text: str, low: float, high: float) -> bool:
    try:
        return low <= float(text) <= high
    except ValueError:
        return False


def _pattern(alert: Element) -> re.Pattern[str]:
    return TIME if alert.tag.startswith(SPACE) else TIME_1_1


def _texts(element: Element, name: str) -> list[str]:
    texts = ((child.text or "").strip() for child in children(element, name))
    return [text for text in texts if text]


def _pairs(elements: list[Element], name: str) -> str | None:
    """valueName=value, several joined with ";"; the NWS puts many pairs into one element."""
    pairs = []
    for holder in (child for element in elements for child in children(element, name)):
        keys, values = children(holder, "valueName"), children(holder, "value")
        texts = ((k.text or "", v.text or "") for k, v in zip(keys, values, strict=False))
        pairs += [f"{key.strip()}={value.strip()}" for key, value in texts if value.strip()]
    return ";".join(pairs) or None
