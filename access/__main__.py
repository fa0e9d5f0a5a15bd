"""The commands `python -m access accounts|sessions|devices|audit`."""

import os

import typer

from access.commands.accounts import accounts
from access.commands.audit import audit
from access.commands.devices import devices
from access.commands.sessions import sessions

app = typer.Typer(help="谁能做什么。", no_args_is_help=True, add_completion=False)
app.add_typer(accounts, name="accounts")
app.add_typer(sessions, name="sessions")
app.add_typer(devices, name="devices")
app.add_typer(audit, name="audit")


@app.callback()
def main() -> None:
    """谁能做什么。"""


if __name__ == "__main__":
    os.umask(0o077)  # what lies in a home is its owner's alone
    app()
