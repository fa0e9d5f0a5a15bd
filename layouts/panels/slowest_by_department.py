"""Which departments take longest from accepting to closing?"""

from layouts.rankings import highest

PANEL = highest(
    "slowest_by_department",
    "办理周期最长",
    "哪个部门办得最慢？",
    "handling_hours_median",
    "department",
)
