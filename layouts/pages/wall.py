"""指挥大厅: the wall, read from five to ten metres."""

from dash import dcc, html, register_page

from layouts.address import Address
from layouts.controls import Control
from layouts.measures import MEASURES
from layouts.panels import PANELS
from layouts.shell import page

register_page(__name__, path="/", name="指挥大厅", title="智脑 指挥大厅")

POLL_MS = 1000
LEFT = ("open_by_risk", "flow_by_stage", "accepted_by_category")
RIGHT = ("closure_by_department", "daily_trend", "newest")
ROWS = (LEFT, RIGHT)  # with the map between them: seven panels


def layout(**query: str) -> html.Main:
    address = Address.of(query)
    parts = [_column("left", LEFT), _map(address), _column("right", RIGHT), _notice(address)]
    return page(parts, address.scope.to_json(), POLL_MS, "wall-body")


def _column(side: str, keys: tuple[str, ...]) -> html.Div:
    return html.Div([PANELS[key].view() for key in keys], className=f"column column-{side}")


def _map(address: Address) -> html.Section:
    graph = dcc.Graph(
        id=Control.MAP,
        figure={"data": [], "layout": {"paper_bgcolor": "rgba(0,0,0,0)"}},
        config={"displayModeBar": False, "scrollZoom": True, "doubleClick": False},
        responsive=True,
        clear_on_unhover=False,
    )
    return html.Section(
        [
            graph,
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
            dcc.Store(id=Control.MAP_OVERLAY),
            dcc.Store(id=Control.MAP_DRAWN),
        ],
        id=Control.MAP_FRAME,
        className="map",
        **{"data-edition": "", "data-time": ""},  # type: ignore[arg-type]
    )


def _notice(address: Address) -> html.Div:
    """What of the address makes no sense, and what no edition can answer."""
    said = f"网址中的这部分没有采用：{'；'.join(address.wrong)}" if address.wrong else ""
    return html.Div(
        [html.Div(said, className="told"), html.Div(id=Control.NOTICE)],
        className="notice",
        role="status",
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
