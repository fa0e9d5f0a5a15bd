"""Redraw a panel when the viewer's scope changes or the heartbeat saw something new."""

from collections.abc import Callable

import structlog
from dash import Dash, Input, Output
from dash.exceptions import PreventUpdate

from callbacks.answer import Answers, Inquiry, drawn
from data.editions.edition import EditionError, NoEdition
from data.scope import Scope, ScopeError
from data.trouble import trouble
from layouts.controls import Control
from layouts.panel import Panel
from layouts.panels import PANELS

log = structlog.get_logger()


def register(app: Dash, answers: Answers) -> None:
    for panel in PANELS.values():
        app.callback(
            Output(panel.body_id, panel.body_property),
            Output(panel.frame_id, "data-edition"),
            Input(Control.SCOPE, "data"),
            Input(Control.PULSE, "data"),
            prevent_initial_call=True,
        )(refresher(panel, answers))


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
