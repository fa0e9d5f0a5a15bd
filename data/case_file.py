"""The file of one case 一案一档: all that a viewer may know of it, and single values in clear."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

import pandas as pd

from data.built_in_dimensions import LAMP
from data.cases import COLUMNS, PERSONAL, masked
from data.codes import label
from data.editions.edition import Edition
from data.indicators import Count
from data.masking import FIELDS
from data.names import named
from data.parties import COVERS, People, people_of
from data.retention import forgotten
from data.scope import LONGEST_VALUE, NO_TEXT, Grant, Scope
from data.state import Question, state

FIELD = re.compile(r"(?:(steps|parties)\.([1-9][0-9]{0,5})\.)?([a-z_]+)")
EVERY = Count(at="reported_at")  # every case has one
CODED = (  # fields that are called as their code list
    *("channel", "kind", "risk", "lamp", "status", "outcome", "handling_level", "point_quality"),
)
NAMED = ("department", "category", "source")
TIMES = (
    *("happened_at", "reported_at", "accepted_at", "dispatched_at", "responded_at", "closed_at"),
    "due_at",
)
LABELS = {  # of the fields of `CaseFile.case`, in the order of a page; the site's places follow
    "case_code": "事项编码",
    "source": "数据来源",
    "source_key": "来源编号",
    "channel": "来源渠道",
    "kind": "事项大类",
    "category": "类别",
    "title": "标题",
    "summary": "内容",
    "place_text": "地点",
    "department": "责任部门",
    "risk": "风险等级",
    "handling_level": "处置层级",
    "status": "状态",
    "outcome": "办结结果",
    "lamp": "督办灯",
    "happened_at": "发生时间",
    "reported_at": "登记时间",
    "accepted_at": "受理时间",
    "dispatched_at": "派遣时间",
    "responded_at": "响应时间",
    "due_at": "办结时限",
    "closed_at": "办结时间",
    "reopen_count": "重新打开次数",
    "point_quality": "坐标",
    "extra": "其他栏目",
}
STEPS = """
SELECT seq, "at", kind, department, note FROM steps
WHERE case_code = $code AND "at" <= $as_of ORDER BY seq
"""
FOLLOW_UPS = """
SELECT due_at, CASE WHEN done_at <= $as_of THEN done_at END AS done_at,
       CASE WHEN done_at <= $as_of THEN way END AS way,
       CASE WHEN done_at <= $as_of THEN result END AS result
FROM follow_ups WHERE case_code = $code AND (withdrawn_at IS NULL OR withdrawn_at > $as_of)
ORDER BY due_at, follow_up_code
"""
EVALUATIONS = """
SELECT "at", satisfaction FROM evaluations
WHERE case_code = $code AND "at" <= $as_of AND (withdrawn_at IS NULL OR withdrawn_at > $as_of)
ORDER BY "at", evaluation_code
"""
ELSEWHERE = """
SELECT DISTINCT person_key, case_code FROM parties
WHERE person_key IN (SELECT unnest($keys)) AND case_code <> $code AND withdrawn_at IS NULL
ORDER BY ALL LIMIT 500
"""


@dataclass(frozen=True)
class StepShown:
    """A step 流转: its number, time, kind (codes/step.csv), the department it names."""

    seq: int
    at: datetime
    kind: str
    kind_name: str
    department: str | None
    note: str | None


@dataclass(frozen=True)
class FollowUpShown:
    """A follow-up 回访 that is due or was done; `way` and `result` in words."""

    due_at: datetime
    done_at: datetime | None
    way: str | None
    result: str | None


@dataclass(frozen=True)
class EvaluationShown:
    """What somebody said of how the case was dealt with, in words."""

    at: datetime
    satisfaction: str


@dataclass(frozen=True)
class PartyShown:
    """A party, masked as the grant says. `elsewhere`: codes of other cases within the grant that
    the same person is a party of."""

    number: int
    role: str
    name: str | None
    phone: str | None
    id_number: str | None
    address: str | None
    is_minor: bool
    elsewhere: tuple[str, ...]


@dataclass(frozen=True)
class CaseFile:
    """One case at T. `case`: field of LABELS, or place or dimension of the site -> what is shown
    (None = nothing is known); `values`: the same as codes, times (naive, in the site's zone) and
    numbers, without personal text. `lamp` is a code of codes/lamp.csv or "-". `covered`: the keys,
    as `clear_value` takes them, of what is masked here.
    """

    case_code: str
    as_of: datetime
    case: Mapping[str, str | None]
    values: Mapping[str, Any]
    lamp: str
    due_at: datetime | None
    steps: tuple[StepShown, ...]
    follow_ups: tuple[FollowUpShown, ...]
    evaluations: tuple[EvaluationShown, ...]
    parties: tuple[PartyShown, ...]
    covered: frozenset[str]


def case_file(
    edition: Edition, case_code: str, grant: Grant, as_of: datetime | None = None
) -> CaseFile | None:
    """The file of a case at T (`as_of`; None = the edition's data time), masked as the grant says.

    None where there is no such case at T, and the same where the grant does not reach it; a wall
    has no files. ScopeError for a T after the data time.
    """
    question = Question(edition, Scope(as_of=as_of), grant)
    row = _row(question, case_code)
    if row is None:
        return None
    people = people_of(edition, [(case_code, row["reported_at"])]).get(case_code, People())
    is_clear = grant.masking == "clear"
    shown = row if is_clear else row | masked(row, people)
    told = _steps(question, case_code)
    steps = told if is_clear else [_masked_step(step, people, row["place_text"]) for step in told]
    parties = _parties(question, case_code, people, is_clear)
    return CaseFile(
        case_code=case_code,
        as_of=question.as_of,
        case=MappingProxyType(_displayed(edition, shown)),
        values=MappingProxyType({k: v for k, v in row.items() if k not in PERSONAL}),
        lamp=row["lamp"],
        due_at=row["due_at"],
        steps=tuple(steps),
        follow_ups=_follow_ups(question, case_code),
        evaluations=_evaluations(question, case_code),
        parties=parties,
        covered=frozenset(_covered(row, shown, told, steps, people, parties)),
    )


def clear_value(edition: Edition, case_code: str, field: str, grant: Grant) -> str | None:
    """One value of a case in clear: a key of FIELDS, with a number for N ("parties.2.phone").

    Who asks must be allowed to, and has it logged before it is sent. None for what is no such
    field, for nothing, and for a case that is not there or not within the grant.
    """
    asked = FIELD.fullmatch(field)
    if asked is None or _key(asked) not in FIELDS:
        return None
    question = Question(edition, Scope(), grant)
    row = _row(question, case_code)
    if row is None:
        return None
    table, number, name = asked.groups()
    if table is None:
        return row[name]
    if table == "steps":
        return next((s.note for s in _steps(question, case_code) if s.seq == int(number)), None)
    people = people_of(edition, [(case_code, row["reported_at"])]).get(case_code, People())
    return next((getattr(p, name) for p in people.parties if p.number == int(number)), None)


def _key(asked: re.Match[str]) -> str:
    table, _, name = asked.groups()
    return f"{table}.N.{name}" if table else name


def field_label(field: str) -> str:
    """What a key of `clear_value` is called: 当事人 2 联系电话. KeyError for another."""
    asked = FIELD.fullmatch(field)
    if asked is None:
        raise KeyError(field)
    table, number, _ = asked.groups()
    of = {"parties": f"当事人 {number} ", "steps": f"流转 {number} "}.get(table, "")
    return of + FIELDS[_key(asked)]


def _row(question: Question, case_code: str) -> dict[str, Any] | None:
    """The case within the grant at T, in clear; times as datetime, missing values None, as what is
    personal of a forgotten case."""
    is_code = isinstance(case_code, str) and 0 < len(case_code) <= LONGEST_VALUE
    if question.grant.is_wall or not is_code or NO_TEXT.search(case_code):
        return None
    site = question.edition.site
    own = [f'"{key}"' for key in (*site.place_keys, *site.dimension_keys)]
    columns = ", ".join([*COLUMNS, *PERSONAL, *own, f"coalesce({LAMP}, '-') AS lamp"])
    rows = state(question, EVERY, uses=columns)
    sql = f"SELECT {columns} FROM ({rows}) WHERE case_code = {question.bind((case_code,))}"
    found = question.edition.frame(sql, question.used(sql)).to_dict("records")
    if not found:
        return None
    gone = PERSONAL if forgotten(question.edition, [case_code]) else ()
    return {str(k): None if k in gone else _plain(v) for k, v in found[0].items()}


def _plain(value: Any) -> Any:
    if pd.isna(value):
        return None
    return value.to_pydatetime() if isinstance(value, pd.Timestamp) else value


# ---- what belongs to it ----------------------------------------------------------------------


def _steps(question: Question, code: str) -> list[StepShown]:
    names = named(question.edition, "department")
    rows = question.edition.rows(STEPS, {"code": code, "as_of": question.as_of})
    is_gone = bool(rows and forgotten(question.edition, [code]))
    return [
        StepShown(
            seq,
            at,
            kind,
            _said(question.edition, "step", kind),
            unit and names.get(unit, unit),
            None if is_gone else note,
        )
        for seq, at, kind, unit, note in rows
    ]


def _masked_step(step: StepShown, people: People, place: str | None) -> StepShown:
    return replace(step, note=people.masked(step.note, [place or ""])) if step.note else step


def _follow_ups(question: Question, code: str) -> tuple[FollowUpShown, ...]:
    rows = question.edition.rows(FOLLOW_UPS, {"code": code, "as_of": question.as_of})
    return tuple(
        FollowUpShown(
            due,
            done,
            way and _said(question.edition, "follow_up_way", way),
            result and _said(question.edition, "follow_up_result", result),
        )
        for due, done, way, result in rows
    )


def _evaluations(question: Question, code: str) -> tuple[EvaluationShown, ...]:
    rows = question.edition.rows(EVALUATIONS, {"code": code, "as_of": question.as_of})
    return tuple(
        EvaluationShown(at, _said(question.edition, "evaluation", said)) for at, said in rows
    )


def _parties(
    question: Question, code: str, people: People, is_clear: bool
) -> tuple[PartyShown, ...]:
    elsewhere = _elsewhere(question, code, people)
    return tuple(
        PartyShown(
            number=party.number,
            role=_said(question.edition, "party_role", party.role),
            is_minor=party.is_minor,
            elsewhere=elsewhere.get(party.person_key or "", ()),
            **{
                name: getattr(party, name) if is_clear else party.shown(name, people.on)
                for name in COVERS
            },
        )
        for party in people.parties
    )


def _elsewhere(question: Question, code: str, people: People) -> dict[str, tuple[str, ...]]:
    """By person the other cases within the grant."""
    keys = [party.person_key for party in people.parties if party.person_key]
    rows = question.edition.rows(ELSEWHERE, {"keys": keys, "code": code}) if keys else []
    if not rows:
        return {}
    granted = state(question, EVERY, uses="case_code")
    codes = question.bind(sorted({case for _, case in rows}))
    sql = f"SELECT case_code FROM ({granted}) WHERE case_code IN ({codes})"
    seen = {case for (case,) in question.edition.rows(sql, question.used(sql))}
    seen -= forgotten(question.edition, seen)
    found: dict[str, tuple[str, ...]] = {}
    for key, case in rows:
        if case in seen:
            found[key] = (*found.get(key, ()), case)
    return found


# ---- how it is shown -------------------------------------------------------------------------


def _displayed(edition: Edition, row: Mapping[str, Any]) -> dict[str, str | None]:
    site = edition.site
    keys = [*LABELS, *site.place_keys, *site.dimension_keys]
    words = {key: named(edition, key) for key in (*NAMED, *site.place_keys, *site.dimension_keys)}
    words |= {key: {row[key]: _said(edition, key, row[key])} for key in CODED if row[key]}
    return {key: _word(key, row, words) for key in keys}


def _said(edition: Edition, name: str, code: str | None) -> str:
    """The site's own word for a code of a list goes before that of the list."""
    return edition.site.labels.get(name, {}).get(code or "") or label(name, code)


def _word(key: str, row: Mapping[str, Any], words: Mapping[str, Mapping[str, str]]) -> str | None:
    value = row.get(key)
    if value is None or value == "-":
        return None
    if key in words:
        return words[key].get(value, value)
    if key in TIMES:
        form = {"month": "%Y-%m", "day": "%Y-%m-%d"}.get(row["precision"], "%Y-%m-%d %H:%M")
        return value.strftime(form)
    return str(value)


def _covered(
    row: Mapping[str, Any],
    shown: Mapping[str, Any],
    told: list[StepShown],
    steps: list[StepShown],
    people: People,
    parties: tuple[PartyShown, ...],
) -> list[str]:
    """The keys of the values that are shown otherwise than they are."""
    pairs = zip(told, steps, strict=True)
    both = zip(people.parties, parties, strict=True)
    return [
        *(name for name in PERSONAL if shown[name] != row[name]),
        *(f"steps.{clear.seq}.note" for clear, covered in pairs if clear.note != covered.note),
        *(
            f"parties.{clear.number}.{name}"
            for clear, covered in both
            for name in COVERS
            if (getattr(clear, name) or None) != getattr(covered, name)
        ),
    ]
