"""What the answers of scenes are put together from: one sentence each, read at one glance."""

import pandas as pd
from dash import html

from data.display import NOTHING
from layouts.rankings import below, largest_rows, lowest_rows, overall_mark

Words = list[str | html.B | html.Img | html.Span]
NAMED = 2  # that are equal; of more the first is named
NARROW = 0.58  # em; the width of a figure or a Latin letter
MARK, TIME = "　 ", "9999 天"  # what takes the room of a mark, and of a time that runs


def sentence(words: Words) -> html.P:
    """With its length in em, by which it is set smaller where it has not the room (wall.css). What
    the browser adds to it, it counts itself (assets/answers.js)."""
    letters = "".join(_said(word) for word in words)
    em = sum(NARROW if letter.isascii() else 1 for letter in letters)
    return html.P(words, className="sentence", style={"--em": f"{em:.1f}"})


def _said(word: object) -> str:
    """What a word takes the room of."""
    if isinstance(word, html.Img | html.Time):
        return MARK if isinstance(word, html.Img) else TIME
    if isinstance(word, list):
        return "".join(map(_said, word))
    if isinstance(word, str):
        return word
    children = getattr(word, "children", None)
    return "" if children is None else _said(children)


def live(part: str) -> html.Span:
    """A place that the browser fills with what it knows without an edition (assets/answers.js)."""
    return html.Span(**{"data-show": part})  # type: ignore[arg-type]


def spare(words: Words, rank: int) -> html.Span:
    """Words that the browser leaves out where there is no room for all, those of rank 1 first."""
    return html.Span(words, **{"data-spare": str(rank)})  # type: ignore[arg-type]


def most(frame: pd.DataFrame, key: str) -> Words:
    """玉衡街道最多，3 件, of a grid with its town, and all that are equal; nothing where there is
    none, or none is told."""
    rows = largest_rows(frame, key, len(frame))
    rows = rows[rows["numerator"] == rows["numerator"].max()]
    if rows.empty:
        return []
    each = ["各 "] if len(rows) > 1 else []
    return [html.B(_names(rows)), "最多，", *each, html.B(rows["text"].iloc[0]), " 件"]


def _names(rows: pd.DataFrame) -> str:
    """One, both, or the first of how many."""
    names = [f"{row.get('within', '')}{row['name']}" for row in rows.to_dict("records")]
    return "、".join(names) if len(names) <= NAMED else f"{names[0]}等 {len(names)} 处"


def least(frame: pd.DataFrame, key: str, overall: pd.DataFrame | None = None) -> Words:
    """亢金镇 51.6%, of the lowest rate among those that may be ranked, and, as in the panels, are
    below that of all together; nothing where none may."""
    worse = frame if overall is None or overall.empty else below(frame, overall_mark(overall))
    rows = lowest_rows(worse, key, 1)
    if rows.empty:
        return []
    return [html.B(rows["name"].iloc[0]), " ", html.B(rows["text"].iloc[0])]


def figure(frame: pd.DataFrame) -> str:
    """The one figure of a frame that is not split; — where nothing was counted."""
    return frame["text"].iloc[0] if len(frame) else NOTHING


def since_before(frame: pd.DataFrame) -> str:
    """，比上期升 1.2个百分点, or 与上期持平 where it is less than a tenth of one; nothing where
    there is no earlier window to compare with."""
    words = frame["change_text"].iloc[0] if len(frame) else NOTHING
    if words == NOTHING:
        return ""
    if words[0] in "+-":
        return f"，比上期{'升' if words[0] == '+' else '降'} {words[1:]}"
    return "，与上期持平"


def also(words: Words, before: str = "；") -> Words:
    """More of the sentence, where there is more."""
    return [before, *words] if words else []
