"""What stands behind the callbacks: each verb takes of it what it needs."""

from collections.abc import Callable
from dataclasses import dataclass

from access.accounts import Accounts
from access.audit import Audit
from access.devices import Devices
from access.sessions import Sessions
from access.sign_in import SignIn
from access.viewers import Viewer
from callbacks.answer import Answers


@dataclass(frozen=True)
class Services:
    """`viewer` gives whoever asks just now."""

    answers: Answers
    viewer: Callable[[], Viewer]
    accounts: Accounts
    devices: Devices
    sessions: Sessions
    sign_in: SignIn
    audit: Audit
