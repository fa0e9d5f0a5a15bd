"""Legible at ten metres, also to those who do not see every colour."""

import re
from itertools import combinations
from pathlib import Path

import pytest

from layouts.theme import (
    ACCENT,
    BANDS,
    GRID_LINE,
    GROUND,
    INK,
    MUTED_INK,
    NIGHT,
    NIGHT_DIMMING,
    NIGHT_RISK,
    NO_FILL,
    OK,
    PANEL,
    RISK,
    RISK_FILL,
    SHAPE,
    SIZES,
    SOFT_INK,
    UNKNOWN_FILL,
    WARN,
)
from tests.layouts.seeing import ciede2000, least_difference, linear

ASSETS = Path(__file__).parent.parent.parent / "layouts" / "assets"


def luminance(colour: str) -> float:
    red, green, blue = linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("ink", [INK, SOFT_INK, MUTED_INK, ACCENT, OK, WARN])
def test_text_on_a_panel_has_seven_to_one(ink: str):
    assert contrast(ink, PANEL) >= 7


@pytest.mark.parametrize("risk", RISK)
def test_a_risks_number_has_four_and_a_half_to_one(risk: str):
    assert contrast(RISK[risk], PANEL) >= 4.5


@pytest.mark.parametrize("ink", ["ink", "soft", "muted", "accent", "ok", "warn"])
def test_text_at_night_has_seven_to_one_and_is_darker(ink: str):
    assert contrast(NIGHT[ink], NIGHT["panel"]) >= 7
    assert contrast(NIGHT[ink], NIGHT["ground"]) >= 7
    day = {"ink": INK, "soft": SOFT_INK, "muted": MUTED_INK, "accent": ACCENT, "ok": OK}
    assert luminance(NIGHT[ink]) < 0.85 * luminance({**day, "warn": WARN}[ink])


@pytest.mark.parametrize("risk", RISK)
def test_a_risks_number_at_night_has_four_and_a_half_to_one(risk: str):
    assert contrast(NIGHT_RISK[risk], NIGHT["panel"]) >= 4.5


def dimmed(colour: str) -> str:
    return "#" + "".join(
        f"{round(int(colour[i : i + 2], 16) * NIGHT_DIMMING):02X}" for i in (1, 3, 5)
    )


@pytest.mark.parametrize(("one", "other"), list(combinations(RISK, 2)))
def test_risks_differ_to_everybody_at_night_too(one: str, other: str):
    assert least_difference(NIGHT_RISK[one], NIGHT_RISK[other]) >= 14
    assert least_difference(dimmed(RISK_FILL[one]), dimmed(RISK_FILL[other])) >= 14


def test_the_difference_of_colours_is_that_of_the_standards_examples():
    """Pairs 1 and 17 of Sharma, Wu, Dalal 2005."""
    assert ciede2000((50, 2.6772, -79.7751), (50, 0, -82.7485)) == pytest.approx(2.0425, abs=1e-4)
    assert ciede2000((50, 2.5, 0), (73, 25, -18)) == pytest.approx(27.1492, abs=1e-4)


@pytest.mark.parametrize(("one", "other"), list(combinations(RISK, 2)))
def test_risks_differ_to_everybody(one: str, other: str):
    assert least_difference(RISK[one], RISK[other]) >= 14
    assert least_difference(RISK_FILL[one], RISK_FILL[other]) >= 16.8


def test_a_polygon_without_a_risk_looks_neither_like_one_with_nor_like_an_empty_one():
    for fill in RISK_FILL.values():
        assert least_difference(UNKNOWN_FILL, fill) >= 16.8
        assert least_difference(NO_FILL, fill) >= 12
    assert least_difference(UNKNOWN_FILL, NO_FILL) >= 16.8
    assert contrast(GRID_LINE, NO_FILL) > 1.15  # the empty ones have an outline


@pytest.mark.parametrize("risk", ["red", "orange", "yellow"])
def test_a_warning_that_is_no_risk_looks_like_none_of_the_graver_ones(risk: str):
    """To whoever lacks a cone violet is a blue; a warning therefore always has words."""
    assert least_difference(WARN, RISK[risk]) >= 14
    assert least_difference(WARN, OK) >= 14
    assert contrast(WARN, GROUND) >= 7


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
    assert [each for each in sizes() if each[1] < SIZES["floor"]] == []
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
