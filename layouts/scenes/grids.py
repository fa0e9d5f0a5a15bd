"""Which places have most to do?"""

from layouts.scene import Scene

SCENE = Scene(
    key="grids",
    name="网格态势",
    question="哪些网格事多，按人口算也多吗？",
    columns=(("open_by_place", "per_10k_by_place"), ("accepted_by_channel",)),
    measure="accepted",
)
