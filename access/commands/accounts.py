"""`python -m access accounts add|change|list|disable|enable|reset|unlock|link|unlink|roles`."""

import sys
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from access.account import Account
from access.accounts import Accounts
from access.audit import CONSOLE
from access.commands.opened import HOME, Home, opened, shown
from access.roles import ROLES, WORDS
from access.sign_in import SignIn

accounts = typer.Typer(help="账号：谁能登录，能看哪里。", no_args_is_help=True)
Name = Annotated[str, typer.Argument(metavar="NAME", help="账号名")]
ONCE = "以上口令只显示这一次；第一次登录时要改"


@accounts.command()
def add(
    name: Name,
    role: Annotated[str, typer.Option(help="角色，accounts roles 可查")],
    shown: Annotated[
        str | None, typer.Option(help="屏幕上显示的名称，如 信访局受理岗；缺省为账号名")
    ] = None,
    region: Annotated[
        list[str] | None,
        typer.Option(help="只看这个区域，层级:编码，如 town:439921001，可重复；缺省不限"),
    ] = None,
    department: Annotated[
        list[str] | None, typer.Option(help="只看这个部门的事项，编码，可重复；缺省不限")
    ] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="口令从标准输入读一行，不由系统生成")
    ] = False,
    home: Home = HOME,
) -> None:
    """新建一个账号，打印它的第一个口令；口令只显示这一次。"""
    given = sys.stdin.readline().rstrip("\r\n") if password_stdin else None
    told = shown or name, role, datetime.now(UTC), region or (), department or ()
    with opened(home) as operations:
        first = Accounts(operations).add(name, *told, password=given)
    _tell(first) if given is None else typer.echo(f"已建账号 {name}")


@accounts.command()
def change(
    name: Name,
    role: Annotated[str | None, typer.Option(help="换成这个角色")] = None,
    shown: Annotated[str | None, typer.Option(help="换成这个显示名")] = None,
    region: Annotated[list[str] | None, typer.Option(help="改为只看这个区域，可重复")] = None,
    department: Annotated[list[str] | None, typer.Option(help="改为只看这个部门，可重复")] = None,
    is_unlimited: Annotated[bool, typer.Option("--unlimited", help="不再限定区域和部门")] = False,
    home: Home = HOME,
) -> None:
    """改一个账号的角色、显示名或范围；角色或范围变了，已登录的立即退出。"""
    if is_unlimited and (region or department):
        raise typer.BadParameter("--unlimited 和 --region、--department 只能用一种")
    regions = [] if is_unlimited else region or None
    departments = [] if is_unlimited else department or None
    given = {"role": role, "shown": shown, "regions": regions, "departments": departments}
    if all(value is None for value in given.values()):
        raise typer.BadParameter("没有说改什么；--help 可查")
    with opened(home) as operations:
        Accounts(operations).change(name, datetime.now(UTC), CONSOLE, **given)
    typer.echo(f"已修改 {name}")


@accounts.command("list")
def list_accounts(home: Home = HOME) -> None:
    """列出所有账号，停用的也在内。"""
    names = ("账号", "显示", "角色", "限于", "验证码", "登记", "停用", "备注")
    table = Table(*names, box=None, pad_edge=False)
    with opened(home) as operations:
        for each in Accounts(operations).all():
            role = ROLES[each.role].name if each.role in ROLES else each.role
            has_totp, times = "有" if each.has_totp else "—", (each.added_at, each.disabled_at)
            told = each.name, escape(each.shown), role, escape(_limits(each)), has_totp
            table.add_row(*told, *map(shown, times), _notes(each))
    Console(width=160, soft_wrap=True).print(table)


@accounts.command()
def disable(name: Name, home: Home = HOME) -> None:
    """停用一个账号：立即不能登录，已登录的立即退出。"""
    with opened(home) as operations:
        Accounts(operations).disable(name, datetime.now(UTC))
    typer.echo(f"已停用 {name}")


@accounts.command()
def enable(name: Name, home: Home = HOME) -> None:
    """重新启用一个停用的账号。"""
    with opened(home) as operations:
        Accounts(operations).enable(name, datetime.now(UTC))
    typer.echo(f"已启用 {name}")


@accounts.command()
def reset(name: Name, home: Home = HOME) -> None:
    """换一个口令，打印出来；已登录的立即退出，锁定同时解除。"""
    with opened(home) as operations:
        _tell(Accounts(operations).reset_password(name, datetime.now(UTC)))


@accounts.command()
def unlock(name: Name, home: Home = HOME) -> None:
    """解除口令连续输错造成的锁定。"""
    with opened(home) as operations:
        SignIn(operations).unlock(name, datetime.now(UTC))
    typer.echo(f"已解除 {name} 的锁定")


@accounts.command()
def link(
    name: Name,
    issuer: Annotated[str, typer.Argument(metavar="ISSUER", help="签发方地址，与平台的 iss 一致")],
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="用户标识，平台的 sub")],
    home: Home = HOME,
) -> None:
    """绑定一个统一身份：由它单点登录的人就是这个账号。"""
    with opened(home) as operations:
        bound = f"{issuer} {subject}"
        Accounts(operations).change(name, datetime.now(UTC), CONSOLE, oidc_subject=bound)
    typer.echo(f"已绑定 {name}")


@accounts.command()
def unlink(name: Name, home: Home = HOME) -> None:
    """解除绑定：这个账号不能再单点登录，已登录的立即退出。"""
    with opened(home) as operations:
        Accounts(operations).change(name, datetime.now(UTC), CONSOLE, oidc_subject="")
    typer.echo(f"已解除 {name} 的绑定")


@accounts.command()
def roles() -> None:
    """列出角色和它们能做什么。"""
    table = Table("角色", "名称", "能做什么", "区域或部门", box=None, pad_edge=False)
    for role in ROLES.values():
        powers = "、".join(word for power, word in WORDS.items() if power in role.powers)
        table.add_row(role.key, role.name, powers, "必须指明" if role.is_limited else "可不限")
    Console(width=160, soft_wrap=True).print(table)


def _tell(password: str) -> None:
    """The password alone on stdout, so that a script can take it."""
    typer.echo(password)
    typer.echo(ONCE, err=True)


def _limits(account: Account) -> str:
    regions = (f"{level}:{code}" for level, code in account.regions)
    return "、".join((*regions, *account.departments)) or "不限"


def _notes(account: Account) -> str:
    notes = {
        "演示账号": account.is_demo,
        "待改口令": account.must_change,
        "已绑定统一身份": account.oidc_subject is not None,
    }
    return "、".join(note for note, holds in notes.items() if holds) or "—"
