"""Which departments miss most of their deadlines?"""

from layouts.rankings import lowest

PANEL = lowest(
    "least_punctual_by_department",
    "按时办结率最低",
    "哪个部门最不守时？",
    "on_time_closure_rate",
    "department",
    has_target=True,
)
