"""Reads warnings in the Common Alerting Protocol (CAP 1.1 and 1.2), a row for each alert."""

import re
from collections.abc import Callable, Iterator
from dataclasses import asdict
from xml.etree.ElementTree import Element

from etl.decode import decode_bytes
from etl.hostile import FileError
from etl.members import Member
from etl.readers.base import RawChunk, ReaderOptions, Reject, chunk
from rules.cap_message import (
    ALERT,
    COLUMNS,
    BadAlert,
    Record,
    check_info,
    check_values,
    children,
    info_of,
    message_of,
    name_of,
    parse,
    raw,
    text_of,
)

MAX_SIZE = 64 << 20  # bytes; a feed of all warnings of a country has 1 or 2 MiB
CONTAINERS = ("feed", "rss", "RDF", "EDXLDistribution")  # may hold no alert on a quiet day
ENCODING = re.compile(rb"^\s*<\?xml[^>]*?encoding\s*=\s*['\"]([\w.-]+)['\"]")


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
        root = parse(_text(data, options.encoding, member.label))
    except BadAlert as fault:
        start = data[:4000].decode("utf-8", "replace")
        yield chunk(COLUMNS, [], [], [Reject(1, fault.code, str(fault), start)])
        return
    found = _found(root)
    if not found and name_of(root) not in CONTAINERS:
        reject = Reject(1, "not_cap", f"不是 CAP 消息（根元素是 {name_of(root)}）", raw(root))
        yield chunk(COLUMNS, [], [], [reject])
        return
    yield _chunk(found)


def _text(data: bytes, declared: str | None, label: str) -> str:
    """Decoded here, since expat knows no Chinese encoding."""
    stated = ENCODING.match(data)
    return decode_bytes(data, declared or (stated.group(1).decode() if stated else None), label)


def _found(root: Element) -> list[tuple[Element, Callable[[Element], Record]]]:
    """Every alert in the document, wherever it stands, and every feed entry without one."""
    found = []
    for element in root.iter():
        name = name_of(element)
        if name == "alert":
            found.append((element, _alert))
        elif name in ("entry", "item") and not any(name_of(e) == "alert" for e in element.iter()):
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
            rejects.append(Reject(line, fault.code, str(fault), raw(element)))
    notes = [] if found else ["没有预警"]
    return chunk(COLUMNS, rows, lines, rejects, notes=notes)


def _alert(alert: Element) -> Record:
    return asdict(message_of(alert))


def _entry(entry: Element) -> Record:
    """A feed entry that carries the CAP elements itself (NWS index); it stands for a public alert.

    What the entry lacks of the message, the feed's own elements say: id, author and date.
    """
    if not any(":cap:" in str(child.tag) for child in entry):
        raise BadAlert("link_only", "只有标题或链接，没有预警内容；请接入链接所指的 CAP 消息")
    check_values(entry, ("status", "msgType"))
    check_info(entry)
    record = {column: text_of(entry, name) for column, name in ALERT.items()}
    author = next(iter(children(entry, "author")), entry)
    record["sender"] = text_of(entry, "sender") or text_of(author, "name")
    record["identifier"] = text_of(entry, "identifier") or text_of(entry, "id")
    record["sent"] = text_of(entry, "sent") or text_of(entry, "published")
    record["sent"] = record["sent"] or text_of(entry, "updated")
    record["scope"] = record["scope"] or "Public"
    missing = [column for column in ("sender", "identifier", "sent") if not record[column]]
    if missing:
        raise BadAlert("missing", f"缺少 {'、'.join(missing)}")
    return record | info_of(entry)
