"""Fetch what a database holds into a file, which is then loaded like any delivered file."""

import math
import tempfile
import time
from pathlib import Path
from typing import BinaryIO

import orjson

from etl.hostile import FileError
from etl.members import Container, containers
from etl.readers import reader
from etl.readers.base import ReaderOptions
from etl.source import Source

FETCHED = frozenset({"sql"})  # readers that need no delivered file
STORED_AS = "jsonl"


def fetch(source: Source, input: Path, folder: Path) -> Container:
    """The answer to the source's query as one file of `folder`, in place of the former answer.

    `{input}` in the declared address is the input folder, `{home}` the one around `folder`.
    FileError where the database cannot be asked or a row cannot be read: half an answer is none.
    """
    options = dict(source.options)
    if "url" in options:
        url = str(options["url"]).replace("{input}", str(input.resolve()))
        options["url"] = url.replace("{home}", str(folder.resolve().parent))
    folder.mkdir(parents=True, exist_ok=True)
    # A name of its own: `etl run` may ask beside `etl watch`.
    number, half = tempfile.mkstemp(".part", f"{source.name}-", folder)
    try:
        with open(number, "wb") as file:
            _write(file, source, ReaderOptions(**options))
        Path(half).replace(_path(source, folder))
    except BaseException:
        Path(half).unlink(missing_ok=True)
        raise
    return _fetched(source, folder)


class Answers:
    """What databases answered, asked again only after `every` seconds, also where they failed."""

    def __init__(self, every: float) -> None:
        self._every = every
        self._asked: dict[str, tuple[float, FileError | None]] = {}  # by declaration

    def __call__(self, source: Source, input: Path, folder: Path) -> Container:
        declared = source.declaration_hash()
        asked_at, problem = self._asked.get(declared, (-math.inf, None))
        if time.monotonic() - asked_at >= self._every:
            try:
                fetch(source, input, folder)
                problem = None
            except FileError as error:
                problem = error
            self._asked[declared] = (time.monotonic(), problem)
        if problem:
            raise problem
        return _fetched(source, folder)


def _write(file: BinaryIO, source: Source, options: ReaderOptions) -> None:
    for chunk in reader(source.reader)(None, options):
        if chunk.rejects:
            raise FileError(source.name, chunk.rejects[0].code, chunk.rejects[0].reason)
        for record in chunk.frame.to_dict("records"):
            file.write(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE))
    if not file.tell():  # a file of no bytes would be taken for a broken delivery
        file.write(b"\n")


def _path(source: Source, folder: Path) -> Path:
    return folder / f"{source.name}.{STORED_AS}"


def _fetched(source: Source, folder: Path) -> Container:
    return containers(folder, [_path(source, folder).name])[0]
