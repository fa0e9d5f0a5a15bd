"""Where do most matters arise for the people who live there?"""

import pandas as pd

from layouts.panel import PLACE, Facts, Numbers, Panel
from layouts.rankings import highest_rates, in_window


def draw(facts: Facts, density: pd.DataFrame) -> list:
    """The five places with most accepted matters for 10,000 people."""
    return in_window(facts, highest_rates(density, PLACE))


PANEL = Panel(
    key="per_10k_by_place",
    title="万人发案最高",
    question="按人口算，哪里事最多？",
    asks={"density": Numbers("per_10k", (PLACE,))},
    draw=draw,
)
