"""What is not a case goes the same way: identity, versions, quarantine, withdrawal, one state."""

import itertools

import pytest

from etl.check import check
from tests.etl.village import MATTERS, Village, code_of, matter, table
from tests.etl.village import village as built

FOLLOW_UPS = """
title = "回访"
target = "follow_ups"
files = ["follow_ups/*.csv"]
key = ["no"]
delivery = "changes"
updated_at = "u"

[columns]
case = "id"
case_source = "system"
due_at = { from = "due", date = "iso" }
done_at = { from = "done", date = "iso" }
way = "way"
result = "result"

[lookups.case_source]
"事项系统" = "matters"
"来访系统" = "visits"
"""
EVALUATIONS = """
title = "评价"
target = "evaluations"
of = "matters"
files = ["evaluations/*.csv"]
key = ["no"]
delivery = "append"

[columns]
case = "id"
at = { from = "at", date = "iso" }
satisfaction = "said"
"""
DUTY = """
title = "值班表"
target = "duty"
files = ["duty/*.csv"]
key = "none"
delivery = "changes"

[columns]
begins_at = { from = "from", date = "iso" }
ends_at = { from = "to", date = "iso" }
post = "post"
holder = "holder"
"""
WORKERS = """
title = "网格员位置"
target = "grid_workers"
files = ["workers/*.csv"]
key = ["no"]
delivery = "changes"
updated_at = "at"

[columns]
title = "title"
department = { from = "dept", lookup = "department" }
duty_state = "state"
at = { from = "at", date = "iso" }
lon = "x"
lat = "y"
"""
RESOURCES = """
title = "资源"
target = "resources"
files = ["resources/*.csv"]
key = ["no"]
delivery = "snapshot"
sequence = "name"

[columns]
kind = "kind"
name = "name"
lon = "x"
lat = "y"
"""
DECLARED = {
    "follow_ups": FOLLOW_UPS,
    "evaluations": EVALUATIONS,
    "duty": DUTY,
    "grid_workers": WORKERS,
    "resources": RESOURCES,
}
FILES = {
    "matters/a.csv": table(matter(1), matter(2)),
    "visits/a.csv": table(matter(1)),
    "follow_ups/1.csv": table(
        {"no": 1, "id": 1, "system": "事项系统", "due": "2026-11-08", "u": "2026-11-08"},
        {"no": 2, "id": 1, "system": "来访系统", "due": "2026-11-09", "u": "2026-11-09"},
        {"no": 3, "id": 2, "system": "外星系统", "due": "2026-11-09", "u": "2026-11-09"},
        {"no": 4, "id": "", "system": "事项系统", "due": "2026-11-09", "u": "2026-11-09"},
    ),
    "follow_ups/2.csv": table(
        {"no": 1, "id": 1, "system": "事项系统", "due": "2026-11-08", "u": "2026-11-09"}
        | {"done": "2026-11-08 10:00", "way": "电话回访", "result": "平稳"},
    ),
    "evaluations/1.csv": table(
        {"no": 1, "id": 1, "at": "2026-11-06", "said": "满意"},
        {"no": 2, "id": 1, "at": "2026-11-06", "said": "-"},
    ),
    "duty/1.csv": table(
        {"from": "2026-11-09 08:00", "to": "2026-11-10 08:00", "post": "值班长", "holder": "甲"}
        | {"phone": "13800000000"},
    ),
    "workers/1.csv": table(
        {"no": 1, "title": "网格员 1号", "dept": "公安局", "state": "在岗", "x": 110.5, "y": 30.5}
        | {"at": "2026-11-09 08:00"},
        {"no": 2, "title": "网格员 2号", "state": "off", "x": 0, "y": 0, "at": "2026-11-09"},
    ),
    "workers/2.csv": table(
        {"no": 1, "title": "网格员 1号", "dept": "公安局", "state": "在岗", "x": 111.5, "y": 31.5}
        | {"at": "2026-11-09 09:00"},
    ),
    "resources/20261101.csv": table(
        {"no": 1, "kind": "摄像头", "name": "路口", "x": 110.5, "y": 30.5},
        {"no": 2, "kind": "team", "name": "一队", "x": 111.5, "y": 30.5},
        {"no": 3, "kind": "team", "name": "", "x": 111.5, "y": 30.5},
    ),
    "resources/20261102.csv": table(
        {"no": 1, "kind": "摄像头", "name": "路口", "x": 110.5, "y": 30.5},
    ),
}


def county(root) -> Village:
    village = built(root)
    village.declare(MATTERS.replace("matters/", "visits/"), "visits")
    for name, text in DECLARED.items():
        village.declare("max_bad_share = 1\n" + text, name)
    return village


@pytest.fixture(scope="module")
def loaded(tmp_path_factory) -> Village:
    village = county(tmp_path_factory.mktemp("all"))
    for name, text in FILES.items():
        village.deliver(name, text)
    village.run()
    return village


def test_all_holds_and_every_row_has_a_fate(loaded):
    assert check(loaded.home)[2] == []
    rows = loaded.rows(
        "SELECT source, sum(rows_in)::INT, sum(loaded)::INT, sum(stale)::INT,"
        " sum(quarantined)::INT FROM batches GROUP BY ALL ORDER BY ALL"
    )
    assert rows == [
        ("duty", 1, 1, 0, 0),
        ("evaluations", 2, 1, 0, 1),
        ("follow_ups", 5, 2, 1, 2),
        ("grid_workers", 3, 2, 1, 0),
        ("matters", 2, 2, 0, 0),
        ("resources", 4, 2, 0, 1),
        ("visits", 1, 1, 0, 0),
    ]


def test_a_row_finds_its_case_in_the_source_that_it_names(loaded):
    rows = loaded.rows("SELECT source_key, case_code, way, result FROM follow_ups ORDER BY 1")
    assert rows == [
        ("1", code_of("1"), "phone", "stable"),
        ("2", code_of("1", "visits"), None, None),
    ]
    assert loaded.rows("SELECT case_code, satisfaction FROM evaluations") == [
        (code_of("1"), "satisfied")
    ]


def test_what_a_row_cannot_be_without_puts_it_aside(loaded):
    rows = loaded.rows("SELECT source, line, code, reason FROM quarantine WHERE kind = 'row'")
    assert sorted(rows) == [
        ("evaluations", 3, "unknown_value", "satisfaction：-"),
        ("follow_ups", 4, "unknown_value", "case_source：外星系统"),
        ("follow_ups", 5, "missing_value", "缺少 case"),
        ("resources", 4, "missing_value", "缺少 name"),
    ]


def test_the_newest_position_counts_and_lies_in_its_grid(loaded):
    rows = loaded.rows(
        "SELECT title, duty_state, department, grid, town, point_quality, is_located"
        " FROM grid_workers ORDER BY title"
    )
    assert rows == [
        ("网格员 1号", "on", "police", "g4", "east", "ok", True),
        ("网格员 2号", "off", None, None, None, "zero", False),
    ]


def test_what_a_snapshot_no_longer_has_is_withdrawn(loaded):
    rows = loaded.rows("SELECT name, kind, withdrawn_at IS NULL FROM resources ORDER BY name")
    assert rows == [("一队", "team", False), ("路口", "camera", True)]


def test_what_a_roster_holds_beside_is_named_and_not_stored(loaded):
    assert loaded.rows("SELECT post, holder FROM duty") == [("值班长", "甲")]
    assert loaded.rows("SELECT new_columns FROM sources WHERE source = 'duty'") == [('["phone"]',)]
    assert not any("13800000000" in str(row) for row in loaded.rows("FROM duty"))


def test_a_plan_is_no_event_and_does_not_move_the_data_time(loaded):
    with loaded.edition() as edition:
        assert str(edition.data_time) == "2026-11-09 09:00:00"
    times = dict(loaded.rows("SELECT source, last_data_at::VARCHAR FROM sources"))
    assert (times["duty"], times["resources"]) == (None, None)
    assert times["follow_ups"] == "2026-11-08 10:00:00"


def test_any_order_of_deliveries_leads_to_one_state(loaded, tmp_path):
    names = list(FILES)
    for number, shift in enumerate((4, 9)):
        village = county(tmp_path / str(number))
        for name in itertools.islice(itertools.cycle(reversed(names)), shift, shift + len(names)):
            village.deliver(name, FILES[name])
            village.run()
        assert village.run().edition is None
        assert village.state() == loaded.state()


def test_a_step_without_its_case_is_put_aside(village):
    village.declare(
        'title = "流转"\ntarget = "handlings"\nof = "matters"\nfiles = ["steps/*.csv"]\n'
        'key = ["no"]\ndelivery = "append"\n'
        'columns = { case = "id", kind = "kind", at = { from = "at", date = "iso" } }',
        "steps",
    )
    village.deliver("steps/a.csv", table({"no": 1, "id": "", "kind": "转派", "at": "2026-11-02"}))
    assert village.run().totals("steps")["quarantined"] == 1
    assert village.rows("SELECT reason FROM quarantine") == [("缺少 case",)]
