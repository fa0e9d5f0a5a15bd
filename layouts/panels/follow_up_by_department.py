"""Which departments do not ask afterwards?"""

from layouts.rankings import lowest

PANEL = lowest(
    "follow_up_by_department",
    "部门回访率最低",
    "哪个部门没有回访？",
    "follow_up_rate",
    "department",
)
