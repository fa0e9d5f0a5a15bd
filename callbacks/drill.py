"""Drill into the region that was clicked, and back up the trail; every panel follows the scope."""

from typing import Any

from dash import ALL, Dash, Input, Output, State, ctx
from dash.exceptions import PreventUpdate

from access.policy import needs
from access.roles import Power
from callbacks.refresh import asked, guarded
from callbacks.services import Services
from data.editions.edition import Edition
from data.regions import Region, beneath, reached, view
from data.scope import Grant, Scope
from layouts.controls import Act, Control


def register(app: Dash, services: Services) -> None:
    app.callback(
        Output(Control.SCOPE, "data", allow_duplicate=True),
        Output(Control.MAP, "clickData"),
        Input(Control.MAP, "clickData"),
        Input({"type": Act.BACK.value, "index": ALL}, "n_clicks"),
        State(Control.SCOPE, "data"),
        prevent_initial_call=True,
    )(needs(Power.FIGURES)(guarded(driller(services))))


def driller(services: Services):
    """The callback: the narrowed or widened scope; the click is taken back so that the same
    polygon can be clicked again."""

    def drill(click: dict | None, _backs: list, scope_json: str | None) -> tuple:
        scope = asked(scope_json)
        trigger, grant = ctx.triggered_id, services.viewer().grant
        with services.answers.reading(scope) as edition:
            if isinstance(trigger, dict):
                if not ctx.triggered[0]["value"]:
                    raise PreventUpdate
                return up_to(edition, scope, grant, int(trigger["index"])).to_json(), None
            return down_to(edition, scope, grant, clicked_code(click)).to_json(), None

    return drill


def clicked_code(click: Any) -> str:
    """The polygon of a click on the map; PreventUpdate where the click hit none."""
    try:
        return str(click["points"][0]["location"])
    except (KeyError, IndexError, TypeError):
        raise PreventUpdate from None


def down_to(edition: Edition, scope: Scope, grant: Grant, code: str) -> Scope:
    """The scope of the region below the present one that holds the clicked polygon; PreventUpdate
    where there is none, or none within the grant.

    Which level was painted depends on the measure, so all that can be drawn are looked through."""
    on_map = view(edition, scope, grant)
    for level in on_map.levels:
        polygons = beneath(edition, level, on_map.within).set_index("code")
        seen = reached(edition, level, grant)
        if code in polygons.index and (seen is None or code in seen):
            region = (on_map.outline, str(polygons.loc[code, "child"]))
            return scope.moved_to(region, edition.site.level_keys)
    raise PreventUpdate


def up_to(edition: Edition, scope: Scope, grant: Grant, depth: int) -> Scope:
    """The scope of the region at that depth of the trail; 0 = all that the grant allows."""
    trail: tuple[Region, ...] = view(edition, scope, grant).trail
    region = trail[depth - 1] if 0 < depth <= len(trail) else None
    return scope.moved_to(region and (region.level, region.code), edition.site.level_keys)
