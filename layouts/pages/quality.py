"""数据质量: does everything that was delivered add up, and what was kept aside, and why?"""

from dash import html, register_page

from access.roles import Power
from data.scope import Scope
from layouts.controls import Control
from layouts.panels import PANELS
from layouts.shell import page

register_page(
    __name__,
    path="/quality",
    name="数据质量",
    title="智脑 数据质量",
    order=4,
    powers=(Power.FIGURES,),
)

POLL_MS = 5000
ROWS = (
    ("source_freshness", "location_quality"),
    ("batch_balance",),
    ("quarantine_reasons", "layer_report"),
    ("recent_batches",),
)


def layout(**_: str) -> html.Main:
    rows = [
        html.Div([PANELS[key].view() for key in row], className=f"row row-{len(row)}")
        for row in ROWS
    ]
    drawing = html.Small(
        id=Control.MAP_DRAWING,
        className="map-drawing",
        **{"data-show": "map-drawing"},  # type: ignore[arg-type]
    )
    return page([html.Div([drawing, *rows], className="sheet")], Scope().to_json(), POLL_MS, "desk")
