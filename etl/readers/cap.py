"""Reads warnings in the Common Alerting Protocol (CAP 1.1 and 1.2), a row for each alert."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from etl.decode import decode_bytes
from etl.hostile import FileError
from etl.members import Member
from etl.readers.base import RawChunk, ReaderOptions, Reject, chunk

MAX_SIZE = 64 << 20  # bytes; a feed of all warnings of a country has 1 or 2 MiB

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

CONTAINERS = ("feed", "rss", "RDF", "EDXLDistribution")  # may hold no alert on a quiet day
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

Record = dict[str, str | None]


class BadAlert(ValueError):
    """A message that breaks the standard; `code` and the Chinese reason."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def read(member: Member, options: ReaderOptions) -> Iterator[RawChunk]:
    """The alerts of a CAP message, an Atom or RSS feed, or an EDXL-DE container.

    line = number of the alert in the file, from 1. Of several `info` the Chinese one is taken,
    else the first. What breaks the standard is rejected whole, with the reason; so are feed
    entries that only point to an alert elsewhere, and files that are no XML or use entities.
    """
    if member.size > MAX_SIZE:
        raise FileError(member.label, "too_large", f"超过 {MAX_SIZE >> 20} MiB，不是预警消息")
    with member.open() as stream:
        data = stream.read()
    try:
        root = _parse(data, options.encoding, member.label)
    except BadAlert as fault:
        raw = data[:4000].decode("utf-8", "replace")
        yield chunk(COLUMNS, [], [], [Reject(1, fault.code, str(fault), raw)])
        return
    found = _found(root)
    if not found and _name(root) not in CONTAINERS:
        reject = Reject(1, "not_cap", f"不是 CAP 消息（根元素是 {_name(root)}）", _raw(root))
        yield chunk(COLUMNS, [], [], [reject])
        return
    yield _chunk(found)


def _parse(data: bytes, declared: str | None, label: str) -> Element:
    """The root element; the text is decoded here, since expat knows no Chinese encoding."""
    stated = ENCODING.match(data)
    encoding = declared or (stated.group(1).decode() if stated else None)
    try:
        text = decode_bytes(data, encoding, label)
        return fromstring(text, forbid_dtd=True)
    except DefusedXmlException:
        raise BadAlert("hostile_xml", "XML 含有 DTD 或实体，拒绝读取") from None
    except ParseError as fault:
        raise BadAlert("bad_xml", f"不是合法的 XML（{fault}）") from None


def _found(root: Element) -> list[tuple[Element, Callable[[Element], Record]]]:
    """Every alert in the document, wherever it stands, and every feed entry without one."""
    found = []
    for element in root.iter():
        name = _name(element)
        if name == "alert":
            found.append((element, _alert))
        elif name in ("entry", "item") and not any(_name(e) == "alert" for e in element.iter()):
            found.append((element, _entry))
    return found


def _chunk(found: list[tuple[Element, Callable[[Element], Record]]]) -> RawChunk:
    rows, lines, rejects = [], [], []
    for line, (element, record) in enumerate(found, 1):
        try:
            made = record(element)
            rows.append([made.get(column) for column in COLUMNS])
            lines.append(line)
        except BadAlert as fault:
            rejects.append(Reject(line, fault.code, str(fault), _raw(element)))
    notes = [] if found else ["没有预警"]
    return chunk(COLUMNS, rows, lines, rejects, notes=notes)


def _alert(alert: Element) -> Record:
    """One CAP alert as a row, checked as the standard demands."""
    _check_alert(alert)
    record = {column: _text(alert, name) for column, name in ALERT.items()}
    infos = _children(alert, "info")
    for info in infos:
        _check_info(info, _pattern(alert))
    if infos:
        record |= _info(_chosen(infos))
    return record


def _entry(entry: Element) -> Record:
    """A feed entry that carries the CAP elements itself (NWS index); it stands for a public alert.

    What the entry lacks of the message, the feed's own elements say: id, author and date.
    """
    if not any(":cap:" in str(child.tag) for child in entry):
        raise BadAlert("link_only", "只有标题或链接，没有预警内容；请接入链接所指的 CAP 消息")
    _check_values(entry, ("status", "msgType"))
    _check_info(entry, TIME)
    record = {column: _text(entry, name) for column, name in ALERT.items()}
    author = next(iter(_children(entry, "author")), entry)
    record["sender"] = _text(entry, "sender") or _text(author, "name")
    record["identifier"] = _text(entry, "identifier") or _text(entry, "id")
    record["sent"] = _text(entry, "sent") or _text(entry, "published") or _text(entry, "updated")
    record["scope"] = record["scope"] or "Public"
    missing = [column for column in ("sender", "identifier", "sent") if not record[column]]
    if missing:
        raise BadAlert("missing", f"缺少 {'、'.join(missing)}")
    return record | _info(entry)


def _info(info: Element) -> Record:
    """The columns of one info; several values of an element stand one after the other."""
    areas = _children(info, "area") or [info]
    record: Record = {column: _text(info, name) for column, name in INFO.items()}
    if record["certainty"] == VERY_LIKELY:
        record["certainty"] = "Likely"
    for column, name in AREA.items():
        record[column] = ";".join(text for area in areas for text in _texts(area, name)) or None
    record["geocode"] = _pairs(areas, "geocode")
    record["event_code"] = _pairs([info], "eventCode")
    record["parameter"] = _pairs([info], "parameter")
    return record


def _chosen(infos: list[Element]) -> Element:
    languages = [(_text(info, "language") or "en-US").lower() for info in infos]
    return next((i for i, at in zip(infos, languages, strict=True) if at[:2] == "zh"), infos[0])


def _check_alert(alert: Element) -> None:
    _check_needed(alert, NEEDED_OF_ALERT)
    _check_values(alert, ("status", "msgType", "scope"))
    for name in ("identifier", "sender"):
        if UNSAFE.search(_text(alert, name) or ""):
            raise BadAlert("unsafe", f"{name} 含有空格、逗号等不允许的字符：{_text(alert, name)}")
    _check_time(alert, "sent", _pattern(alert))
    _check_references(alert)
    if _text(alert, "scope") == "Private" and not _text(alert, "addresses"):
        raise BadAlert("missing", "scope 为 Private 时须有 addresses")


def _check_references(alert: Element) -> None:
    """Each reference is sender,identifier,sent; an element without any says nothing."""
    for text in (element.text or "" for element in _children(alert, "references")):
        parts = text.split()
        if not parts or any(part.count(",") != 2 for part in parts):
            raise BadAlert("references", "references 为空或写法不对（应为 sender,identifier,sent）")


def _check_info(info: Element, pattern: re.Pattern[str]) -> None:
    _check_needed(info, NEEDED_OF_INFO)
    _check_values(info, (*NEEDED_OF_INFO, "responseType"))
    for name in TIMES_OF_INFO:
        _check_time(info, name, pattern)
    for area in _children(info, "area"):
        _check_needed(area, ("areaDesc",))
    for area in _children(info, "area") or [info]:
        _check_shapes(area)


def _check_needed(element: Element, names: tuple[str, ...]) -> None:
    missing = [name for name in names if not _texts(element, name)]
    if missing:
        raise BadAlert("missing", f"缺少 {'、'.join(missing)}")


def _check_values(element: Element, names: tuple[str, ...]) -> None:
    for name in names:
        for text in _texts(element, name):
            if text not in VALUES.get(name, {text}) and (name, text) != ("certainty", VERY_LIKELY):
                raise BadAlert("value", f"{name} 的值不在标准之内：{text}")


def _check_time(element: Element, name: str, pattern: re.Pattern[str]) -> None:
    text = _text(element, name)
    if text is None:
        return
    try:
        is_time = bool(pattern.fullmatch(text)) and datetime.fromisoformat(text) is not None
    except ValueError:
        is_time = False
    if not is_time:
        raise BadAlert("time", f"{name} 不是 CAP 时间：{text}")


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
    return TIME if alert.tag.startswith("{urn:oasis:names:tc:emergency:cap:1.2}") else TIME_1_1


def _name(element: Element) -> str:
    """The local name: namespaces differ by version and by publisher."""
    return str(element.tag).rpartition("}")[2]


def _children(element: Element, name: str) -> list[Element]:
    return [child for child in element if _name(child) == name]


def _texts(element: Element, name: str) -> list[str]:
    texts = ((child.text or "").strip() for child in _children(element, name))
    return [text for text in texts if text]


def _text(element: Element, name: str) -> str | None:
    texts = _texts(element, name)
    return (" ".join(texts) if name in MANY else texts[0]) if texts else None


def _pairs(elements: list[Element], name: str) -> str | None:
    """valueName=value, several joined with ";"; the NWS puts many pairs into one element."""
    pairs = []
    for holder in (child for element in elements for child in _children(element, name)):
        keys, values = _children(holder, "valueName"), _children(holder, "value")
        texts = ((k.text or "", v.text or "") for k, v in zip(keys, values, strict=False))
        pairs += [f"{key.strip()}={value.strip()}" for key, value in texts if value.strip()]
    return ";".join(pairs) or None


def _raw(element: Element) -> str:
    parts = (
        f"{_name(e)}={(e.text or '').strip()}" for e in element.iter() if (e.text or "").strip()
    )
    return " ".join(parts)
