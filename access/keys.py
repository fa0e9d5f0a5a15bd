"""The secret of a home, outside its store, and the keys that are made of it: who can write the
store can forge nothing that carries one."""

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path

from access.errors import OperationsError

KEY_FILE = "audit.key"  # in the home: the audit was the first to need it
KEY = "ZHINAO_AUDIT_KEY"  # an environment variable
KEY_BYTES = 32


def derived_key(home: Path, purpose: str) -> bytes:
    """A key for something else, made of the home's: who has the one cannot tell the other."""
    return hmac.digest(key_of(home), purpose.encode(), hashlib.sha256)


def key_of(home: Path) -> bytes:
    """The key in the environment variable KEY, else that in the home, made when first wanted."""
    if given := os.environ.get(KEY):
        return given.encode()
    path = home / KEY_FILE
    if not path.exists():
        _make_key(path)
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise OperationsError(f"审计密钥 {path} 应有 {KEY_BYTES} 个字节，现有 {len(key)} 个")
    return key


def _make_key(path: Path) -> None:
    """Whole or not at all, and only one, whoever else makes one at the same moment."""
    new = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(new, "xb", opener=private) as file:
            file.write(os.urandom(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(new, path)
        new.unlink()
    except OSError as fault:
        raise OperationsError(f"审计密钥 {path} 写不下（{type(fault).__name__}）") from None


def private(path: str, flags: int) -> int:
    """An `opener` of files that nobody else may read."""
    return os.open(path, flags, 0o600)
