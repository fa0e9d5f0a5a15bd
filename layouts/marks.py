"""Small marks that many pictures share: a risk's shape, an alert's flag, a deadline's hourglass, a
bar, a day, a running time, no data."""

from datetime import date
from typing import Any
from urllib.parse import quote

from dash import html

from data.codes import codes, label
from layouts.theme import GROUND, INK, MUTED_INK, RISK, SHAPE, WARN

EMPTY = "暂无数据"
UNGRADED, NO_LEVEL = "未定级", "未定层级"
STAMPS = {"Exercise": "演练", "Test": "测试"}  # CAP 1.2 status of what is not meant in earnest


def shape(risk: str | None, word: str = "") -> html.Img:
    """The shape of a risk in its colour; `word` is what a screen reader says."""
    known = risk if isinstance(risk, str) and risk in RISK else "none"
    return _drawn(SHAPE[known], RISK.get(known, MUTED_INK), word)


def outlined(risk: str, word: str) -> html.Img:
    """The outline of a risk's shape: what it stands for is not at this very place."""
    return _drawn(SHAPE[risk], RISK[risk], word, is_filled=False)


def numbered(number: int, word: str = "") -> html.Img:
    """A place in a ranking, in a ring; the same beside the map and on it."""
    ring = f"<circle cx='8' cy='8' r='7.2' fill='{GROUND}' stroke='{INK}' stroke-width='1.3'/>"
    figure = (
        "<text x='8' y='12' text-anchor='middle' font-family='sans-serif' font-weight='700' "
        f"font-size='11' fill='{INK}'>{number}</text>"
    )
    return _image(ring + figure, word)


def risk_word(risk: str | None) -> str:
    """红, 黄; a matter that was given no risk says so."""
    return label("risk", risk) if risk in codes("risk") else UNGRADED


def flag(signal: str | None) -> html.Img:
    """The flag of an alert: the colour is its signal's, never the shape of a risk."""
    return _drawn(SHAPE["flag"], RISK.get(str(signal), MUTED_INK), signal_word(signal))


def deadline(word: str = "") -> html.Img:
    """The hourglass of what is late; its colour is that of no risk."""
    return _drawn(SHAPE["deadline"], WARN, word)


def signal_word(signal: str | None) -> str:
    """橙色预警; an alert whose sender gave no level says so."""
    row = codes("signal").get(str(signal))
    return row["label"] if row else "预警（级别不明）"


def stamp(status: str | None) -> list:
    """演练 or 测试 for an alert that is not meant in earnest; nothing for a real one."""
    return [html.B(STAMPS[status], className="stamp")] if status in STAMPS else []


def on_day(day: date, today: str, otherwise: str, kind: Any = html.Span) -> Any:
    """Words that are true on `day` only; the heartbeat, which knows the time, sets the others when
    the day is over, also when no new data come."""
    said = {"data-day": f"{day:%Y-%m-%d}", "data-today": today, "data-otherwise": otherwise}
    return kind(today, **said)


def day_words(day: date) -> str:
    return f"{day.month}月{day.day}日"


def short_day(day: date) -> str:
    """The day where there is little room, as the header writes it."""
    return f"{day.month}/{day.day}"


def _drawn(path: str, colour: str, word: str, is_filled: bool = True) -> html.Img:
    paint = f"fill='{colour}'" if is_filled else f"fill='none' stroke='{colour}' stroke-width='2'"
    return _image(f"<path {paint} d='{path}'/>", word)


def _image(drawn: str, word: str) -> html.Img:
    svg = f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'>{drawn}</svg>"
    return html.Img(className="shape", src="data:image/svg+xml;utf8," + quote(svg), alt=word)


def bar(share: float | None, mark: float | None = None, kind: str = "") -> html.Div:
    """A horizontal bar of `share` (0..1) of its width; `mark` sets a tick, such as a target. What
    is missing to it is hatched where `kind` is `behind`."""
    width = 0.0 if share is None or share != share else min(max(share, 0.0), 1.0)
    parts: list = [html.I(style={"width": f"{100 * width:.1f}%"})]
    if mark is not None:
        parts.append(html.U(style={"left": f"{100 * mark:.1f}%"}))
    if mark is not None and kind == "behind":
        missing = {"left": f"{100 * width:.1f}%", "width": f"{100 * max(mark - width, 0.0):.1f}%"}
        parts.append(html.S(style=missing))
    return html.Div(parts, className=f"bar {kind}".strip())


def rate_figure(text: str, is_behind: bool, className: str = "") -> html.B:  # noqa: N803
    """A rate; one that is behind its target says so by a mark, for colour is another language."""
    parts = [html.I("▼", className="below"), text] if is_behind else text
    return html.B(parts, className=className)


def nothing(words: str = EMPTY) -> html.Div:
    """What a picture without rows says."""
    return html.Div(words, className="nothing")


def counting(due: int | None) -> html.Time:
    """How long until a deadline, or since; the browser lets it run. `due`: ms since 1970."""
    if due is None or due != due:
        return html.Time("无期限")
    return html.Time(**{"data-due": str(int(due))})  # type: ignore[arg-type]


def held(since: int) -> html.Time:
    """For how long somebody has had something; the browser lets it run. `since`: ms since 1970."""
    return html.Time(**{"data-held": str(int(since))})  # type: ignore[arg-type]
