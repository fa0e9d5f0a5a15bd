"""Scene: one view of the wall that answers one question; the wall steps from scene to scene."""

from dataclasses import dataclass

from dash import dcc, html

from layouts.panels import PANELS

MOST_PANELS = 7  # the map is one of them; more is not taken in at ten metres


@dataclass(frozen=True)
class Scene:
    """Panels in columns, with the map between the first and the last where there is one.

    `measure` and `is_heat` are what the map shows when the scene comes up."""

    key: str
    name: str
    question: str
    columns: tuple[tuple[str, ...], ...]
    has_map: bool = True
    measure: str | None = None
    is_heat: bool = False

    @property
    def panels(self) -> tuple[str, ...]:
        """The keys of all its panels."""
        return tuple(key for column in self.columns for key in column)

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
        return html.Div(
            [dcc.Store(id=self.pulse_id), dcc.Store(id=self.pictures_id), *columns],
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
