"""The fingerprint of a build: an open page that was made by another one loads itself anew."""

import hashlib
from pathlib import Path

PACKAGES = ("layouts", "callbacks", "routes", "data", "geo", "rules", "dispatch", "access")
KINDS = {".py", ".css", ".js", ".json", ".csv", ".html"}


def fingerprint(root: Path) -> str:
    """A hash of everything below the checkout that makes a page."""
    digest = hashlib.sha256()
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*")):
            if path.suffix in KINDS:
                digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]
