"""Codes are those of RFC 6238; each is taken once, within a step of the clock."""

import base64
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyotp.totp import TOTP

from access.one_time import address, made, step_of

SECRET = base64.b32encode(b"12345678901234567890").decode()  # of RFC 6238, appendix B
NOW = datetime(2026, 11, 5, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "code"),  # RFC 6238, appendix B: the last six of the eight digits
    [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_codes_are_those_of_the_standard(seconds, code):
    at = datetime.fromtimestamp(seconds, UTC)
    assert step_of(SECRET, code, at, None) == seconds // 30
    assert step_of(made(), code, at, None) is None


@given(off=st.integers(-5, 5), used=st.none() | st.integers(-5, 5))
def test_a_code_is_taken_a_step_either_side_and_never_again(off, used):
    step = int(NOW.timestamp()) // 30
    code = TOTP(SECRET).at((step + off) * 30)
    after = None if used is None else step + used
    is_taken = abs(off) <= 1 and (used is None or off > used)
    assert step_of(SECRET, code, NOW, after) == (step + off if is_taken else None)


@given(code=st.text(max_size=30))
def test_other_text_is_no_code(code):
    codes = {TOTP(SECRET).at(NOW + timedelta(seconds=30 * n)) for n in (-1, 0, 1)}
    assert (step_of(SECRET, code, NOW, None) is not None) == (code in codes)


def test_a_code_is_read_as_people_type_it():
    code = TOTP(SECRET).at(NOW)
    wide = code.translate({ord("0") + n: ord("０") + n for n in range(10)})
    for typed in (f"{code[:3]} {code[3:]}", f" {code}\n", wide):
        assert step_of(SECRET, typed, NOW, None) is not None


def test_an_authenticator_reads_the_address():
    secret = made()
    read = pyotp.parse_uri(address(secret, "leader1"))
    assert (read.secret, read.name, read.issuer, read.digits) == (secret, "leader1", "智脑", 6)
    assert len(base64.b32decode(secret)) == 20
