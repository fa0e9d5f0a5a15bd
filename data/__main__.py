"""The commands `python -m data measure` and `python -m data cases`: numbers without a screen."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    import pandas as pd

    from data.editions.edition import Edition
    from data.scope import Scope

FAILED, WRONG_USE = 1, 2

app = typer.Typer(
    help="按口径取数。", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)


class Format(StrEnum):
    table = "table"
    csv = "csv"
    json = "json"


By = Annotated[str, typer.Option("--by", help="维度，用逗号分开：town,department")]
From = Annotated[str | None, typer.Option("--from", help="起始时间（含），如 2026-11-02")]
To = Annotated[str | None, typer.Option("--to", help="截止时间（不含）")]
AsOf = Annotated[str | None, typer.Option("--as-of", help="看这一时点的状态；缺省为数据时间")]
Number = Annotated[int | None, typer.Option("--edition", help="版本号；缺省为最新")]
Where = Annotated[list[str] | None, typer.Option("--where", help="维度=编码，可重复；- 为无值")]
More = Annotated[list[str] | None, typer.Argument(help="更多 维度=编码", metavar="[DIM=CODE]...")]
Home = Annotated[Path, typer.Option("--home", envvar="ZHINAO_HOME", help="数据目录")]


@app.command()
def measure(
    key: Annotated[str, typer.Argument(help="指标，如 closure_rate")],
    more: More = None,
    by: By = "",
    since: From = None,
    until: To = None,
    as_of: AsOf = None,
    edition: Number = None,
    where: Where = None,
    home: Home = Path("var"),
    names: Annotated[bool, typer.Option("--names", help="编码旁加名称")] = False,
    output: Annotated[Format, typer.Option("--format")] = Format.table,
) -> None:
    """一个指标：可按维度分组、按时间和维度筛选。"""
    with _answering(home, edition, (since, until, as_of), [*(where or ()), *(more or ())]) as ask:
        from data.indicators import indicator_of
        from data.measure import measure as measured
        from data.scope import Grant

        keys = [part.strip() for part in by.split(",") if part.strip()]
        frame = measured(ask[0], key, keys, ask[1], Grant.full())
        if names:
            frame = _with_names(ask[0], frame, keys)
        if output is Format.table:
            frame = _as_shown(frame, indicator_of(key))
        PRINTERS[output](frame)


@app.command()
def cases(
    more: More = None,
    since: From = None,
    until: To = None,
    as_of: AsOf = None,
    edition: Number = None,
    where: Where = None,
    home: Home = Path("var"),
    indicator: Annotated[str, typer.Option("--of", help="哪个指标的事项")] = "accepted",
    limit: Annotated[int | None, typer.Option("--limit", help="至多几行", min=1)] = None,
    output: Annotated[Format, typer.Option("--format")] = Format.csv,
) -> None:
    """数字背后的事项，逐件列出。"""
    with _answering(home, edition, (since, until, as_of), [*(where or ()), *(more or ())]) as ask:
        from data.cases import cases_behind
        from data.scope import Grant

        PRINTERS[output](cases_behind(*ask, Grant.full(), limit, indicator))


@contextmanager
def _answering(
    home: Path,
    number: int | None,
    times: tuple[str | None, str | None, str | None],
    where: list[str],
) -> Iterator[tuple["Edition", "Scope"]]:
    """The edition and the scope of a command; what goes wrong ends it with one line and a code."""
    from data.editions.edition import EditionError
    from data.editions.store import EditionStore
    from data.scope import Scope, ScopeError

    since, until, as_of = times
    try:
        pairs = tuple(_pair(text) for text in where)
        scope = Scope(since=since, until=until, as_of=as_of, edition=number, where=pairs)  # type: ignore[arg-type]
        store = EditionStore(home)
        try:
            with store.reading(number) as edition:
                yield edition, scope
        finally:
            store.close()
    except ScopeError as error:
        _end(error.message, WRONG_USE)
    except (EditionError, OSError) as error:
        _end(str(error), FAILED)


def _pair(text: str) -> tuple[str, str]:
    from data.scope import ScopeError

    dimension, separator, code = text.partition("=")
    if not separator:
        raise ScopeError(f"{text} 应写成 维度=编码")
    return dimension, code


def _end(reason: str, code: int) -> NoReturn:
    print(" ".join(reason.split()), file=sys.stderr)
    raise typer.Exit(code)


def _with_names(edition: "Edition", frame: "pd.DataFrame", by: list[str]) -> "pd.DataFrame":
    from data.names import named

    for key in dict.fromkeys(by):
        names = named(edition, key)
        codes = frame[key]
        place = frame.columns.get_loc(key)
        frame.insert(int(place) + 1, f"{key}_name", [names.get(code, code) for code in codes])  # type: ignore[arg-type]
    return frame


def _as_shown(frame: "pd.DataFrame", indicator) -> "pd.DataFrame":
    """The value as a screen would show it."""
    from data.display import text

    rows = zip(frame["value"], frame["numerator"], frame["denominator"], strict=True)
    return frame.assign(value=[text(*row, indicator) for row in rows])


def _print_csv(frame: "pd.DataFrame") -> None:
    frame.to_csv(sys.stdout, index=False, lineterminator="\n")


def _print_json(frame: "pd.DataFrame") -> None:
    import json

    records = frame.astype(object).where(frame.notna(), None).to_dict("records")
    print(json.dumps(records, ensure_ascii=False, default=str))


def _print_table(frame: "pd.DataFrame") -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    for name in frame.columns:
        is_number = name in ("numerator", "denominator", "value")
        table.add_column(str(name), justify="right" if is_number else "left", no_wrap=True)
    for row in frame.astype(object).where(frame.notna(), "").itertuples(index=False):
        table.add_row(*map(str, row))
    Console(width=None if sys.stdout.isatty() else 240).print(table)


PRINTERS: dict[Format, Callable[["pd.DataFrame"], None]] = {
    Format.csv: _print_csv,
    Format.json: _print_json,
    Format.table: _print_table,
}


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    app()
