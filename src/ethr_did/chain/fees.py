"""What a transaction may cost: the node's figures, the user's caps, and the fees that follow.

Rules:
  * Blocks with a base fee take transactions of EIP-1559; where there is none, a gas price is paid.
  * The tip is the median of what the last blocks took; the cap leaves room for the base fee to
    double, which takes six full blocks. Only base fee and tip are paid, not the cap.
  * A cap of the user's lowers the fee cap as long as the transaction could still be mined now;
    below that it is ``FeeTooHigh``: sending it would only wait for better times.
  * Rollups charge for their data on top, outside of gas. That part is not in these figures.

Spec: EIP-1559.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median_low
from typing import TYPE_CHECKING, Any

from ethr_did.chain.answer import parse_head, quantity_of, result_of
from ethr_did.chain.request import Request, get_block
from ethr_did.errors import ChainError, FeeTooHigh, InvalidAnswer, InvalidOption, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ethr_did.chain.answer import Head
    from ethr_did.chain.request import Answer

__all__ = [
    "FeeRules",
    "Fees",
    "Market",
    "choose_fees",
    "format_wei",
    "market_requests",
    "outbid",
    "read_market",
]

_BLOCKS = 10
_PERCENTILE = 50
_LEAST_TIP = 1
"""Wei: geth's pool takes nothing below."""

_ETHER = 10**18
_GWEI = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeRules:
    """What the user says about fees; None leaves it to the node's figures."""

    max_fee_per_gas: int | None = None
    """Wei: exactly this fee cap."""
    max_priority_fee_per_gas: int | None = None
    """Wei: exactly this tip."""
    cap_per_gas: int | None = None
    """Wei: no gas dearer than this."""
    cap_cost: int | None = None
    """Wei: no transaction dearer than this, at worst, value included."""
    gas_margin: int = 20
    """Percent on top of the estimated gas: the state may change until it is mined."""

    def __post_init__(self) -> None:
        for name in ("max_fee_per_gas", "cap_per_gas", "cap_cost"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise InvalidOption(f"{name} must be above zero, not {value}")
        tip, fee = self.max_priority_fee_per_gas, self.max_fee_per_gas
        if tip is not None and (tip < 0 or (fee is not None and tip > fee)):
            raise InvalidOption(
                f"a tip of {tip} wei is not between zero and the fee cap",
                hint="max_priority_fee_per_gas is a part of max_fee_per_gas (EIP-1559).",
            )
        if self.gas_margin < 0:
            raise InvalidOption(f"gas_margin must not be negative: {self.gas_margin}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """What the node says about prices."""

    head: Head
    """The newest block."""
    gas_limit: int
    """Of that block."""
    base_fee: int | None
    """Of the next block, wei; None where the chain has no EIP-1559."""
    tip: int
    """Usual tip, wei."""
    gas_price: int | None
    """Usual price, wei; for chains without EIP-1559."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fees:
    """Fees of one transaction, in wei for each unit of gas."""

    max_fee_per_gas: int
    """The most that is paid; the gas price where there is no EIP-1559."""
    max_priority_fee_per_gas: int | None
    """The tip in it; None for a transaction with a gas price."""
    expected_per_gas: int
    """What the next block would take."""

    def to_tx(self) -> dict[str, int]:
        """The members of a transaction that hold these fees."""
        if self.max_priority_fee_per_gas is None:
            return {"gasPrice": self.max_fee_per_gas}
        return {
            "type": 2,
            "maxFeePerGas": self.max_fee_per_gas,
            "maxPriorityFeePerGas": self.max_priority_fee_per_gas,
        }


def market_requests() -> list[Request]:
    """The questions that ``read_market`` reads the answers of."""
    return [
        get_block("latest"),
        Request("eth_feeHistory", (hex(_BLOCKS), "latest", [_PERCENTILE])),
        Request("eth_maxPriorityFeePerGas"),
        Request("eth_gasPrice"),
    ]


def read_market(answers: Sequence[Answer]) -> Market:
    """The market in the answers to ``market_requests``.

    Raises:
        InvalidAnswer: no block, or no price at all.
        ChainError: the block could not be read.
    """
    block, history, tip, price = answers
    head = parse_head(block)
    base_fee = _optional(block.get("baseFeePerGas"))
    gas_price = _optional(price)
    if base_fee is None and gas_price is None:
        raise InvalidAnswer("the node names neither a base fee nor a gas price")
    if base_fee is not None:
        base_fee = _next_base_fee(history, base_fee)
    return Market(
        head=head,
        gas_limit=quantity_of(block.get("gasLimit")),
        base_fee=base_fee,
        tip=max(_usual_tip(history, tip), _LEAST_TIP),
        gas_price=gas_price,
    )


def choose_fees(market: Market, rules: FeeRules, *, gas: int, value: int = 0) -> Fees:
    """The fees of a transaction.

    Args:
        market: the node's figures.
        rules: the user's.
        gas: limit of the transaction.
        value: wei that it carries.

    Raises:
        FeeTooHigh: a cap, or a fee chosen by the user, is below what the next block takes.
    """
    cap = _cap(rules, gas, value)
    if market.base_fee is None:
        price = rules.max_fee_per_gas or market.gas_price or 0
        if cap is not None and price > cap:
            raise _too_high(price, cap)
        return Fees(max_fee_per_gas=price, max_priority_fee_per_gas=None, expected_per_gas=price)
    tip = _tip(market, rules)
    least = market.base_fee + (tip if rules.max_fee_per_gas is None else 0)
    wanted = rules.max_fee_per_gas or 2 * market.base_fee + tip
    most = wanted if cap is None else min(wanted, cap)
    if most < least:
        raise _too_high(least, most)
    return Fees(
        max_fee_per_gas=most,
        max_priority_fee_per_gas=min(tip, most),
        expected_per_gas=min(most, market.base_fee + tip),
    )


def outbid(old: Mapping[str, Any], market: Market, *, bump_percent: float) -> Fees:
    """Fees that push a waiting transaction out of every pool.

    Args:
        old: the transaction that waits.
        market: the node's figures.
        bump_percent: by how much at least; pools ask for 10.

    Raises:
        InvalidOption: less than 10 percent.
    """
    if bump_percent < 10:  # noqa: PLR2004 - geth's default, the lowest of the known ones
        raise InvalidOption(
            f"{bump_percent} percent more is too little: pools ask for 10",
            hint="Leave it at the default of 12.5.",
        )

    def more(fee: int) -> int:
        return fee + -(-fee * round(bump_percent * 100) // 10_000) + 1  # one more than rounded up

    if "gasPrice" in old:
        price = max(more(old["gasPrice"]), market.gas_price or 0)
        return Fees(max_fee_per_gas=price, max_priority_fee_per_gas=None, expected_per_gas=price)
    tip = max(more(old["maxPriorityFeePerGas"]), market.tip)
    base_fee = market.base_fee or 0
    most = max(more(old["maxFeePerGas"]), 2 * base_fee + tip)
    return Fees(
        max_fee_per_gas=most,
        max_priority_fee_per_gas=tip,
        expected_per_gas=min(most, base_fee + tip),
    )


def format_wei(wei: int) -> str:
    """An amount for people, in ether, or in gwei where it is small.

    Example:
        >>> format_wei(1_500_000_000_000_000), format_wei(25_000_000_000)
        ('0.0015 ETH', '25 gwei')
    """
    unit, name = (_GWEI, "gwei") if abs(wei) < _ETHER // 1_000_000 else (_ETHER, "ETH")
    whole, rest = divmod(wei, unit)
    digits = f"{rest:0{len(str(unit)) - 1}d}".rstrip("0")
    return f"{whole}{'.' if digits else ''}{digits} {name}"


def _cap(rules: FeeRules, gas: int, value: int) -> int | None:
    caps = [rules.cap_per_gas] if rules.cap_per_gas is not None else []
    if rules.cap_cost is not None:
        caps.append(max(rules.cap_cost - value, 0) // gas)
    return min(caps) if caps else None


def _tip(market: Market, rules: FeeRules) -> int:
    if rules.max_priority_fee_per_gas is not None:
        return rules.max_priority_fee_per_gas
    return market.tip if rules.max_fee_per_gas is None else min(market.tip, rules.max_fee_per_gas)


def _too_high(needed: int, allowed: int) -> FeeTooHigh:
    return FeeTooHigh(
        f"the next block takes {format_wei(needed)} for each unit of gas, your limit allows "
        f"{format_wei(allowed)}",
        hint="Wait for a quieter time, or raise the limit.",
        needed=needed,
        allowed=allowed,
    )


def _optional(answer: Answer) -> int | None:
    """The number of an answer that a node need not be able to give."""
    return None if answer is None or isinstance(answer, ChainError) else quantity_of(answer)


def _next_base_fee(history: Answer, base_fee: int) -> int:
    fees = history.get("baseFeePerGas") if isinstance(history, Mapping) else None
    # The list has one more entry than blocks were asked for: that of the block to come.
    return quantity_of(fees[-1]) if isinstance(fees, list) and fees else base_fee


def _usual_tip(history: Answer, suggested: Answer) -> int:
    tips = _tips(history)
    if tips:
        return median_low(tips)
    return _optional(suggested) or 0


def _tips(history: Answer) -> list[int]:
    """The median tips of the blocks that held any transaction."""
    if isinstance(history, ChainError) or not isinstance(history, Mapping):
        return []
    rewards, fullness = history.get("reward"), history.get("gasUsedRatio")
    if not isinstance(rewards, list) or not isinstance(fullness, list):
        return []
    try:
        pairs = zip(rewards, fullness, strict=True)
        return [quantity_of(result_of(row[0])) for row, ratio in pairs if ratio > 0]
    except (ValueError, TypeError, IndexError) as cause:
        raise InvalidAnswer(f"not a fee history: {shown(history)}") from cause
