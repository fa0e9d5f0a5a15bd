"""How every program of ours logs: the server, `etl watch`, `dispatch sensors`; without any value.

Tracebacks hold places and kinds of errors, no values, and libraries speak through us: their own
lines hold addresses.
"""

import logging
import os
import sys
import traceback
from collections.abc import Iterable
from typing import Any

import structlog

VARIABLE = "ZHINAO_LOG"  # "json": one object a line; "quiet": only what is wrong; else plain words

log = structlog.get_logger()


def is_json() -> bool:
    """Whether who collects the log wants one object a line, and nothing else."""
    return os.environ.get(VARIABLE) == "json"


def configure(libraries: Iterable[str] = ()) -> None:
    """Log to stderr as VARIABLE says, these libraries too."""
    as_json = structlog.processors.JSONRenderer(ensure_ascii=False)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.ExceptionRenderer(_without_values),
            as_json if is_json() else structlog.dev.ConsoleRenderer(colors=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.WARNING if os.environ.get(VARIABLE) == "quiet" else logging.INFO
        ),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
    for name in libraries:
        library = logging.getLogger(name)
        library.handlers, library.propagate = [_Told()], False


def _without_values(exc_info: Any) -> str:
    """Where it happened and of what kind it is: what an error says may be what somebody wrote."""
    links, error = [], exc_info[1]
    while error is not None:
        links.append("".join(traceback.format_tb(error.__traceback__)) + type(error).__qualname__)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\nthen:\n".join(reversed(links))


class _Told(logging.Handler):
    """What a library logs, as where and of what kind: its words may hold an address."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)

    def emit(self, record: logging.LogRecord) -> None:
        kind = record.exc_info[0] if record.exc_info else None
        place = f"{record.module}:{record.funcName}"
        reason = kind.__name__ if kind else None
        log.log(record.levelno, "library", library=record.name, place=place, reason=reason)
