"""A figure: what was measured beside what was promised."""

from dataclasses import asdict, dataclass

SHOWN = 4  # significant digits; judged is what was measured


@dataclass(frozen=True)
class Figure:
    """One measurement in its `unit`, good if at most the target (at least, where that is meant)."""

    name: str
    measured: float
    unit: str
    target: float
    is_least: bool = False
    issue: int = 2

    @property
    def ok(self) -> bool:
        """Whether the target is met."""
        if self.is_least:
            return self.measured >= self.target
        return self.measured <= self.target

    @property
    def shown(self) -> float:
        """The measurement in as many digits as mean something."""
        return float(f"{self.measured:.{SHOWN}g}")

    def as_row(self) -> dict[str, object]:
        """issue, name, measured, unit, target, ok: a row of bench.json."""
        row = asdict(self) | {"measured": self.shown, "ok": self.ok}
        return {name: row[name] for name in ("issue", "name", "measured", "unit", "target", "ok")}
