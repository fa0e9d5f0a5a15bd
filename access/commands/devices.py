"""`python -m access devices add|list|revoke`."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from access.commands.opened import HOME, Home, opened, shown
from access.devices import KINDS, LIMITED, Device, Devices

devices = typer.Typer(help="设备令牌：报送预警的系统、大屏、遥控器。", no_args_is_help=True)


@devices.command()
def add(
    kind: Annotated[str, typer.Option(help="、".join(f"{k} {v}" for k, v in KINDS.items()))],
    name: Annotated[
        str, typer.Option(help="设备名称，如 气象局平台、值班台；大屏会显示是谁签收的，不写人名")
    ],
    sender: Annotated[
        list[str] | None,
        typer.Option(help="alerts：只能以这个 CAP sender 的名义报送，可重复；缺省不限"),
    ] = None,
    region: Annotated[
        list[str] | None,
        typer.Option(help="wall：只看这个区域，层级:编码，如 town:439921001，可重复；缺省不限"),
    ] = None,
    home: Home = HOME,
) -> None:
    """登记一台设备，打印它的令牌；令牌只显示这一次。"""
    with opened(home) as operations:
        typer.echo(
            Devices(operations).add(kind, name, datetime.now(UTC), sender or (), region or ())
        )


@devices.command("list")
def list_devices(home: Home = HOME) -> None:
    """列出设备；令牌本身不保存，无法列出。"""
    names = ("编号", "名称", "种类", "限于", "登记", "最近使用", "吊销")
    table = Table(*names, box=None, pad_edge=False)
    with opened(home) as operations:
        for each in Devices(operations).all():
            times = (shown(at) for at in (each.added_at, each.last_seen, each.revoked_at))
            table.add_row(str(each.id), escape(each.name), each.kind, escape(_limits(each)), *times)
    Console(width=140, soft_wrap=True).print(table)


@devices.command()
def revoke(
    which: Annotated[str, typer.Argument(metavar="NAME|ID", help="名称或编号")],
    home: Home = HOME,
) -> None:
    """吊销一台设备：它的令牌立即失效。"""
    with opened(home) as operations:
        typer.echo(f"已吊销 {Devices(operations).revoke(which, datetime.now(UTC)).name}")


def _limits(device: Device) -> str:
    """For whom it may speak, or of what it is told."""
    regions = (f"{level}:{code}" for level, code in device.regions)
    limited = "、".join((*device.senders, *regions))
    return limited or ("不限" if device.kind in LIMITED.values() else "—")
