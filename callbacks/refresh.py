"""Redraw panels when the viewer's scope changes or the heartbeat saw something new.

The panels of a scene of the wall come in one answer, for a hundred walls ask within a second; when
a scene is to be renewed its own pulse says."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import structlog
from dash import ClientsideFunction, Dash, Input, Output, State
from dash.exceptions import PreventUpdate

from access.policy import needs
from access.roles import Power
from callbacks.answer import Answers, Inquiry, drawn
from callbacks.services import Services
from data.editions.edition import EditionError, NoEdition
from data.scope import Scope, ScopeError
from data.trouble import trouble
from data.turns import Busy
from layouts.controls import Control
from layouts.panel import Panel
from layouts.panels import PANELS
from layouts.plain import plain
from layouts.scene import Scene
from layouts.scenes import SCENES

log = structlog.get_logger()


def register(app: Dash, services: Services) -> None:
    of_scenes = {key for scene in SCENES.values() for key in scene.panels}
    for scene in SCENES.values():
        app.callback(
            Output(scene.pictures_id, "data"),
            Input(scene.pulse_id, "data"),
            State(Control.SCOPE, "data"),
            prevent_initial_call=True,
        )(needs(Power.FIGURES)(scene_refresher(scene, services.answers)))
        app.clientside_callback(
            ClientsideFunction("wall", "paint"),
            Input(scene.pictures_id, "data"),
            prevent_initial_call=True,
        )
        for panel in figures(
            scene
        ):  # each waits for plotly, which comes late, and nothing else does
            app.clientside_callback(
                ClientsideFunction("wall", "plot"),
                Output(panel.body_id, panel.body_property),
                Input(scene.pictures_id, "data"),
                prevent_initial_call=True,
            )
    for panel in (PANELS[key] for key in PANELS if key not in of_scenes):
        app.callback(
            Output(panel.body_id, panel.body_property),
            Output(panel.frame_id, "data-edition"),
            Input(Control.SCOPE, "data"),
            Input(Control.PULSE, "data"),
            prevent_initial_call=True,
        )(needs(Power.FIGURES)(refresher(panel, services.answers)))
    app.clientside_callback(
        ClientsideFunction("wall", "renew"),
        Output(Control.SINK, "accessKey"),
        Input(Control.SCOPE, "data"),
        prevent_initial_call=True,
    )


def figures(scene: Scene) -> list[Panel]:
    """The panels of a scene that plotly draws."""
    return [panel for panel in scene.drawn if panel.is_figure]


def scene_refresher(scene: Scene, answers: Answers) -> Callable:
    """The callback of one scene: its pictures, each with its edition, as plain lists or as figures.
    A panel that cannot be drawn keeps its last picture, and the others are renewed."""
    refreshers = [(panel, refresher(panel, answers, plain)) for panel in scene.drawn]

    def refresh(pulse: dict | None, scope_json: str | None) -> list:
        pictures = []
        for panel, draw in refreshers:
            with suppress(PreventUpdate):
                picture, edition = draw(scope_json, pulse)
                told = {"frame": panel.frame_id, "body": panel.body_id, "edition": edition}
                pictures.append({**told, panel.body_property: picture})
        return pictures

    refresh.__name__ = f"refresh_scene_{scene.key}"
    return refresh


def refresher(
    panel: Panel, answers: Answers, html_as: Callable[[Any], Any] = lambda children: children
) -> Callable:
    """The callback of one panel: the picture, and the edition that it shows."""

    def refresh(scope_json: str | None, pulse: dict | None) -> tuple:
        scale = scale_of(pulse) if panel.is_figure else 1.0

        def compute(question: Inquiry):
            picture = drawn(panel, question, scale)
            return picture if panel.is_figure else html_as(picture)

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
        except (NoEdition, ScopeError, Busy):
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
