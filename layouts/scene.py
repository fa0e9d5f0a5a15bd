"""Scene: one view of the wall that answers one question; the wall steps from scene to scene."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import pandas as pd
from dash import dcc, html

from layouts.panel import Ask, Facts, Panel
from layouts.panels import PANELS
from layouts.sentence import Words, sentence

MOST_PANELS = 7  # the map is one of them; more is not taken in at ten metres


@dataclass(frozen=True)
class Scene:
    """Panels in columns, with the map between the first and the last where there is one.

    `answer(facts, **frames)` gives the words of one sentence that answers the question, from one
    frame an ask (layouts/sentence.py). `measure` and `is_heat` are what the map shows when the
    scene comes up."""

    key: str
    name: str
    question: str
    asks: Mapping[str, Ask]
    answer: Callable[..., Words]
    columns: tuple[tuple[str, ...], ...]
    has_map: bool = True
    measure: str | None = None
    is_heat: bool = False

    @property
    def panels(self) -> tuple[str, ...]:
        """The keys of all its panels."""
        return tuple(key for column in self.columns for key in column)

    @cached_property
    def answered(self) -> Panel:
        """The answer, to be drawn like a panel; it stands in the header, not in a frame."""
        key = f"{self.key}_answer"

        def draw(facts: Facts, **frames: pd.DataFrame) -> html.P:
            return sentence(self.answer(facts, **frames))

        return Panel(key, self.name, self.question, self.asks, draw)

    @property
    def drawn(self) -> list[Panel]:
        """What is renewed together: the answer and the panels."""
        return [self.answered, *(PANELS[key] for key in self.panels)]

    @property
    def pulse_id(self) -> str:
        """Of the store that tells this scene to renew its panels."""
        return f"pulse-{self.key}"

    @property
    def pictures_id(self) -> str:
        """Of the store that takes its pictures, for the browser to build."""
        return f"pictures-{self.key}"

    def view(self) -> html.Div:
        """The empty frames; shown while `main` names this scene."""
        columns = [
            html.Div(
                [PANELS[key].view() for key in column],
                className=f"column column-{number}",
            )
            for number, column in enumerate(self.columns, 1)
        ]
        answer = html.Div(
            html.Div(id=self.answered.body_id),
            id=self.answered.frame_id,
            className="answer",
            **{"data-edition": ""},  # type: ignore[arg-type]
        )
        stores = [dcc.Store(id=self.pulse_id), dcc.Store(id=self.pictures_id)]
        return html.Div(
            [*stores, answer, *columns],
            className=f"scene panels-{len(self.panels)}",
            **{"data-scene": self.key},  # type: ignore[arg-type]
        )

    def told(self) -> dict[str, object]:
        """What the browser must know to show it."""
        return {
            "key": self.key,
            "name": self.name,
            "question": self.question,
            "pulse": self.pulse_id,
            "has_map": self.has_map,
            "measure": self.measure,
            "heat": self.is_heat,
        }
