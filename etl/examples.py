"""Run the worked examples of a source's declaration: what one raw row becomes."""

from datetime import datetime
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from data.declaration import DeclarationError
from data.site import Site
from etl.clean import clean
from etl.readers.base import RawChunk
from etl.source import Example, Source
from etl.staging import Stage


class ExampleFailed(DeclarationError):
    """A source does not do what its own example says."""


def check_example(source: Source, site: Site, example: Example, now: datetime) -> None:
    """ExampleFailed where the raw row of `example` becomes something else than it says."""
    row, rejected = outcome(source, site, example.raw, now)
    where = f"sources/{source.name}.toml：example {example.raw}"
    if example.rejected is not None:
        if rejected is None or example.rejected not in rejected:
            raise ExampleFailed(f"{where}：应被拒（{example.rejected}），实为 {rejected or row}")
        return
    if row is None:
        raise ExampleFailed(f"{where}：应被接受，实被拒（{rejected}）")
    for name, expected in (example.row or {}).items():
        if not _same(row.get(name), expected):
            raise ExampleFailed(f"{where}：{name} 应为 {expected!r}，实为 {row.get(name)!r}")


def outcome(
    source: Source, site: Site, raw: dict[str, Any], now: datetime
) -> tuple[dict[str, Any] | None, str | None]:
    """The typed row that `raw` becomes, or the reason why it is put aside."""
    frame = pd.DataFrame(
        {name: [None if v is None else str(v)] for name, v in raw.items()}, dtype=object
    )
    with duckdb.connect(":memory:") as connection:
        stage = Stage(connection, source)
        stage.add(RawChunk(frame, np.array([2])), 0)
        stage.finish()
        clean(connection, source, site, now)
        aside = connection.execute("SELECT reason FROM rejected WHERE kind = 'row'").fetchall()
        if aside:
            return None, aside[0][0]
        rows = connection.execute("SELECT * FROM typed")
        names = [column[0] for column in rows.description]
        kept = rows.fetchall()
        return (dict(zip(names, kept[0], strict=True)), None) if kept else (None, "where 未选中")


def _same(found: Any, expected: Any) -> bool:
    if expected == "":
        return found is None
    if isinstance(found, datetime):
        return found == datetime.fromisoformat(str(expected))
    if isinstance(found, float):
        return abs(found - float(expected)) < 1e-9
    return found == expected
