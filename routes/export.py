"""The list of cases as a file, as it is on screen: masked, within the grant, and on record."""

from collections.abc import Callable
from datetime import UTC, datetime
from threading import BoundedSemaphore

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
from data.scope import Grant, Scope, ScopeError
from routes.gate import viewer_of_request

MOST = 50_000  # rows of a file; what is more is asked for in parts
BUSY = "有人正在导出，请稍候再试"
LATER = 10  # seconds
TOO_MANY = f"多于 {MOST:,} 件，请缩小范围后分次导出"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_exporting = BoundedSemaphore(1)  # of one process
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
        if not _exporting.acquire(blocking=False):  # writing takes all that a wall needs, too
            return _said(BUSY, 503, {"Retry-After": str(LATER)})
        try:
            return _file(store, audit, kind)
        finally:
            _exporting.release()


def _file(store: EditionStore, audit: Audit, kind: str) -> Response:
    viewer, now = viewer_of_request(), datetime.now(UTC)
    try:
        key, scope = _asked(request.query_string.decode("ascii", "replace"))
        _refuse_the_past(scope, viewer.grant)
        with store.reading(scope.edition) as edition:
            frame = cases_behind(edition, scope, viewer.grant, MOST + 1, key)
    except (ScopeError, EditionError) as refused:
        return _said(str(refused))
    if len(frame) > MOST:
        return _said(TOO_MANY)
    told = {"format": kind, "rows": len(frame), "of": key, "scope": scope.to_query()}
    audit.note(entry(viewer.actor, "export", "cases", **told), now)
    mimetype, written = FORMATS[kind]
    headers = {"Content-Disposition": f"attachment; filename=cases-{now:%Y%m%d-%H%M%S}.{kind}"}
    return Response(written(frame), headers=headers, content_type=mimetype)


def _refuse_the_past(scope: Scope, grant: Grant) -> None:
    """Whose grant is limited may see what is theirs now; what once was may be another's since."""
    is_limited = grant.regions is not None or grant.departments is not None
    if is_limited and (scope.as_of is not None or scope.edition is not None):
        raise ScopeError("限定范围的账号只能导出现在的事项")


def _asked(query: str) -> tuple[str, Scope]:
    """The indicator and the scope of a query."""
    pairs = [pair for pair in query.split("&") if pair]
    asked = [pair.removeprefix("of=") for pair in pairs if pair.startswith("of=")]
    scope = Scope.from_query("&".join(pair for pair in pairs if not pair.startswith("of=")))
    key = asked[-1] if asked else "accepted"
    if key not in INDICATORS:
        raise ScopeError("没有这个指标")
    return key, scope


def _said(text: str, status: int = 400, headers: dict[str, str] | None = None) -> Response:
    return Response(text, status, headers, mimetype="text/plain")
