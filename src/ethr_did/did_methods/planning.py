"""The rule book of resolving: which DIDs are asked for where, and what the answers mean.

Rules:
  1. A DID never makes a call fail: what stood in the way is in its result.
  2. All DIDs of did:ethr go to its resolver in one call; a DID that is asked for twice is looked up
     once. What is computed from the DID alone is not kept: it is computed as fast.
  3. A method that is not allowed, or whose part is not configured, is ``UnsupportedMethod``. did:ethr
     and the other methods that are known here never go to the universal resolver.
  4. Only did:ethr has versions. A version of another DID is an error: the newest document would
     answer another question.

Resolving is a generator: it yields one batch of what is to be asked, is sent the answers, and opens
nothing itself.

Spec: DID Resolution v0.3 section 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from ethr_did.did_methods import universal, web
from ethr_did.did_methods.identifiers import split_did
from ethr_did.did_methods.jwk import resolve_jwk
from ethr_did.did_methods.key import resolve_key
from ethr_did.did_methods.pkh import resolve_pkh
from ethr_did.did_methods.resolved import ResolvedDID
from ethr_did.errors import EthrDIDError, InvalidOption, UnsupportedMethod

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from ethr_did.core.document import DIDDocument
    from ethr_did.core.resolution import ResolutionResult
    from ethr_did.did_methods.cache import Cache
    from ethr_did.fetching import Fetched

__all__ = ["LOCAL_METHODS", "Answers", "Batch", "Fetch", "Rules"]

LOCAL_METHODS: Final = frozenset({"ethr", "jwk", "key", "pkh", "web"})
"""Those that are resolved without a universal resolver."""

_OFFLINE: Final[Mapping[str, Callable[[str], DIDDocument]]] = MappingProxyType(
    {"jwk": resolve_jwk, "key": resolve_key, "pkh": resolve_pkh}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """To do: fetch what tells about a DID."""

    did: str
    url: str
    accept: str
    is_web: bool
    """Whether it is did:web; the universal resolver otherwise."""

    def read(self, outcome: Fetched | EthrDIDError) -> ResolvedDID:
        """What came of it."""
        try:
            if self.is_web:
                return ResolvedDID(did=self.did, document=web.read_web(self.did, outcome))
            return universal.read_universal(self.did, outcome)
        except EthrDIDError as error:
            return ResolvedDID(did=self.did, error=error)


@dataclass(frozen=True, slots=True, kw_only=True)
class OnChain:
    """To do: ask the resolver of did:ethr."""

    did: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """To do, in any order."""

    on_chain: tuple[str, ...]
    fetches: tuple[Fetch, ...]
    version_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What came of a batch, each in the order of the batch."""

    on_chain: Sequence[ResolutionResult]
    fetched: Sequence[Fetched | EthrDIDError]


if TYPE_CHECKING:
    Steps: TypeAlias = Generator[Batch, Answers, list[ResolvedDID]]


class Rules:
    """What both resolvers share."""

    def __init__(
        self,
        *,
        ethr: object,
        fetcher: object,
        universal_url: str | None,
        universal_fetcher: object,
        methods: frozenset[str] | None,
        cache: Cache,
    ) -> None:
        if universal_url is not None and universal_fetcher is None:
            raise InvalidOption(
                "universal_url is set, and nothing to fetch with",
                hint="Give a fetcher, or a universal_fetcher of its own.",
                option="universal_url",
            )
        self._methods = methods
        self._base = None if universal_url is None else universal.check_base(universal_url)
        self._missing = {
            "ethr": "" if ethr is not None else "a resolver of did:ethr (ethr)",
            "web": "" if fetcher is not None else "a fetcher",
        }
        self._cache = cache

    def steps(self, dids: Sequence[str], version_id: int | None) -> Steps:
        """Yields what is to be asked, all at once; is sent the answers."""
        found: dict[str, ResolvedDID] = {}
        on_chain: list[str] = []
        fetches: list[Fetch] = []
        for did in dict.fromkeys(dids):
            match self._begin(did, version_id):
                case ResolvedDID() as result:
                    found[did] = result
                case Fetch() as fetch:
                    fetches.append(fetch)
                case _:
                    on_chain.append(did)
        if on_chain or fetches:
            answers = yield Batch(
                on_chain=tuple(on_chain), fetches=tuple(fetches), version_id=version_id
            )
            for did, said in zip(on_chain, answers.on_chain, strict=True):
                found[did] = ResolvedDID.from_result(did, said)
            for fetch, outcome in zip(fetches, answers.fetched, strict=True):
                found[fetch.did] = fetch.read(outcome)
            for did in (*on_chain, *(fetch.did for fetch in fetches)):
                self._cache.put(found[did], version_id)
        return [found[did] for did in dids]

    def _begin(self, did: str, version_id: int | None) -> ResolvedDID | Fetch | OnChain:
        """The result, or what has to be asked for it."""
        try:
            method, _ = split_did(did)
            self._check_method(method)
            if method != "ethr" and version_id is not None:
                raise InvalidOption(
                    f"did:{method} has no versions, and version {version_id} is asked for",
                    hint="Ask for it without a version.",
                )
            if method in _OFFLINE:
                return ResolvedDID(did=did, document=_OFFLINE[method](did))
            return self._cache.find(did, version_id) or self._asked(method, did)
        except EthrDIDError as error:
            return ResolvedDID(did=did, error=error)

    def _asked(self, method: str, did: str) -> Fetch | OnChain:
        if method == "ethr":
            return OnChain(did=did)
        if method == "web":
            return Fetch(did=did, url=web.web_url(did), accept=web.ACCEPT, is_web=True)
        url = universal.identifiers_url(cast("str", self._base), did)
        return Fetch(did=did, url=url, accept=universal.ACCEPT, is_web=False)

    def _check_method(self, method: str) -> None:
        """Raises unless the method is allowed, and there is what it takes."""
        if self._methods is not None and method not in self._methods:
            raise UnsupportedMethod(
                f"did:{method} is not allowed here",
                hint=f"Allowed: {', '.join(sorted(self._methods)) or 'no method'}.",
                method=method,
            )
        missing = self._missing.get(method, "")
        if method not in LOCAL_METHODS and self._base is None:
            missing = "a universal resolver (universal_url)"
        if missing:
            raise UnsupportedMethod(
                f"did:{method} is not resolved here",
                hint=f"It takes {missing}, and none is configured.",
                method=method,
            )
