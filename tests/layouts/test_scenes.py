"""Every scene of the wall, without naming any: what it may hold, and that it says its question."""

from collections import Counter

import pytest

from data.site import load_site
from layouts.measures import MEASURES
from layouts.panels import PANELS
from layouts.scene import MOST_PANELS
from layouts.scenes import SCENES
from tests.test_contracts import SITES

EACH = pytest.mark.parametrize("scene", SCENES.values(), ids=lambda scene: scene.key)


@EACH
def test_a_scene_asks_one_question_and_has_no_more_than_seven_panels(scene):
    assert scene.question.endswith("？")
    assert 0 < len(scene.panels) + scene.has_map <= MOST_PANELS
    assert len(scene.columns) == (2 if scene.has_map else 3)


@EACH
def test_a_scene_is_made_of_panels_and_measures_that_there_are(scene):
    assert set(scene.panels) <= set(PANELS)
    assert scene.measure is None or (scene.has_map and scene.measure in MEASURES)


def test_a_panel_stands_in_one_scene_only():
    places = Counter(key for scene in SCENES.values() for key in scene.panels)
    assert {key for key, times in places.items() if times > 1} == set()


def test_a_scene_is_found_under_its_own_name():
    assert all(key == scene.key for key, scene in SCENES.items())


@pytest.mark.parametrize("folder", SITES, ids=lambda folder: folder.name)
def test_a_site_names_only_scenes_that_there_are(folder):
    assert set(load_site(folder).wall.scenes) <= set(SCENES)
