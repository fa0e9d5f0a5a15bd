"""What the remote control says to a wall is kept, in order, and nonsense is refused."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from access.operations import Operations
from dispatch.walls import COMMANDS, OPEN, CommandError, Walls, WallState

NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)


def test_a_wall_that_was_told_nothing_does_as_it_does_by_itself(operations: Operations):
    assert Walls(operations).state(7) == (WallState(), 0)
    assert Walls(operations).sequence() == 0


def test_a_command_changes_what_it_says_and_keeps_the_rest(operations: Operations):
    walls = Walls(operations)
    walls.command(7, {"scene": "risk", "palette": "night"}, "值班台", NOW)
    walls.command(7, {"scene": None}, "值班台", NOW)
    assert walls.state(7)[0] == WallState(palette="night")
    assert walls.state(OPEN)[0] == WallState()


def test_what_was_said_outlasts_a_restart(operations: Operations, tmp_path: Path):
    Walls(operations).command(7, {"mode": "war", "incident": "a1"}, "值班台", NOW)
    store = Operations(tmp_path, operations.url.render_as_string(hide_password=False))
    assert Walls(store).state(7)[0] == WallState(mode="war", incident="a1")
    store.close()


def test_the_sequence_grows_with_every_command_to_any_wall(operations: Operations):
    walls = Walls(operations)
    seen = []
    for device in (1, 2, 1):
        walls.command(device, {"is_paused": True}, "值班台", NOW)
        seen.append(walls.sequence())
    assert seen == [1, 2, 3]
    assert walls.state(1)[1] == 3 and walls.state(2)[1] == 2


def test_commands_given_at_one_moment_all_count_each_with_its_number(operations: Operations):
    walls = Walls(operations)

    def say(device: int) -> None:
        for number in range(5):
            walls.command(device, {"is_paused": bool(number % 2)}, "值班台", NOW)

    threads = [threading.Thread(target=say, args=(device,)) for device in (1, 1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert walls.sequence() == 20
    with operations.reading() as connection:
        numbers = connection.execute(select(COMMANDS.c.sequence)).scalars().all()
    assert sorted(numbers) == list(range(1, 21))


def test_who_said_what_is_kept_for_half_a_year_and_what_holds_for_good(operations: Operations):
    walls = Walls(operations)
    walls.command(7, {"scene": "risk"}, "值班台", NOW)
    walls.command(8, {"scene": "risk"}, "值班台", NOW + timedelta(days=201))
    with operations.reading() as connection:
        assert connection.execute(select(COMMANDS.c.device)).scalars().all() == [8]
    assert (walls.state(7), walls.sequence()) == ((WallState(scene="risk"), 1), 2)


NONSENSE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=99),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=6,
)
NAMES = st.sampled_from(list(WallState.__dataclass_fields__)) | st.text(max_size=9)


@settings(max_examples=100)
@given(st.dictionaries(NAMES, NONSENSE, max_size=4) | NONSENSE)
def test_a_hostile_command_is_refused_or_gives_a_state_that_can_be(changes):
    try:
        state = WallState().changed(changes)
    except CommandError:
        return
    assert state.mode in ("peace", "war") and isinstance(state.is_paused, bool)
    assert all(text is None or 0 < len(text) <= 80 for text in (state.scene, state.region))
