"""Drill into the region that was clicked, and back up the trail; every panel follows the scope."""

from typing import Any

from dash import ALL, Dash, Input, Output, State, ctx
from dash.exceptions import PreventUpdate

from access.policy import needs
from access.roles import Power
from callbacks.answer import Answers
from callbacks.refresh import asked, guarded
from callbacks.services import Services
from data.editions.edition import Edition
from data.regions import Region, beneath, view
from data.scope import Scope
from layouts.controls import Act, Control


def register(app: Dash, services: Services) -> None:
    app.callback(
        Output(Control.SCOPE, "data", allow_duplicate=True),
        Output(Control.MAP, "clickData"),
        Input(Control.MAP, "clickData"),
        Input({"type": Act.BACK.value, "index": ALL}, "n_clicks"),
        State(Control.SCOPE, "data"),
        prevent_initial_call=True,
    )(needs(Power.FIGURES)(guarded(driller(services.answers))))


def driller(answers: Answers):
    """The callback: the narrowed or widened scope; the click is taken back so that the same
    polygon can be clicked again."""

    def drill(click: dict | None, _backs: list, scope_json: str | None) -> tuple:
        scope = asked(scope_json)
        trigger = ctx.triggered_id
        with answers.reading(scope) as edition:
            if isinstance(trigger, dict):
                if not ctx.triggered[0]["value"]:
                    raise PreventUpdate
                return up_to(edition, scope, int(trigger["index"])).to_json(), None
            return down_to(edition, scope, clicked_code(click)).to_json(), None

    return drill


def clicked_code(click: Any) -> str:
    """The polygon of a click on the map; PreventUpdate where the click hit none."""
    try:
        return str(click["points"][0]["location"])
    except (KeyError, IndexError, TypeError):
        raise PreventUpdate from None


def down_to(edition: Edition, scope: Scope, code: str) -> Scope:
    """The scope of the region below the present one that holds the clicked polygon.

    Which level was painted depends on the measure, so all that can be drawn are looked through."""
    on_map = view(edition, scope)
    for level in on_map.levels:
        polygons = beneath(edition, level, on_map.within).set_index("code")
        if code in polygons.index:
            region = (on_map.outline, str(polygons.loc[code, "child"]))
            return scope.moved_to(region, edition.site.level_keys)
    raise PreventUpdate


def up_to(edition: Edition, scope: Scope, depth: int) -> Scope:
    """The scope of the region at that depth of the trail; 0 = everything."""
    trail: tuple[Region, ...] = view(edition, scope).trail
    region = trail[depth - 1] if 0 < depth <= len(trail) else None
    return scope.moved_to(region and (region.level, region.code), edition.site.level_keys)
