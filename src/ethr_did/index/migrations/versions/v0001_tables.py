"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Creates them."""
    op.create_table(
        "index_networks",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("chain_id", sa.String(78), nullable=False),
        sa.Column("contracts", sa.LargeBinary(60), nullable=False),
        sa.Column("first_block", sa.BigInteger, nullable=False),
        sa.Column("code_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("status_bound", sa.LargeBinary(20), nullable=False),
        sa.Column("anchor_bound", sa.LargeBinary(20), nullable=False),
        sa.Column("head_number", sa.BigInteger),
        sa.Column("head_hash", sa.LargeBinary(32)),
        sa.Column("head_parent", sa.LargeBinary(32)),
        sa.Column("head_time", sa.BigInteger),
        sa.Column("final_number", sa.BigInteger),
        sa.Column("final_hash", sa.LargeBinary(32)),
        sa.Column("final_parent", sa.LargeBinary(32)),
        sa.Column("final_time", sa.BigInteger),
        sa.Column("node_head", sa.BigInteger),
        sa.Column("checked_at", sa.Float),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("fault", sa.Text),
        sa.UniqueConstraint("chain_id", "contracts"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "index_blocks",
        sa.Column("network", sa.Integer, primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "index_subjects",
        sa.Column("id", _ID, primary_key=True, autoincrement=False),
        sa.Column("network", sa.Integer, nullable=False),
        sa.Column("kind", sa.SmallInteger, nullable=False),
        sa.Column("key", sa.LargeBinary(58), nullable=False),
        sa.Column("tip", sa.LargeBinary(32), nullable=False),
        sa.UniqueConstraint("network", "kind", "key"),
    )
    op.create_table(
        "index_events",
        sa.Column("id", _ID, primary_key=True, autoincrement=False),
        sa.Column("network", sa.Integer, nullable=False),
        sa.Column("subject", _ID, nullable=False),
        sa.Column("block", sa.BigInteger, nullable=False),
        sa.Column("log_index", sa.Integer, nullable=False),
        sa.Column("topic", sa.SmallInteger, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(32), nullable=False),
        sa.UniqueConstraint("network", "block", "log_index"),
    )
    op.create_index("index_events_subject", "index_events", ["subject", "block", "log_index"])
