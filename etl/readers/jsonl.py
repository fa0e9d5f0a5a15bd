"""Reads JSON records, one a line or one array of them, nested keys joined with dots."""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, TextIO

from etl.decode import decode
from etl.hostile import FileError
from etl.members import Member
from etl.readers.base import RawChunk, ReaderOptions, Reject, chunk_of_records, oddities

BLOCK = 1 << 20
MAX_RECORD = 64 << 20  # characters
MAX_DOCUMENT = 512 << 20  # characters of a file that must be parsed whole
SPACE = " \t\r\n"

Record = dict[str, str | None]
Placed = tuple[int, Any]  # its line, or its number in an array; parsed JSON value


class BadRecord(ValueError):
    """A record that cannot be kept as it is; `code` and the Chinese reason."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def read(member: Member, options: ReaderOptions) -> Iterator[RawChunk]:
    """The records of a JSON file: lines, an array, or the array at `record_path` of a document.

    line = the line, or in an array the number of the record, from 1. Numbers stay as they are
    written. A bad line is rejected; a damaged array or document raises
    FileError, since what follows the damage, in whatever number, would be missing.
    """
    with decode(member.open, options.encoding, member.label) as decoded, decoded.text() as text:
        if decoded.characters > MAX_DOCUMENT and options.record_path:
            raise FileError(
                member.label, "too_large", f"超过 {MAX_DOCUMENT >> 20} MiB，请改为每行一条"
            )
        values = _values(text, options.record_path, member.label)
        yield from chunks(values, flat, options.chunk_rows, oddities(decoded))


def chunks(
    values: Iterator[Placed | Reject],
    record: Callable[[Any], Record],
    size: int,
    notes: list[str],
) -> Iterator[RawChunk]:
    """RawChunks of `size` rows of what `record` makes of each value; at least one chunk."""
    records: list[Record] = []
    lines: list[int] = []
    rejects: list[Reject] = []
    is_first = True
    for value in values:
        if isinstance(value, Reject):
            rejects.append(value)
        else:
            try:
                records.append(record(value[1]))
                lines.append(value[0])
            except (BadRecord, RecursionError) as fault:
                rejects.append(_rejected(value, fault))
        if max(len(records), len(rejects)) >= size:
            yield _with_notes(chunk_of_records(records, lines, rejects), notes if is_first else [])
            records, lines, rejects, is_first = [], [], [], False
    if is_first or records or rejects:
        yield _with_notes(chunk_of_records(records, lines, rejects), notes if is_first else [])


def flat(value: Any) -> Record:
    """A JSON object as one level of text: nested keys joined with dots, lists as JSON."""
    if not isinstance(value, dict):
        raise BadRecord("not_object", "不是 JSON 对象")
    record: Record = {}
    _flatten(value, "", record)
    return record


def parse(text: str) -> Any:
    """One JSON value; BadRecord for what is no JSON, NaN and Infinity included."""
    try:
        return DECODER.decode(text)
    except BadRecord:
        raise
    except (ValueError, RecursionError) as fault:
        raise BadRecord("bad_json", f"不是合法的 JSON（{fault}）") from None


def at_path(document: Any, path: str, label: str) -> list[Any]:
    """The array at the dotted `path` of a document; FileError where there is none."""
    found = document
    for key in path.split("."):
        found = found.get(key) if isinstance(found, dict) else None
    if not isinstance(found, list):
        raise FileError(label, "record_path", f"{path} 处不是数组")
    return found


def _values(text: TextIO, path: str | None, label: str) -> Iterator[Placed | Reject]:
    head = text.read(BLOCK)
    text.seek(0)
    start = head.lstrip(SPACE)
    if path:
        document = _document(text, label)
        return enumerate(at_path(document, path, label), 1)
    if start.startswith("["):
        return _array(text, label)
    if start.startswith("{") and not _is_whole(start.split("\n", 1)[0]) and "\n" in start:
        raise FileError(label, "document", "是一个 JSON 文档，请声明 record_path（记录数组的位置）")
    return _lines(text)


def _lines(text: TextIO) -> Iterator[Placed | Reject]:
    if not text.read(1):
        yield Reject(1, "empty_file", "文件为空（0 字节）")
    text.seek(0)
    for line, raw in enumerate(text, 1):
        if not raw.strip():
            continue
        try:
            yield line, parse(raw)
        except BadRecord as fault:
            yield Reject(line, fault.code, str(fault), raw.rstrip("\r\n"))


def _array(text: TextIO, label: str) -> Iterator[Placed]:
    """The elements of one array with their numbers, without holding the array in memory.

    Their lines would say nothing: many systems write an array on one.
    """
    buffer = text.read(BLOCK)
    at, number, expects_value = buffer.index("[") + 1, 1, True
    while True:
        at = _after_space(buffer, at)
        if at == len(buffer):
            buffer, at = text.read(BLOCK), 0
            if not buffer:
                raise FileError(label, "bad_json", f"JSON 数组在第 {number} 条处中断，文件不完整")
        elif buffer[at] == "]" and (number == 1 or not expects_value):
            return _refuse_more(text, buffer[at + 1 :], label)
        elif not expects_value and buffer[at] == ",":
            at, expects_value = at + 1, True
        elif expects_value:
            value, buffer, at = _element(text, buffer, at, number, label)
            yield number, value
            number, expects_value = number + 1, False
        else:
            raise FileError(label, "bad_json", f"JSON 数组在第 {number - 1} 条之后损坏")


def _element(text: TextIO, buffer: str, at: int, number: int, label: str) -> tuple[Any, str, int]:
    """The value at `at` of `buffer`, which grows as needed; the buffer, and the value's end."""
    wanted, fault = BLOCK, None
    while True:
        try:
            value, end = DECODER.raw_decode(buffer, at)
            if end < len(buffer):  # a number at the very end may go on
                return value, buffer, end
        except (ValueError, RecursionError) as problem:
            fault = problem
        more = text.read(wanted) if len(buffer) < MAX_RECORD else ""
        if not more:
            raise FileError(label, "bad_json", f"JSON 数组的第 {number} 条损坏或中断（{fault}）")
        buffer, at, wanted = buffer[at:] + more, 0, 2 * wanted


def _after_space(buffer: str, at: int) -> int:
    while at < len(buffer) and buffer[at] in SPACE:
        at += 1
    return at


def _refuse_more(text: TextIO, rest: str, label: str) -> None:
    """An array is the whole file: a second one, or lines after it, would be lost."""
    while rest:
        if found := rest.strip(SPACE):
            raise FileError(label, "bad_json", f"JSON 数组结束之后还有内容：{found[:40]}")
        rest = text.read(BLOCK)


def _document(text: TextIO, label: str) -> Any:
    try:
        return parse(text.read())
    except BadRecord as fault:
        raise FileError(label, fault.code, str(fault)) from None


def _is_whole(line: str) -> bool:
    try:
        parse(line)
    except BadRecord:
        return False
    return True


def _flatten(value: dict[str, Any], prefix: str, record: Record) -> None:
    for key, inner in value.items():
        name = prefix + key
        if isinstance(inner, dict) and inner:
            _flatten(inner, f"{name}.", record)
        elif name in record:
            raise BadRecord("twice", f"同一个键出现两次：{name}")
        else:
            record[name] = _text(inner, name)


def _text(value: Any, name: str) -> str | None:
    if isinstance(value, str):
        text = value
    elif value is None:
        return None
    elif isinstance(value, bool):
        return "true" if value else "false"
    elif isinstance(value, list | dict):
        text = json.dumps(value, ensure_ascii=False, default=float)
    else:
        return str(value)
    if "\0" in text:
        raise BadRecord("nul", f"{name} 含有 NUL 字符")
    if not text.isascii():
        _refuse_half_characters(text, name)
    return text


def _refuse_half_characters(text: str, name: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadRecord("bad_text", f"{name} 含有半个字符") from None


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise BadRecord("twice", f"同一个键出现两次：{twice}")
    return found


def _no_constant(name: str) -> Any:
    raise BadRecord("bad_json", f"不是合法的 JSON（{name}）")


DECODER = json.JSONDecoder(
    parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=_pairs
)


def _rejected(value: Placed, fault: Exception) -> Reject:
    raw = json.dumps(value[1], ensure_ascii=False, default=float)
    code = fault.code if isinstance(fault, BadRecord) else "too_deep"
    return Reject(value[0], code, str(fault) if code != "too_deep" else "嵌套过深", raw)


def _with_notes(made: RawChunk, notes: list[str]) -> RawChunk:
    return RawChunk(made.frame, made.lines, made.rejects, made.skipped, notes)
