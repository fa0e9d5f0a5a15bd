"""Tokens: what the store keeps of one, and of what it opens.

Both are MACs with a key that lies outside the store: who can write the store, and not read the key,
can neither make a token that is known nor let one open anything else. A row that is put back as it
once was holds again: therefore whatever ends a token also takes its seal away."""

import hashlib
import hmac
import json
import secrets
from datetime import UTC, datetime
from pathlib import Path

from access.keys import derived_key

BROKEN = ""  # the seal of what has ended; none that holds


class Seals:
    """The MACs of one kind of token (`sessions`, `devices`) of one home."""

    def __init__(self, home: Path, kind: str) -> None:
        self._home, self._kind = home, kind
        self._kept: bytes | None = None

    def digest(self, token: str) -> str:
        """By which the store finds a token."""
        plain = hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
        return self._mac(plain)  # so a digest of older programs could be carried over

    def seal(self, digest: str, *opens: object) -> str:
        """Of a token and of what it opens: texts, numbers, and lists of these."""
        return self._mac(json.dumps([digest, *opens]))

    def holds(self, seal: str, digest: str, *opens: object) -> bool:
        """Whether the seal is that of this token, opening just this."""
        return hmac.compare_digest(seal.encode(), self.seal(digest, *opens).encode())

    def _mac(self, told: str) -> str:
        if self._kept is None:
            self._kept = derived_key(self._home, f"tokens of {self._kind}")
        return hmac.new(self._kept, told.encode(), hashlib.sha256).hexdigest()


def made() -> str:
    """A new token, which is kept nowhere."""
    return secrets.token_urlsafe(32)


def moment(at: datetime) -> str:
    """A time as it is sealed."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")
