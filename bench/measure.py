"""Measures every number of the wall on one million cases with over four million steps.

The edition is made once, directly in SQL, and kept in var/bench: two years of a county of 2,262
grids; 2 % of the cases are reopened, 1 % suspended, 3 % extended, some change department.
"""

import statistics
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from bench.figure import Figure
from data.compare import compare
from data.editions.edition import SCHEMA_VERSION, Edition, open_edition, write_meta
from data.editions.tables import create_tables
from data.measure import measure
from data.scope import Grant, Scope
from data.site import Site

TARGET_MS = 40.0
CASES, GRIDS, DAYS = 1_000_000, 2262, 730
CALLS = 30
KEPT = Path(__file__).parents[1] / "var" / "bench"
VERSION = 3  # of what `write` writes
UNTIL = datetime(2026, 11, 1)
BEGIN = UNTIL - timedelta(days=DAYS)
TREE = (("town", "镇街", None), ("village", "村社", "town"), ("grid", "网格", "village"))
SITE = Site.model_validate(
    {
        "name": "bench",
        "title": "百万件",
        "zone": "Asia/Shanghai",
        "levels": [{"key": k, "name": n, "files": ["x"], "parent": up} for k, n, up in TREE],
    }
)
MONTH = Scope(since=UNTIL - timedelta(days=30), until=UNTIL)
WEEK = Scope(since=UNTIL - timedelta(days=7), until=UNTIL)
TODAY = Scope(since=UNTIL - timedelta(days=1), until=UNTIL)

# What the wall asks: panels, map and header.
NUMBERS: tuple[tuple[str, tuple[str, ...], Scope], ...] = (
    ("accepted", (), TODAY),
    ("accepted", ("category",), MONTH),
    ("accepted", ("day",), MONTH),
    ("accepted", ("grid",), MONTH),
    ("per_10k", ("grid",), MONTH),
    ("closed", (), TODAY),
    ("closed", ("day",), MONTH),
    ("reopened", (), MONTH),
    ("arrivals", ("stage",), TODAY),
    ("open", ("risk",), MONTH),
    ("open", ("status",), MONTH),
    ("open", ("grid", "risk"), MONTH),
    ("open", ("lamp",), MONTH),
    ("in_hand", ("stage",), MONTH),
    ("overdue_open_rate", ("risk",), MONTH),
    ("overdue_open_rate", ("grid",), MONTH),
    ("due_open", ("department",), TODAY),
    ("closure_rate", ("department",), MONTH),
    ("closure_rate", ("grid",), MONTH),
    ("on_time_closure_rate", ("department",), MONTH),
    ("on_time_closure_rate", ("grid",), MONTH),
    ("on_time_share_of_closed", ("department",), MONTH),
    ("closure_flow_rate", (), WEEK),
    ("closed_to_accepted", (), MONTH),
    ("late_rate", ("department",), MONTH),
    ("resolution_rate", ("town",), MONTH),
    ("acceptance_on_time_rate", (), MONTH),
    ("handling_hours_median", (), MONTH),
    ("first_response_hours_median", (), MONTH),
    ("located_rate", (), MONTH),
    ("categorised_rate", (), MONTH),
)
COMPARISONS: tuple[tuple[str, tuple[str, ...], Scope], ...] = (
    ("accepted", ("category",), WEEK),
    ("closure_rate", ("department",), WEEK),
    ("on_time_closure_rate", (), WEEK),
    ("open", ("risk",), WEEK),
    ("closed", (), WEEK),
    ("overdue_open_rate", (), WEEK),
)


def figures() -> list[Figure]:
    """The p95 of every number: issue, name, measured, unit, target, ok."""
    edition = opened()
    try:
        found = [_number(edition, *asked) for asked in NUMBERS]
        found += [_comparison(edition, *asked, "previous") for asked in COMPARISONS]
        found += [_comparison(edition, *asked, "year") for asked in COMPARISONS]
    finally:
        edition.close()
    return found


def opened() -> Edition:
    """The edition, made where it is not there yet."""
    file = KEPT / f"measure-{VERSION}-{SCHEMA_VERSION}.duckdb"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_suffix(".part")
        unfinished.unlink(missing_ok=True)
        write(unfinished)
        unfinished.rename(file)
    return open_edition(file)


def _number(edition: Edition, key: str, by: tuple[str, ...], scope: Scope) -> Figure:
    name = "_".join(["measure", key, *(("by", *by) if by else ())])
    return _figure(name, lambda: measure(edition, key, by, scope, Grant.full()))


def _comparison(edition: Edition, key: str, by: tuple[str, ...], scope: Scope, base: Any) -> Figure:
    name = "_".join(["compare", base, key, *(("by", *by) if by else ())])
    return _figure(name, lambda: compare(edition, key, by, scope, Grant.full(), base))


def _figure(name: str, ask: Callable[[], Any]) -> Figure:
    ask()  # the first reads the file
    p95 = statistics.quantiles([_milliseconds(ask) for _ in range(CALLS)], n=20)[-1]
    return Figure(f"{name}_p95", p95, "ms", TARGET_MS)


def _milliseconds(ask: Callable[[], Any]) -> float:
    start = time.perf_counter()
    ask()
    return (time.perf_counter() - start) * 1000


# The edition


def write(file: Path) -> None:
    """Write the edition to `file`."""
    connection = duckdb.connect(str(file))
    create_tables(connection, SITE)
    params = {"begin": BEGIN, "until": UNTIL}
    connection.execute(HAPPENED, params)
    connection.execute(CASE_ROWS)
    connection.execute(STEP_ROWS, {"until": UNTIL})
    for layer, width in (("town", 126), ("village", 10), ("grid", 1)):
        connection.execute(GRID_ROWS.format(layer=layer, width=width, up=PARENTS[layer]))
    write_meta(connection, SITE, number=1, data_time=UNTIL, published_at=UNTIL)
    connection.execute("DROP TABLE happened")
    connection.execute("CHECKPOINT")
    connection.close()


PARENTS = {"town": "NULL", "village": "'town' || i * 10 // 126", "grid": "'village' || i // 10"}

# One row a case: what happened when, as far as it happened before the data time.
HAPPENED = """
CREATE TABLE happened AS
WITH random AS (
    SELECT i, hash(i) AS a, hash(i, 1) AS b, hash(i, 2) AS c, hash(i, 3) AS d, hash(i, 4) AS e,
           $begin + to_microseconds((i * 63.072 * 1000000)::BIGINT) AS reported
    FROM range(1000000) AS numbers(i)
), plan AS (
    SELECT *, reported + to_minutes((a % 600)::INTEGER) AS accepted,
           accepted + to_minutes((b % 600)::INTEGER) AS dispatched,
           dispatched + to_minutes((c % 600)::INTEGER) AS responded,
           CASE WHEN d % 100 < 97 THEN responded + to_minutes(
               (60 + pow(e % 10000 / 10000.0, 4) * 60 * 24 * 45)::INTEGER) END AS closed,
           CASE WHEN e % 50 = 0 THEN closed + INTERVAL 2 DAY END AS reopened,
           CASE WHEN e % 100 = 0 THEN closed + INTERVAL 6 DAY END AS closed_again,
           CASE WHEN e % 100 = 1 THEN responded + INTERVAL 10 MINUTE END AS suspended,
           CASE WHEN e % 100 = 1 THEN responded + INTERVAL 40 MINUTE END AS resumed,
           CASE WHEN e % 33 = 2 THEN responded + INTERVAL 20 MINUTE END AS extended,
           CASE WHEN e % 20 = 3 THEN responded + INTERVAL 30 MINUTE END AS transferred,
           reported + to_days((2 + b % 12)::INTEGER) AS first_due
    FROM random
)
SELECT * REPLACE (
    CASE WHEN accepted <= $until THEN accepted END AS accepted,
    CASE WHEN dispatched <= $until THEN dispatched END AS dispatched,
    CASE WHEN responded <= $until THEN responded END AS responded,
    CASE WHEN closed <= $until THEN closed END AS closed,
    CASE WHEN reopened <= $until THEN reopened END AS reopened,
    CASE WHEN closed_again <= $until THEN closed_again END AS closed_again,
    CASE WHEN suspended <= $until THEN suspended END AS suspended,
    CASE WHEN resumed <= $until THEN resumed END AS resumed,
    CASE WHEN extended <= $until THEN extended END AS extended,
    CASE WHEN transferred <= $until THEN transferred END AS transferred),
    upper(substr(md5(i::VARCHAR), 1, 13)) AS case_code, 'd' || d % 30 AS department,
    CASE WHEN transferred <= $until THEN 'd' || e % 30 ELSE 'd' || d % 30 END AS department_now,
    CASE WHEN e % 20 < 1 THEN 'red' WHEN e % 20 < 5 THEN 'yellow' ELSE 'blue' END AS risk,
    CASE WHEN a % 10 < 8 THEN 'resolved' ELSE 'unresolved' END AS outcome,
    CASE WHEN extended <= $until THEN first_due + INTERVAL 7 DAY ELSE first_due END AS due,
    CASE WHEN closed_again <= $until THEN closed_again WHEN reopened <= $until THEN NULL
         WHEN closed <= $until THEN closed END AS closed_now
FROM plan
"""

CASE_ROWS = """
INSERT INTO cases BY NAME
SELECT case_code, 'hotline' AS source, i::VARCHAR AS source_key, lpad((1 + a % 15)::VARCHAR, 2, '0')
           AS channel, CASE WHEN b % 3 = 0 THEN 'dispute' ELSE 'service' END AS kind,
       'c' || c % 17 AS category, CASE WHEN dispatched IS NOT NULL THEN department_now END
           AS department, risk, 'R1' AS risk_rule,
       CASE WHEN closed_now IS NOT NULL THEN '80' WHEN reopened IS NOT NULL THEN '88'
            WHEN suspended IS NOT NULL AND resumed IS NULL THEN '63'
            WHEN responded IS NOT NULL THEN '60' WHEN dispatched IS NOT NULL THEN '50'
            WHEN accepted IS NOT NULL THEN '30' ELSE '10' END AS status,
       CASE WHEN closed_now IS NOT NULL THEN outcome END AS outcome, 'village' AS handling_level,
       '关于某小区物业服务问题的投诉' || i AS title,
       '来电人反映某小区物业服务不到位，要求有关部门尽快处理并答复：' || md5(i::VARCHAR) AS summary,
       '某路' || a % 1000 || '号' AS place_text, reported - to_hours((a % 40)::INTEGER)
           AS happened_at, reported AS reported_at, accepted AS accepted_at,
       dispatched AS dispatched_at, responded AS responded_at, closed_now AS closed_at,
       reported + INTERVAL 8 HOUR AS accept_due_at, due AS due_at,
       due - INTERVAL 1 DAY AS warn_at, greatest(reported, accepted, dispatched, responded, closed,
           reopened, closed_again, suspended, resumed, extended, transferred) AS last_step_at,
       'second' AS precision,
       (reopened IS NOT NULL)::INTEGER AS reopen_count, 112.9 + a % 10000 / 20000.0 AS lon,
       28.1 + b % 10000 / 20000.0 AS lat, CASE WHEN a % 50 = 0 THEN 'placeholder' ELSE 'ok' END
           AS point_quality, c % 100 > 0 AS is_located, md5(case_code) AS row_hash,
       'hotline.csv' AS member, i AS line, CASE WHEN c % 100 > 0 THEN 'town' || c % 2262 // 126 END
           AS town, CASE WHEN c % 100 > 0 THEN 'village' || c % 2262 // 10 END AS village,
       CASE WHEN c % 100 > 0 THEN 'grid' || c % 2262 END AS grid
FROM happened ORDER BY reported
"""

STEP_ROWS = """
INSERT INTO steps BY NAME
WITH step AS (
    SELECT case_code, kind, time AS "at", row_number() OVER (PARTITION BY case_code ORDER BY time)
               AS seq, coalesce(lag(time) OVER (PARTITION BY case_code ORDER BY time), time)
               AS since, h.*
    FROM (
        UNPIVOT (SELECT case_code, reported AS register, accepted AS accept, dispatched AS dispatch,
                        responded AS respond, suspended AS suspend, resumed AS resume,
                        extended AS extend, transferred AS transfer, closed AS close,
                        reopened AS reopen, closed_again AS close_again FROM happened)
        ON COLUMNS(* EXCLUDE case_code) INTO NAME kind VALUE time
    ) JOIN (SELECT * FROM happened) h USING (case_code)
)
SELECT case_code, seq::INTEGER AS seq, "at", since, replace(kind, '_again', '') AS kind,
       CASE kind WHEN 'dispatch' THEN department WHEN 'transfer' THEN department_now END
           AS department,
       CASE kind WHEN 'register' THEN NULL WHEN 'accept' THEN '10' WHEN 'dispatch' THEN '30'
                 WHEN 'respond' THEN '50' WHEN 'resume' THEN '63' WHEN 'reopen' THEN '80'
                 WHEN 'close_again' THEN '88' ELSE '60' END AS status_before,
       CASE WHEN kind IN ('register', 'accept', 'dispatch') THEN NULL
            WHEN transferred < "at" THEN department_now ELSE department END AS department_before,
       CASE WHEN kind <> 'register' THEN risk END AS risk_before,
       CASE WHEN kind <> 'register' THEN 'village' END AS handling_before,
       CASE WHEN kind = 'reopen' THEN outcome END AS outcome_before,
       CASE WHEN kind = 'register' THEN NULL
            WHEN extended < "at" THEN first_due + INTERVAL 7 DAY ELSE first_due END AS due_before,
       due_before - INTERVAL 1 DAY AS warn_before,
       CASE WHEN kind = 'reopen' THEN closed END AS closed_before
FROM step WHERE "at" <= $until ORDER BY "at", seq
"""

GRID_ROWS = """
INSERT INTO grids BY NAME
SELECT DISTINCT '{layer}' AS layer, '{layer}' || i AS code, '{layer}' || i AS name,
       {up} AS parent, 400 * {width} AS population
FROM (SELECT DISTINCT range // {width} AS i FROM range(2262))
"""
