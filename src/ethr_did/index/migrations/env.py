"""What alembic runs to bring a database to the newest schema, inside the caller's transaction."""

from __future__ import annotations

from alembic import context

from ethr_did.index.tables import SCHEMA, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=SCHEMA.version_table,
)
context.run_migrations()
