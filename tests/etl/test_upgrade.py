"""After the program was changed for a newer one, the next run takes the data along."""

import duckdb
import pytest
from typer.testing import CliRunner

from data.editions.edition import SCHEMA_VERSION, EditionError, EditionOutdated
from data.editions.store import EditionStore
from etl.check import check
from etl.commands import app
from etl.run import run
from tests.data.editions.test_upgrading import OLDER
from tests.etl.village import MATTERS, SITE, Village, matter, table, village


@pytest.fixture
def centre(tmp_path) -> Village:
    """Two deliveries, of which the first is no longer there, in an edition of an older program."""
    made = village(tmp_path)
    made.deliver("matters/1.csv", table(matter(1, x=110.5, y=30.5), matter(2, dept="法院")))
    made.run()
    made.deliver("matters/2.csv", table(matter(3, closed="2026-11-02 09:00:00")))
    made.run()
    (made.input / "matters" / "1.csv").unlink()
    return made


def made_older(made: Village, number: int = 2) -> None:
    with duckdb.connect(str(made.home / "editions" / f"{number}.duckdb")) as connection:
        views = "SELECT view_name FROM duckdb_views() WHERE NOT internal"
        for (view,) in connection.execute(views).fetchall():
            connection.execute(f"DROP VIEW {view}")
        for statement in OLDER:
            connection.execute(statement.format(older=int(SCHEMA_VERSION) - 1))


def test_an_older_edition_is_not_served_and_the_next_run_takes_its_data_along(centre: Village):
    state = centre.state()
    made_older(centre)
    with pytest.raises(EditionOutdated, match="下一次装载"):
        centre.rows("SELECT 1")
    report = centre.run()
    assert report.edition == 3
    assert centre.rows("SELECT count(*) FROM cases") == [(3,)]
    assert centre.state() == state
    assert check(centre.home)[2] == []
    assert report.balances == []  # nothing was read a second time
    assert centre.run().edition is None  # and that is done once


def test_what_is_delivered_at_the_same_time_is_loaded_with_it(centre: Village):
    made_older(centre)
    centre.deliver("matters/3.csv", table(matter(4)))
    assert centre.run().edition == 3
    assert centre.rows("SELECT count(*) FROM cases") == [(4,)]
    assert check(centre.home)[2] == []


def test_a_site_that_changes_with_the_program_is_followed(centre: Village):
    made_older(centre)
    (centre.site / "site.toml").write_text(SITE.replace('name = "镇"', 'name = "街道"'))
    centre.declare(MATTERS.replace('title = "title"', 'summary = "title"'))
    assert centre.run().edition == 3
    assert centre.rows("SELECT count(*) FROM cases") == [(3,)]


def test_the_older_edition_of_another_site_is_refused(centre: Village, tmp_path):
    made_older(centre)
    other = village(tmp_path / "other", SITE.replace('"village"', '"elsewhere"'))
    with pytest.raises(EditionError, match="属于站点 village"):
        run(other.origin, centre.home)
    assert EditionStore(centre.home).current() == 2


def test_older_editions_are_listed_with_what_they_are(centre: Village):
    made_older(centre, 1)
    listed = CliRunner().invoke(app, ["editions", "list", "--home", str(centre.home)])
    assert listed.exit_code == 0
    first, second = listed.output.strip("\n").split("\n")
    assert "表结构为" in first and second.startswith("*  2  发布")
