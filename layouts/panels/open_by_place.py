"""Where are most matters open?"""

from layouts.panel import PLACE
from layouts.rankings import largest

PANEL = largest(
    "open_by_place", "在办最多的区域", "哪些区域手里的事最多？", "open", PLACE, note="在办"
)
