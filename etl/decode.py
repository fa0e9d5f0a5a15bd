"""Turns the bytes of a delivered file into text, in whatever encoding its system writes."""

import codecs
import io
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, BinaryIO, TextIO

from etl.hostile import BLOCK, FileError

HEAD = 1 << 16
MAX_GARBLED_SHARE = 0.001  # TRUST 3a, encodings
FEW_GARBLED = 20  # in a short file no sign of a wrong encoding: one of Boston's has 12 in 6,374
MAX_FEW_GARBLED_SHARE = 0.01
MOJIBAKE = "锟斤拷"  # U+FFFD in UTF-8, read as GBK
BOMS = (  # the longer first: the UTF-32 mark begins with the UTF-16 one
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"\x84\x31\x95\x33", "gb18030"),
)
WIDER = {"gbk": "gb18030", "gb2312": "gb18030", "cp936": "gb18030", "hz": "gb18030"}
USUAL = re.compile(r"[\t\n\r -~\u00a0-\u00ff\u2010-\u203b\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")
MIN_NUL_SHARE = 0.2  # of the 16-bit units: ASCII with this many NULs is UTF-16, not damage
MIN_USUAL_SHARE = 0.9


@dataclass
class Decoded:
    """A file's text, kept as a temporary UTF-8 file so that any size fits and can be re-read."""

    encoding: str
    file: IO[bytes] = field(repr=False)
    characters: int = 0
    nuls: int = 0  # NUL characters, left in place for the reader to reject their rows
    marks: int = 0  # byte order marks in the middle, removed
    longest_line: int = 0  # characters; exact only where it matters, above one block
    garbled: int = 0  # characters that were lost before the file came: U+FFFD, 锟斤拷

    @property
    def path(self) -> Path:
        return Path(self.file.name)

    def text(self) -> TextIO:
        """The text from its beginning; line ends are as delivered."""
        return open(self.path, encoding="utf-8", newline="")

    def __enter__(self) -> "Decoded":
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()


def decode(
    open_: Callable[[], BinaryIO], declared: str | None = None, name: str = "文件"
) -> Decoded:
    """The text of the stream that `open_` gives; the caller closes the result.

    The declared encoding counts; without one, in this order: byte order mark, NUL parity (UTF-16
    without mark), strict UTF-8, strict GB18030. The whole file is decoded, never a cut of it.
    Raises FileError naming `name` where none fits, or where the text was garbled before it came.
    """
    with open_() as stream:
        head = stream.read(HEAD)
    ladder = _ladder(head, declared, name)
    for number, (encoding, skip) in enumerate(ladder):
        try:
            return _checked(_transcode(open_, encoding, skip), name)
        except _Undecodable as fault:
            if number == len(ladder) - 1 or fault.is_damage:
                raise FileError(name, "encoding", _complaint(fault, ladder)) from None
    raise AssertionError("a ladder has at least one step")


def decode_bytes(data: bytes, declared: str | None = None, name: str = "文件") -> str:
    """The same for bytes in memory."""
    with decode(lambda: io.BytesIO(data), declared, name) as decoded, decoded.text() as text:
        return text.read()


class _Undecodable(Exception):
    """Strict decoding stopped at `line`; `is_damage` = the encoding is right, the byte is not."""

    def __init__(self, encoding: str, line: int, is_damage: bool) -> None:
        super().__init__(encoding)
        self.encoding, self.line, self.is_damage = encoding, line, is_damage


def _ladder(head: bytes, declared: str | None, name: str) -> list[tuple[str, int]]:
    """The encodings to try, each with the length of the mark to skip."""
    mark, encoding = next(((m, e) for m, e in BOMS if head.startswith(m)), (b"", None))
    if declared:
        wanted = _canonical(declared, name)
        if encoding and not encoding.startswith(wanted):
            reason = f"声明的编码是 {declared}，文件头却标明 {encoding}"
            raise FileError(name, "encoding", reason)
        if wanted in ("utf-16", "utf-32") and not encoding:
            encoding = _utf16(head) or f"{wanted}-le"
        return [(encoding or wanted, len(mark))]
    if encoding:
        return [(encoding, len(mark))]
    wide = _utf16(head)
    return [(wide, 0)] if wide else [("utf-8", 0), ("gb18030", 0)]


def _canonical(declared: str, name: str) -> str:
    try:
        found = codecs.lookup(declared).name
    except LookupError:
        raise FileError(name, "encoding", f"没有这种编码：{declared}") from None
    found = found.removesuffix("-sig")
    return WIDER.get(found, found)


def _utf16(head: bytes) -> str | None:
    """UTF-16 without a mark shows as NULs on one side of its units, where the ASCII in it is."""
    units = len(head) // 2
    low, high = head[1::2].count(0), head[0::2].count(0)
    if not units or not (low or high):
        return None
    if (low + high) / units < MIN_NUL_SHARE and _fits("utf-8", head):
        return None
    order = ("utf-16-le", "utf-16-be") if low >= high else ("utf-16-be", "utf-16-le")
    return next((encoding for encoding in order if _reads_well(head, encoding)), None)


def _fits(encoding: str, head: bytes) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeDecodeError:
        return False
    return True


def _reads_well(head: bytes, encoding: str) -> bool:
    text = head.decode(encoding, "replace")
    return len(USUAL.findall(text)) >= MIN_USUAL_SHARE * len(text)


def _transcode(open_: Callable[[], BinaryIO], encoding: str, skip: int) -> Decoded:
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    spool = tempfile.NamedTemporaryFile(prefix="zhinao-", suffix=".txt")  # noqa: SIM115
    tally, last, line = _Tally(Decoded(encoding, spool)), "", 1
    try:
        with open_() as stream:
            stream.read(skip)
            while True:
                block = stream.read(BLOCK)
                text = decoder.decode(block, final=not block)
                spool.write(tally.taken(text).encode())
                if not block:
                    break
                line, last = line + text.count("\n"), text
        spool.flush()
    except UnicodeDecodeError as fault:
        spool.close()
        line += fault.object[: fault.start].decode(encoding, "replace").count("\n")
        raise _Undecodable(encoding, line, _is_mostly_utf8(encoding, last, fault.object)) from None
    except BaseException:
        spool.close()
        raise
    return tally.result


class _Tally:
    """Counts what is odd in a text that passes in blocks."""

    def __init__(self, result: Decoded) -> None:
        self.result, self.tail, self.run = result, "", 0

    def taken(self, text: str) -> str:
        """The block without byte order marks, counted."""
        marks = text.count("\ufeff")
        if marks:
            text = text.replace("\ufeff", "")
        self.result.marks += marks
        self.result.characters += len(text)
        self.result.nuls += text.count("\0")
        joined = self.tail + text  # a 锟斤拷 may lie across two blocks
        self.result.garbled += text.count("\ufffd") + len(MOJIBAKE) * joined.count(MOJIBAKE)
        self.tail = joined[1 - len(MOJIBAKE) :]
        self._measure(text)
        return text

    def _measure(self, text: str) -> None:
        ends = [at for at in (text.find("\n"), text.find("\r")) if at >= 0]
        if not ends:
            self.run += len(text)
        else:
            self.result.longest_line = max(self.result.longest_line, self.run + min(ends))
            self.run = len(text) - 1 - max(text.rfind("\n"), text.rfind("\r"))
        self.result.longest_line = max(self.result.longest_line, self.run)


def _is_mostly_utf8(encoding: str, before: str, rest: bytes) -> bool:
    """UTF-8 with a broken byte also decodes as GB18030, into nonsense: it must not get there."""
    if encoding != "utf-8":
        return False
    sample = before[-HEAD:] + rest.decode("utf-8", "replace")
    bad = sample.count("\ufffd")
    wide = len(re.findall("[\u0800-\uffff]", sample)) - bad
    return wide >= 20 * bad


def _checked(decoded: Decoded, name: str) -> Decoded:
    share = decoded.garbled / max(decoded.characters, 1)
    limit = MAX_GARBLED_SHARE if decoded.garbled > FEW_GARBLED else MAX_FEW_GARBLED_SHARE
    if share > limit:
        decoded.file.close()
        raise FileError(name, "mojibake", f"{share:.1%} 的字是乱码（� 或 锟斤拷），请对方重新导出")
    return decoded


def _complaint(fault: _Undecodable, ladder: list[tuple[str, int]]) -> str:
    if len(ladder) == 1:
        return f"不是 {fault.encoding} 编码：第 {fault.line} 行无法解码"
    if fault.is_damage:
        return f"是 UTF-8 编码，但第 {fault.line} 行有损坏或被截断的字"
    return "既不是 UTF-8 也不是 GB18030，或有字节损坏，请声明 encoding 或请对方重新导出"
