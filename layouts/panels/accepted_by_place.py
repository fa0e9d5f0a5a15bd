"""Where do most matters arise?"""

from layouts.panel import PLACE
from layouts.rankings import largest

PANEL = largest("accepted_by_place", "受理最多的区域", "哪些区域事最多？", "accepted", PLACE)
