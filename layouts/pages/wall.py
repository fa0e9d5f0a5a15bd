"""指挥大厅: the wall, read from five to ten metres; one scene at a time, around one map."""

import json

from dash import html, register_page

from access.roles import Power
from layouts.address import Address
from layouts.controls import Control
from layouts.map_section import map_section
from layouts.scenes import SCENES
from layouts.shell import page

register_page(
    __name__, path="/", name="指挥大厅", title="智脑 指挥大厅", order=1, powers=(Power.FIGURES,)
)

POLL_MS = 1000


def layout(**query: str) -> html.Main:
    """All scenes are on the page, so that stepping through them needs no server."""
    address = Address.of(query)
    scenes = [scene.view() for scene in SCENES.values()]
    parts = [*scenes, map_section(address), _notice(address)]
    told = json.dumps([scene.told() for scene in SCENES.values()], ensure_ascii=False)
    scope = address.scope.to_json()
    controls = (Control.MEASURE, Control.HEAT, Control.SCOPE)  # that the browser's scripts turn
    attributes = {f"data-{control.value}": control.value for control in controls}
    attributes |= {"data-scenes": told, "data-asked": scope}
    return page(parts, scope, POLL_MS, "wall-body", attributes)


def _notice(address: Address) -> html.Div:
    """What of the address makes no sense, and what no edition can answer."""
    said = f"网址中的这部分没有采用：{'；'.join(address.wrong)}" if address.wrong else ""
    return html.Div(
        [html.Div(said, className="told"), html.Div(id=Control.NOTICE)],
        className="notice",
        role="status",
    )
