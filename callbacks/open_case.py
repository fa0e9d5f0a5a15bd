"""Open a case, and show a masked value of it to whoever says why: noted before it is sent."""

import os
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

from dash import ALL, Dash, Input, Output, State, ctx
from dash.exceptions import PreventUpdate

from access.audit import DONE, REFUSED, entry
from access.policy import needs
from access.roles import Power
from callbacks.services import Services
from data.case_file import LABELS, case_file, clear_value, field_label
from data.scope import Scope
from layouts.case_view import LEAST_REASON, NOT_THERE, Part, case_view, clear
from layouts.controls import Act, Control

RENEWED, MOST_NOTED = 900.0, 10_000  # seconds; views
UNMASK_MOST = "ZHINAO_UNMASK_MOST"  # values that an account may see in clear within A_DAY
MOST_IN_CLEAR, A_DAY = 100, timedelta(hours=24)
ENOUGH = "今日查看明文已达 {} 次，请联系系统管理员"
NO_CASE = "—"  # in the audit, of what is no code
CODE = re.compile(r"[0-9A-Za-z_.:-]{1,40}")  # 一案一码, with room for another
NO_REASON = f"请先写明理由，至少 {LEAST_REASON} 个字"


def register(app: Dash, services: Services) -> None:
    app.callback(
        Output(Part.SHOWN, "children"),
        Output(Part.UNMASK, "hidden"),
        Input(Part.CODE, "data"),
        Input(Control.PULSE, "data"),
    )(needs(Power.CASES)(opener(services)))
    app.callback(
        Output(Part.CLEAR, "children"),
        Input({"type": Act.UNMASK.value, "index": ALL}, "n_clicks"),
        State(Part.CODE, "data"),
        State(Part.REASON, "value"),
        prevent_initial_call=True,
    )(needs(Power.CLEAR)(unmasker(services)))


def opener(services: Services) -> Callable:
    """The callback: the page of the case, or that there is none for this viewer; and whether the
    viewer has nothing to unmask."""

    noted = Noted()

    def open_case(code: Any, _pulse: Any) -> tuple:
        viewer = services.viewer()
        with services.answers.reading(Scope()) as edition:
            found = case_file(edition, code, viewer.grant) if _is_code(code) else None
            site = edition.site
            labels = LABELS | {layer.key: layer.name for layer in (*site.levels, *site.layers)}
        if found is None:
            return NOT_THERE, True
        is_opened = ctx.triggered_id != Control.PULSE  # by somebody, not renewed by itself
        if noted.is_due(viewer.actor, found.case_code, is_opened):
            seen = entry(viewer.actor, "case.view", found.case_code)
            services.audit.note(seen, datetime.now(UTC))
            noted.note(viewer.actor, found.case_code)
        may_unmask = Power.CLEAR in viewer.powers
        return case_view(found, labels, may_unmask), not (may_unmask and found.covered)

    return open_case


def _is_code(code: Any) -> bool:
    """Whether this can be the code of a case; the audit has no other text for one."""
    return isinstance(code, str) and CODE.fullmatch(code) is not None


class Noted:
    """Who was written down as having looked at which case, and when: what a page says of itself,
    that it only renews what is shown, is not believed for longer than RENEWED."""

    def __init__(self) -> None:
        self._at: dict[tuple[str, str], float] = {}

    def is_due(self, actor: str, code: str, is_opened: bool) -> bool:
        """Whether it is to be written down now."""
        at = self._at.get((actor, code))
        return is_opened or at is None or monotonic() - at > RENEWED

    def note(self, actor: str, code: str) -> None:
        """It is written down."""
        if len(self._at) >= MOST_NOTED:
            self._at.clear()  # who looks at one of them again is written down once more
        self._at[(actor, code)] = monotonic()


def unmasker(services: Services) -> Callable:
    """The callback: one value in clear, with a reason that the audit keeps; so many a day."""

    most = int(os.environ.get(UNMASK_MOST) or MOST_IN_CLEAR)

    def unmask(_clicks: Any, code: Any, reason: Any) -> Any:
        asked = ctx.triggered_id
        if not isinstance(asked, dict) or "index" not in asked or not ctx.triggered[0]["value"]:
            raise PreventUpdate  # a button has just come on the page
        field, viewer, now = str(asked["index"]), services.viewer(), datetime.now(UTC)
        said = reason.strip() if isinstance(reason, str) else ""
        if len(said) < LEAST_REASON:
            return NO_REASON
        with services.answers.reading(Scope()) as edition:
            value = clear_value(edition, code, field, viewer.grant) if _is_code(code) else None
        told: dict[str, str | int] = {"field": field[:60], "reason": said[:200]}
        with services.audit.writing() as (connection, note):
            seen = services.audit.count(connection, viewer.actor, "case.clear", now - A_DAY)
            is_enough = value is not None and seen >= most
            if is_enough:
                told |= {"most": most}
            result = REFUSED if value is None or is_enough else DONE
            subject = code if _is_code(code) else NO_CASE
            note(entry(viewer.actor, "case.clear", subject, result, **told), now)
        if is_enough:
            return ENOUGH.format(most)
        return NOT_THERE if value is None else clear(field_label(field), value)

    return unmask
