"""Plain tables for the pages that are read at a desk."""

from collections.abc import Sequence
from typing import Any

from dash import html


def table(
    heads: Sequence[str], rows: Sequence[Sequence[Any]], numbers: Sequence[int]
) -> html.Table:
    """A table; the columns at the positions `numbers` are aligned to the right."""
    return html.Table(
        [
            html.Thead(
                html.Tr([_cell(html.Th, at, text, numbers) for at, text in enumerate(heads)])
            ),
            html.Tbody(
                [
                    html.Tr([_cell(html.Td, at, value, numbers) for at, value in enumerate(row)])
                    for row in rows
                ]
            ),
        ],
        className="table",
    )


def whole(value: Any) -> str:
    """A count with separators; — for no value."""
    return "—" if value is None or value != value else f"{int(value):,}"


def area(value: Any) -> str:
    """Square kilometres; — where nothing was measured."""
    return "—" if value is None or value != value else f"{value:,.3f}"


def _cell(kind: type, at: int, value: Any, numbers: Sequence[int]) -> Any:
    return kind(value, className="number" if at in numbers else "")
