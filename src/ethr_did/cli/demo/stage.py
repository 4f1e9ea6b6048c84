"""The stage of the demo: a chain, five people, and a way to tell what happens."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ethr_did.chain.fees import format_wei
from ethr_did.cli.output import console, print_json

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import ExitStack

    from ethr_did.chain.local import LocalAccount
    from ethr_did.chain.receipts import Receipt
    from ethr_did.chain.transactions import Sender
    from ethr_did.identity import Identity

__all__ = ["Stage"]


class Stage:
    """Where the story is played."""

    def __init__(self, stack: ExitStack, *, as_json: bool) -> None:
        """A new chain; what is on disk goes when the stack is left."""
        from ethr_did.chain.local import LocalChain
        from ethr_did.chain.rpc import Chain

        self._as_json = as_json
        self._chapters: list[dict[str, Any]] = []
        self.folder = Path(tempfile.mkdtemp(prefix="ethr-did-demo-"))
        stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.chain = LocalChain()
        (
            self.operator,
            self.university,
            self.alice,
            self.relayer,
            self.successor,
            self.registrar,
        ) = self.chain.accounts[:6]
        self.door = stack.enter_context(Chain([self.chain.provider], chain_id=self.chain.chain_id))

    def deploy(self) -> None:
        """The first chapter: there is nothing before it."""
        from ethr_did.chain.artifacts import load
        from ethr_did.chain.networks import Network
        from ethr_did.core.keys import to_checksum_address
        from ethr_did.deployment import RecordFolder, deploy, deployable, network_with, plan
        from ethr_did.resolver import Resolver

        self.chapter("An operator deploys the contracts")
        sender = self.sender(self.operator)
        artifacts = [load(name) for name in deployable()]
        planned = plan(self.door, artifacts, sender=sender.address)
        records = RecordFolder(self.folder / "deployments")
        made = deploy(planned, sender, network="demo", folder=records)
        bare = Network(
            name="demo",
            chain_id=self.chain.chain_id,
            provider=self.chain.provider,
            did_registry=to_checksum_address(made[0].address),
            first_block=made[0].block_number or 0,
        )
        self.network = network_with(bare, made)
        self.resolver = Resolver([self.network], clock=self.now)
        for record in made:
            self.say(f"  {to_checksum_address(record.address)}  {record.contract_name}")
        self.say("They are there on every chain where they are deployed so: the addresses are")
        self.say("computed from the code, through CREATE2.")

    # -- what people do --------------------------------------------------------------------------

    def now(self) -> float:
        """Unix seconds; the time of the chain."""
        return self.chain.head.timestamp

    def sender(self, account: LocalAccount) -> Sender:
        """Sends from an account."""
        from ethr_did.chain.journal import Journal
        from ethr_did.chain.local_signer import LocalSigner
        from ethr_did.chain.transactions import Sender, Waiting

        signer = LocalSigner.from_key(account.key)
        journal = Journal(
            self.folder / "journal", chain_id=self.chain.chain_id, sender=signer.address
        )
        return Sender(
            self.door,
            chain_id=self.chain.chain_id,
            signer=signer,
            journal=journal,
            waiting=Waiting(poll=0.01),
            clock=self.now,
        )

    def identity(self, identifier: str) -> Identity:
        """The identity of an address or public key."""
        from ethr_did.core.did import EthrDID
        from ethr_did.identity import Identity

        return Identity(self.network, EthrDID.build(identifier, "demo"), chain=self.door)

    # -- what is told ----------------------------------------------------------------------------

    def chapter(self, title: str) -> None:
        """Begins a chapter."""
        number = len(self._chapters) + 1
        self._chapters.append({"chapter": number, "title": title, "lines": []})
        if not self._as_json:
            console().print(f"\n[bold cyan]{number}. {title}[/]")

    def say(self, line: str) -> None:
        """Tells a line of the chapter."""
        self._chapters[-1]["lines"].append(line)
        if not self._as_json:
            click.echo(line)

    def keep(self, name: str, data: Any, lines: Iterable[str]) -> None:
        """Tells something in a few lines; as JSON all of it."""
        if self._as_json:
            self._chapters[-1].setdefault(name, []).append(data)
            return
        for line in lines:
            self.say(f"  {line}")

    def receipts(self, receipts: Iterable[Receipt], what: str = "Mined") -> None:
        """Tells what became of transactions."""
        for receipt in receipts:
            self.say(
                f"{what} in block {receipt.block_number}: {receipt.gas_used:,} gas, "
                f"{format_wei(receipt.cost_wei)}"
            )

    def end(self) -> None:
        """Ends the story."""
        if self._as_json:
            print_json(self._chapters)
            return
        click.echo(
            "\nThat was all of it. Next: `ethr-did devnet` serves such a chain; the README "
            "goes on from there."
        )
