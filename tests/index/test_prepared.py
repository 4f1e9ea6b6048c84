"""Statements for every reading: what comes back is what SQLAlchemy itself brings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import bindparam, select

from ethr_did.errors import StoreError
from ethr_did.index import tables
from ethr_did.index.prepared import Prepared
from support.fake_chain import FakeChain, Person

if TYPE_CHECKING:
    from support.indexing import Indexed

ALICE, BOB = Person.named("alice"), Person.named("bob")
STATEMENT = select(tables.subjects).where(
    tables.subjects.c.key == bindparam("key"), tables.subjects.c.network == bindparam("network")
)


def _asked(key: bytes) -> dict[str, Any]:
    return {"network": 1, "key": key}


def test_rows_are_those_of_the_statement(fake: FakeChain, stored: Indexed) -> None:
    for person in (ALICE, BOB):
        fake.add_service(person, "Hub", "https://hub.example")
    stored.follow()
    prepared = Prepared(STATEMENT)
    with stored.database.reading() as connection:
        network = connection.execute(select(tables.networks.c.id)).scalar_one()
        for key in (ALICE.address, BOB.address, bytes(20)):
            asked = {"network": network, "key": key}
            found = [tuple(row) for row in prepared.rows(connection, asked)]
            assert found == [tuple(row) for row in connection.execute(STATEMENT, asked)]
            assert len(found) == (key != bytes(20))


def test_it_sees_what_its_transaction_sees(fake: FakeChain, stored: Indexed) -> None:
    prepared = Prepared(select(tables.networks.c.head_number))
    fake.add_service(ALICE, "Hub", "https://hub.example")
    stored.follow()
    with stored.database.reading(steady=True) as connection:
        before = prepared.rows(connection, {})
        fake.mine()
        stored.follow()
        assert prepared.rows(connection, {}) == before
    with stored.database.reading() as connection:
        assert prepared.rows(connection, {}) != before


def test_what_the_database_refuses_is_an_error_of_the_store(indexed: Indexed) -> None:
    with indexed.database.writing() as connection:
        tables.metadata.drop_all(connection)
    with pytest.raises(StoreError), indexed.database.reading() as connection:
        Prepared(STATEMENT).rows(connection, _asked(bytes(20)))
