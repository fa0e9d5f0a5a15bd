"""回访: who is asked again after a case was closed, whether it was done, and what people said.

The centre's follow-up system plans a call for every resolved dispute after seven days, and month by
month for half a year where it was grave; what grid workers settle they look after themselves. Those
concerned are asked by message what they think.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from etl.demo.catalogue import CHANNELS
from etl.demo.deliver import Columns, Writer, delimited
from etl.demo.simulate import RESOLVED, UNRESOLVED, Cases
from etl.demo.world import DAY, HOUR, MINUTE, NEVER, Floats, Ints, World

CALL = np.dtype(
    [("channel", "i1"), ("serial", "i4"), ("reported", "i8"), ("number", "i1")]
    + [("is_evaluation", "?"), ("shown", "i8"), ("done", "i8"), ("way", "i1"), ("said", "i1")]
)
Calls = NDArray[np.void]

SYSTEMS = ("12345热线", "网格", "矛调", "信访", "110移送", "来访窗口")  # in the order of CHANNELS
WAYS, RESULTS = ("电话", "上门"), ("平稳", "反弹", "未联系上")
SAID = ("满意", "基本满意", "不满意", "未评价")
FIRST_DAY, MONTH, MONTHS = 7, 30, 6  # days, days, how many
LIST_AT, DUE_AT = 8 * HOUR, 18 * HOUR  # a call is on the list of its day, and due that evening
ANSWERS = np.array([0.38, 0.12, 0.5, 0.3, 0.1, 0.35])  # share of closed cases, by channel
FOLLOW_UPS = delimited("回访编号 业务系统 事项编号 应回访时间 回访时间 回访方式 回访结果 更新时间")
EVALUATIONS = delimited("评价编号 业务系统 事项编号 评价时间 满意度")


def planned(world: World, rng: np.random.Generator, cases: Cases, since: int, until: int) -> Calls:
    """The calls and evaluations that follow from the closures in [since, until)."""
    parts = [np.zeros(0, CALL)]
    for round_, closed, outcome, again in (
        (0, "closed", "outcome", "reopened"),
        (1, "reclosed", "outcome_2", None),
    ):
        mine = cases[(cases[closed] >= since) & (cases[closed] < until)]
        reopened = mine[again] if again else np.full(len(mine), NEVER)
        parts += _calls(world, rng, mine, mine[closed], mine[outcome], reopened, round_)
        parts.append(_answers(rng, mine, mine[closed], mine[outcome], round_))
    return np.concatenate(parts)


def _calls(
    world: World,
    rng: np.random.Generator,
    cases: Cases,
    closed: Ints,
    outcome: Ints,
    reopened: Ints,
    round_: int,
) -> list[Calls]:
    """A call after a week, and where it was grave month by month, while the case stays closed."""
    wanted = world.topic_is_dispute[cases["category"]] & (outcome == RESOLVED)
    wanted &= cases["channel"] != CHANNELS.index("grid_app")
    grave = (cases["people"] >= 10) | cases["is_threat"] | (cases["repeats"] >= 3)
    found = []
    for number in range(MONTHS + 1):
        day = closed // DAY + (number * MONTH if number else FIRST_DAY)
        takes = wanted & (grave | (number == 0)) & (reopened > day * DAY + DUE_AT)
        calls = _of(cases[takes], number + 1 + round_ * 10)
        chance = rng.random((4, len(calls)))
        calls["shown"] = day[takes] * DAY + LIST_AT
        calls["done"] = _done(calls["shown"], chance[0], chance[1])
        calls["way"] = chance[2] < 0.25
        calls["said"] = np.select([chance[3] < 0.02, chance[3] < 0.06], [1, 2], 0)
        found.append(calls)
    return found


def _done(shown: Ints, chance: Floats, when: Floats) -> Ints:
    """Most on their day, some up to three days late, a few never."""
    in_time = shown + (when * (DUE_AT - LIST_AT - MINUTE)).astype(np.int64) + MINUTE
    late = shown + (DUE_AT - LIST_AT) + (when * 3 * DAY).astype(np.int64) + MINUTE
    return np.select([chance < 0.93, chance < 0.97], [in_time, late], NEVER)


def _answers(
    rng: np.random.Generator, cases: Cases, closed: Ints, outcome: Ints, round_: int
) -> Calls:
    """What people say within two days of the closure, where they say anything."""
    chance = rng.random((3, len(cases)))
    takes = (chance[0] < ANSWERS[cases["channel"]]) & (outcome <= UNRESOLVED)
    answers = _of(cases[takes], 1 + round_ * 10)
    answers["is_evaluation"] = True
    answers["done"] = NEVER
    after = 10 * MINUTE + (chance[1] ** 2 * 2 * DAY).astype(np.int64)
    answers["shown"] = (closed + after)[takes]
    is_good = outcome[takes] == RESOLVED
    bounds = [
        np.where(is_good, good, bad) for good, bad in ((0.68, 0.2), (0.88, 0.45), (0.96, 0.9))
    ]
    answers["said"] = np.select([chance[2][takes] < bound for bound in bounds], [0, 1, 2], 3)
    return answers


def _of(cases: Cases, number: int) -> Calls:
    calls = np.zeros(len(cases), CALL)
    for name in ("channel", "serial", "reported"):
        calls[name] = cases[name]
    calls["number"] = number
    return calls


def told(calls: Calls, since: int, until: int) -> Calls:
    """Those of which something happened in [since, until)."""
    return calls[_within(calls["shown"], since, until) | _within(calls["done"], since, until)]


def going_on(calls: Calls, until: int) -> Calls:
    """Those of which something is still to come."""
    done = np.where(calls["done"] < NEVER, calls["done"], 0)
    return calls[np.maximum(calls["shown"], done) >= until]


def _within(moments: Ints, since: int, until: int) -> NDArray[np.bool_]:
    return (moments >= since) & (moments < until)


def follow_up_rows(writer: Writer, calls: Calls, until: int) -> Columns:
    """The columns of the follow-ups among `calls` as they stood at `until`."""
    calls = calls[~calls["is_evaluation"]]
    clock, is_done = writer.words.clocks["dash"], calls["done"] < until
    done = np.where(is_done, calls["done"], NEVER)
    return [
        *_names(writer, calls, "HF"),
        clock(calls["shown"] - LIST_AT + DUE_AT),
        clock(done),
        _words(WAYS, calls["way"], is_done),
        _words(RESULTS, calls["said"], is_done),
        clock(np.where(is_done, calls["done"], calls["shown"])),
    ]


def evaluation_rows(writer: Writer, calls: Calls) -> Columns:
    """The columns of the evaluations among `calls`."""
    calls = calls[calls["is_evaluation"]]
    everywhere = np.ones(len(calls), dtype=bool)
    clock = writer.words.clocks["dash"]
    return [
        *_names(writer, calls, "PJ"),
        clock(calls["shown"]),
        _words(SAID, calls["said"], everywhere),
    ]


def _names(writer: Writer, calls: Calls, prefix: str) -> list[list[str]]:
    """Own number, system and number of the case."""
    keys = writer.keys(calls)
    own = [f"{prefix}{key}-{n}" for key, n in zip(keys, calls["number"].tolist(), strict=True)]
    return [own, np.array(SYSTEMS, dtype=object)[calls["channel"]].tolist(), keys]


def _words(words: Sequence[str], position: Ints, where: NDArray[np.bool_]) -> list[str]:
    return np.where(where, np.array(words, dtype=object)[position], "").tolist()
