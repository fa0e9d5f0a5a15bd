"""Alerts 预警 in force: what the wall shows before anything else."""

from bisect import bisect_right
from collections.abc import Iterable
from datetime import datetime

import pandas as pd

from data import masking
from data.editions.edition import Edition
from data.regions import trail_to
from data.scope import Filter, Grant, Scope
from data.sql import quoted

# An alert may come in by several sources, live and as a file: it is one (CAP 1.2, 3.2.1).
# An alert leaves when a later message of its sender refers to it (CAP 1.2 `references`: triples of
# sender,identifier,sent), when it expires, or when its source withdraws it; one that names no end
# stands as long as a live one (rules/episode.py). A test or a draft says nothing of what is real.
IN_FORCE = """
SELECT a.alert_code, a.signal, a.event, a.headline, a.area_text, a.status, a.sent_at,
       CASE WHEN a.point_quality = 'ok' THEN a.lon END AS lon,
       CASE WHEN a.point_quality = 'ok' THEN a.lat END AS lat, {place} AS place
FROM {alerts} a
WHERE a.withdrawn_at IS NULL
  AND coalesce(a.status, 'Actual') IN ('Actual', 'Exercise')
  AND coalesce(a.msg_type, 'Alert') IN ('Alert', 'Update')
  AND a.sent_at <= $as_of
  AND coalesce(a.expires_at, a.sent_at + $stands) > $as_of
  AND NOT EXISTS (
    SELECT 1 FROM {alerts} b
    WHERE b.sender = a.sender AND b.sent_at <= $as_of
      AND b.msg_type IN ('Update', 'Cancel', 'Error')
      AND coalesce(b.status, 'Actual') = coalesce(a.status, 'Actual') AND b.withdrawn_at IS NULL
      AND contains(b.refs, ',' || a.identifier || ','))
  AND {regions}
QUALIFY row_number() OVER (PARTITION BY coalesce(a.sender || ',' || a.identifier, a.alert_code),
                                        a.sent_at ORDER BY a.alert_code) = 1
ORDER BY CASE a.signal WHEN 'red' THEN 0 WHEN 'orange' THEN 1 WHEN 'yellow' THEN 2 ELSE 3 END,
         a.sent_at DESC, a.alert_code
LIMIT $limit
"""


EXPIRED = """
SELECT count(DISTINCT coalesce(a.expires_at, a.sent_at + $stands)) FROM wall_alerts a
WHERE coalesce(a.expires_at, a.sent_at + $stands) > $data_time
  AND coalesce(a.expires_at, a.sent_at + $stands) <= $now AND {within}
"""


def alerts_in_force(
    edition: Edition, scope: Scope, grant: Grant, limit: int = 5, now: datetime | None = None
) -> pd.DataFrame:
    """Alerts in force, the gravest first: code, signal, event, headline, area_text, status,
    sent_at, lon, lat (WGS84, NaN without a point), place (code of the top level, or None).

    A wall is told a declared word for the event and no text of the sender (headline, area_text);
    these texts are masked unless the grant is clear. An alert belongs to no department: within its
    regions a grant sees it whatever departments it is limited to, but none where it has none.
    In force now (naive, in the site's zone): an alert expires although nothing new arrives. Of the
    past, where the scope names a time or an edition, as it was then."""
    params: dict = {"as_of": moment_of(edition, scope, now), "limit": limit}
    params["stands"] = edition.stands
    within = [_any_of(edition, asked, params) for asked in _asked(edition, scope)]
    if grant.regions is not None:
        within.append(_any_of(edition, grant.regions, params))
    if grant.departments == ():
        within.append("false")
    sql = IN_FORCE.format(
        alerts=grant.table("alerts"),
        place=f"a.{quoted(edition.site.levels[0].key)}",
        regions=" AND ".join(within) or "true",
    )
    frame = edition.frame(sql, params)
    if grant.masking == "clear" or grant.is_wall:
        return frame
    for name in ("event", "headline", "area_text"):
        frame[name] = [masking.text(said) if said else None for said in frame[name]]
    return frame


def moment_of(edition: Edition, scope: Scope, now: datetime | None = None) -> datetime:
    """The time at which a scope asks what is in force; never before the edition's data."""
    if scope.as_of is not None:
        return scope.as_of
    if scope.edition is not None or now is None:
        return edition.data_time
    return max(edition.data_time, now)


def alerts_expired(edition: Edition, now: datetime, grant: Grant) -> int:
    """How many times alerts of this edition, of the grant's regions, have expired by now since it
    was made: while this and the edition stay, so does what is in force."""
    if grant.regions is None:
        return bisect_right(edition.expiries, now)
    params: dict = {"data_time": edition.data_time, "stands": edition.stands, "now": now}
    within = _any_of(edition, grant.regions, params)
    return edition.rows(EXPIRED.format(within=within), params)[0][0]


def _asked(edition: Edition, scope: Scope) -> Iterable[tuple[Filter, ...]]:
    """The places that the scope names, by dimension; an alert has no department, no category."""
    for key, codes in scope.filters.items():
        if key in edition.site.place_keys:
            yield tuple((key, code) for code in codes)


def _any_of(edition: Edition, regions: Iterable[Filter], params: dict) -> str:
    """SQL that an alert concerns one of the regions; no region of ours, no alert."""
    known = [pair for pair in regions if pair[0] in edition.site.place_keys]
    return f"({' OR '.join(_concerns(edition, *pair, params) for pair in known) or 'false'})"


def _concerns(edition: Edition, key: str, code: str, params: dict) -> str:
    """SQL that an alert concerns a region: it lies there, or is for all of a region above it, or
    says no place at all and so concerns everybody."""
    levels = [level.key for level in edition.site.levels]
    if key not in levels:
        nowhere = " AND ".join(f"a.{quoted(each)} IS NULL" for each in (*levels, key))
        return f"(a.{quoted(key)} = {_bound(params, code)} OR {nowhere})"
    trail = trail_to(edition, Scope(regions=((key, code),)))
    places = {region.level: region.code for region in trail} | {key: code}
    fits = [
        f"(a.{quoted(level)} IS NULL OR a.{quoted(level)} = {_bound(params, at)})"
        for level, at in places.items()
    ]
    return f"({' AND '.join(fits)})"


def _bound(params: dict, value: str) -> str:
    name = f"v{len(params)}"
    params[name] = value
    return f"${name}"
