"""Which kinds of disputes are resolved least?"""

from layouts.rankings import lowest

PANEL = lowest(
    "resolution_by_category", "类别化解率最低", "哪类纠纷最难化解？", "resolution_rate", "category"
)
