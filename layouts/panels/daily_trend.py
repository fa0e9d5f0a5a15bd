"""Do more matters come in than go out, day by day?"""

import pandas as pd

from data.display import count_text
from layouts.marks import day_words, short_day
from layouts.panel import Facts, Numbers, Panel, number_of
from layouts.theme import ACCENT, FONT, LINE, OK, PX_PER_REM, SIZES, SOFT_INK

DAYS = 30
SATURDAY = 5  # Monday is 0
BESIDE = 14  # px between the lines and what stands at their right end
NARROW = 0.56  # em; the width of a figure, where a character is 1 wide


def draw(facts: Facts, came: pd.DataFrame, went: pd.DataFrame) -> dict:
    """Two lines over the last 30 whole days; today, which is not over, is said elsewhere."""
    lines = [
        _line(_series(facts, came), "受理", ACCENT, facts.scale),
        _line(_series(facts, went), "办结", OK, facts.scale),
    ]
    ends = _ends(lines, facts.scale)
    return {"data": lines, "layout": _layout(lines, ends, facts.scale)}


def _series(facts: Facts, frame: pd.DataFrame) -> list[tuple[str, int]]:
    """(day, count) for each of the last 30 whole days; a day without cases counts 0."""
    days = pd.date_range(end=pd.Timestamp(facts.data_time).normalize(), periods=DAYS + 1)[:-1]
    counts = {str(row["day"])[:10]: number_of(row["numerator"]) for row in frame.to_dict("records")}
    return [(day.strftime("%Y-%m-%d"), counts.get(day.strftime("%Y-%m-%d"), 0)) for day in days]


def _line(series: list[tuple[str, int]], name: str, colour: str, scale: float) -> dict:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": [day for day, _ in series],
        "y": [count for _, count in series],
        "line": {"color": colour, "width": 3.5 * scale},
    }


def _ends(lines: list[dict], scale: float) -> list[dict]:
    """At the right end the day of the last point and its two numbers, the higher above."""
    last = sorted((line["y"][-1], line["name"], line["line"]["color"]) for line in lines)
    day = pd.Timestamp(lines[0]["x"][-1])
    texts = [(day_words(day), SOFT_INK, SIZES["small"])]
    texts += [
        (f"{name} {count_text(value, wall=True)}", colour, SIZES["end"])
        for value, name, colour in reversed(last)
    ]
    return [
        {
            "x": 1.0,
            "xref": "paper",
            "y": 0.5,
            "yref": "paper",
            "xanchor": "left",
            "yanchor": "middle",
            "xshift": BESIDE * scale,
            "yshift": (1 - rank) * 30 * scale,
            "text": text,
            "showarrow": False,
            "font": {"color": colour, "size": _px(size, scale)},
        }
        for rank, (text, colour, size) in enumerate(texts)
    ]


def _layout(lines: list[dict], ends: list[dict], scale: float) -> dict:
    days = lines[0]["x"]
    top = max([*lines[0]["y"], *lines[1]["y"], 1])
    ticks = days[:: max(len(days) // 3, 1)]
    left = _wide(f"{top // _step(top) * _step(top):,}", _px(SIZES["floor"], scale)) + 14 * scale
    right = max(_wide(end["text"], end["font"]["size"]) for end in ends) + BESIDE * scale
    return {
        "margin": {"l": left, "r": right, "t": 10 * scale, "b": 36 * scale},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "showlegend": False,
        "font": {"family": FONT, "size": _px(SIZES["floor"], scale), "color": SOFT_INK},
        "xaxis": {
            "type": "date",
            "showgrid": False,
            "tickvals": ticks,
            "ticktext": [short_day(pd.Timestamp(day)) for day in ticks],
            "tickangle": 0,
            "linecolor": LINE,
            "ticks": "outside",
            "ticklen": 6 * scale,
            "tickcolor": LINE,
            "fixedrange": True,
        },
        "yaxis": {
            "range": [0, top * 1.12],
            "dtick": _step(top),
            "tickformat": ",d",
            "gridcolor": LINE,
            "ticklabelstandoff": round(6 * scale),
            "zeroline": False,
            "fixedrange": True,
        },
        "annotations": ends,
        "shapes": _weekends(days),
        "uirevision": "trend",
    }


def _weekends(days: list[str]) -> list[dict]:
    """A band behind each Saturday and Sunday: fewer are closed then, and that is no alarm."""
    half = pd.Timedelta(hours=12)
    free = [day for day in map(pd.Timestamp, days) if day.weekday() >= SATURDAY]
    return [
        {
            "type": "rect",
            "layer": "below",
            "yref": "paper",
            "x0": f"{day - half:%Y-%m-%d %H:%M}",
            "x1": f"{day + half:%Y-%m-%d %H:%M}",
            "y0": 0,
            "y1": 1,
            "fillcolor": LINE,
            "opacity": 0.55,
            "line": {"width": 0},
        }
        for day in free
    ]


def _step(top: int) -> int:
    """A round whole step that leaves at most four lines."""
    for size in (10**power for power in range(10)):
        for step in (size, 2 * size, 5 * size):
            if top / step <= 3.4:
                return step
    return top


def _wide(text: str, size: float) -> float:
    """At least as many px as the text takes."""
    return size * sum(NARROW if letter.isascii() else 1 for letter in text)


def _px(rem: float, scale: float) -> float:
    return round(rem * PX_PER_REM * scale, 1)


PANEL = Panel(
    key="daily_trend",
    title="受理与办结",
    note="件／日，浅底为周末",
    question="进得多还是办得多？",
    asks={
        "came": Numbers("accepted", ("day",), days=DAYS + 1),
        "went": Numbers("closed", ("day",), days=DAYS + 1),
    },
    draw=draw,
    is_figure=True,
)
