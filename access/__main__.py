"""The commands `python -m access devices add|list|revoke` and `audit verify|list`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from access.audit import Audit
from access.devices import KINDS, LIMITED, Device, Devices
from access.operations import FAILURES, Operations, OperationsError

Home = Annotated[Path, typer.Option("--home", envvar="ZHINAO_HOME", help="数据目录")]
HELP = "设备令牌：报送预警的系统、大屏、遥控器。"

app = typer.Typer(help="谁能做什么。", no_args_is_help=True, add_completion=False)
devices = typer.Typer(help=HELP, no_args_is_help=True)
app.add_typer(devices, name="devices")
audit = typer.Typer(help="审计：谁在什么时候做了什么。", no_args_is_help=True)
app.add_typer(audit, name="audit")


@app.callback()
def main() -> None:
    """谁能做什么。"""


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
    home: Home = Path("var"),
) -> None:
    """登记一台设备，打印它的令牌；令牌只显示这一次。"""
    with _devices(home) as known:
        typer.echo(known.add(kind, name, datetime.now(UTC), sender or (), region or ()))


@devices.command("list")
def list_devices(home: Home = Path("var")) -> None:
    """列出设备；令牌本身不保存，无法列出。"""
    names = ("编号", "名称", "种类", "限于", "登记", "最近使用", "吊销")
    table = Table(*names, box=None, pad_edge=False)
    with _devices(home) as known:
        for each in known.all():
            times = (_shown(at) for at in (each.added_at, each.last_seen, each.revoked_at))
            table.add_row(str(each.id), escape(each.name), each.kind, escape(_limits(each)), *times)
    Console(width=140, soft_wrap=True).print(table)


@devices.command()
def revoke(
    which: Annotated[str, typer.Argument(metavar="NAME|ID", help="名称或编号")],
    home: Home = Path("var"),
) -> None:
    """吊销一台设备：它的令牌立即失效。"""
    with _devices(home) as known:
        typer.echo(f"已吊销 {known.revoke(which, datetime.now(UTC)).name}")


@audit.command()
def verify(home: Home = Path("var")) -> None:
    """检查审计记录有没有被改动、缺失或截去；有问题以退出码 1 结束。"""
    with _operations(home) as operations:
        verdict = Audit(operations).verify()
    for problem in verdict.problems:
        print(problem, file=sys.stderr)
    if verdict.problems:
        raise typer.Exit(1)
    typer.echo(f"审计 {verdict.entries} 条，链完整；锚文件记录到第 {verdict.anchored} 条")


@audit.command("list")
def list_entries(
    limit: Annotated[int, typer.Option(min=1, help="最多列多少条，从最新的起")] = 50,
    home: Home = Path("var"),
) -> None:
    """列出审计记录。"""
    table = Table(
        "序号", "时间", "谁", "做了什么", "对象", "结果", "说明", box=None, pad_edge=False
    )
    with _operations(home) as operations:
        for kept in Audit(operations).entries(limit=limit):
            said = kept.entry
            told = (said.actor, said.action, said.subject, said.result, said.detail)
            table.add_row(str(kept.seq), _shown(kept.at), *map(escape, told))
    Console(width=160, soft_wrap=True).print(table)


@contextmanager
def _devices(home: Path) -> Iterator[Devices]:
    with _operations(home) as operations:
        yield Devices(operations)


@contextmanager
def _operations(home: Path) -> Iterator[Operations]:
    """What the user can mend ends the command with its reason on stderr and exit code 1."""
    try:
        operations = Operations(home)
        try:
            yield operations
        finally:
            operations.close()
    except OperationsError as error:
        print(f"失败：{error}", file=sys.stderr)
        raise typer.Exit(1) from None
    except FAILURES as error:
        print(f"失败：业务库用不了（{str(error).splitlines()[0]}）", file=sys.stderr)
        raise typer.Exit(1) from None


def _limits(device: Device) -> str:
    """For whom it may speak, or of what it is told."""
    regions = (f"{level}:{code}" for level, code in device.regions)
    limited = "、".join((*device.senders, *regions))
    return limited or ("不限" if device.kind in LIMITED.values() else "—")


def _shown(at: datetime | None) -> str:
    return f"{at.astimezone():%Y-%m-%d %H:%M}" if at else "—"


if __name__ == "__main__":
    app()
