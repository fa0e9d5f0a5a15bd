"""Duty 值班: who holds which post at a moment.

A roster is of the whole centre: its rows name no region and no department by which a grant could
choose among them. Whose grant is limited is therefore told the posts, and of nobody who holds one.
"""

from datetime import datetime

import pandas as pd

from data.editions.edition import Edition
from data.scope import Grant

# A post named twice at one moment (two rosters, a double shift) is shown twice: both may be asked.
ON_DUTY = """
SELECT post, holder, begins_at, ends_at FROM duty
WHERE begins_at <= $at AND ends_at > $at AND (withdrawn_at IS NULL OR withdrawn_at > $at)
ORDER BY line, post, holder
"""


def on_duty(edition: Edition, at: datetime, grant: Grant) -> pd.DataFrame:
    """Who is on duty at a moment (naive, in the site's zone), in the order of the roster.

    Columns post, holder (None where the roster leaves it open), begins_at, ends_at; no column
    holder for a limited grant. A shift holds until just before its end. No rows where no roster
    says anything of the moment.
    """
    found = edition.frame(ON_DUTY, {"at": at})
    return found.drop(columns="holder") if grant.is_limited else found
