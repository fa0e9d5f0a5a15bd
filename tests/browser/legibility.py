"""The legibility linter: is every text on screen large enough for the farthest reader in the room?

NUREG-0700: at least 16 minutes of arc for the height of a character, 20 to be comfortable; the
150-rule of AVIXA asks for more and only warns (DOMAIN 4.1). A Chinese character is as high as its
font's size, so the font's size is what is measured."""

import math
from dataclasses import dataclass

from playwright.sync_api import Page

LEAST_ARC = 16 / 60  # degrees
RULE = 150  # a character's height is at least the distance / 150

# Every element on screen that has a text of its own, with its size in CSS px, also within SVG.
TEXTS = """() => {
    const says = e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    const seen = e => { const b = e.getBoundingClientRect(); return b.width && b.height
        && b.right > 0 && b.bottom > 0 && b.left < innerWidth && b.top < innerHeight
        && getComputedStyle(e).visibility === 'visible'; };
    const path = e => [...function* () { for (let n = e; n && n !== document.body;
        n = n.parentElement) yield n; }()].slice(0, 4).reverse()
        .map(n => n.localName + [...n.classList].map(c => '.' + c).join('')).join(' > ');
    return [...document.querySelectorAll('.shell *')].filter(e => says(e) && seen(e))
        .map(e => ({size: parseFloat(getComputedStyle(e).fontSize), path: path(e),
                    text: e.textContent.trim().slice(0, 30)})); }"""


@dataclass(frozen=True)
class Room:
    """The farthest reader's distance and the wall's width in metres, the wall's width in pixels."""

    distance_m: float
    width_m: float
    width_px: int

    @property
    def least_px(self) -> float:
        """Below it a character is under 16 minutes of arc."""
        return self._px(2 * self.distance_m * math.tan(math.radians(LEAST_ARC) / 2))

    @property
    def wanted_px(self) -> float:
        """What the 150-rule asks for."""
        return self._px(self.distance_m / RULE)

    def _px(self, metres: float) -> float:
        return metres / self.width_m * self.width_px


def too_small(page: Page, room: Room) -> list[str]:
    """Every text that the farthest reader cannot read: its size, the least one, where it stands."""
    least = room.least_px
    return [
        f"{text['size']:.1f} px < {least:.1f} px: {text['text']!r} in {text['path']}"
        for text in page.evaluate(TEXTS)
        if text["size"] < least - 0.05
    ]


def share_by_the_150_rule(page: Page, room: Room) -> float:
    """The share of texts that the 150-rule finds large enough, too."""
    sizes = [text["size"] for text in page.evaluate(TEXTS)]
    return sum(size >= room.wanted_px - 0.05 for size in sizes) / len(sizes)
