"""Tiles: a large rate each, with what it is of."""

from collections.abc import Sequence

import pandas as pd
from dash import html

from layouts.marks import rate_figure
from layouts.rankings import behind


def rate_tiles(
    rates: Sequence[tuple[str, str, pd.DataFrame]], targets: Sequence[float | None] = ()
) -> html.Div:
    """A large figure for each (rate, of what, frame), with n/d of what beneath: rates that stand
    side by side are of different matters. "—" where nothing was counted."""
    wanted = [*targets, *([None] * (len(rates) - len(targets)))]
    tiles = [_rate_tile(*rate, target) for rate, target in zip(rates, wanted, strict=True)]
    return html.Div(tiles, className="rate-tiles")


def _rate_tile(name: str, of: str, frame: pd.DataFrame, target: float | None) -> html.Div:
    row = frame.iloc[0].to_dict() if len(frame) else {"text": "—", "part": "0/0"}
    is_behind = len(behind(frame, target)) > 0
    return html.Div(
        [
            html.Span(name, className="word"),
            rate_figure(row["text"], is_behind, "kpi"),
            html.Small(f"{of} {row['part']}"),
        ],
        className="rate-tile",
    )
