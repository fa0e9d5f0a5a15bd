"""一案一码: the code of a case, made from what its source calls it, without any counter.

60 bits of SHA-256 over (source, key), written as 12 base-32 characters (Crockford's alphabet: no
I, L, O, U) and a check character (Luhn mod 32), which finds every single wrong character and
every swap of neighbours but 0 with Z.
"""

import hashlib

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 13
SEPARATOR = "\x1e"  # between source and key; no delivered text holds it


def case_code(source: str, key: str) -> str:
    """The 13 characters of the matter that `source` calls `key`."""
    digest = hashlib.sha256(f"{source}{SEPARATOR}{key}".encode()).hexdigest()
    bits = int(digest[:15], 16)
    body = "".join(ALPHABET[(bits >> shift) & 31] for shift in range(55, -1, -5))
    return body + check_character(body)


def check_character(body: str) -> str:
    """The character that makes the Luhn sum of the 12 characters of `body` a multiple of 32."""
    total = sum(_addend(ALPHABET.index(c), place) for place, c in enumerate(body))
    return ALPHABET[-total % 32]


def is_valid(code: str) -> bool:
    """Whether `code` has the form of a case code and its check character holds."""
    if len(code) != LENGTH or any(c not in ALPHABET for c in code):
        return False
    return check_character(code[:-1]) == code[-1]


def case_code_sql(text: str) -> str:
    """SQL of the code, for SQL `text` of source || chr(30) || key."""
    bits = f"('0x' || sha256({text})[1:15])::UBIGINT"
    digits = [f"((b >> {shift}) & 31)::INTEGER" for shift in range(55, -1, -5)]
    body = " || ".join(f"'{ALPHABET}'[{digit} + 1]" for digit in digits)
    doubled = (f"(({d} * 2) // 32 + ({d} * 2) % 32)" for d in digits[1::2])
    total = " + ".join([*digits[::2], *doubled])
    check = f"'{ALPHABET}'[((32 - ({total}) % 32) % 32) + 1]"
    return f"list_transform([{bits}], lambda b: {body} || {check})[1]"


def _addend(digit: int, place: int) -> int:
    """Every second digit, the last of the body first, counts double."""
    if place % 2 == 0:
        return digit
    doubled = digit * 2
    return doubled // 32 + doubled % 32
