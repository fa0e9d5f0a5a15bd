"""What stands behind the callbacks: each verb takes of it what it needs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from access.accounts import Accounts
from access.audit import Audit
from access.devices import Devices
from access.sessions import Sessions
from access.sign_in import SignIn
from access.viewers import Viewer
from callbacks.answer import Answers

Facts = Callable[[datetime], Sequence[Any]]


@dataclass(frozen=True)
class Services:
    """`viewer` gives whoever asks just now, `facts` how the system runs (upkeep/status.py)."""

    answers: Answers
    viewer: Callable[[], Viewer]
    accounts: Accounts
    devices: Devices
    sessions: Sessions
    sign_in: SignIn
    audit: Audit
    facts: Facts
