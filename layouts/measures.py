"""What the map can be coloured by."""

from types import MappingProxyType

RISK = "risk"
DEFAULT = RISK
WITHOUT_RISK = "accepted"  # the default of a site that gives no risk

# Keys of data/indicators.py with a short name that fits a button; `risk` is the highest open risk.
MEASURES = MappingProxyType(
    {
        RISK: "在办风险",
        "accepted": "受理数",
        "closure_rate": "办结率",
        "on_time_closure_rate": "按时办结率",
        "overdue_open_rate": "超期率",
        "per_10k": "万人发案",
    }
)
