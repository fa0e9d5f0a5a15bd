"""One line for each request, under an id that its answer bears; and nothing in it that was asked.

An address may hold a token, a query a name: told is the rule that answered, never what it met.
"""

import re
import secrets
import time
from typing import Any

import structlog
from flask import Flask, Response, g, request

from data import logs

HEADER = "X-Request-Id"
FITTING = re.compile(r"[A-Za-z0-9-]{8,64}")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "-"  # a method that nobody knows, an address without a rule, an actor without a name
# Asked again and again by every page and every watcher: told of only where it is not well.
HEARTBEAT = "/heartbeat"
WATCHED = ("/healthz", "/readyz", "/metrics")
PARTS = ("/assets/", "/_dash-component-suites/")
LIBRARIES = ("waitress", "werkzeug", "flask_compress")

log = structlog.get_logger()


def configure() -> None:
    """Log as every command does (data/logs.py), and let the libraries of a server speak so."""
    logs.configure(LIBRARIES)


def register(server: Flask) -> None:
    """To be called before others, so that whoever is refused later is told of as well."""
    server.log_exception = _log_exception  # type: ignore[method-assign]  # Flask's names the path

    @server.before_request
    def begin() -> None:
        g.began = time.monotonic()
        given = request.headers.get(HEADER, "")
        g.request_id = given if FITTING.fullmatch(given) else secrets.token_hex(8)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    @server.after_request
    def end(response: Response) -> Response:
        if "request_id" in g:
            response.headers[HEADER] = g.request_id
            if not is_routine(response.status_code):
                ms = round((time.monotonic() - g.began) * 1000, 1)
                told = {"method": method(), "rule": rule(), "status": response.status_code}
                log.info("request", **told, ms=ms, actor=actor())
        return response


def rule() -> str:
    """The rule that answers the present request, with the names of its parts and not what they are;
    OTHER where there is none."""
    return request.url_rule.rule if request.url_rule is not None else OTHER


def method() -> str:
    """The method of the present request; OTHER where somebody made it up."""
    return request.method if request.method in METHODS else OTHER


def actor() -> str:
    """What kind of visitor asks: the kind of a device, the role of an account; never which one."""
    viewer = g.get("viewer")
    if viewer is None:
        return OTHER
    return viewer.device.kind if viewer.device else viewer.account.role


def is_routine(status: int) -> bool:
    """Whether nobody wants to read that this was asked and answered so."""
    if status >= 400:
        return False
    is_unmoved = rule() == HEARTBEAT and status == 304
    return is_unmoved or rule() in WATCHED or request.path.startswith(PARTS)


def _log_exception(exc_info: Any) -> None:
    log.error("request failed", method=method(), rule=rule(), exc_info=exc_info)
