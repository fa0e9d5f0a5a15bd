"""The points behind a heat map: where the cases of a number lie, and only points that are right."""

import pandas as pd

from data.editions.edition import Edition
from data.indicators import indicator_of
from data.scope import Grant, Scope
from data.state import Question, state


def points(
    edition: Edition, scope: Scope, grant: Grant, indicator: str = "accepted"
) -> pd.DataFrame:
    """lon and lat (WGS84) of the cases that the indicator's numerator counts.

    Placeholders, and points that are missing, swapped or outside, are left out; from a wall also
    sensitive matters, and the others lie within 100 m of theirs.
    """
    question = Question(edition, scope, grant)
    count = indicator_of(indicator).numerator
    rows = state(question, count, uses="lon lat point_quality")
    is_right = "point_quality = 'ok' AND lon IS NOT NULL AND lat IS NOT NULL"
    sql = f"SELECT lon, lat FROM ({rows}) WHERE ({count.where}) AND {is_right}"
    return edition.frame(sql, question.used(sql))
