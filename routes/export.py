"""The list of cases as a file, as it is on screen: masked, within the grant, and on record."""

from collections.abc import Callable
from datetime import UTC, datetime

import pandas as pd
from flask import Flask, Response, abort, request

from access.audit import Audit, entry
from access.policy import needs
from access.roles import Power
from data.cases import cases_behind
from data.editions.edition import EditionError
from data.editions.store import EditionStore
from data.indicators import INDICATORS
from data.safe_files import csv_bytes, xlsx_bytes
from data.scope import Scope, ScopeError
from routes.gate import viewer_of_request

MOST = 100_000  # rows of a file; what is more is asked for in parts
TOO_MANY = f"多于 {MOST:,} 件，请缩小范围后分次导出"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FORMATS: dict[str, tuple[str, Callable[[pd.DataFrame], bytes]]] = {
    "csv": ("text/csv; charset=utf-8", csv_bytes),
    "xlsx": (XLSX, lambda frame: xlsx_bytes(frame, "事项")),
}


def register(server: Flask, store: EditionStore, audit: Audit) -> None:
    """Serve /export/cases.FORMAT with a scope as query, and `of`: the indicator whose cases they
    are."""

    @server.get("/export/cases.<kind>")
    @needs(Power.EXPORT, is_act=True)
    def export_cases(kind: str) -> Response:
        if kind not in FORMATS:
            abort(404)
        viewer, query = viewer_of_request(), request.query_string.decode("ascii", "replace")
        try:
            frame = _cases(store, query)
        except (ScopeError, EditionError) as refused:
            return _said(str(refused))
        if len(frame) > MOST:
            return _said(TOO_MANY)
        told = {"format": kind, "rows": len(frame), "scope": query[:1000]}
        audit.note(entry(viewer.actor, "export", "cases", **told), datetime.now(UTC))
        mimetype, written = FORMATS[kind]
        name = f"cases-{datetime.now(UTC):%Y%m%d-%H%M%S}.{kind}"
        headers = {"Content-Disposition": f"attachment; filename={name}"}
        return Response(written(frame), headers=headers, content_type=mimetype)


def _cases(store: EditionStore, query: str) -> pd.DataFrame:
    pairs = [pair for pair in query.split("&") if pair]
    asked = [pair.removeprefix("of=") for pair in pairs if pair.startswith("of=")]
    scope = Scope.from_query("&".join(pair for pair in pairs if not pair.startswith("of=")))
    key = asked[-1] if asked else "accepted"
    if key not in INDICATORS:
        raise ScopeError("没有这个指标")
    with store.reading(scope.edition) as edition:
        return cases_behind(edition, scope, viewer_of_request().grant, MOST + 1, key)


def _said(text: str) -> Response:
    return Response(text, status=400, mimetype="text/plain")
