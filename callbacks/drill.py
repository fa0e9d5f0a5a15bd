"""Drill into the region that was clicked, and back up the trail; every panel follows the scope."""

from typing import Any

from dash import ALL, Dash, Input, Output, State, ctx
from dash.exceptions import PreventUpdate

from callbacks.answer import Answers
from callbacks.refresh import asked, guarded
from data.editions.edition import Edition
from data.regions import Region, beneath, view
from data.scope import Scope
from layouts.controls import Act, Control


def register(app: Dash, answers: Answers) -> None:
    app.callback(
        Output(Control.SCOPE, "data", allow_duplicate=True),
        Output(Control.MAP, "clickData"),
        Input(Control.MAP, "clickData"),
        Input({"type": Act.BACK.value, "index": ALL}, "n_clicks"),
        State(Control.SCOPE, "data"),
        prevent_initial_call=True,
    )(guarded(driller(answers)))


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
    """The scope of the region below the present one that holds the clicked polygon."""
    on_map = view(edition, scope)
    polygons = beneath(edition, on_map.level, on_map.within).set_index("code")
    if code not in polygons.index:
        raise PreventUpdate
    return within(edition, scope, (on_map.outline, str(polygons.loc[code, "child"])))


def up_to(edition: Edition, scope: Scope, depth: int) -> Scope:
    """The scope of the region at that depth of the trail; 0 = everything."""
    trail: tuple[Region, ...] = view(edition, scope).trail
    if depth <= 0 or depth > len(trail):
        return within(edition, scope, None)
    region = trail[depth - 1]
    return within(edition, scope, (region.level, region.code))


def within(edition: Edition, scope: Scope, region: tuple[str, str] | None) -> Scope:
    """The scope with another region of the main tree, or with none."""
    levels = [level.key for level in edition.site.levels]
    kept = tuple(pair for pair in scope.regions if pair[0] not in levels)
    return scope.narrowed(regions=(*kept, region) if region else kept)
