"""A small edition on paper: 3 towns of 4 villages of 5 unit-square grids, and some cases."""

import shutil
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from data.editions.store import EditionStore
from data.site import CodeRow, Layer, RiskRule, Site

DATA_TIME = datetime(2026, 11, 20, 14, 30)
TOWNS, VILLAGES, GRIDS = 3, 4, 5
WEST, SOUTH, SIDE = 112.0, 28.0, 0.01
DEPARTMENTS = {"rsj": "人社局", "zjj": "住建局", "gaj": "公安局", "cgj": "城管局", "sfj": "司法局"}
CATEGORIES = {"neighbour": "邻里纠纷", "wages": "劳动报酬", "property": "物业服务"}


def small_site(title: str = "小县综治中心", is_demo: bool = True) -> Site:
    """Three levels as in a county; three risks, one target."""
    return Site(
        name="small",
        title=title,
        zone="Asia/Shanghai",
        is_demo=is_demo,
        levels=(
            Layer(key="town", name="镇街"),
            Layer(key="village", name="村社", parent="parent"),
            Layer(key="grid", name="网格", parent="parent", files=("grids.geojson",)),
        ),
        closure_target=0.95,
        risk=tuple(RiskRule(id=risk, risk=risk) for risk in ("red", "yellow", "blue")),
        departments=tuple(CodeRow(code=c, name=n) for c, n in DEPARTMENTS.items()),
        categories=tuple(CodeRow(code=c, name=n) for c, n in CATEGORIES.items()),
    )


def publish(store: EditionStore, cases: int = 2000, site: Site | None = None, **changes) -> int:
    """One more edition of the small county; `changes` go to `fill`."""
    site = site or small_site()
    with store.building(site) as build:
        wipe(build.connection)
        fill(build.connection, site, cases, **changes)
        return build.publish(changes.get("data_time", DATA_TIME))


def of_another_schema(file: Path) -> None:
    """Make an edition one that another program wrote."""
    with duckdb.connect(str(file)) as connection:
        connection.execute("UPDATE meta SET value = '1' WHERE key = 'schema_version'")


def wipe(connection: duckdb.DuckDBPyConnection) -> None:
    for table in ("cases", "grids", "layers", "departments", "categories", "sources", "batches"):
        connection.execute(f"DELETE FROM {table}")
    for table in ("alerts", "quarantine", "follow_ups", "evaluations", "duty"):
        connection.execute(f"DELETE FROM {table}")


def fill(
    connection: duckdb.DuckDBPyConnection,
    site: Site,
    cases: int,
    data_time: datetime = DATA_TIME,
    places: list[tuple] | None = None,
    alert_ends: datetime | None = None,
) -> None:
    """Everything a wall shows: polygons, names, cases over a year, an alert, quality tables."""
    rows = places or squares()
    connection.executemany(
        "INSERT INTO grids (layer, code, name, parent, population, lon, lat, west, south, east,"
        " north, shape) VALUES ($1, $2, $3, $4, 1000, $5, $6, $7, $8, $9, $10, $11)",
        rows,
    )
    for tier, level in enumerate(site.levels, start=1):
        count = sum(row[0] == level.key for row in rows)
        connection.execute(
            "INSERT INTO layers BY NAME SELECT $1 AS layer, $2 AS name, $3 AS tier, $4 AS polygons,"
            " 0 AS repaired, 0 AS overlap_pairs, 0 AS overlap_km2, 0 AS gap_km2,"
            " 'hash' AS content_hash, 'hash' AS files_hash, '[]' AS report",
            [level.key, level.name, tier, count],
        )
    for table, named in (("departments", DEPARTMENTS), ("categories", CATEGORIES)):
        connection.executemany(f"INSERT INTO {table} (code, name) VALUES ($1, $2)", named.items())
    connection.execute(CASES, {"cases": cases, "data_time": data_time})
    for statement in filter(str.strip, AFTERWARDS.split(";")):
        connection.execute(statement)
    _quality(connection, cases, data_time)
    sent = data_time - timedelta(minutes=20)
    connection.execute(ALERT, {"sent": sent, "ends": alert_ends})


def squares() -> list[tuple]:
    """Grids side by side along a line for each village, villages stacked, towns side by side."""
    rows = []
    for town in range(TOWNS):
        west = WEST + town * GRIDS * SIDE
        rows.append(_square("town", f"T{town}", f"第{town}镇", None, west, SOUTH, GRIDS, VILLAGES))
        for village in range(VILLAGES):
            code, south = f"T{town}V{village}", SOUTH + village * SIDE
            name = f"{town}{village}村"
            rows.append(_square("village", code, name, f"T{town}", west, south, GRIDS, 1))
            rows += [
                _square("grid", f"{code}G{g}", f"{name}{g}格", code, west + g * SIDE, south, 1, 1)
                for g in range(GRIDS)
            ]
    return rows


def _square(layer, code, name, parent, west, south, wide, high) -> tuple:
    east, north = west + wide * SIDE, south + high * SIDE
    ring = f"[[{west},{south}],[{east},{south}],[{east},{north}],[{west},{north}],[{west},{south}]]"
    shape = f'{{"type":"Polygon","coordinates":[{ring}]}}'
    box = (west, south, east, north)
    return (layer, code, name, parent, (west + east) / 2, (south + north) / 2, *box, shape)


# Every tenth case is unlocated; older cases are closed more often; hashes spread the rest.
CASES = """
WITH numbered AS (
    SELECT i, hash(i) AS a, hash(i + 1000003) AS b, hash(i + 2000003) AS c, hash(i * 7 + 5) AS d
    FROM range($cases) t(i)
), placed AS (
    SELECT *, (SELECT list({'code': g.code, 'lon': g.lon, 'lat': g.lat, 'village': v.code,
                            'town': v.parent} ORDER BY g.code)
               FROM grids g JOIN grids v ON v.layer = 'village' AND v.code = g.parent
               WHERE g.layer = 'grid') AS places
    FROM numbered
), drawn AS (
    SELECT i, a, b, c, d, i % 10 <> 0 AS is_located,
           places[1 + (least(a % len(places), d % len(places)))::INT] AS place,
           $data_time - to_seconds((((i * 365.0 * 86400) / $cases))::BIGINT + 60) AS accepted_at
    FROM placed
), timed AS (
    SELECT *, accepted_at + to_hours((72 + b % 96)::INT) AS due_at,
           CASE WHEN b % 100 < 93 THEN accepted_at + to_hours((4 + c % 130)::INT) END AS closes_at
    FROM drawn
)
INSERT INTO cases BY NAME
SELECT 'C' || lpad(i::VARCHAR, 12, '0') AS case_code, 'hotline' AS source, i::VARCHAR AS source_key,
       '05' AS channel, CASE WHEN c % 3 = 0 THEN 'event' ELSE 'dispute' END AS kind,
       ['neighbour', 'wages', 'property'][1 + (least(c % 3, d % 3))::INT] AS category,
       ['rsj', 'zjj', 'gaj', 'cgj', 'sfj'][1 + (d % 5)::INT] AS department,
       ['county', 'town', 'village'][1 + (least(b % 3, c % 2))::INT] AS handling_level,
       CASE WHEN a % 60 = 0 THEN 'red' WHEN a % 60 < 12 THEN 'yellow' ELSE 'blue' END AS risk,
       CASE WHEN closes_at <= $data_time THEN '80'
            ELSE ['20', '30', '50', '60', '60', '60', '70'][1 + (b % 7)::INT] END AS status,
       accepted_at - INTERVAL 10 MINUTE AS reported_at, accepted_at,
       CASE WHEN closes_at <= $data_time THEN closes_at END AS closed_at,
       CASE WHEN closes_at > $data_time THEN NULL WHEN d % 8 = 0 THEN 'unresolved'
            WHEN closes_at IS NOT NULL THEN 'resolved' END AS outcome,
       due_at, accepted_at + INTERVAL 48 HOUR AS warn_at, 'second' AS precision, 0 AS reopen_count,
       CASE WHEN is_located THEN place.lon + 0.004 * ((b % 1000) / 500.0 - 1) END AS lon,
       CASE WHEN is_located THEN place.lat + 0.004 * ((c % 1000) / 500.0 - 1) END AS lat,
       CASE WHEN is_located THEN 'ok' ELSE 'missing' END AS point_quality, is_located,
       CASE WHEN is_located THEN place.code END AS grid,
       CASE WHEN is_located THEN place.village END AS village,
       CASE WHEN is_located THEN place.town END AS town,
       md5(i::VARCHAR) AS row_hash, 'hotline.csv' AS member, i + 1 AS line,
       '张三诉李四 13800138000' AS title
FROM timed
"""

# A call a week after each closure, made for four of five; two of three people give their opinion.
AFTERWARDS = """
INSERT INTO follow_ups BY NAME
SELECT 'F' || case_code AS follow_up_code, 'hotline' AS source, case_code, 'phone' AS way,
       closed_at + INTERVAL 7 DAY AS due_at, 'second' AS precision, row_hash, member, line,
       CASE WHEN hash(case_code) % 5 > 0 THEN closed_at + INTERVAL 6 DAY END AS done_at
FROM cases WHERE closed_at IS NOT NULL;
INSERT INTO evaluations BY NAME
SELECT 'E' || case_code AS evaluation_code, 'hotline' AS source, case_code, 'second' AS precision,
       closed_at + INTERVAL 1 DAY AS "at", row_hash, member, line,
       ['satisfied', 'satisfied', 'fair', 'dissatisfied'][1 + (hash(case_code) % 4)::INT]
           AS satisfaction
FROM cases WHERE closed_at IS NOT NULL AND hash(line) % 3 > 0;
INSERT INTO duty BY NAME
SELECT 'D1' AS duty_code, 'duty' AS source, TIMESTAMP '2020-01-01' AS begins_at,
       TIMESTAMP '2100-01-01' AS ends_at, '值班长' AS post, '值班长甲' AS holder, 'h' AS row_hash,
       'duty.csv' AS member, 1 AS line;
"""

ALERT = """
INSERT INTO alerts (alert_code, source, sender, identifier, sent_at, status, msg_type, signal,
    event, headline, area_text, town, precision, point_quality, is_located, row_hash, member, line,
    lon, lat, expires_at)
VALUES ('A1', 'weather', 'cma', 'x1', $sent, 'Actual', 'Alert', 'orange', '暴雨', '暴雨橙色预警',
    '第1镇', 'T1', 'second', 'ok', true, 'h', 'a.xml', 1, 112.07, 28.02, $ends)
"""


def _quality(connection: duckdb.DuckDBPyConnection, cases: int, data_time: datetime) -> None:
    seen = data_time - timedelta(minutes=3)
    connection.execute(
        "INSERT INTO sources VALUES ('hotline', '12345 热线', 'cases', 3600, $seen, $seen, $cases,"
        " 'ok', NULL, '[]'), ('weather', '气象预警', 'alerts', NULL, $seen, $seen, 1, 'ok', NULL,"
        " '[]')",
        {"seen": seen, "cases": cases},
    )
    connection.execute(
        "INSERT INTO batches BY NAME SELECT 'r1' AS run, $seen AS read_at, 'hotline' AS source,"
        " 'hotline.csv' AS member, 'h' AS content_hash, $cases + 3 AS rows_in, $cases AS loaded,"
        " 0 AS updated, 0 AS unchanged, 1 AS duplicate, 0 AS stale, 2 AS quarantined,"
        " 0 AS filtered, 0 AS replaced, 0 AS repeated_keys, 'loaded' AS state",
        {"seen": seen, "cases": cases},
    )
    connection.execute(
        "INSERT INTO quarantine VALUES ('hotline', 'hotline.csv', 7, 'row', '主办单位',"
        " 'unknown_value', '部门：外星局', '外星局'), ('hotline', 'hotline.csv', 9, 'row', NULL,"
        " 'ragged', '列数不符', 'a,b')"
    )


class Templates:
    """Homes with one edition, each made once and then copied: making it costs a third of a second.

    `folder` is where they are kept; None, as where one measures, makes every home anew."""

    folder: Path | None = None
    made: dict[tuple[int, str], Path] = {}

    @classmethod
    def of(cls, folder: Path, cases: int, site: Site) -> Path:
        key = (cases, site.model_dump_json())
        if key not in cls.made:
            home = folder / f"{len(cls.made)}"
            store = EditionStore(home)
            publish(store, cases, site)
            store.close()
            cls.made[key] = home
        return cls.made[key]


def store_with(home: Path, cases: int = 2000, site: Site | None = None) -> EditionStore:
    """A home with one edition. Only an empty one is a copy: others may be served already."""
    site = site or small_site()
    is_empty = not home.exists() or not any(home.iterdir())
    if Templates.folder is not None and is_empty:
        shutil.copytree(Templates.of(Templates.folder, cases, site), home, dirs_exist_ok=True)
        return EditionStore(home)
    store = EditionStore(home)
    publish(store, cases, site)
    return store
