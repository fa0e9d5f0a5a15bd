"""What a change of the declaration leaves in the audit."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from access.audit import Audit
from access.operations import Operations
from etl.commands import app
from tests.etl.village import MATTERS, SITE, Village, matter, table, village, written

OTHER = MATTERS.replace('title = "事项"', 'title = "另一些"').replace("matters/", "others/")


@pytest.fixture
def loaded(tmp_path: Path) -> Village:
    made = village(tmp_path)
    made.deliver("matters/1.csv", table(matter(1)))
    load(made)
    return made


def load(made: Village) -> str:
    options = ["--home", str(made.home), "--site", str(made.site), "--input", str(made.input)]
    done = CliRunner().invoke(app, ["run", *options])
    assert done.exit_code == 0, done.output
    return done.output


def noted(made: Village) -> list[tuple[str, dict]]:
    operations = Operations(made.home)
    entries = [kept.entry for kept in Audit(operations).entries(action="settings")]
    operations.close()
    return [(each.actor, json.loads(each.detail)) for each in entries]


def test_the_first_declaration_and_new_data_change_no_settings(loaded: Village):
    loaded.deliver("matters/2.csv", table(matter(2)))
    load(loaded)
    assert noted(loaded) == []


def test_what_was_changed_of_the_site_is_named_once(loaded: Village):
    written(loaded.site / "site.toml", "closure_target = 0.9\n" + SITE.replace("小村", "大村"))
    load(loaded)
    load(loaded)
    told = {"edition": 2, "changed": "title、closure_target"}
    assert [(actor, detail) for actor, detail in noted(loaded)] == [("console", told)]


def test_sources_that_come_change_or_go_are_named(loaded: Village):
    loaded.declare(MATTERS.replace('title = "事项"', 'title = "各事项"'))
    load(loaded)
    written(loaded.site / "sources" / "others.toml", OTHER)
    loaded.deliver("others/1.csv", table(matter(9)))
    load(loaded)
    (loaded.site / "sources" / "others.toml").unlink()
    loaded.deliver("matters/3.csv", table(matter(3)))
    load(loaded)
    changes = [detail["changed"] for _, detail in noted(loaded)]
    assert changes == ["sources/others", "sources/others", "sources/matters"]


def test_data_are_published_though_the_audit_is_away(loaded: Village, monkeypatch):
    monkeypatch.setenv("ZHINAO_OPERATIONS", "postgresql://nobody@127.0.0.1:1/none")
    written(loaded.site / "site.toml", SITE.replace("小村", "大村"))
    assert "未能记入审计" in load(loaded)
    monkeypatch.delenv("ZHINAO_OPERATIONS")
    assert noted(loaded) == []
