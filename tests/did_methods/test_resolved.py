"""What resolving gives, as a value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ethr_did.core.document import DIDDocument
from ethr_did.core.resolution import ResolutionResult
from ethr_did.did_methods import ResolvedDID
from ethr_did.errors import DeactivatedError, FetchError, NodeUnreachable, NotFoundError
from support.fake_chain import FakeChain, Person

if TYPE_CHECKING:
    from ethr_did.errors import EthrDIDError

ALICE = Person.named("alice")
DID = "did:web:shop.example"


@pytest.fixture
def fake() -> FakeChain:
    """A chain of a few empty blocks."""
    fake = FakeChain()
    fake.mine(5)
    return fake


def test_result_of_did_ethr_is_taken_over(fake: FakeChain) -> None:
    fake.add_service(ALICE, "Hub", "https://hub.example")
    result = fake.resolver().resolve(ALICE.did)
    found = ResolvedDID.from_result(ALICE.did, result)
    assert found.require_document() == result.require_document()
    assert found.read_at == result.read_at
    assert result.view is not None
    assert (found.version_id, found.updated) == (result.view.version_id, result.view.updated)
    assert (found.version_id, found.deactivated, found.error) == (fake.head, False, None)


def test_deactivated_identity_has_no_document(fake: FakeChain) -> None:
    fake.deactivate(ALICE)
    found = ResolvedDID.from_result(ALICE.did, fake.resolver().resolve(ALICE.did))
    assert (found.document, found.deactivated, found.error) == (None, True, None)
    assert found.read_at is not None
    with pytest.raises(DeactivatedError, match="was deactivated") as caught:
        found.require_document()
    assert caught.value.facts["block_number"] == found.version_id == fake.head


def test_error_of_did_ethr_is_taken_over() -> None:
    error = NodeUnreachable("no answer")
    found = ResolvedDID.from_result(DID, ResolutionResult(error=error))
    assert found == ResolvedDID(did=DID, error=error)
    with pytest.raises(NodeUnreachable) as caught:
        found.require_document()
    assert caught.value is error


def test_result_that_says_nothing_is_an_error() -> None:
    assert type(ResolvedDID.from_result(DID, ResolutionResult()).error) is NotFoundError


def test_equal_are_results_that_say_the_same() -> None:
    def result(error: EthrDIDError | None = None, **members: object) -> ResolvedDID:
        return ResolvedDID(**{"did": DID, "error": error, **members})  # type: ignore[arg-type]  # of several types

    assert result(FetchError("a")) == result(FetchError("a"))
    different = [
        result(),
        result(FetchError("a")),
        result(FetchError("b")),
        result(NotFoundError("a")),
        result(deactivated=True),
        result(document=DIDDocument(id=DID)),
        result(version_id=1),
        result(updated=1),
        result(did="did:web:other.example"),
    ]
    for one in different:
        assert [other is one for other in different] == [other == one for other in different]
    assert result() != DID
    with pytest.raises(TypeError):
        hash(result())
