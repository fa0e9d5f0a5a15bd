"""The alerts of an edition as messages: they stand beside those that came in since."""

from datetime import UTC, datetime, timedelta

from data.editions.edition import Edition
from data.sql import quoted
from rules.cap_message import BadAlert, Identity, references_of
from rules.standing import Message

# Also those that ended lately, for by them is told what flaps, and, however long ago, those that
# may have ended one that lasts.
MESSAGES = """
SELECT coalesce(sender, source) AS sender, coalesce(identifier, alert_code) AS identifier,
       sent_at, status, msg_type, refs, signal, category, event, expires_at,
       CASE WHEN point_quality = 'ok' THEN lon END AS lon,
       CASE WHEN point_quality = 'ok' THEN lat END AS lat, {levels}
FROM alerts
WHERE withdrawn_at IS NULL AND sent_at <= $now
  AND (sent_at >= $after OR expires_at >= $after OR refs IS NOT NULL AND
    sent_at >= (SELECT min(sent_at) FROM alerts WHERE expires_at >= $after))
ORDER BY sent_at, sender, identifier
"""


def messages_of(edition: Edition, now: datetime, lasting: timedelta) -> list[Message]:
    """Those sent by `now` that had not ended for `lasting` before it (`now` knows its zone). They
    count as received when they were sent; `place` is "level:code" of the tree. An alert that is no
    CAP message is known by its source and its code there."""
    levels = edition.site.level_keys
    sql = MESSAGES.format(levels=", ".join(f"alerts.{quoted(key)}" for key in levels))
    at = edition.local(now)
    rows = edition.rows(sql, {"now": at, "after": at - lasting})
    return [_message(edition, row[:12], dict(zip(levels, row[12:], strict=True))) for row in rows]


def _message(edition: Edition, row: tuple, places: dict[str, str | None]) -> Message:
    (sender, identifier, sent, status, msg_type, refs, signal, category, event, expires) = row[:10]
    kind, detail = edition.site.alerts.event_of(event, category)
    sent_at = _aware(edition, sent)
    return Message(
        sender=sender,
        identifier=identifier,
        sent=sent_at,
        received=sent_at,
        status=status or "Actual",
        msg_type=msg_type or "Alert",
        references=_references(refs),
        signal=signal,
        event=kind,
        detail=detail,
        place=next((f"{k}:{code}" for k, code in reversed(places.items()) if code), None),
        lon=row[10],
        lat=row[11],
        expires=_aware(edition, expires) if expires else None,
    )


def _references(text: str | None) -> tuple[Identity, ...]:
    """Those that can be read: an old file may hold what nobody would accept today."""
    found = []
    for triple in (text or "").split():
        try:
            found += references_of(triple)
        except (BadAlert, ValueError):
            continue
    return tuple(found)


def _aware(edition: Edition, at: datetime) -> datetime:
    return at.replace(tzinfo=edition.site.tzinfo).astimezone(UTC)
