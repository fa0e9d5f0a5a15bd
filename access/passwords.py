"""Passwords: hashed with argon2id, a few at a time, and refused where others guess them first."""

import hmac
import re
import secrets
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from itertools import pairwise

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from access.operations import OperationsError

SHORTEST, LONGEST = 10, 128  # characters
LONG = 16  # characters from which on the kinds do not matter
KINDS = 3  # of lower case, upper case, digits and everything else
FEWEST_RUNS = 4  # qwer1234!@#$ has three: typed without thinking, guessed without thinking
AT_ONCE = 2  # each takes 64 MiB and all cores for 0.2 s
MOST = 8  # at work or waiting: the rest of the server's threads stay for everybody else
FOR_KNOWN = 2  # of MOST; however many strangers guess, who is known gets his turn
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that looks like something else
GROUPS, GROUP = 4, 4  # of a password that is made here: 79 bits

HASHER = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)  # t=3, m=64 MiB, p=4
_turns = threading.BoundedSemaphore(AT_ONCE)
_room = threading.BoundedSemaphore(MOST)
_strangers = threading.BoundedSemaphore(MOST - FOR_KNOWN)
_alone: set[str] = set()  # who is at it, of those that are known
_alone_lock = threading.Lock()

# Words that lists of leaked passwords begin with, whatever digits and signs stand around them.
WORDS = """
    abc abcd account admin administrator aini baobao changeme chongqing computer dragon football
    guest hello iloveyou letmein login manager master mima monkey nihao password princess qazwsx
    root secret service shanghai sunshine superman support system test tiger user wang welcome
    woaini woaiwojia wodemima zhang zhinao zhongguo zongzhi
"""
COMMON = frozenset(WORDS.split())
WOVEN = (
    "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
    "1a2b3c4d5e6f7g8h9i0j",
    "a1b2c3d4e5f6g7h8i9",
)
ROWS = ("`1234567890-=", "qwertyuiop[]\\", "asdfghjkl;'", "zxcvbnm,./")
COLUMNS = ("1qaz", "2wsx", "3edc", "4rfv", "5tgb", "6yhn", "7ujm", "8ik,", "9ol.", "0p;/")
NEIGHBOURS = frozenset(f"{a}{b}" for line in (*ROWS, *COLUMNS) for a, b in pairwise(line))
UNSHIFTED = str.maketrans('~!@#$%^&*()_+{}|:"<>?', "`1234567890-=[]\\;',./")
SPOKEN = str.maketrans("@4301$5!7", "aaeoissit")  # p@ssw0rd is read as password


class Busy(OperationsError):
    """More passwords are being checked than this machine should check at once."""

    def __init__(self) -> None:
        super().__init__("现在登录的人太多，请稍后再试")


def hashed(password: str) -> str:
    """What is kept of a password; Busy where too many wait already."""
    with _turn():
        return HASHER.hash(_bytes(password))


def fits(kept: str | None, password: str, is_stranger: bool = False) -> bool:
    """Whether this is the password of which `kept` was made. None = nobody's: never, and it takes
    as long. Busy where too many wait already, or too many strangers."""
    nobodys = _nobodys(HASHER)  # asked for first: whose turn makes it must not tell who is known
    with _turn(is_stranger):
        try:
            HASHER.verify(kept or nobodys, _bytes(password))
        except (VerificationError, InvalidHashError):
            return False
    return bool(kept)


def is_same(one: str, other: str) -> bool:
    """Whether both are the same password, however they were typed."""
    return hmac.compare_digest(_bytes(one), _bytes(other))


def is_outdated(kept: str) -> bool:
    """Whether it was made with other parameters than are used today."""
    return HASHER.check_needs_rehash(kept)


def made() -> str:
    """A password that is made here, easy to read out and to type."""
    groups = ("".join(secrets.choice(ALPHABET) for _ in range(GROUP)) for _ in range(GROUPS))
    return "-".join(groups)


def weakness(password: str, name: str) -> str | None:
    """Why this may not be the password of the account `name`, in Chinese; None where it may."""
    if not SHORTEST <= len(password) <= LONGEST:
        return f"口令应为 {SHORTEST} 到 {LONGEST} 个字符"
    if len(password) < LONG and _kinds(password) < KINDS:
        return f"口令应含大写、小写、数字、符号中的三种，或至少 {LONG} 个字符"
    plain = unicodedata.normalize("NFKC", password).casefold()
    if len(name) > 3 and name.casefold() in plain:
        return "口令不能含有账号名"
    if _is_common(plain):
        return "口令太常见，容易被猜到"
    runs = min(_runs(plain), _runs(plain.translate(UNSHIFTED)))
    if _is_repeated(plain) or runs < FEWEST_RUNS:
        return "口令是重复的或连续的字符，容易被猜到"
    return None


@contextmanager
def alone(who: str) -> Iterator[None]:
    """Busy where the same is at it already: nobody takes the rooms of all."""
    with _alone_lock:
        if who in _alone:
            raise Busy
        _alone.add(who)
    try:
        yield
    finally:
        with _alone_lock:
            _alone.discard(who)


@contextmanager
def _turn(is_stranger: bool = False) -> Iterator[None]:
    with ExitStack() as held:
        for room in (_strangers, _room) if is_stranger else (_room,):
            if not room.acquire(blocking=False):
                raise Busy
            held.callback(room.release)
        with _turns:
            yield


@cache
def _nobodys(hasher: PasswordHasher) -> str:
    return hasher.hash(secrets.token_bytes(16))


def _bytes(password: str) -> bytes:
    """The same for the same text, on whatever keyboard it was typed (NIST SP 800-63B, 5.1.1.2)."""
    return unicodedata.normalize("NFKC", password[: LONGEST + 1]).encode("utf-8", "surrogatepass")


def _kinds(password: str) -> int:
    has_other = any(not (c.islower() or c.isupper() or c.isdecimal()) for c in password)
    kinds = (str.islower, str.isupper, str.isdecimal)
    return has_other + sum(any(map(kind, password)) for kind in kinds)


def _is_common(plain: str) -> bool:
    """A common word with digits and signs around it, or a pattern woven of two rows of keys."""
    ends = re.sub(r"[^a-z]+$", "", plain)
    word = re.sub(r"^[^a-z]+", "", ends)
    typed = re.sub(r"[^a-z0-9]", "", plain)
    is_woven = len(typed) >= SHORTEST - 2 and any(typed in woven for woven in WOVEN)
    return is_woven or not COMMON.isdisjoint({word, word.translate(SPOKEN), ends.translate(SPOKEN)})


def _is_repeated(plain: str) -> bool:
    """Whether it is one piece, written at least twice."""
    return any(
        all(plain[at] == plain[at - length] for at in range(length, len(plain)))
        for length in range(1, len(plain) // 2 + 1)
    )


def _runs(keys: str) -> int:
    """How many runs of equal, following or neighbouring keys it is made of."""

    def goes_on(before: str, after: str) -> bool:
        is_near = f"{before}{after}" in NEIGHBOURS or f"{after}{before}" in NEIGHBOURS
        return is_near or abs(ord(after) - ord(before)) <= 1

    return 1 + sum(not goes_on(*pair) for pair in pairwise(keys))
