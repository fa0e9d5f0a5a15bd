"""How serious a case is (risk) by a site's ordered rules, and which level handles it (routing)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

RISKS = ("red", "orange", "yellow", "blue", "green")
HANDLING_LEVELS = ("grid", "village", "town", "county", "city")
INPUTS = ("people", "scale", "repeats_90d", "is_threat")
NONE = "-"


@dataclass(frozen=True)
class RiskRule:
    """A risk, and the conditions any one of which is enough.

    `otherwise` marks the rule for what no earlier rule took; it takes only cases whose `needs` are
    known, so that nothing is called harmless because nothing is known of it.
    """

    id: str
    risk: str
    min_people: int | None = None
    scale: tuple[str, ...] = ()
    min_repeats_90d: int | None = None
    is_threat: bool | None = None
    otherwise: bool = False
    needs: tuple[str, ...] = ("people",)

    def __post_init__(self) -> None:
        if self.risk not in RISKS:
            raise ValueError(f"风险规则 {self.id}：等级 {self.risk!r} 应为 {'、'.join(RISKS)}")
        unknown = sorted(set(self.needs) - set(INPUTS))
        if unknown:
            raise ValueError(f"风险规则 {self.id}：没有输入项 {unknown[0]!r}")


# DOMAIN 2.4. The third report of one matter within 90 days is repeats_90d = 3.
DEFAULT_RULES = (
    RiskRule("R1", "red", min_people=50, scale=("03",)),
    RiskRule("R2", "yellow", min_people=10, min_repeats_90d=3, is_threat=True),
    RiskRule("R3", "blue", otherwise=True),
)

# 天元区 [S3]: red the county centre, yellow the town (with the county), blue the village.
DEFAULT_ROUTING: Mapping[str, str] = {
    "red": "county",
    "orange": "county",
    "yellow": "town",
    "blue": "village",
    "green": "grid",
}


def assess(cases: pd.DataFrame, rules: Sequence[RiskRule] = DEFAULT_RULES) -> pd.DataFrame:
    """The risk of each case by the first rule that holds: columns `risk` and `risk_rule`.

    Reads the columns people (number), scale (01 to 03), repeats_90d (reports of the same matter in
    90 days, this one included) and is_threat (扬言); a column may be absent and a cell missing, and
    what is missing fulfils no condition. Where no rule holds, both results are `-`.
    """
    columns = cases.reindex(columns=list(INPUTS))
    held = [_holds(rule, columns) for rule in rules]
    risk = np.select(held, [rule.risk for rule in rules], NONE) if rules else NONE
    rule = np.select(held, [rule.id for rule in rules], NONE) if rules else NONE
    return pd.DataFrame({"risk": risk, "risk_rule": rule}, index=cases.index)


def route(risk: ArrayLike, routing: Mapping[str, str] = DEFAULT_ROUTING) -> NDArray[np.object_]:
    """The level that handles each risk; `-` stays `-`, a risk without a route raises KeyError."""
    check_routing(routing)
    positions, distinct = pd.factorize(np.atleast_1d(np.asarray(risk, dtype=object)))
    levels = [NONE if value == NONE else routing[value] for value in distinct]
    return np.array([*levels, NONE], dtype=object)[positions]


def check_routing(routing: Mapping[str, str]) -> None:
    """Refuses a table with unknown risks or levels."""
    for risk, level in routing.items():
        if risk not in RISKS or level not in HANDLING_LEVELS:
            raise ValueError(f"分级处置：{risk} → {level} 中有未知的风险等级或处置层级")


def _holds(rule: RiskRule, cases: pd.DataFrame) -> NDArray[np.bool_]:
    if rule.otherwise:
        return np.asarray(cases[list(rule.needs)].notna().all(axis=1), dtype=bool)
    held = np.zeros(len(cases), dtype=bool)
    if rule.min_people is not None:
        held |= _number(cases, "people") >= rule.min_people
    if rule.scale:
        held |= cases["scale"].isin(list(rule.scale)).to_numpy(dtype=bool)
    if rule.min_repeats_90d is not None:
        held |= _number(cases, "repeats_90d") >= rule.min_repeats_90d
    if rule.is_threat is not None:
        held |= _number(cases, "is_threat") == rule.is_threat
    return held


def _number(cases: pd.DataFrame, name: str) -> NDArray[np.float64]:
    """A column as numbers, NaN (which no comparison fulfils) where missing."""
    column = cast(pd.Series, cases[name])
    numbers = column.astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)
    return np.asarray(numbers, dtype=np.float64)
