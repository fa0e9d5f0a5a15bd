"""The map with everything that stands on it: trail, window, choice, legend, 落格率, 审图号."""

from dash import dcc, html

from layouts.address import Address
from layouts.controls import Control
from layouts.measures import MEASURES

CLEAR, HIDDEN = "rgba(0,0,0,0)", {"visible": False}
NOTHING = {  # yet; without this plotly draws the axes of an empty plot
    "data": [],
    "layout": {"paper_bgcolor": CLEAR, "plot_bgcolor": CLEAR, "xaxis": HIDDEN, "yaxis": HIDDEN},
}


def map_section(address: Address) -> html.Section:
    """One map to a page: its ids are the page's controls.

    The browser draws it by the graph or, without a GPU, on a canvas (assets/map_drawing.js)."""
    graph = dcc.Graph(
        id=Control.MAP,
        figure=NOTHING,
        config={"displayModeBar": False, "scrollZoom": True, "doubleClick": False},
        responsive=True,
        clear_on_unhover=False,
    )
    return html.Section(
        [
            graph,
            html.Div(id=Control.MAP_CANVAS, className="map-canvas"),
            html.Div(id=Control.MAP_LAYER, className="map-overlay"),
            html.Div(
                [
                    html.Nav(id=Control.TRAIL, className="map-box map-trail"),
                    html.Div(id=Control.MAP_WINDOW, className="map-box map-window"),
                ],
                className="map-place",
            ),
            _choice(address),
            html.Div(id=Control.MAP_PLACED, className="map-box map-placed"),
            html.Div(id=Control.MAP_APPROVAL, className="map-approval"),
            html.Div(id=Control.MAP_LEGEND, className="map-box map-legend"),
            dcc.Store(id=Control.MAP_FIGURE),
            dcc.Store(id=Control.MAP_OVERLAY),
            dcc.Store(id=Control.MAP_DRAWN),
        ],
        id=Control.MAP_FRAME,
        className="map",
        **{  # type: ignore[arg-type]
            "data-edition": "",
            "data-time": "",
            "data-graph": Control.MAP.value,
            "data-canvas": Control.MAP_CANVAS.value,
        },
    )


def _choice(address: Address) -> html.Div:
    measure = dcc.RadioItems(
        id=Control.MEASURE,
        options=[{"label": name, "value": key} for key, name in MEASURES.items()],
        value=address.measure,
        className="options",
    )
    heat = dcc.Checklist(
        id=Control.HEAT,
        options=[{"label": "热力", "value": "heat"}],
        value=["heat"] if address.is_heat else [],
        className="options heat",
    )
    return html.Div([measure, heat], className="map-box map-choice")
