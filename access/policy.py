"""Policies: each route and callback says beside itself who may ask; without a word nobody may
(routes/gate.py)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from access.roles import Power

View = TypeVar("View", bound=Callable[..., Any])
EVERYBODY = frozenset(Power)


@dataclass(frozen=True)
class Policy:
    """Who may ask: whoever has one of the `powers`, or anybody at all.

    `is_act`: a person asks so, where all else an open page may ask with nobody there; only this
    keeps a session awake. `is_page`: who is not known is sent to sign in, and a device that is no
    longer known is shown that."""

    powers: frozenset[Power] = frozenset()
    is_open: bool = False
    is_act: bool = False
    is_page: bool = False


OPEN = Policy(is_open=True)
KNOWN = Policy(EVERYBODY)


def opened(view: View) -> View:
    """Anybody may ask: no data lies behind it, or it looks itself who asks."""
    return _with(view, OPEN)


def needs(*powers: Power, is_act: bool = False, is_page: bool = False) -> Callable[[View], View]:
    """Whoever has one of these powers may ask; none named: whoever is signed in."""
    policy = Policy(frozenset(powers) or EVERYBODY, is_act=is_act, is_page=is_page)
    return lambda view: _with(view, policy)


def policy_of(view: Any) -> Policy | None:
    """What was said beside the view; None = nothing."""
    return getattr(view, "policy", None)


def _with(view: View, policy: Policy) -> View:
    view.policy = policy  # type: ignore[attr-defined]
    return view
