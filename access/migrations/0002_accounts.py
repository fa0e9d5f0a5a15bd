"""Accounts with their limits, sessions, and what was tried at the door.

Homes of the days in which these were written have the tables already; they are taken over."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0002", "0001"
branch_labels = depends_on = None

MOMENT = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")


def upgrade() -> None:
    _accounts()
    _sessions()
    _signing_in()


def _accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(40), nullable=False, unique=True),
        sa.Column("shown", sa.String(40), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("digest", sa.String(200), nullable=False),
        sa.Column("must_change", sa.Boolean, nullable=False),
        sa.Column("totp_secret", sa.String(64)),
        sa.Column("totp_last_step", sa.Integer),
        sa.Column("oidc_subject", sa.String(300), unique=True),
        sa.Column("is_demo", sa.Boolean, nullable=False),
        sa.Column("added_at", MOMENT, nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.Column("password_at", MOMENT, nullable=False),
        sa.Column("disabled_at", MOMENT),
        if_not_exists=True,
    )
    op.create_table(
        "account_limits",
        sa.Column("account", sa.Integer, sa.ForeignKey("accounts.id"), primary_key=True),
        sa.Column("kind", sa.String(20), primary_key=True),
        sa.Column("value", sa.String(132), primary_key=True),
        if_not_exists=True,
    )


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("account", sa.Integer, sa.ForeignKey("accounts.id"), nullable=False),
        sa.Column("begun_at", MOMENT, nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT),
        sa.Column("address", sa.String(45), nullable=False),
        sa.Column("agent", sa.String(120), nullable=False),
        sa.Column("way", sa.String(10), nullable=False),
        if_not_exists=True,
    )
    op.create_index("sessions_of_account", "sessions", ["account"], if_not_exists=True)


def _signing_in() -> None:
    op.create_table(
        "sign_in_failures",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("last_at", MOMENT, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "sign_in_tries",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("address", sa.String(45), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("is_refused", sa.Boolean, nullable=False),
        if_not_exists=True,
    )
    op.create_index(
        "sign_in_tries_of_address", "sign_in_tries", ["address", "at"], if_not_exists=True
    )
