"""What a run did, and how each source fared in it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

import orjson

from etl.accounts import COUNTS, Balance


@dataclass
class Report:
    """What a run did. `edition` is None where nothing changed and so nothing was published."""

    run: int = 0
    edition: int | None = None
    balances: list[Balance] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)  # source -> reason
    new_columns: dict[str, list[str]] = field(default_factory=dict)
    missing_columns: dict[str, list[str]] = field(default_factory=dict)  # declared, in no file
    seconds: dict[str, float] = field(default_factory=dict)
    unsettled: int = 0  # files that were still arriving
    without_files: list[str] = field(default_factory=list)  # sources for which nothing lies there
    undeclared: list[str] = field(
        default_factory=list
    )  # sources whose TOML is gone, not their rows
    located: tuple[int, int] | None = None  # cases with a grid, all cases
    settings: list[str] = field(default_factory=list)  # parts of the declaration that are new
    forgotten: int = 0  # cases of which what named people was emptied
    refused_before: dict[str, str] = field(default_factory=dict)  # source -> reason

    @property
    def is_good(self) -> bool:
        return not self.failures and all(b.state == "loaded" for b in self.balances)

    def state(self, source: str) -> str:
        """ok | refused | failed; what was refused before stays so until something newer comes."""
        if source in self.failures:
            return "failed"
        states = {b.state for b in self.balances if b.source == source}
        stays_refused = not states and source in self.refused_before
        return "refused" if stays_refused or "refused" in states else "ok"

    def reason(self, source: str) -> str | None:
        """Why the source is not ok."""
        mine = [b for b in self.balances if b.source == source and b.state == "refused"]
        refused = [f"{b.member}：{b.reason}" for b in mine]
        if source in self.failures:
            return self.failures[source]
        if not any(b.source == source for b in self.balances):
            return self.refused_before.get(source)
        return "；".join(refused[:3]) or None

    def totals(self, source: str | None = None) -> dict[str, int]:
        """The balance of one source, or of the whole run."""
        mine = [b for b in self.balances if source in (None, b.source)]
        return {name: sum(getattr(b, name) for b in mine) for name in COUNTS}

    def as_json(self) -> bytes:
        return orjson.dumps(asdict(self), option=orjson.OPT_INDENT_2)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
