"""Where are most matters open?"""

import pandas as pd
from dash import html

from layouts.panel import PLACE, Facts, Numbers, Panel
from layouts.rankings import largest_counts


def draw(facts: Facts, now: pd.DataFrame) -> list | html.Div:
    """The five places with most in hand."""
    return largest_counts(now, PLACE)


PANEL = Panel(
    key="open_by_place",
    title="在办最多的区域",
    question="哪些区域手里的事最多？",
    asks={"now": Numbers("open", (PLACE,))},
    draw=draw,
)
