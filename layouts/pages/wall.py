"""指挥大厅: the wall, read from five to ten metres."""

from dash import html, register_page

from layouts.address import Address
from layouts.controls import Control
from layouts.map_section import map_section
from layouts.panels import PANELS
from layouts.shell import page

register_page(__name__, path="/", name="指挥大厅", title="智脑 指挥大厅")

POLL_MS = 1000
LEFT = ("open_by_risk", "flow_by_stage", "accepted_by_category")
RIGHT = ("closure_by_department", "daily_trend", "newest")
ROWS = (LEFT, RIGHT)  # with the map between them: seven panels


def layout(**query: str) -> html.Main:
    address = Address.of(query)
    parts = [_column("left", LEFT), map_section(address), _column("right", RIGHT), _notice(address)]
    return page(parts, address.scope.to_json(), POLL_MS, "wall-body")


def _column(side: str, keys: tuple[str, ...]) -> html.Div:
    return html.Div([PANELS[key].view() for key in keys], className=f"column column-{side}")


def _notice(address: Address) -> html.Div:
    """What of the address makes no sense, and what no edition can answer."""
    said = f"网址中的这部分没有采用：{'；'.join(address.wrong)}" if address.wrong else ""
    return html.Div(
        [html.Div(said, className="told"), html.Div(id=Control.NOTICE)],
        className="notice",
        role="status",
    )
