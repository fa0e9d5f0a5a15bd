"""The commands of the data flow: demo, run, watch, check, editions (see README)."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from data import logs
from data.declaration import DeclarationError
from data.display import rate_text
from data.editions.edition import EditionOutdated
from data.editions.shelf import Shelf
from data.editions.store import EditionStore
from etl.on_record import note_erasure, note_settings
from etl.origin import Origin, recorded
from etl.report import Report
from etl.run import FAILURES, run

SITES = Path(__file__).parent.parent / "sites"
Home = Annotated[Path, typer.Option(help="运行目录：版本、运行记录、收件箱", envvar="ZHINAO_HOME")]
WRITER_PATIENCE = 120.0  # seconds
COUNT_NAMES = ("读入", "新增", "更新", "未变", "重复", "过时", "隔离", "替换")

app = typer.Typer(
    help="智脑的数据流程",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
editions = typer.Typer(help="版本：列出、固定、清理", no_args_is_help=True)
app.add_typer(editions, name="editions")


@app.command("run")
def run_command(
    home: Home,
    site: Annotated[Path, typer.Option(help="站点声明目录", envvar="ZHINAO_SITE")],
    input: Annotated[
        Path | None, typer.Option(help="来源文件所在目录；缺省为运行目录的 inbox")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="把结果写成 JSON 文件")] = None,
    as_of_clock: Annotated[
        datetime | None, typer.Option("--now", help="把这一刻当作现在（用于重放）")
    ] = None,
) -> None:
    """装载来源中的新数据，发布一个版本，打印收支平衡。"""
    with failures_in_one_line(), progress() as show:
        origin = Origin(site, input or home / "inbox")
        report = run(origin, home, now=as_of_clock, progress=show)
    if json:
        json.write_bytes(report.as_json())
    _tell(home, print_report, report)
    raise typer.Exit(0 if report.is_good else 1)


@app.command()
def demo(
    home: Home,
    cases: Annotated[int | None, typer.Option(min=100, help="事项数，缺省十万")] = None,
    days: Annotated[int | None, typer.Option(min=14, help="天数，缺省 548")] = None,
    seed: Annotated[int | None, typer.Option(help="随机种子；相同种子得到相同的文件")] = None,
    live: Annotated[bool, typer.Option(help="写完后继续按时送来新数据")] = False,
) -> None:
    """写出一个虚构县各业务系统会送来的文件，并装载。"""
    from etl import demo as county

    inbox = home / "inbox"
    asked = {"cases": cases, "days": days, "seed": seed}
    with failures_in_one_line(), progress() as show:
        if (inbox / "planted.json").exists():
            _refuse_another_demo(inbox, asked)
        else:
            county.generate(
                inbox,
                cases=cases or 100_000,
                days=days or 548,
                seed=1 if seed is None else seed,
                progress=show,
            )
        # Beside `etl watch`, which may just be writing.
        report = run(Origin(SITES / "demo", inbox), home, progress=show, wait=WRITER_PATIENCE)
    print_report(report)
    if Shelf(home).pointed() is not None and (fault := county.add_accounts(home)):
        typer.echo(f"没有建立演示账号：{fault}；恢复后再运行一次本命令", err=True)
        raise typer.Exit(1)
    if live:
        county.live(inbox)
    raise typer.Exit(0 if report.is_good else 1)


def _refuse_another_demo(inbox: Path, asked: dict[str, int | None]) -> None:
    """The files are written once; other figures for the same home would be ignored silently."""
    planted = orjson.loads((inbox / "planted.json").read_bytes())
    since, end = (datetime.fromisoformat(planted[name]) for name in ("since", "end"))
    known = {"cases": planted["cases"], "seed": planted["seed"], "days": (end - since).days + 1}
    other = [k for k, v in asked.items() if v is not None and abs(v - known[k]) > (k == "days")]
    if other:
        had = "、".join(f"{name} = {known[name]}" for name in other)
        raise DeclarationError(f"{inbox}：已有一个演示县（{had}）；请换一个 --home")


@app.command()
def watch(home: Home) -> None:
    """守着来源，有新文件就装载；Ctrl-C 结束。"""
    from etl.watch import log_report
    from etl.watch import watch as keep_watching

    logs.configure()
    told = log_report if logs.is_json() else print_report
    with failures_in_one_line():
        keep_watching(recorded(home), home, on_report=partial(_tell, home, told))


def _tell(home: Path, told: Callable[[Report], None], report: Report) -> None:
    told(report)
    if fault := note_settings(home, report):
        typer.echo(f"声明的改动未能记入审计：{fault}", err=True)


@app.command()
def check(home: Home) -> None:
    """核对当前版本：整库读一遍，平衡、编码、落格合计、流转与办结一致。"""
    from etl.check import check as problems_of

    with failures_in_one_line():
        number, state, problems = problems_of(home)
    for problem in problems:
        typer.echo(problem, err=True)
    typer.echo(
        f"版本 {number}：{'有 ' + str(len(problems)) + ' 处不符' if problems else '全部相符'}"
    )
    typer.echo(f"状态散列 {state}")
    raise typer.Exit(1 if problems else 0)


@app.command()
def erase(
    case_code: Annotated[str, typer.Argument(help="事项编码（一案一码）")],
    home: Home,
    reason: Annotated[str, typer.Option(help="依据，如 当事人申请；不要写姓名")] = "",
) -> None:
    """清空一个事项的个人信息：立即生效，以后再送来也不恢复。"""
    from etl.erasure import erase as erased

    faults: list[str] = []

    def note() -> None:
        faults.extend(filter(None, [note_erasure(home, case_code, reason)]))

    try:
        with failures_in_one_line():
            done = erased(home, case_code, reason, wait=WRITER_PATIENCE, listed=note)
    finally:
        for fault in faults:
            again = "业务库恢复后再执行一次本命令，即补记"
            typer.echo(f"这次清除没有记入审计：{fault}；{again}", err=True)
    typer.echo(
        f"已清空 {case_code}，发布版本 {done.edition}"
        if done.edition
        else f"{case_code} 没有可清空的个人信息；已列入名单"
    )
    typer.echo(f"删除旧版本：{'、'.join(map(str, done.removed)) or '无'}")
    if done.pinned:
        listed = "、".join(map(str, done.pinned))
        typer.echo(
            f"已固定的版本仍含有它：{listed}，页面、导出和命令不再显示；"
            "要从磁盘上去掉，取消固定（editions unpin）后再执行一次",
            err=True,
        )
    if done.pinned or faults:
        raise typer.Exit(1)


@editions.command("list")
def list_editions(home: Home) -> None:
    """列出版本；* 为正在使用，P 为已固定。"""
    store = EditionStore(home)
    current, pinned = store.current(), store.pinned()
    for number in store.numbers():
        marks = ("*" if number == current else " ") + ("P" if number in pinned else " ")
        typer.echo(f"{marks} {number}  {_described(store, number)}")


def _described(store: EditionStore, number: int) -> str:
    with failures_in_one_line():
        try:
            with store.reading(number) as edition:
                return f"发布 {edition.published_at}  数据至 {edition.data_time}"
        except EditionOutdated as older:
            return str(older)


@editions.command()
def pin(number: int, home: Home) -> None:
    """固定一个版本，清理时保留。"""
    with failures_in_one_line():
        EditionStore(home).pin(number)


@editions.command()
def unpin(number: int, home: Home) -> None:
    """取消固定。"""
    with failures_in_one_line():
        EditionStore(home).unpin(number)


@editions.command()
def prune(home: Home, keep: Annotated[int, typer.Option(min=1, help="保留最近几个")] = 3) -> None:
    """删除旧版本；正在使用和已固定的总是保留。"""
    with failures_in_one_line():
        removed = EditionStore(home).prune(keep)
    typer.echo(f"删除 {len(removed)} 个版本：{'、'.join(map(str, removed)) or '无'}")


@contextmanager
def failures_in_one_line() -> Iterator[None]:
    """What the user can mend ends the command with its reason on stderr and exit code 1."""
    try:
        yield
    except FAILURES as error:
        typer.echo(f"失败：{error}", err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


@contextmanager
def progress() -> Iterator:
    """A progress bar on a terminal, nothing elsewhere."""
    console = Console(stderr=True)
    if not sys.stderr.isatty():
        yield lambda stage, done, of: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda stage, done, of: bar.update(task, description=stage, completed=done, total=of)


def print_report(report: Report) -> None:
    """The balance by source, which adds up; what was refused or failed; the edition."""
    if report.edition is None:
        typer.echo("没有变化，未发布新版本")
    if report.balances:
        _print_balance(report)
    for balance in report.balances:
        if balance.state == "refused":
            typer.echo(f"拒收 {balance.source} {balance.member}：{balance.reason}", err=True)
    for source, reason in report.failures.items():
        typer.echo(f"失败 {source}：{reason}", err=True)
    for source, names in report.new_columns.items():
        if names:
            typer.echo(f"新列 {source}：{'、'.join(names)}（已存入 extra，声明中没有）", err=True)
    for source, names in report.missing_columns.items():
        for name in names:
            near = get_close_matches(name, report.new_columns.get(source, ()), n=1, cutoff=0.5)
            hint = f"；是不是“{near[0]}”？" if near else ""
            typer.echo(f"来源 {source}：声明的列“{name}”在文件中没有{hint}", err=True)
    for source in report.without_files:
        typer.echo(f"来源 {source}：输入目录下没有其 files 所声明的文件", err=True)
    for source in report.undeclared:
        typer.echo(f"来源 {source}：声明已不在，已装载的数据仍然保留", err=True)
    if report.forgotten:
        typer.echo(f"已清空 {report.forgotten:,} 件事项的个人信息（保留期满或已申请清除）")
    if report.located and report.located[1]:
        typer.echo(
            f"落格率 {rate_text(*report.located)}（{report.located[0]:,}/{report.located[1]:,}）"
        )
    if report.edition is not None:
        seconds = sum(report.seconds.values())
        typer.echo(f"已发布版本 {report.edition}，用时 {seconds:.1f} 秒")


def _print_balance(report: Report) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("来源")
    for name in COUNT_NAMES:
        table.add_column(name, justify="right")
    for source in dict.fromkeys(balance.source for balance in report.balances):
        table.add_row(source, *(f"{n:,}" for n in report.totals(source).values()))
    table.add_row("合计", *(f"{n:,}" for n in report.totals().values()))
    Console(width=140, soft_wrap=True).print(table)
    holds = all(balance.adds_up for balance in report.balances)
    typer.echo(f"读入 = 新增 + 更新 + 未变 + 重复 + 过时 + 隔离：{'成立' if holds else '不成立'}")
    if filtered := sum(balance.filtered for balance in report.balances):
        typer.echo(f"另有 {filtered:,} 行不合来源的 where，不计入读入")
