"""The resolvers of many methods: what goes where, what is kept, and that both say the same."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did import AsyncResolver, Resolver
from ethr_did.did_methods import (
    LOCAL_METHODS,
    AsyncDIDResolver,
    AsyncResolvesDIDs,
    DIDResolver,
    ResolvedDID,
    ResolvesDIDs,
)
from ethr_did.errors import (
    EthrDIDError,
    FetchError,
    HistoryMissing,
    InvalidDID,
    InvalidOption,
    NodeUnreachable,
    NotFoundError,
    UnsupportedMethod,
)
from support.did_web import AsyncWeb, Web
from support.fake_chain import FakeChain, Person
from support.vectors import load_vectors

if TYPE_CHECKING:
    from collections.abc import Iterable

    from did_methods.conftest import Resolve
    from ethr_did.core.resolution import ResolutionResult

ALICE, BOB = Person.named("alice"), Person.named("bob")
KEY, JWK, PKH = (load_vectors("did_methods", kind)[0]["did"] for kind in ("key", "jwk", "pkh"))
WEB, ION = "did:web:shop.example", "did:ion:abc"
WEB_URL = "https://shop.example/.well-known/did.json"
BASE = "https://resolver.example"
ION_URL = f"{BASE}/1.0/identifiers/did%3Aion%3Aabc"
EVERY = [KEY, JWK, PKH, WEB, ION]


@pytest.fixture
def fake() -> FakeChain:
    """A chain on which alice has a service."""
    fake = FakeChain()
    fake.add_service(ALICE, "Hub", "https://hub.example")
    fake.mine(5)
    return fake


@pytest.fixture
def web(web: Web) -> Web:
    """Serves a did:web, and the answer of a universal resolver."""
    web.serve(WEB_URL, {"id": WEB})
    web.serve(ION_URL, {"didDocument": {"id": ION}})
    return web


class Ethr:
    """Resolves did:ethr and counts; blocking."""

    def __init__(self, fake: FakeChain) -> None:
        self._resolver = fake.resolver()
        self.calls: list[tuple[list[str], object]] = []
        self.error: EthrDIDError | None = None

    def resolve_many(
        self, dids: Iterable[str], *, version_id: int | str | None = None
    ) -> list[ResolutionResult]:
        """One result for each."""
        asked = list(dids)
        self.calls.append((asked, version_id))
        if self.error is not None:
            raise self.error
        return self._resolver.resolve_many(asked, version_id=version_id)


class AsyncEthr:
    """The same, awaited."""

    def __init__(self, ethr: Ethr) -> None:
        self._ethr = ethr

    async def resolve_many(
        self, dids: Iterable[str], *, version_id: int | str | None = None
    ) -> list[ResolutionResult]:
        """One result for each."""
        return self._ethr.resolve_many(dids, version_id=version_id)


@pytest.fixture
def ethr(fake: FakeChain) -> Ethr:
    """Resolves did:ethr on the chain."""
    return Ethr(fake)


class Both:
    """A blocking and an awaited resolver of the same world, asked one after the other."""

    def __init__(self, web: Web, ethr: Ethr, **options: Any) -> None:
        self.blocking = DIDResolver(ethr=ethr, fetcher=web, **options)
        self.awaited = AsyncDIDResolver(ethr=AsyncEthr(ethr), fetcher=AsyncWeb(web), **options)

    def resolve(self, *dids: str, version_id: int | None = None) -> list[ResolvedDID]:
        """What both say, shown to be the same."""
        first = self.blocking.resolve_many(dids, version_id=version_id)
        second = asyncio.run(self.awaited.resolve_many(dids, version_id=version_id))
        assert first == second
        return first


@pytest.fixture
def both(web: Web, ethr: Ethr) -> Both:
    """Both, with everything configured."""
    return Both(web, ethr, universal_url=BASE)


def errors(found: list[ResolvedDID]) -> list[type[EthrDIDError] | None]:
    return [None if one.error is None else type(one.error) for one in found]


# -- what goes where -----------------------------------------------------------------------------


def test_every_method_is_resolved_in_order(both: Both) -> None:
    dids = [ION, ALICE.did, KEY, WEB, BOB.did, PKH, JWK]
    found = both.resolve(*dids)
    assert [one.require_document().id for one in found] == [one.did for one in found] == dids
    assert [one.did for one in found if one.read_at is not None] == [ALICE.did, BOB.did]


def test_no_did_gives_no_result(both: Both) -> None:
    assert both.resolve() == []


def test_dids_on_chain_are_asked_in_one_call_and_once(
    both: Both, ethr: Ethr, fake: FakeChain
) -> None:
    found = both.blocking.resolve_many([ALICE.did, BOB.did, ALICE.did])
    assert found[0] is found[2]
    assert ethr.calls == [([ALICE.did, BOB.did], None)]
    assert fake.rounds == 1


def test_document_that_is_asked_for_twice_is_fetched_once(resolve: Resolve, web: Web) -> None:
    found = resolve(WEB, KEY, WEB)
    assert found[0] is found[2]
    assert web.asked == [WEB_URL]


def test_methods_without_a_network_ask_nobody(resolve: Resolve) -> None:
    assert errors(resolve(KEY, JWK, PKH, fetcher=None)) == [None] * 3


def test_one_did_is_resolved(both: Both) -> None:
    assert both.blocking.resolve(KEY).did == KEY
    assert asyncio.run(both.awaited.resolve(KEY)) == both.blocking.resolve(KEY)


def test_universal_resolver_may_have_a_fetcher_of_its_own(web: Web) -> None:
    inside = Web()
    inside.serve(ION_URL, {"didDocument": {"id": ION}})
    resolver = DIDResolver(fetcher=web, universal_url=BASE, universal_fetcher=inside)
    assert errors(resolver.resolve_many([WEB, ION])) == [None, None]
    assert (web.asked, inside.asked) == ([WEB_URL], [ION_URL])
    alone = AsyncDIDResolver(universal_url=BASE, universal_fetcher=AsyncWeb(inside))
    assert errors(asyncio.run(alone.resolve_many([ION, WEB]))) == [None, UnsupportedMethod]


def test_universal_resolver_needs_a_fetcher() -> None:
    with pytest.raises(InvalidOption, match="nothing to fetch with") as caught:
        DIDResolver(universal_url=BASE)
    assert caught.value.facts["option"] == "universal_url"


# -- errors are results --------------------------------------------------------------------------


def test_one_fault_leaves_the_others_alone(both: Both, web: Web) -> None:
    web.fail(WEB_URL, reason="timeout")
    web.fail(ION_URL, reason="status", status=404)
    found = both.resolve(WEB, ION, KEY, "did:key:z1", "nonsense", "did:ethr:0x1", ALICE.did, "")
    assert errors(found) == [
        FetchError,
        NotFoundError,
        None,
        InvalidDID,
        InvalidDID,
        InvalidDID,
        None,
        InvalidDID,
    ]


def test_node_that_does_not_answer_is_in_the_results(both: Both, fake: FakeChain) -> None:
    fake.dead = TimeoutError("no answer")
    assert errors(both.resolve(ALICE.did, KEY)) == [NodeUnreachable, None]


def test_missing_history_is_in_the_results(both: Both, fake: FakeChain) -> None:
    fake.missing_blocks = {fake.ledger.changed(ALICE.address, fake.head)}
    assert errors(both.resolve(ALICE.did, BOB.did)) == [HistoryMissing, None]


def test_resolver_that_raises_is_in_the_results(both: Both, ethr: Ethr) -> None:
    ethr.error = NodeUnreachable("no answer")
    assert errors(both.resolve(ALICE.did, KEY, BOB.did)) == [NodeUnreachable, None, NodeUnreachable]


def test_what_is_no_did_is_in_the_results(both: Both) -> None:
    given: Any = (None, 7, b"did:key:z1", f"{WEB}#key", f"{ALICE.did}?versionId=1")
    assert errors(both.resolve(*given)) == [InvalidDID] * 5


def test_private_key_in_a_did_is_shown_nowhere(both: Both) -> None:
    secret = "did:jwk:eyJkIjoibldHeG5lIn0"
    other = Both(Web(), both.blocking._ethr, methods=frozenset({"key"}))  # type: ignore[arg-type]  # two in one
    for found in (
        both.resolve(secret),
        both.resolve(secret, version_id=7),
        both.resolve(f"{secret}#0"),
        other.resolve(secret),
    ):
        assert found[0].error is not None
        assert "eyJkIjo" not in repr(found[0].error.to_dict())


# -- versions ------------------------------------------------------------------------------------


def test_version_is_asked_of_the_chain(both: Both, ethr: Ethr) -> None:
    (found,) = both.resolve(ALICE.did, version_id=0)
    assert (found.require_document().service, found.version_id) == ((), None)
    (found,) = both.resolve(ALICE.did, version_id=3)
    assert len(found.require_document().service) == 1
    assert [version for _, version in ethr.calls] == [0, 0, 3, 3]


@pytest.mark.parametrize("did", EVERY)
def test_other_methods_have_no_versions(both: Both, web: Web, did: str) -> None:
    (found,) = both.resolve(did, version_id=7)
    assert type(found.error) is InvalidOption
    assert "has no versions, and version 7 is asked for" in found.error.message
    assert web.asked == []


def test_version_that_is_none_is_in_the_results(both: Both) -> None:
    assert errors(both.resolve(ALICE.did, version_id=-1)) == [InvalidOption]


# -- which methods -------------------------------------------------------------------------------


def test_all_that_is_configured_is_allowed(both: Both) -> None:
    assert errors(both.resolve(*EVERY, ALICE.did)) == [None] * 6


@pytest.mark.parametrize("allowed", sorted(LOCAL_METHODS | {"ion"}))
def test_only_methods_that_are_allowed_are_resolved(web: Web, ethr: Ethr, allowed: str) -> None:
    both = Both(web, ethr, universal_url=BASE, methods=frozenset({allowed}))
    found = both.resolve(*EVERY, ALICE.did)
    assert [one.did.split(":")[1] for one in found if one.error is None] == [allowed]
    refused = [one.error for one in found if one.error is not None]
    assert {type(error) for error in refused} == {UnsupportedMethod}
    assert {error.hint for error in refused} == {f"Allowed: {allowed}."}


def test_no_method_may_be_allowed(web: Web, ethr: Ethr) -> None:
    (found,) = Both(web, ethr, methods=frozenset()).resolve(KEY)
    assert found.error is not None
    assert found.error.hint == "Allowed: no method."


@pytest.mark.parametrize(
    ("did", "words"),
    [(ALICE.did, "did:ethr"), (WEB, "a fetcher"), (ION, "a universal resolver")],
)
def test_method_without_its_part_is_refused(resolve: Resolve, did: str, words: str) -> None:
    (found,) = resolve(did, fetcher=None)
    assert type(found.error) is UnsupportedMethod
    assert f"did:{found.error.facts['method']} is not resolved here" == found.error.message
    assert f"It takes {words}" in found.error.hint.replace("a resolver of ", "")


def test_chain_method_never_goes_to_the_universal_resolver(web: Web) -> None:
    resolver = DIDResolver(fetcher=web, universal_url=BASE)
    assert errors([resolver.resolve(ALICE.did)]) == [UnsupportedMethod]
    assert web.asked == []


# -- what is kept --------------------------------------------------------------------------------


class Clock:
    """Stands still unless it is told."""

    now = 0.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


def test_nothing_is_kept_unless_it_is_asked_for(both: Both, web: Web, ethr: Ethr) -> None:
    for _ in range(2):
        both.blocking.resolve_many([WEB, ALICE.did])
    assert (len(web.asked), len(ethr.calls)) == (2, 2)


def test_answers_are_kept_for_a_while(web: Web, ethr: Ethr) -> None:
    clock = Clock()
    both = Both(web, ethr, universal_url=BASE, cache_seconds=60, clock=clock)
    dids = [WEB, ION, ALICE.did]
    first = both.resolve(*dids)
    clock.now = 59
    second = both.resolve(*dids)
    assert all(one is other for one, other in zip(first, second, strict=True))
    assert (len(web.asked), len(ethr.calls)) == (4, 2)
    clock.now = 60
    both.resolve(*dids)
    assert (len(web.asked), len(ethr.calls)) == (8, 4)


def test_only_what_is_not_kept_is_asked_for(web: Web, ethr: Ethr) -> None:
    resolver = DIDResolver(ethr=ethr, fetcher=web, cache_seconds=60)
    resolver.resolve(ALICE.did)
    resolver.resolve_many([ALICE.did, BOB.did])
    assert [asked for asked, _ in ethr.calls] == [[ALICE.did], [BOB.did]]


def test_versions_are_kept_apart(web: Web, ethr: Ethr) -> None:
    resolver = DIDResolver(ethr=ethr, fetcher=web, cache_seconds=60)
    results = [resolver.resolve(ALICE.did, version_id=version) for version in (0, None, 0)]
    assert results[0] is results[2]
    assert results[0] != results[1]
    assert [version for _, version in ethr.calls] == [0, None]


def test_failures_are_asked_about_again(web: Web, ethr: Ethr) -> None:
    resolver = DIDResolver(ethr=ethr, fetcher=web, cache_seconds=60)
    web.fail(WEB_URL, reason="timeout")
    assert errors([resolver.resolve(WEB)]) == [FetchError]
    web.serve(WEB_URL, {"id": WEB})
    assert errors([resolver.resolve(WEB)]) == [None]


def test_so_many_are_kept_at_most(web: Web) -> None:
    resolver = DIDResolver(fetcher=web, universal_url=BASE, cache_seconds=60, cache_entries=1)
    for did in (WEB, ION, ION, WEB):
        resolver.resolve(did)
    assert web.asked == [WEB_URL, ION_URL, WEB_URL]


@pytest.mark.parametrize("options", [{"cache_seconds": -1}, {"cache_entries": 0}])
def test_cache_that_is_none_is_refused(options: dict[str, Any]) -> None:
    for kind in (DIDResolver, AsyncDIDResolver):
        with pytest.raises(InvalidOption):
            kind(**options)


# -- both shells ---------------------------------------------------------------------------------


def test_both_are_what_use_cases_ask_for(both: Both) -> None:
    blocking: ResolvesDIDs = both.blocking
    awaited: AsyncResolvesDIDs = both.awaited
    assert blocking.resolve_many([KEY]) == asyncio.run(awaited.resolve_many([KEY]))


async def test_resolvers_of_did_ethr_are_taken_as_they_are(fake: FakeChain) -> None:
    blocking = DIDResolver(ethr=Resolver([fake.network()], clock=lambda: fake.now))
    async with AsyncResolver([fake.network()], clock=lambda: fake.now) as resolver:
        awaited = AsyncDIDResolver(ethr=resolver)
        found = await awaited.resolve_many([ALICE.did, BOB.did])
    assert found == blocking.resolve_many([ALICE.did, BOB.did])
    assert errors(found) == [None, None]


async def test_documents_are_fetched_at_the_same_time_but_not_too_many(web: Web) -> None:
    slow = AsyncWeb(web)
    dids = [f"did:web:shop{number}.example" for number in range(40)]
    found = await AsyncDIDResolver(fetcher=slow).resolve_many(dids)
    assert errors(found) == [NotFoundError] * 40
    assert slow.most_at_once == 16
