"""Indicators 指标: every number the centre shows, defined once, with a worked example.

Formulas and their ids: DOMAIN 2.5. W = [since, until) is the window, T the as-of time.

An example is (rows, answer). Each row is a case, asked for the week W = [2026-11-02, 2026-11-09) at
its end; what a row does not name is as in a case accepted on 2026-11-02 and open since. `steps` are
folded by the status machine; `follow_ups` are (due, done, result), `evaluations` (at, said). There
are three grids with 1,000 people. tests/data/test_indicators.py runs them all.
"""

from dataclasses import dataclass
from typing import Any, Literal

from data.dimensions import UnknownName

INDICATORS: dict[str, "Indicator"] = {}

OPEN = "accepted_at IS NOT NULL AND closed_at IS NULL AND status IS DISTINCT FROM '21'"
DISPUTE = "kind = 'dispute'"
LATE = "coalesce(closed_at, $as_of) > due_at"
# A closing step closes only what is open, so that a repeated one is no second closure; and one
# before acceptance is a flaw of the data. With this the flow rate cannot exceed 1.
CLOSURE = "step IN ('close', 'withdraw') AND closed_before IS NULL AND step_at >= accepted_at"
REOPENING = "step = 'reopen' AND closed_before IS NOT NULL"
# 退单: back from the department to the centre; back from the check is 返工.
RETURNED = "step = 'return' AND status_before IN ('50', '60', '61', '62', '71', '88')"
RESOLVED = f"{DISPUTE} AND outcome = 'resolved'"
# A resolution ends in a reopening or still stands: the two count every one once.
RELAPSED = f"{DISPUTE} AND {REOPENING} AND outcome_before = 'resolved'"
WATCHED = "INTERVAL 90 DAY"  # after closure: how long a resolution is watched (DOMAIN K15)
SAID = "satisfaction IN ('satisfied', 'fair', 'dissatisfied')"  # 有效评价
FOLLOWED_UP = "followed_up_at <= follow_up_due_at AND follow_up_result IS DISTINCT FROM 'unreached'"
HAS_DAYS = "precision NOT IN ('year', 'month')"


@dataclass(frozen=True)
class Count:
    """How many rows of a table, at the state of T, meet `where`, and when they count.

    `at` is the column of the event that must fall in W; or "stock(as_of)", what is there at T; or
    "stock(since)", what was open just before W began. All columns of `cases` may be used, and
    `is_evaluated`; counting what belongs to cases also those of data/state.py OF_CASES.
    `watched_until` is 90 days after the closure. `$as_of` is T.
    """

    table: Literal["cases", "steps", "follow_ups", "evaluations"] = "cases"
    where: str = "true"
    at: str = "accepted_at"


@dataclass(frozen=True)
class Indicator:
    """What is divided by what.

    `denominator` is the sum of its counts, () for none. A `quantile` takes `take` of `of` over the
    rows of the numerator. `per` names the column of `grids` that divides, times `times`.
    """

    key: str
    name: str
    unit: str
    kind: Literal["count", "rate", "quantile", "per_population"]
    numerator: Count
    denominator: tuple[Count, ...] = ()
    meaning: str = ""
    example: tuple[tuple[dict[str, Any], ...], float | None] = ((), None)
    id: str = ""
    of: str = ""
    take: str = ""
    per: str = ""
    times: int = 1

    def __post_init__(self) -> None:
        INDICATORS[self.key] = self

    @property
    def is_additive(self) -> bool:
        """Whether numerators, and denominators, of disjoint groups may be added."""
        return self.kind != "quantile" or self.take == "mean"


def indicator_of(key: str) -> Indicator:
    """The indicator of that key; UnknownName where there is none."""
    if key not in INDICATORS:
        raise UnknownName("指标", key, list(INDICATORS))
    return INDICATORS[key]


REGISTERED = Indicator(
    key="registered",
    name="登记数",
    unit="件",
    kind="count",
    numerator=Count(at="reported_at"),
    meaning="期内登记的事项数，含尚未受理和不予受理的。",
    example=(({}, {"accepted_at": None}, {"reported_at": "2026-11-09"}), 2),
)

ACCEPTED = Indicator(
    key="accepted",
    id="K01",
    name="受理数",
    unit="件",
    kind="count",
    numerator=Count(),
    meaning="期内受理的事项数；来源没有受理时间的，按登记时间。",
    example=(({}, {"accepted_at": "2026-11-09"}, {"accepted_at": "2026-11-08 23:59:59"}), 2),
)

ACCEPTANCE_ON_TIME_RATE = Indicator(
    key="acceptance_on_time_rate",
    id="K02",
    name="受理及时率",
    unit="%",
    kind="rate",
    numerator=Count(
        where="accept_due_at <= $as_of AND accepted_at <= accept_due_at", at="reported_at"
    ),
    denominator=(Count(where="accept_due_at <= $as_of", at="reported_at"),),
    meaning="期内登记、受理时限已到的事项中，在时限内受理的比例；时限未到的暂不计入，已受理的也不计。",
    example=(
        (
            {"accept_due_at": "2026-11-03"},
            {"accept_due_at": "2026-11-03", "accepted_at": "2026-11-04"},
            {"accept_due_at": "2026-11-03", "accepted_at": None},
            {"accept_due_at": "2026-11-10"},
            {"accept_due_at": None},
        ),
        1 / 3,
    ),
)

CLOSURE_RATE = Indicator(
    key="closure_rate",
    id="K03",
    name="办结率",
    unit="%",
    kind="rate",
    numerator=Count(where="closed_at IS NOT NULL"),
    denominator=(Count(),),
    meaning="期内受理的事项中，到截止时点已办结的比例（同期群）；按受理时间归期，重新打开的不算办结。",
    example=(({}, {"closed_at": "2026-11-03"}), 0.5),
)

CLOSURE_FLOW_RATE = Indicator(
    key="closure_flow_rate",
    id="K03b",
    name="办结率（期间）",
    unit="%",
    kind="rate",
    numerator=Count("steps", CLOSURE, at="step_at"),
    denominator=(
        Count(at="stock(since)"),
        Count(),
        Count("steps", REOPENING, at="step_at"),
    ),
    meaning="期内办结次数 ÷（期初在办 + 期内受理 + 期内重新打开）；数的是办结次数，不超过 100%。",
    example=(
        (
            {"accepted_at": "2026-10-20"},
            {"accepted_at": "2026-10-20", "steps": [("close", "2026-11-01")]},
            {"steps": [("close", "2026-11-03"), ("reopen", "2026-11-04")]},
            {"steps": [("close", "2026-11-05")]},
        ),
        2 / 4,
    ),
)

CLOSED_TO_ACCEPTED = Indicator(
    key="closed_to_accepted",
    id="K03c",
    name="结收比",
    unit="%",
    kind="rate",
    numerator=Count(where="closed_at IS NOT NULL", at="closed_at"),
    denominator=(Count(),),
    meaning="期内办结的事项数 ÷ 期内受理的事项数；可超过 100%，不是办结率。",
    example=(
        (
            {"accepted_at": "2026-10-20", "closed_at": "2026-11-03"},
            {"closed_at": "2026-11-03"},
        ),
        2.0,
    ),
)

ON_TIME_CLOSURE_RATE = Indicator(
    key="on_time_closure_rate",
    id="K04",
    name="按时办结率",
    unit="%",
    kind="rate",
    numerator=Count(where="due_at < $as_of AND closed_at <= due_at", at="due_at"),
    denominator=(Count(where="due_at < $as_of", at="due_at"),),
    meaning="办理期限在期内且已过的事项中，按时办结的比例；期限以批准的延期为准，超期仍在办的计入分母。",
    example=(
        (
            {"due_at": "2026-11-04", "closed_at": "2026-11-04"},
            {"due_at": "2026-11-04", "closed_at": "2026-11-05"},
            {"due_at": "2026-11-04"},
            {"due_at": "2026-11-10", "closed_at": "2026-11-03"},
            {"due_at": None, "closed_at": "2026-11-03"},
        ),
        1 / 3,
    ),
)

ON_TIME_SHARE_OF_CLOSED = Indicator(
    key="on_time_share_of_closed",
    id="K04b",
    name="按时结案率",
    unit="%",
    kind="rate",
    numerator=Count(where="closed_at <= due_at", at="closed_at"),
    denominator=(Count(where="closed_at IS NOT NULL", at="closed_at"),),
    meaning="期内办结的事项中按时办结的比例；看不到超期仍在办的，须与按时办结率并列。",
    example=(
        (
            {"due_at": "2026-11-04", "closed_at": "2026-11-04"},
            {"due_at": "2026-11-04", "closed_at": "2026-11-05"},
            {"due_at": "2026-11-04"},
        ),
        0.5,
    ),
)

OPEN_CASES = Indicator(
    key="open",
    name="在办数",
    unit="件",
    kind="count",
    numerator=Count(where=OPEN, at="stock(as_of)"),
    meaning="截止时点已受理、未办结的事项数；与起止时间无关。",
    example=(
        (
            {},
            {"closed_at": "2026-11-03"},
            {"steps": [("close", "2026-11-03"), ("reopen", "2026-11-04")]},
            {"accepted_at": None},
            {"status": "21"},
        ),
        2,
    ),
)

IN_HAND = Indicator(
    key="in_hand",
    name="未办结数（含待受理）",
    unit="件",
    kind="count",
    numerator=Count(where="closed_at IS NULL AND status IS DISTINCT FROM '21'", at="stock(as_of)"),
    meaning="截止时点已登记、未办结的事项数，含待受理的；与起止时间无关。",
    example=(({}, {"accepted_at": None}, {"closed_at": "2026-11-03"}), 2),
)

OVERDUE_OPEN = Indicator(
    key="overdue_open",
    name="超期在办数",
    unit="件",
    kind="count",
    numerator=Count(where=f"{OPEN} AND due_at < $as_of", at="stock(as_of)"),
    meaning="截止时点在办、已过办理期限的事项数；与起止时间无关。",
    example=(({"due_at": "2026-11-08"}, {"due_at": "2026-11-09"}, {}), 1),
)

DUE_OPEN = Indicator(
    key="due_open",
    name="到期在办数",
    unit="件",
    kind="count",
    numerator=Count(where=OPEN, at="due_at"),
    meaning="办理期限在期内、截止时点仍在办的事项数；如今日到期。",
    example=(({"due_at": "2026-11-08"}, {"due_at": "2026-11-09"}, {}), 1),
)

OVERDUE_OPEN_RATE = Indicator(
    key="overdue_open_rate",
    id="K05",
    name="超期率",
    unit="%",
    kind="rate",
    numerator=Count(where=f"{OPEN} AND due_at < $as_of", at="stock(as_of)"),
    denominator=(Count(where=OPEN, at="stock(as_of)"),),
    meaning="截止时点的在办事项中，已过办理期限的比例；与起止时间无关。",
    example=(
        (
            {"due_at": "2026-11-08"},
            {"due_at": "2026-11-09"},
            {"due_at": None},
            {"due_at": "2026-11-03", "closed_at": "2026-11-05"},
        ),
        1 / 3,
    ),
)

LATE_RATE = Indicator(
    key="late_rate",
    name="逾期率（受理群）",
    unit="%",
    kind="rate",
    numerator=Count(where=LATE),
    denominator=(Count(where="due_at IS NOT NULL"),),
    meaning="期内受理、有办理期限的事项中，到截止时点已逾期的比例：逾期办结，或仍在办且期限已过。",
    example=(
        (
            {"due_at": "2026-11-04", "closed_at": "2026-11-05"},
            {"due_at": "2026-11-04", "closed_at": "2026-11-04"},
            {"due_at": "2026-11-04"},
            {"due_at": "2026-11-09"},
            {"due_at": None},
        ),
        0.5,
    ),
)

RESOLUTION_RATE = Indicator(
    key="resolution_rate",
    id="K06",
    name="化解率",
    unit="%",
    kind="rate",
    numerator=Count(where=f"{DISPUTE} AND closed_at IS NOT NULL AND outcome = 'resolved'"),
    denominator=(Count(where=DISPUTE),),
    meaning="期内受理的矛盾纠纷中，到截止时点化解成功的比例。",
    example=(
        (
            {"kind": "dispute", "closed_at": "2026-11-03", "outcome": "resolved"},
            {"kind": "dispute", "closed_at": "2026-11-03", "outcome": "unresolved"},
            {"kind": "dispute"},
            {"kind": "event", "closed_at": "2026-11-03", "outcome": "resolved"},
        ),
        1 / 3,
    ),
)

MEDIATION_SUCCESS_RATE = Indicator(
    key="mediation_success_rate",
    id="K07",
    name="调解成功率",
    unit="%",
    kind="rate",
    numerator=Count(where=RESOLVED, at="closed_at"),
    denominator=(
        Count(where=f"{DISPUTE} AND outcome IN ('resolved', 'unresolved')", at="closed_at"),
    ),
    meaning="期内办结、已有成败的矛盾纠纷中，化解成功的比例；撤回和导入司法的不计。",
    example=(
        (
            {"kind": "dispute", "closed_at": "2026-11-03", "outcome": "resolved"},
            {"kind": "dispute", "closed_at": "2026-11-04", "outcome": "unresolved"},
            {"kind": "dispute", "closed_at": "2026-11-04", "outcome": "judicial"},
            {"kind": "dispute"},
            {"kind": "event", "closed_at": "2026-11-03", "outcome": "resolved"},
        ),
        0.5,
    ),
)

REBOUND_RATE = Indicator(
    key="rebound_rate",
    id="K15",
    name="反弹率（90日）",
    unit="%",
    kind="rate",
    numerator=Count(
        "steps",
        f"{RELAPSED} AND watched_until <= $as_of AND step_at <= watched_until",
        at="watched_until",
    ),
    denominator=(
        Count(
            where=f"{RESOLVED} AND closed_at IS NOT NULL AND watched_until <= $as_of",
            at="watched_until",
        ),
        Count("steps", f"{RELAPSED} AND watched_until <= $as_of", at="watched_until"),
    ),
    meaning="化解成功、在期内满 90 日的矛盾纠纷中，90 日内又重新打开的比例；不满 90 日的不计入。"
    "化解几次计几次；另立新案的复发不在内。",
    example=(
        (
            {
                "kind": "dispute",
                "accepted_at": "2026-07-01",
                "steps": [
                    {"kind": "close", "at": "2026-08-05", "outcome": "resolved"},
                    {"kind": "reopen", "at": "2026-08-20"},
                    {"kind": "close", "at": "2026-11-04", "outcome": "resolved"},
                ],
            },
            {
                "kind": "dispute",
                "accepted_at": "2026-07-01",
                "closed_at": "2026-08-06",
                "outcome": "resolved",
            },
            {
                "kind": "dispute",
                "accepted_at": "2026-07-01",
                "closed_at": "2026-08-06",
                "outcome": "unresolved",
            },
            {
                "kind": "dispute",
                "accepted_at": "2026-07-01",
                "steps": [
                    {"kind": "close", "at": "2026-08-05", "outcome": "resolved"},
                    {"kind": "reopen", "at": "2026-11-06"},
                ],
            },
        ),
        1 / 3,
    ),
)

GRASSROOTS_RESOLUTION_RATE = Indicator(
    key="grassroots_resolution_rate",
    id="K16",
    name="基层化解率",
    unit="%",
    kind="rate",
    numerator=Count(
        where=f"{RESOLVED} AND handling_level IN ('grid', 'village', 'town')", at="closed_at"
    ),
    denominator=(Count(where=RESOLVED, at="closed_at"),),
    meaning="期内化解成功的矛盾纠纷中，处置层级在镇街及以下的比例；处置层级按分级处置规则，没有层级的计入分母。",
    example=(
        (
            {
                "kind": "dispute",
                "closed_at": "2026-11-03",
                "outcome": "resolved",
                "handling_level": "village",
            },
            {
                "kind": "dispute",
                "closed_at": "2026-11-03",
                "outcome": "resolved",
                "handling_level": "county",
            },
            {"kind": "dispute", "closed_at": "2026-11-03", "outcome": "resolved"},
            {"kind": "dispute", "handling_level": "village"},
        ),
        1 / 3,
    ),
)

FOLLOW_UP_RATE = Indicator(
    key="follow_up_rate",
    id="K11",
    name="回访率",
    unit="%",
    kind="rate",
    numerator=Count(
        "follow_ups", f"follow_up_due_at <= $as_of AND {FOLLOWED_UP}", at="follow_up_due_at"
    ),
    denominator=(Count("follow_ups", "follow_up_due_at <= $as_of", at="follow_up_due_at"),),
    meaning="应回访时间在期内且已到的回访中，按时完成的比例；未联系上的不算完成。应回访以回访系统送来的为准。",
    example=(
        (
            {"follow_ups": [("2026-11-04", "2026-11-03", "stable")]},
            {"follow_ups": [("2026-11-04", "2026-11-05", "stable")]},
            {"follow_ups": [("2026-11-04", "2026-11-04", "unreached"), ("2026-11-05",)]},
            {"follow_ups": [("2026-11-10", "2026-11-04", "stable")]},
        ),
        1 / 4,
    ),
)

EVALUATIONS = Indicator(
    key="evaluations",
    name="有效评价数",
    unit="次",
    kind="count",
    numerator=Count("evaluations", SAID, at="evaluated_at"),
    meaning="期内的有效评价数：满意、基本满意和不满意；未评价的不算。",
    example=(
        ({"evaluations": [("2026-11-04", "fair"), ("2026-11-05", "none")]}, {}),
        1,
    ),
)

SATISFACTION_RATE = Indicator(
    key="satisfaction_rate",
    id="K12",
    name="满意率",
    unit="%",
    kind="rate",
    numerator=Count("evaluations", "satisfaction IN ('satisfied', 'fair')", at="evaluated_at"),
    denominator=(Count("evaluations", SAID, at="evaluated_at"),),
    meaning="期内有效评价中满意和基本满意的比例；须与参评率并列。",
    example=(
        (
            {"evaluations": [("2026-11-04", "satisfied")]},
            {"evaluations": [("2026-11-04", "fair"), ("2026-11-05", "none")]},
            {"evaluations": [("2026-11-04", "dissatisfied"), ("2026-11-10", "fair")]},
        ),
        2 / 3,
    ),
)

STRICT_SATISFACTION_RATE = Indicator(
    key="strict_satisfaction_rate",
    id="K12",
    name="满意率（不含基本满意）",
    unit="%",
    kind="rate",
    numerator=Count("evaluations", "satisfaction = 'satisfied'", at="evaluated_at"),
    denominator=SATISFACTION_RATE.denominator,
    meaning="期内有效评价中满意的比例，基本满意不算；须与参评率并列。",
    example=(
        (
            {"evaluations": [("2026-11-04", "satisfied")]},
            {"evaluations": [("2026-11-04", "fair")]},
            {"evaluations": [("2026-11-04", "dissatisfied")]},
        ),
        1 / 3,
    ),
)

EVALUATION_RATE = Indicator(
    key="evaluation_rate",
    id="K12",
    name="参评率",
    unit="%",
    kind="rate",
    numerator=Count(where="closed_at IS NOT NULL AND is_evaluated", at="closed_at"),
    denominator=(Count(where="closed_at IS NOT NULL", at="closed_at"),),
    meaning="期内办结的事项中，到截止时点有有效评价的比例。",
    example=(
        (
            {"closed_at": "2026-11-03", "evaluations": [("2026-11-04", "fair")]},
            {"closed_at": "2026-11-03", "evaluations": [("2026-11-04", "none")]},
            {"closed_at": "2026-11-03"},
            {"evaluations": [("2026-11-04", "fair")]},
        ),
        1 / 3,
    ),
)

RETURN_RATE = Indicator(
    key="return_rate",
    id="K10",
    name="退单率",
    unit="%",
    kind="rate",
    numerator=Count("steps", RETURNED, at="step_at"),
    denominator=(Count("steps", "step = 'dispatch'", at="step_at"),),
    meaning="期内承办单位退回的次数 ÷ 期内派遣的次数；退回可能对应期前的派遣。",
    example=(
        (
            {
                "steps": [
                    ("dispatch", "2026-11-03"),
                    ("return", "2026-11-04"),
                    ("dispatch", "2026-11-05"),
                ]
            },
        ),
        0.5,
    ),
)

REWORK_RATE = Indicator(
    key="rework_rate",
    id="K09",
    name="返工率",
    unit="%",
    kind="rate",
    numerator=Count("steps", "step = 'return' AND status_before = '70'", at="step_at"),
    denominator=(Count("steps", "step = 'submit'", at="step_at"),),
    meaning="期内核查不通过退回的次数 ÷ 期内提交核查（处置完成）的次数；没有核查环节的没有此数。",
    example=(
        (
            {"steps": [("submit", "2026-11-03"), ("return", "2026-11-04")]},
            {"steps": [("submit", "2026-11-03")]},
            {"steps": [("dispatch", "2026-11-03"), ("return", "2026-11-04")]},
        ),
        0.5,
    ),
)

DISPUTES = Indicator(
    key="disputes",
    name="矛盾纠纷数",
    unit="件",
    kind="count",
    numerator=Count(where=DISPUTE),
    meaning="期内受理的矛盾纠纷数。",
    example=(({"kind": "dispute"}, {"kind": "event"}), 1),
)

CLOSED = Indicator(
    key="closed",
    name="办结数",
    unit="件",
    kind="count",
    numerator=Count(where="closed_at IS NOT NULL", at="closed_at"),
    meaning="在期内办结、到截止时点未重新打开的事项数；以最后一次办结为准。",
    example=(
        (
            {"accepted_at": "2026-10-20", "closed_at": "2026-11-03"},
            {"steps": [("close", "2026-11-03"), ("reopen", "2026-11-04")]},
        ),
        1,
    ),
)

REOPENED = Indicator(
    key="reopened",
    name="重新打开数",
    unit="次",
    kind="count",
    numerator=Count("steps", REOPENING, at="step_at"),
    meaning="期内已办结又重新打开的次数。",
    example=(
        (
            {"steps": [("close", "2026-11-03"), ("reopen", "2026-11-04")]},
            {"steps": [("close", "2026-11-03"), ("reopen", "2026-11-10")]},
        ),
        1,
    ),
)

ARRIVALS = Indicator(
    key="arrivals",
    name="环节流入数",
    unit="次",
    kind="count",
    numerator=Count("steps", at="step_at"),
    meaning="期内的流转步骤数；按环节分即各环节的流入。",
    example=(({"steps": [("dispatch", "2026-11-03")]}, {}), 5),
)

# Hours are between what local clocks said. Where clocks are put forward and back (Boston, UK, not
# China) one that spans a change is off by an hour; to ask the zone of every row costs 17 times as
# much (515 ms instead of 30 ms per million).
HANDLING_HOURS_MEDIAN = Indicator(
    key="handling_hours_median",
    id="K13",
    name="处理时长中位数",
    unit="小时",
    kind="quantile",
    numerator=Count(where=f"closed_at >= accepted_at AND {HAS_DAYS}", at="closed_at"),
    of="date_diff('microsecond', accepted_at, closed_at) / 3.6e9 - suspended_hours",
    take="median",
    meaning="期内办结事项从受理到最后一次办结的自然小时数，扣除挂起；办结早于受理的不计。按当地钟面相减，跨夏令时切换的差一小时。",
    example=(
        (
            {"closed_at": "2026-11-03"},
            {"closed_at": "2026-11-05"},
            {"closed_at": "2026-11-01"},
            {
                "steps": [
                    ("suspend", "2026-11-03"),
                    ("resume", "2026-11-05"),
                    ("close", "2026-11-06"),
                ]
            },
        ),
        48.0,
    ),
)

HANDLING_HOURS_MEAN = Indicator(
    key="handling_hours_mean",
    id="K13",
    name="平均处理时长",
    unit="小时",
    kind="quantile",
    numerator=HANDLING_HOURS_MEDIAN.numerator,
    of=HANDLING_HOURS_MEDIAN.of,
    take="mean",
    meaning="期内办结事项从受理到最后一次办结的平均自然小时数，扣除挂起；办结早于受理的不计。按当地钟面相减，跨夏令时切换的差一小时。",
    example=(({"closed_at": "2026-11-03"}, {"closed_at": "2026-11-05"}), 48.0),
)

HANDLING_HOURS_P90 = Indicator(
    key="handling_hours_p90",
    id="K13",
    name="处理时长 90 分位",
    unit="小时",
    kind="quantile",
    numerator=HANDLING_HOURS_MEDIAN.numerator,
    of=HANDLING_HOURS_MEDIAN.of,
    take="p90",
    meaning="期内办结事项中，九成的处理时长不超过此数（两数之间线性插值）；扣除挂起；跨夏令时切换的差一小时。",
    example=(({"closed_at": "2026-11-03"}, {"closed_at": "2026-11-04"}), 45.6),
)

CLOSED_BEFORE_ACCEPTED = Indicator(
    key="closed_before_accepted",
    id="K13",
    name="办结早于受理数",
    unit="件",
    kind="count",
    numerator=Count(where="closed_at < accepted_at", at="closed_at"),
    meaning="期内办结、办结时间早于受理时间的事项数；时长不计这些。",
    example=(({"accepted_at": "2026-11-05", "closed_at": "2026-11-03"}, {}), 1),
)

FIRST_RESPONSE_HOURS_MEDIAN = Indicator(
    key="first_response_hours_median",
    id="K14",
    name="首次响应时长中位数",
    unit="小时",
    kind="quantile",
    numerator=Count(where=f"responded_at >= dispatched_at AND {HAS_DAYS}", at="responded_at"),
    of="date_diff('microsecond', dispatched_at, responded_at) / 3.6e9",
    take="median",
    meaning="期内首次响应的事项从派遣到响应的自然小时数的中位数；响应早于派遣的不计。跨夏令时切换的差一小时。",
    example=(
        (
            {"dispatched_at": "2026-11-03 08:00", "responded_at": "2026-11-03 08:30"},
            {"dispatched_at": "2026-11-03 08:30", "responded_at": "2026-11-03 08:00"},
            {"dispatched_at": "2026-11-03 08:00"},
        ),
        0.5,
    ),
)

PER_10K = Indicator(
    key="per_10k",
    id="K18",
    name="万人发案率",
    unit="件/万人",
    kind="per_population",
    numerator=Count(),
    per="population",
    times=10_000,
    meaning="期内受理的事项数 ÷ 范围内网格的人口 × 10000；人口未知的地方没有这个数。",
    example=(({"grid": "g1"}, {"grid": "g2"}, {"grid": None}), 30.0),
)

PER_GRID = Indicator(
    key="per_grid",
    id="K18",
    name="每网格受理数",
    unit="件/网格",
    kind="per_population",
    numerator=Count(),
    per="grids",
    meaning="期内受理的事项数 ÷ 范围内的网格数。",
    example=(({"grid": "g1"}, {"grid": "g2"}, {"grid": None}), 1.0),
)

LOCATED_RATE = Indicator(
    key="located_rate",
    id="K21",
    name="落格率",
    unit="%",
    kind="rate",
    numerator=Count(where="is_located"),
    denominator=(Count(),),
    meaning="期内受理的事项中，能落到主树网格的比例。",
    example=(({"is_located": True}, {"is_located": False}), 0.5),
)

VALID_POINT_RATE = Indicator(
    key="valid_point_rate",
    id="K21",
    name="坐标有效率",
    unit="%",
    kind="rate",
    numerator=Count(where="point_quality = 'ok'"),
    denominator=(Count(),),
    meaning="期内受理的事项中，坐标有效的比例；缺失、占位和界外的坐标不算。",
    example=(({"point_quality": "ok"}, {"point_quality": "placeholder"}), 0.5),
)

CATEGORISED_RATE = Indicator(
    key="categorised_rate",
    id="K21",
    name="分类完整率",
    unit="%",
    kind="rate",
    numerator=Count(where="category IS NOT NULL"),
    denominator=(Count(),),
    meaning="期内受理的事项中，有类别的比例。",
    example=(({"category": "noise"}, {"category": None}), 0.5),
)

LATE_REPORT_RATE = Indicator(
    key="late_report_rate",
    id="K21",
    name="迟报率",
    unit="%",
    kind="rate",
    numerator=Count(where="reported_at > happened_at + INTERVAL 24 HOUR", at="reported_at"),
    denominator=(Count(where="happened_at IS NOT NULL", at="reported_at"),),
    meaning="期内登记、发生时间已知的事项中，发生 24 小时以后才登记的比例。",
    example=(
        (
            {"happened_at": "2026-10-30", "reported_at": "2026-11-02"},
            {"happened_at": "2026-11-02", "reported_at": "2026-11-03"},
            {"happened_at": None},
        ),
        0.5,
    ),
)
