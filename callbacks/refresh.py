"""Redraw panels when the viewer's scope changes or the heartbeat saw something new.

The panels of a scene of the wall come in one answer, for a hundred walls ask within a second; when
a scene is to be renewed its own pulse says."""

from collections.abc import Callable
from typing import Any

import structlog
from dash import ClientsideFunction, Dash, Input, Output, State, no_update
from dash.exceptions import PreventUpdate

from callbacks.answer import Answers, Inquiry, drawn
from data.editions.edition import EditionError, NoEdition
from data.scope import Scope, ScopeError
from data.trouble import trouble
from layouts.controls import Control
from layouts.panel import Panel
from layouts.panels import PANELS
from layouts.scene import Scene
from layouts.scenes import SCENES

log = structlog.get_logger()


def register(app: Dash, answers: Answers) -> None:
    of_scenes = {key for scene in SCENES.values() for key in scene.panels}
    for scene in SCENES.values():
        app.callback(
            *(each for key in scene.panels for each in _outputs(PANELS[key])),
            Input(scene.pulse_id, "data"),
            State(Control.SCOPE, "data"),
            prevent_initial_call=True,
        )(scene_refresher(scene, answers))
    for panel in (PANELS[key] for key in PANELS if key not in of_scenes):
        app.callback(
            *_outputs(panel),
            Input(Control.SCOPE, "data"),
            Input(Control.PULSE, "data"),
            prevent_initial_call=True,
        )(refresher(panel, answers))
    app.clientside_callback(
        ClientsideFunction("wall", "renew"),
        Output(Control.SINK, "accessKey"),
        Input(Control.SCOPE, "data"),
        prevent_initial_call=True,
    )


def _outputs(panel: Panel) -> tuple[Output, Output]:
    return Output(panel.body_id, panel.body_property), Output(panel.frame_id, "data-edition")


def scene_refresher(scene: Scene, answers: Answers) -> Callable:
    """The callback of one scene: a picture and its edition for each panel; a panel that cannot be
    drawn keeps its last picture, and the others are renewed."""
    refreshers = [refresher(PANELS[key], answers) for key in scene.panels]

    def refresh(pulse: dict | None, scope_json: str | None) -> tuple:
        drawn: list[Any] = []
        for each in refreshers:
            try:
                drawn += each(scope_json, pulse)
            except PreventUpdate:
                drawn += (no_update, no_update)
        return tuple(drawn)

    refresh.__name__ = f"refresh_scene_{scene.key}"
    return refresh


def refresher(panel: Panel, answers: Answers) -> Callable:
    """The callback of one panel: the picture, and the edition that it shows."""

    def refresh(scope_json: str | None, pulse: dict | None) -> tuple:
        scale = scale_of(pulse) if panel.is_figure else 1.0

        def compute(question: Inquiry):
            return drawn(panel, question, scale)

        picture, edition = answers.of(panel.key, asked(scope_json), compute, scale)
        return picture, str(edition)

    refresh.__name__ = f"refresh_{panel.key}"
    return guarded(refresh)


def guarded(callback: Callable) -> Callable:
    """A callback that leaves the last good picture where it cannot give a new one.

    The heartbeat sees that the picture stayed behind, marks it, and asks again."""

    def attempt(*values):
        try:
            return callback(*values)
        except (NoEdition, ScopeError):
            raise PreventUpdate from None
        except EditionError as error:
            log.warning("callback_refused", callback=callback.__name__, reason=trouble(error))
            raise PreventUpdate from None
        except PreventUpdate:
            raise
        except Exception:
            log.exception("callback_failed", callback=callback.__name__)
            raise PreventUpdate from None

    attempt.__name__ = callback.__name__
    return attempt


def asked(scope_json: str | None) -> Scope:
    """The scope that a browser sent; hostile input becomes ScopeError."""
    return Scope.from_json(scope_json)


def scale_of(pulse: dict | None) -> float:
    """How many device pixels the viewer has for one of the 1920 x 1080 canvas, in steps."""
    scale = pulse.get("scale", 1) if isinstance(pulse, dict) else 1
    if not isinstance(scale, int | float) or not 0.2 <= scale <= 8:
        return 1.0
    return round(20 * scale) / 20
