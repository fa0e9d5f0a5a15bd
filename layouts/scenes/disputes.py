"""Are disputes resolved, and which are not?"""

from layouts.scene import Scene

SCENE = Scene(
    key="disputes",
    name="矛盾化解",
    question="矛盾纠纷化解得怎样，难在哪类、哪里？",
    columns=(
        ("dispute_totals", "resolution_by_level"),
        ("disputes_by_category", "resolution_by_category"),
        ("resolution_by_place",),
    ),
    has_map=False,
)
