"""Is the county calm now, and where not?"""

from layouts.scene import Scene

SCENE = Scene(
    key="overview",
    name="全域总览",
    question="全域现在平稳吗，哪里不稳？",
    columns=(
        ("open_by_risk", "flow_by_stage", "accepted_by_category"),
        ("closure_by_department", "daily_trend", "newest"),
    ),
    measure="risk",
)
