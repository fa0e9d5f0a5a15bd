"""The README is complete and true: it names every key, and its example of a site can be loaded."""

import re
from datetime import datetime
from pathlib import Path

import pytest

from data.built_in_dimensions import BUILT_IN
from data.codes import codes
from data.editions.store import EditionStore
from data.indicators import INDICATORS
from data.measure import measure
from data.scope import Grant, Scope
from data.site import CodeRow, ColumnDimension, Day, Layer, MapView, RiskRule, Site, TimeLimit
from etl import readers
from etl.origin import Origin
from etl.readers.base import ReaderOptions
from etl.run import run
from etl.source import DATE_WORDS, FIELDS, UNITS, Asserts, Column, Example, Source

ROOT = Path(__file__).parent.parent.parent
NOW = datetime(2026, 11, 10)
DECLARED = (Site, Layer, ColumnDimension, RiskRule, MapView, CodeRow, TimeLimit, Day)
DECLARED += (Source, Column, Asserts, Example, ReaderOptions)
LISTS = ("channel", "kind", "risk", "status", "outcome", "scale", "step", "signal")
NOT_WRITTEN = {("Source", "name")}  # the file's name
HOTLINE = """工单编号,承办单位,来电时间,办结时间,更新时间,经度,纬度
R1,公安局,2026-11-02 08:00:00,,2026-11-02 08:00:00,113.1055,28.3470
R2,法院,2026-11-02 09:00:00,2026-11-03 09:00:00,2026-11-03 09:00:00,113.1055,28.2470
"""
FLOW = "流转编号,工单编号,环节,操作时间,承办单位,新的时限\nL1,R1,转派,2026-11-04 10:00:00,法院,\n"


@pytest.fixture(params=["README.md", "README.zh-CN.md"])
def text(request: pytest.FixtureRequest) -> str:
    return (ROOT / request.param).read_text(encoding="utf-8")


def test_every_key_of_a_declaration_is_explained(text: str) -> None:
    keys = {
        (model.__name__, field.alias or name)
        for model in DECLARED
        for name, field in model.model_fields.items()
    }
    assert sorted(key for key in keys - NOT_WRITTEN if not _is_named(text, key[1])) == []


def test_every_field_code_reader_and_word_is_named(text: str) -> None:
    names = {name for fields in FIELDS.values() for name in fields} | set(readers.names())
    names |= {*DATE_WORDS, *UNITS} | set(BUILT_IN) | set(INDICATORS)
    names |= {code for name in LISTS for code in codes(name)}
    assert sorted(name for name in names if not _is_named(text, name)) == []


def test_the_site_of_the_readme_can_be_loaded(text: str, tmp_path: Path) -> None:
    site = _written(text, tmp_path / "site")
    inbox = tmp_path / "home" / "inbox"
    for name, content in {"hotline": HOTLINE, "flow": FLOW}.items():
        (inbox / name).mkdir(parents=True)
        (inbox / name / "1.csv").write_text(content, encoding="utf-8")
    report = run(Origin(site, inbox), tmp_path / "home", now=NOW)
    assert report.is_good
    assert {name: report.totals(name)["loaded"] for name in ("hotline", "flow_hotline")} == {
        "hotline": 2,
        "flow_hotline": 1,
    }
    with EditionStore(tmp_path / "home").reading() as edition:
        frame = measure(edition, "accepted", ["town", "department"], Scope(), Grant.full())
    # R1 lies in the north and was handed to the court by its step
    rows = frame[["town", "department", "numerator"]].itertuples(index=False, name=None)
    assert sorted(rows) == [("N", "court", 1), ("S", "court", 1)]


def _is_named(text: str, name: str) -> bool:
    return re.search(rf"(?<![A-Za-z0-9_]){re.escape(name)}(?![A-Za-z0-9_])", text) is not None


def _written(text: str, folder: Path) -> Path:
    """The site that the README shows, block by block, with two departments."""
    blocks = dict.fromkeys(re.findall(r"```(?:toml|json)\n(.*?)```", text, re.S))
    for block in blocks:
        first = block.splitlines()[0]
        if found := re.fullmatch(r"# (?:sites/mycentre/)?(\S+\.toml)", first):
            _write(folder / found.group(1), block)
        elif first.startswith("[[risk]]"):
            with open(folder / "site.toml", "a", encoding="utf-8") as declaration:
                declaration.write(block)
        else:
            _write(folder / "layers" / "towns.geojson", block)
    limits = re.search(r"^    category,department,risk.*?(?=^\S|\Z)", text, re.S | re.M)
    assert limits
    _write(folder / "time_limits.csv", re.sub(r"^ {4}", "", limits.group(), flags=re.M).strip())
    _write(folder / "departments.csv", "code,name\npolice,公安局\ncourt,法院\n")
    return folder


def _write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
