"""The chapters about identities: made, changed, looked back at, handed over, given up."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ethr_did.cli.reading import describe_event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ethr_did.chain.local import LocalAccount
    from ethr_did.cli.demo.stage import Stage
    from ethr_did.core.changes import Change
    from ethr_did.core.document import DIDDocument
    from ethr_did.identity import Identity

__all__ = ["Identities"]

_DAY = 86_400
_YEAR = 365 * _DAY
_ED25519_KEY = bytes.fromhex("c642b35757cc36906fa75fa0338bf33e5210c5bce4769324801fd64276d69d07")
_X25519_KEY = bytes.fromhex("118557777ffb078774371a52b00fed75561dcf975e61c47553e664a617661052")


class Identities:
    """A university and Alice; one method for each chapter."""

    def __init__(self, stage: Stage) -> None:
        """Nothing is told yet."""
        self._stage = stage

    def create(self) -> None:
        """They begin, with a key each."""
        self._stage.chapter("Two identities begin, each with a key and without a transaction")
        self.school = self._stage.identity(f"0x{_compressed(self._stage.university).hex()}")
        self.person = self._stage.identity(self._stage.alice.address)
        self._stage.say(f"The university, named by its public key:\n  {self.school.did}")
        self._stage.say(f"Alice, named by her address:\n  {self.person.did}")
        self._stage.say("Both resolve already:")
        self._show_document(self.person)

    def publish(self) -> None:
        """Several changes in one transaction."""
        from ethr_did.core.changes import AddDelegate, add_key, add_service
        from ethr_did.core.erc1056 import encode_name

        self._stage.chapter("The university publishes two keys, a service and a delegate at once")
        changes: list[Change] = [
            add_key("Ed25519", _ED25519_KEY, validity=2 * _YEAR),
            add_key("X25519", _X25519_KEY, purpose="enc", validity=2 * _YEAR),
            add_service("Admissions", "https://admissions.university.example"),
            AddDelegate(
                delegate_type=encode_name("sigAuth"),
                delegate=self._stage.successor.address_bytes,  # type: ignore[arg-type]
                validity=30 * _DAY,
            ),
        ]
        self._apply(self.school, self._stage.university, changes)
        self._first_version = self._stage.chain.head.number
        self._first_time = self._stage.chain.head.timestamp
        self._show_document(self.school)

    def look_back(self) -> None:
        """A key is revoked; the past stays."""
        from ethr_did.core.changes import add_key, revoked
        from ethr_did.core.resolution import format_time

        self._stage.chapter(
            "Forty days later the key is revoked; the past can still be asked about"
        )
        self._stage.chain.advance(40 * _DAY)
        key = add_key("Ed25519", _ED25519_KEY)
        self._apply(self.school, self._stage.university, [revoked(key)])
        self._stage.say("Now (the key is revoked, the delegate has expired):")
        self._show_document(self.school)
        self._stage.say(f"At version {self._first_version}, the block of the first change:")
        self._show_document(self.school, version_id=self._first_version)
        moment = format_time(self._first_time + 10 * _DAY)
        self._stage.say(f"At {moment}, by time:")
        self._show_document(self.school, version_time=moment)

    def relay(self) -> None:
        """Who signs need not pay."""
        from ethr_did.chain.local_signer import LocalSigner
        from ethr_did.core.changes import add_key, add_service

        self._stage.chapter("Alice has no ether: she signs, somebody else submits and pays")
        message = self.person.sign_relay(
            [
                add_key("Secp256k1", _compressed(self._stage.alice), purpose="sigAuth"),
                add_service("Inbox", "https://inbox.example/alice"),
            ],
            LocalSigner.from_key(self._stage.alice.key),
        )
        self._stage.say(
            "What she hands over (EIP-712: chain, registry, nonce and deadline are signed):"
        )
        shown = {k: v for k, v in message.to_dict().items() if k not in {"changes", "signature"}}
        self._stage.say("  " + json.dumps(shown))
        self._stage.receipts(
            [self.person.submit_relay(message, self._stage.sender(self._stage.relayer))]
        )
        self._show_document(self.person)

    def rotate(self) -> None:
        """A new owner."""
        from ethr_did.core.changes import ChangeOwner, add_service
        from ethr_did.errors import NotAuthorized

        self._stage.chapter("The university hands its identity to a new owner")
        owner = ChangeOwner(owner=self._stage.successor.address_bytes)  # type: ignore[arg-type]
        self._apply(self.school, self._stage.university, [owner])
        self._stage.say(
            "The old key may no longer change anything, which is found out before gas is spent:"
        )
        try:
            extra = add_service("Late", "https://late.example")
            self.school.apply([extra], self._stage.sender(self._stage.university))
        except NotAuthorized as error:
            self._stage.say(f"  {error.message}")
        self._show_document(self.school)

    def deactivate(self) -> None:
        """The end."""
        from ethr_did.core.changes import deactivate

        self._stage.chapter("The new owner gives the identity up, for good")
        self._apply(self.school, self._stage.successor, [deactivate()])
        result = self._stage.resolver.resolve(self.school.did.text).to_dict()
        self._stage.say(f"didDocument: {json.dumps(result['didDocument'])}")
        self._stage.say(f"didDocumentMetadata: {json.dumps(result['didDocumentMetadata'])}")

    def show_history(self) -> None:
        """All of it."""
        from ethr_did.core.resolution import format_time

        self._stage.chapter("The whole history, proven complete, in one round trip")
        before = self._stage.resolver.round_trips
        history = self._stage.resolver.history(self.school.did.text)
        trips = self._stage.resolver.round_trips - before
        for entry in history:
            what = " ".join(part for part in describe_event(entry.event) if part)
            when = format_time(entry.event.block_timestamp or 0)
            self._stage.say(f"  block {entry.event.block_number}  {when}  {what}")
        self._stage.say(f"{len(history)} events, {trips} round trip.")

    def _apply(self, identity: Identity, account: LocalAccount, changes: Sequence[Change]) -> None:
        self._stage.receipts(identity.apply(changes, self._stage.sender(account)))

    def _show_document(self, identity: Identity, **version: Any) -> None:
        result = self._stage.resolver.resolve(identity.did.text, **version)
        self._stage.keep("resolutions", result.to_dict(), _outline(result.require_document()))


def _outline(document: DIDDocument) -> list[str]:
    """A document in a few lines: each key with what it may be used for, each service."""
    uses = (
        ("authentication", document.authentication),
        ("assertion", document.assertion_method),
        ("key agreement", document.key_agreement),
    )
    lines = []
    for method in document.verification_method:
        mine = [name for name, entries in uses if method.id in (entries or ())]
        fragment = method.id.partition("#")[2]
        lines.append(f"#{fragment:<14} {method.type:<36} {', '.join(mine)}")
    for service in document.service:
        fragment = service.id.partition("#")[2]
        lines.append(f"#{fragment:<14} {service.type:<36} {service.service_endpoint}")
    return lines


def _compressed(account: LocalAccount) -> bytes:
    from eth_keys.datatypes import PrivateKey

    return PrivateKey(account.key).public_key.to_compressed_bytes()
