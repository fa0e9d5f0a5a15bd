"""Known browsers: each keeps proof of who signed in with it, so that strangers who guess somebody's
password lock out strangers alone (OWASP, Slow Down Online Guessing Attacks with Device Cookies).

A proof lets nobody in: it says only whose guesses these are. The cookie holds one for each of the
people who sign in at one desk, and no names."""

import hashlib
import hmac
import json
import re
import secrets
from datetime import datetime, timedelta
from pathlib import Path

from access.keys import derived_key

KEPT = timedelta(days=180)
MOST = 8  # people at one browser; who signed in last is kept
PROOF = re.compile(r"(\d{1,6})\.([0-9A-Za-z_-]{22})\.([0-9a-f]{64})")
LONGEST = MOST * 100  # characters of a cookie
DAY = 86_400  # seconds


class KnownBrowsers:
    """The proofs of one home."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._kept: bytes | None = None

    def nonce(self, cookie: str | None, name: str, now: datetime) -> str | None:
        """By which this browser is known to the account; None where it is not."""
        of_name = (proof for proof in _proofs(cookie, now) if self._is_of(proof, name))
        return next((proof[2] for proof in of_name), None)

    def renewed(self, cookie: str | None, name: str, now: datetime) -> str:
        """The cookie after somebody has signed in; of others it keeps what it had."""
        day, nonce = f"{_day(now)}", secrets.token_urlsafe(16)
        others = [proof for proof in _proofs(cookie, now) if not self._is_of(proof, name)]
        mine = f"{day}.{nonce}.{self._mac(name, day, nonce)}"
        return "~".join([mine, *(proof[0] for proof in others[: MOST - 1])])

    def _is_of(self, proof: re.Match, name: str) -> bool:
        return hmac.compare_digest(self._mac(name, proof[1], proof[2]), proof[3])

    def _mac(self, *told: str) -> str:
        if self._kept is None:
            self._kept = derived_key(self._home, "known browsers")
        return hmac.new(self._kept, json.dumps(told).encode(), hashlib.sha256).hexdigest()


def _proofs(cookie: str | None, now: datetime) -> list[re.Match]:
    """What may be a proof; nobody has looked yet whose."""
    if not cookie or len(cookie) > LONGEST:
        return []
    found = (PROOF.fullmatch(each) for each in cookie.split("~")[:MOST])
    oldest = _day(now) - KEPT // timedelta(days=1)
    return [proof for proof in found if proof and int(proof[1]) > oldest]


def _day(now: datetime) -> int:
    return int(now.timestamp()) // DAY
