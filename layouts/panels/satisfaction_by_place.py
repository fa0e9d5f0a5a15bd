"""Where are people least content?"""

from layouts.panel import PLACE
from layouts.rankings import lowest

PANEL = lowest(
    "satisfaction_by_place", "区域满意率最低", "哪里的群众最不满意？", "satisfaction_rate", PLACE
)
