"""Compression: what never changes is packed hard and once, the rest lightly at every answer."""

import gzip
import threading

import brotli
from flask import Flask, Response, request
from flask_compress import Compress

KEPT = "public, max-age=31536000, immutable"
HARD = 9  # 4.8 MB of plotly become 1.2 MB in half a second; 11 would take eight
SMALLEST = 500  # bytes; below it compression is not worth its header
TEXT = ("text/", "application/javascript", "application/json", "image/svg+xml")


def register(server: Flask) -> None:
    """Compress every answer of this server."""
    server.config.update(
        COMPRESS_ALGORITHM=["br", "zstd", "gzip"],
        COMPRESS_ALGORITHM_STREAMING=["br", "zstd"],
        COMPRESS_BR_LEVEL=4,
        COMPRESS_LEVEL=4,
    )
    Compress(server)
    packed = _Packed()
    server.after_request(packed.after_request)  # runs before Flask-Compress, which then stands back


class _Packed:
    """The packed bytes of everything immutable that was asked for, by address and encoding."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], bytes] = {}
        self._lock = threading.Lock()

    def after_request(self, response: Response) -> Response:
        if request.path.startswith("/assets/") and "m" in request.args:
            response.headers["Cache-Control"] = KEPT  # Dash puts the file's mtime into ?m=
        if not _is_kept(response):
            return response
        response.headers["Cache-Control"] = KEPT
        encoding = _encoding()
        if encoding is None or not (response.mimetype or "").startswith(TEXT):
            return response
        return self._answer(response, encoding)

    def _answer(self, response: Response, encoding: str) -> Response:
        response.direct_passthrough = False
        key = (request.full_path, encoding)
        with self._lock:  # one packs, however many visitors arrive at once
            if key not in self._known:
                data = response.get_data()
                if len(data) < SMALLEST:
                    return response
                self._known[key] = _pack(data, encoding)
        if close := getattr(response.response, "close", None):
            response.call_on_close(close)  # the file, which nobody will read
        response.set_data(self._known[key])
        response.headers["Content-Encoding"] = encoding
        response.headers.add("Vary", "Accept-Encoding")
        response.headers.pop("ETag", None)
        return response


def _is_kept(response: Response) -> bool:
    age = response.cache_control.max_age
    return response.status_code == 200 and age is not None and age >= 31_536_000


def _encoding() -> str | None:
    """br, or gzip: browsers offer br only over https and on localhost."""
    offered = request.headers.get("Accept-Encoding", "").lower()
    return "br" if "br" in offered else "gzip" if "gzip" in offered else None


def _pack(data: bytes, encoding: str) -> bytes:
    if encoding == "br":
        return brotli.compress(data, quality=HARD)
    return gzip.compress(data, compresslevel=HARD, mtime=0)
