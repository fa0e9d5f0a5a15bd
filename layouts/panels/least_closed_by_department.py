"""Which departments close the smallest share of what they accept?"""

from layouts.rankings import lowest

PANEL = lowest(
    "least_closed_by_department",
    "办结率最低",
    "哪个部门受理多、办结少？",
    "closure_rate",
    "department",
)
