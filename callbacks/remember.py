"""Remember what the viewer chose in the page's address, so that it can be sent and comes back."""

from dash import ClientsideFunction, Dash, Input, Output

from access.policy import needs
from access.roles import Power
from callbacks.refresh import asked, guarded
from callbacks.services import Services
from layouts.address import Address
from layouts.controls import Control
from layouts.measures import MEASURES


def register(app: Dash, services: Services) -> None:
    app.callback(
        Output(Control.ADDRESS, "data"),
        Input(Control.SCOPE, "data"),
        Input(Control.MEASURE, "value"),
        Input(Control.HEAT, "value"),
        prevent_initial_call=True,
    )(needs(Power.FIGURES)(guarded(remember)))
    app.clientside_callback(
        ClientsideFunction("wall", "address"),
        Output(Control.SINK, "title"),
        Input(Control.ADDRESS, "data"),
        prevent_initial_call=True,
    )


def remember(scope_json: str | None, measure: str | None, heat: list | None) -> str:
    """The query of the address."""
    key = measure if isinstance(measure, str) and measure in MEASURES else None
    return Address(asked(scope_json), key, bool(heat)).query()
