"""Where are red matters and alerts, who holds them, and how late are they?"""

from layouts.scene import Scene

SCENE = Scene(
    key="risk",
    name="风险预警",
    question="哪里有红色风险和预警，谁在处置，等了多久？",
    columns=(
        ("standing_alerts", "red_cases"),
        ("held_by_level", "deadline_board", "risk_by_place"),
    ),
    measure="risk",
)
