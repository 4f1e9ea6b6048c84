"""An identity for people: who owns it, its keys with their purposes and ends, its services.

Rules:
  * When a key or a service ends is not in the document. It follows from the history: ``#delegate-N``
    and ``#service-N`` are the N-th change of their kind, and that change says it.
  * Of more keys or services than anybody reads, the first are shown, and how many there are.

Spec: did:ethr method specification, "Read (Resolve)".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ethr_did.core.erc1056 import AttributeChanged, DelegateChanged, OwnerChanged, decode_name
from ethr_did.core.keys import ZERO_ADDRESS, to_checksum_address
from ethr_did.core.resolution import format_time
from ethr_did.service.pages.moments import ago
from ethr_did.service.pages.texts import harmless, json_text, web_address

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ethr_did.core.did import EthrDID
    from ethr_did.core.document import DIDDocument, Service, VerificationMethod
    from ethr_did.core.erc1056 import Event
    from ethr_did.core.resolution import ResolutionResult

__all__ = ["MOST_ENTRIES", "End", "IdentityView", "KeyView", "ServiceView", "ends_of"]

MOST_ENTRIES: Final = 50
"""Keys, and services, of a document that are shown."""

_PURPOSES = (
    ("authentication", "Authentication"),
    ("assertion_method", "Assertions"),
    ("key_agreement", "Key agreement"),
    ("capability_invocation", "Capability invocation"),
    ("capability_delegation", "Capability delegation"),
)
_MATERIALS = {
    "blockchainAccountId": "Account",
    "publicKeyMultibase": "Key, multibase",
    "publicKeyHex": "Key, hex",
    "publicKeyBase58": "Key, base58",
    "publicKeyBase64": "Key, base64",
    "publicKeyJwk": "Key, JWK",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """When an entry ends."""

    time: str
    """In UTC."""
    when: str
    """How far off that is, or how long ago."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyView:
    """A verification method."""

    name: str
    """Its fragment."""
    type: str
    materials: tuple[tuple[str, str], ...]
    """What it is, by what that is called."""
    purposes: tuple[str, ...]
    end: End | None
    """None where it ends with the owner, or nobody knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceView:
    """A way to reach the subject."""

    name: str
    type: str
    endpoint: str
    url: str | None
    """Where the endpoint is a plain web address."""
    end: End | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityView:
    """What the page says about an identity at one version."""

    did: str
    owner: str
    """The account in EIP-55."""
    is_own: bool
    """Whether the account in the DID is still its owner."""
    deactivated: bool
    keys: tuple[KeyView, ...]
    key_count: int
    services: tuple[ServiceView, ...]
    service_count: int
    version_id: int | None
    updated: str | None
    next_version_id: int | None
    given_up: int | None
    """Block in which it was given up, though later than this version; None if that never happened."""
    raw: str
    """The whole resolution result as JSON."""
    raw_cut: int
    """Characters cut off its end."""

    @classmethod
    def of(
        cls, did: EthrDID, result: ResolutionResult, events: Sequence[Event], now: int
    ) -> IdentityView:
        """What there is to say.

        Args:
            did: that was asked for.
            result: without an error.
            events: the whole history in order; empty if it could not be read.
            now: Unix seconds that ends are compared with.
        """
        view, document = result.view, result.did_document
        assert view is not None  # noqa: S101 - there is no error
        ends = ends_of(events)
        keys = document.verification_method if document else ()
        services = document.service if document else ()
        raw, raw_cut = json_text(result.to_dict())
        return cls(
            did=did.text,
            owner=to_checksum_address(view.owner),
            is_own=view.owner == did.address,
            deactivated=view.deactivated,
            keys=_keys(document, ends, now) if document else (),
            key_count=len(keys),
            services=tuple(_service(one, ends, now) for one in services[:MOST_ENTRIES]),
            service_count=len(services),
            version_id=view.version_id,
            updated=None if view.updated is None else format_time(view.updated),
            next_version_id=view.next_version_id,
            given_up=_given_up(events),
            raw=raw,
            raw_cut=raw_cut,
        )


def _given_up(events: Sequence[Event]) -> int | None:
    given = (
        event.block_number
        for event in events
        if isinstance(event, OwnerChanged) and event.owner == ZERO_ADDRESS
    )
    return next(given, None)


def ends_of(events: Sequence[Event]) -> dict[str, int]:
    """The Unix second at which each entry ends, by its fragment.

    Args:
        events: the whole history of an identity, in order.
    """
    ends: dict[str, int] = {}
    counts = {"delegate": 0, "service": 0}
    for event in events:
        kind = _kind_of(event)
        if kind is not None:
            counts[kind] += 1
            ends[f"{kind}-{counts[kind]}"] = event.valid_to  # type: ignore[union-attr]  # see _kind_of
    return ends


def _kind_of(event: Event) -> str | None:
    """What entry an event counts for; None for changes of owner, and other uses of the registry."""
    match event:
        case DelegateChanged():
            return None if decode_name(event.delegate_type) is None else "delegate"
        case AttributeChanged():
            name = decode_name(event.name) or ""
            if name.startswith("did/pub/"):
                return "delegate"
            return "service" if name.startswith("did/svc/") else None
        case _:
            return None


def _keys(document: DIDDocument, ends: Mapping[str, int], now: int) -> tuple[KeyView, ...]:
    listed = {
        words: {entry for entry in getattr(document, field) or () if isinstance(entry, str)}
        for field, words in _PURPOSES
    }
    return tuple(
        _key(
            method, tuple(words for words, ids in listed.items() if method.id in ids), ends, now=now
        )
        for method in document.verification_method[:MOST_ENTRIES]
    )


def _key(
    method: VerificationMethod, purposes: tuple[str, ...], ends: Mapping[str, int], *, now: int
) -> KeyView:
    fragment = method.id.partition("#")[2]
    return KeyView(
        name=f"#{fragment}",
        type=harmless(method.type),
        materials=tuple(
            (_MATERIALS.get(name, harmless(name)), harmless(_material(name, value)))
            for name, value in method.material.items()
        ),
        purposes=purposes,
        end=_end(ends.get(fragment), now),
    )


def _material(name: str, value: Any) -> Any:
    if name == "publicKeyJwk" and isinstance(value, dict):
        return ", ".join(f"{member} {inner}" for member, inner in value.items())
    return value


def _service(service: Service, ends: Mapping[str, int], now: int) -> ServiceView:
    fragment = service.id.partition("#")[2]
    kind = service.type if isinstance(service.type, str) else ", ".join(service.type)
    return ServiceView(
        name=f"#{fragment}",
        type=harmless(kind),
        endpoint=harmless(service.service_endpoint),
        url=web_address(service.service_endpoint),
        end=_end(ends.get(fragment), now),
    )


def _end(moment: int | None, now: int) -> End | None:
    if moment is None:
        return None
    return End(time=format_time(moment), when=ago(moment, now))
