"""Alerts 预警 in force: what the wall shows before anything else."""

import pandas as pd

from data.editions.edition import Edition
from data.scope import Filter, Grant, Scope
from data.sql import quoted

# An alert leaves when a later message of its sender refers to it (CAP 1.2 `references`: triples of
# sender,identifier,sent), when it expires, or when its source withdraws it.
IN_FORCE = """
SELECT a.alert_code, a.signal, a.event, a.headline, a.area_text, a.status, a.sent_at,
       CASE WHEN a.point_quality = 'ok' THEN a.lon END AS lon,
       CASE WHEN a.point_quality = 'ok' THEN a.lat END AS lat, {place} AS place
FROM alerts a
WHERE a.withdrawn_at IS NULL
  AND coalesce(a.status, 'Actual') IN ('Actual', 'Exercise')
  AND coalesce(a.msg_type, 'Alert') IN ('Alert', 'Update')
  AND a.sent_at <= $as_of
  AND (a.expires_at IS NULL OR a.expires_at > $as_of)
  AND NOT EXISTS (
    SELECT 1 FROM alerts b
    WHERE b.sender = a.sender AND b.sent_at <= $as_of AND b.msg_type IN ('Update', 'Cancel')
      AND contains(b.refs, ',' || a.identifier || ','))
  AND {regions}
ORDER BY CASE a.signal WHEN 'red' THEN 0 WHEN 'orange' THEN 1 WHEN 'yellow' THEN 2 ELSE 3 END,
         a.sent_at DESC, a.alert_code
LIMIT $limit
"""


def alerts_in_force(edition: Edition, scope: Scope, grant: Grant, limit: int = 5) -> pd.DataFrame:
    """Alerts in force at T, the gravest first: code, signal, event, headline, area_text, status,
    sent_at, lon, lat (WGS84, NaN without a point), place (code of the top level, or NULL)."""
    params: dict = {"as_of": scope.as_of or edition.data_time, "limit": limit}
    within = [_any_of(edition, scope.regions, params)]
    if grant.regions is not None:
        within.append(_any_of(edition, grant.regions, params) if grant.regions else "false")
    sql = IN_FORCE.format(
        place=f"a.{quoted(edition.site.levels[0].key)}", regions=" AND ".join(within)
    )
    return edition.frame(sql, params)


def _any_of(edition: Edition, regions: tuple[Filter, ...], params: dict) -> str:
    """SQL that an alert lies in one of the regions; no region is no condition."""
    found = []
    for dimension, code in regions:
        if dimension in edition.site.place_keys:
            name = f"region{len(params)}"
            params[name] = code
            found.append(f"a.{quoted(dimension)} = ${name}")
    return f"({' OR '.join(found)})" if found else "true"
