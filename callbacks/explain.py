"""Explain why what was asked for cannot be shown: an edition or a time that there is not."""

from dash import Dash, Input, Output

from access.policy import needs
from access.roles import Power
from callbacks.answer import Answers
from callbacks.refresh import asked, guarded
from callbacks.services import Services
from data.editions.edition import EditionError
from data.scope import Scope, ScopeError
from data.trouble import trouble
from layouts.controls import Control


def register(app: Dash, services: Services) -> None:
    app.callback(
        Output(Control.NOTICE, "children"),
        Input(Control.SCOPE, "data"),
        Input(Control.PULSE, "data"),
        prevent_initial_call=True,
    )(needs(Power.FIGURES)(guarded(explainer(services.answers))))


def explainer(answers: Answers):
    """The callback: one line for the viewer, empty where all can be shown."""

    def explain(scope_json: str | None, _pulse: dict | None) -> str:
        scope = Scope()
        try:
            scope = asked(scope_json)
            answers.check(scope)
        except ScopeError as error:
            return f"无法显示：{error.message}"
        except EditionError as error:
            reason = trouble(error, scope.edition)
            return f"无法显示：{reason}" if reason else ""
        return ""

    return explain
