"""Are people content, were they asked, and did it rise again?"""

from layouts.scene import Scene

SCENE = Scene(
    key="follow_up",
    name="回访满意",
    question="群众满意吗，回访了吗，有没有反弹？",
    columns=(
        ("follow_up_totals", "follow_up_by_department"),
        ("satisfaction_by_department", "satisfaction_by_category"),
        ("satisfaction_by_place", "rebound_by_category"),
    ),
    has_map=False,
)
