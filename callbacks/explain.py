"""Explain why what was asked for cannot be shown: an edition or a time that there is not."""

from dash import Dash, Input, Output

from callbacks.answer import Answers
from callbacks.refresh import asked, guarded
from data.editions.edition import EditionError
from data.scope import Scope, ScopeError
from data.trouble import trouble
from layouts.controls import Control


def register(app: Dash, answers: Answers) -> None:
    app.callback(
        Output(Control.NOTICE, "children"),
        Input(Control.SCOPE, "data"),
        Input(Control.PULSE, "data"),
        prevent_initial_call=True,
    )(guarded(explainer(answers)))


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
