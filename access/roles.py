"""Roles: what the posts of a centre may do. One entry a role; what it may see is limited further by
the regions and departments of the account that has it.

Duties are kept apart as 等保 asks: who makes accounts sees no case, who reads the audit neither,
and nobody who works on cases can do either.
"""

from dataclasses import dataclass
from enum import StrEnum


class Power(StrEnum):
    """One thing that a viewer may or may not do; each route and page names the one it needs."""

    FIGURES = "figures"  # numbers and maps: the wall's scenes, data quality
    CASES = "cases"  # the list of cases and each case's page, personal text masked
    CLEAR = "clear"  # see a masked value, with a reason that is kept
    EXPORT = "export"  # take a list away as a file, masked as on screen
    COMMAND = "command"  # command walls, acknowledge alerts
    ACCOUNTS = "accounts"  # accounts, devices, sessions
    AUDIT = "audit"  # read the audit
    STATUS = "status"  # how the system runs
    SUBMIT = "submit"  # send alerts: devices alone


WORDS: dict[Power, str] = {
    Power.FIGURES: "看统计",
    Power.CASES: "看事项",
    Power.CLEAR: "凭理由看明文",
    Power.EXPORT: "导出",
    Power.COMMAND: "指挥大屏、签收预警",
    Power.ACCOUNTS: "管账号和设备",
    Power.AUDIT: "看审计",
    Power.STATUS: "看运行状态",
    Power.SUBMIT: "报送预警",
}


@dataclass(frozen=True)
class Role:
    """A post. `is_limited`: an account of it must name the regions or departments it works for,
    where another without any sees the whole site."""

    key: str
    name: str
    powers: frozenset[Power]
    is_limited: bool = False


def _role(key: str, name: str, *powers: Power, is_limited: bool = False) -> Role:
    return Role(key, name, frozenset(powers), is_limited)


_SEES = (Power.FIGURES, Power.CASES)
ROLES: dict[str, Role] = {
    role.key: role
    for role in (
        _role("grid_worker", "网格员", *_SEES, Power.CLEAR, is_limited=True),
        _role("registrar", "受理员", *_SEES, Power.CLEAR),
        _role("researcher", "研判员", *_SEES, Power.EXPORT),
        _role("dispatcher", "派遣员（值班长）", *_SEES, Power.CLEAR, Power.EXPORT, Power.COMMAND),
        _role("department", "承办部门", *_SEES, Power.CLEAR, Power.EXPORT, is_limited=True),
        _role("mediator", "调解员", *_SEES, Power.CLEAR, is_limited=True),
        _role("supervisor", "督办员", *_SEES, Power.CLEAR, Power.EXPORT),
        _role("caller", "回访员", *_SEES, Power.CLEAR),
        _role("deputy", "分管领导", *_SEES, Power.CLEAR, Power.STATUS),
        _role("leader", "政法委领导", *_SEES, Power.EXPORT, Power.STATUS),
        _role("analyst", "分析员", *_SEES, Power.EXPORT),
        _role("administrator", "管理员", Power.ACCOUNTS, Power.STATUS),
        _role("auditor", "审计员", Power.AUDIT, Power.STATUS),
    )
}
