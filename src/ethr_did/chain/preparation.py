"""What is asked before a transaction is signed: one batch, one round trip.

Chain id, prices, nonces, balance, a simulation and a gas estimate for each wish, and what became
of the transactions that are still open.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eth_hash.auto import keccak

from ethr_did.chain.answer import quantity_of, result_of
from ethr_did.chain.fees import (
    FeeRules,
    Fees,
    Market,
    choose_fees,
    format_wei,
    market_requests,
    read_market,
)
from ethr_did.chain.request import Request, chain_id
from ethr_did.chain.reverts import is_revert, revert_error
from ethr_did.core.keys import Address, to_checksum_address
from ethr_did.errors import (
    ChainError,
    EthrDIDError,
    FeeTooHigh,
    InsufficientFunds,
    NodeRefused,
    WrongChain,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ethr_did.chain.journal import Entry
    from ethr_did.chain.request import Answer, Steps

__all__ = ["Intent", "Prepared", "Quote", "Quoted", "prepare", "quote_of", "tx_fields"]

_TRANSACTION_CAP = 16_777_216
"""Most gas of one transaction. Spec: EIP-7825."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """Something that is to happen on chain."""

    to: Address | None
    """The contract; None deploys ``data`` as one."""
    data: bytes
    """Call data, or init code."""
    purpose: str
    """For people and the journal, such as "set did/svc/HubService of 0x…"."""
    value: int = 0
    """Wei that go with it."""
    gas: int | None = None
    """Limit; None for the estimate with its margin."""
    tag: str = ""
    """Sets apart what is meant to happen twice."""

    def key(self, *, chain_id: int, sender: Address) -> bytes:
        """32 bytes that are the same for the same wish, whatever its nonce and fees."""
        parts = (b"" if self.to is None else self.to, self.data, self.tag.encode(), sender)
        numbers = (chain_id, self.value)
        lengths = b"".join(len(part).to_bytes(8) for part in parts)
        return keccak(lengths + b"".join(parts) + b"".join(n.to_bytes(32) for n in numbers))


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """The answers to one preparation."""

    market: Market
    latest_nonce: int
    """Transactions of the sender that are mined."""
    pending_nonce: int
    """The same with those that the node has waiting."""
    balance: int
    """Wei."""
    simulations: tuple[Answer, ...]
    """Of ``eth_call``, one for each intent."""
    estimates: tuple[Answer, ...]
    """Of ``eth_estimateGas``, one for each intent."""
    traces: tuple[tuple[Answer, Answer], ...]
    """Receipt and transaction of each open entry, as the node knows them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quoted:
    """One intent with its price."""

    intent: Intent
    gas: int
    """Limit."""
    estimated_gas: int
    """What it would use now."""
    fees: Fees

    @property
    def expected_cost(self) -> int:
        """Wei in the next block, gas only."""
        return self.estimated_gas * self.fees.expected_per_gas

    @property
    def highest_cost(self) -> int:
        """Wei at worst, value included."""
        return self.gas * self.fees.max_fee_per_gas + self.intent.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What some intents would cost."""

    sender: Address
    market: Market
    balance: int
    """Wei of the sender."""
    items: tuple[Quoted, ...]

    @property
    def expected_cost(self) -> int:
        """Wei in the next blocks, gas only."""
        return sum(item.expected_cost for item in self.items)

    @property
    def highest_cost(self) -> int:
        """Wei at worst, values included."""
        return sum(item.highest_cost for item in self.items)

    def check_funds(self) -> None:
        """Raises ``InsufficientFunds`` unless the sender can pay the worst case."""
        if self.balance < self.highest_cost:
            account = to_checksum_address(self.sender)
            raise InsufficientFunds(
                f"{account} has {format_wei(self.balance)}, and up to "
                f"{format_wei(self.highest_cost)} may be needed "
                f"({format_wei(self.expected_cost)} expected)",
                hint=f"Send at least {format_wei(self.highest_cost - self.balance)} to it, or set a "
                "lower fee cap.",
                balance=self.balance,
                needed=self.highest_cost,
                sender=account,
            )


def prepare(
    intents: Sequence[Intent],
    open_entries: Sequence[Entry],
    *,
    sender: Address,
    expected_chain: int,
) -> Steps[Prepared]:
    """The preparation in one batch.

    Args:
        intents: to simulate and estimate.
        open_entries: of the journal, to look up.
        sender: who will sign.
        expected_chain: chain id.

    Raises:
        WrongChain: the node is on another chain.
        ChainError: something needed could not be read.
    """
    # While something waits, what comes next depends on it; else "latest" is what all nodes serve.
    block = "pending" if open_entries else "latest"
    account = to_checksum_address(sender)
    asked = [
        chain_id(),
        Request("eth_getTransactionCount", (account, "latest")),
        Request("eth_getTransactionCount", (account, "pending")),
        Request("eth_getBalance", (account, "latest")),
        *market_requests(),
    ]
    calls = [_call_fields(intent, sender) for intent in intents]
    asked += [Request("eth_call", (fields, block)) for fields in calls]
    asked += [Request("eth_estimateGas", (fields, block)) for fields in calls]
    for entry in open_entries:
        tx_hash = "0x" + entry.tx_hash.hex()
        asked.append(Request("eth_getTransactionReceipt", (tx_hash,)))
        asked.append(Request("eth_getTransactionByHash", (tx_hash,)))
    answers = iter((yield asked))
    _check_chain(next(answers), expected_chain)
    return Prepared(
        latest_nonce=quantity_of(next(answers)),
        pending_nonce=quantity_of(next(answers)),
        balance=quantity_of(next(answers)),
        market=read_market(_take(answers, len(market_requests()))),
        simulations=_take(answers, len(intents)),
        estimates=_take(answers, len(intents)),
        traces=tuple((next(answers), next(answers)) for _ in open_entries),
    )


def _call_fields(intent: Intent, sender: Address) -> dict[str, str]:
    """The transaction object of ``eth_call`` and ``eth_estimateGas``."""
    fields: dict[str, str] = {"from": to_checksum_address(sender), "data": "0x" + intent.data.hex()}
    if intent.to is not None:
        fields["to"] = to_checksum_address(intent.to)
    if intent.value:
        fields["value"] = hex(intent.value)
    return fields


def quote_of(
    intents: Sequence[Intent], prepared: Prepared, *, sender: Address, rules: FeeRules
) -> Quote:
    """The price of what would work.

    Raises:
        NotAuthorized, Reverted: a contract refuses, in simulation.
        FeeTooHigh: a cap is too low, or a transaction would fill more than a block.
        ChainError: the node could not simulate.
    """
    items = []
    answers = zip(intents, prepared.simulations, prepared.estimates, strict=True)
    for intent, simulated, estimated in answers:
        if isinstance(simulated, ChainError):
            raise _failure(simulated, intent, sender)
        used = _estimate(estimated, intent, prepared, sender)
        gas = intent.gas or _with_margin(used, prepared.market, rules, intent)
        fees = choose_fees(prepared.market, rules, gas=gas, value=intent.value)
        items.append(Quoted(intent=intent, gas=gas, estimated_gas=used, fees=fees))
    return Quote(
        sender=sender, market=prepared.market, balance=prepared.balance, items=tuple(items)
    )


def _estimate(answer: Answer, intent: Intent, prepared: Prepared, sender: Address) -> int:
    if isinstance(answer, ChainError):
        if prepared.balance < intent.value:
            raise InsufficientFunds(
                f"{to_checksum_address(sender)} has {format_wei(prepared.balance)}, and "
                f"{format_wei(intent.value)} are to go with the transaction",
                hint="Send ether to it first.",
                balance=prepared.balance,
                needed=intent.value,
            )
        raise _failure(answer, intent, sender)
    return quantity_of(answer)


def _failure(answer: ChainError, intent: Intent, sender: Address) -> EthrDIDError:
    if isinstance(answer, NodeRefused) and is_revert(answer):
        error = revert_error(answer, purpose=intent.purpose, sender=sender)
        error.__cause__ = answer
        return error
    return answer


def _with_margin(used: int, market: Market, rules: FeeRules, intent: Intent) -> int:
    if used > market.gas_limit:
        raise FeeTooHigh(
            f"{intent.purpose}: {used} gas are more than a block holds ({market.gas_limit})",
            hint="Split it into several transactions.",
            needed=used,
            allowed=market.gas_limit,
        )
    # The margin alone must not carry a transaction over the cap of newer chains.
    most = _TRANSACTION_CAP if used <= _TRANSACTION_CAP else market.gas_limit
    return min(used + used * rules.gas_margin // 100, most, market.gas_limit)


def _check_chain(answer: Answer, expected: int) -> None:
    actual = quantity_of(result_of(answer))
    if actual != expected:
        raise WrongChain(
            f"the node is on chain {actual}, not on chain {expected}",
            hint="Check the RPC URL and the chain id of this network.",
            actual=actual,
            expected=expected,
        )


def _take(answers: Iterator[Any], count: int) -> tuple[Any, ...]:
    return tuple(next(answers) for _ in range(count))


def tx_fields(quoted: Quoted, *, nonce: int, expected_chain: int) -> Mapping[str, Any]:
    """The transaction to sign; see ``Signer.sign_transaction`` for its form."""
    intent = quoted.intent
    fields: dict[str, Any] = {
        "chainId": expected_chain,
        "nonce": nonce,
        "gas": quoted.gas,
        "value": intent.value,
        "data": "0x" + intent.data.hex(),
        **quoted.fees.to_tx(),
    }
    if intent.to is not None:
        fields["to"] = str(to_checksum_address(intent.to))
    return fields
