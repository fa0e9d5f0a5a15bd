"""Copies of what others go on writing, and operations stores made of copies."""

import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import URL

from access.operations import OperationsError

LONGEST_REASON = 300  # characters


def copy_sqlite(source: Path, target: Path) -> None:
    """A whole copy as of one moment, while others read and write; every commit that was answered
    before this is called is in it. OperationsError where the copy does not hold together."""
    with (
        closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as live,
        closing(sqlite3.connect(target)) as copy,
    ):
        live.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE").close()  # one file, with nothing beside it
    check_sqlite(target)


def check_sqlite(file: Path) -> None:
    """OperationsError where the file is damaged."""
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as store:
            said = store.execute("PRAGMA integrity_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        said = str(error)
    if said != "ok":
        raise OperationsError(f"{file.name} 已损坏：{said}")


def dump(url: URL, target: Path) -> None:
    """The whole database by pg_dump, as of one moment; OperationsError where that fails."""
    to = ("--format=custom", "--no-owner", "--no-privileges", f"--file={target}")
    _run("pg_dump", url, *to, _address(url))


def load(url: URL, file: Path) -> None:
    """Fill an empty database from what `dump` wrote: all of it or nothing. OperationsError."""
    how = ("--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error")
    _run("pg_restore", url, *how, f"--dbname={_address(url)}", str(file))


def is_empty(url: URL) -> bool:
    """Whether the database holds no table."""
    engine = create_engine(url)
    try:
        return not inspect(engine).get_table_names()
    finally:
        engine.dispose()


def set_aside(url: URL, name: str) -> None:
    """Keep what the database holds under another schema, and go on with an empty one."""
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            quoted = engine.dialect.identifier_preparer.quote(name)
            connection.execute(text(f"ALTER SCHEMA public RENAME TO {quoted}"))
            connection.execute(text("CREATE SCHEMA public"))
    finally:
        engine.dispose()


def _address(url: URL) -> str:
    """As PostgreSQL's programs read it; without the password, for everybody sees their words."""
    plain = url.set(drivername="postgresql")._replace(password=None)
    return plain.render_as_string(hide_password=False)


def _run(program: str, url: URL, *arguments: str) -> None:
    secret = {"PGPASSWORD": str(url.password)} if url.password else {}
    try:
        done = subprocess.run(
            [program, *arguments], env=os.environ | secret, capture_output=True, text=True
        )
    except FileNotFoundError:
        raise OperationsError(
            f"没有 {program}：请安装 PostgreSQL 客户端（apt-get install postgresql-client）"
        ) from None
    if done.returncode:
        raise OperationsError(f"{program} 失败：{' '.join(done.stderr.split())[:LONGEST_REASON]}")
