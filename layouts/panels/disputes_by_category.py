"""Which kinds of disputes come in most, and are they rising?"""

from layouts.panel import Numbers, Panel
from layouts.panels.accepted_by_category import draw

PANEL = Panel(
    key="disputes_by_category",
    title="纠纷类别",
    question="哪类纠纷最多，在涨还是在跌？",
    asks={"accepted": Numbers("disputes", ("category",), base="previous")},
    draw=draw,
)
