"""Compression: what never changes is packed hard and once, the rest lightly at every answer."""

import gzip
import hashlib
import math
import threading
from collections import OrderedDict

import brotli
from dash.exceptions import DependencyException
from flask import Flask, Response, request
from flask_compress import Compress

from data.single_flight import SingleFlight

KEPT = "public, max-age=31536000, immutable"
HARD = 9  # 4.8 MB of plotly become 1.2 MB in half a second; 11 would take eight
MOST = 64_000_000  # bytes of packed answers that are kept
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
    # Dash raises this for a bundle that it does not have: an address like any other wrong one.
    server.register_error_handler(DependencyException, lambda _: ("not found", 404))
    Compress(server)
    packed = _Packed()
    server.after_request(packed.after_request)  # runs before Flask-Compress, which then stands back


class _Packed:
    """Packs what is immutable, once for each content: an address can be varied at will."""

    def __init__(self) -> None:
        self._flight = SingleFlight(_Kept())  # one packs, however many visitors arrive at once

    def after_request(self, response: Response) -> Response:
        is_there = response.status_code == 200
        if is_there and request.path.startswith("/assets/") and "m" in request.args:
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
        data = response.get_data()
        if len(data) < SMALLEST:
            return response
        key = f"{encoding} {hashlib.blake2b(data).hexdigest()}"
        response.set_data(self._flight.get(key, lambda: _pack(data, encoding)))
        response.headers["Content-Encoding"] = encoding
        response.headers.add("Vary", "Accept-Encoding")
        response.headers.pop("ETag", None)
        return response


class _Kept:
    """A cache of what was packed last, of at most MOST bytes. Safe for threads."""

    def __init__(self) -> None:
        self._found: OrderedDict[str, tuple[bytes, float]] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def get(self, key: str) -> tuple[bytes, float] | None:
        with self._lock:
            if key in self._found:
                self._found.move_to_end(key)
            return self._found.get(key)

    def set(self, key: str, value: tuple[bytes, float], timeout: int | None = None) -> None:
        """It is never out of date, whatever `timeout` says: the key names the content."""
        with self._lock:
            self._found[key] = (value[0], math.inf)
            self._size += len(value[0])
            while self._size > MOST:
                self._size -= len(self._found.popitem(last=False)[1][0])


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
