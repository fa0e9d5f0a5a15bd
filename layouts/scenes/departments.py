"""Which departments fall behind?"""

from layouts.scene import Scene

SCENE = Scene(
    key="departments",
    name="部门办结",
    question="哪些部门落后，差在哪里？",
    columns=(
        ("department_totals", "backlog_by_department"),
        ("least_punctual_by_department", "least_closed_by_department"),
        ("overdue_share_by_department", "slowest_by_department"),
    ),
    has_map=False,
)
