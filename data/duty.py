"""Duty 值班: who holds which post at a moment."""

from datetime import datetime

import pandas as pd

from data.editions.edition import Edition

# A post named twice at one moment (two rosters, a double shift) is shown twice: both may be asked.
ON_DUTY = """
SELECT post, holder, begins_at, ends_at FROM duty
WHERE begins_at <= $at AND ends_at > $at AND (withdrawn_at IS NULL OR withdrawn_at > $at)
ORDER BY line, post, holder
"""


def on_duty(edition: Edition, at: datetime) -> pd.DataFrame:
    """Who is on duty at a moment (naive, in the site's zone), in the order of the roster.

    Columns post, holder (None where the roster leaves it open), begins_at, ends_at; a shift holds
    until just before its end. No rows where no roster says anything of the moment.
    """
    return edition.frame(ON_DUTY, {"at": at})
