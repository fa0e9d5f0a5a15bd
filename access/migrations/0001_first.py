"""Devices and their limits, the audit, live alerts and what was answered, walls, listeners.

A store made before there were revisions has these tables already: each is made where it is missing.
"""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0001", None
branch_labels = depends_on = None

MOMENT = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")
# Of an alert, as CAP 1.2 names them.
TEXTS = (
    "sent",
    "status",
    "msg_type",
    "source",
    "scope",
    "note",
    "references",
    "incidents",
    "language",
    "category",
    "event",
    "response_type",
    "urgency",
    "severity",
    "certainty",
    "effective",
    "onset",
    "expires",
    "sender_name",
    "headline",
    "description",
    "instruction",
    "web",
    "contact",
    "area_desc",
    "polygon",
    "circle",
    "geocode",
    "event_code",
    "parameter",
)
INDEXED = (
    ("live_alerts", "expires_at"),
    ("live_alerts", "received_at"),
    ("alert_receipts", "alert"),
    ("alert_receipts", "received_at"),
    ("alert_refusals", "received_at"),
    ("acknowledgements", "sequence"),
    ("acknowledgements", "at"),
    ("escalations", "sequence"),
    ("escalations", "at"),
    ("walls", "sequence"),
    ("wall_commands", "at"),
)
SEQUENCE = (
    "INSERT INTO live_sequence (value) SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM live_sequence)"
)
ON_SQLITE = (
    "CREATE TRIGGER IF NOT EXISTS audit_no_update BEFORE UPDATE ON audit"
    " BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END",
    "CREATE TRIGGER IF NOT EXISTS audit_no_delete BEFORE DELETE ON audit"
    " BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END",
)
ON_POSTGRESQL = (
    "CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS"
    " $$ BEGIN RAISE EXCEPTION 'audit is append-only'; END $$",
    "CREATE OR REPLACE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit"
    " FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()",
)


def upgrade() -> None:
    _devices()
    _audit()
    _alerts()
    _walls()
    for table, column in INDEXED:
        op.create_index(f"ix_{table}_{column}", table, [column], if_not_exists=True)


def _devices() -> None:
    op.create_table(
        "devices",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False, unique=True),
        sa.Column("added_at", MOMENT, nullable=False),
        sa.Column("last_seen", MOMENT),
        sa.Column("revoked_at", MOMENT),
        if_not_exists=True,
    )
    in_use = sa.text("revoked_at IS NULL")
    op.create_index(
        "devices_in_use",
        "devices",
        ["name"],
        unique=True,
        sqlite_where=in_use,
        postgresql_where=in_use,
        if_not_exists=True,
    )
    op.create_table(
        "device_limits",
        sa.Column("device", sa.Integer, sa.ForeignKey("devices.id"), primary_key=True),
        sa.Column("kind", sa.String(20), primary_key=True),
        sa.Column("value", sa.String(300), primary_key=True),
        if_not_exists=True,
    )


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("actor", sa.String(80), nullable=False),
        sa.Column("action", sa.String(40), nullable=False),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("result", sa.String(10), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("mac", sa.String(64), nullable=False),
        if_not_exists=True,
    )
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in ON_SQLITE if is_sqlite else ON_POSTGRESQL:
        op.execute(statement)


def _identity(is_key: bool = False) -> list[sa.Column]:
    return [
        sa.Column("sender", sa.String(300), nullable=False, primary_key=is_key),
        sa.Column("identifier", sa.String(300), nullable=False, primary_key=is_key),
        sa.Column("sent_at", MOMENT, nullable=False, primary_key=is_key),
    ]


def _alerts() -> None:
    op.create_table(
        "live_sequence",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
        if_not_exists=True,
    )
    op.execute(SEQUENCE)
    op.create_table(
        "live_alerts",
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        *_identity(),
        *(sa.Column(name, sa.Text) for name in TEXTS),
        sa.Column("expires_at", MOMENT),
        sa.Column("device", sa.String(40), nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.UniqueConstraint("sender", "identifier", "sent_at"),
        if_not_exists=True,
    )
    alert = sa.ForeignKey("live_alerts.sequence")
    op.create_table(
        "alert_receipts",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("alert", sa.BigInteger, alert, nullable=False),
        sa.Column("device", sa.String(40), nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.Column("is_new", sa.Boolean, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("raw", sa.LargeBinary),
        if_not_exists=True,
    )
    op.create_table(
        "alert_refusals",
        sa.Column("id", sa.Integer, primary_key=True),
        *_identity(),
        sa.Column("device", sa.String(40), nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "acknowledgements",
        *_identity(is_key=True),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "escalations",
        *_identity(is_key=True),
        sa.Column("escalation_level", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("to", sa.Text, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        if_not_exists=True,
    )


def _walls() -> None:
    op.create_table(
        "walls",
        sa.Column("device", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "wall_commands",
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("device", sa.Integer, nullable=False),
        sa.Column("by", sa.String(40), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("changes", sa.Text, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "listeners",
        sa.Column("name", sa.String(40), primary_key=True),
        sa.Column("listened_at", MOMENT, nullable=False),
        if_not_exists=True,
    )
