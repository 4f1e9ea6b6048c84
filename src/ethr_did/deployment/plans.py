"""What a deployment would do and cost, before anything is sent.

Rules:
  * One round trip, whatever the number of contracts.
  * The DID registry comes first. What takes its address is bound to it: to the one that is planned
    along, wherever it will be, or to one that is named. A named one must have code that answers as
    an ERC-1056 registry does: the address can never be changed afterwards.
  * A constructor that asks for code at the DID registry's address cannot be simulated before the
    registry is there. Its gas is computed from its size, by the same proportion in which the
    node's figure for the registry stands to the computed one, and marked as computed.
  * Code is compared byte for byte: with the artifact where a contract is to stand, with the known
    code where the proxy is to stand. Foreign code is never built upon.
  * Figures are those of the next block. Rollups charge for their data on top; nodes do not say
    how much.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from eth_hash.auto import keccak

from ethr_did.chain.answer import data_of, quantity_of
from ethr_did.chain.artifacts import ContractName
from ethr_did.chain.fees import FeeRules, choose_fees, format_wei, market_requests, read_market
from ethr_did.chain.request import Request, call, chain_id, get_code
from ethr_did.chain.reverts import is_revert
from ethr_did.chain.transactions import Intent
from ethr_did.core.calls import identity_owner_call
from ethr_did.core.keys import Address, to_checksum_address
from ethr_did.deployment.factory import (
    KEYLESS_COST,
    KEYLESS_GAS_PRICE,
    KEYLESS_SIGNER,
    PROXY,
    PROXY_CODE,
    create2_address,
    create_address,
    deployment_call,
    salt_of,
)
from ethr_did.errors import DeploymentError, InsufficientFunds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ethr_did.chain.artifacts import Artifact
    from ethr_did.chain.fees import Fees, Market
    from ethr_did.chain.request import Answer, Steps
    from ethr_did.chain.rpc import Chain

__all__ = [
    "PLAIN_HINT",
    "DeploymentPlan",
    "PlannedContract",
    "Standing",
    "deployable",
    "plan",
    "planning",
]

PLAIN_HINT = (
    "Deploy with --plain: the contract then has an address of its own on this chain, which its "
    "users have to configure."
)

_TRANSFER_GAS = 21_000
_CREATION_GAS = 53_000
"""Of a transaction that creates: 21,000 and 32,000 (Yellow Paper, appendix G)."""
_GAS_OF_BYTE = (4, 16)
"""Call data, zero and other bytes (EIP-2028)."""
_GAS_OF_CODE_BYTE = 200
_WORD = 32


class Standing(StrEnum):
    """What stands at an address."""

    ABSENT = "absent"
    """No code."""
    DEPLOYED = "deployed"
    """The code that belongs there."""
    FOREIGN = "foreign"
    """Other code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedContract:
    """One contract of a plan."""

    artifact: Artifact = field(repr=False)
    address: Address
    """Where it is, or will be; without a factory this holds until the sender sends anything else."""
    salt: bytes | None
    """32 bytes; None without a factory."""
    factory: Address | None
    """The proxy; None where the sender creates the contract itself."""
    standing: Standing
    found_code_hash: bytes | None
    """keccak256 of the code that is there; None where there is none."""
    gas: int
    """Estimated; 0 where nothing is to be done."""
    awaits_registry: bool
    """Whether it is bound to a DID registry that this plan deploys first: then its gas is computed,
    not estimated by the node."""
    cost: int
    """Wei in the next block."""
    highest_cost: int
    """Wei at worst: with the margin of gas, at the fee cap."""

    @property
    def name(self) -> str:
        """Of the contract."""
        return self.artifact.name

    @property
    def init_code_hash(self) -> bytes:
        """keccak256 of the init code, as CREATE2 takes it."""
        return self.artifact.init_code_hash

    @property
    def intent(self) -> Intent:
        """The transaction that deploys it."""
        data = self.artifact.init_code if self.factory is None else deployment_call(self.artifact)
        return Intent(to=self.factory, data=data, purpose=f"deploy {self.name}")

    def rebound(self, did_registry: Address | None) -> PlannedContract:
        """The same for where the awaited DID registry came to be; None: that is not known yet."""
        if not self.awaits_registry or did_registry in (None, self.artifact.did_registry):
            return self
        return replace(self, artifact=self.artifact.unbound().bound(did_registry))

    def to_dict(self) -> dict[str, Any]:
        """The contract as JSON, without its code."""
        return {
            "contract": self.name,
            "address": to_checksum_address(self.address),
            "standing": self.standing.value,
            "salt": None if self.salt is None else "0x" + self.salt.hex(),
            "factory": _checksum(self.factory),
            "initCodeHash": "0x" + self.init_code_hash.hex(),
            "codeHash": "0x" + self.artifact.code_hash.hex(),
            "didRegistry": _checksum(self.artifact.did_registry),
            "gas": self.gas,
            "gasIsComputed": self.awaits_registry,
            "costWei": self.cost,
            "highestCostWei": self.highest_cost,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentPlan:
    """What is to be done on one chain."""

    chain_id: int
    block_number: int
    """At which the chain was read."""
    sender: Address
    balance: int
    """Wei of the sender."""
    fee_per_gas: int
    """Wei that the next block takes for each unit of gas."""
    proxy: Standing | None
    """What stands at the proxy's address; None where it is not used."""
    proxy_spent: bool
    """Whether the keyless signer has sent its transaction, with whatever result."""
    proxy_funding: int
    """Wei that the keyless signer lacks; 0 where the proxy is there."""
    proxy_cost: int
    """Wei in the next block for the whole of that step, the funding included."""
    base_fee: int | None
    """Wei for each unit of gas; None where the chain has no EIP-1559."""
    contracts: tuple[PlannedContract, ...]

    @property
    def waiting(self) -> tuple[PlannedContract, ...]:
        """The contracts that are not there yet."""
        return tuple(one for one in self.contracts if one.standing is Standing.ABSENT)

    @property
    def did_registry(self) -> Address | None:
        """That the contracts are bound to; None where none of them is bound."""
        bound = (one.artifact.did_registry for one in self.contracts)
        return next((address for address in bound if address is not None), None)

    @property
    def needs_proxy(self) -> bool:
        """Whether the proxy has to be put there first."""
        return self.proxy is Standing.ABSENT and bool(self.waiting)

    @property
    def cost(self) -> int:
        """Wei in the next block, for everything."""
        extra = self.proxy_cost if self.needs_proxy else 0
        return extra + sum(one.cost for one in self.contracts)

    @property
    def highest_cost(self) -> int:
        """Wei at worst."""
        extra = self.proxy_cost if self.needs_proxy else 0
        return extra + sum(one.highest_cost for one in self.contracts)

    def check(self) -> None:
        """Raises what would keep the plan from being carried out, before money is spent on it.

        Raises:
            DeploymentError: foreign code stands in the way, or the proxy cannot be put there.
            InsufficientFunds: the sender cannot pay the worst case.
        """
        for one in self.contracts:
            if one.standing is Standing.FOREIGN:
                raise _foreign(one)
        if self.proxy is not None:
            self._check_proxy()
        if self.waiting and self.balance < self.highest_cost:
            raise self._cannot_pay()

    def _check_proxy(self) -> None:
        proxy = to_checksum_address(PROXY)
        if self.proxy is Standing.FOREIGN:
            raise DeploymentError(
                f"{proxy} on chain {self.chain_id} holds other code than the "
                "deterministic-deployment proxy",
                hint=PLAIN_HINT,
                address=proxy,
                chain_id=self.chain_id,
            )
        if not self.needs_proxy:
            return
        if self.proxy_spent:
            raise DeploymentError(
                f"the transaction that creates {proxy} was sent on chain {self.chain_id} and failed; "
                "it cannot be sent again",
                hint=PLAIN_HINT,
                chain_id=self.chain_id,
            )
        if self.base_fee is not None and self.base_fee > KEYLESS_GAS_PRICE:
            raise DeploymentError(
                f"the transaction that creates {proxy} pays {format_wei(KEYLESS_GAS_PRICE)} for "
                f"each unit of gas; blocks of chain {self.chain_id} take {format_wei(self.base_fee)}",
                hint=f"Wait for a quieter time. {PLAIN_HINT}",
                base_fee=self.base_fee,
            )

    def _cannot_pay(self) -> InsufficientFunds:
        account = to_checksum_address(self.sender)
        return InsufficientFunds(
            f"{account} has {format_wei(self.balance)} on chain {self.chain_id}, and up to "
            f"{format_wei(self.highest_cost)} may be needed ({format_wei(self.cost)} expected)",
            hint=f"Send at least {format_wei(self.highest_cost - self.balance)} to it.",
            balance=self.balance,
            needed=self.highest_cost,
            sender=account,
        )

    def to_dict(self) -> dict[str, Any]:
        """The plan as JSON."""
        return {
            "chainId": self.chain_id,
            "blockNumber": self.block_number,
            "didRegistry": _checksum(self.did_registry),
            "sender": to_checksum_address(self.sender),
            "balanceWei": self.balance,
            "feePerGasWei": self.fee_per_gas,
            "proxy": None if self.proxy is None else self.proxy.value,
            "proxyCostWei": self.proxy_cost if self.needs_proxy else 0,
            "contracts": [one.to_dict() for one in self.contracts],
            "costWei": self.cost,
            "highestCostWei": self.highest_cost,
        }


def _foreign(one: PlannedContract) -> DeploymentError:
    found = "" if one.found_code_hash is None else "0x" + one.found_code_hash.hex()
    address = to_checksum_address(one.address)
    return DeploymentError(
        f"{address} already holds code that is not {one.name}: its hash is {found}, "
        f"not 0x{one.artifact.code_hash.hex()}",
        hint=f"Find out what it is before anybody relies on that address. {PLAIN_HINT}",
        address=address,
        contract=one.name,
        found=found,
        expected=one.artifact.code_hash,
    )


def plan(
    chain: Chain,
    artifacts: Sequence[Artifact],
    *,
    sender: Address,
    plain: bool = False,
    known: Mapping[str, Address] | None = None,
    rules: FeeRules | None = None,
    did_registry: Address | None = None,
) -> DeploymentPlan:
    """What a deployment would do and cost; one round trip, nothing is sent.

    Args:
        chain: the way to the nodes.
        artifacts: of the contracts. Those that take the DID registry's address need not be bound.
        sender: who pays.
        plain: whether the sender creates the contracts itself, without the proxy.
        known: where the records say that contracts are, by name; looked at if ``plain``.
        rules: about fees.
        did_registry: an ERC-1056 registry that is there already, for contracts to be bound to;
            otherwise they are bound to the ``EthereumDIDRegistry`` of the same plan.

    Raises:
        DeploymentError: a contract cannot be bound, or there is no registry at that address.
        FeeTooHigh: a cap is too low.
        ChainError: it could not be found out.
    """
    return chain.run(
        planning(
            artifacts,
            sender=sender,
            plain=plain,
            known=known or {},
            rules=rules,
            did_registry=did_registry,
        )
    )


def planning(
    artifacts: Sequence[Artifact],
    *,
    sender: Address,
    plain: bool,
    known: Mapping[str, Address],
    rules: FeeRules | None = None,
    did_registry: Address | None = None,
) -> Steps[DeploymentPlan]:
    """The plan in one batch; arguments as ``plan``."""
    ordered = _in_order(artifacts, did_registry)
    places = known if plain else None
    # In a plain deployment the address of a new registry is known only with the sender's nonce.
    likely = did_registry or _own_registry(ordered, places)
    looked_at = [(one, _address(one, places)) for one in (_bound(each, likely) for each in ordered)]
    asked = [*_common_requests(sender), *market_requests()]
    asked += [] if did_registry is None else _registry_requests(did_registry)
    for artifact, address in looked_at:
        asked += _contract_requests(artifact, address or PROXY, sender)
    answers = iter((yield asked))
    facts = _Facts.read(answers, plain=plain, rules=rules or FeeRules())
    if did_registry is not None:
        _check_registry(did_registry, code=next(answers), owner=next(answers))
    registry, awaited = did_registry, None
    contracts: list[PlannedContract] = []
    nonce = facts.nonce
    for source, (_, address) in zip(ordered, looked_at, strict=True):
        # A recorded contract that is no longer there, on a test chain, is deployed anew.
        mine = [next(answers) for _ in range(3)]
        one = facts.planned(_bound(source, registry), address, mine, (sender, nonce), awaited)
        nonce += one.standing is Standing.ABSENT
        if registry is None and one.name == ContractName.ETHEREUM_DID_REGISTRY:
            registry, awaited = one.address, one if one.standing is Standing.ABSENT else None
        contracts.append(one)
    return facts.plan(sender, tuple(contracts))


def _in_order(artifacts: Sequence[Artifact], did_registry: Address | None) -> list[Artifact]:
    """The contracts in the order of dependence; raises unless all of them can be deployed."""
    ordered = sorted(artifacts, key=lambda one: one.name != ContractName.ETHEREUM_DID_REGISTRY)
    own = any(one.name == ContractName.ETHEREUM_DID_REGISTRY for one in ordered)
    for artifact in ordered:
        _check_plannable(artifact, has_registry=own or did_registry is not None)
    return ordered


def _own_registry(
    artifacts: Sequence[Artifact], known: Mapping[str, Address] | None
) -> Address | None:
    own = (one for one in artifacts if one.name == ContractName.ETHEREUM_DID_REGISTRY)
    return next((_address(one, known) for one in own), None)


def _bound(artifact: Artifact, did_registry: Address | None) -> Artifact:
    if artifact.is_complete or did_registry is None:
        return artifact
    return artifact.bound(did_registry)


def _check_plannable(artifact: Artifact, *, has_registry: bool) -> None:
    if artifact.is_complete:
        return
    if artifact.takes_did_registry:
        if has_registry:
            return
        raise DeploymentError(
            f"{artifact.name} serves the identities of a DID registry, and none is named",
            hint=f"Deploy {ContractName.ETHEREUM_DID_REGISTRY} with it, or name one that is there.",
            contract=artifact.name,
        )
    if artifact.takes_arguments:
        raise DeploymentError(
            f"{artifact.name} takes constructor arguments: its init code alone does not deploy it",
            hint=f"To be deployed: {', '.join(deployable())}.",
        )
    raise DeploymentError(
        f"{artifact.name} has immutables: its code on chain cannot be told from the artifact",
    )


def deployable() -> tuple[ContractName, ...]:
    """The contracts that are deployed to a chain, in the order of dependence."""
    return (
        ContractName.ETHEREUM_DID_REGISTRY,
        ContractName.CREDENTIAL_STATUS_REGISTRY,
        ContractName.STATUS_LIST_ANCHOR_REGISTRY,
        ContractName.CREDENTIAL_STATUS_LENS,
    )


def _address(artifact: Artifact, known: Mapping[str, Address] | None) -> Address | None:
    """Where to look; None where a plain deployment is recorded nowhere."""
    if known is not None:
        return known.get(artifact.name)
    return create2_address(artifact.init_code, salt_of(artifact.name))


def _registry_requests(registry: Address) -> list[Request]:
    """Whether an ERC-1056 registry is there: the proxy acts for nobody, so it owns itself in it."""
    return [get_code(registry), call(registry, identity_owner_call(PROXY))]


def _check_registry(registry: Address, *, code: Answer, owner: Answer) -> None:
    # A contract that does not know the function reverts: the node is not to blame.
    if data_of(code) and not is_revert(owner) and data_of(owner) == PROXY.rjust(_WORD, b"\0"):
        return
    address = to_checksum_address(registry)
    raise DeploymentError(
        f"there is no ERC-1056 registry at {address}",
        hint="Name the registry that the identities of this network are in: contracts that are "
        "bound to another address are of no use to them.",
        address=address,
    )


def _common_requests(sender: Address) -> list[Request]:
    account, keyless = to_checksum_address(sender), to_checksum_address(KEYLESS_SIGNER)
    return [
        chain_id(),
        Request("eth_getTransactionCount", (account, "pending")),
        Request("eth_getBalance", (account, "latest")),
        get_code(PROXY),
        Request("eth_getTransactionCount", (keyless, "latest")),
        Request("eth_getBalance", (keyless, "latest")),
    ]


def _contract_requests(artifact: Artifact, address: Address, sender: Address) -> list[Request]:
    """Code, and the gas of both ways to deploy: which one counts is known with the answers."""
    account = to_checksum_address(sender)
    create = {"from": account, "data": "0x" + artifact.init_code.hex()}
    through = {
        "from": account,
        "to": to_checksum_address(PROXY),
        "data": "0x" + deployment_call(artifact).hex(),
    }
    return [
        get_code(address),
        Request("eth_estimateGas", (create,)),
        Request("eth_estimateGas", (through,)),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """What the node said that concerns all contracts."""

    chain_id: int
    nonce: int
    balance: int
    proxy: Standing | None
    keyless_nonce: int
    keyless_balance: int
    market: Market
    rules: FeeRules

    @classmethod
    def read(cls, answers: Iterator[Answer], *, plain: bool, rules: FeeRules) -> _Facts:
        number, nonce, balance, proxy, keyless_nonce, keyless_balance = (
            next(answers) for _ in range(6)
        )
        return cls(
            chain_id=quantity_of(number),
            nonce=quantity_of(nonce),
            balance=quantity_of(balance),
            proxy=None if plain else _standing(data_of(proxy), PROXY_CODE),
            keyless_nonce=quantity_of(keyless_nonce),
            keyless_balance=quantity_of(keyless_balance),
            market=read_market([next(answers) for _ in market_requests()]),
            rules=rules,
        )

    def planned(
        self,
        artifact: Artifact,
        address: Address | None,
        answers: Sequence[Answer],
        creator: tuple[Address, int],
        awaited: PlannedContract | None,
    ) -> PlannedContract:
        code, *estimates = answers
        plain = self.proxy is None
        found = b"" if address is None else data_of(code)
        standing = _standing(found, artifact.runtime_code)
        if plain and standing is not Standing.DEPLOYED:
            # Whatever took the recorded place does not stand in the way of another one.
            address, standing, found = create_address(*creator), Standing.ABSENT, b""
        absent = standing is Standing.ABSENT
        awaits = absent and awaited is not None and artifact.did_registry == awaited.address
        gas = self._gas(artifact, estimates, awaited if awaits else None) if absent else 0
        fees = self.fees(gas)
        # A plain run may find what an earlier one deployed through the proxy.
        usual = create2_address(artifact.init_code, salt_of(artifact.name))
        by_proxy = not plain or address == usual
        return PlannedContract(
            artifact=artifact,
            address=address or create_address(*creator),
            salt=salt_of(artifact.name) if by_proxy else None,
            factory=PROXY if by_proxy else None,
            standing=standing,
            found_code_hash=keccak(found) if found else None,
            gas=gas,
            awaits_registry=awaits,
            cost=gas * fees.expected_per_gas,
            highest_cost=(gas + gas * self.rules.gas_margin // 100) * fees.max_fee_per_gas,
        )

    def _gas(
        self, artifact: Artifact, estimates: Sequence[Answer], awaited: PlannedContract | None
    ) -> int:
        """The node's estimate; for a contract that awaits the registry, one made from its."""
        if awaited is not None:
            of_registry = _computed_gas(awaited.artifact)
            return -(-_computed_gas(artifact) * awaited.gas // of_registry)
        create, through = estimates
        # While the proxy is missing, the estimate is that of a creation: 2% less.
        return quantity_of(through if self.proxy is Standing.DEPLOYED else create)

    def fees(self, gas: int) -> Fees:
        return choose_fees(self.market, self.rules, gas=max(gas, _TRANSFER_GAS))

    def plan(self, sender: Address, contracts: tuple[PlannedContract, ...]) -> DeploymentPlan:
        missing = self.proxy is Standing.ABSENT
        funding = max(KEYLESS_COST - self.keyless_balance, 0) if missing else 0
        fees = self.fees(_TRANSFER_GAS)
        return DeploymentPlan(
            chain_id=self.chain_id,
            block_number=self.market.head.number,
            sender=sender,
            balance=self.balance,
            fee_per_gas=fees.expected_per_gas,
            proxy=self.proxy,
            proxy_spent=self.keyless_nonce > 0,
            proxy_funding=funding,
            proxy_cost=funding + (_TRANSFER_GAS * fees.max_fee_per_gas if funding else 0),
            base_fee=self.market.base_fee,
            contracts=contracts,
        )


def _computed_gas(artifact: Artifact) -> int:
    """What the creation of that code takes, up to some thousand units that its constructor uses."""
    zeros = artifact.init_code.count(0)
    of_zero, of_other = _GAS_OF_BYTE
    data = zeros * of_zero + (len(artifact.init_code) - zeros) * of_other
    return _CREATION_GAS + data + _GAS_OF_CODE_BYTE * len(artifact.runtime_code)


def _checksum(address: Address | None) -> str | None:
    return None if address is None else to_checksum_address(address)


def _standing(found: bytes, expected: bytes) -> Standing:
    if not found:
        return Standing.ABSENT
    return Standing.DEPLOYED if found == expected else Standing.FOREIGN
