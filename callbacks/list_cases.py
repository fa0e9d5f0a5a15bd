"""List the cases behind a choice, as far as the viewer may see them."""

from collections.abc import Callable
from typing import Any

import pandas as pd
from dash import Dash, Input, Output

from access.policy import needs
from access.roles import Power
from callbacks.answer import Inquiry
from callbacks.refresh import guarded
from callbacks.services import Services
from data.cases import cases_behind
from data.codes import label
from data.display import count_text
from data.measure import measure
from data.names import named
from data.scope import Scope, ScopeError
from layouts import case_list
from layouts.case_list import KINDS, MOST, Part
from layouts.controls import Control
from layouts.marks import risk_word

OFFERED = ("department", "category")
FORMS = {"month": "%Y-%m", "day": "%m-%d", "second": "%m-%d %H:%M"}


def register(app: Dash, services: Services) -> None:
    may = needs(Power.CASES)
    app.callback(
        Output(Part.REGION, "options"),
        Output(Part.DEPARTMENT, "options"),
        Output(Part.CATEGORY, "options"),
        Input(Part.KIND, "id"),
    )(may(guarded(offerer(services))))
    app.callback(
        Output(Part.ROWS, "children"),
        Output(Part.TOLD, "children"),
        Output(Part.EXPORT, "children"),
        Input(Part.KIND, "value"),
        Input(Part.SINCE, "value"),
        Input(Part.UNTIL, "value"),
        Input(Part.REGION, "value"),
        Input(Part.DEPARTMENT, "value"),
        Input(Part.CATEGORY, "value"),
        Input(Part.RISK, "value"),
        Input(Control.PULSE, "data"),
    )(may(guarded(lister(services))))


def lister(services: Services) -> Callable:
    """The callback: the newest of the chosen cases, how many there are, and where to export."""

    def list_cases(kind: Any, since: Any, until: Any, *chosen: Any) -> tuple:
        key = kind if kind in KINDS else "open"
        try:
            scope = scope_of(since, until, *chosen[:4])
            found, told = services.answers.of(
                "case_list", scope, lambda ask: _listed(ask, key), key
            )[0]
        except ScopeError as error:
            return case_list.rows(()), error.message, []
        may = Power.EXPORT in services.viewer().powers
        query = "&".join(filter(None, (f"of={key}", scope.to_query())))
        return case_list.rows(found), told, case_list.exports(query) if may else []

    return list_cases


def scope_of(
    since: Any, until: Any, region: Any, department: Any, category: Any, risk: Any
) -> Scope:
    """The scope of what was chosen; ScopeError for what no page offers."""
    pairs = (("department", department), ("category", category), ("risk", risk))
    where = [[dimension, code] for dimension, code in pairs if code]
    regions = [str(region).split(":", 1)] if region else []
    return Scope.from_json(
        {"since": since or None, "until": until or None, "regions": regions, "where": where}
    )


def _listed(question: Inquiry, key: str) -> tuple[list[dict[str, Any]], str]:
    edition, scope, grant = question.edition, question.scope, question.grant
    found = cases_behind(edition, scope, grant, MOST, key)
    count = int(measure(edition, key, (), scope, grant)["numerator"].iloc[0])
    keys = ("department", "category", *edition.site.level_keys)
    words = {dimension: named(edition, dimension) for dimension in keys}
    told = f"{KINDS[key]} {count_text(count)} 件"
    if key != "open":
        told += f"（{scope.since:%Y-%m-%d} 起）" if scope.since else ""
    if count > len(found):
        told += f"，下面是最近受理的 {len(found)} 件"
    return [_row(row, words, edition.site.level_keys) for row in found.to_dict("records")], told


def _row(row: dict[Any, Any], words: dict[str, dict[str, str]], levels: tuple) -> dict[str, Any]:
    def word(dimension: str) -> str:
        code = row[dimension]
        return "" if pd.isna(code) or code == "-" else str(words[dimension].get(code, code))

    return {
        "case_code": row["case_code"],
        "title": None if pd.isna(row["title"]) else row["title"],
        "accepted": _moment(row["accepted_at"], row["precision"]),
        "due": _moment(row["due_at"], row["precision"]),
        "category": word("category") or "未分类",
        "department": word("department"),
        "place": "".join(word(level) for level in levels[:2]) or "未落格",
        "risk": row["risk"],
        "risk_word": risk_word(row["risk"]),
        "status": label("status", row["status"]),
        "lamp": label("lamp", row["lamp"]) if row["lamp"] != "-" else "",
    }


def _moment(at: Any, precision: str) -> str:
    return "" if pd.isna(at) else at.strftime(FORMS.get(precision, FORMS["second"]))


def offerer(services: Services) -> Callable:
    """The callback: the regions of the two upper levels, departments and categories to choose
    from."""

    def offer(_asked: Any) -> tuple:
        with services.answers.reading(Scope()) as edition:
            levels = edition.site.level_keys[:2]
            regions = [
                {"value": f"{level}:{code}", "label": name}
                for level in levels
                for code, name in named(edition, level).items()
                if code != "-"
            ]
            rest = [
                [{"value": code, "label": name} for code, name in named(edition, key).items()]
                for key in OFFERED
            ]
        return regions, *rest

    return offer
