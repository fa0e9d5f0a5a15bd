"""Tell how the system runs, when the page is opened and when the heartbeat saw something new."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from dash import Dash, Input, Output

from access.policy import needs
from access.roles import Power
from callbacks.services import Services
from layouts.controls import Control
from layouts.status_board import Part, board, verdict


def register(app: Dash, services: Services) -> None:
    app.callback(
        Output(Part.FACTS, "children"),
        Output(Part.TOLD, "children"),
        Input(Control.PULSE, "data"),
    )(needs(Power.STATUS)(teller(services)))


def teller(services: Services) -> Callable:
    """The callback: the lines, and all of it in one word."""

    def tell_status(_pulse: Any) -> tuple:
        facts = services.facts(datetime.now(UTC))
        return board(facts), verdict(facts)

    return tell_status
