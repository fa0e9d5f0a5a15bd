"""Which departments hold most open matters?"""

from layouts.rankings import largest

PANEL = largest(
    "backlog_by_department", "在办最多", "事项压在哪些部门？", "open", "department", note="在办"
)
