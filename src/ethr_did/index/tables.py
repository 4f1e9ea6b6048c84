"""The tables of the event index, as the newest migration leaves them.

Addresses, hashes and event data are bytes, times unix seconds. Names begin with ``index_``: a
PostgreSQL database may serve other programs as well. Everything here was public on chain.

Ids are given by the one process that follows, in the order of the chain. It writes events and what
they point at in one transaction; so there are no foreign keys, which would look it all up again.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from ethr_did.database import Schema

__all__ = ["SCHEMA", "blocks", "events", "metadata", "networks", "subjects"]

SCHEMA: Final = Schema(
    package="ethr_did.index", version_table="index_schema", newest="0001", secret=False
)

MAX_CHAIN_ID: Final = 78
"""Decimal digits of the largest chain id."""

_ID = BigInteger().with_variant(Integer, "sqlite")
"""SQLite stores a row under its id only where the type is called INTEGER."""

metadata = MetaData()

networks = Table(
    "index_networks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("chain_id", String(MAX_CHAIN_ID), nullable=False),
    # DID, status and anchor registry, 20 bytes each; zero where there is none.
    Column("contracts", LargeBinary(60), nullable=False),
    Column("first_block", BigInteger, nullable=False),
    # keccak-256 of the code at the DID registry; empty until it was seen.
    Column("code_hash", LargeBinary(32), nullable=False),
    # The DID registries that the status and the anchor registry ask; empty where there is none.
    Column("status_bound", LargeBinary(20), nullable=False),
    Column("anchor_bound", LargeBinary(20), nullable=False),
    # The block up to which everything is here; None before the first step.
    Column("head_number", BigInteger),
    Column("head_hash", LargeBinary(32)),
    Column("head_parent", LargeBinary(32)),
    Column("head_time", BigInteger),
    # The last finalised block that was seen, not later than the head.
    Column("final_number", BigInteger),
    Column("final_hash", LargeBinary(32)),
    Column("final_parent", LargeBinary(32)),
    Column("final_time", BigInteger),
    # Newest block of the node, and when the index was last compared with it.
    Column("node_head", BigInteger),
    Column("checked_at", Float),
    # Counts how often something was taken back, or begun anew.
    Column("revision", BigInteger, nullable=False),
    # Why the index cannot go on; None: it can.
    Column("fault", Text),
    UniqueConstraint("chain_id", "contracts"),
    # The id of a network that was forgotten is not given again: whoever watches would not notice.
    sqlite_autoincrement=True,
)
"""What is followed, and how far it was followed."""

blocks = Table(
    "index_blocks",
    metadata,
    Column("network", Integer, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary(32), nullable=False),
    Column("time", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""Blocks with events, and above the last finalised one those at which a step ended."""

subjects = Table(
    "index_subjects",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=False),
    Column("network", Integer, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    # Identity; then, by kind, list id and number of the word, key of the record, or list id.
    Column("key", LargeBinary(58), nullable=False),
    # What the next event must say came before it, see linking.py.
    Column("tip", LargeBinary(32), nullable=False),
    UniqueConstraint("network", "kind", "key"),
)
"""What events are about: an identity, a word, a record, a list kept off chain."""

events = Table(
    "index_events",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=False),
    Column("network", Integer, nullable=False),
    Column("subject", _ID, nullable=False),
    Column("block", BigInteger, nullable=False),
    Column("log_index", Integer, nullable=False),
    Column("topic", SmallInteger, nullable=False),
    # As in the log, see entries.py.
    Column("data", LargeBinary, nullable=False),
    Column("tx_hash", LargeBinary(32), nullable=False),
    UniqueConstraint("network", "block", "log_index"),
    Index("index_events_subject", "subject", "block", "log_index"),
)
"""The events, each once."""
