"""The palette and the type scale of every page, in one place; the CSS variables come from here."""

from collections.abc import Mapping
from types import MappingProxyType

GROUND = "#07111F"
PANEL = "#0C1B2E"
RAISED = "#12263D"
LINE = "#1F3B57"
INK = "#F2F7FC"
SOFT_INK = "#B4C7DA"
MUTED_INK = "#9FB5CA"  # 7.9:1 on the panel; darker greys fall below 7:1
ACCENT = "#38C6F4"
OK = "#2FD3A6"
WARN = "#DE8BFF"  # late, behind, made up, stale: whatever is no risk never wears a risk's colour

# CIEDE2000 >= 14 between any two under the three dichromacies; each with its own shape and word.
RISK = MappingProxyType(
    {"red": "#FF4D6D", "orange": "#FF9A2E", "yellow": "#FFEE99", "blue": "#5AA9FF"}
)
RISK_FILL = MappingProxyType(
    {"red": "#B0183C", "orange": "#D9781A", "yellow": "#E6D27A", "blue": "#17385A"}
)
NO_FILL = "#091422"  # polygons where there is nothing: almost the ground, so that they look empty
GRID_LINE = "#12263D"  # between polygons, visible on the blue and on the empty ones
UNKNOWN_FILL = "#66707C"  # polygons with something that cannot be ranked: neither a risk nor a band

# A chosen measure is no risk, so its bands are one hue from dark to light: red means red only.
BANDS = ("#1B4A73", "#2678A8", "#41AADC", "#A9E4FB", "#F7FCFF")

# Heat from nothing to dense; transparent at 0, light at the top, no red either.
HEAT = (
    (0.0, "rgba(56,198,244,0)"),
    (0.15, "rgba(31,95,139,0.55)"),
    (0.45, "rgba(56,198,244,0.75)"),
    (0.75, "rgba(155,226,250,0.9)"),
    (1.0, "rgba(255,255,255,0.95)"),
)

# At night everything is darker by about a seventh, and the ground nearly black; what is a picture
# (map, trend, shapes) is dimmed by NIGHT_DIMMING. The same contrasts and differences hold.
NIGHT = MappingProxyType(
    {
        "ground": "#02060C",
        "panel": "#040A13",
        "raised": "#0A1522",
        "line": "#17293C",
        "ink": "#CBCFD4",
        "soft": "#9BABBB",
        "muted": "#8C9FB2",
        "accent": "#30AAD2",
        "ok": "#27AD88",
        "warn": "#C87DE6",
    }
)
NIGHT_RISK = MappingProxyType(
    {"red": "#DB425E", "orange": "#E68B29", "yellow": "#EBDB8D", "blue": "#4887CC"}
)
NIGHT_DIMMING = 0.8

# The outlines of the shapes in a 16 x 16 box; assets/*.css cuts some of them out of a box.
SHAPE = MappingProxyType(
    {
        "red": "M8 1 15.5 14.5H.5Z",
        "orange": "M8 .5 15.5 8 8 15.5.5 8Z",
        "yellow": "M8 1a7 7 0 1 0 .01 0Z",
        "blue": "M1.5 1.5h13v13h-13Z",
        "none": "M8 1a7 7 0 1 0 .01 0ZM8 4a4 4 0 1 1-.01 0Z",  # a ring: no risk was given
        "flag": "M2 .5h2v15H2ZM5 1.5h10.5L12.5 5.5l3 4H5Z",  # an alert: its signal is no risk
        "deadline": "M2 .5h12v2.2L9.3 8l4.7 5.3v2.2H2v-2.2L6.7 8 2 2.7Z",  # an hourglass: late
    }
)

FONT = '"Noto Sans CJK SC","Source Han Sans SC","Microsoft YaHei","PingFang SC",sans-serif'

# In rem; 1 rem = min(100vw / 1920, 100vh / 1080) * 16, so the page is one canvas at every size.
SIZES = MappingProxyType(
    {"floor": 1.15, "small": 1.3, "end": 1.5, "body": 1.6, "title": 1.75, "clock": 2.9, "kpi": 5.0}
)
PX_PER_REM = 16  # at 1920 x 1080; a viewer's own factor is Control.PULSE's `scale`

# The wall's canvas in rem. The map has what the others leave; layouts/map.py zooms by it.
CANVAS = MappingProxyType(
    {"width": 120.0, "height": 67.5, "head": 6.25, "foot": 3.25, "left": 25.5, "right": 27.25}
)
GAP = 0.75  # between panels, and all round
MAP_REM = (
    CANVAS["width"] - CANVAS["left"] - CANVAS["right"] - 4 * GAP,
    CANVAS["height"] - CANVAS["head"] - CANVAS["foot"] - 2 * GAP,
)


def css_variables() -> str:
    """Rules with every colour and size, of the day and of the night, for the head of the page."""
    colours = {
        "ground": GROUND,
        "panel": PANEL,
        "raised": RAISED,
        "line": LINE,
        "ink": INK,
        "soft": SOFT_INK,
        "muted": MUTED_INK,
        "accent": ACCENT,
        "ok": OK,
        "warn": WARN,
        "font": FONT,
    }
    risks = {f"risk-{risk}": colour for risk, colour in RISK.items()}
    fills = {f"fill-{risk}": colour for risk, colour in RISK_FILL.items()}
    bands = {f"band-{number}": colour for number, colour in enumerate(BANDS)}
    sizes = {f"text-{name}": f"calc({size}rem * var(--u))" for name, size in SIZES.items()}
    canvas = {f"canvas-{name}": f"{size}rem" for name, size in CANVAS.items()} | {
        "gap": f"{GAP}rem"
    }
    day = {**colours, **risks, **fills, **bands, **sizes, **canvas, "dimming": "1", "u": "1"}
    night = {**NIGHT, **{f"risk-{risk}": colour for risk, colour in NIGHT_RISK.items()}}
    night["dimming"] = str(NIGHT_DIMMING)
    own_unit = ".scene > *,.head,.foot,.map,.war-part,.takeover"  # larger on walls of other shapes
    rules = {":root": day, ":root[data-palette=night]": night, own_unit: sizes}
    return "".join(_rule(selector, values) for selector, values in rules.items())


def _rule(selector: str, values: Mapping[str, str]) -> str:
    return f"{selector}{{" + ";".join(f"--{name}:{value}" for name, value in values.items()) + "}"
