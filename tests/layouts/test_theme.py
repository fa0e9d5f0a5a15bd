"""Legible at ten metres, also to those who do not see every colour."""

import re
from itertools import combinations
from pathlib import Path

import pytest

from layouts.theme import (
    ACCENT,
    BANDS,
    INK,
    MUTED_INK,
    OK,
    PANEL,
    RISK,
    RISK_FILL,
    SHAPE,
    SIZES,
    SOFT_INK,
)

ASSETS = Path(__file__).parent.parent.parent / "layouts" / "assets"


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("ink", [INK, SOFT_INK, MUTED_INK, ACCENT, OK])
def test_text_on_a_panel_has_seven_to_one(ink: str):
    assert contrast(ink, PANEL) >= 7


@pytest.mark.parametrize("risk", RISK)
def test_a_risks_number_has_four_and_a_half_to_one(risk: str):
    assert contrast(RISK[risk], PANEL) >= 4.5


def test_the_risks_fills_differ():
    assert len(set(RISK_FILL.values())) == 4


def test_the_bands_of_a_measure_grow_lighter_and_none_is_red():
    steps = [luminance(colour) for colour in BANDS]
    assert steps == sorted(steps)
    assert all(b / a > 1.3 for a, b in zip(steps, steps[1:], strict=False))
    for colour in BANDS:
        red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
        assert blue > green > red


def sizes() -> list[tuple[str, float]]:
    found = []
    for path in ASSETS.glob("*.css"):
        text = path.read_text("utf-8")
        found += [(path.name, float(s)) for s in re.findall(r"font-size:\s*([\d.]+)rem", text)]
    return found


def test_no_text_is_smaller_than_the_floor_and_every_size_scales_with_the_screen():
    assert all(size >= SIZES["floor"] for _, size in sizes())
    for path in ASSETS.glob("*.css"):
        assert not re.findall(r"font-size:\s*[\d.]+(px|pt|em)\b", path.read_text("utf-8")), path


def test_colours_are_written_in_the_theme_and_risk_colours_nowhere_else():
    risky = {colour.lower() for colour in (*RISK.values(), *RISK_FILL.values())}
    for path in ASSETS.glob("*.css"):
        assert not risky & set(re.findall(r"#[0-9a-f]{6}", path.read_text("utf-8").lower())), path


def test_every_shape_is_its_own():
    assert all(SHAPE[a] != SHAPE[b] for a, b in combinations(SHAPE, 2))


def test_nothing_comes_from_another_host():
    for path in ASSETS.iterdir():
        assert not re.search(r"https?://|@import|//cdn", path.read_text("utf-8")), path
