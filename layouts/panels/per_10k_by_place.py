"""Where do most matters arise for the people who live there?"""

from layouts.panel import PLACE
from layouts.rankings import highest

PANEL = highest("per_10k_by_place", "万人发案", "按人口算，哪里事最多？", "per_10k", PLACE)
