"""Connections that last: a wall asks once a second, for weeks, and hundreds do."""

import resource

from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer
from waitress.task import WSGITask

MOST = 2000
OTHER_FILES = 1000  # editions, logs, the operations store


def allow() -> None:
    """Let this process have MOST connections: a shell and systemd allow 1,024 open files."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST + OTHER_FILES
    if most != resource.RLIM_INFINITY:
        wanted = min(most, wanted)
    if now != resource.RLIM_INFINITY and now < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def keep(sockets: dict) -> None:
    """Let the servers among `sockets` (waitress's map) keep a connection after an empty answer."""
    for each in sockets.values():
        if isinstance(each, BaseWSGIServer):
            each.channel_class = LastingChannel


class LastingTask(WSGITask):
    """waitress 3.0 ends the connection after each 204 and 304, as if nobody could know where such
    an answer ends. Everybody does, it has no body (RFC 9112, 6.3): 500 walls would else make 500
    new connections a second."""

    _is_empty = False

    def build_response_header(self) -> bytes:
        """The head of the answer; without `Connection: close` where only the body is missing."""
        asked = self.get_environment().get("HTTP_CONNECTION", "").lower()
        is_asked_to_end = asked == "close" or self.close_on_finish or self.version != "1.1"
        self._is_empty = not self.has_body and not is_asked_to_end
        head = super().build_response_header()
        self._is_empty = False
        return head

    def set_close_on_finish(self) -> None:
        """Not for want of a body alone."""
        if not self._is_empty:
            super().set_close_on_finish()


class LastingChannel(HTTPChannel):
    task_class = LastingTask
