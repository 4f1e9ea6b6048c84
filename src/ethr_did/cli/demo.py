"""``demo``: the whole story of two identities, on a real EVM inside this process."""

from __future__ import annotations

import json
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ethr_did.chain.fees import format_wei
from ethr_did.cli.options import examples, json_option
from ethr_did.cli.output import console, print_json
from ethr_did.cli.reading import describe_event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ethr_did.chain.local import LocalAccount
    from ethr_did.chain.receipts import Receipt
    from ethr_did.chain.transactions import Sender
    from ethr_did.core.changes import Change
    from ethr_did.core.document import DIDDocument
    from ethr_did.identity import Identity

__all__ = ["demo"]

_DAY = 86_400
_YEAR = 365 * _DAY
_ED25519_KEY = bytes.fromhex("c642b35757cc36906fa75fa0338bf33e5210c5bce4769324801fd64276d69d07")
_X25519_KEY = bytes.fromhex("118557777ffb078774371a52b00fed75561dcf975e61c47553e664a617661052")


@click.command(epilog=examples("ethr-did demo", "ethr-did demo --json"))
@json_option
def demo(as_json: bool) -> None:
    """Tell the whole story on a chain inside this process.

    Nothing is sent anywhere, and nothing is left behind.
    """
    with ExitStack() as stack:
        Story(stack, as_json=as_json).tell()


class Story:
    """The demo: a stage with four people, and one method for each chapter."""

    def __init__(self, stack: ExitStack, *, as_json: bool) -> None:
        from ethr_did.chain.local import LocalChain
        from ethr_did.chain.rpc import Chain

        self._as_json = as_json
        self._chapters: list[dict[str, Any]] = []
        self._folder = Path(tempfile.mkdtemp(prefix="ethr-did-demo-"))
        stack.callback(shutil.rmtree, self._folder, ignore_errors=True)
        self.chain = LocalChain()
        self.operator, self.university, self.alice, self.relayer, self.successor = (
            self.chain.accounts[:5]
        )
        self.door = stack.enter_context(Chain([self.chain.provider], chain_id=self.chain.chain_id))

    def tell(self) -> None:
        """Nothing; plays all chapters."""
        self.deploy()
        self.create()
        self.publish()
        self.look_back()
        self.relay()
        self.rotate()
        self.deactivate()
        self.show_history()
        if self._as_json:
            print_json(self._chapters)
        else:
            click.echo(
                "\nThat was all of it. Next: `ethr-did devnet` serves such a chain; the README "
                "goes on from there."
            )

    # -- the chapters ----------------------------------------------------------------------------

    def deploy(self) -> None:
        from ethr_did.chain.artifacts import ContractName, load
        from ethr_did.chain.networks import Network
        from ethr_did.core.keys import to_checksum_address
        from ethr_did.deployment import RecordFolder, deploy, plan
        from ethr_did.resolver import Resolver

        self._chapter("An operator deploys the registry")
        sender = self._sender(self.operator)
        planned = plan(self.door, [load(ContractName.ETHEREUM_DID_REGISTRY)], sender=sender.address)
        records = RecordFolder(self._folder / "deployments")
        record = deploy(planned, sender, network="demo", folder=records)[0]
        address = to_checksum_address(record.address)
        self.network = Network(
            name="demo",
            chain_id=self.chain.chain_id,
            provider=self.chain.provider,
            did_registry=address,
            first_block=record.block_number or 0,
        )
        self.resolver = Resolver([self.network], clock=lambda: self.chain.head.timestamp)
        self._say(f"EthereumDIDRegistry is at {address}, on every chain where it is deployed so:")
        self._say("the address is computed from the code, through CREATE2.")

    def create(self) -> None:
        self._chapter("Two identities begin, each with a key and without a transaction")
        self.school = self._identity(f"0x{_compressed(self.university).hex()}")
        self.person = self._identity(self.alice.address)
        self._say(f"The university, named by its public key:\n  {self.school.did}")
        self._say(f"Alice, named by her address:\n  {self.person.did}")
        self._say("Both resolve already:")
        self._show_document(self.person)

    def publish(self) -> None:
        from ethr_did.core.changes import AddDelegate, add_key, add_service
        from ethr_did.core.erc1056 import encode_name

        self._chapter("The university publishes two keys, a service and a delegate at once")
        changes: list[Change] = [
            add_key("Ed25519", _ED25519_KEY, validity=2 * _YEAR),
            add_key("X25519", _X25519_KEY, purpose="enc", validity=2 * _YEAR),
            add_service("Admissions", "https://admissions.university.example"),
            AddDelegate(
                delegate_type=encode_name("sigAuth"),
                delegate=self.successor.address_bytes,  # type: ignore[arg-type]
                validity=30 * _DAY,
            ),
        ]
        self._apply(self.school, self.university, changes)
        self.first_version = self.chain.head.number
        self.first_time = self.chain.head.timestamp
        self._show_document(self.school)

    def look_back(self) -> None:
        from ethr_did.core.changes import add_key, revoked
        from ethr_did.core.resolution import format_time

        self._chapter("Forty days later the key is revoked; the past can still be asked about")
        self.chain.advance(40 * _DAY)
        key = add_key("Ed25519", _ED25519_KEY)
        self._apply(self.school, self.university, [revoked(key)])
        self._say("Now (the key is revoked, the delegate has expired):")
        self._show_document(self.school)
        self._say(f"At version {self.first_version}, the block of the first change:")
        self._show_document(self.school, version_id=self.first_version)
        moment = format_time(self.first_time + 10 * _DAY)
        self._say(f"At {moment}, by time:")
        self._show_document(self.school, version_time=moment)

    def relay(self) -> None:
        from ethr_did.chain.local_signer import LocalSigner
        from ethr_did.core.changes import add_key, add_service

        self._chapter("Alice has no ether: she signs, somebody else submits and pays")
        message = self.person.sign_relay(
            [
                add_key("Secp256k1", _compressed(self.alice), purpose="sigAuth"),
                add_service("Inbox", "https://inbox.example/alice"),
            ],
            LocalSigner.from_key(self.alice.key),
        )
        self._say("What she hands over (EIP-712: chain, registry, nonce and deadline are signed):")
        shown = {k: v for k, v in message.to_dict().items() if k not in {"changes", "signature"}}
        self._say("  " + json.dumps(shown))
        self._receipts([self.person.submit_relay(message, self._sender(self.relayer))])
        self._show_document(self.person)

    def rotate(self) -> None:
        from ethr_did.core.changes import ChangeOwner, add_service
        from ethr_did.errors import NotAuthorized

        self._chapter("The university hands its identity to a new owner")
        owner = ChangeOwner(owner=self.successor.address_bytes)  # type: ignore[arg-type]
        self._apply(self.school, self.university, [owner])
        self._say(
            "The old key may no longer change anything, which is found out before gas is spent:"
        )
        try:
            extra = add_service("Late", "https://late.example")
            self.school.apply([extra], self._sender(self.university))
        except NotAuthorized as error:
            self._say(f"  {error.message}")
        self._show_document(self.school)

    def deactivate(self) -> None:
        from ethr_did.core.changes import deactivate

        self._chapter("The new owner gives the identity up, for good")
        self._apply(self.school, self.successor, [deactivate()])
        result = self.resolver.resolve(self.school.did.text).to_dict()
        self._say(f"didDocument: {json.dumps(result['didDocument'])}")
        self._say(f"didDocumentMetadata: {json.dumps(result['didDocumentMetadata'])}")

    def show_history(self) -> None:
        from ethr_did.core.resolution import format_time

        self._chapter("The whole history, proven complete, in one round trip")
        before = self.resolver.round_trips
        history = self.resolver.history(self.school.did.text)
        trips = self.resolver.round_trips - before
        for entry in history:
            what = " ".join(part for part in describe_event(entry.event) if part)
            when = format_time(entry.event.block_timestamp or 0)
            self._say(f"  block {entry.event.block_number}  {when}  {what}")
        self._say(f"{len(history)} events, {trips} round trip.")

    # -- the stage -------------------------------------------------------------------------------

    def _sender(self, account: LocalAccount) -> Sender:
        from ethr_did.chain.journal import Journal
        from ethr_did.chain.local_signer import LocalSigner
        from ethr_did.chain.transactions import Sender, Waiting

        signer = LocalSigner.from_key(account.key)
        journal = Journal(
            self._folder / "journal", chain_id=self.chain.chain_id, sender=signer.address
        )
        return Sender(
            self.door,
            chain_id=self.chain.chain_id,
            signer=signer,
            journal=journal,
            waiting=Waiting(poll=0.01),
            clock=lambda: self.chain.head.timestamp,
        )

    def _identity(self, identifier: str) -> Identity:
        from ethr_did.core.did import EthrDID
        from ethr_did.identity import Identity

        return Identity(self.network, EthrDID.build(identifier, "demo"), chain=self.door)

    def _apply(self, identity: Identity, account: LocalAccount, changes: Sequence[Change]) -> None:
        self._receipts(identity.apply(changes, self._sender(account)))

    def _receipts(self, receipts: Sequence[Receipt]) -> None:
        for receipt in receipts:
            self._say(
                f"Mined in block {receipt.block_number}: {receipt.gas_used:,} gas, "
                f"{format_wei(receipt.cost_wei)}"
            )

    def _show_document(self, identity: Identity, **version: Any) -> None:
        result = self.resolver.resolve(identity.did.text, **version)
        document = result.require_document()
        if self._as_json:
            self._chapters[-1].setdefault("resolutions", []).append(result.to_dict())
            return
        for line in _outline(document):
            self._say(f"  {line}")

    def _chapter(self, title: str) -> None:
        number = len(self._chapters) + 1
        self._chapters.append({"chapter": number, "title": title, "lines": []})
        if not self._as_json:
            console().print(f"\n[bold cyan]{number}. {title}[/]")

    def _say(self, line: str) -> None:
        self._chapters[-1]["lines"].append(line)
        if not self._as_json:
            click.echo(line)


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
