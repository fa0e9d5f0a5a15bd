"""What every command needs: the home's store, opened, and its failures told to the user."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from access.operations import FAILURES, Operations, OperationsError

Home = Annotated[Path, typer.Option("--home", envvar="ZHINAO_HOME", help="数据目录")]
HOME = Path("var")


@contextmanager
def opened(home: Path) -> Iterator[Operations]:
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


def shown(at: datetime | None) -> str:
    """A time of the store on this machine's clock."""
    return f"{at.astimezone():%Y-%m-%d %H:%M}" if at else "—"
