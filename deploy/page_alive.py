"""Whether a Chromium shows a page of a server that still runs: exit code 0, else 1.

usage: page_alive.py DEVTOOLS ORIGIN. DEVTOOLS is a port, or the file in which Chromium wrote the
one that it got (DevToolsActivePort of its profile, where nobody else can write). Standard library
only, for a screen has no venv.
"""

import base64
import json
import os
import socket
import struct
import sys
import urllib.request
from urllib.parse import urlsplit

PATIENCE = 5.0  # seconds
ALIVE = "Boolean(document.querySelector('[data-poll]') && window.zhinao)"


def main(devtools: str, origin: str) -> int:
    try:
        found = pages(port_of(devtools), origin)
        return 0 if any(is_alive(page) for page in found) else 1
    except (OSError, ValueError, KeyError):
        return 1


def port_of(devtools: str) -> int:
    """OSError or ValueError while the file is not there or not whole."""
    if devtools.isdigit():
        return int(devtools)
    with open(devtools, encoding="ascii") as file:
        return int(file.readline())


def pages(port: int, origin: str) -> list[str]:
    """The addresses by which the pages of that origin can be asked."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=PATIENCE) as reply:
        found = json.load(reply)
    wanted = urlsplit(origin)[:2]
    return [
        page["webSocketDebuggerUrl"]
        for page in found
        if page["type"] == "page" and urlsplit(page["url"])[:2] == wanted
    ]


def is_alive(address: str) -> bool:
    """Whether the page runs a script, and is one of ours: a hung or crashed one never answers."""
    params = {"expression": ALIVE, "returnByValue": True}
    with opened(address) as stream:
        send(stream, json.dumps({"id": 1, "method": "Runtime.evaluate", "params": params}))
        while True:
            told = json.loads(received(stream))
            if told.get("id") == 1:
                return told.get("result", {}).get("result", {}).get("value") is True


def opened(address: str) -> socket.socket:
    """A WebSocket (RFC 6455) to Chromium; it takes no Origin, for that would need an allowance."""
    parts = urlsplit(address)
    stream = socket.create_connection((parts.hostname, parts.port), timeout=PATIENCE)
    key = base64.b64encode(os.urandom(16)).decode()
    stream.sendall(
        f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
        "Sec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += exactly(stream, 1)
    if b" 101 " not in head.split(b"\r\n")[0]:
        stream.close()
        raise ValueError("no WebSocket")
    return stream


def send(stream: socket.socket, text: str) -> None:
    """One short text frame, masked as a client must."""
    data, mask = text.encode(), os.urandom(4)
    masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
    size = len(data)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack(">H", size)
    stream.sendall(b"\x81" + length + mask + masked)


def received(stream: socket.socket) -> bytes:
    """The next frame's content."""
    size = exactly(stream, 2)[1]
    if size == 126:
        size = struct.unpack(">H", exactly(stream, 2))[0]
    elif size == 127:
        size = struct.unpack(">Q", exactly(stream, 8))[0]
    return exactly(stream, size)


def exactly(stream: socket.socket, size: int) -> bytes:
    """So many bytes."""
    data = b""
    while len(data) < size:
        part = stream.recv(size - len(data))
        if not part:
            raise ValueError("ended early")
        data += part
    return data


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
