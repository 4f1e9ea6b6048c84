"""What all commands that send transactions share: options, the sender, plan, progress, receipt."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ethr_did.cli.creating import open_signer_named
from ethr_did.cli.options import config_option, json_option, load, signer_options
from ethr_did.cli.output import describe_wei, print_json, say, working

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ethr_did.chain.networks import Network
    from ethr_did.chain.receipts import Receipt
    from ethr_did.chain.rpc import Chain
    from ethr_did.chain.transactions import Progress, Sender
    from ethr_did.settings import Settings

__all__ = ["Sending", "confirm", "print_receipts", "sending_options"]

F = TypeVar("F", bound="Callable[..., Any]")

_GWEI = 9
_ETHER = 18


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
            if not amount.is_finite() or amount < 0 or amount != amount.to_integral_value():
                raise InvalidOperation
        except InvalidOperation:
            self.fail(f"{value!r} is not an amount in {self.name}", param, ctx)
        return int(amount)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """The options of a command that sends."""

    signer: str
    password_file: Path | None
    config_file: Path | None
    as_json: bool
    dry_run: bool
    yes: bool
    confirmations: int
    timeout: float
    fees: dict[str, int]

    def settings(self) -> Settings:
        """The settings in force."""
        return load(self.config_file)

    def sender(self, settings: Settings, network: Network, chain: Chain) -> Sender:
        """Who sends, with a journal of its own for this network."""
        from ethr_did.chain.fees import FeeRules
        from ethr_did.chain.journal import Journal
        from ethr_did.chain.transactions import Sender, Waiting

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
            on_progress=tell_progress,
        )


_QUICK_CHAINS = (1337, 31337)
"""Chain ids of local nodes, which mine at once."""


def sending_options(function: F) -> F:
    """Adds the options of ``Sending`` and passes them to the command as ``sending``."""

    def command(**options: Any) -> Any:
        fees = {name: value for name in _FEE_OPTIONS if (value := options.pop(name)) is not None}
        names = ("signer", "password_file", "config_file", "as_json", "dry_run", "yes")
        common = {name: options.pop(name) for name in (*names, "confirmations", "timeout")}
        return function(sending=Sending(fees=fees, **common), **options)

    command.__doc__ = function.__doc__
    command.__name__ = function.__name__
    # Options that decorate the command itself come first in its help.
    command.__click_params__ = getattr(function, "__click_params__", [])  # type: ignore[attr-defined]
    decorated: Any = command
    for option in reversed((signer_options(), *_OPTIONS, json_option, config_option)):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]


_FEE_OPTIONS = {
    "max_fee_per_gas": ("--max-fee", _GWEI, "Fee cap per gas in gwei; otherwise from the node."),
    "max_priority_fee_per_gas": ("--tip", _GWEI, "Priority fee per gas in gwei."),
    "cap_per_gas": ("--cap-per-gas", _GWEI, "Send nothing if gas is dearer, in gwei."),
    "cap_cost": ("--cap-cost", _ETHER, "Send nothing that could cost more, in ether."),
}

_OPTIONS = (
    *(
        click.option(
            flag, name, type=_Amount("gwei" if unit == _GWEI else "ether", unit), help=text
        )
        for name, (flag, unit, text) in _FEE_OPTIONS.items()
    ),
    click.option(
        "--confirmations", default=1, show_default=True, type=click.IntRange(1), help="Blocks."
    ),
    click.option(
        "--timeout", default=300.0, show_default=True, type=float, help="Seconds to wait."
    ),
    click.option("--dry-run", is_flag=True, help="Show the plan and what it costs; send nothing."),
    click.option("--yes", is_flag=True, help="Do not ask."),
)


def confirm(question: str, sending: Sending) -> None:
    """Nothing; ends the command unless a person agrees or ``--yes`` was given."""
    if sending.yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(f"{question} There is no terminal to ask at: add --yes.")
    click.confirm(question, abort=True, err=True)


def tell_progress(progress: Progress) -> None:
    """Nothing; tells a person where a transaction stands."""
    tx = "0x" + progress.entry.tx_hash.hex()
    match progress.stage:
        case "sent":
            say(f"Sent {tx}: {progress.entry.purpose}")
        case "resumed":
            say(f"An earlier run sent {tx} already; picking it up: {progress.entry.purpose}")
        case "mined" if progress.confirmations > 1:
            say(f"Mined {tx}, {progress.confirmations} blocks deep")
        case _:
            pass


def waiting_spinner() -> Any:
    """A spinner while transactions are sent and mined."""
    return working("Waiting for the transaction to be mined …")


def print_receipts(receipts: list[Receipt], *, as_json: bool) -> None:
    """Nothing; prints what became of transactions."""
    if as_json:
        out = [receipt.to_dict() for receipt in receipts]
        print_json(out[0] if len(out) == 1 else out)
        return
    for receipt in receipts:
        click.echo(
            f"Mined in block {receipt.block_number}: 0x{receipt.tx_hash.hex()}, "
            f"{receipt.gas_used} gas, {describe_wei(receipt.cost_wei)}"
        )
