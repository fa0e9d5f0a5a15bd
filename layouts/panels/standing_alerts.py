"""Which alerts stand now, and who holds them? Drawn by the browser from GET /live."""

from dash import html

from layouts.panel import Facts, Panel


def draw(facts: Facts) -> html.Div:
    """An empty place; assets/live.js fills it within a second of an alert, without an edition."""
    return html.Div(className="standing", **{"data-show": "standing"})  # type: ignore[arg-type]


PANEL = Panel(
    key="standing_alerts",
    title="现行预警",
    note="实时",
    question="现在有哪些预警，在谁手里？",
    asks={},
    draw=draw,
)
