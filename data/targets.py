"""Targets: the tables that a source can deliver into, each declared once.

Everything that reads, judges, places, merges and verifies delivered rows asks here what it needs to
know of a table; `schema.sql` has all of its columns.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

TEXT, TIME, WHOLE, NUMBER, YES_NO = "VARCHAR", "TIMESTAMP", "INTEGER", "DOUBLE", "BOOLEAN"
# A row that belongs to a case names it by the case's own key, and where the source tells of the
# cases of several others, by which of them (else the declaration's `of` says it).
CASE = dict.fromkeys(("case", "case_source"), TEXT)
POINT = dict.fromkeys(("lon", "lat"), NUMBER)


@dataclass(frozen=True)
class Target:
    """What a source may say of one table.

    `code` is the column that identifies a row; `fields` what a declaration may name, with its type;
    `needed` those without which a row is none. `lookups`: fields that are codes -> their list.
    `times`: the first of them that a row has is when it counts; `events`: those that tell how far
    the data go (a plan or a roster does not).
    """

    code: str
    fields: Mapping[str, str]
    needed: tuple[str, ...] = ()
    lookups: Mapping[str, str] = field(default_factory=dict)
    times: tuple[str, ...] = ()
    events: tuple[str, ...] = ()

    @property
    def is_placed(self) -> bool:
        """Whether its rows have a point, and a column per level and layer."""
        return "lon" in self.fields

    @property
    def is_of_case(self) -> bool:
        """Whether its rows belong to cases."""
        return "case" in self.fields


TARGETS: Mapping[str, Target] = {  # in the order of loading: cases are derived with their handlings
    "handlings": Target(
        code="handling_code",
        fields={
            **CASE,
            **dict.fromkeys(("kind", "department", "risk", "outcome", "note"), TEXT),
            **dict.fromkeys(("at", "due_at"), TIME),
        },
        needed=("case", "at", "kind"),
        lookups={"kind": "step", "risk": "risk", "outcome": "outcome"},
        times=("at",),
        events=("at",),
    ),
    "cases": Target(
        code="case_code",
        fields={
            **dict.fromkeys(("channel", "kind", "category", "department", "risk", "status"), TEXT),
            **dict.fromkeys(("outcome", "scale", "title", "summary", "place_text"), TEXT),
            **dict.fromkeys(("people_involved", "repeats_90d"), WHOLE),
            **dict.fromkeys(("happened_at", "reported_at", "accepted_at", "dispatched_at"), TIME),
            **dict.fromkeys(("responded_at", "closed_at", "accept_due_at", "due_at"), TIME),
            **POINT,
            "is_threat": YES_NO,
        },
        lookups={name: name for name in ("channel", "kind", "risk", "status", "outcome", "scale")},
        times=("accepted_at", "reported_at"),
        events=("reported_at", "accepted_at", "dispatched_at", "responded_at", "closed_at"),
    ),
    "alerts": Target(
        code="alert_code",
        fields={
            **dict.fromkeys(("sender", "identifier", "status", "msg_type", "scope", "refs"), TEXT),
            **dict.fromkeys(("category", "event", "urgency", "severity", "certainty"), TEXT),
            **dict.fromkeys(("signal", "headline", "description", "area_text"), TEXT),
            **dict.fromkeys(("polygon", "circle"), TEXT),
            **dict.fromkeys(("sent_at", "effective_at", "onset_at", "expires_at"), TIME),
            **POINT,
        },
        needed=("sent_at",),
        lookups={"signal": "signal"},
        times=("sent_at",),
        events=("sent_at",),
    ),
    "follow_ups": Target(
        code="follow_up_code",
        fields={
            **CASE,
            **dict.fromkeys(("due_at", "done_at"), TIME),
            **dict.fromkeys(("way", "result"), TEXT),
        },
        needed=("case", "due_at"),
        lookups={"way": "follow_up_way", "result": "follow_up_result"},
        times=("due_at",),
        events=("done_at",),
    ),
    "evaluations": Target(
        code="evaluation_code",
        fields={**CASE, "at": TIME, "satisfaction": TEXT},
        needed=("case", "at", "satisfaction"),
        lookups={"satisfaction": "evaluation"},
        times=("at",),
        events=("at",),
    ),
    "parties": Target(
        code="party_code",
        fields={
            **CASE,
            "seq": WHOLE,
            **dict.fromkeys(("role", "name", "phone", "id_number", "address"), TEXT),
            "is_minor": YES_NO,
        },
        needed=("case",),
        lookups={"role": "party_role"},
    ),
    "duty": Target(
        code="duty_code",
        fields={
            **dict.fromkeys(("begins_at", "ends_at"), TIME),
            **dict.fromkeys(("post", "holder"), TEXT),
        },
        needed=("begins_at", "ends_at", "post"),
        times=("begins_at",),
    ),
    "grid_workers": Target(
        code="worker_code",
        fields={
            **dict.fromkeys(("title", "department", "duty_state"), TEXT),
            "at": TIME,
            **POINT,
        },
        needed=("title",),
        lookups={"duty_state": "duty_state"},
        times=("at",),
        events=("at",),
    ),
    "resources": Target(
        code="resource_code",
        fields={**dict.fromkeys(("kind", "name"), TEXT), **POINT},
        needed=("kind", "name"),
        lookups={"kind": "resource_kind"},
    ),
}
