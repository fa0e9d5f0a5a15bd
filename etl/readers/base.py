"""What every reader takes and gives: options in, chunks of raw text rows and rejected rows out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from pydantic import Field, field_validator, model_validator

from data.declaration import Declared
from etl.decode import Decoded

CHUNK_ROWS = 100_000
MAX_RAW = 2_000  # characters of a rejected row that are kept
DELIMITER_WORDS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}


class ReaderOptions(Declared):
    """How to read the members of one source; each reader uses the options that concern it."""

    encoding: str | None = Field(None, description="缺省自动识别（UTF-8、GB18030、UTF-16）")
    delimiter: str | None = Field(None, description="csv 的分隔符，如 , ; | tab；缺省自动识别")
    header: int | None = Field(
        None, ge=0, description="表头所在行（从 1 起）；0 = 没有表头；缺省自动识别"
    )
    columns: tuple[str, ...] | None = Field(None, description="没有表头（header = 0）时的列名")
    sheet: str | int | None = Field(None, description="工作表的名称或序号（从 1 起）；缺省第一个")
    record_path: str | None = Field(None, description="json 中记录数组的位置，如 data.rows")
    url: str | None = Field(None, description="数据库地址（SQLAlchemy）；不要在此写密码")
    url_env: str | None = Field(
        None, description="数据库地址所在的环境变量；同时写了 url 时，没有设置就用 url"
    )
    if_table: str | None = Field(None, description="还没有这张表时当作没有数据，而不是失败")
    query: str | None = Field(None, description="要执行的一条 SELECT")
    chunk_rows: int = Field(CHUNK_ROWS, gt=0, description="每批行数")

    @field_validator("delimiter")
    @classmethod
    def _one_sign(cls, delimiter: str | None) -> str | None:
        delimiter = DELIMITER_WORDS.get(delimiter or "", delimiter)
        if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n'):
            raise ValueError("分隔符须是一个字符，如 , ; | tab")
        return delimiter

    @model_validator(mode="after")
    def _columns_need_no_header(self) -> "ReaderOptions":
        if self.columns is not None and self.header != 0:
            raise ValueError("columns 只用于没有表头的文件，请同时写 header = 0")
        return self


@dataclass(frozen=True)
class Reject:
    """A row that could not be read: where it stands, why, and what it looked like."""

    line: int  # 1-based line or record number in the member; others may have the same
    code: str
    reason: str
    raw: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "raw", self.raw[:MAX_RAW])


@dataclass(frozen=True)
class RawChunk:
    """Some rows of a member as text (object columns of str | None), and what is not among them.

    Every record of the member is exactly once a row, a reject, or counted in `skipped`.
    """

    frame: pd.DataFrame
    lines: np.ndarray  # int64, 1-based line or record number in the member; several may share one
    rejects: list[Reject] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=dict)  # header_repeated, blank: nothing in them
    notes: list[str] = field(default_factory=list)  # Chinese; what was noticed of the whole member


def chunk(
    names: Sequence[str],
    rows: Sequence[Sequence[str | None]],
    lines: Iterable[int],
    rejects: list[Reject] | None = None,
    skipped: dict[str, int] | None = None,
    notes: list[str] | None = None,
) -> RawChunk:
    """A RawChunk of rows that all have one value for each name."""
    columns = zip(*rows, strict=True) if rows else ((),) * len(names)
    data = dict(zip(names, (np.array(column, dtype=object) for column in columns), strict=True))
    frame = pd.DataFrame(
        data, columns=pd.Index(np.array(names, dtype=object)), dtype=object, copy=False
    )
    numbers = np.fromiter(lines, dtype=np.int64, count=len(rows))
    return RawChunk(frame, numbers, rejects or [], skipped or {}, notes or [])


def chunk_of_records(
    records: Sequence[dict[str, str | None]],
    lines: Iterable[int],
    rejects: list[Reject] | None = None,
) -> RawChunk:
    """A RawChunk of records with differing keys; None where a record lacks a key."""
    names = list(dict.fromkeys(name for record in records for name in record))
    rows = [[record.get(name) for name in names] for record in records]
    return chunk(names, rows, lines, rejects)


def column_names(delivered: Sequence[str | None]) -> tuple[list[str], list[str]]:
    """Usable, distinct names for a header as delivered, and notes on those made up."""
    names: list[str] = []
    notes: list[str] = []
    for position, raw in enumerate(delivered, 1):
        name = (raw or "").strip()
        if not name:
            name = f"column_{position}"
            notes.append(f"表头第 {position} 列没有名称，记作 {name}")
        if name in names:
            again = next(n for n in range(2, position + 1) if f"{name}_{n}" not in names)
            notes.append(f"表头第 {position} 列与前面重名：{name}，记作 {name}_{again}")
            name = f"{name}_{again}"
        names.append(name)
    return names, notes


def oddities(decoded: Decoded) -> list[str]:
    """Notes on what decoding a whole file has shown."""
    notes = []
    if decoded.marks:
        notes.append(f"去掉了文件中间的 {decoded.marks} 个 BOM")
    if decoded.garbled:
        notes.append(f"有 {decoded.garbled} 个字送来时已是乱码")
    if decoded.nuls:
        notes.append(f"有 {decoded.nuls} 个 NUL 字符")
    return notes
