"""Servers of the tests: `python app.py` in processes of their own, which share the imports.

A server imports for a second and a half of a core before it does anything, and the tests start more
than a hundred. So one process for each worker imports what app.py does and nothing more; a server
is a fork of it that runs the file app.py, with its own words, variables, threads and memory.
"""

import multiprocessing
import os
import runpy
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parent.parent

# There is one process to fork from in each worker, so all that is forked anywhere stands here.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["app", "tests.data.editions.writer", __name__])


class Forked:
    """What a Popen of `python app.py WORDS` would be."""

    def __init__(self, words: list[str], variables: Mapping[str, str]) -> None:
        self._process = FORKS.Process(target=_serve, args=(words, dict(variables)), daemon=True)
        self._process.start()
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def terminate(self) -> None:
        self._process.terminate()

    def wait(self, timeout: float) -> int:
        self._process.join(timeout)
        assert self._process.exitcode is not None, f"app.py has not ended in {timeout} s"
        return self._process.exitcode


def _serve(words: list[str], variables: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(ROOT)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.argv = ["app.py", *words]
    runpy.run_path("app.py", run_name="__main__")
