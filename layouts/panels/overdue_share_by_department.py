"""In which departments is the largest share of what they hold overdue?"""

from layouts.rankings import highest

PANEL = highest(
    "overdue_share_by_department",
    "超期率最高",
    "哪个部门手里超期的占比最大？",
    "overdue_open_rate",
    "department",
    note="超期在办／在办",
    kind="warn",
)
