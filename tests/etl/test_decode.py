"""Text comes out right in every encoding that Chinese systems write, or it does not come out."""

import codecs
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl import decode as module
from etl.decode import decode, decode_bytes
from etl.hostile import FileError

TEXT = "编号,标题,一级\r\n1,𠮷野家噪音扰民,一\r\n2,路灯不亮，一直没修,一\r\n"
MARKED = {
    "utf-8": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "gb18030": b"\x84\x31\x95\x33",
}


def encoding_of(data: bytes, declared: str | None = None) -> str:
    with decode(lambda: io.BytesIO(data), declared) as decoded:
        return decoded.encoding


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16-le", "utf-16-be"])
def test_every_encoding_is_recognised_without_a_mark(encoding):
    data = TEXT.encode(encoding)
    assert encoding_of(data) == encoding
    assert decode_bytes(data) == TEXT


@pytest.mark.parametrize("encoding", list(MARKED))
def test_every_mark_is_obeyed_and_removed(encoding):
    data = MARKED[encoding] + TEXT.encode(encoding)
    assert encoding_of(data) == encoding
    assert decode_bytes(data) == TEXT
    assert decode_bytes(data, encoding) == TEXT


ROW = st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=1, max_size=12)
ROW = ROW.filter(lambda text: module.MOJIBAKE not in text)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9999), ROW), min_size=2, max_size=20))
def test_any_chinese_table_reads_the_same_in_all_four_encodings(rows):
    text = "编号,标题\n" + "".join(f"{n},{title}\n" for n, title in rows)
    for encoding in ("utf-8", "gb18030", "utf-16-le", "utf-16-be"):
        assert decode_bytes(text.encode(encoding)) == text


def test_characters_cut_by_a_block_are_put_together(monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 7)
    for encoding in ("utf-8", "gb18030", "utf-16-le"):
        assert decode_bytes(TEXT.encode(encoding)) == TEXT


def test_gb18030_far_into_a_file_that_began_in_ascii_is_recognised():
    text = "1,ok\n" * 300_000 + "2,噪音扰民\n"
    assert encoding_of(text.encode("gb18030")) == "gb18030"


def test_the_declared_encoding_counts():
    data = "caf\xe9t".encode("latin-1")  # éT is also a GB18030 character
    assert decode_bytes(data) != "caf\xe9t"
    assert decode_bytes(data, "latin-1") == "caf\xe9t"
    assert encoding_of(TEXT.encode("gb18030"), "GBK") == "gb18030"
    assert decode_bytes(TEXT.encode("utf-16-be"), "utf-16") == TEXT


@pytest.mark.parametrize(
    ("data", "declared", "reason"),
    [
        (TEXT.encode("gb18030"), "utf-8", "不是 utf-8 编码：第 1 行无法解码"),
        (("a\n" * 6).encode() + b"\xff", "utf-8", "不是 utf-8 编码：第 7 行无法解码"),
        (codecs.BOM_UTF8 + TEXT.encode(), "gbk", "声明的编码是 gbk，文件头却标明 utf-8"),
        (b"a", "utf-7a", "没有这种编码：utf-7a"),
    ],
)
def test_a_wrong_declaration_is_an_error_and_not_nonsense(data, declared, reason):
    with pytest.raises(FileError) as fault:
        decode_bytes(data, declared, "甲.csv")
    assert str(fault.value) == f"甲.csv：{reason}"
    assert fault.value.code == "encoding"


def test_damaged_utf8_does_not_become_gb18030_nonsense():
    text = "编号,标题\n" + "1,你好你好你好\n" * 9
    data = text.encode()
    for bad in (data[:-2], data[:-30] + b"\xe4" + data[-30:]):
        with pytest.raises(FileError, match="是 UTF-8 编码，但第 (8|9|10) 行有损坏"):
            decode_bytes(bad)


def test_bytes_in_no_known_encoding_are_refused():
    with pytest.raises(FileError, match="既不是 UTF-8 也不是 GB18030"):
        decode_bytes(b"a,b\n\xff\xff,1\n")


@pytest.mark.parametrize("lost", ["\ufffd", "锟斤拷"])
def test_text_garbled_before_it_came_is_refused_above_one_in_a_thousand(lost):
    count = 30 // len(lost)
    good = "好" * 31_000
    assert decode_bytes((good + lost * count).encode()) == good + lost * count
    with pytest.raises(FileError, match="0.1% 的字是乱码") as fault:
        decode_bytes((good[:-2000] + lost * count).encode())
    assert fault.value.code == "mojibake"


def test_a_few_lost_signs_in_a_short_file_are_no_wrong_encoding():
    assert decode_bytes(("a" * 6362 + "\ufffd" * 12).encode())  # as one of Boston's files
    with pytest.raises(FileError, match="乱码"):
        decode_bytes("锟斤拷,噪音\n".encode())


def test_marks_in_the_middle_are_removed_and_nul_is_counted():
    data = "a,b\n\ufeff1,2\n\ufeff3\0,4\n".encode()
    with decode(lambda: io.BytesIO(data)) as decoded, decoded.text() as text:
        assert text.read() == "a,b\n1,2\n3\0,4\n"
        assert (decoded.marks, decoded.nuls, decoded.characters) == (2, 1, 13)


def test_a_single_nul_does_not_make_ascii_utf16():
    assert encoding_of(b"case,title\n1,no\0ise\n" * 3) == "utf-8"


def test_line_ends_stay_as_delivered_and_an_empty_file_is_empty():
    assert decode_bytes(b"a\r\nb\rc\n") == "a\r\nb\rc\n"
    assert decode_bytes(b"") == ""


def test_the_longest_line_is_known_even_over_many_blocks(monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 10)
    with decode(lambda: io.BytesIO(b"ab\n" + b"c" * 95 + b"\nd" * 9)) as decoded:
        assert decoded.longest_line == 95


def test_the_temporary_file_goes_with_the_result():
    with decode(lambda: io.BytesIO(b"a")) as decoded:
        path = decoded.path
        assert path.exists()
    assert not path.exists()
