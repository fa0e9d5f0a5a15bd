"""The people of the demo's disputes: who they are follows from the case, and anybody sees that they
are made up (测 in every name, phones 1990000xxxx, identity numbers of no place and with a wrong
check digit)."""

import numpy as np
from numpy.typing import NDArray

from etl.demo.catalogue import CHANNELS, OPENINGS
from etl.demo.simulate import Cases
from etl.demo.world import DAY, Ints, World

Texts = NDArray[np.object_]

# Systems that keep a list of those concerned; what they write names every third of them.
LISTING = tuple(CHANNELS.index(name) for name in ("mediation", "petition", "window"))
SURNAMES = "张王李赵陈刘杨黄周吴徐孙胡朱高林何郭马罗"
STEMS = "甲乙丙丁戊己庚辛壬癸"
POOL = len(SURNAMES) * len(STEMS) ** 2  # people of the county who quarrel, some of them often
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # GB 11643, the check digit
CHECKS = "10X98765432"
ROLES = ("申请人", "被申请人", "受害人")
SAYS = {
    "mediation": "当事人{name}（电话{phone}）申请调解，称",
    "petition": "{name}（身份证号{id_number}）来信反映",
    "window": "来访人{name}（{phone}）反映",
}


def openings(world: World, channel: str, cases: Cases) -> Texts:
    """How each summary of a channel begins; of some disputes with who says so."""
    number = CHANNELS.index(channel)
    texts = np.full(len(cases), OPENINGS[number], dtype=object)
    if channel in SAYS:
        told = np.flatnonzero(has_parties(world, cases) & (_drawn(cases, 3) % 3 == 0))
        for place, who in zip(told.tolist(), applicant(cases[told]).tolist(), strict=True):
            texts[place] = SAYS[channel].format(
                name=name(who), phone=phone(who), id_number=id_number(who)
            )
    return texts


def seats(cases: Cases) -> tuple[Ints, Ints, Ints]:
    """Of cases with parties: which case, which of ROLES, and who; two a case, three where somebody
    was hurt."""
    first = applicant(cases)
    second = (first + 1 + _drawn(cases, 1) % (POOL - 1)) % POOL
    third = (second + 1 + _drawn(cases, 2) % (POOL - 2)) % POOL
    takes = np.array([np.ones(len(cases)), np.ones(len(cases)), _drawn(cases, 4) % 12 == 0], bool)
    which, seat = np.nonzero(takes.T)
    return which, seat, np.array([first, second, third]).T[takes.T]


def has_parties(world: World, cases: Cases) -> NDArray[np.bool_]:
    """Whether a system knows who is concerned: of every second dispute that it lists."""
    listed = np.isin(cases["channel"], LISTING) & world.topic_is_dispute[cases["category"]]
    return listed & (_drawn(cases, 0) % 2 == 0)


def applicant(cases: Cases) -> Ints:
    """Who brought each case, as a position in the pool."""
    return _drawn(cases, 5) % POOL


def name(who: int) -> str:
    """张测甲, 王测甲乙."""
    given = STEMS[who // 20 % 10] + (STEMS[who // 200] if who >= 200 else "")
    return f"{SURNAMES[who % 20]}测{given}"


def phone(who: int) -> str:
    return f"1990000{who:04d}"


def is_child(who: int) -> bool:
    return who % 50 == 7


def id_number(who: int) -> str:
    """18 signs; the first six are no place, and the last is not the one that it should be."""
    year = 2015 if is_child(who) else 1945 + who % 61
    digits = f"000000{year}{who % 12 + 1:02d}{who % 28 + 1:02d}{who % 1000:03d}"
    right = sum(int(d) * w for d, w in zip(digits, WEIGHTS, strict=True)) % 11
    return digits + CHECKS[(right + 1) % 11]


def _drawn(cases: Cases, salt: int) -> Ints:
    """A number of each case that depends on nothing but the case: however often it is told of."""
    mixed = cases["serial"].astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed += cases["channel"].astype(np.uint64) * np.uint64(0xBF58476D1CE4E5B9)
    mixed += (cases["reported"] // DAY).astype(np.uint64) * np.uint64(0x94D049BB133111EB)
    mixed += np.full(len(cases), salt * 0xD6E8FEB86659FD93 % 2**64, dtype=np.uint64)
    mixed ^= mixed >> np.uint64(31)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(29)
    return (mixed >> np.uint64(8)).astype(np.int64)
