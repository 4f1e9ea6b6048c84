"""What was issued."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Creates the table."""
    op.create_table(
        "status_credentials",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("issuer", sa.String(512), nullable=False),
        sa.Column("reference", sa.String(512), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("format", sa.String(64), nullable=False),
        sa.Column("type", sa.String(512), nullable=False),
        sa.Column("list", sa.Integer, sa.ForeignKey("status_lists.id")),
        sa.Column("entry", sa.BigInteger),
        sa.Column("digest", sa.LargeBinary(32), index=True),
        sa.Column("seed", sa.LargeBinary(32)),
        sa.Column("content", sa.LargeBinary(32)),
        sa.Column("issued_at", sa.BigInteger, nullable=False),
        sa.Column("valid_until", sa.BigInteger),
        sa.Column("revoked_at", sa.BigInteger),
        sa.Column("replaced_by", sa.Integer, sa.ForeignKey("status_credentials.id")),
        sa.Column("anchor_registry", sa.String(128)),
        sa.Column("anchor_salt", sa.LargeBinary(32)),
        sa.Column("anchor_leaf_salt", sa.LargeBinary(32)),
        sa.Column("anchor_position", sa.BigInteger),
        sa.Column("anchor_siblings", sa.LargeBinary),
        sa.Column("anchored_at", sa.BigInteger),
        sa.UniqueConstraint("issuer", "reference"),
        sa.UniqueConstraint("list", "entry"),
    )
