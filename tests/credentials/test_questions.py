"""What verifiers ask of the outside, and both who answer: they say the same, and answer in place."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.chain.networks import Networks
from ethr_did.core.did import EthrDID
from ethr_did.core.keys import Address
from ethr_did.core.status_answer import FinalityPolicy, Status, StatusKind
from ethr_did.core.status_entry import ListEntry
from ethr_did.core.status_list import status_key
from ethr_did.credentials.accreditations import accredit
from ethr_did.credentials.anchoring import Existence, ExistenceProof, plan_anchor
from ethr_did.credentials.questions import (
    AskExistence,
    AskStatuses,
    AsyncOutside,
    Fetch,
    Outside,
    Question,
    ReadAuthorities,
    Resolve,
)
from ethr_did.credentials.report import CheckName, Outcome
from ethr_did.credentials.trust import AuthorityReading
from ethr_did.credentials.verification import AsyncVerifier, Verifier
from ethr_did.errors import (
    EthrDIDError,
    FetchError,
    InvalidDID,
    NodeUnreachable,
    NotFoundError,
    QuorumFailed,
    UnknownNetwork,
    UnsupportedMethod,
)
from ethr_did.fetching import Fetched
from ethr_did.status.reading import StatusQuestion
from ethr_did.status.seen import SeenFile
from support.fault_proxy import FaultProxy
from support.issuing import FINAL
from support.offline import AsyncDocuments, Documents, check_of, somebody
from support.triangle import Chance

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ethr_did.chain.local import LocalAccount, LocalServer
    from support.triangle import Triangle

ADA = somebody("ada")
DIGEST = b"\x0d" * 32
DIPLOMA = "DiplomaCredential"
STATUS = StatusQuestion(entry={"type": "Any"}, issuer=ADA.did)


class Statuses:
    """Says of every entry that it is good, and remembers how it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, FinalityPolicy]] = []

    def read_statuses(
        self, questions: Sequence[StatusQuestion], *, policy: FinalityPolicy
    ) -> list[Status]:
        self.asked.append((len(questions), policy))
        return [Status(kind=StatusKind.VALID, value=0) for _ in questions]


class AwaitedStatuses:
    def __init__(self, statuses: Statuses) -> None:
        self._statuses = statuses

    async def read_statuses(
        self, questions: Sequence[StatusQuestion], *, policy: FinalityPolicy
    ) -> list[Status]:
        return self._statuses.read_statuses(questions, policy=policy)


class Shelf:
    """Has one document, and remembers how it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, int | None]] = []

    def fetch(self, url: str, *, accept: str, most: int | None = None) -> Fetched:
        self.asked.append((url, accept, most))
        if not url.endswith("/there"):
            raise FetchError(f"{url} is not there")
        return Fetched(url=url, content=b"{}")


class AwaitedShelf:
    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    async def fetch(self, url: str, *, accept: str, most: int | None = None) -> Fetched:
        return self._shelf.fetch(url, accept=accept, most=most)


def said(answer: object) -> object:
    """An answer as it can be compared: errors are equal only to themselves."""
    return (type(answer), answer.message) if isinstance(answer, EthrDIDError) else answer


async def answers(question: Question, **parts: Any) -> list[Any]:
    """What both say; it is the same."""
    documents = parts.pop("dids", Documents())
    waited = dict(parts)
    if "statuses" in waited:
        waited["statuses"] = AwaitedStatuses(waited["statuses"])
    if "fetcher" in waited:
        waited["fetcher"] = AwaitedShelf(waited["fetcher"])
    with Outside(dids=documents, **parts) as outside:
        found = list(outside.answer(question))
        # A second time, through what is open already.
        assert list(map(said, outside.answer(question))) == list(map(said, found))
    async with AsyncOutside(dids=AsyncDocuments(documents), **waited) as awaited:
        again = list(await awaited.answer(question))
        await awaited.answer(question)
    assert list(map(said, again)) == list(map(said, found))
    return found


# -- documents, statuses, fetches ----------------------------------------------------------------


async def test_documents_are_those_of_the_resolver() -> None:
    documents = Documents(ADA).put(ADA, version_id=7)
    found = await answers(Resolve(dids=(ADA.did, "did:example:nobody")), dids=documents)
    assert found[0].document.id == ADA.did
    assert isinstance(found[1].error, NotFoundError)
    (earlier,) = await answers(Resolve(dids=(ADA.did,), version_id=7), dids=documents)
    assert earlier.did == ADA.did
    assert documents.asked[0] == ((ADA.did, "did:example:nobody"), None)
    assert documents.asked[-1] == ((ADA.did,), 7)


async def test_statuses_are_those_of_the_reader() -> None:
    reader = Statuses()
    question = AskStatuses(questions=(STATUS, STATUS), finality=FinalityPolicy.LATEST)
    found = await answers(question, statuses=reader)
    assert [one.kind for one in found] == [StatusKind.VALID] * 2
    assert set(reader.asked) == {(2, FinalityPolicy.LATEST)}


async def test_without_a_reader_statuses_are_undetermined() -> None:
    question = AskStatuses(questions=(STATUS, STATUS), finality=FinalityPolicy.STRICTEST)
    for status in await answers(question):
        assert status.kind is StatusKind.UNDETERMINED
        assert "nobody to ask about statuses" in status.reason.message
        assert status.reason.hint == "Give it a status reader."


async def test_what_cannot_be_fetched_does_not_take_the_rest_along() -> None:
    shelf = Shelf()
    urls = ("https://a.example/there", "https://a.example/gone")
    found = await answers(Fetch(urls=urls, accept="*/*", most=10), fetcher=shelf)
    assert found[0].content == b"{}"
    assert isinstance(found[1], FetchError)
    assert shelf.asked[0] == (urls[0], "*/*", 10)


async def test_without_a_fetcher_nothing_is_fetched() -> None:
    (found,) = await answers(Fetch(urls=("https://a.example/there",), accept="*/*"))
    assert isinstance(found, FetchError)
    assert "this verifier fetches nothing" in found.message
    assert found.hint == "Allow it to."


# -- the configured networks ---------------------------------------------------------------------


async def test_outside_that_networks_are_verifies_documents_and_statuses(
    triangle: Triangle, alice: LocalAccount
) -> None:
    entry = ListEntry(registry=triangle.office.issuer(alice).registry, list_id=FINAL, index=3)
    token = triangle.vc_jwt(triangle.owner(alice), None, credentialStatus=entry.to_dict())
    networks = [triangle.office.network]
    options: dict[str, Any] = {"clock": lambda: triangle.now, "retries": 0}
    for known in (networks, Networks(networks)):
        with Outside.on(known, **options) as outside:
            report = Verifier(outside, clock=options["clock"]).verify(token)
        async with AsyncOutside.on(known, **options) as awaited:
            again = await AsyncVerifier(awaited, clock=options["clock"]).verify(token)
        assert again.to_dict() == report.to_dict()
        assert report.is_valid, report.to_dict()
        assert check_of(report, CheckName.STATUS).outcome is Outcome.PASSED


async def test_outside_that_networks_are_fetches_what_it_is_allowed_to(tmp_path: Path) -> None:
    question = Resolve(dids=("did:web:a.example", "did:example:1"))
    options: dict[str, Any] = {
        "seen": SeenFile(tmp_path / "seen"),
        "universal_url": "https://u.example",
    }
    shelf, other = Shelf(), Shelf()
    with Outside.on([], fetcher=shelf, **options) as outside:
        found = list(outside.answer(question))
    async with AsyncOutside.on([], fetcher=AwaitedShelf(other), **options) as awaited:
        found += await awaited.answer(question)
    assert [type(one.error) for one in found] == [FetchError] * 4
    for one in (shelf, other):
        assert {url for url, _, _ in one.asked} == {
            "https://a.example/.well-known/did.json",
            "https://u.example/1.0/identifiers/did%3Aexample%3A1",
        }


async def test_outside_that_networks_are_fetches_nothing_by_itself() -> None:
    question = Resolve(dids=("did:web:a.example", "did:example:1"))
    with Outside.on([]) as outside:
        found = list(outside.answer(question))
    async with AsyncOutside.on([]) as awaited:
        found += await awaited.answer(question)
    assert [type(one.error) for one in found] == [UnsupportedMethod] * 4


# -- existence -----------------------------------------------------------------------------------


@pytest.fixture
def anchored(triangle: Triangle, alice: LocalAccount) -> ExistenceProof:
    """The proof that something existed, anchored by alice."""
    issuer = triangle.office.issuer(alice)
    plan = plan_anchor([DIGEST], registry=issuer.registry, random=Chance())
    issuer.apply([plan.wish], triangle.office.sender(alice))
    return plan.proofs[0]


async def test_existence_is_read_from_the_chain_of_the_issuer(
    triangle: Triangle, anchored: ExistenceProof, alice: LocalAccount, bob: LocalAccount
) -> None:
    did, other = (triangle.office.did(one).text for one in (alice, bob))
    asked = ((did, anchored, DIGEST), (other, anchored, DIGEST), (did, anchored, bytes(32)))
    networks = [triangle.office.network]
    found = await answers(AskExistence(asked=asked), networks=networks, retries=0)
    assert isinstance(found[0], Existence)
    assert found[0].block_number == triangle.office.chain.head.number
    assert [type(one) for one in found[1:]] == [NotFoundError, NotFoundError]


async def test_existence_that_cannot_be_read_is_an_error_in_its_place(
    triangle: Triangle, anchored: ExistenceProof, alice: LocalAccount
) -> None:
    did = triangle.office.did(alice).text
    elsewhere = EthrDID.build(alice.address, "elsewhere").text
    broken = "did:ethr:dev:0x1"
    asked = tuple((one, anchored, DIGEST) for one in ("did:a:1", broken, elsewhere, did))
    dead = replace(triangle.office.network, provider=None, rpc_url="http://127.0.0.1:1")
    found = await answers(AskExistence(asked=asked), networks=Networks([dead]), retries=0)
    assert [type(one) for one in found] == [
        UnsupportedMethod,
        InvalidDID,
        UnknownNetwork,
        NodeUnreachable,
    ]


async def test_existence_is_what_as_many_nodes_say_as_must_agree(
    triangle: Triangle, anchored: ExistenceProof, alice: LocalAccount, server: LocalServer
) -> None:
    asked = ((triangle.office.did(alice).text, anchored, DIGEST),)
    with FaultProxy(server.url) as proxy:
        for other, expected in ((proxy.url, Existence), ("http://127.0.0.1:1", QuorumFailed)):
            network = replace(
                triangle.office.network, provider=None, rpc_url=(server.url, other), quorum=2
            )
            (found,) = await answers(AskExistence(asked=asked), networks=[network], retries=0)
            assert type(found) is expected


# -- authorities ---------------------------------------------------------------------------------


async def test_accreditations_are_read_from_the_chain_of_the_authority(
    triangle: Triangle, alice: LocalAccount, bob: LocalAccount
) -> None:
    office = triangle.office
    authority, issuer = Address(alice.address_bytes), Address(bob.address_bytes)
    office.change(alice, accredit(issuer, DIPLOMA, validity=600))
    reading = AuthorityReading(network=office.network, authorities=(authority,))
    dead = replace(office.network, provider=None, rpc_url="http://127.0.0.1:1")
    down = AuthorityReading(network=dead, authorities=(authority,))
    found = await answers(ReadAuthorities(readings=(reading, down)), retries=0)
    decision = found[0][authority].find(issuer, (DIPLOMA,), at=triangle.now)
    assert decision.reason.name == "TRUSTED"
    assert isinstance(found[1], NodeUnreachable)


def test_keys_of_anchors_and_statuses_are_not_the_same() -> None:
    # Both are records of one registry: an issuer who anchors must not answer for a status.
    plan = plan_anchor(
        [DIGEST],
        registry=None,  # type: ignore[arg-type]  # it does not matter here
        random=lambda _: b"\x5a" * 32,
    )
    assert plan.key != status_key(b"\x5a" * 32, DIGEST)
