"""One-time codes of an authenticator (TOTP, RFC 6238): six digits, a new one every 30 seconds."""

import hmac
import re
import unicodedata
from datetime import datetime

import pyotp
from pyotp.totp import TOTP

STEP = 30  # seconds
EITHER_SIDE = 1  # steps by which the clocks of phone and server may differ
ISSUER = "智脑"
CODE = re.compile(r"[0-9]{6}")


def made() -> str:
    """A new secret, 160 bits in base32."""
    return pyotp.random_base32()


def address(secret: str, name: str) -> str:
    """The otpauth:// address of an account's secret, to be drawn as a QR code."""
    return TOTP(secret).provisioning_uri(name=name, issuer_name=ISSUER)


def step_of(secret: str, code: str, now: datetime, after: int | None) -> int | None:
    """The step whose code this is: that of `now` or one beside it, and later than `after`, so that
    no code is taken twice. None where it is no such code."""
    typed = re.sub(r"\s", "", unicodedata.normalize("NFKC", code[:20]))
    if not CODE.fullmatch(typed):
        return None
    current = int(now.timestamp()) // STEP
    steps = range(current - EITHER_SIDE, current + EITHER_SIDE + 1)
    fresh = (step for step in steps if after is None or step > after)
    codes = TOTP(secret)
    return next((s for s in fresh if hmac.compare_digest(codes.at(s * STEP), typed)), None)
