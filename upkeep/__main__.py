"""The commands `python -m upkeep backup|verify|restore|status`."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from access.copies import OperationsError
from access.operations import FAILURES, Operations
from data.editions.edition import EditionError
from data.editions.store import EditionStore
from upkeep import archive
from upkeep.archive import BackupError, Manifest
from upkeep.backup import backup as back_up
from upkeep.restore import restore as make_again
from upkeep.status import OK, facts, note_backup

SECRET = "备份里有审计密钥、个人信息和口令的散列：请像保管密钥一样保管它，存到另一台机器上"
FULL_SPACE = "\u3000"  # of Chinese text; Python calls it not printable
Home = Annotated[Path, typer.Option("--home", envvar="ZHINAO_HOME", help="数据目录")]
File = Annotated[Path, typer.Argument(metavar="FILE", help="备份文件，.tar.zst 或 .tar.gz")]

app = typer.Typer(
    help="备份与恢复。",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def main() -> None:
    """备份与恢复。"""


@app.command()
def backup(
    to: Annotated[Path, typer.Option(help="写到哪个文件，.tar.zst 或 .tar.gz；不覆盖")],
    home: Home = Path("var"),
    inbox: Annotated[
        bool, typer.Option("--inbox/--no-inbox", help="连同送来的文件；它们可以很大")
    ] = True,
) -> None:
    """备份数据目录和业务库，成一个文件；服务和装载照常运行。"""
    with _failures_in_one_line():
        manifest = back_up(home, to, datetime.now(UTC), inbox)
        note_backup(home, to.name, to.stat().st_size, datetime.now(UTC))
    _print(manifest)
    _say(f"已写入并核对 {to}（{to.stat().st_size / 1e6:,.1f} MB）")
    _say(SECRET)


@app.command()
def status(home: Home = Path("var")) -> None:
    """系统运行得怎样；有需要处理的以退出码 1 结束。"""
    with _failures_in_one_line():
        operations, store = Operations(home), EditionStore(home)
        found = facts(store, operations, datetime.now(UTC))
        operations.close()
        store.close()
    for fact in found:
        _say(f"{fact.word}  {fact.name}：{fact.text}")
        if fact.advice:
            _say(f"      {fact.advice}")
    raise typer.Exit(0 if all(fact.state == OK for fact in found) else 1)


@app.command()
def verify(file: File) -> None:
    """核对一个备份：每个文件都读一遍，与清单一致。"""
    with _failures_in_one_line():
        manifest = archive.verify(file)
    _print(manifest)
    _say("完好")


@app.command()
def restore(
    file: File,
    home: Home = Path("var"),
    is_replacing: Annotated[
        bool, typer.Option("--replace", help="代替已有的；原来的移到一旁，不删除")
    ] = False,
) -> None:
    """从备份恢复；先停止服务和装载。"""
    with _failures_in_one_line():
        done = make_again(file, home, datetime.now(UTC), is_replacing)
    _print(done.manifest)
    for note in done.notes:
        _say(f"  {note}")
    if done.aside is not None:
        _say(f"原来的数据目录移到 {done.aside}；确认无误后自行删除")
    _say(f"已恢复到 {home}")


def _print(manifest: Manifest) -> None:
    size = sum(each.size for each in manifest.members)
    editions = "、".join(map(str, manifest.editions)) or "无"
    _say(
        f"备份于 {manifest.made_at}，程序 {manifest.program}，站点 {manifest.site or '（未装载）'}"
    )
    _say(f"版本 {editions}；业务库 {manifest.store or '无'}（第 {manifest.revision or '—'} 版）")
    _say(f"{len(manifest.members)} 个文件，共 {size / 1e6:,.1f} MB")
    for reason in manifest.left_out:
        _say(f"  {reason}")


def _say(text: str, is_failure: bool = False) -> None:
    """One line; of a name or a manifest that somebody else wrote, no sign that a terminal obeys."""
    shown = "".join(sign if sign.isprintable() or sign == FULL_SPACE else "?" for sign in text)
    typer.echo(shown, err=is_failure)


@contextmanager
def _failures_in_one_line() -> Iterator[None]:
    """What the user can mend ends the command with its reason on stderr and exit code 1."""
    try:
        yield
    except (BackupError, OperationsError, EditionError, *FAILURES) as error:
        _say(f"失败：{' '.join(str(error).split())}", is_failure=True)
        raise typer.Exit(1) from None


if __name__ == "__main__":
    os.umask(0o077)  # what lies in a home is its owner's alone
    app()
