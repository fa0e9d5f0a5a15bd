"""Which grids and places have most to do, also for the people who live there?"""

import pandas as pd
from dash import html

from layouts.panel import FINEST, PLACE, Facts, Numbers
from layouts.rankings import highest_rows
from layouts.scene import Scene
from layouts.sentence import Words, also, most


def answer(facts: Facts, accepted: pd.DataFrame, per_10k: pd.DataFrame) -> Words:
    """The grid with most accepted matters of the window, and the place with most for its people."""
    busiest = most(accepted, FINEST)
    if not busiest:
        return [f"{facts.window}没有落到网格的事项"]
    said: Words = [f"{facts.window}", *busiest]
    rows = highest_rows(per_10k, PLACE, 1)
    if rows.empty:
        return said
    dense = [html.B(rows["name"].iloc[0]), "最多，每万人 ", html.B(rows["text"].iloc[0]), " 件"]
    return [*said, *also(dense, "；按人口 ")]


SCENE = Scene(
    key="grids",
    name="网格态势",
    question="哪些网格事多，哪里按人口算事多？",
    asks={
        "accepted": Numbers("accepted", (FINEST,)),
        "per_10k": Numbers("per_10k", (PLACE,)),
    },
    answer=answer,
    columns=(
        ("accepted_by_grid", "per_10k_by_place"),
        ("accepted_by_place", "accepted_by_channel"),
    ),
    measure="accepted",
)
