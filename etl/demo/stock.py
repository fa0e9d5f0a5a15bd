"""The cases that still go on: what the next delivery has to tell of. Kept beside the deliveries."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from etl.demo.aftercare import CALL, Calls
from etl.demo.catalogue import CHANNELS
from etl.demo.deliver import last_event
from etl.demo.simulate import CASE, Cases
from etl.demo.world import NEVER

FILE = "stock.npz"
ARRAYS = ("cases", "calls")


@dataclass
class Stock:
    """Unfinished cases and follow-ups, the last number of each channel, how far all is told."""

    cases: Cases
    seed: int
    told_until: int  # seconds
    numbers: list[int] = field(default_factory=lambda: [0] * len(CHANNELS))
    batch: int = 0  # of live deliveries
    pending_until: int = 0  # a batch that was begun; 0 = none
    rate: float = 0.0  # cases a day in the history
    calls: Calls = field(default_factory=lambda: np.zeros(0, CALL))

    @classmethod
    def empty(cls, seed: int, told_until: int) -> "Stock":
        return cls(np.zeros(0, CASE), seed, told_until)

    @classmethod
    def load(cls, folder: Path) -> "Stock":
        """The stock that `save` left in the folder; FileNotFoundError if there is none."""
        with np.load(folder / "planted" / FILE) as kept:
            facts = json.loads(str(kept["facts"]))
            return cls(kept["cases"], calls=kept["calls"], **facts)

    def save(self, folder: Path) -> None:
        """Complete or not at all, so that a live delivery can be killed at any moment."""
        facts = {name: value for name, value in vars(self).items() if name not in ARRAYS}
        path = folder / "planted" / FILE
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(".stock.part.npz")
        with open(beside, "wb") as file:
            np.savez(file, cases=self.cases, calls=self.calls, facts=json.dumps(facts))
        beside.replace(path)

    def forget(self, until: int) -> Cases:
        """Drop the cases to which nothing more happens from `until` on; returns them."""
        goes_on = last_event(self.cases, NEVER) >= until
        dropped, self.cases = self.cases[~goes_on], self.cases[goes_on]
        return dropped

    def numbered(self, cases: Cases) -> Cases:
        """The new cases with their numbers, which go on within each channel."""
        for channel in range(len(CHANNELS)):
            mine = cases["channel"] == channel
            count = int(mine.sum())
            cases["serial"][mine] = self.numbers[channel] + 1 + np.arange(count)
            self.numbers[channel] += count
        return cases
