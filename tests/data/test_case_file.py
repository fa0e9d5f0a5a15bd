"""The file of one case: what is in it, what is masked, and that nobody finds more."""

from datetime import datetime

import pytest

from data.case_file import case_file, clear_value, field_label
from data.masking import COVERED
from data.scope import Grant, ScopeError
from tests.data.given import SITE, given

FULL = Grant.full()
MASKED = Grant(None, None, "masked")
OF_T1 = Grant((("town", "t1"),), None, "masked")
PARTIES = (
    {
        "role": "applicant",
        "name": "张测甲",
        "phone": "19900001234",
        "id_number": "000000198001010000",
        "address": "一镇甲村丙路3号",
        "person_key": "k1",
    },
    {"role": "victim", "name": "李测乙", "phone": "19900005678", "is_minor": True},
)
CASES = (
    {
        "town": "t1",
        "grid": "g1",
        "title": "张测甲投诉",
        "summary": "张测甲（19900001234）说李测乙被打",
        "place_text": "一镇甲村丙路3号",
        "extra": '{"备注":"李测乙"}',
        "department": "a",
        "risk": "red",
        "due_at": "2026-11-04",
        "steps": [
            {"kind": "dispatch", "at": "2026-11-03", "department": "b"},
            {"kind": "close", "at": "2026-11-05", "outcome": "resolved"},
        ],
        "follow_ups": [("2026-11-06", "2026-11-07", "stable")],
        "evaluations": [("2026-11-06", "fair")],
        "parties": PARTIES,
    },
    {"town": "t2", "department": "b", "parties": [PARTIES[0] | {"role": "respondent"}]},
    {"town": "t1", "department": "b", "parties": [PARTIES[0] | {"role": "respondent"}]},
)


@pytest.fixture(scope="module")
def edition():
    made = given(*CASES)
    made._connection.execute("UPDATE steps SET note = '联系张测甲' WHERE kind = 'dispatch'")
    return made


def file_of(edition, grant=MASKED, code="c00001", as_of=None):
    found = case_file(edition, code, grant, as_of)
    assert found is not None
    return found


def test_a_file_says_in_words_what_is_known_of_a_case(edition):
    found = file_of(edition)
    assert found.case["town"] == "一镇" and found.case["grid"] == "一格"
    assert found.case["risk"] == "红" and found.case["outcome"] == "化解成功"
    assert found.case["accepted_at"] == "2026-11-02 00:00"
    assert found.case["category"] is None
    assert found.values["risk"] == "red" and found.values["town"] == "t1"
    assert (found.lamp, found.due_at) == ("red", datetime(2026, 11, 4))
    assert [step.kind_name for step in found.steps][-2:] == ["派遣", "办结"]
    assert [(each.done_at, each.result) for each in found.follow_ups] == [
        (datetime(2026, 11, 7), "平稳")
    ]
    assert [each.satisfaction for each in found.evaluations] == ["基本满意"]


def test_a_site_calls_things_by_its_own_words():
    labels = {"handling_level": {"county": "县中心"}, "step": {"close": "销号"}}
    site = SITE.model_copy(update={"labels": labels})
    found = file_of(given({"handling_level": "county", "closed_at": "2026-11-05"}, site=site))
    assert found.case["handling_level"] == "县中心"
    assert [step.kind_name for step in found.steps] == ["登记", "受理", "销号"]


def test_people_are_masked_in_every_part(edition):
    found = file_of(edition)
    assert found.case["title"] == "张＊＊投诉"
    assert found.case["summary"] == "张＊＊（199＊＊＊＊1234）说＊＊＊被打"
    assert found.case["place_text"] == "一镇甲村＊＊＊"
    assert found.case["extra"] == COVERED
    assert "联系张＊＊" in [step.note for step in found.steps]
    first, victim = found.parties
    assert (first.role, first.name, first.phone) == ("申请人", "张＊＊", "199＊＊＊＊1234")
    assert first.id_number == "000＊＊＊＊＊＊＊＊＊＊＊＊＊00"
    assert first.address == "一镇甲村＊＊＊"
    assert (victim.name, victim.phone, victim.address) == (COVERED, COVERED, None)
    assert "title" not in found.values
    assert not any("张测甲" in str(part) or "李测乙" in str(part) for part in vars(found).values())


def test_what_is_covered_is_named_by_its_key_and_can_be_asked_for(edition):
    found = file_of(edition)
    steps = {f"steps.{step.seq}.note" for step in found.steps if step.note}
    people = {f"parties.1.{name}" for name in ("name", "phone", "id_number", "address")}
    people |= {"parties.2.name", "parties.2.phone"}
    assert found.covered == {"title", "summary", "place_text", "extra"} | steps | people
    clear = {key: clear_value(edition, "c00001", key, MASKED) for key in found.covered}
    assert clear["parties.2.name"] == "李测乙" and clear["title"] == "张测甲投诉"
    assert clear["extra"] == '{"备注":"李测乙"}'
    assert {clear[key] for key in steps} == {"联系张测甲"}
    assert file_of(edition, FULL).covered == frozenset()


def test_a_clear_grant_sees_everything(edition):
    found = file_of(edition, FULL)
    assert found.case["summary"] == CASES[0]["summary"]
    assert [party.name for party in found.parties] == ["张测甲", "李测乙"]


@pytest.mark.parametrize(
    "field",
    [
        *("department", "case_code", "parties.3.name", "parties.0.name", "parties.1.person_key"),
        *(
            "parties.1",
            "steps.1.at",
            "steps.99.note",
            "title; DROP TABLE cases",
            "",
            "parties..name",
        ),
        *("parties.٣.name", "parties.-1.name", "summary.1", "parties.N.name"),
    ],
)
def test_nothing_else_can_be_asked_for(edition, field):
    assert clear_value(edition, "c00001", field, FULL) is None


@pytest.mark.parametrize(
    "code",
    [
        *(
            "",
            "c99999",
            "c00001'",
            "' OR 1=1 --",
            "c00001\x00",
            "\ud800",
            "c" * 5000,
            "%",
            "C00001",
        ),
        "c00001; DROP TABLE cases",
    ],
)
def test_hostile_codes_find_nothing(edition, code):
    assert case_file(edition, code, FULL) is None
    assert clear_value(edition, code, "title", FULL) is None
    assert case_file(edition, "c00001", FULL) is not None


@pytest.mark.parametrize(
    "grant",
    [
        Grant((("town", "t2"),), None),
        Grant((("town", "-"),), None),
        Grant(None, ("a",)),  # it has gone to another department
        Grant(None, ()),
        Grant(),
        Grant.wall(),
    ],
)
def test_outside_the_grant_there_is_no_such_case(edition, grant):
    assert case_file(edition, "c00001", grant) is None
    assert clear_value(edition, "c00001", "title", grant) is None


def test_the_same_person_is_linked_within_the_grant_only(edition):
    assert [p.elsewhere for p in file_of(edition).parties] == [("c00002", "c00003"), ()]
    assert [p.elsewhere for p in file_of(edition, OF_T1).parties] == [("c00003",), ()]


def test_a_file_of_the_past_knows_nothing_of_later(edition):
    then = file_of(edition, as_of=datetime(2026, 11, 4, 12))
    assert then.case["closed_at"] is None and then.case["outcome"] is None
    assert [step.kind for step in then.steps][-1] == "dispatch"
    assert then.evaluations == () and then.follow_ups[0].done_at is None
    assert case_file(edition, "c00001", MASKED, datetime(2026, 10, 1)) is None
    with pytest.raises(ScopeError):
        case_file(edition, "c00001", MASKED, datetime(2027, 1, 1))


def test_of_days_and_months_no_clock_is_shown():
    day, month = given({"precision": "day"}, {"precision": "month"}), "c00002"
    assert file_of(day).case["accepted_at"] == "2026-11-02"
    assert file_of(day, code=month).case["accepted_at"] == "2026-11"


def test_a_field_has_a_name_for_the_audit():
    assert field_label("summary") == "内容"
    assert field_label("parties.2.phone") == "当事人 2 联系电话"
    assert field_label("steps.3.note") == "流转 3 流转说明"
    with pytest.raises(KeyError):
        field_label("parties.2.person_key")
