"""The code lists say the same as the rules, and every code has a name."""

import re

import pytest

from data.codes import codes, label, names
from rules import deadlines, risk, status


@pytest.mark.parametrize("name", names())
def test_every_list_has_unique_codes_and_unique_labels(name):
    rows = codes(name)
    labels = [row["label"] for row in rows.values()]
    assert rows
    assert "-" not in rows
    assert all(labels)
    assert len(set(labels)) == len(labels)
    assert all(None not in row and None not in row.values() for row in rows.values())
    assert all(cell == cell.strip() for row in rows.values() for cell in row.values())


def test_no_value_is_called_unclassified_and_an_unknown_code_is_not_hidden():
    assert [label("risk", code) for code in ("-", "", None, float("nan"))] == ["未分类"] * 4
    assert label("risk", "red") == "红"
    assert label("risk", "purple") == "未知代码 purple"
    with pytest.raises(KeyError, match="没有代码表 weather"):
        codes("weather")


def test_a_list_cannot_be_changed_by_its_readers():
    with pytest.raises(TypeError):
        codes("risk")["red"]["label"] = "绿"  # type: ignore[index]


def test_the_channels_are_01_to_15():
    assert list(codes("channel")) == [f"{n:02}" for n in range(1, 16)]
    assert label("channel", "05") == "12345热线"


def test_the_statuses_are_those_of_the_machine():
    rows = codes("status")
    assert [int(code) for code in rows] == [int(s) for s in status.Status]
    for code, row in rows.items():
        state = status.Status(int(code))
        assert row["is_open"] == str(int(status.is_open(state)))
        assert row["is_closed"] == str(int(status.is_closed(state)))
        assert row["stage"] == status.flow_stage(state)


def test_steps_stages_and_outcomes_are_those_of_the_machine():
    assert set(codes("step")) == set(status.KINDS)
    stages = {code: row["label"] for code, row in codes("stage").items()}
    assert stages == {stage.key: stage.name for stage in status.FLOW}
    outcomes = {code: int(row["status"]) for code, row in codes("outcome").items()}
    assert outcomes == {code: int(s) for code, s in status.OUTCOMES.items()}


def test_risks_lamps_and_levels_are_those_of_the_rules():
    assert tuple(codes("risk")) == risk.RISKS
    assert tuple(codes("handling_level")) == risk.HANDLING_LEVELS
    assert set(codes("lamp")) == set(deadlines.LAMPS)
    lamps = sorted(codes("lamp"), key=lambda code: int(codes("lamp")[code]["rank"]))
    assert tuple(lamps) == deadlines.LAMPS


def test_each_risk_has_its_own_shape_and_colour():
    rows = list(codes("risk").values())
    assert [row["shape"] for row in rows[:4]] == ["triangle", "diamond", "circle", "square"]
    assert len({row["colour"] for row in rows}) == len({row["shape"] for row in rows}) == 5
    assert all(re.fullmatch("#[0-9A-F]{6}", row["colour"]) for row in rows)
    assert [int(row["rank"]) for row in rows] == [4, 3, 2, 1, 0]


def test_signals_follow_the_severities_of_cap():
    severities = [row["severity"] for row in codes("signal").values()]
    assert severities == ["Extreme", "Severe", "Moderate", "Minor"]


def test_every_dispute_can_be_reported_in_either_list():
    modern, statutory = codes("dispute_category"), codes("statutory_category")
    assert (len(modern), len(statutory)) == (17, 19)
    assert all(row["statutory"] in statutory for row in modern.values())
    assert all(row["modern"] in modern for row in statutory.values())
    assert statutory[modern["07"]["statutory"]]["label"] == "劳资"
    assert modern[statutory["18"]["modern"]]["label"] == "侵权相关"


def test_every_modern_category_that_a_row_names_its_own_comes_back():
    modern, statutory = codes("dispute_category"), codes("statutory_category")
    back = {code: statutory[row["statutory"]]["modern"] for code, row in modern.items()}
    merged = {code for code, other in back.items() if code != other}
    assert merged == {"02", "03", "05", "08", "10", "12"}  # counted under a wider row
