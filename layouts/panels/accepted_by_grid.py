"""In which grids do most matters arise?"""

from layouts.panel import FINEST
from layouts.rankings import largest

PANEL = largest(
    "accepted_by_grid", "受理最多的网格", "哪些网格事最多？", "accepted", FINEST, is_numbered=True
)
