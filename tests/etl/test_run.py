"""A run publishes what is new, once; what is wrong in one source does not hold up the others."""

import errno
import gzip
import io
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta

import pytest

from data.declaration import DeclarationError
from data.editions.edition import EditionError
from data.editions.store import EditionStore
from data.runs import RunLog
from etl.check import check
from etl.derive import derive
from etl.hostile import FileError, expand
from etl.members import _Guarded, unpack
from etl.origin import recorded
from tests.etl.village import (
    CATEGORIES,
    MATTERS,
    NOW,
    SITE,
    Village,
    code_of,
    matter,
    squares,
    table,
)
from tests.etl.village import village as built

SECOND = MATTERS.replace("matters/*", "more/*")
KEYLESS = MATTERS.replace('["id"]', '"none"').replace("*.csv", "*.zip")
SNAPSHOT = MATTERS.replace('"changes"', '"snapshot"\nsequence = "name"').replace(
    'updated_at = "updated"', ""
)

DATABASE = """
title = "事项"
reader = "sql"
key = ["id"]
delivery = "snapshot"
sequence = "fetched"

[options]
url = "sqlite:///{input}/desk.db"
query = "select * from matter"

[columns]
reported_at = { from = "reported", date = "iso" }
"""


def packed(**members: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(f"{name}.csv"), content)
    return buffer.getvalue()


def sources(village: Village) -> dict[str, str]:
    return {source.source: source.state for source in RunLog(village.home).sources()}


def test_a_run_publishes_once_and_then_only_looks(village):
    village.deliver("matters/a.csv", table(matter(1), matter(2)))
    first = village.run()
    assert (first.edition, first.totals()["loaded"], first.is_good) == (1, 2, True)
    second = village.run()
    assert (second.edition, second.balances) == (None, [])
    assert EditionStore(village.home).numbers() == [1]
    runs = RunLog(village.home).runs()
    assert [run.result for run in runs] == ["unchanged", "published"]
    assert sources(village) == {"matters": "ok"}
    assert check(village.home)[2] == []


def test_a_file_that_says_nothing_new_is_read_once_and_publishes_nothing(village):
    village.deliver("matters/a.csv", table(matter(1)))
    village.run()
    village.deliver("matters/copy.csv", table(matter(1)))
    report = village.run()
    assert (report.edition, report.totals()["unchanged"]) == (None, 1)
    assert village.run().balances == []
    village.deliver("matters/b.csv", table(matter(2)))
    assert village.run().edition == 2
    assert village.run().balances == []


def test_the_order_of_files_and_the_number_of_runs_leave_no_trace(tmp_path):
    files = {
        "matters/a.csv": table(matter(1, title="a"), matter(2)),
        "matters/b.csv": table(
            matter(1, title="b", updated="2026-11-02"), matter(3, dept="外星局")
        ),
        "matters/c.csv": table(matter(2, closed="2026-11-03", updated="2026-11-04")),
    }
    one, other = built(tmp_path / "one"), built(tmp_path / "other")
    for name, content in files.items():
        one.deliver(name, content)
    one.run()
    for name in reversed(files):
        other.deliver(name, files[name])
        other.run()
    assert one.state() == other.state()


def test_a_snapshot_without_a_row_is_news(tmp_path):
    village = built(tmp_path, source=SNAPSHOT)
    village.deliver("matters/x_20261101.csv", table(matter(1), matter(2)))
    village.run()
    village.deliver("matters/x_20261102.csv", table(matter(1)))
    assert village.run().edition == 2
    rows = village.rows("SELECT source_key, withdrawn_at FROM cases WHERE withdrawn_at IS NOT NULL")
    assert [(key, str(at)) for key, at in rows] == [("2", "2026-11-02 00:00:00")]


def test_the_same_snapshot_of_a_later_day_leaves_the_same_state_as_both_at_once(tmp_path):
    one, other = built(tmp_path / "a", source=SNAPSHOT), built(tmp_path / "b", source=SNAPSHOT)
    for day in (1, 2):
        for village in (one, other):
            village.deliver(f"matters/x_2026110{day}.csv", table(matter(1)))
        one.run()
    other.run()
    assert one.state() == other.state()


def test_an_empty_snapshot_is_remembered_though_it_changes_no_row(tmp_path):
    one, other = built(tmp_path / "a", source=SNAPSHOT), built(tmp_path / "b", source=SNAPSHOT)
    one.run()
    files = {"x_20261105": table(matter(1)).splitlines()[0], "x_20261103": table(matter(1))}
    for name, content in files.items():
        for village in (one, other):
            village.deliver(f"matters/{name}.csv", content)
        assert one.run().edition
    other.run()
    assert one.state() == other.state()
    withdrawn = one.rows("SELECT withdrawn_at::DATE::VARCHAR FROM cases")
    assert withdrawn == [("2026-11-05",)]


def test_a_row_that_a_database_no_longer_has_stays_withdrawn_since_then(tmp_path):
    village = built(tmp_path, source=DATABASE)
    with closing(sqlite3.connect(village.input / "desk.db")) as desk, desk:
        desk.execute("CREATE TABLE matter (id, reported)")
        desk.execute("INSERT INTO matter VALUES (1, '2026-11-01'), (2, '2026-11-01')")
        desk.commit()
        village.run(now=NOW)
        for hour, id in enumerate((1, 2), 1):
            desk.execute("DELETE FROM matter WHERE id = ?", [id])
            desk.commit()
            report = village.run(now=NOW + timedelta(hours=hour))
    gone = village.rows("SELECT withdrawn_at FROM cases ORDER BY source_key")
    assert gone == [(NOW + timedelta(hours=1),), (NOW + timedelta(hours=2),)]
    assert (report.totals()["rows_in"], report.totals()["quarantined"]) == (0, 0)


def test_a_bad_row_that_is_gone_is_put_aside_no_more(village):
    village.deliver("matters/a.csv", table(matter(1), matter(2, dept="外星局")))
    village.run()
    village.deliver("matters/a.csv", table(matter(1)))
    assert village.run().edition == 2
    assert village.rows("SELECT count(*) FROM quarantine") == [(0,)]


# What is wrong


def test_a_batch_with_too_many_bad_rows_is_refused_and_the_old_edition_goes_on(village):
    village.declare(SECOND, "more")
    village.deliver("matters/a.csv", table(*(matter(n) for n in range(30))))
    village.run()
    bad = [matter(n, title="新", updated="2026-11-05", dept="外星局") for n in range(7)]
    good = [matter(n, title="新", updated="2026-11-05") for n in range(7, 30)]
    village.deliver("matters/b.csv", table(*bad, *good))
    village.deliver("more/a.csv", table(matter(1)))
    report = village.run()
    assert report.edition == 2 and not report.is_good
    assert report.state("matters") == "refused" and report.state("more") == "ok"
    assert report.reason("matters") == "matters/b.csv：7/30 行有错，超过 20%，整批拒收"
    assert village.rows("SELECT count(*) FROM cases WHERE title = '新'") == [(0,)]
    assert village.rows("SELECT source, count(*) FROM cases GROUP BY ALL ORDER BY 1") == [
        ("matters", 30),
        ("more", 1),
    ]
    assert village.rows("SELECT count(*) FROM quarantine WHERE member = 'matters/b.csv'") == [(7,)]
    assert check(village.home)[2] == []


def test_a_refused_source_stays_refused_until_something_newer_comes(village):
    village.deliver("matters/a.csv", table(matter(0)))
    village.run()
    village.deliver("matters/b.csv", table(*(matter(n, dept="外星局") for n in range(30))))
    village.run()
    before = RunLog(village.home).sources()[0].last_success
    assert village.run().edition is None
    assert sources(village) == {"matters": "refused"}
    found = RunLog(village.home).sources()[0]
    assert found.reason == "matters/b.csv：30/30 行有错，超过 20%，整批拒收"
    assert found.last_success == before
    village.deliver("matters/c.csv", table(matter(2)))
    village.run()
    assert sources(village) == {"matters": "ok"}


class _Broken(io.BytesIO):
    def read(self, _size=-1):
        raise OSError(errno.EIO, "Input/output error")


@contextmanager
def unreadable(monkeypatch: pytest.MonkeyPatch, name: str) -> Iterator[None]:
    """The disk fails where this file is read."""
    whole = _Guarded.readinto

    def faulty(self, buffer):
        if self.label == name:
            self.stream.close()
            self.stream = _Broken()
        return whole(self, buffer)

    with monkeypatch.context() as patch:
        patch.setattr("etl.members._Guarded.readinto", faulty)
        yield


def test_a_file_that_cannot_be_read_this_time_is_tried_again(village, monkeypatch):
    """A fault of the disk says nothing about the delivery: it is not refused for good."""
    village.deliver("matters/a.csv", table(matter(1)))
    village.deliver("matters/b.csv", table(matter(2)))
    with unreadable(monkeypatch, "matters/b.csv"):
        report = village.run()
    assert (report.edition, report.state("matters")) == (1, "failed")
    assert "matters/b.csv：读取失败" in (report.reason("matters") or "")
    assert [b.member for b in report.balances] == ["matters/a.csv"]
    assert village.rows("SELECT source_key FROM cases") == [("1",)]
    assert village.rows("SELECT member FROM members") == [("matters/a.csv",)]
    again = village.run()
    assert (again.edition, again.is_good, again.totals()["loaded"]) == (2, True, 1)


def test_a_changed_declaration_waits_for_a_file_that_cannot_be_read(village, monkeypatch):
    village.deliver("matters/a.csv", table(matter(1, title="a", note="new")))
    village.deliver("matters/b.csv", table(matter(2, title="b", note="new")))
    village.run()
    village.declare(MATTERS.replace('title = "title"', 'title = "note"'))
    with unreadable(monkeypatch, "matters/b.csv"):
        village.run()
    titles = "SELECT source_key, title FROM cases ORDER BY 1"
    assert village.rows(titles) == [("1", "new"), ("2", "b")]
    assert village.run().is_good
    assert village.rows(titles) == [("1", "new"), ("2", "new")]
    assert check(village.home)[2] == []


def test_a_file_that_changes_while_it_is_loaded_is_news_to_the_next_run(village):
    """The hash that is remembered was taken before the file was read, not after."""
    village.deliver("matters/a.csv", table(matter(1)))
    village.run(hash_of=lambda _container: "of the former content")
    noted = village.rows("SELECT content_hash FROM containers")
    assert noted == [("of the former content",)]


def test_a_damaged_archive_is_a_failure_every_time_and_the_rest_is_loaded(tmp_path):
    village = built(tmp_path, source=KEYLESS)
    village.deliver("matters/good.zip", packed(a=table(matter(1))))
    village.deliver("matters/bad.zip", packed(b=table(matter(2)))[:-30])
    for edition in (1, None):
        report = village.run()
        assert (report.edition, report.state("matters")) == (edition, "failed")
        assert "bad.zip" in (report.reason("matters") or "")
    village.deliver("matters/bad.zip", packed(b=table(matter(2))))
    assert village.run().is_good
    assert village.rows("SELECT count(*) FROM cases") == [(2,)]


def test_a_file_that_must_be_there_and_is_not_fails_its_source_only(village):
    village.declare(SECOND.replace("more/*.csv", "more/all.csv"), "more")
    village.deliver("matters/a.csv", table(matter(1)))
    report = village.run()
    assert (report.edition, report.state("matters"), report.state("more")) == (1, "ok", "failed")
    assert report.reason("more") == "more/all.csv：文件不存在"


def test_a_wrong_declaration_is_refused_before_anything_is_touched(village):
    village.deliver("matters/a.csv", table(matter(1)))
    village.run()
    village.declare(MATTERS.replace("key =", "kee ="))
    with pytest.raises(DeclarationError, match="key：缺少这个键；来源主键的列名列表"):
        village.run()
    assert EditionStore(village.home).numbers() == [1]


def test_a_layer_that_is_not_there_stops_the_run(village):
    (village.site / "grids.geojson").unlink()
    with pytest.raises(FileError, match="grids.geojson：图层 grid：文件不存在"):
        village.run()
    assert RunLog(village.home).runs()[0].result == "failed"


def test_a_home_belongs_to_one_site_and_remembers_it(village, tmp_path):
    village.run()
    other = built(tmp_path / "other", SITE.replace('"village"', '"hamlet"'))
    with pytest.raises(EditionError, match="属于站点 village，不能装载站点 hamlet"):
        from etl.run import run

        run(other.origin, village.home)
    assert recorded(village.home).site_folder == village.site
    with pytest.raises(DeclarationError, match="这里还没有装载过数据"):
        recorded(tmp_path / "nowhere")


# What changed beside the data


def test_a_changed_declaration_reads_everything_again(village, tmp_path):
    rows = [matter(n, title=f"t{n}", note=f"n{n}") for n in range(8)]
    village.deliver("matters/a.csv", table(*rows))
    village.run()
    village.declare(MATTERS.replace('title = "title"', 'title = "note"'))
    assert village.run().edition == 2
    fresh = built(tmp_path / "fresh", source=MATTERS.replace('title = "title"', 'title = "note"'))
    fresh.deliver("matters/a.csv", table(*rows))
    fresh.run()
    assert village.state() == fresh.state()
    assert village.rows("SELECT DISTINCT title[1] FROM cases") == [("n",)]


def test_a_changed_declaration_settles_though_a_file_is_gone(village):
    gone = village.deliver("matters/a.csv", table(matter(1)))
    village.deliver("matters/b.csv", table(matter(2)))
    village.run()
    gone.unlink()
    village.declare(MATTERS.replace("事项", "工单"))
    assert village.run().edition == 2
    for name in "cd":
        village.deliver(f"matters/{name}.csv", table(matter(2)))
        assert village.run().edition is None
    village.deliver("matters/e.csv", table(matter(1)))
    assert village.run().edition == 3  # made anew, once
    village.deliver("matters/f.csv", table(matter(1)))
    assert village.run().edition is None


def test_an_older_row_does_not_win_after_the_changed_declaration_refused_the_newer(village):
    village.deliver("matters/a.csv", table(*(matter(n, updated="2026-11-05") for n in (1, 2))))
    village.run()
    village.declare(f"{MATTERS}[assert]\nmax_rows = 1\n")
    assert village.run().state("matters") == "refused"
    village.deliver("matters/b.csv", table(matter(1, title="old", updated="2026-11-01")))
    assert village.run().totals()["stale"] == 1
    assert village.rows("SELECT DISTINCT title, version::DATE::VARCHAR FROM cases") == [
        (None, "2026-11-05")
    ]
    village.deliver("matters/c.csv", table(matter(1, updated="2026-11-05")))
    assert village.run().edition == 3  # by the declaration that is in force
    assert village.rows("SELECT member FROM cases ORDER BY source_key") == [
        ("matters/c.csv",),
        ("matters/a.csv",),
    ]


def test_rows_without_a_key_are_written_anew_too(tmp_path):
    declared = MATTERS.replace('["id"]', '"none"')
    village = built(tmp_path, source=declared)
    village.deliver("matters/a.csv", table(matter(1, dept="法院")))
    village.run()
    village.declare(declared + '[lookups.department]\n"法院" = "police"\n')
    assert village.run().edition == 2
    assert village.rows("SELECT department FROM cases") == [("police",)]


def test_a_source_that_is_no_longer_declared_is_named_and_keeps_its_rows(village):
    village.deliver("matters/a.csv", table(matter(1)))
    village.declare(SECOND, "more")
    village.deliver("more/a.csv", table(matter(2)))
    assert village.run().undeclared == []
    (village.site / "sources" / "more.toml").unlink()
    village.deliver("matters/b.csv", table(matter(3)))
    for edition in (2, None):
        report = village.run()
        assert (report.edition, report.undeclared) == (edition, ["more"])
    assert village.rows("SELECT source_key FROM cases ORDER BY 1") == [("1",), ("2",), ("3",)]


def test_changed_layers_place_every_row_anew(village, tmp_path, monkeypatch):
    monkeypatch.setattr("etl.places.SLICE", 1)
    village.deliver("matters/a.csv", table(matter(1, x=110.5, y=30.5), matter(2, x=111.5, y=31.5)))
    village.run()
    assert village.rows("SELECT grid, town FROM cases ORDER BY source_key") == [
        ("g1", "west"),
        ("g4", "east"),
    ]
    changed = squares({"h1": ("south", 0, 0), "h2": ("north", 0, 1), "h3": ("north", 1, 1)})
    (village.site / "grids.geojson").write_bytes(changed)
    assert village.run().edition == 2
    assert village.rows("SELECT grid, town FROM cases ORDER BY source_key") == [
        ("h1", "south"),
        ("h3", "north"),
    ]
    fresh = built(tmp_path / "fresh")
    (fresh.site / "grids.geojson").write_bytes(changed)
    fresh.deliver("matters/a.csv", (village.input / "matters/a.csv").read_bytes())
    fresh.run()
    assert village.state() == fresh.state()


def test_changed_rules_derive_every_case_anew(village, tmp_path):
    village.declare(MATTERS + 'people_involved = "n"\n')
    village.deliver("matters/a.csv", table(matter(1, n=60), matter(2, n=2)))
    village.run()
    assert village.rows("SELECT DISTINCT risk, due_at FROM cases") == [(None, None)]
    rule = '\n[[risk]]\nid = "R9"\nrisk = "red"\nmin_people = 50\n[routing]\nred = "county"\n'
    (village.site / "site.toml").write_text(SITE + rule)
    (village.site / "time_limits.csv").write_text("stage,amount,unit\nhandle,7,days\n")
    assert village.run().edition == 2
    assert village.rows(
        "SELECT risk, risk_rule, handling_level, due_at::VARCHAR FROM cases ORDER BY source_key"
    ) == [
        ("red", "R9", "county", "2026-11-08 08:00:00"),
        (None, None, None, "2026-11-08 08:00:00"),
    ]
    fresh = built(tmp_path / "fresh", SITE + rule, MATTERS + 'people_involved = "n"\n')
    (fresh.site / "time_limits.csv").write_text("stage,amount,unit\nhandle,7,days\n")
    fresh.deliver("matters/a.csv", (village.input / "matters/a.csv").read_bytes())
    fresh.run()
    assert village.state() == fresh.state()


def test_rules_that_another_run_published_meanwhile_do_not_outlive_those_of_this_one(village):
    village.declare(MATTERS + 'people_involved = "n"\n')
    red, blue = (f'\n[[risk]]\nid = "R"\nrisk = "{c}"\nmin_people = 5\n' for c in ("red", "blue"))
    (village.site / "site.toml").write_text(SITE + red)
    village.deliver("matters/a.csv", table(matter(1, n=9)))
    village.run()
    village.deliver("matters/b.csv", table(matter(2, n=9)))
    beside = []

    def hash_of(container):
        if not beside:
            beside.append(container)
            (village.site / "site.toml").write_text(SITE + blue)
            assert village.run().edition == 2
        return container.hash

    assert village.run(hash_of=hash_of).edition == 3
    assert village.rows("SELECT DISTINCT risk FROM cases") == [("red",)]
    assert village.run().edition == 4
    assert village.rows("SELECT DISTINCT risk FROM cases") == [("blue",)]


def test_changed_rules_go_through_the_cases_in_slices(village, monkeypatch):
    village.deliver("matters/a.csv", table(*(matter(n) for n in range(7))))
    village.run()
    (village.site / "time_limits.csv").write_text("stage,amount,unit\nhandle,7,days\n")
    sizes = []
    monkeypatch.setattr("etl.load.PORTION_ROWS", 3)
    monkeypatch.setattr(
        "etl.load.derive",
        lambda c, rules: (
            sizes.append(len(c.execute("FROM pending").fetchall())) or derive(c, rules)
        ),
    )
    assert village.run().edition == 2
    assert sizes == [3, 3, 1]
    assert village.rows("SELECT count(*), count(due_at) FROM cases") == [(7, 7)]
    assert check(village.home)[2] == []


def test_what_says_nothing_of_the_rows_leaves_them_as_they_are(village, monkeypatch):
    """Under another title nothing is placed or derived anew, and yet it is in a new edition."""
    village.deliver("matters/a.csv", table(matter(1)))
    village.run()
    monkeypatch.setattr("etl.load.derive", None)
    monkeypatch.setattr("etl.places.Places.place_anew", None)
    (village.site / "site.toml").write_text(SITE.replace("小村", "大村"))
    assert village.run().edition == 2
    with village.edition() as edition:
        assert edition.site.title == "大村"


def test_a_changed_code_list_is_in_the_edition(village):
    village.deliver("matters/a.csv", table(matter(1)))
    village.run()
    (village.site / "categories.csv").write_text(CATEGORIES + "fire,火情,event\n")
    assert village.run().edition == 2
    assert ("fire", "火情") in village.rows("SELECT code, name FROM categories")


# Archives


def test_archives_that_hold_a_file_of_one_name_lose_no_row(tmp_path):
    """The key says which rows are one, so the daily archives may all hold `export.csv`."""
    source = MATTERS.replace("*.csv", "*")
    village, together = built(tmp_path / "a", source=source), built(tmp_path / "b", source=source)
    for day in range(1, 11):
        for place in (village, together):
            place.deliver(f"matters/day_{day}.zip", packed(export=table(matter(day))))
        village.run()
    together.run()
    assert village.rows("SELECT count(*) FROM cases") == [(10,)]
    assert village.state() == together.state()
    assert village.rows("SELECT min(member) FROM members") == [("matters/day_1.zip/export.csv",)]
    renamed = (village.input / "matters/day_1.zip").rename(village.input / "matters/all.zip")
    assert village.run().totals()["unchanged"] == 1
    renamed.write_bytes(packed(day_1=table(matter(1))))
    assert village.run().totals()["unchanged"] == 1
    assert village.state() == together.state()


def test_packed_daily_files_are_ordered_by_the_date_of_their_archive(tmp_path):
    village = built(tmp_path, source=SNAPSHOT.replace("*.csv", "*"))
    village.deliver("matters/x_20261102.zip", packed(export=table(matter(1))))
    village.deliver("matters/x_20261101.zip", packed(export=table(matter(1), matter(2))))
    assert village.run().is_good
    rows = village.rows("SELECT source_key, withdrawn_at::DATE::VARCHAR FROM cases ORDER BY 1")
    assert rows == [("1", None), ("2", "2026-11-02")]


@pytest.mark.parametrize("order", ["zp", "pz", "z", "p"])
def test_of_two_contents_of_one_name_none_is_chosen(tmp_path, order):
    """Without a key the file is the identity: nothing says which content is the newer."""
    village = built(tmp_path, source=KEYLESS.replace("matters/*.zip", "*"))
    files = {
        "z": ("all.zip", packed(a=table(matter(1)))),
        "p": ("a.csv", table(matter(2, title="plain"))),
    }
    village.deliver(*files[order[0]])
    if order[1:]:
        village.run()
    for other in files.values():
        village.deliver(*other)
    for edition in (None, None) if order[1:] else (1, None):
        report = village.run()
        assert (report.edition, report.state("matters")) == (edition, "failed")
        assert (
            report.reason("matters")
            == "a.csv：a.csv 与 all.zip 中内容不同，分不清先后；请只留一份，或改名"
        )
    there = {"zp": 1, "pz": 1, "z": 0, "p": 0}[order]
    assert village.rows("SELECT count(*) FROM cases") == [(there,)]
    (village.input / "all.zip").unlink()
    assert village.run().is_good
    assert village.rows("SELECT title FROM cases") == [("plain",)]


def test_of_two_contents_of_one_name_the_archive_of_the_later_date_counts(tmp_path):
    source = KEYLESS.replace('"changes"', '"changes"\nsequence = "name"')
    source = source.replace('updated_at = "updated"', "")
    for order in ((1, 2), (2, 1)):
        village = built(tmp_path / str(order[0]), source=source)
        for day in order:
            village.deliver(f"matters/202611{day:02}.zip", packed(a=table(matter(1, title=day))))
            assert village.run().is_good
        assert village.rows("SELECT title FROM cases") == [("2",)]


def test_an_undated_member_stops_no_other(tmp_path):
    village = built(tmp_path, source=SNAPSHOT.replace("*.csv", "*"))
    content = packed(a=table(matter(9)), x_20261101=table(matter(1)))
    village.deliver("matters/all.zip", content)
    for edition in (1, None):
        report = village.run()
        assert (report.edition, report.state("matters")) == (edition, "failed")
        assert "a.csv：文件名中没有日期" in (report.reason("matters") or "")
    assert village.rows("SELECT source_key FROM cases") == [("1",)]


def test_an_archive_that_nobody_can_unpack_any_more_fails_its_source_only(tmp_path):
    village = built(tmp_path, source=KEYLESS)
    village.declare(SECOND, "more")
    village.deliver("matters/a.zip", packed(m=table(matter(1))))
    village.run()
    village.deliver("matters/b.zip", packed(m=table(matter(2))))
    village.deliver("more/c.csv", table(matter(3)))
    (known,) = village.rows("SELECT content_hash FROM containers")[0]
    (village.input / "matters/a.zip").write_bytes(b"PK\x03\x04 gone bad")
    report = village.run(hash_of=lambda c: known if c.name == "matters/a.zip" else c.hash)
    assert (report.edition, report.state("matters"), report.state("more")) == (2, "failed", "ok")
    assert "a.zip" in (report.reason("matters") or "")


@pytest.fixture
def unpacked(monkeypatch):
    """A list that grows by the name of each file that a run unpacks."""
    seen = []
    monkeypatch.setattr(
        "etl.news.unpack", lambda c, *a, **k: seen.append(c.name) or unpack(c, *a, **k)
    )
    return seen


def test_an_archive_packed_anew_is_unpacked_once(tmp_path, unpacked):
    village = built(tmp_path, source=KEYLESS)
    village.deliver("matters/a.zip", packed(a=table(matter(1)), b=table(matter(2))))
    village.run()
    village.deliver("matters/a.zip", packed(b=table(matter(2)), a=table(matter(1))))
    unpacked.clear()
    assert [village.run().edition for _ in range(3)] == [None] * 3
    assert unpacked == ["matters/a.zip"]


def test_an_archive_packed_anew_is_unpacked_once_beside_real_news_too(tmp_path, unpacked):
    village = built(tmp_path, source=KEYLESS)
    village.declare(SECOND, "more")
    village.deliver("matters/a.zip", packed(a=table(matter(1)), b=table(matter(2))))
    village.run()
    village.deliver("matters/a.zip", packed(b=table(matter(2)), a=table(matter(1))))
    unpacked.clear()
    for n in range(3):
        village.deliver(f"more/{n}.csv", table(matter(n)))
        assert village.run().edition == 2 + n
    assert unpacked == ["matters/a.zip", "more/0.csv", "more/1.csv", "more/2.csv"]


def test_known_archives_are_unpacked_once_for_all_that_a_new_one_repeats(tmp_path, unpacked):
    village = built(tmp_path, source=KEYLESS)
    village.deliver("matters/a.zip", packed(a=table(matter(1)), b=table(matter(2))))
    village.run()
    village.deliver("matters/b.zip", packed(a=table(matter(3)), b=table(matter(4))))
    unpacked.clear()
    village.run()
    assert sorted(unpacked) == ["matters/a.zip", "matters/b.zip"]


def test_a_compressed_file_that_grows_expands_no_other(tmp_path, monkeypatch):
    village = built(tmp_path, source=KEYLESS.replace("*.zip", "*"))
    for n in range(4):
        village.deliver(f"matters/{n}.csv.gz", gzip.compress(table(matter(n)).encode()))
    village.run()
    grown = table(matter(0), matter(9)).encode()
    village.deliver("matters/0.csv.gz", gzip.compress(grown))
    seen = []
    monkeypatch.setattr(
        "etl.members.expand", lambda name, *a: seen.append(name) or expand(name, *a)
    )
    assert village.run().totals()["loaded"] == 1
    assert seen == ["matters/0.csv.gz"]


def test_an_archive_packed_anew_changes_nothing(tmp_path):
    village = built(tmp_path, source=KEYLESS)
    village.deliver("matters/a.zip", packed(a=table(matter(1)), b=table(matter(2))))
    village.run()
    village.deliver("matters/a.zip", packed(b=table(matter(2)), a=table(matter(1))))
    assert village.run().edition is None


# Steps


STEPS = """
title = "流转"
target = "handlings"
of = "matters"
files = ["steps/*.csv"]
key = ["no"]
delivery = "changes"
updated_at = "u"

[columns]
case = "id"
kind = "kind"
at = { from = "at", date = "iso" }
department = { from = "dept", lookup = "department" }
"""


def step(no, case, kind="转派", at="2026-11-02 08:00", dept="法院", u="2026-11-02"):
    return {"no": no, "id": case, "kind": kind, "at": at, "dept": dept, "u": u}


def steps(village: Village, key: str) -> list[str]:
    sql = f"SELECT kind FROM steps WHERE case_code = '{code_of(key)}' ORDER BY seq"
    return [kind for (kind,) in village.rows(sql)]


def test_steps_find_their_case_whether_they_come_before_or_after_it(tmp_path):
    states = set()
    for order in (("matters", "steps"), ("steps", "matters")):
        village = built(tmp_path / order[0])
        village.declare(STEPS, "steps")
        files = {"matters": table(matter(1)), "steps": table(step(1, 1))}
        for name in order:
            village.deliver(f"{name}/a.csv", files[name])
            village.run()
        assert steps(village, "1") == ["register", "accept", "transfer"]
        assert village.rows("SELECT department, status FROM cases") == [("court", "50")]
        states.add(village.state())
    assert len(states) == 1


def test_a_step_that_turns_out_to_be_another_case_s_leaves_the_first(village, tmp_path):
    village.declare(STEPS, "steps")
    village.deliver("matters/a.csv", table(matter(1), matter(2)))
    village.deliver("steps/a.csv", table(step(1, 1)))
    village.run()
    village.deliver("steps/b.csv", table(step(1, 2, u="2026-11-03")))
    village.run()
    assert (steps(village, "1"), steps(village, "2")) == (
        ["register", "accept"],
        ["register", "accept", "transfer"],
    )
    assert village.rows("SELECT department FROM cases ORDER BY source_key") == [
        ("police",),
        ("court",),
    ]
    assert check(village.home)[2] == []
