"""Viewers: whoever asks, a person by an account or a device by its token, and what each may."""

from dataclasses import dataclass, replace

from access.account import Account
from access.devices import Device
from access.roles import ROLES, Power
from data.scope import Grant

DEVICE_POWERS: dict[str, frozenset[Power]] = {
    "alerts": frozenset({Power.SUBMIT}),
    "wall": frozenset({Power.FIGURES}),
    "remote": frozenset({Power.COMMAND}),
}
SEEING = frozenset({Power.FIGURES, Power.CASES})


@dataclass(frozen=True)
class Viewer:
    """`actor` is as the audit names it, `shown` what others may read of who it was: a device's
    name, of a person the post alone."""

    actor: str
    shown: str
    powers: frozenset[Power]
    grant: Grant
    account: Account | None = None
    device: Device | None = None


def of_device(device: Device) -> Viewer:
    """A screen in a hall or a remote control: nobody's data, and of a wall that has regions nothing
    of others. Whoever only sends alerts sees nothing."""
    powers = DEVICE_POWERS.get(device.kind, frozenset())
    grant = Grant() if device.kind == "alerts" else Grant.wall()
    if device.regions:
        grant = replace(grant, regions=device.regions)
    return Viewer(f"device:{device.name}", device.name, powers, grant, device=device)


def of_account(account: Account) -> Viewer:
    """What the role may, within the account's regions and departments; personal text masked. Who
    runs the system, or reads its audit, sees no case."""
    is_seeing = not account.powers.isdisjoint(SEEING)
    grant = Grant(account.regions or None, account.departments or None) if is_seeing else Grant()
    name = ROLES[account.role].name
    return Viewer(account.name, name, account.powers, grant, account=account)
