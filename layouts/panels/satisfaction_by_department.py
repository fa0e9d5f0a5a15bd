"""With which departments are people least content?"""

from layouts.rankings import lowest

PANEL = lowest(
    "satisfaction_by_department",
    "部门满意率最低",
    "群众对哪个部门最不满意？",
    "satisfaction_rate",
    "department",
)
