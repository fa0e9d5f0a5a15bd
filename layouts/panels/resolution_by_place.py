"""Where are disputes resolved least?"""

from layouts.panel import PLACE
from layouts.rankings import lowest

PANEL = lowest(
    "resolution_by_place", "区域化解率最低", "哪里的纠纷化解得少？", "resolution_rate", PLACE
)
