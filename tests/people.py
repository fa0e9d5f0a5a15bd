"""People who have signed in: an account of a role, as the client of a server."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from access import roles
from access.accounts import Accounts
from access.operations import Operations
from access.roles import Power, Role
from access.sessions import Sessions
from routes.gate import SESSION, forgery_token

PASSWORD = "Kept-by-tests-only-7"
EVERYTHING = Role("everything", "什么都能做", frozenset(Power))


def person_at(
    server: Flask,
    home: Path,
    role: str,
    regions: Iterable[str] = (),
    departments: Iterable[str] = (),
    name: str | None = None,
) -> FlaskClient:
    """Somebody of that role, with the header that a page of ours sends."""
    operations, now = Operations(home), datetime.now(UTC)
    accounts, name = Accounts(operations), name or role
    if accounts.of(name) is None:
        accounts.add(name, name, role, now, regions, departments, PASSWORD)
    account = accounts.of(name)
    assert account is not None
    token = Sessions(operations).begin(account, now, "127.0.0.1", "test", "password")
    operations.close()
    client = server.test_client()
    client.set_cookie(SESSION, token)
    client.environ_base["HTTP_X_CSRFTOKEN"] = forgery_token(token)
    return client


def everything_at(server: Flask, home: Path, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    """Somebody who may do everything, as no role of ours may."""
    monkeypatch.setitem(roles.ROLES, EVERYTHING.key, EVERYTHING)
    return person_at(server, home, EVERYTHING.key)
