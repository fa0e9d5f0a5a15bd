"""Draw the map, by the GPU or without one as the machine can; the browser does it, and tells."""

from dash import ClientsideFunction, Dash, Input, Output, State

from callbacks.services import Services
from layouts.controls import Control


def register(app: Dash, services: Services) -> None:
    app.clientside_callback(
        ClientsideFunction("map", "draw"),
        Output(Control.SINK, "role"),
        Input(Control.MAP_FIGURE, "data"),
        State(Control.MAP_FRAME, "id"),  # not the graph's, or Dash would wait for plotly
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("map", "told"),
        Output(Control.MAP_DRAWING, "children"),
        Input(Control.PULSE, "data"),
    )
