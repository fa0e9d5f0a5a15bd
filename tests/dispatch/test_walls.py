"""What the remote control says to a wall is kept, in order, and nonsense is refused."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from access.operations import Operations
from dispatch.walls import OPEN, CommandError, Walls, WallState

NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)


@pytest.fixture
def operations(tmp_path: Path) -> Iterator[Operations]:
    store = Operations(tmp_path)
    yield store
    store.close()


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
    again = Walls(Operations(tmp_path))
    assert again.state(7)[0] == WallState(mode="war", incident="a1")


def test_the_sequence_grows_with_every_command_to_any_wall(operations: Operations):
    walls = Walls(operations)
    seen = []
    for device in (1, 2, 1):
        walls.command(device, {"is_paused": True}, "值班台", NOW)
        seen.append(walls.sequence())
    assert seen == [1, 2, 3]
    assert walls.state(1)[1] == 3 and walls.state(2)[1] == 2


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
