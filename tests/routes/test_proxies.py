"""What a request says of proxies before us is believed only as far as we were told of them."""

import pytest
from flask import request

import app as screen
from access.devices import Devices
from access.operations import Operations
from data.editions.store import EditionStore
from tests.access.test_devices import NOW


@pytest.mark.parametrize(
    ("proxies", "forwarded", "is_secure", "address"),
    [
        (None, {"X-Forwarded-Proto": "https", "X-Forwarded-For": "10.0.0.9"}, False, "127.0.0.1"),
        ("0", {"X-Forwarded-Proto": "https", "X-Forwarded-For": "10.0.0.9"}, False, "127.0.0.1"),
        ("1", {"X-Forwarded-Proto": "https", "X-Forwarded-For": "10.0.0.9"}, True, "10.0.0.9"),
        (
            "1",
            {"X-Forwarded-Proto": "https", "X-Forwarded-For": "6.6.6.6, 10.0.0.9"},
            True,
            "10.0.0.9",
        ),
        ("1", {}, False, "127.0.0.1"),
    ],
)
def test_only_as_many_proxies_as_declared(
    tmp_path, monkeypatch, proxies, forwarded, is_secure, address
):
    if proxies is None:
        monkeypatch.delenv("ZHINAO_PROXIES", raising=False)
    else:
        monkeypatch.setenv("ZHINAO_PROXIES", proxies)
    operations, store = Operations(tmp_path), EditionStore(tmp_path)
    token = Devices(operations).add("wall", "大厅", NOW)
    server, seen = screen.build(store).server, []
    server.before_request(lambda: seen.append(request.remote_addr))
    reply = server.test_client().get(f"/sign-in/{token}", headers=forwarded)
    assert ("Secure" in reply.headers["Set-Cookie"]) is is_secure
    assert seen == [address]
    operations.close()
    store.close()
