"""The code lists: what a source's lookup maps into, and how a code is called on screen.

One list, one file in `codes/`: columns `code,label` and what else belongs to the code, all text.
`kind` is what sort of matter a case is: the large kinds, and the coarse `event` and `appeal` of a
centre that does not tell them apart; `dispute_category` the modern list of 17 and
`statutory_category` the 19 rows of the statutory report; each names its counterpart [I].
"""

import csv
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

FOLDER = Path(__file__).parent / "codes"
NONE = "-"
UNCLASSIFIED = "未分类"

Row = Mapping[str, str]


@cache
def codes(name: str) -> Mapping[str, Row]:
    """The rows of a list by code, in the order of its file; KeyError if there is no such list."""
    if name not in names():
        raise KeyError(f"没有代码表 {name}；现有：{'、'.join(names())}")
    with (FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        rows = {row["code"]: MappingProxyType(row) for row in csv.DictReader(lines)}
    return MappingProxyType(rows)


@cache
def names() -> tuple[str, ...]:
    """The names of all code lists."""
    return tuple(sorted(file.stem for file in FOLDER.glob("*.csv")))


def label(name: str, code: str | None) -> str:
    """What a code is called: 未分类 for no value, and an unknown code says that it is unknown."""
    if code is None or code != code or code in ("", NONE):  # a missing cell of a frame is NaN
        return UNCLASSIFIED
    row = codes(name).get(str(code))
    return row["label"] if row else f"未知代码 {code}"
