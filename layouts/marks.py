"""Small marks that many pictures share: a risk's shape with its word, a bar, a row, no data."""

from urllib.parse import quote

from dash import html

from layouts.theme import MUTED_INK, RISK, SHAPE

EMPTY = "暂无数据"


def shape(risk: str | None, word: str = "") -> html.Img:
    """The shape of a risk in its colour; `word` is what a screen reader says."""
    known = risk if isinstance(risk, str) and risk in RISK else "none"
    path, colour = SHAPE[known], RISK.get(known, MUTED_INK)
    svg = (
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'>"
        f"<path fill='{colour}' d='{path}'/></svg>"
    )
    return html.Img(className="shape", src="data:image/svg+xml;utf8," + quote(svg), alt=word)


def bar(share: float | None, mark: float | None = None, kind: str = "") -> html.Div:
    """A horizontal bar of `share` (0..1) of its width; `mark` sets a tick, such as a target."""
    width = 0.0 if share is None or share != share else min(max(share, 0.0), 1.0)
    parts: list = [html.I(style={"width": f"{100 * width:.1f}%"})]
    if mark is not None:
        parts.append(html.U(style={"left": f"{100 * mark:.1f}%"}))
    return html.Div(parts, className=f"bar {kind}".strip())


def nothing(words: str = EMPTY) -> html.Div:
    """What a picture without rows says."""
    return html.Div(words, className="nothing")
