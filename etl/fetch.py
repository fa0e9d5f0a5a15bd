"""Fetch what a database holds into a file, which is then loaded like any delivered file."""

from pathlib import Path

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

    `{input}` in the declared address is the input folder. FileError where the database cannot be
    asked or a row cannot be read: half an answer is none.
    """
    options = dict(source.options)
    if "url" in options:
        options["url"] = str(options["url"]).replace("{input}", str(input.resolve()))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{source.name}.{STORED_AS}"
    half = path.with_suffix(".part")
    with half.open("wb") as file:
        for chunk in reader(source.reader)(None, ReaderOptions(**options)):
            if chunk.rejects:
                raise FileError(source.name, chunk.rejects[0].code, chunk.rejects[0].reason)
            for record in chunk.frame.to_dict("records"):
                file.write(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE))
    half.replace(path)
    return containers(folder, [path.name])[0]
