"""How many disputes are resolved, by whom, and how does mediation go?"""

import pandas as pd

from layouts.panel import Facts, Numbers, Panel
from layouts.rankings import in_window
from layouts.tiles import rate_tiles


def draw(
    facts: Facts, resolution: pd.DataFrame, mediation: pd.DataFrame, grassroots: pd.DataFrame
) -> list:
    """Three rates with their parts: of all accepted, of those decided, and close to the people."""
    rates = [
        ("化解率", "占受理", resolution),
        ("调解成功率", "占已有结果", mediation),
        ("基层化解率", "占化解成功", grassroots),
    ]
    return in_window(facts, rate_tiles(rates))


PANEL = Panel(
    key="dispute_totals",
    title="化解总体",
    question="受理的矛盾纠纷化解了多少，多少化解在基层？",
    asks={
        "resolution": Numbers("resolution_rate"),
        "mediation": Numbers("mediation_success_rate"),
        "grassroots": Numbers("grassroots_resolution_rate"),
    },
    draw=draw,
)
