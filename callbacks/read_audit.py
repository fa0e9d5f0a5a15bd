"""Read the audit, page by page, and check that it is whole."""

from zoneinfo import ZoneInfo

from dash import Dash, Input, Output, State, ctx

from access.audit import Audit, Kept
from access.policy import needs
from access.roles import Power
from callbacks.services import Services
from layouts.audit_list import MOST, Line, Part, rows, verdict


def register(app: Dash, services: Services) -> None:
    app.callback(
        Output(Part.ROWS, "children"),
        Output(Part.REACHED, "data"),
        Input(Part.ACTOR, "value"),
        Input(Part.ACTION, "value"),
        Input(Part.SUBJECT, "value"),
        Input(Part.NEWEST, "n_clicks"),
        Input(Part.OLDER, "n_clicks"),
        State(Part.REACHED, "data"),
    )(needs(Power.AUDIT)(reader(services)))
    app.callback(
        Output(Part.VERDICT, "children"),
        Input(Part.CHECK, "n_clicks"),
        prevent_initial_call=True,
    )(needs(Power.AUDIT)(checker(services.audit)))


def reader(services: Services):
    """The callback: a page of entries, and the number that it reaches down to."""

    def read_audit(actor, action, subject, _newest, _older, reached) -> tuple:
        before = reached if ctx.triggered_id == Part.OLDER and isinstance(reached, int) else None
        asked = {"actor": actor, "action": action, "subject": subject}
        wanted = {
            name: text.strip()
            for name, text in asked.items()
            if isinstance(text, str) and text.strip()
        }
        zone = services.answers.zone()
        found = services.audit.entries(before, MOST, **wanted)
        lines = [line_of(kept, zone) for kept in found]
        return rows(lines), found[-1].seq if found else before

    return read_audit


def checker(audit: Audit):
    """The callback: whether the chain holds and ends where its anchor says."""

    def check_audit(_clicks) -> list:
        found = audit.verify()
        return verdict(found.entries, found.problems)

    return check_audit


def line_of(kept: Kept, zone: ZoneInfo) -> Line:
    """An entry with its time as the clocks of the site show it."""
    said, at = kept.entry, kept.at.astimezone(zone)
    told = (said.actor, said.action, said.subject, said.result, said.detail)
    return Line(kept.seq, f"{at:%Y-%m-%d %H:%M:%S}", *told)
