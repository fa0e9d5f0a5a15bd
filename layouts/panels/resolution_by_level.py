"""At which level of handling are disputes resolved least?"""

from layouts.marks import NO_LEVEL
from layouts.rankings import lowest

PANEL = lowest(
    "resolution_by_level",
    "各级化解率",
    "纠纷在哪一级化解得少？",
    "resolution_rate",
    "handling_level",
    without=NO_LEVEL,
)
