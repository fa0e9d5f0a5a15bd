"""Leads a Chromium that was just started with a blank page to the address on the input.

usage: open_page.py DEVTOOLS SECONDS < ADDRESS; DEVTOOLS as of page_alive.py. The address may hold a
token, and everybody on a machine may read the arguments of a process. Chromium takes it as one that
somebody typed: where a page led to it, strict cookies (SameSite) would not go along. Exit code 1
where Chromium could not be told within so many seconds. Standard library only, for a screen has no
venv.
"""

import json
import sys
import time

from page_alive import opened, pages, port_of, received, send

BLANK = "about:blank"


def main(devtools: str, seconds: float, address: str) -> int:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            for page in pages(port_of(devtools), BLANK):
                go(page, address)
                return 0
        except (OSError, ValueError, KeyError):
            pass  # not there yet
        time.sleep(0.1)
    return 1


def go(page: str, address: str) -> None:
    """Told, and heard: it is the page's own business then when the server answers."""
    with opened(page) as stream:
        command = {"id": 1, "method": "Page.navigate", "params": {"url": address}}
        send(stream, json.dumps(command))
        try:
            received(stream)
        except TimeoutError:
            return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], float(sys.argv[2]), sys.stdin.readline().strip()))
