"""With which kinds of matters are people least content?"""

from layouts.rankings import lowest

PANEL = lowest(
    "satisfaction_by_category",
    "类别满意率最低",
    "哪类事项办得最不让人满意？",
    "satisfaction_rate",
    "category",
)
