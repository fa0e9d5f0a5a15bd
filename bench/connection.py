"""A connection of a screen to the server, many of them in one thread."""

import asyncio

import brotli

from tests.screens import BEARER

ACCEPT = "Accept-Encoding: br\r\n"
AS_SCREEN = f"Authorization: {BEARER['Authorization']}\r\n"


class Connection:
    """A connection that is kept as long as the server does, as browsers do."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.etag = ""

    async def ask(
        self, method: str, path: str, headers: str = "", body: bytes = b""
    ) -> tuple[int, bytes]:
        """The status and the body of one answer; a kept connection that the server has ended in
        the meantime is made anew, once."""
        is_kept = self._streams is not None
        try:
            return await self._ask(method, path, headers, body)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.close()
            if not is_kept:
                raise
            return await self._ask(method, path, headers, body)

    async def _ask(self, method: str, path: str, headers: str, body: bytes) -> tuple[int, bytes]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        known = "" if "Authorization" in headers else AS_SCREEN
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{ACCEPT}{known}{headers}"
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        status = int(lines[0].split()[1])
        told = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
        self.etag = told.get("etag", "")
        length = 0 if status in (204, 304) else int(told["content-length"])
        answer = await reader.readexactly(length)
        if told.get("connection") == "close":
            self.close()
        if told.get("content-encoding") == "br":
            answer = brotli.decompress(answer)
        return status, answer

    def close(self) -> None:
        """End it; the next question makes a new one."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None
