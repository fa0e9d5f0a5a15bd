"""A worked example that is wrong says what the row really becomes."""

import pytest

from data.site import load_site
from etl.examples import ExampleFailed, check_example, outcome
from etl.source import Example, load_sources
from tests.etl.village import MATTERS, NOW, Village


@pytest.fixture
def check(village: Village):
    site = load_site(village.site)
    village.declare(MATTERS.replace("key =", "where = \"title <> 'x' OR title IS NULL\"\nkey ="))
    source = load_sources(village.site, site)["matters"]

    def checked(**example):
        check_example(source, site, Example.model_validate(example), NOW)

    checked.outcome = lambda raw: outcome(source, site, raw, NOW)
    return checked


RAW = {"id": 7, "reported": "2026-11-05 08:30", "dept": "公安局", "x": "110.5", "y": None}


def test_an_example_that_holds_says_nothing(check):
    check(raw=RAW, row={"department": "police", "lon": 110.5, "lat": "", "title": ""})
    check(raw=RAW, row={"reported_at": "2026-11-05 08:30:00", "_key": "7"})
    check(raw={**RAW, "dept": "外星局"}, rejected="department：外星局")
    check(raw={**RAW, "title": "x"}, rejected="where 未选中")


@pytest.mark.parametrize(
    ("example", "reason"),
    [
        ({"raw": RAW, "row": {"department": "court"}}, "department 应为 'court'，实为 'police'"),
        ({"raw": RAW, "row": {"departmant": "police"}}, "departmant 应为 'police'，实为 None"),
        ({"raw": RAW, "row": {"lon": 110.6}}, "lon 应为 110.6，实为 110.5"),
        ({"raw": RAW, "rejected": "department"}, "应被拒（department），实为 {"),
        ({"raw": {**RAW, "id": ""}, "row": {}}, "应被接受，实被拒（缺少主键 id）"),
        ({"raw": {**RAW, "id": ""}, "rejected": "时间"}, "应被拒（时间），实为 缺少主键 id"),
    ],
)
def test_an_example_that_does_not_hold_says_what_does(check, example, reason):
    with pytest.raises(ExampleFailed) as caught:
        check(**example)
    assert str(caught.value).startswith("sources/matters.toml：example {") and reason in str(
        caught.value
    )


def test_an_example_has_one_result():
    for wrong in ({"raw": {}}, {"raw": {}, "row": {}, "rejected": "x"}):
        with pytest.raises(ValueError, match="row 与 rejected 必须且只能写一个"):
            Example.model_validate(wrong)
