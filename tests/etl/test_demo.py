"""The demo deliveries: the same seed the same bytes, exact numbers, planted stories and faults."""

import csv
import hashlib
import io
import json
import zipfile
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import shapely
from python_calamine import CalamineWorkbook

from data.codes import codes
from data.site import load_site
from etl.demo import county, generate, live
from etl.demo.catalogue import CHANNELS
from etl.demo.deliver import as_of
from etl.demo.history import _chunks, _plan
from etl.demo.simulate import born
from etl.demo.stock import Stock
from etl.demo.world import DAY, NEVER, SITE, seconds, world
from etl.source import load_sources
from geo.coordinates import to_wgs84

END = datetime(2026, 11, 22, 8, 20)
ENCODINGS = {"hotline_12345": "gb18030", "police_110": "utf-16", "window": "utf-8-sig"}


@pytest.fixture(scope="module")
def delivered(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    generate(folder, cases=6000, days=548, seed=7, end=END)
    return folder


@pytest.fixture(scope="module")
def planted(delivered) -> dict:
    return json.loads((delivered / "planted.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def lives():
    """Some 5,000 lives of the two months before END, with their world."""
    place = world(END, 60)
    plan = _plan(place, 5000, np.random.default_rng(1))
    intake = plan.intake(place.first_day, place.last_day)
    return place, born(place, np.random.default_rng(2), intake, place.first_day * DAY, place.end)


def test_the_same_seed_writes_the_same_bytes(tmp_path):
    for name in ("a", "b", "c"):
        seed = 3 if name == "c" else 2
        generate(tmp_path / name, cases=400, days=45, seed=seed, end=END)
    assert hashes(tmp_path / "a") == hashes(tmp_path / "b")
    assert hashes(tmp_path / "a") != hashes(tmp_path / "c")


def test_exactly_so_many_cases_are_delivered(planted):
    assert planted["cases"] == 6000 == sum(planted["by_channel"].values())
    assert planted["open"] + planted["closed"] == 6000


def test_every_case_has_a_key_of_its_own(delivered, planted):
    fresh = {fault["key"] for fault in planted["faults"] if fault["expected"] == "rejected"}
    keys = {row["工单编号"].lstrip("\ufeff") for row in rows_of(delivered, "hotline_12345")}
    assert len(keys - fresh - {"", "工单编号"}) == planted["by_channel"]["hotline_12345"]


def test_nothing_is_told_from_after_the_end(lives):
    place, cases = lives
    seen = as_of(cases, place.end)
    for moments in (seen.accepted, seen.dispatched, seen.responded, seen.closed, seen.updated):
        assert (moments[moments < NEVER] < place.end).all()
    assert (cases["reported"] < place.end).all()


def test_the_times_of_a_life_lie_in_order(lives):
    _, cases = lives
    order = ("reported", "accepted", "dispatched", "responded", "closed", "reopened", "reclosed")
    for earlier, later in zip(order, order[1:], strict=False):
        assert (cases[earlier] <= cases[later]).all(), later
    for between in ("transferred", "extended", "raised"):
        some = cases[cases[between] < NEVER]
        assert (some["responded"] <= some[between]).all()
        assert (some[between] < some["closed"]).all()


def test_systems_without_a_flow_log_have_nothing_to_log(lives):
    _, cases = lives
    untold = cases[cases["channel"] >= 4]
    for name in ("transferred", "extended", "raised", "reopened"):
        assert (untold[name] == NEVER).all()


def test_a_reopened_case_is_open_until_it_is_closed_again(lives):
    _, cases = lives
    one = cases[cases["reopened"] < NEVER][:1]
    assert as_of(one, int(one["reopened"][0])).closed[0] == one["closed"][0]
    again = as_of(one, int(one["reopened"][0]) + 1)
    assert (again.closed[0], again.status[0]) == (NEVER, 6)
    assert as_of(one, int(one["reclosed"][0]) + 1).closed[0] == one["reclosed"][0]


def test_departments_differ_in_how_late_they_are(lives):
    place, cases = lives
    late = cases["closed"] > cases["due_2"]

    def share(code: str) -> float:
        return late[cases["second"] == place.departments.index(code)].mean()

    assert share("gaj") < 0.10 < share("zjj")
    assert 0.15 < share("zrzyj") < 0.60


def test_about_one_case_in_a_hundred_is_of_fifty_people_and_more(lives):
    _, cases = lives
    assert 0.003 < (cases["people"] >= 50).mean() < 0.015


def test_the_spring_festival_is_quiet_and_wages_peak_before_it(delivered):
    days = Counter(row["来电时间"][:10] for row in firsts(delivered))
    festival = sum(days[f"2026-02-{day}"] for day in range(16, 22))
    assert festival < 0.6 * sum(days[f"2026-03-{day}"] for day in range(16, 22))
    wages = Counter(
        row["来电时间"][:7] for row in firsts(delivered) if row["诉求标题"].find("工资") >= 0
    )
    assert wages["2026-01"] > 2 * wages["2026-06"]


def test_the_hot_spot_rises_from_week_to_week(planted):
    rising = planted["clusters"]["rising_smell"]
    assert rising["is_rising"] and rising["cases"] >= 8
    place = world(END, 548)
    plan = _plan(place, 100_000, np.random.default_rng(1))
    weeks = plan.clusters[0, -70:].reshape(10, 7).sum(axis=1)
    assert weeks[:3].sum() * 2 < weeks[-3:].sum()


def test_twins_are_one_matter_by_two_channels(delivered, planted):
    with open(delivered / "planted" / "twins.csv", encoding="utf-8", newline="") as lines:
        pairs = list(csv.DictReader(lines))
    assert len(pairs) == planted["twins"] == 60
    assert all(pair["source"] != pair["other_source"] for pair in pairs)


def test_months_are_one_file_and_the_last_days_several():
    periods = [period for chunk in _chunks(world(END, 548)) for period in chunk]
    names = [period.name for period in periods]
    assert names[0] == "2025-05" and names[17:22] == [
        "2026-10",
        "2026-11",
        "20261119",
        "20261120",
        "20261121",
    ]
    assert names[-2:] == ["20261122T0800", "20261122"]
    assert periods[-1].until == seconds(END)


@pytest.mark.parametrize("channel", CHANNELS)
def test_each_file_is_readable_and_has_the_declared_columns(delivered, channel):
    declared = load_sources(SITE, load_site(SITE))[channel]
    columns = set(rows_of(delivered, channel)[0])
    wanted = {name for names in declared.slots.values() for name in names}
    assert wanted - columns <= {"诉求分类", "诉求类别"}


def test_times_are_in_each_systems_own_form(delivered):
    assert rows_of(delivered, "petition")[0]["登记日期"].endswith("分")
    assert isinstance(rows_of(delivered, "grid_app")[0]["reportedAt"], int)
    assert isinstance(rows_of(delivered, "mediation")[0]["登记时间"], datetime)


def test_gcj_points_lie_in_their_grid_only_after_the_shift(delivered):
    rows = [r for r in rows_of(delivered, "grid_app") if isinstance(r["lng"], float)]
    grids = county.build().grids
    shape = dict(zip(grids.codes, grids.shapes, strict=True))
    shapes = [shape[row["gridCode"]] for row in rows]
    raw = np.array([(row["lng"], row["lat"]) for row in rows]).T
    assert shapely.contains_xy(shapes, *to_wgs84(*raw, "GCJ-02")).mean() > 0.97
    assert shapely.contains_xy(shapes, *raw).mean() < 0.7


def test_bd09_points_lie_in_their_town_after_the_shift(delivered):
    rows = [row for row in rows_of(delivered, "petition") if is_near(row["百度经度"])]
    towns = county.build().towns
    shapes = [
        next(
            s for n, s in zip(towns.names, towns.shapes, strict=True) if r["问题属地"].startswith(n)
        )
        for r in rows
    ]
    raw = np.array([(float(row["百度经度"]), float(row["百度纬度"])) for row in rows]).T
    assert shapely.contains_xy(shapes, *to_wgs84(*raw, "BD-09")).mean() > 0.97


def test_every_planted_fault_is_where_the_record_says(delivered, planted):
    kinds = {fault["kind"] for fault in planted["faults"]}
    assert {"bad_quote", "nul", "swapped_point", "stale", "duplicate", "ragged_long"} <= kinds
    for fault in planted["faults"]:
        if fault["source"] == "mediation" or not fault["key"]:
            continue
        if fault["expected"] == "skipped" or fault["kind"] == "missing_key":
            continue
        line = lines_of(delivered / fault["file"], fault["source"])[fault["line"] - 1]
        assert fault["key"] in line, fault


def test_no_planted_fault_is_too_great_a_share_of_its_file(planted):
    rejected = Counter(f["file"] for f in planted["faults"] if f["expected"] == "rejected")
    assert max(rejected.values()) <= 6


def test_no_phone_and_no_identity_number_is_written(delivered):
    texts = " ".join(row["诉求内容"] for row in rows_of(delivered, "hotline_12345"))
    assert "某某" in texts
    assert not any(len(run) >= 11 for run in digits_in(texts))


def test_whoever_is_named_is_visibly_made_up(delivered):
    rows = csv_rows(delivered, "parties")
    assert len(rows) > 500 and len({row["登记编号"] for row in rows}) == len(rows)
    assert {row["角色"] for row in rows} == {"申请人", "被申请人", "受害人"}
    assert all(row["姓名"][1] == "测" and row["联系电话"][:7] == "1990000" for row in rows)
    assert all(row["证件号码"][:6] == "000000" for row in rows)
    assert not any(is_right(row["证件号码"]) for row in rows)
    assert 0 < sum(row["未成年"] == "是" for row in rows) < len(rows) / 10
    cases: dict[str, set[str]] = {}
    for row in rows:
        cases.setdefault(row["证件号码"], set()).add(row["事项编号"])
    assert max(map(len, cases.values())) > 1  # some quarrel more than once


def test_some_summaries_name_the_applicant_with_phone_or_number(delivered):
    parties = [row for row in csv_rows(delivered, "parties") if row["角色"] == "申请人"]
    names = {row["事项编号"]: row for row in parties}
    told = {
        "mediation": ("纠纷编号", "纠纷概述", "联系电话"),
        "window": ("登记号", "诉求", "联系电话"),
    }
    told |= {"petition": ("信访编号", "信访内容", "证件号码")}
    for source, (key, text, number) in told.items():
        said = [
            (names[row[key]], row[text]) for row in rows_of(delivered, source) if row[key] in names
        ]
        named = [who for who, words in said if who["姓名"] in words and who[number] in words]
        assert 0.2 < len(named) / len(said) < 0.5
        made_up = ("1990000", "000000")
        runs = [run for _, words in said for run in digits_in(words) if len(run) >= 11]
        assert runs and all(run.startswith(made_up) for run in runs)


def test_alerts_come_one_by_one_and_packed_by_month(delivered, planted):
    packed = sum(
        len(zipfile.ZipFile(file).namelist()) for file in (delivered / "alerts").glob("*.zip")
    )
    single = len(list((delivered / "alerts").glob("*.xml")))
    assert packed + single == planted["alerts"] > 100


def test_a_resolved_dispute_is_called_after_a_week_and_no_case_that_was_opened_again(delivered):
    rows = csv_rows(delivered, "follow_ups")
    last = {row["回访编号"]: row for row in rows}
    assert len(last) > 1000
    first = [row for row in last.values() if row["回访编号"].endswith("-1")]
    closed = {r["工单编号"]: r["办结时间"] for r in rows_of(delivered, "hotline_12345")}
    closed = {key: datetime.fromisoformat(at) for key, at in closed.items() if at[:3] == "202"}
    fits = [
        row["应回访时间"] == f"{closed[row['事项编号']].date() + timedelta(days=7)} 18:00:00"
        for row in first
        if row["事项编号"] in closed
    ]
    assert len(fits) > 300 and sum(fits) > 0.9 * len(fits)  # the others were opened again later
    done = [row for row in last.values() if row["回访时间"]]
    assert 0.90 < len(done) / len(last) < 0.99
    assert max(row["更新时间"] for row in rows) < f"{END}"


def test_people_say_what_they_think_after_the_closure(delivered):
    rows = csv_rows(delivered, "evaluations")
    said = Counter(row["满意度"] for row in rows)
    assert len(rows) == len({row["评价编号"] for row in rows})
    assert said["满意"] > said["基本满意"] > said["不满意"] > 0 and said["未评价"] > 0


def test_grid_workers_are_posts_and_stand_in_or_near_their_grids(delivered):
    (file,) = (delivered / "grid_workers").iterdir()
    rows = [json.loads(line) for line in lines_of(file, "grid_workers") if line]
    assert len({row["workerId"] for row in rows}) == len(rows) == 4207  # 1.86 a grid
    assert all(row["post"].startswith("网格员 ") for row in rows)
    grids = county.build().grids
    shape = dict(zip(grids.codes, grids.shapes, strict=True))
    raw = np.array([(row["lng"], row["lat"]) for row in rows]).T
    shapes = [shape[row["gridCode"]] for row in rows]
    assert shapely.contains_xy(shapes, *to_wgs84(*raw, "GCJ-02")).mean() > 0.85
    end = (seconds(END) - 8 * 3600) * 1000
    assert max(row["locTime"] for row in rows) < end


def test_there_are_about_600_resources_of_every_kind(delivered):
    (file,) = (delivered / "resources").iterdir()
    rows = list(csv.DictReader(io.StringIO(file.read_text("gb18030"))))
    kinds = Counter(row["类别"] for row in rows)
    assert 550 < len(rows) == len({row["编号"] for row in rows}) < 650
    assert len({row["名称"] for row in rows}) == len(rows)
    assert set(kinds) == {row["label"] for row in codes("resource_kind").values()}


def test_at_every_moment_of_the_roster_each_post_has_one_holder(delivered):
    shifts = []
    for file in sorted((delivered / "duty").iterdir()):
        header, *body = CalamineWorkbook.from_path(file).get_sheet_by_name("值班表").to_python()
        shifts += [dict(zip(header, row, strict=True)) for row in body]
    assert len({(s["日期"], s["班次"], s["岗位"]) for s in shifts}) == len(shifts)
    for at in (END, END + timedelta(hours=11), END + timedelta(days=20)):
        posts = [s["岗位"] for s in shifts if s["开始时间"] <= at < s["结束时间"]]
        assert {"值班领导", "值班长", "受理岗", "派遣岗"} <= set(posts)
        assert len(set(posts)) == len(posts)
    assert all(s["联系电话"] == "00000000" for s in shifts)


def test_follow_ups_and_positions_go_on_live(tmp_path):
    generate(tmp_path, cases=400, days=45, seed=2, end=END)
    before = hashes(tmp_path)
    live(tmp_path, max_batches=12, every_seconds=0, clock=ticking(END, timedelta(hours=9)))
    new = {name.split("/")[0] for name in set(hashes(tmp_path)) - set(before)}
    assert {"grid_workers", "follow_ups", "evaluations", "parties"} <= new
    calls = [row["回访编号"] for row in csv_rows(tmp_path, "follow_ups")]
    assert max(Counter(calls).values()) <= 2  # when it is due, and when it is done


def test_live_goes_on_where_the_history_ended(tmp_path):
    generate(tmp_path, cases=400, days=45, seed=2, end=END)
    clock = ticking(END, timedelta(seconds=30))
    before = hashes(tmp_path)
    assert live(tmp_path, max_batches=40, every_seconds=0, clock=clock) == 40
    new = sorted(set(hashes(tmp_path)) - set(before))
    assert any(name.startswith("hotline_12345/") for name in new)
    assert all("20261122T08" in name for name in new)
    assert Stock.load(tmp_path).told_until == seconds(END + timedelta(minutes=20))


def test_a_live_batch_that_was_broken_off_is_written_again_with_the_same_bytes(tmp_path):
    for name in ("whole", "broken"):
        generate(tmp_path / name, cases=400, days=45, seed=2, end=END)
        live(tmp_path / name, max_batches=1, clock=ticking(END, timedelta(minutes=9)))
    stock = Stock.load(tmp_path / "broken")
    whole = Stock.load(tmp_path / "whole")
    assert stock.batch == whole.batch == 1
    stock.pending_until = seconds(END + timedelta(minutes=15))
    stock.save(tmp_path / "broken")
    live(tmp_path / "broken", max_batches=1, clock=ticking(END, timedelta(minutes=99)))
    live(tmp_path / "whole", max_batches=1, clock=ticking(END, timedelta(minutes=15)))
    assert hashes(tmp_path / "broken") == hashes(tmp_path / "whole")


def ticking(start: datetime, step: timedelta):
    """A clock that is one step further each time it is read: once to begin, then for each batch."""
    times = iter([start, *(start + step * n for n in range(1, 10_000))])
    return lambda: next(times)


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def lines_of(file: Path, source: str) -> list[str]:
    return file.read_text(encoding=ENCODINGS.get(source, "utf-8")).split("\n")


def rows_of(folder: Path, source: str) -> list[dict]:
    """All rows of a source that have the width of their header."""
    rows = []
    for file in sorted((folder / source).iterdir()):
        if source == "mediation":
            with open(file, "rb") as stream:
                sheet = CalamineWorkbook.from_filelike(io.BytesIO(stream.read()))
            header, *body = sheet.get_sheet_by_name("纠纷台账").to_python()
            rows += [dict(zip(header, values, strict=True)) for values in body]
        elif source == "grid_app":
            lines = (line for line in lines_of(file, source) if line.endswith("}"))
            rows += [json.loads(line) for line in lines]
        else:
            delimiter = "\t" if source == "police_110" else ","
            header, *body = (line.split(delimiter) for line in lines_of(file, source))
            rows += [dict(zip(header, v, strict=True)) for v in body if len(v) == len(header)]
    return rows


def csv_rows(folder: Path, source: str) -> list[dict]:
    files = sorted((folder / source).iterdir())
    return [row for f in files for row in csv.DictReader(io.StringIO(f.read_text("utf-8")))]


def firsts(folder: Path) -> list[dict]:
    """The hotline's cases, each once, those with an ordinary time."""
    by_key = {row["工单编号"]: row for row in rows_of(folder, "hotline_12345")}
    return [row for row in by_key.values() if row["来电时间"][:3] == "202"]


def is_near(longitude: str | float | None) -> bool:
    try:
        return 111 < float(longitude or 0) < 112
    except ValueError:
        return False


def is_right(id_number: str) -> bool:
    """Whether the check digit is that of GB 11643."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(int(c) * w for c, w in zip(id_number[:17], weights, strict=True))
    return "10X98765432"[total % 11] == id_number[17]


def digits_in(text: str) -> list[str]:
    return "".join(c if c.isdigit() else " " for c in text).split()
