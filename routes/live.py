"""What stands now, for every wall: live alerts and the edition's, at once."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Set
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import structlog
from flask import Flask, Response, request

from access.audit import Audit, entry
from access.operations import FAILURES
from access.policy import needs
from access.roles import Power
from data.alert_messages import messages_of
from data.alert_rules import AlertRules
from data.codes import codes
from data.editions.edition import Edition, EditionError
from data.editions.store import EditionStore
from data.regions import Region
from data.scope import Grant
from data.whereabouts import Tree, tree_of
from dispatch.alerts import Changes, LiveAlerts, Received
from geo.areas import points_in_areas
from routes.bodies import json_of_request
from routes.gate import grant, viewer_of_request
from routes.shown import Shown
from rules.cap_message import COLUMNS, CapMessage, Identity
from rules.standing import Acknowledgement, Message, Standing, standing

PATH = "/live"
FRESH = 0.1  # seconds; within them all viewers get the same without a look at the store
REST = 2.0  # times that a look took, until the next: in a storm it leaves room for what comes in
PATIENCE = 0.3  # seconds that a viewer waits for a look; then what was seen last must do
FIRST_PATIENCE = 5.0  # seconds, while nothing was seen at all
AGAIN = 60.0  # seconds after which all is told anew, whatever is known to change
KEPT = timedelta(days=7)  # after its end a message may still say that an alert flaps
USED = ("status", "msg_type", "references", "category", "event", "severity", "expires", "geocode")
UNUSED = dict.fromkeys({*COLUMNS} - {"sender", "identifier", "sent", *USED})  # of a message
UNREADABLE = "业务库读不出，实时预警不是最新"
UNTOLD = "实时预警处理出错，不是最新"
DEAF = "感知设备接入中断，其预警可能收不到"

log = structlog.get_logger()


class Live:
    """What stands, told anew when something came, when it is due, or the edition changed. Safe for
    threads; one looks, and a store that is slow or away makes nobody wait long."""

    def __init__(
        self,
        store: EditionStore,
        alerts: LiveAlerts,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        is_any_lost: Callable[[datetime], bool] = lambda _: False,
    ) -> None:
        """`is_any_lost` says of a moment whether a listener is lost (dispatch/listeners.py)."""
        self._is_any_lost = is_any_lost
        self._store = store
        self._alerts = alerts
        self._clock = clock
        self._known = _Known()
        self._lock = threading.Lock()
        self._looker = ThreadPoolExecutor(1, "live")
        self._looking: Future | None = None
        self._looked_at = 0.0
        self._took = 0.0  # seconds of the last look
        self._shown: Shown | None = None

    def shown(self) -> Shown:
        """What stands now, at most FRESH old while the store answers."""
        with self._lock:
            is_old = time.monotonic() - self._looked_at > max(FRESH, REST * self._took)
            if self._looking is None or (self._looking.done() and is_old):
                self._looked_at = time.monotonic()
                self._looking = self._looker.submit(self._look)
            looking = self._looking
        wait([looking], FIRST_PATIENCE if self._shown is None else PATIENCE)
        return self._shown or Shown(problem=UNREADABLE)

    def number(self, grant: Grant | None = None) -> int:
        """Another one whenever what stands is another thing, of what a grant may see; it does not
        count."""
        shown = self.shown()
        return (shown.granted(grant) if grant else shown).number

    def acknowledge(self, members: Iterable[Identity], by: str) -> None:
        """Note that all these alerts were seen; who asks next is told so."""
        self._alerts.acknowledge(members, by, self._clock())
        self._looked_at = 0.0

    def _look(self) -> None:
        began = time.monotonic()
        try:
            self._shown = self._told()
        except FAILURES as fault:
            log.error("live alerts not read", reason=type(fault).__name__)
            self._shown = (self._shown or Shown()).with_problem(UNREADABLE)
        except Exception:
            log.exception("live alerts not told")
            self._shown = (self._shown or Shown()).with_problem(UNTOLD)
        finally:
            self._took = time.monotonic() - began

    def _told(self) -> Shown:
        sequence, now = self._alerts.sequence(), self._clock()
        is_any_lost = self._is_any_lost(now)
        try:
            with self._store.reading() as edition:
                shown = self._told_of(sequence, edition, now)
        except EditionError:
            shown = self._told_of(sequence, None, now)
        problem = DEAF if is_any_lost and shown.rules.sensors else None
        return shown if shown.problem == problem else shown.with_problem(problem)

    def _told_of(self, sequence: int, edition: Edition | None, now: datetime) -> Shown:
        known = self._known
        shown = self._shown
        is_whole = shown is not None and shown.problem in (None, DEAF)
        if shown and is_whole and known.holds(sequence, edition, now):
            return shown
        if sequence != known.sequence:
            known.take(self._alerts.changes(known.sequence, now - KEPT))
        rules = edition.site.alerts if edition else AlertRules()
        messages = known.messages(edition, rules, now)
        found = standing(messages, known.acknowledgements.values(), rules.standing, now)
        known.is_told(edition, found, now)
        self._note_escalations(found)
        return Shown(found, rules, tree_of(edition) if edition else None)

    def _note_escalations(self, found: Iterable[Standing]) -> None:
        """All at once: in a storm many fall due together. Where nothing can be written they are
        shown all the same, and noted the next time."""
        reached = {
            (alert.unanswered, alert.escalation.level): (alert.unanswered, alert.escalation)
            for alert in found
            if alert.escalation is not None
        }
        new = reached.keys() - self._known.escalations
        if not new:
            return
        try:
            self._alerts.escalate(reached[which] for which in sorted(new))
        except FAILURES as fault:
            log.error("escalations not noted", reason=type(fault).__name__)
            return
        self._known.escalations |= new


class _Known:
    """What was read so far, and for how long what was told of it holds. Of one thread."""

    def __init__(self) -> None:
        self.sequence = 0
        self.acknowledgements: dict[Identity, Acknowledgement] = {}
        self.escalations: set[tuple[Identity, int]] = set()
        self._received: dict[Identity, Received] = {}
        self._points: dict[Identity, tuple[float, float] | None] = {}
        self._references: dict[Identity, tuple[Identity, ...]] = {}
        self._messages: dict[Identity, Message] = {}
        self._edition: int | None = None
        self._due: datetime | None = None
        self._again = 0.0

    def holds(self, sequence: int, edition: Edition | None, now: datetime) -> bool:
        """Whether what was told is still so."""
        is_due = time.monotonic() >= self._again or (self._due is not None and now >= self._due)
        is_same = (sequence, _number(edition)) == (self.sequence, self._edition)
        return is_same and not is_due

    def take(self, changes: Changes) -> None:
        """Add what came; of its texts and shapes, which may be long, nothing is kept."""
        self.sequence = changes.sequence
        for each in changes.received:
            identity = each.message.identity
            self._points[identity] = _point(each.message)
            self._references[identity] = each.message.refers_to
            self._received[identity] = replace(each, message=replace(each.message, **UNUSED))
        self.acknowledgements |= {each.identity: each for each in changes.acknowledgements}

    def messages(self, edition: Edition | None, rules: AlertRules, now: datetime) -> list[Message]:
        """All that may matter, of the edition only what did not come in live."""
        self._forget(now - KEPT)
        if _number(edition) != self._edition:
            self._messages.clear()
        for identity, received in self._received.items():
            if identity not in self._messages:
                point = self._points[identity]
                self._messages[identity] = _message(received, point, edition, rules)
        live = self._messages
        loaded = messages_of(edition, now, KEPT) if edition else []
        loaded = [each for each in loaded if each.identity not in live]
        if edition:
            self._forget_answers(now - KEPT, live.keys() | {each.identity for each in loaded})
        return [*live.values(), *loaded]

    def is_told(self, edition: Edition | None, found: Iterable[Standing], now: datetime) -> None:
        self._edition = _number(edition)
        due = (alert.changes_at for alert in found)
        self._due = min((at for at in due if at is not None), default=None)
        self._again = time.monotonic() + AGAIN

    def _forget(self, before: datetime) -> None:
        """Memory stays bounded over weeks. With what lasts stays what ended it, and what was said
        of it earlier and may be acknowledged."""
        gone = {
            identity
            for identity, each in self._received.items()
            if each.received_at < before and (each.message.expires_at or before) <= before
        }
        gone -= self._of_what_lasts(gone)
        for identity in gone:
            for table in (self._received, self._points, self._references, self._messages):
                table.pop(identity, None)

    def _of_what_lasts(self, gone: Set[Identity]) -> set[Identity]:
        """Which of these are linked with others by references, directly or through one another."""
        if not gone:
            return set()
        links: dict[Identity, list[Identity]] = defaultdict(list)
        for identity, references in self._references.items():
            for other in references:
                links[identity].append(other)
                links[other].append(identity)
        found, ahead = set(), list(self._received.keys() - gone)
        while ahead:
            new = {other for other in links.get(ahead.pop(), ()) if other in gone} - found
            found |= new
            ahead += new
        return found

    def _forget_answers(self, before: datetime, known: Set[Identity]) -> None:
        kept = self.acknowledgements.items()
        self.acknowledgements = {i: a for i, a in kept if a.at >= before or i in known}
        self.escalations = {each for each in self.escalations if each[0] in known}


def _number(edition: Edition | None) -> int | None:
    return edition.number if edition else None


def register(server: Flask, live: Live, audit: Audit) -> None:
    """Serve PATH, 304 while nothing moved, and take acknowledgements."""

    @server.get(PATH)
    @needs(Power.FIGURES, Power.COMMAND)
    def answer_live() -> Response:
        shown = live.shown().granted(grant())
        etag = f'"{shown.number:x}"'
        is_known = request.headers.get("If-None-Match") == etag
        reply = Response(status=304) if is_known else _json(shown.body)
        reply.headers["ETag"] = etag
        reply.headers["Cache-Control"] = "no-store"
        return reply

    @server.post(f"{PATH}/acknowledge")
    @needs(Power.COMMAND, is_act=True)
    def acknowledge_alert() -> Response:
        body = json_of_request()
        which = body.get("id") if isinstance(body, dict) else None
        if not isinstance(which, str):
            return _said(400, '应为 JSON：{"id": "…"}')
        members = live.shown().granted(grant()).members.get(which)
        if members is None:
            return _said(404, "这条预警已不在")
        viewer = viewer_of_request()
        live.acknowledge(members, viewer.shown)
        audit.note(entry(viewer.actor, "alert.acknowledge", which), datetime.now(UTC))
        return Response(status=204)


def _point(message: CapMessage) -> tuple[float, float] | None:
    lon, lat = points_in_areas([message.polygon], [message.circle])
    return (float(lon[0]), float(lat[0])) if lon[0] == lon[0] else None


def _message(
    received: Received,
    point: tuple[float, float] | None,
    edition: Edition | None,
    rules: AlertRules,
) -> Message:
    cap = received.message
    event, detail = rules.event_of(cap.event, cap.category)
    region = _region(tree_of(edition), cap, point) if edition else None
    return Message(
        sender=cap.sender,
        identifier=cap.identifier,
        sent=cap.identity.sent,
        received=received.received_at,
        status=cap.status or "Actual",
        msg_type=cap.msg_type or "Alert",
        references=cap.refers_to,
        signal=_signals().get(cap.severity or ""),
        event=event,
        detail=detail,
        place=f"{region.level}:{region.code}" if region else None,
        lon=point[0] if point else None,
        lat=point[1] if point else None,
        expires=cap.expires_at,
        device=received.device,
    )


def _signals() -> dict[str, str]:
    return {row["severity"]: code for code, row in codes("signal").items()}


def _region(tree: Tree, cap: CapMessage, point: tuple[float, float] | None) -> Region | None:
    """By the codes that the message gives, as far as the tree knows them, else by its point."""
    return tree.of(value for _, value in cap.geocodes) or (tree.at(*point) if point else None)


def _json(body: bytes) -> Response:
    return Response(body, mimetype="application/json")


def _said(status: int, reason: str) -> Response:
    return Response(reason, status=status, mimetype="text/plain")
