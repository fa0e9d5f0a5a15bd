"""How many disputes came in, and how many of them are resolved?"""

import pandas as pd
from dash import html

from layouts.panel import Facts, Numbers, Panel
from layouts.rankings import rate_tiles


def draw(facts: Facts, resolution: pd.DataFrame) -> list:
    """Rates with their parts; the denominator is what was accepted in the window."""
    return [rate_tiles([("化解率", resolution)]), html.Div(facts.window, className="sum")]


PANEL = Panel(
    key="dispute_totals",
    title="化解总体",
    question="受理的矛盾纠纷化解了多少？",
    asks={"resolution": Numbers("resolution_rate")},
    draw=draw,
)
