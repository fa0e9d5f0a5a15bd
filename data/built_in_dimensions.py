"""The dimensions that every centre has; a site adds its places and its own columns."""

from dataclasses import dataclass

from rules.status import FLOW

# Time dimensions read `{at}`, the event time of the thing counted. A date known only to the month
# has no day, one known only to the day no hour (DESIGN 11).
_TO_THE_DAY = "CASE WHEN precision NOT IN ('year', 'month') THEN {} END"
_TO_THE_HOUR = "CASE WHEN precision NOT IN ('year', 'month', 'day') THEN {} END"

# A closed case keeps the lamp it had when it closed: rules/deadlines.py `lamp`.
LAMP = """CASE WHEN due_at IS NULL THEN NULL
    WHEN coalesce(least(closed_at, $as_of), $as_of) > due_at THEN 'red'
    WHEN coalesce(least(closed_at, $as_of), $as_of) >= warn_at THEN 'yellow'
    ELSE 'green' END"""


@dataclass(frozen=True)
class Dimension:
    """One way to split. `sql` is an expression over a case in its state at T, text or NULL.

    `step_sql` replaces it where steps are counted. `names` says where the names of its codes are:
    a table of the edition, or "codes" for a list in data/codes.
    """

    key: str
    name: str
    sql: str
    names: str = ""
    step_sql: str = ""

    def expression(self, at: str, table: str = "cases") -> str:
        """The SQL of the code, for things that happened at the column `at`."""
        return (self.step_sql if table == "steps" and self.step_sql else self.sql).format(at=at)


def _flag(key: str, name: str, condition: str) -> Dimension:
    return Dimension(key, name, f"CASE WHEN {condition} THEN 'true' ELSE 'false' END")


def _stage(column: str, codes: list[tuple[str, str]]) -> str:
    cases = " ".join(f"WHEN '{code}' THEN '{stage}'" for code, stage in codes)
    return f"CASE {column} {cases} END"


BUILT_IN = {
    dimension.key: dimension
    for dimension in (
        Dimension("department", "部门", "department", "departments"),
        Dimension("category", "类别", "category", "categories"),
        Dimension("kind", "事项大类", "kind", "codes"),
        Dimension("risk", "风险等级", "risk", "codes"),
        Dimension("lamp", "督办灯", LAMP, "codes"),
        Dimension("channel", "来源渠道", "channel", "codes"),
        Dimension("source", "数据来源", "source", "sources"),
        Dimension("status", "状态", "status", "codes"),
        Dimension("outcome", "办结结果", "outcome", "codes"),
        Dimension("handling_level", "处置层级", "handling_level", "codes"),
        Dimension("scale", "事件规模", "scale", "codes"),
        Dimension("precision", "时间精度", "precision"),
        Dimension(
            "stage",
            "环节",
            _stage("status", [(str(int(s)), stage.key) for stage in FLOW for s in stage.statuses]),
            step_sql=_stage("step", [(stage.kind, stage.key) for stage in FLOW]),
        ),
        Dimension("day", "日", _TO_THE_DAY.format("strftime({at}, '%Y-%m-%d')")),
        Dimension(
            "week", "周", _TO_THE_DAY.format("strftime(date_trunc('week', {at}), '%Y-%m-%d')")
        ),
        Dimension("month", "月", "strftime({at}, '%Y-%m')"),
        Dimension("weekday", "星期", _TO_THE_DAY.format("isodow({at})::VARCHAR")),
        Dimension("hour", "时", _TO_THE_HOUR.format("strftime({at}, '%H')")),
        _flag("located", "已落格", "is_located"),
        _flag("placeholder", "占位坐标", "point_quality = 'placeholder'"),
    )
}
