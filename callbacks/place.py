"""Place labels, pins and rings over the map; the browser does it, by the map's own projection."""

from dash import ClientsideFunction, Dash, Input, Output, State

from callbacks.services import Services
from layouts.controls import Control


def register(app: Dash, services: Services) -> None:
    app.clientside_callback(
        ClientsideFunction("wall", "overlay"),
        Output(Control.SINK, "lang"),
        Input(Control.MAP_OVERLAY, "data"),
        State(Control.MAP_LAYER, "id"),
        prevent_initial_call=True,
    )
