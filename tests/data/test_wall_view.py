"""What a centre may say of its wall."""

import pytest
from pydantic import ValidationError

from data.wall_view import WallView


def test_a_centre_that_says_nothing_has_a_wall_of_usual_rhythm():
    view = WallView()
    assert (view.seconds, view.takeover_seconds, view.scenes[0]) == (40, 60, "overview")


@pytest.mark.parametrize(
    "wrong",
    [
        {"seams": (0, 1)},
        {"seams": (4, 4)},
        {"scenes": ()},
        {"seconds": 1},
        {"reload_at": "24:00"},
        {"distance_m": 0},
    ],
)
def test_a_wall_that_cannot_be_is_refused(wrong):
    with pytest.raises(ValidationError):
        WallView(**wrong)
