"""Are the layers of polygons sound?"""

import pandas as pd
from dash import html

from layouts.marks import nothing
from layouts.panel import Facts, Listing, Panel
from layouts.tables import area, table, whole

HEADS = ("图层", "多边形", "已修复", "重叠", "重叠 km²", "缝隙 km²")


def draw(facts: Facts, layers: pd.DataFrame) -> html.Table | html.Div:
    """One row a layer, the main tree from the top down, then the further ones."""
    if layers.empty:
        return nothing("还没有图层")
    rows = [
        [
            html.B(row["name"]),
            whole(row["polygons"]),
            whole(row["repaired"]),
            whole(row["overlap_pairs"]),
            area(row["overlap_km2"]),
            area(row["gap_km2"]),
        ]
        for row in layers.to_dict("records")
    ]
    return table(HEADS, rows, numbers=range(1, 6))


PANEL = Panel(
    key="layer_report",
    title="图层检查",
    question="网格和图层有没有重叠、缝隙？",
    asks={"layers": Listing("layers", limit=0)},
    draw=draw,
)
