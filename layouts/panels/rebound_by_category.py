"""Which kinds of disputes rise again after they were resolved?"""

from layouts.rankings import highest

PANEL = highest(
    "rebound_by_category", "反弹率最高", "哪类事项化解后又起？", "rebound_rate", "category"
)
