"""`python -m access sessions list|end`."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from access.commands.opened import HOME, Home, opened, shown
from access.sessions import OIDC, PASSWORD, Sessions

WAYS = {PASSWORD: "口令", OIDC: "统一身份"}

sessions = typer.Typer(help="会话：谁正登录着。", no_args_is_help=True)


@sessions.command("list")
def list_sessions(home: Home = HOME) -> None:
    """列出正登录着的会话，最新的在前。"""
    names = ("账号", "显示", "登录", "最近使用", "地址", "方式", "浏览器")
    table = Table(*names, box=None, pad_edge=False)
    with opened(home) as operations:
        for each in Sessions(operations).all(datetime.now(UTC)):
            times, way = (each.begun_at, each.seen_at), WAYS.get(each.way, each.way)
            told = each.address, way, escape(each.agent)
            table.add_row(each.account, escape(each.shown), *map(shown, times), *told)
    Console(width=200, soft_wrap=True).print(table)


@sessions.command()
def end(
    name: Annotated[str, typer.Argument(metavar="NAME", help="账号名")], home: Home = HOME
) -> None:
    """让一个账号的全部会话立即退出。"""
    with opened(home) as operations:
        count = Sessions(operations).end_all(name, datetime.now(UTC))
    typer.echo(f"已退出 {name} 的 {count} 个会话")
