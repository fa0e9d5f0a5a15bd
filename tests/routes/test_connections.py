"""A connection lasts as long as a wall asks; there may be more of them than select() can hold."""

import http.client
import resource
import socket
from collections.abc import Iterator

import pytest

from tests.browser.driving import Wall
from tests.screens import BEARER

MANY = 1100  # select() holds 1,024


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Of a server over a home that has no data yet, started as a shell or systemd would start it;
    then we take as many open files as we need ourselves."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, before[1]))
    wall = Wall(tmp_path_factory.mktemp("home")).start()
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    yield wall.port
    wall.stop()
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def ask(viewer: http.client.HTTPConnection, **headers: str) -> http.client.HTTPResponse:
    viewer.request("GET", "/heartbeat", headers=headers | BEARER)
    reply = viewer.getresponse()
    reply.read()
    return reply


def test_an_unchanged_heartbeat_leaves_the_connection_open(port: int):
    viewer = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    etag = ask(viewer).headers["ETag"]
    used = viewer.sock
    for _ in range(3):
        reply = ask(viewer, **{"If-None-Match": etag})
        assert (reply.status, reply.headers["Connection"]) == (304, None)
        assert viewer.sock is used
    assert ask(viewer).status == 200  # nothing of the empty answers is left on the wire
    viewer.close()


def test_who_asks_to_end_is_obeyed(port: int):
    viewer = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    etag = ask(viewer).headers["ETag"]
    reply = ask(viewer, **{"If-None-Match": etag, "Connection": "close"})
    assert (reply.status, reply.headers["Connection"]) == (304, "close")
    assert viewer.sock is None
    viewer.close()


def test_more_connections_than_select_can_hold_do_not_end_the_server(port: int):
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 2 * MANY:
        pytest.skip("too few open files are allowed here")
    waiting = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(MANY)]
    viewer = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    assert ask(viewer).status == 200
    for each in (*waiting, viewer):
        each.close()
