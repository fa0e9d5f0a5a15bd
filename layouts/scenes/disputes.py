"""Are disputes resolved, and which are not?"""

import pandas as pd
from dash import html

from layouts.panel import PLACE, Facts, Numbers
from layouts.scene import Scene
from layouts.sentence import Words, also, figure, least, since_before


def answer(
    facts: Facts, resolved: pd.DataFrame, by_category: pd.DataFrame, by_place: pd.DataFrame
) -> Words:
    """化解率 with its change, and the category and the place of which it is lowest."""
    said = ["化解率 ", html.B(figure(resolved)), since_before(resolved)]
    category = least(by_category, "category", resolved)
    place = least(by_place, PLACE, resolved)
    both = [*category, *also(place, "、" if category else "")]
    return [*said, *also(both, "；难在 ")]


SCENE = Scene(
    key="disputes",
    name="矛盾化解",
    question="矛盾纠纷化解得怎样，难在哪类、哪里？",
    asks={
        "resolved": Numbers("resolution_rate", base="previous"),
        "by_category": Numbers("resolution_rate", ("category",)),
        "by_place": Numbers("resolution_rate", (PLACE,)),
    },
    answer=answer,
    columns=(
        ("dispute_totals", "resolution_by_level"),
        ("disputes_by_category", "resolution_by_category"),
        ("resolution_by_place",),
    ),
    has_map=False,
)
