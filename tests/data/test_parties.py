"""The parties of cases, and who of them is hidden wholly."""

from datetime import date, datetime

import pytest

from data.masking import COVERED
from data.parties import Party, People, people_of
from tests.data.given import given

DAY = date(2026, 11, 2)


def party(**values) -> Party:
    empty = {"role": "party", "name": "张测甲", "phone": None, "id_number": None, "address": None}
    return Party(**{"number": 1, "is_minor": False, "person_key": None, **empty, **values})


@pytest.mark.parametrize(
    ("values", "hidden"),
    [
        ({}, False),
        ({"role": "victim"}, True),
        ({"is_minor": True}, True),
        ({"id_number": "000000201001010000"}, True),
        ({"id_number": "000000198001010000"}, False),
    ],
)
def test_children_and_victims_are_hidden(values, hidden):
    one = party(**values)
    assert one.is_hidden(DAY) == hidden
    assert one.shown("name", DAY) == (COVERED if hidden else "张＊＊")
    assert one.shown("phone", DAY) is None
    assert People((one,), DAY).masked("张测甲说") == (f"{COVERED}说" if hidden else "张＊＊说")


def test_parties_are_numbered_in_their_own_order_and_without_the_withdrawn():
    rows = [
        {"seq": 2, "name": "李测乙"},
        {"seq": None, "name": "王测丙"},
        {"seq": 1, "name": "张测甲", "withdrawn_at": datetime(2026, 11, 3)},
        {"seq": 1, "name": "赵测丁"},
    ]
    found = people_of(given({"parties": rows}, {}), [("c00001", DAY_TIME), ("c00002", None)])
    assert [(p.number, p.name) for p in found["c00001"].parties] == [
        (1, "赵测丁"),
        (2, "李测乙"),
        (3, "王测丙"),
    ]
    assert found["c00001"].on == DAY and "c00002" not in found
    assert found["c00001"].masked("张测甲和李测乙") == "张＊＊和李＊＊"  # texts name them still
    assert people_of(given({}), []) == {}


DAY_TIME = datetime(2026, 11, 2, 8)
