"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Creates them."""
    op.create_table(
        "status_lists",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("series", sa.Integer, sa.ForeignKey("status_lists.id"), index=True),
        sa.Column("chain_id", sa.BigInteger, nullable=False),
        sa.Column("registry", sa.LargeBinary(20), nullable=False),
        sa.Column("identity", sa.LargeBinary(20), nullable=False),
        sa.Column("list_id", sa.LargeBinary(32), nullable=False),
        sa.Column("form", sa.String(16), nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("messages", sa.Text, nullable=False),
        sa.Column("seed", sa.LargeBinary(32), nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("imported", sa.BigInteger, nullable=False),
        sa.Column("closed", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("chain_id", "registry", "identity", "list_id"),
    )
    op.create_table(
        "status_allocations",
        sa.Column("list", sa.Integer, sa.ForeignKey("status_lists.id"), primary_key=True),
        sa.Column("entry", sa.BigInteger, primary_key=True),
        sa.Column("series", sa.Integer, sa.ForeignKey("status_lists.id"), nullable=False),
        sa.Column("reference", sa.String(512)),
        sa.Column("allocated_at", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("series", "reference"),
    )
    op.create_table(
        "status_values",
        sa.Column("list", sa.Integer, sa.ForeignKey("status_lists.id"), primary_key=True),
        sa.Column("entry", sa.BigInteger, primary_key=True),
        sa.Column("value", sa.Integer, nullable=False),
    )
    op.create_table(
        "status_versions",
        sa.Column("list", sa.Integer, sa.ForeignKey("status_lists.id"), primary_key=True),
        sa.Column("version", sa.BigInteger, primary_key=True),
        sa.Column("content_digest", sa.LargeBinary(32), primary_key=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("bitmap_root", sa.LargeBinary(32), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("valid_until", sa.BigInteger, nullable=False),
        sa.Column("prepared_at", sa.BigInteger, nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(32)),
        sa.Column("published_at", sa.BigInteger),
        sa.Column("block_number", sa.BigInteger),
    )
    op.create_table(
        "status_seen_versions",
        sa.Column("chain_id", sa.BigInteger, primary_key=True),
        sa.Column("registry", sa.LargeBinary(20), primary_key=True),
        sa.Column("identity", sa.LargeBinary(20), primary_key=True),
        sa.Column("list_id", sa.LargeBinary(32), primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("final_version", sa.BigInteger),
        sa.Column("final_digest", sa.LargeBinary(32)),
    )
