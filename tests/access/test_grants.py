"""A wall with regions may see these alone; what it sees is nobody's data in any case."""

from datetime import UTC, datetime

from access.devices import Device
from access.grants import grant_of
from data.scope import Grant

NOW = datetime(2026, 11, 5, tzinfo=UTC)


def test_a_device_without_regions_and_nobody_see_what_any_screen_may():
    device = Device(1, "大厅", "wall", NOW, None, None)
    assert grant_of(None) == grant_of(device) == Grant.wall()


def test_a_wall_with_regions_sees_these_alone_and_from_the_walls_views():
    device = Device(1, "一镇", "wall", NOW, None, None, regions=(("town", "T1"),))
    seen = grant_of(device)
    assert (seen.regions, seen.is_wall, seen.masking) == ((("town", "T1"),), True, "masked")
