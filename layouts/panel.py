"""Panel: one framed picture that answers one question from the numbers it asks for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from dash import dcc, html

ROWS_OF_A_LIST = 5  # a reader at ten metres takes in no more
PLACE = "place"  # in Numbers.by: the level of the tree beneath the region that is looked at
FINEST = "finest"  # and its lowest level, the grid 网格

NO_AXIS = {"visible": False}
BLANK = {  # until the first answer; plotly's own beginning is a white box
    "paper_bgcolor": "rgba(0,0,0,0)",
    "plot_bgcolor": "rgba(0,0,0,0)",
    "xaxis": NO_AXIS,
    "yaxis": NO_AXIS,
}


@dataclass(frozen=True)
class Numbers:
    """An indicator a panel needs; arrives as `measure` gives it, with names and texts beside.

    `days` replaces the viewer's window by the last so many days, today included, `hours_ahead` by
    the next so many hours; `base` adds the comparison with the previous window; `where` narrows it,
    as Scope.where does."""

    indicator: str
    by: tuple[str, ...] = ()
    days: int | None = None
    hours_ahead: int | None = None
    base: Literal["previous", "year"] | None = None
    where: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Listing:
    """Rows rather than numbers: newest cases, alerts, or a table about the data itself."""

    what: str
    limit: int = ROWS_OF_A_LIST


Ask = Numbers | Listing


@dataclass(frozen=True)
class Facts:
    """What every picture may need to know beside its frames."""

    data_time: datetime
    window: str  # the viewer's window in words, as 近 30 日
    risks: tuple[str, ...] = ("red", "orange", "yellow", "blue")  # that the site works with
    closure_target: float | None = None
    scale: float = 1.0  # device pixels per pixel of the 1920 x 1080 canvas, for plotly's text


@dataclass(frozen=True)
class Panel:
    """`draw(facts, **frames)` gives children (html) or a figure dict, from one frame an ask."""

    key: str
    title: str
    question: str
    asks: Mapping[str, Ask]
    draw: Callable[..., Any]
    note: str = ""
    is_figure: bool = False

    @property
    def frame_id(self) -> str:
        """Of the frame around the picture; carries the edition that the picture shows."""
        return f"frame-{self.key}"

    @property
    def body_id(self) -> str:
        """Of the picture itself."""
        return f"panel-{self.key}"

    @property
    def body_property(self) -> str:
        return "figure" if self.is_figure else "children"

    def view(self) -> html.Section:
        """The empty frame; `refresh` fills it."""
        heading = html.H2([html.Span(self.title), html.Small(self.note)])
        return html.Section(
            [heading, self._body()],
            id=self.frame_id,
            className=f"panel panel-{self.key.replace('_', '-')}",
            style={"--letters": len(self.title)},
            **{"data-edition": ""},  # type: ignore[arg-type]
        )

    def _body(self) -> Any:
        if self.is_figure:
            return dcc.Graph(
                id=self.body_id,
                figure={"data": [], "layout": BLANK},
                config={"displayModeBar": False, "staticPlot": True},
                className="panel-body",
                responsive=True,
            )
        return html.Div(id=self.body_id, className="panel-body")


def number_of(value: Any) -> int:
    """A count of a frame as an int; 0 for no value."""
    return 0 if value is None or value != value else int(value)
