"""`python -m access audit verify|list`."""

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from access.audit import Audit
from access.commands.opened import HOME, Home, opened, shown

audit = typer.Typer(help="审计：谁在什么时候做了什么。", no_args_is_help=True)


@audit.command()
def verify(home: Home = HOME) -> None:
    """检查审计记录有没有被改动、缺失或截去；有问题以退出码 1 结束。"""
    with opened(home) as operations:
        verdict = Audit(operations).verify()
    for problem in verdict.problems:
        print(problem, file=sys.stderr)
    if verdict.problems:
        raise typer.Exit(1)
    typer.echo(f"审计 {verdict.entries} 条，链完整；锚文件记录到第 {verdict.anchored} 条")


@audit.command("list")
def list_entries(
    limit: Annotated[int, typer.Option(min=1, help="最多列多少条，从最新的起")] = 50,
    home: Home = HOME,
) -> None:
    """列出审计记录。"""
    table = Table(
        "序号", "时间", "谁", "做了什么", "对象", "结果", "说明", box=None, pad_edge=False
    )
    with opened(home) as operations:
        for kept in Audit(operations).entries(limit=limit):
            said = kept.entry
            told = (said.actor, said.action, said.subject, said.result, said.detail)
            table.add_row(str(kept.seq), shown(kept.at), *map(escape, told))
    Console(width=160, soft_wrap=True).print(table)
