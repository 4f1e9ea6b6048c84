"""Plans against the contract: it does what was planned, and refuses what the plan refused."""

from __future__ import annotations

import functools
import itertools
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ethr_did.chain.artifacts import ContractName, load
from ethr_did.core.keys import parse_address
from ethr_did.core.status_batches import Limits, pack
from ethr_did.core.status_changes import plan_changes
from ethr_did.core.status_list import Authority, Flag, ListId, Purpose, delegate_type_of
from ethr_did.core.status_wishes import Wish, gather
from ethr_did.errors import InvalidStatusEntry
from support.evm import GAS, Evm, actor
from support.status import update

if TYPE_CHECKING:
    from collections.abc import Mapping

    from web3.contract import Contract

ISSUER, DELEGATE = actor(1), actor(2)
IDENTITY = parse_address(ISSUER.address)
ENTRIES = 5
FAR = 10**9

_salts = itertools.count(1)


@functools.cache
def chain() -> tuple[Evm, Contract, Contract]:
    """The chain, the DID registry, the status registry; the delegate has all rights but those of
    single lists.
    """
    evm = Evm()
    registry = evm.deploy(load(ContractName.ETHEREUM_DID_REGISTRY))
    statuses = evm.deploy(load(ContractName.CREDENTIAL_STATUS_REGISTRY), registry.address)
    for authority in (Authority.ALL_LISTS, Authority.REVOCATION_ONLY):
        delegate(registry, evm, delegate_type_of(authority))
    return evm, registry, statuses


def delegate(registry: Contract, evm: Evm, kind: bytes) -> None:
    call = registry.functions.addDelegate(ISSUER.address, kind, DELEGATE.address, FAR)
    evm.send(call, ISSUER)


def setup_module() -> None:
    # py-evm raises the recursion limit when it is imported; Hypothesis objects if that happens
    # while it counts.
    chain()


@st.composite
def situations(draw: st.DrawFn) -> tuple[ListId, dict[int, int], dict[int, int], Authority]:
    """A new list, what is in it, what is wished, and by which right."""
    bits = draw(st.sampled_from([1, 2, 4, 8]))
    flags = draw(st.sampled_from([0, Flag.TERMINAL, Flag.TERMINAL, Flag.OWNER_ONLY]))
    list_id = ListId.build(
        purpose=Purpose.LIFECYCLE,
        bits=bits,
        capacity=1024,
        random=next(_salts).to_bytes(27),
        flags=Flag(flags),
    )
    values = st.integers(0, min(3, (1 << bits) - 1))
    entries = st.dictionaries(st.integers(0, ENTRIES - 1), values, max_size=ENTRIES)
    before, wished = draw(entries), draw(entries.filter(bool))
    return list_id, before, wished, draw(st.sampled_from(list(Authority)))


def words(list_id: ListId) -> tuple[int, ...]:
    found = chain()[2].functions.wordsOf(ISSUER.address, list_id.value, 0, 1).call()
    return tuple(found)


def naive(list_id: ListId, values: Mapping[int, int], expected: int) -> tuple[int, int, int]:
    """All entries that are named, whether or not they change."""
    width_log = list_id.bits.bit_length() - 1
    return update(values.items(), width_log=width_log, expected=expected)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(situations())
def test_the_contract_does_what_is_planned_and_refuses_the_rest(
    situation: tuple[ListId, dict[int, int], dict[int, int], Authority],
) -> None:
    evm, registry, statuses = chain()
    list_id, before, wished, authority = situation
    who = ISSUER if authority is Authority.OWNER else DELEGATE
    if authority is Authority.ONE_LIST:
        delegate(registry, evm, delegate_type_of(authority, list_id))
    write = functools.partial(statuses.functions.updateWords, ISSUER.address)
    evm.send(write(Authority.OWNER, list_id.value, [naive(list_id, before, 1)]), ISSUER)
    (stored,) = words(list_id)
    gathered = gather(Wish(list_id=list_id, index=at, value=v) for at, v in wished.items())
    try:
        plan = plan_changes(
            gathered, words={(list_id, 0): stored}, identity=IDENTITY, authority=authority
        )
    except InvalidStatusEntry:
        assert evm.failure(
            write(authority, list_id.value, [naive(list_id, wished, stored)]), who
        ).name in {"StatusIsFinal", "RevocationOnly", "NotAuthorized"}
        return
    for batch in pack(plan, limits=Limits.of_block(30_000_000)):
        fields = {"from": who.address, "to": statuses.address, "gas": GAS, "data": batch.call()}
        tx_hash = evm.w3.eth.send_transaction(fields)  # type: ignore[arg-type]
        assert evm.w3.eth.get_transaction_receipt(tx_hash)["status"] == 1
    indexes = list(range(ENTRIES))
    found = statuses.functions.statusesOf(ISSUER.address, list_id.value, indexes).call()
    assert list(found) == [wished.get(at, before.get(at, 0)) for at in indexes]
