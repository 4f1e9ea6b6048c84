"""The tables of the issuer's database, as the newest migration leaves them.

Addresses, ids and digests are bytes, times unix seconds. Names begin with ``status_``: a PostgreSQL
database may serve other programs as well.

No personal data: a credential is known by an index and by a label of the caller's choice. Of what
it says there is a keyed digest while it is on its way to whoever asked for it, and whom it was
issued to is nowhere.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from ethr_did.database import Schema

__all__ = [
    "SCHEMA",
    "allocations",
    "credentials",
    "lists",
    "metadata",
    "seen",
    "values",
    "versions",
]

SCHEMA: Final = Schema(
    package="ethr_did.status", version_table="status_schema", newest="0002", secret=True
)
"""The issuer's database: it holds the order in which indexes are handed out."""

MAX_REFERENCE: Final = 512
"""Most characters of a reference."""

MAX_ISSUER: Final = 512
"""Most characters of an issuer's DID."""

MAX_TYPE: Final = 512
"""Most characters of a type."""

metadata = MetaData()

lists = Table(
    "status_lists",
    metadata,
    Column("id", Integer, primary_key=True),
    # The first of a row of lists that follow each other when they are full: its own id, or None
    # while it is being written.
    Column("series", Integer, ForeignKey("status_lists.id"), index=True),
    Column("chain_id", BigInteger, nullable=False),
    # The status registry, for a list kept off chain the anchor registry.
    Column("registry", LargeBinary(20), nullable=False),
    Column("identity", LargeBinary(20), nullable=False),
    Column("list_id", LargeBinary(32), nullable=False),
    Column("form", String(16), nullable=False),
    Column("url", Text, nullable=False),
    Column("messages", Text, nullable=False),
    Column("seed", LargeBinary(32), nullable=False),
    # Positions handed out or skipped; the next one is this.
    Column("position", BigInteger, nullable=False),
    # How many rows of status_allocations came from elsewhere: without them none is in the way.
    Column("imported", BigInteger, nullable=False),
    Column("closed", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("chain_id", "registry", "identity", "list_id"),
)

allocations = Table(
    "status_allocations",
    metadata,
    Column("list", Integer, ForeignKey("status_lists.id"), primary_key=True),
    Column("entry", BigInteger, primary_key=True),
    Column("series", Integer, ForeignKey("status_lists.id"), nullable=False),
    Column("reference", String(MAX_REFERENCE)),
    Column("allocated_at", BigInteger, nullable=False),
    UniqueConstraint("series", "reference"),
)

values = Table(
    "status_values",
    metadata,
    Column("list", Integer, ForeignKey("status_lists.id"), primary_key=True),
    Column("entry", BigInteger, primary_key=True),
    Column("value", Integer, nullable=False),
)
"""Of lists kept off chain; entries that are not here are VALID."""

versions = Table(
    "status_versions",
    metadata,
    Column("list", Integer, ForeignKey("status_lists.id"), primary_key=True),
    Column("version", BigInteger, primary_key=True),
    # More than one may have been sent for the same number; the chain takes one of them.
    Column("content_digest", LargeBinary(32), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("bitmap_root", LargeBinary(32), nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("valid_until", BigInteger, nullable=False),
    Column("prepared_at", BigInteger, nullable=False),
    Column("tx_hash", LargeBinary(32)),
    # From the block that took it.
    Column("published_at", BigInteger),
    Column("block_number", BigInteger),
)

seen = Table(
    "status_seen_versions",
    metadata,
    Column("chain_id", BigInteger, primary_key=True),
    Column("registry", LargeBinary(20), primary_key=True),
    Column("identity", LargeBinary(20), primary_key=True),
    Column("list_id", LargeBinary(32), primary_key=True),
    Column("version", BigInteger, nullable=False),
    # The newest one that was final, and its content: there can be no other of that number.
    Column("final_version", BigInteger),
    Column("final_digest", LargeBinary(32)),
)
"""What a verifier has seen: no older version is believed any more."""

credentials = Table(
    "status_credentials",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("issuer", String(MAX_ISSUER), nullable=False),
    Column("reference", String(MAX_REFERENCE), nullable=False),
    Column("state", String(16), nullable=False),
    Column("format", String(64), nullable=False),
    # Of a VC its own type, of an SD-JWT VC its vct.
    Column("type", String(MAX_TYPE), nullable=False),
    # None: the credential has no status.
    Column("list", Integer, ForeignKey("status_lists.id")),
    Column("entry", BigInteger),
    # SHA-256 of what was given out.
    Column("digest", LargeBinary(32), index=True),
    # Secret, and a digest of the request that is keyed with it. Both go when it was handed over.
    Column("seed", LargeBinary(32)),
    Column("content", LargeBinary(32)),
    Column("issued_at", BigInteger, nullable=False),
    Column("valid_until", BigInteger),
    Column("revoked_at", BigInteger),
    Column("replaced_by", Integer, ForeignKey("status_credentials.id")),
    # The proof of existence: random bytes and hashes of them.
    Column("anchor_registry", String(128)),
    Column("anchor_salt", LargeBinary(32)),
    Column("anchor_leaf_salt", LargeBinary(32)),
    Column("anchor_position", BigInteger),
    Column("anchor_siblings", LargeBinary),
    Column("anchored_at", BigInteger),
    UniqueConstraint("issuer", "reference"),
    UniqueConstraint("list", "entry"),
)
"""What an issuer issued. Neither claims, nor holders, nor the credentials themselves."""
