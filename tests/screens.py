"""A screen that every home of the tests knows: it may look at the wall, and no more."""

from datetime import UTC, datetime
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert, select

from access.devices import COOKIE, DEVICES
from access.operations import Operations
from access.tokens import Seals

NAME, TOKEN = "测试大屏", "a-token-of-tests-that-no-real-home-knows"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
ADDED = datetime(2026, 11, 1, tzinfo=UTC)


def admit(home: Path) -> int:
    """Let the screen in at this home; its number."""
    operations = Operations(home)
    seals = Seals(home, DEVICES.name)
    digest = seals.digest(TOKEN)
    seal = seals.seal(digest, NAME, "wall", [])
    row = {"name": NAME, "kind": "wall", "digest": digest, "seal": seal, "added_at": ADDED}
    with operations.writing() as connection:
        number = connection.execute(select(DEVICES.c.id).where(DEVICES.c.digest == digest)).scalar()
        if number is None:
            made = insert(DEVICES).values(row).returning(DEVICES.c.id)
            number = connection.execute(made).scalar_one()
    operations.close()
    return number


def screen_at(server: Flask, home: Path) -> FlaskClient:
    """The screen as a client of a server over this home; it sends its token in the header."""
    admit(home)
    client = server.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = BEARER["Authorization"]
    return client


def cookie() -> dict[str, str]:
    """The same as a browser keeps it."""
    return {"name": COOKIE, "value": TOKEN, "domain": "127.0.0.1", "path": "/"}
