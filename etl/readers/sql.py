"""Reads what one declared query returns from another system's database, as text."""

import os
from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from etl.hostile import FileError
from etl.members import Member
from etl.readers.base import RawChunk, ReaderOptions, Reject, chunk, column_names


def read(member: Member | None, options: ReaderOptions) -> Iterator[RawChunk]:
    """The rows of the query, streamed; line = row number in the answer. No member is needed.

    The address stands in the declaration, or, where it holds a password, in the environment
    variable `url_env`, which goes before it. Raises FileError naming the database (never its
    password).
    """
    url = _url(options, member.label if member else "数据库")
    label = url.render_as_string(hide_password=True)
    if not options.query:
        raise FileError(label, "declaration", "缺少 query")
    try:
        engine = create_engine(url)
    except (ImportError, NoSuchModuleError) as fault:
        raise FileError(label, "driver", f"没有安装数据库驱动（{fault}）") from None
    try:
        if options.if_table and not _has_table(engine, options.if_table):
            yield chunk([], [], [])
            return
        with engine.connect().execution_options(stream_results=True) as connection:
            yield from _chunks(connection.execute(text(options.query)), options.chunk_rows)
    except SQLAlchemyError as fault:
        raise FileError(label, "database", _without_password(str(fault), url)) from None
    finally:
        engine.dispose()


def _has_table(engine: Engine, name: str) -> bool:
    """Asked of a file that is not there, SQLite would make an empty one."""
    file = engine.url.database if engine.url.get_backend_name() == "sqlite" else None
    return (file is None or Path(file).exists()) and inspect(engine).has_table(name)


def _url(options: ReaderOptions, label: str) -> URL:
    address = (os.environ.get(options.url_env) if options.url_env else None) or options.url
    if not address:
        missing = (
            f"环境变量 {options.url_env} 没有设置" if options.url_env else "缺少 url 或 url_env"
        )
        raise FileError(label, "declaration", missing)
    try:
        return make_url(address)
    except ArgumentError:
        raise FileError(label, "declaration", "数据库地址写法不对") from None


def _chunks(result: Any, size: int) -> Iterator[RawChunk]:
    names, notes = column_names(list(result.keys()))
    start, is_first = 1, True
    while (rows := result.fetchmany(size)) or is_first:
        yield _chunk(names, rows, start, notes if is_first else [])
        start, is_first = start + len(rows), False


def _chunk(names: list[str], rows: list[Any], start: int, notes: list[str]) -> RawChunk:
    good, lines, rejects = [], [], []
    for line, row in enumerate(rows, start):
        try:
            good.append([_text(value) for value in row])
            lines.append(line)
        except ValueError as fault:
            rejects.append(Reject(line, "bad_value", str(fault), repr(tuple(row))))
    return chunk(names, good, lines, rejects, notes=notes)


def _text(value: Any) -> str | None:
    match value:
        case None | str():
            text_ = value
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.isoformat(" ")
        case date() | time():
            return value.isoformat()
        case Decimal():
            return f"{value:f}"
        case bytes() | memoryview():
            raise ValueError("有二进制的列，请在 query 中转换或去掉")
        case _:
            return str(value)
    if text_ and "\0" in text_:
        raise ValueError("含有 NUL 字符")
    return text_


def _without_password(message: str, url: URL) -> str:
    first = message.splitlines()[0]
    return first.replace(url.password, "***") if isinstance(url.password, str) else first
