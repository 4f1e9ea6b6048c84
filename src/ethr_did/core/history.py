"""From events to documents.

Rules:
  1. Completeness. ``changed`` names the block of an identity's newest event, and every event the
     block of the one before it; in the second and later events of a block that is the block
     itself. A history is complete when the chain runs from ``changed`` to 0 through every event.
  2. Order. Events count by block number and log index, whatever order they arrive in.
  3. Time. An entry is valid while ``valid_to`` is strictly later than the reference time, as the
     contract's ``validDelegate`` has it: what is revoked in block B is not listed at block B.
  4. Ids. Every delegate event and every ``did/pub/`` event takes the next ``#delegate-N``, every
     ``did/svc/`` event the next ``#service-N``, whether or not anything is listed for it. An entry
     set again while it is listed keeps its place and takes the newer number.
  5. Finality. An owner of zero deactivates for good; what comes later is ignored.
  6. Names that are not UTF-8 belong to other uses of the registry: such events link the chain and
     count for nothing else.

Spec: ERC-1056; did:ethr method specification, "Read (Resolve)".
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ethr_did.core.document import DIDDocument, Service, VerificationMethod, build_context
from ethr_did.core.erc1056 import (
    AttributeChanged,
    AttributeName,
    DelegateChanged,
    Event,
    OwnerChanged,
    decode_name,
    parse_attribute_name,
)
from ethr_did.core.keys import (
    ED25519_PUB,
    X25519_PUB,
    ZERO_ADDRESS,
    Address,
    format_multibase,
    secp256k1_jwk,
    to_checksum_address,
)
from ethr_did.errors import InvalidKey, NodeInconsistent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ethr_did.core.did import EthrDID

__all__ = ["View", "default_view", "find_gap", "fold", "in_order"]

RECOVERY_METHOD = "EcdsaSecp256k1RecoveryMethod2020"
SECP256K1_METHOD = "EcdsaSecp256k1VerificationKey2019"


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """An identity as its history shows it at one time."""

    document: DIDDocument | None
    """None when deactivated."""
    owner: Address
    """Who may change the identity; the zero address when deactivated."""
    deactivated: bool = False
    version_id: int | None = None
    """Block of the newest event that counts; None for an identity never touched."""
    updated: int | None = None
    """Unix seconds of that block."""
    next_version_id: int | None = None
    """Block of the first event that came later; None where there is none."""
    next_update: int | None = None
    """Unix seconds of that block."""
    next_expiry: int | None = None
    """Unix seconds from which on the same history gives another document, since something that is
    listed has ended; None where nothing ends."""


def in_order(events: Iterable[Event]) -> list[Event]:
    """The events as they happened, each once."""
    unique = {(event.block_number, event.log_index): event for event in events}
    return [unique[place] for place in sorted(unique)]


def find_gap(events: Sequence[Event], changed: int) -> int | None:
    """The newest block that must hold an event which is not there, or None for a whole history.

    Args:
        events: of one identity, in order; perhaps only the newer ones.
        changed: the registry's ``changed`` of the identity.

    Raises:
        NodeInconsistent: events that no chain of pointers could contain.
    """
    firsts = _first_events(events)
    expected = changed
    for block in sorted(firsts, reverse=True):
        if block != expected:
            if block < expected:
                return expected
            raise NodeInconsistent(
                f"an event in block {block}, where the chain of changes says block {expected}",
                block_number=block,
                expected=expected,
            )
        before = firsts[block].previous_change
        if before == block:
            return block  # only the later events of the block are here
        if before > block:
            raise NodeInconsistent(
                f"an event in block {block} names the later block {before} as the one before it",
                block_number=block,
            )
        expected = before
    return expected or None


def _first_events(events: Sequence[Event]) -> dict[int, Event]:
    firsts: dict[int, Event] = {}
    for event in events:
        first = firsts.setdefault(event.block_number, event)
        if event is not first and event.previous_change != event.block_number:
            raise NodeInconsistent(
                f"two events of block {event.block_number} both claim to be its first",
                block_number=event.block_number,
            )
    return firsts


def default_view(did: EthrDID, chain_id: int) -> View:
    """The view of an identity that was never touched; no chain is needed for it."""
    return fold(did, chain_id, (), now=0)


def fold(
    did: EthrDID,
    chain_id: int,
    events: Iterable[Event],
    *,
    now: int,
    block_limit: int | None = None,
) -> View:
    """The view that a whole history gives at a time.

    Args:
        did: whose history it is.
        chain_id: of the chain it was read from.
        events: complete, in any order, with block timestamps.
        now: reference time in Unix seconds; later events do not count, entries valid until then
            or earlier are not listed.
        block_limit: events of later blocks do not count; None for no limit.

    Spec: did:ethr method specification, "Read (Resolve)".
    """
    state = _State(identity=did.address, now=now)
    last: Event | None = None
    following: Event | None = None
    for event in in_order(events):
        if not _is_legible(event):
            continue
        if (block_limit is not None and event.block_number > block_limit) or _time(event) > now:
            following = following or event
            continue
        last = event
        state.apply(event)
        if state.deactivated:
            # Later events are ignored altogether: they are no version of this identity.
            break
    document, next_expiry = state.listing(did, chain_id)
    return View(
        document=document,
        owner=state.owner,
        deactivated=state.deactivated,
        version_id=last.block_number if last else None,
        updated=_time(last) if last else None,
        next_version_id=following.block_number if following else None,
        next_update=_time(following) if following else None,
        next_expiry=next_expiry,
    )


def _time(event: Event) -> int:
    if event.block_timestamp is None:
        raise ValueError(f"the event in block {event.block_number} has no time")
    return event.block_timestamp


def _is_legible(event: Event) -> bool:
    match event:
        case AttributeChanged():
            return decode_name(event.name) is not None
        case DelegateChanged():
            return decode_name(event.delegate_type) is not None
        case OwnerChanged():  # pragma: no branch - there is no other kind
            return True


@dataclass(frozen=True, slots=True)
class _Entry:
    """A listed key or delegate and what it may be used for."""

    number: int
    source: Address | tuple[AttributeName, bytes]
    """A delegate's address, or the name and value of a key attribute."""
    purpose: str | None
    """``sigAuth`` and ``enc`` are special; everything else makes assertions."""
    ends: int
    """Unix seconds; see ``_State._end``."""


@dataclass(frozen=True, slots=True)
class _Endpoint:
    """A listed service."""

    number: int
    kind: str
    text: str
    ends: int
    """As of ``_Entry``."""


class _State:
    """The folding itself: counters and entries, one event at a time."""

    def __init__(self, *, identity: Address, now: int) -> None:
        self.identity = identity
        self.owner = identity
        self.deactivated = False
        self.now = now
        self._delegates = 0
        self._services = 0
        # A dict keeps the place of a key that is set again, and puts one that was deleted last.
        self._keys: dict[tuple[object, ...], _Entry] = {}
        self._endpoints: dict[tuple[object, ...], _Endpoint] = {}

    def apply(self, event: Event) -> None:
        """Counts one event that is neither too late nor illegible."""
        match event:
            case OwnerChanged():
                self.owner = event.owner
                # Not the owner alone: the identity 0x0, never touched, is its own owner.
                self.deactivated = event.owner == ZERO_ADDRESS
            case DelegateChanged():
                self._apply_delegate(event)
            case AttributeChanged():  # pragma: no branch - there is no other kind
                self._apply_attribute(event)

    def _apply_delegate(self, event: DelegateChanged) -> None:
        self._delegates += 1
        key = (event.delegate_type, event.delegate)
        kind = decode_name(event.delegate_type)
        if event.valid_to <= self.now:
            self._keys.pop(key, None)
        elif kind in {"veriKey", "sigAuth"}:
            ends = self._end(event, self._keys.get(key))
            self._keys[key] = _Entry(self._delegates, event.delegate, kind, ends)

    @staticmethod
    def _end(event: DelegateChanged | AttributeChanged, before: _Entry | _Endpoint | None) -> int:
        """When an entry that an event sets ends, or loses the place it kept from before.

        Set again, it stands where it first stood only until that first setting ends.
        """
        return min(event.valid_to, before.ends) if before else event.valid_to

    def _apply_attribute(self, event: AttributeChanged) -> None:
        text = decode_name(event.name) or ""
        if text.startswith("did/pub/"):
            self._delegates += 1
        elif text.startswith("did/svc/"):
            self._services += 1
        name = parse_attribute_name(text)
        if name is None:
            return
        if name.section == "svc":
            self._apply_service(event, name)
            return
        key = (text, event.value)
        if event.valid_to <= self.now:
            self._keys.pop(key, None)
        else:
            ends = self._end(event, self._keys.get(key))
            self._keys[key] = _Entry(self._delegates, (name, event.value), name.purpose, ends)

    def _apply_service(self, event: AttributeChanged, name: AttributeName) -> None:
        key = (event.name, event.value)
        if event.valid_to <= self.now:
            self._endpoints.pop(key, None)
            return
        try:
            text = event.value.decode()
        except UnicodeDecodeError:
            return
        ends = self._end(event, self._endpoints.get(key))
        self._endpoints[key] = _Endpoint(self._services, name.kind, text, ends)

    def listing(self, did: EthrDID, chain_id: int) -> tuple[DIDDocument | None, int | None]:
        """The document of what is listed now, and when the first of it ends; None where none does."""
        if self.deactivated:
            return None, None
        subject = did.text
        ends = [endpoint.ends for endpoint in self._endpoints.values()]
        methods = [_method(subject, "controller", _account(self.owner, chain_id))]
        if did.public_key is not None and self.owner == self.identity:
            methods.append(_method(subject, "controllerKey", _secp256k1(did.public_key)))
        authentication = [method.id for method in methods]
        assertion = list(authentication)
        agreement: list[str] = []
        for entry in self._keys.values():
            form = _form(entry.source, chain_id)
            if form is None:
                continue  # bytes that are no key: nothing is listed, the number stays used
            method = _method(subject, f"delegate-{entry.number}", form)
            methods.append(method)
            ends.append(entry.ends)
            if entry.purpose == "enc":
                agreement.append(method.id)
                continue
            assertion.append(method.id)
            if entry.purpose == "sigAuth":
                authentication.append(method.id)
        listed = tuple(methods)
        document = DIDDocument(
            id=subject,
            verification_method=listed,
            authentication=tuple(authentication),
            assertion_method=tuple(assertion),
            key_agreement=tuple(agreement) or None,
            service=tuple(
                Service(
                    id=f"{subject}#service-{one.number}",
                    type=one.kind,
                    service_endpoint=_endpoint(one.text),
                )
                for one in self._endpoints.values()
            ),
            context=build_context(listed),
        )
        return document, min(ends, default=None)


_Form = tuple[str, dict[str, Any]]
"""Type of a verification method, and its material by JSON name."""


def _method(subject: str, fragment: str, form: _Form) -> VerificationMethod:
    type_, material = form
    return VerificationMethod(
        id=f"{subject}#{fragment}", type=type_, controller=subject, material=material
    )


def _form(source: Address | tuple[AttributeName, bytes], chain_id: int) -> _Form | None:
    if isinstance(source, bytes):
        return _account(source, chain_id)
    name, value = source
    try:
        return _KEY_FORMS.get(name.kind, _other_key)(value, name)
    except InvalidKey:
        return None


def _account(address: Address, chain_id: int) -> _Form:
    account = f"eip155:{chain_id}:{to_checksum_address(address)}"  # CAIP-10
    return RECOVERY_METHOD, {"blockchainAccountId": account}


def _secp256k1(value: bytes, _name: AttributeName | None = None) -> _Form:
    return SECP256K1_METHOD, {"publicKeyJwk": secp256k1_jwk(value)}


def _ed25519(value: bytes, _name: AttributeName) -> _Form:
    return "Ed25519VerificationKey2020", {
        "publicKeyMultibase": format_multibase(value, ED25519_PUB)
    }


def _x25519(value: bytes, _name: AttributeName) -> _Form:
    return "X25519KeyAgreementKey2020", {"publicKeyMultibase": format_multibase(value, X25519_PUB)}


def _multikey(value: bytes, _name: AttributeName) -> _Form:
    # The value on chain starts with its own multicodec prefix.
    return "Multikey", {"publicKeyMultibase": format_multibase(value)}


def _other_key(value: bytes, name: AttributeName) -> _Form:
    match name.encoding:
        case None | "hex":
            return name.kind, {"publicKeyHex": value.hex()}
        case "base64":
            return name.kind, {"publicKeyBase64": base64.b64encode(value).decode()}
        case "base58":
            return name.kind, {"publicKeyBase58": format_multibase(value)[1:]}
        case _:
            return name.kind, {"value": value.hex()}


_KEY_FORMS: Mapping[str, Callable[[bytes, AttributeName], _Form]] = {
    "Secp256k1": _secp256k1,
    "Ed25519": _ed25519,
    "X25519": _x25519,
    "Multikey": _multikey,
}


_DEEPEST = 100
"""Levels of nesting of a service endpoint that are read as JSON."""
_STRINGS = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
"""Also one without an end: looking for the end anew from each quote in it would take minutes."""
_BRACKETS = re.compile(r"[\[\]{}]")

_JSON_STARTS = tuple('{["-0123456789tfn \t\r\n')
"""What JSON can begin with."""


def _endpoint(text: str) -> Any:
    """What the text of a service says: JSON where it is JSON, else the text itself."""
    if not text.startswith(_JSON_STARTS) or _is_deep(text):
        return text  # most endpoints are URIs
    try:
        value = json.loads(text, parse_constant=_not_json)
        # Half a surrogate pair, or 1e999, is JSON that no output can carry again.
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        return text
    return value


def _is_deep(text: str) -> bool:
    """Whether JSON nests deeper than anybody means it to.

    The decoder recurses, and libraries raise the recursion limit so far that hostile nesting would
    overrun the stack and end the process.
    """
    if text.count("[") + text.count("{") <= _DEEPEST:
        return False
    depth = 0
    for bracket in _BRACKETS.findall(_STRINGS.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > _DEEPEST:
            return True
    return False


def _not_json(constant: str) -> None:
    # Python reads NaN and Infinity, which RFC 8259 does not have.
    raise ValueError(constant)
