-- The contract between the ETL and everything that shows a number: the tables of one edition.
-- Times are naive TIMESTAMP in the site's zone. No value = NULL; screens and csv print it as '-'.
-- A site's place columns (one VARCHAR per tree level and per further layer) and its own dimensions
-- are appended to the tables of placed rows when the edition is created (data/editions/tables.py).

CREATE TABLE meta (             -- number, published_at, data_time, schema_version, checksum, site (JSON)
    key   VARCHAR NOT NULL,
    value VARCHAR NOT NULL
);

CREATE TABLE cases (            -- one row a matter 事项; the state after all its steps
    case_code       VARCHAR NOT NULL,   -- 一案一码, 13 characters, unique
    source          VARCHAR NOT NULL,
    source_key      VARCHAR,            -- the source's own key; NULL where it has none
    channel         VARCHAR,            -- codes/channel.csv
    kind            VARCHAR,            -- 事项大类, codes/kind.csv: dispute, event ...
    category        VARCHAR,            -- categories.code
    department      VARCHAR,            -- departments.code, the one responsible now
    risk            VARCHAR,            -- severity: codes/risk.csv
    risk_rule       VARCHAR,            -- id of the site's rule that gave it
    status          VARCHAR,            -- codes/status.csv
    outcome         VARCHAR,            -- codes/outcome.csv
    handling_level  VARCHAR,            -- who handles it: codes/handling_level.csv
    scale           VARCHAR,
    people_involved INTEGER,
    repeats_90d     INTEGER,
    is_threat       BOOLEAN,
    title           VARCHAR,
    summary         VARCHAR,
    place_text      VARCHAR,
    happened_at     TIMESTAMP,
    reported_at     TIMESTAMP,          -- registered 登记
    accepted_at     TIMESTAMP,          -- 受理; the reported time where the source has no such column
    dispatched_at   TIMESTAMP,
    responded_at    TIMESTAMP,
    closed_at       TIMESTAMP,          -- the last closure; NULL while open
    accept_due_at   TIMESTAMP,          -- limit for 受理
    due_at          TIMESTAMP,          -- deadline for closing, extensions included
    warn_at         TIMESTAMP,          -- from here on the lamp is yellow
    last_step_at    TIMESTAMP,          -- its newest step
    precision       VARCHAR NOT NULL,   -- second | day | month: how exact the times are
    reopen_count    INTEGER NOT NULL,
    lon             DOUBLE,             -- WGS84
    lat             DOUBLE,
    point_quality   VARCHAR NOT NULL,   -- codes/point_quality.csv
    is_located      BOOLEAN NOT NULL,   -- has a grid: a code at the lowest level of the main tree
    version         TIMESTAMP,          -- which delivery is newer: updated_at, file date or sequence
    row_hash        VARCHAR NOT NULL,   -- md5 of the row as delivered; breaks ties
    seen_at         TIMESTAMP,          -- sequence of the newest member that still held the row
    withdrawn_at    TIMESTAMP,          -- no longer delivered by a snapshot source
    member          VARCHAR NOT NULL,   -- where the row came from
    line            BIGINT NOT NULL,
    extra           VARCHAR,            -- JSON of the columns we have no field for
    given STRUCT(                       -- as the source said, before its steps were folded in
        department VARCHAR, status VARCHAR, risk VARCHAR, outcome VARCHAR,
        accepted_at TIMESTAMP, dispatched_at TIMESTAMP, responded_at TIMESTAMP,
        closed_at TIMESTAMP, accept_due_at TIMESTAMP, due_at TIMESTAMP
    )
);

CREATE TABLE steps (            -- 流转: everything that happened to a case, in order
    case_code         VARCHAR NOT NULL,
    seq               INTEGER NOT NULL,   -- 1.. within the case
    "at"              TIMESTAMP NOT NULL,
    kind              VARCHAR NOT NULL,   -- register accept dispatch respond close reopen ... (rules/status.py)
    department        VARCHAR,            -- to whom, where the step says so
    note              VARCHAR,
    -- the state just before this step, which held from `since` to "at": the state at T is that of
    -- the one step with since <= T < "at"; a case without such a step is as it is now
    since             TIMESTAMP NOT NULL, -- the step before; of the first the case's earliest time
    status_before     VARCHAR,
    department_before VARCHAR,
    risk_before       VARCHAR,
    handling_before   VARCHAR,
    outcome_before    VARCHAR,
    due_before        TIMESTAMP,
    warn_before       TIMESTAMP,
    closed_before     TIMESTAMP
);

CREATE TABLE handlings (        -- what step sources delivered, before it is merged into `steps`
    handling_code VARCHAR NOT NULL,
    source        VARCHAR NOT NULL,
    source_key    VARCHAR,
    case_code     VARCHAR NOT NULL,
    "at"          TIMESTAMP NOT NULL,
    kind          VARCHAR NOT NULL,
    department    VARCHAR,
    risk          VARCHAR,
    outcome       VARCHAR,
    due_at        TIMESTAMP,
    note          VARCHAR,
    precision     VARCHAR NOT NULL,
    version       TIMESTAMP,
    row_hash      VARCHAR NOT NULL,
    seen_at       TIMESTAMP,
    withdrawn_at  TIMESTAMP,
    member        VARCHAR NOT NULL,
    line          BIGINT NOT NULL,
    extra         VARCHAR
);

CREATE TABLE alerts (           -- 预警, after CAP 1.2
    alert_code    VARCHAR NOT NULL,
    source        VARCHAR NOT NULL,
    source_key    VARCHAR,
    sender        VARCHAR,
    identifier    VARCHAR,
    sent_at       TIMESTAMP,
    status        VARCHAR,            -- Actual Exercise System Test Draft
    msg_type      VARCHAR,            -- Alert Update Cancel Ack Error
    scope         VARCHAR,
    refs          VARCHAR,
    category      VARCHAR,
    event         VARCHAR,
    urgency       VARCHAR,
    severity      VARCHAR,
    certainty     VARCHAR,
    signal        VARCHAR,            -- codes/signal.csv: red orange yellow blue
    effective_at  TIMESTAMP,
    onset_at      TIMESTAMP,
    expires_at    TIMESTAMP,
    headline      VARCHAR,
    description   VARCHAR,
    area_text     VARCHAR,
    polygon       VARCHAR,            -- as in CAP: "lat,lon lat,lon ..."
    circle        VARCHAR,
    precision     VARCHAR NOT NULL,
    lon           DOUBLE,
    lat           DOUBLE,
    point_quality VARCHAR NOT NULL,
    is_located    BOOLEAN NOT NULL,
    version       TIMESTAMP,
    row_hash      VARCHAR NOT NULL,
    seen_at       TIMESTAMP,
    withdrawn_at  TIMESTAMP,
    member        VARCHAR NOT NULL,
    line          BIGINT NOT NULL,
    extra         VARCHAR
);

CREATE TABLE follow_ups (       -- 回访: that a case is to be asked about again, and whether it was
    follow_up_code VARCHAR NOT NULL,
    source        VARCHAR NOT NULL,
    source_key    VARCHAR,
    case_code     VARCHAR NOT NULL,
    due_at        TIMESTAMP NOT NULL,
    done_at       TIMESTAMP,
    way           VARCHAR,            -- codes/follow_up_way.csv
    result        VARCHAR,            -- codes/follow_up_result.csv
    precision     VARCHAR NOT NULL,
    version       TIMESTAMP,
    row_hash      VARCHAR NOT NULL,
    seen_at       TIMESTAMP,
    withdrawn_at  TIMESTAMP,
    member        VARCHAR NOT NULL,
    line          BIGINT NOT NULL,
    extra         VARCHAR
);

CREATE TABLE evaluations (      -- 评价: what the person concerned says of how a case was dealt with
    evaluation_code VARCHAR NOT NULL,
    source        VARCHAR NOT NULL,
    source_key    VARCHAR,
    case_code     VARCHAR NOT NULL,
    "at"          TIMESTAMP NOT NULL,
    satisfaction  VARCHAR,            -- codes/evaluation.csv
    precision     VARCHAR NOT NULL,
    version       TIMESTAMP,
    row_hash      VARCHAR NOT NULL,
    seen_at       TIMESTAMP,
    withdrawn_at  TIMESTAMP,
    member        VARCHAR NOT NULL,
    line          BIGINT NOT NULL,
    extra         VARCHAR
);

-- Who is concerned. Names and numbers are as delivered, for who may see them in clear (data/masking.py
-- covers them for everybody else); no view of a wall reads this table, and it has no `extra`: what a
-- list of people holds beside the declared columns is not stored.
CREATE TABLE parties (          -- 当事人
    party_code    VARCHAR NOT NULL,
    source        VARCHAR NOT NULL,
    source_key    VARCHAR,
    case_code     VARCHAR NOT NULL,
    seq           INTEGER,            -- the source's own order within the case
    role          VARCHAR,            -- codes/party_role.csv
    name          VARCHAR,
    phone         VARCHAR,
    id_number     VARCHAR,
    address       VARCHAR,
    is_minor      BOOLEAN,            -- as the source says; an identity number may say it too
    person_key    VARCHAR,            -- keyed hash of the identity number, or of name and phone
    version       TIMESTAMP,
    row_hash      VARCHAR NOT NULL,
    seen_at       TIMESTAMP,
    withdrawn_at  TIMESTAMP,
    member        VARCHAR NOT NULL,
    line          BIGINT NOT NULL
);

-- The rosters and positions of people have no `extra`: what a roster holds beside the declared
-- columns (phone numbers) is not stored.
CREATE TABLE duty (             -- 值班: who holds which post and when
    duty_code     VARCHAR NOT NULL,
    source        VARCHAR NOT NULL,
    source_key    VARCHAR,
    begins_at     TIMESTAMP NOT NULL,
    ends_at       TIMESTAMP NOT NULL,
    post          VARCHAR NOT NULL,   -- 值班领导, 值班长, 受理 ... as the centre calls it
    holder        VARCHAR,            -- as the centre wants it shown on the wall
    version       TIMESTAMP,
    row_hash      VARCHAR NOT NULL,
    seen_at       TIMESTAMP,
    withdrawn_at  TIMESTAMP,
    member        VARCHAR NOT NULL,
    line          BIGINT NOT NULL
);

CREATE TABLE grid_workers (     -- 网格员: each with the last position known
    worker_code   VARCHAR NOT NULL,
    source        VARCHAR NOT NULL,
    source_key    VARCHAR,
    title         VARCHAR NOT NULL,   -- a post, 网格员 3号; never a person's name
    department    VARCHAR,            -- departments.code
    duty_state    VARCHAR,            -- codes/duty_state.csv
    "at"          TIMESTAMP,          -- of the position
    lon           DOUBLE,             -- WGS84
    lat           DOUBLE,
    point_quality VARCHAR NOT NULL,
    is_located    BOOLEAN NOT NULL,
    version       TIMESTAMP,
    row_hash      VARCHAR NOT NULL,
    seen_at       TIMESTAMP,
    withdrawn_at  TIMESTAMP,
    member        VARCHAR NOT NULL,
    line          BIGINT NOT NULL
);

CREATE TABLE resources (        -- cameras, key places, teams: what can be called upon, and where
    resource_code VARCHAR NOT NULL,
    source        VARCHAR NOT NULL,
    source_key    VARCHAR,
    kind          VARCHAR NOT NULL,   -- codes/resource_kind.csv
    name          VARCHAR NOT NULL,
    lon           DOUBLE,             -- WGS84
    lat           DOUBLE,
    point_quality VARCHAR NOT NULL,
    is_located    BOOLEAN NOT NULL,
    version       TIMESTAMP,
    row_hash      VARCHAR NOT NULL,
    seen_at       TIMESTAMP,
    withdrawn_at  TIMESTAMP,
    member        VARCHAR NOT NULL,
    line          BIGINT NOT NULL,
    extra         VARCHAR
);

CREATE TABLE grids (            -- every polygon of every layer, tree levels included
    layer      VARCHAR NOT NULL,      -- key of the level or layer
    code       VARCHAR NOT NULL,
    name       VARCHAR NOT NULL,
    parent     VARCHAR,               -- code in the level above
    population BIGINT,
    households BIGINT,
    area_km2   DOUBLE,
    lon        DOUBLE,                -- a point inside, for labels
    lat        DOUBLE,
    west       DOUBLE, south DOUBLE, east DOUBLE, north DOUBLE,
    shape      VARCHAR                -- GeoJSON geometry, simplified for the screen
);

CREATE TABLE layers (           -- one row a level or layer, with the report of its validation
    layer         VARCHAR NOT NULL,
    name          VARCHAR NOT NULL,
    tier          INTEGER,            -- 1.. from the top of the main tree; NULL for a further layer
    polygons      INTEGER NOT NULL,
    repaired      INTEGER NOT NULL,
    overlap_pairs INTEGER,
    overlap_km2   DOUBLE,
    gap_km2       DOUBLE,
    content_hash  VARCHAR NOT NULL,   -- of the shapes as served
    files_hash    VARCHAR NOT NULL,   -- of the layer's files and declaration
    report        VARCHAR NOT NULL    -- JSON: what was repaired, with reasons and areas
);

CREATE TABLE departments (code VARCHAR NOT NULL, name VARCHAR NOT NULL, parent VARCHAR);
CREATE TABLE categories  (code VARCHAR NOT NULL, name VARCHAR NOT NULL, kind VARCHAR, parent VARCHAR);
CREATE TABLE dimensions  (dimension VARCHAR NOT NULL, code VARCHAR NOT NULL, name VARCHAR NOT NULL);
CREATE TABLE calendar    (day DATE NOT NULL, kind VARCHAR NOT NULL, name VARCHAR);
CREATE TABLE time_limits (category VARCHAR, department VARCHAR, risk VARCHAR, stage VARCHAR, amount DOUBLE, unit VARCHAR);

CREATE TABLE members (          -- the newest content of every unit of delivery
    source           VARCHAR NOT NULL,
    member           VARCHAR NOT NULL,
    content_hash     VARCHAR NOT NULL,
    declaration_hash VARCHAR NOT NULL,   -- of the source's TOML and lookups when it was read
    sequence         TIMESTAMP,          -- declared, or the date in its name
    rows_in          BIGINT NOT NULL,
    state            VARCHAR NOT NULL    -- loaded | refused
);

CREATE TABLE containers (       -- delivered files, packed or not, so that an unchanged one is not unpacked
    source           VARCHAR NOT NULL,
    name             VARCHAR NOT NULL,
    content_hash     VARCHAR NOT NULL,
    declaration_hash VARCHAR NOT NULL
);

CREATE TABLE batches (          -- the balance of every member read: rows_in = the six that follow
    run          VARCHAR NOT NULL,
    read_at      TIMESTAMP NOT NULL,
    source       VARCHAR NOT NULL,
    member       VARCHAR NOT NULL,
    content_hash VARCHAR NOT NULL,
    rows_in      BIGINT NOT NULL,
    loaded       BIGINT NOT NULL,
    updated      BIGINT NOT NULL,
    unchanged    BIGINT NOT NULL,
    duplicate    BIGINT NOT NULL,
    stale        BIGINT NOT NULL,
    quarantined  BIGINT NOT NULL,
    filtered     BIGINT NOT NULL,     -- rows that the source's `where` leaves out, not in rows_in
    replaced     BIGINT NOT NULL,     -- keyless rows of the member's former content that are gone
    repeated_keys BIGINT NOT NULL,    -- rows whose key repeats in the file and so is no identity
    state        VARCHAR NOT NULL,    -- loaded | refused
    reason       VARCHAR
);

CREATE TABLE quarantine (       -- rows, or single values, that we could not accept
    source VARCHAR NOT NULL,
    member VARCHAR NOT NULL,
    line   BIGINT NOT NULL,
    kind   VARCHAR NOT NULL,          -- row: not loaded; value: the row is loaded without it
    column_name VARCHAR,
    code   VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,
    raw    VARCHAR
);

CREATE TABLE unread_keys (      -- keys in the quarantine: a snapshot that has one still has its row
    source     VARCHAR NOT NULL,
    member     VARCHAR NOT NULL,
    source_key VARCHAR NOT NULL
);

CREATE TABLE sources (          -- the state of every source as at publication
    source          VARCHAR NOT NULL,
    title           VARCHAR NOT NULL,
    target          VARCHAR NOT NULL,  -- data/targets.py
    expected_every  INTEGER,           -- seconds between deliveries; NULL = no promise
    last_success_at TIMESTAMP,
    last_data_at    TIMESTAMP,         -- newest event time that it delivered
    rows            BIGINT NOT NULL,
    state           VARCHAR NOT NULL,  -- ok | refused | failed | never
    reason          VARCHAR,
    new_columns     VARCHAR            -- JSON list of columns that the declaration does not know
);
