"""The HTTP server: waitress, on a port of its own."""

import logging
import os
from typing import Any

from flask import Flask
from waitress.server import create_server
from werkzeug.middleware.proxy_fix import ProxyFix

from routes import bodies, connections

PROXIES = "ZHINAO_PROXIES"  # how many stand before us


def server_on(flask: Flask, host: str, port: int) -> Any:
    """A server that has bound its port (0 = any free one) and waits for `run`. OSError where the
    port is taken."""
    # A hundred walls queue for a moment after each edition; that is no line each in the log.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    sockets: dict = {}
    server = create_server(
        flask,
        map=sockets,
        host=host,
        port=port,
        ident=None,
        threads=16,
        connection_limit=connections.MOST,  # the default of 100 lets viewers wait for ten seconds
        asyncore_use_poll=True,  # select() ends the server at its 1,024th connection
        max_request_body_size=2 * bodies.LARGEST,  # else 1 GB is taken in before we are asked
        channel_timeout=20,  # a half-sent request must not hold its place for long
        clear_untrusted_proxy_headers=False,  # who is to be trusted trust_proxies says
    )
    connections.keep(sockets)
    return server


def trust_proxies(flask: Flask) -> None:
    """Believe what so many proxies before us say of visitors; by default nobody, for a visitor can
    say it too."""
    proxies = int(os.environ.get(PROXIES) or 0)
    if proxies:
        flask.wsgi_app = ProxyFix(flask.wsgi_app, x_for=proxies, x_proto=proxies)
