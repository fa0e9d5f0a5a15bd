"""Announce the newest matters on the ticker: time, place, kind and risk, nobody's name."""

from dash import ClientsideFunction, Dash, Input, Output

from access.policy import needs
from access.roles import Power
from callbacks.answer import Answers, Inquiry, answered
from callbacks.refresh import asked, guarded
from callbacks.services import Services
from layouts.controls import Control
from layouts.marks import risk_word
from layouts.panel import Listing
from layouts.panels.newest import moment

LINES = 8


def register(app: Dash, services: Services) -> None:
    app.callback(
        Output(Control.TICKER, "data"),
        Input(Control.SCOPE, "data"),
        Input(Control.PULSE, "data"),
        prevent_initial_call=True,
    )(needs(Power.FIGURES)(guarded(announcer(services.answers))))
    app.clientside_callback(
        ClientsideFunction("wall", "ticker"),
        Output(Control.SINK, "dir"),
        Input(Control.TICKER, "data"),
        prevent_initial_call=True,
    )


def announcer(answers: Answers):
    """The callback: the lines that the ticker steps through."""

    def announce(scope_json: str | None, _pulse: dict | None) -> list[str]:
        return answers.of("ticker", asked(scope_json), lines)[0]

    return announce


def lines(question: Inquiry) -> list[str]:
    """One line a case, newest first; where there is none, that."""
    cases = answered(Listing("newest_cases", LINES), question)
    return [_line(row) for row in cases.to_dict("records")] or ["暂无新事项"]


def _line(row: dict) -> str:
    at = moment(row["accepted_at"], row["precision"])
    risk = risk_word(row["risk"])
    return f"{at}　{row['place']}　{row['category']}　{risk}　{row['department']}"
