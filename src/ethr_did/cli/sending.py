"""What all commands that send transactions share: options, the sender, progress, plan, receipt."""

from __future__ import annotations

import dataclasses
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from decimal import Decimal, DecimalException
from typing import TYPE_CHECKING, Any, Self, TypeVar

import click

from ethr_did.chain.fees import format_wei
from ethr_did.cli.creating import open_signer_named
from ethr_did.cli.options import config_option, json_option, load, signer_options, with_options
from ethr_did.cli.output import print_json, say, table, working

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from types import TracebackType

    from ethr_did.chain.networks import Network
    from ethr_did.chain.receipts import Receipt
    from ethr_did.chain.rpc import Chain
    from ethr_did.chain.transactions import Progress, Sender
    from ethr_did.identity import Plan
    from ethr_did.settings import Settings

__all__ = ["Sending", "confirm", "print_plan", "print_receipts", "sending_options"]

F = TypeVar("F", bound="Callable[..., Any]")

_GWEI = 9
_ETHER = 18
_LARGEST = 10**40
"""Wei; more than there is, and few enough digits to compute with."""

_QUICK_CHAINS = (1337, 31337)
"""Chain ids of local nodes, which mine at once."""


class _Amount(click.ParamType[int]):
    """An amount of ether in some unit, read exactly."""

    def __init__(self, name: str, decimals: int) -> None:
        self.name = name
        self._decimals = decimals

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            amount = Decimal(value).scaleb(self._decimals)
            is_whole = 0 <= amount < _LARGEST and amount == amount.to_integral_value()
        except DecimalException:
            is_whole = False
        if not is_whole:
            self.fail(
                f"{value!r} is not an amount in {self.name} with up to {self._decimals} decimals",
                param,
                ctx,
            )
        return int(amount)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """The options of a command that sends."""

    signer: str | None
    password_file: Path | None
    config_file: Path | None
    as_json: bool
    dry_run: bool = False
    yes: bool = False
    confirmations: int = 1
    timeout: float = 300.0
    fees: dict[str, int]

    def settings(self) -> Settings:
        """The settings in force."""
        return load(self.config_file)

    @contextmanager
    def open(self, settings: Settings, network: Network) -> Iterator[tuple[Chain, Sender]]:
        """The way to a network, and who sends there; a person is told how it goes."""
        with (
            network.chain(timeout=settings.timeout) as chain,
            _Watch(confirmations=self.confirmations) as watch,
        ):
            yield chain, self._sender(settings, network, chain, watch)

    def _sender(
        self,
        settings: Settings,
        network: Network,
        chain: Chain,
        watch: Callable[[Progress], object],
    ) -> Sender:
        from ethr_did.chain.fees import FeeRules
        from ethr_did.chain.journal import Journal
        from ethr_did.chain.transactions import Sender, Waiting

        if self.signer is None:
            raise click.UsageError("Missing option '--signer' (env var: 'ETHR_DID_SIGNER')")
        signer = open_signer_named(self.signer, self.password_file)
        journal = Journal(
            settings.state_dir / "journal", chain_id=network.chain_id, sender=signer.address
        )
        return Sender(
            chain,
            chain_id=network.chain_id,
            signer=signer,
            journal=journal,
            rules=FeeRules(**self.fees),
            waiting=Waiting(
                confirmations=self.confirmations,
                timeout=self.timeout,
                poll=0.2 if network.chain_id in _QUICK_CHAINS else 2.0,
            ),
            on_progress=watch,
        )


# -- options -------------------------------------------------------------------------------------

_FEE_OPTIONS = {
    "max_fee_per_gas": ("--max-fee", _GWEI, "Fee cap per gas in gwei; otherwise from the node."),
    "max_priority_fee_per_gas": ("--tip", _GWEI, "Priority fee per gas in gwei."),
    "cap_per_gas": ("--cap-per-gas", _GWEI, "Send nothing if gas is dearer, in gwei."),
    "cap_cost": ("--cap-cost", _ETHER, "Send nothing that could cost more, in ether."),
}

_FEES = tuple(
    click.option(flag, name, type=_Amount("gwei" if unit == _GWEI else "ether", unit), help=text)
    for name, (flag, unit, text) in _FEE_OPTIONS.items()
)
_WAITING = (
    click.option(
        "--confirmations",
        default=1,
        show_default=True,
        type=click.IntRange(1),
        metavar="BLOCKS",
        help="Blocks to wait for, that of the transaction included.",
    ),
    click.option(
        "--timeout",
        default=300,
        show_default=True,
        type=click.FloatRange(0, 1_000_000),
        metavar="SECONDS",
        help="Seconds to wait.",
    ),
)
_DRY_RUN = click.option(
    "--dry-run", is_flag=True, help="Show the plan and what it costs; send nothing."
)
_YES = click.option("--yes", is_flag=True, help="Do not ask.")


def sending_options(
    *,
    fees: bool = True,
    waits: bool = True,
    plans: bool = True,
    asks: bool = False,
    needs_signer: bool = True,
) -> Callable[[F], F]:
    """Adds the options of ``Sending`` and passes them to the command as ``sending``.

    Args:
        fees: whether the command chooses fees.
        waits: whether it waits for a block.
        plans: whether it has a ``--dry-run``.
        asks: whether it may ask before it sends.
        needs_signer: whether it always sends; otherwise it asks for a signer when it comes to it.
    """
    chosen = [
        signer_options(required=needs_signer),
        *(_FEES if fees else ()),
        *(_WAITING if waits else ()),
        *((_DRY_RUN,) if plans else ()),
        *((_YES,) if asks else ()),
        json_option,
        config_option,
    ]
    fields = {field.name for field in dataclasses.fields(Sending)}

    def add(function: F) -> F:
        def command(**options: Any) -> Any:
            caps = {name: options.pop(name) for name in _FEE_OPTIONS if name in options}
            mine = {name: options.pop(name) for name in fields & set(options)}
            given = {name: cap for name, cap in caps.items() if cap is not None}
            return function(sending=Sending(fees=given, **mine), **options)

        return with_options(function, chosen, command)

    return add


# -- asking and telling --------------------------------------------------------------------------


class NotConfirmed(click.ClickException):
    """A person was asked, and said no."""

    code = "not_confirmed"
    exit_code = 130


def confirm(question: str, sending: Sending) -> None:
    """Nothing; ends the command unless a person agrees or ``--yes`` was given."""
    if sending.yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(f"{question} There is no terminal to ask at: add --yes.")
    if not click.confirm(question, err=True):
        raise NotConfirmed("Not confirmed; nothing was sent.")


class _Watch:
    """Tells a person where transactions stand; a spinner turns while one is waited for.

    The spinner starts only then: before, a password may be asked for.
    """

    def __init__(self, *, confirmations: int) -> None:
        self._wanted = confirmations
        self._waiting: dict[bytes, int] = {}
        self._spinner = ExitStack()

    def __call__(self, progress: Progress) -> None:
        """Nothing; tells what is new."""
        entry = progress.entry
        tx = "0x" + entry.tx_hash.hex()
        match progress.stage:
            case "sent":
                self._wait_for(entry.tx_hash, f"Sent {tx}: {entry.purpose}")
            case "resumed":
                words = f"An earlier run sent {tx}; taking it up: {entry.purpose}"
                self._wait_for(entry.tx_hash, words)
            case "mined":
                self._mined(entry.tx_hash, progress.confirmations)

    def _wait_for(self, tx_hash: bytes, words: str) -> None:
        if tx_hash in self._waiting:
            return
        is_first = not self._waiting
        self._waiting[tx_hash] = 0
        say(words)
        if is_first:
            self._spinner.enter_context(working("Waiting for the transaction to be mined …"))

    def _mined(self, tx_hash: bytes, depth: int) -> None:
        if depth >= self._wanted:
            self._waiting.pop(tx_hash, None)
        elif depth != self._waiting.get(tx_hash):
            self._waiting[tx_hash] = depth
            say(f"Mined 0x{tx_hash.hex()}, {depth} of {self._wanted} blocks deep")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._spinner.close()
        if kind is not None and issubclass(kind, KeyboardInterrupt) and self._waiting:
            say(
                "\nWhat was sent is in the journal and may still be mined. Run the same command "
                "again: it is taken up, not repeated."
            )


# -- printing ------------------------------------------------------------------------------------


def print_plan(plan: Plan, *, as_json: bool) -> None:
    """Nothing; prints what would be sent and what it would cost."""
    if as_json:
        print_json(plan.to_dict())
        return
    rows = [
        (
            item.intent.purpose,
            item.estimated_gas,
            format_wei(item.expected_cost),
            format_wei(item.highest_cost),
        )
        for item in plan.quote.items
    ]
    table(rows, ("transaction", "gas", "expected cost", "highest cost"))
    for warning in plan.warnings:
        say(f"Note: {warning}")
    say(f"The sender has {format_wei(plan.quote.balance)}. Nothing was sent.")


def print_receipts(receipts: Sequence[Receipt], *, as_json: bool, is_list: bool = False) -> None:
    """Nothing; prints what became of transactions; as JSON, one by itself or a list of them."""
    if as_json:
        out = [receipt.to_dict() for receipt in receipts]
        print_json(out if is_list else out[0])
        return
    for receipt in receipts:
        click.echo(
            f"Mined in block {receipt.block_number}: 0x{receipt.tx_hash.hex()}, "
            f"{receipt.gas_used} gas, {format_wei(receipt.cost_wei)}"
        )
