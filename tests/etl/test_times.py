"""What one text means as a time: the forms that deliveries have, and those that mean nothing."""

from datetime import datetime
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.site import Layer, Site
from etl.clean import Work, _fast_time
from etl.source import Source
from etl.times import parse_time

SHANGHAI, LONDON = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/London")
MORNING = datetime(2026, 11, 5, 8, 30)
FORMS = [  # TRUST 3a: text, declared formats, meaning
    ("2026-11-05 08:30:00", ["iso"], MORNING),
    ("2026/11/5 8:30", ["iso"], MORNING),
    ("2026.11.05 08:30", ["iso"], MORNING),
    ("2026-11-05T00:30:00Z", ["iso"], MORNING),
    ("2026-11-05T08:30:00+08:00", ["iso"], MORNING),
    ("2026-11-05T08:30:00+0800", ["iso"], MORNING),
    ("2026年11月5日 8时30分", ["cn"], MORNING),
    ("２０２６－１１－０５　０８：３０：００", ["iso"], MORNING),
    ("二〇二六年十一月五日", ["cn"], datetime(2026, 11, 5)),
    ("20261105083000", ["iso"], MORNING),
    ("20261105", ["iso"], datetime(2026, 11, 5)),
    ("46331", ["excel"], datetime(2026, 11, 5)),
    ("46331.354166667", ["excel"], MORNING),
    ("44869.354166667", ["excel1904"], MORNING),
    ("1793838600", ["epoch_s"], MORNING),
    ("1793838600000", ["epoch_ms"], MORNING),
    ("5/11/2026 08:30", ["%d/%m/%Y %H:%M"], MORNING),
    ("2026-11", ["month"], datetime(2026, 11, 1)),
    ("2026-11-05 24:00:00", ["iso"], datetime(2026, 11, 6)),
]
NOTHING = [  # what no declaration makes certain
    ("2026-02-30", ["iso"]),
    ("5/11/2026", ["iso"]),
    ("11月5日", ["cn"]),
    ("46331", ["iso"]),
    ("1793838600", ["iso"]),
    ("昨天", ["iso", "cn", "excel"]),
    ("2026-13-01", ["iso"]),
    ("2026-11-05 25:00", ["iso"]),
    ("1e300", ["epoch_s"]),
    ("nan", ["epoch_ms"]),
    ("12", ["excel"]),
    ("2026-11-05 08:30:00 Asia/Tokyo", ["iso"]),
    ("infinity", ["iso"]),
]


def read(text, formats, source=SHANGHAI, site=SHANGHAI):
    return parse_time(text, formats, source, site)


@pytest.mark.parametrize(("text", "formats", "meaning"), FORMS)
def test_a_form_that_can_mean_one_thing_means_it(text, formats, meaning):
    assert read(text, formats) == meaning


@pytest.mark.parametrize(("text", "formats"), NOTHING)
def test_what_is_not_certain_means_nothing(text, formats):
    assert read(text, formats) is None


def test_a_far_date_is_a_date_and_left_to_the_range():
    assert read("9999-12-31", ["iso"]) == datetime(9999, 12, 31)


def test_a_source_of_another_zone_is_brought_into_the_site_s():
    assert read("2026-07-01 01:00", ["iso"], LONDON) == datetime(2026, 7, 1, 8)
    assert read("2026-12-01 01:00", ["iso"], LONDON) == datetime(2026, 12, 1, 9)


def test_the_hours_of_the_clock_change_are_read_as_winter_time():
    assert read("2026-10-25 01:30", ["iso"], LONDON) == datetime(2026, 10, 25, 9, 30)
    assert read("2026-03-29 01:30", ["iso"], LONDON) == datetime(2026, 3, 29, 9, 30)


# The database reads most texts by itself; it must never say something else.


@pytest.fixture(scope="module")
def fast():
    connection = duckdb.connect(":memory:")
    layer = Layer(key="grid", name="格", files=("x",))
    site = Site(name="x", title="x", zone="Asia/Shanghai", levels=(layer,))

    def ask(text, formats, zone="Asia/Shanghai"):
        source = Source.model_validate(
            {"name": "s", "title": "s", "key": "none", "delivery": "append", "zone": zone}
            | {"columns": {"reported_at": {"from": "t", "date": formats}}}
        )
        sql = _fast_time(Work(connection, source, site, MORNING), "t", formats)
        found = connection.execute(f"SELECT {sql} FROM (SELECT $t AS t)", {"t": text}).fetchone()
        return found[0]

    yield ask
    connection.close()


@pytest.mark.parametrize(("text", "formats", "meaning"), FORMS)
def test_the_fast_path_says_the_same_or_nothing(fast, text, formats, meaning):
    found = fast(text, formats)
    assert found is None or found == meaning


@pytest.mark.parametrize(("text", "formats"), NOTHING)
def test_the_fast_path_finds_nothing_where_there_is_nothing(fast, text, formats):
    assert fast(text, formats) is None


OFFSETS = st.sampled_from(["", "Z", "+08:00", "-05:00", "+0800", " +08:00", "+08", " UTC"])


@settings(max_examples=100, deadline=None)
@given(
    moment=st.datetimes(datetime(2000, 1, 1), datetime(2030, 1, 1)).map(
        lambda moment: moment.replace(microsecond=0)
    ),
    offset=OFFSETS,
    zone=st.sampled_from(["Asia/Shanghai", "Europe/London", "America/New_York"]),
    separator=st.sampled_from(["T", " "]),
)
def test_both_paths_agree_in_every_zone(fast, moment, offset, zone, separator):
    text = moment.isoformat(separator) + offset
    found = fast(text, ["iso"], zone)
    if found is not None:
        assert found == read(text, ["iso"], ZoneInfo(zone))


@settings(max_examples=100, deadline=None)
@given(st.text("0123456789-/:.TZ+ 年月日infe", max_size=24))
def test_no_text_stops_the_database(fast, text):
    for formats in (["iso"], ["epoch_s"], ["epoch_ms"], ["excel"], ["month"], ["%Y-%m-%d"]):
        found = fast(text, formats)
        if found is not None and found.year in range(2000, 2030) and formats == ["iso"]:
            assert found.replace(microsecond=0) == read(text, formats)
