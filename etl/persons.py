"""The same person in two cases: a keyed hash, by which they are linked without being named.

HMAC-SHA-256 of the identity number, or where there is none of name and phone, with a key that lies
in the home and in no edition: who has an edition alone can neither read nor guess who it is.
"""

import hashlib
import hmac
import os
import secrets
import tempfile
import unicodedata
from contextlib import suppress
from pathlib import Path

import duckdb
import pandas as pd

KEY_FILE = "person.key"
SHORTEST_DOCUMENT = 6  # signs of an identity document; less identifies nobody
UNLINKED = b""  # no key: nobody is linked


def key_of(home: Path) -> bytes:
    """The home's key, made at its first use; readable by its owner alone."""
    path = home / KEY_FILE
    if not path.exists():
        home.mkdir(parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(dir=home, prefix=f".{KEY_FILE}.")  # mode 0600
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(32))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # of two who make one at a time, both take the first's
            os.link(beside, path)
        os.unlink(beside)
    return path.read_bytes()


def link_persons(connection: duckdb.DuckDBPyConnection, key: bytes) -> None:
    """Fill `person_key` of the parties in `incoming`; it stays NULL where nothing identifies."""
    if not key:
        return
    rows = connection.execute(
        "SELECT DISTINCT name, phone, id_number FROM incoming"
        " WHERE id_number IS NOT NULL OR (name IS NOT NULL AND phone IS NOT NULL)"
    ).fetchall()
    if not rows:
        return
    keyed = pd.DataFrame(
        [(*row, person_key(key, *row)) for row in rows],
        columns=["name", "phone", "id_number", "person_key"],
        dtype=object,
    )
    connection.register("keyed", keyed)
    connection.execute(
        "UPDATE incoming SET person_key = k.person_key FROM keyed AS k"
        " WHERE incoming.name IS NOT DISTINCT FROM k.name"
        " AND incoming.phone IS NOT DISTINCT FROM k.phone"
        " AND incoming.id_number IS NOT DISTINCT FROM k.id_number"
    )
    connection.unregister("keyed")


def person_key(
    key: bytes, name: str | None, phone: str | None, id_number: str | None
) -> str | None:
    """32 hex digits; the same for an identity number however it is written, of 15 or 18 digits."""
    document, call = _signs(id_number), _signs(phone)[-11:]
    if len(document) >= SHORTEST_DOCUMENT:
        who = f"id {_modern(document)}"
    elif name and len(call) >= SHORTEST_DOCUMENT:
        who = f"call {_signs(name)} {call}"
    else:
        return None
    return hmac.new(key, who.encode(), hashlib.sha256).hexdigest()[:32]


def _modern(document: str) -> str:
    """The first 17 digits, which an old number lacks only the century of (GB 11643-1999)."""
    if len(document) == 15 and document.isdigit():
        return f"{document[:6]}19{document[6:]}"
    return document[:17] if len(document) == 18 and document[:17].isdigit() else document


def _signs(text: str | None) -> str:
    plain = unicodedata.normalize("NFKC", text or "").upper()
    return "".join(c for c in plain if c.isalnum())
