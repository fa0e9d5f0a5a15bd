"""The legibility linter: is every text on screen large enough for the farthest reader in the room,
and does none lie where two displays of the wall meet?

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

# Every text, mark and control that a seam cuts. A text is as high as its letters, without the room
# between lines, and what its frame hides of it is not there. The map's own pins may lie anywhere.
CUT = """([across, down, clear]) => {
    const MARKS = '.shape, .flag, .mark, .swatch, .dot, .bar, .steps button, .map-box, '
        + '.map-choice label';
    const path = e => [...function* () { for (let n = e; n && n !== document.body;
        n = n.parentElement) yield n; }()].slice(0, 4).reverse()
        .map(n => n.localName + [...n.classList].map(c => '.' + c).join('')).join(' > ');
    const within = (box, e) => {
        for (let n = e; n && n !== document.body; n = n.parentElement) {
            if (getComputedStyle(n).overflow === 'visible') continue;
            const b = n.getBoundingClientRect();
            box = {left: Math.max(box.left, b.left), right: Math.min(box.right, b.right),
                   top: Math.max(box.top, b.top), bottom: Math.min(box.bottom, b.bottom)};
        }
        return box;
    };
    const letters = text => {
        const size = parseFloat(getComputedStyle(text.parentElement).fontSize);
        const range = document.createRange();
        range.selectNodeContents(text);
        return [...range.getClientRects()].map(b => {
            const over = Math.max(0, b.height - size) / 2;
            return within({left: b.left, right: b.right, top: b.top + over,
                           bottom: b.bottom - over}, text.parentElement); });
    };
    const isSeen = e => e.checkVisibility({checkVisibilityCSS: true, checkOpacity: true});
    const found = [];
    const look = (box, element, words) => {
        if (box.right - box.left < 1 || box.bottom - box.top < 1) return;
        const on = (from, to, whole, count) => [...Array(count - 1).keys()]
            .map(at => (at + 1) * whole / count)
            .filter(seam => from < seam + clear && to > seam - clear);
        for (const x of on(box.left, box.right, innerWidth, across))
            found.push({seam: `x = ${Math.round(x)}`, words, path: path(element)});
        for (const y of on(box.top, box.bottom, innerHeight, down))
            found.push({seam: `y = ${Math.round(y)}`, words, path: path(element)});
    };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const text = walker.currentNode, element = text.parentElement;
        if (!text.data.trim() || element.closest('script, style') || !isSeen(element)) continue;
        letters(text).forEach(box => look(box, element, text.data.trim().slice(0, 30)));
    }
    for (const mark of document.querySelectorAll(MARKS))
        if (isSeen(mark) && !mark.closest('.map-pin, .alert-pin, .war-pin'))
            look(within(mark.getBoundingClientRect(), mark), mark, '');
    return found; }"""
BURN_IN = 4  # px by which walls.js shifts the wall, either way


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


def on_a_seam(page: Page, across: int, down: int) -> list[str]:
    """Every text, mark or control that lies on a seam of so many displays, or would when the wall
    has shifted against burn-in: which seam, what it says, where it stands."""
    return [
        f"{cut['seam']}: {cut['words']!r} in {cut['path']}"
        for cut in page.evaluate(CUT, [across, down, BURN_IN])
    ]


def share_by_the_150_rule(page: Page, room: Room) -> float:
    """The share of texts that the 150-rule finds large enough, too."""
    sizes = [text["size"] for text in page.evaluate(TEXTS)]
    return sum(size >= room.wanted_px - 0.05 for size in sizes) / len(sizes)
