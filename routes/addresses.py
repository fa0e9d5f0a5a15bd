"""Addresses that a visitor brings: where to go on to, and never to another house."""

from urllib.parse import urlsplit


def local(path: str | None) -> str:
    """The address if it is one of ours, else the wall's: nobody is led elsewhere by a link."""
    try:
        parts = urlsplit(path or "/")
    except ValueError:
        return "/"
    is_ours = not parts.scheme and not parts.netloc and parts.path.startswith("/")
    is_plain = is_ours and not (path or "").startswith("//") and "\\" not in (path or "")
    return path if path and is_plain and path.isprintable() else "/"
