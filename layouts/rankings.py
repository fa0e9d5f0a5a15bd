"""Panels that rank, whole, and what they and others are drawn from: who ranks, rows with a bar."""

from dataclasses import dataclass

import pandas as pd
from dash import html

from data.display import NOTHING, count_text, part_text, rate_text
from data.indicators import indicator_of
from layouts.marks import bar, nothing, numbered
from layouts.panel import ROWS_OF_A_LIST, Facts, Numbers, Panel, number_of

LONG = 11  # figures of n/d; longer ones take room from the names
NONE_RANKED = "没有满 10 件、可以排名的"


@dataclass(frozen=True)
class Mark:
    """What a row is held against, a tick in its bar: the target, or the figure of all together."""

    word: str
    text: str
    value: float


def lowest(
    key: str, title: str, question: str, indicator: str, by: str, without: str = ""
) -> Panel:
    """The five with the lowest rate of the window, of those below that of all. Where few are
    ranked and each is shown, `without` is what matters are called that belong to none of them."""

    def draw(facts: Facts, rows: pd.DataFrame, overall: pd.DataFrame) -> list:
        mark = overall_mark(overall)
        ranked = lowest_rows(rows if without else below(rows, mark), by)
        few = _few(rows, by, rows["value"] < ranked["value"].max(), ranked)
        left = int(rows["denominator"].sum() - known(rows, by)["denominator"].sum())
        note = (
            f"{facts.window} · {count_text(left, wall=True)} 件{without}"
            if without and left
            else ""
        )
        return in_window(facts, _rates(rows, by, ranked, mark, 1.0), mark, note, few)

    asks = {"rows": Numbers(indicator, (by,)), "overall": Numbers(indicator)}
    return Panel(key, title, question, asks, draw)


def highest(
    key: str, title: str, question: str, indicator: str, by: str, note: str = "", kind: str = ""
) -> Panel:
    """The five with the highest value, of those above that of all; of the window, unless `note`
    says of what. `kind` is that of the bars: `warn` for what is late; the whole bar of a rate is
    100 %, of anything else the longest."""
    is_rate = indicator_of(indicator).kind == "rate"

    def draw(facts: Facts, rows: pd.DataFrame, overall: pd.DataFrame) -> list:
        mark = overall_mark(overall)
        ranked = highest_rows(above(rows, mark), by)
        most = 1.0 if is_rate or ranked.empty else float(ranked["value"].max())
        few = _few(rows, by, rows["value"] > ranked["value"].min(), ranked)
        drawn = _rates(rows, by, ranked, mark, most or 1.0, kind)
        return in_window(facts, drawn, mark, note, few)

    asks = {"rows": Numbers(indicator, (by,)), "overall": Numbers(indicator)}
    return Panel(key, title, question, asks, draw)


def largest(
    key: str, title: str, question: str, indicator: str, by: str, is_numbered: bool = False
) -> Panel:
    """The five with the largest count of the window; `is_numbered` where the map shows the same
    five by their numbers, and each says in which town it lies."""

    def draw(facts: Facts, rows: pd.DataFrame) -> list:
        note = f"件，{facts.window}" if is_numbered else ""
        return in_window(facts, _counts(rows, by, is_numbered=is_numbered), note=note)

    return Panel(key, title, question, {"rows": Numbers(indicator, (by,))}, draw)


def in_window(
    facts: Facts, rows: list | html.Div, mark: Mark | None = None, note: str = "", few: int = 0
) -> list:
    """With the window that the rows are of, or `note`, how many are left out for having `few`
    cases, and what the ticks mean, by the title."""
    said: list = [note or facts.window]
    if few:
        said = [*said, f" · 另 {few} 个件数少"]
    if mark is not None:
        said = [*said, html.Span([html.U(), f"{mark.word} {mark.text}"], className="tick")]
    return [*(rows if isinstance(rows, list) else [rows]), html.Div(said, className="sum")]


def target_mark(facts: Facts) -> Mark | None:
    """The target of closing on time; None where the site declares none."""
    target = facts.closure_target
    if target is None:
        return None
    share = rate_text(round(target * 1000), 1000).removesuffix(".0%").removesuffix("%")
    return Mark("目标", f"{share}%", target)


def overall_mark(overall: pd.DataFrame) -> Mark | None:
    """The same figure of all together; None where there is none."""
    row = overall.iloc[0]
    return None if pd.isna(row["value"]) else Mark("全体", row["text"], float(row["value"]))


def below(frame: pd.DataFrame, mark: Mark | None) -> pd.DataFrame:
    """The rows that lie below it, also as they are written; all where there is none."""
    if mark is None:
        return frame
    return frame[(frame["value"] < mark.value) & (frame["text"] != mark.text)]


def above(frame: pd.DataFrame, mark: Mark | None) -> pd.DataFrame:
    """The rows that lie above it, also as they are written; all where there is none."""
    if mark is None:
        return frame
    return frame[(frame["value"] > mark.value) & (frame["text"] != mark.text)]


def known(frame: pd.DataFrame, key: str) -> pd.DataFrame:
    """Without the rows of no value."""
    return frame[frame[key].notna() & (frame[key] != "-")]


def lowest_rows(frame: pd.DataFrame, key: str, count: int = ROWS_OF_A_LIST) -> pd.DataFrame:
    """Those with the lowest rate, lowest first; those under ten are not ranked (DOMAIN 2.5).

    Chosen by the upper end of the interval, so that bad luck with few cases accuses nobody, and
    ordered by the rate."""
    rows = known(frame, key)
    ranked = rows[rows["is_ranked"]].nsmallest(ROWS_OF_A_LIST, "at_most", keep="first")
    return ranked.sort_values("value", kind="stable").head(count)


def highest_rows(frame: pd.DataFrame, key: str, count: int = ROWS_OF_A_LIST) -> pd.DataFrame:
    """Those with the highest value among those that may be ranked, highest first; rates are chosen
    by the lower end of their interval, for the same reason."""
    rows = known(frame, key)
    ranked = rows[rows["is_ranked"]]
    ranked = ranked.assign(surely=ranked["at_least"].fillna(ranked["value"]))
    ranked = ranked.nlargest(ROWS_OF_A_LIST, "surely", keep="first")
    return ranked.sort_values("value", ascending=False, kind="stable").head(count)


def _few(frame: pd.DataFrame, key: str, would_be: pd.Series, ranked: pd.DataFrame) -> int:
    """How many rows `would_be` among those `ranked`, and have too few cases to be sure of it."""
    rows = known(frame, key)
    left_out = rows["is_ranked"] & would_be.loc[rows.index] & ~rows.index.isin(ranked.index)
    return int(left_out.sum())


def largest_rows(frame: pd.DataFrame, key: str, count: int = ROWS_OF_A_LIST) -> pd.DataFrame:
    """Those with the largest count; a withheld one is small, and comes last."""
    rows = known(frame, key)
    shown = rows[(rows["numerator"] > 0) | is_withheld(rows)]
    return shown.sort_values("numerator", ascending=False, kind="stable").head(count)


def missed(frame: pd.DataFrame) -> pd.Series:
    """How many deadlines were missed, from 按时办结率: what fell due and was not closed by then."""
    return frame["denominator"] - frame["numerator"]


def total_text(counts: pd.Series) -> str:
    """All of them together; — where a wall is not told one of them."""
    return NOTHING if counts.isna().any() else count_text(int(counts.sum()), wall=True)


def behind(frame: pd.DataFrame, target: float | None) -> pd.DataFrame:
    """Who is behind the target beyond chance: whose whole interval lies below it; none of those
    under ten."""
    if target is None:
        return frame[:0]
    return frame[frame["is_ranked"] & (frame["at_most"] < target)]


def _rates(
    frame: pd.DataFrame, key: str, ranked: pd.DataFrame, mark: Mark | None, most: float, kind=""
) -> list | html.Div:
    if ranked.empty:
        rows = known(frame, key)
        return nothing(_why_none(len(rows) > 0, bool(rows["is_ranked"].any())))
    return [_rate_row(row, most, mark, kind) for row in ranked.to_dict("records")]


def _why_none(is_any: bool, is_ranked: bool) -> str:
    if is_ranked:
        return "都不差于全体"
    return NONE_RANKED if is_any else "暂无数据"


def _rate_row(row: dict, most: float, mark: Mark | None, kind: str) -> html.Div:
    part = part_of(row["numerator"], row["denominator"])
    small = html.Small(part, className="is-long" if len(part) > LONG else "")
    return html.Div(
        [
            html.Span(row["name"], className="name"),
            html.Div([html.B(row["text"]), small], className=f"rate {kind}"),
            bar(row["value"] / most, min(mark.value / most, 1.0) if mark else None, kind),
        ],
        className="list-row",
    )


def part_of(n: float | None, d: float) -> str:
    """n/d, and of a median, which has no numerator, of how many it is."""
    has_both = n is not None and n == n
    return part_text(n, d, wall=True) if has_both else f"{count_text(d, wall=True)} 件"


def _counts(frame: pd.DataFrame, key: str, is_numbered: bool) -> list | html.Div:
    largest = largest_rows(frame, key)
    if largest.empty:
        return nothing("一件也没有" if len(known(frame, key)) else "暂无数据")
    most = number_of(largest["numerator"].max())
    return [
        count_row(
            [numbered(place), row["name"]] if is_numbered else row["name"],
            row["numerator"],
            most,
            text=_withheld_text(row),
            beneath=row.get("within", "") if is_numbered else None,
        )
        for place, row in enumerate(largest.to_dict("records"), 1)
    ]


def is_withheld(frame: pd.DataFrame) -> pd.Series:
    """Which rows a wall is not told; they are no zeros."""
    if "is_suppressed" not in frame:
        return pd.Series(False, index=frame.index)
    return frame["is_suppressed"].astype(bool)


def _withheld_text(row: dict) -> str | None:
    return row["text"] if row.get("is_suppressed") else None


def count_row(
    name: str | list,
    count: float,
    most: int,
    kind: str = "",
    text: str | None = None,
    beneath: str | None = None,
) -> html.Div:
    """A name, its count of matters, or `text` in its place, and a bar beneath the name; `beneath`
    the count what else is said of it, where the unit stands by the title."""
    figure = [
        html.B(text or count_text(number_of(count), wall=True)),
        html.Small("件" if beneath is None else beneath),
    ]
    parts = [
        html.Span(name, className="name"),
        html.Div(figure, className="rate is-count" if beneath is None else "rate"),
        bar(number_of(count) / most if most else 0, kind=kind),
    ]
    return html.Div(parts, className="list-row")
