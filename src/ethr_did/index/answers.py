"""The index as a node: JSON-RPC requests of this package's readings, answered from a snapshot.

Rules:
  * What is answered is what a node that ends at the same block would say, so that the readings
    above need not know whom they ask, and check it as they check a node.
  * What the index does not hold is an error that ends the reading (``NotIndexed``), never null and
    never zero. A node may then be asked the whole of it.
  * The parents of blocks are known of the head and the last finalised block only; those of others
    are given as zero. No reading looks at them.

Spec: Ethereum JSON-RPC; contracts/src/DIDRegistryProbe.sol, CredentialStatusLens.sol.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ethr_did.chain.answer import BEHIND, Head
from ethr_did.core.calls import changed_call, identity_owner_call, selector
from ethr_did.core.keys import ZERO_ADDRESS
from ethr_did.core.status_events import (
    ANCHORED_TOPIC,
    LOCATED_TOPIC,
    RECORD_TOPIC,
    WORD_TOPIC,
    ListAnchored,
    decode_status_log,
)
from ethr_did.core.status_list import ListId, StatusRecord, StatusWord
from ethr_did.errors import InvalidStatusEntry, InvalidStatusList, NotIndexed, shown
from ethr_did.index.entries import EVENT_TOPICS, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ethr_did.chain.request import Answer, Request
    from ethr_did.index.snapshot import Snapshot

__all__ = ["answer_batch"]

_WORD = 32
_UNANSWERED = bytes(7 * _WORD)
_ENTRY, _RECORD, _ANCHOR = range(3)
_MOST_WORDS = 5000


def answer_batch(snapshot: Snapshot, batch: Sequence[Request]) -> list[Answer]:
    """The results of some requests, in order.

    Raises:
        NotIndexed: the index does not hold the answer to one of them.
    """
    return [_method(one.method)(snapshot, *one.params) for one in batch]


def _method(name: str) -> Callable[..., Answer]:
    if name not in _METHODS:
        raise NotIndexed(f"the index does not answer {name}", hint=_HINT)
    return _METHODS[name]


_HINT = "Configure a node for this network (rpc_url) besides the index."


# -- blocks --------------------------------------------------------------------------------------


def _chain_id(snapshot: Snapshot) -> Answer:
    return hex(snapshot.standing.chain_id)


def _block_number(snapshot: Snapshot) -> Answer:
    return hex(snapshot.head.number)


def _block_by_number(snapshot: Snapshot, block: Any, _full: Any = False) -> Answer:  # noqa: FBT002 - as JSON-RPC has it
    number = _number(snapshot, block)
    if number > snapshot.head.number:
        if number > (snapshot.standing.node_head or 0) and not snapshot.standing.blocks_behind:
            return None  # the node has none either
        raise NotIndexed(
            f"block {number} is later than {snapshot.head.number}, where the index ends", hint=_HINT
        )
    found = snapshot.block(number)
    if found is None:
        raise NotIndexed(f"the index does not know block {number}: it has no events", hint=_HINT)
    return _block(snapshot, found)


def _block_by_hash(snapshot: Snapshot, text: Any, _full: Any = False) -> Answer:  # noqa: FBT002 - as JSON-RPC has it
    for known in (snapshot.head, snapshot.standing.final):
        if known is not None and text == "0x" + known.hash.hex():
            return _block(snapshot, known)
    raise NotIndexed(f"the index does not know the block {shown(text)}", hint=_HINT)


def _block(snapshot: Snapshot, block: Head) -> Answer:
    answer: dict[str, Any] = {
        "number": hex(block.number),
        "hash": "0x" + block.hash.hex(),
        "parentHash": "0x" + block.parent_hash.hex(),
        "timestamp": hex(block.timestamp),
    }
    if block.number == snapshot.head.number:
        answer[BEHIND] = snapshot.standing.blocks_behind
    return answer


def _number(snapshot: Snapshot, block: Any) -> int:
    """The number that a block parameter means; a tag means one of the two blocks we know best."""
    if block == "latest":
        return snapshot.head.number
    if block in ("finalized", "safe"):
        if snapshot.standing.final is None:
            raise NotIndexed("the index does not know which block is final", hint=_HINT)
        return snapshot.standing.final.number
    if block == "earliest":
        return 0
    if isinstance(block, str) and block.startswith("0x"):
        return int(block, 16)
    raise NotIndexed(f"the index does not know the block {shown(block)}", hint=_HINT)


def _state_block(snapshot: Snapshot, block: Any) -> Head:
    """The block whose state is asked for, which must be one that we know."""
    number = _number(snapshot, block)
    found = snapshot.block(number) if number <= snapshot.head.number else None
    if found is None:
        raise NotIndexed(f"the index does not know block {number}", hint=_HINT)
    return found


# -- logs ----------------------------------------------------------------------------------------


def _get_logs(snapshot: Snapshot, query: Mapping[str, Any]) -> Answer:
    topics: Sequence[Any] = query.get("topics") or ()
    if "blockHash" in query or len(topics) < 2:  # noqa: PLR2004 - kind and identity
        raise _other_query()
    first = _number(snapshot, query.get("fromBlock"))
    last = _number(snapshot, query.get("toBlock"))
    if last > snapshot.head.number:
        raise NotIndexed(
            f"block {last} is later than {snapshot.head.number}, where the index ends", hint=_HINT
        )
    identities = [bytes.fromhex(text[2:])[12:] for text in _listed(topics[1])]
    if query.get("address") == "0x" + snapshot.contracts.did_registry.hex():
        if set(_listed(topics[0])) != set(EVENT_TOPICS[:3]):
            raise _other_query()
        return snapshot.identity_logs(identities, first, last)
    if len(topics) < 3:  # noqa: PLR2004 - and the list or record
        raise _other_query()
    kinds = [_kind_of(snapshot, query.get("address"), topic) for topic in _listed(topics[0])]
    ids = [bytes.fromhex(text[2:]) for text in _listed(topics[2])]
    subjects = [(identity, id_) for identity in identities for id_ in ids]
    return snapshot.status_logs(kinds, subjects, first, last)


def _kind_of(snapshot: Snapshot, address: object, topic: str) -> Kind:
    """The kind of subject that a contract emits such an event about."""
    kind = _KINDS.get(bytes.fromhex(topic[2:]))
    contract = None if kind is None else snapshot.contracts.of_kind(kind)
    if kind is None or contract is None or address != "0x" + contract.hex():
        raise _other_query()
    return kind


def _other_query() -> NotIndexed:
    return NotIndexed("the index does not answer this log query", hint=_HINT)


_KINDS = {
    WORD_TOPIC: Kind.WORD,
    RECORD_TOPIC: Kind.RECORD,
    ANCHORED_TOPIC: Kind.ANCHOR,
    LOCATED_TOPIC: Kind.LOCATION,
}


def _listed(topic: Any) -> list[str]:
    if topic is None:
        raise NotIndexed("the index does not answer a log query without a subject", hint=_HINT)
    return [topic] if isinstance(topic, str) else list(topic)


# -- calls ---------------------------------------------------------------------------------------


def _call(snapshot: Snapshot, call: Mapping[str, Any], block: Any) -> Answer:
    at = _state_block(snapshot, block)
    data = bytes.fromhex(str(call["data"])[2:])
    if "to" not in call:
        return "0x" + _probe(snapshot, data, at).hex()
    to, contracts = bytes.fromhex(str(call["to"])[2:]), snapshot.contracts
    if to == contracts.did_registry:
        calls = _DID_CALLS
    elif to == contracts.status_registry:
        calls = _STATUS_CALLS
    elif to == contracts.anchor_registry:
        calls = _ANCHOR_CALLS
    else:
        # Only the lens is called beside them, and it has no state: it need not be there at all.
        calls = _LENS_CALLS
    function = calls.get(data[:4])
    if function is None:
        raise NotIndexed("the index does not answer this call", hint=_HINT)
    return "0x" + function(snapshot, data[4:], at).hex()


def _probe(snapshot: Snapshot, data: bytes, at: Head) -> bytes:
    from ethr_did.chain.artifacts import ContractName, load

    code = load(ContractName.DID_REGISTRY_PROBE).init_code
    arguments = data[len(code) :]
    registry, count = arguments[12:32], int.from_bytes(arguments[64:96])
    if not data.startswith(code) or registry != snapshot.contracts.did_registry:
        raise NotIndexed("the index does not run this code", hint=_HINT)
    identities = [arguments[96 + 32 * i + 12 : 128 + 32 * i] for i in range(count)]
    standing = snapshot.standing
    head = (
        b"\x01"
        + at.number.to_bytes(8)
        + at.timestamp.to_bytes(8)
        + at.parent_hash
        + standing.chain_id.to_bytes(_WORD)
        + standing.code_hash
    )
    states = snapshot.states(identities, at.number)
    return head + b"".join(state.changed.to_bytes(8) + state.owner for state in states)


def _changed(snapshot: Snapshot, data: bytes, at: Head) -> bytes:
    (state,) = snapshot.states([data[12:32]], at.number)
    return _word(state.changed)


def _identity_owner(snapshot: Snapshot, data: bytes, at: Head) -> bytes:
    (state,) = snapshot.states([data[12:32]], at.number)
    return state.owner.rjust(_WORD, b"\0")


def _status_bound(snapshot: Snapshot, _data: bytes, _at: Head) -> bytes:
    return snapshot.standing.status_bound.rjust(_WORD, b"\0")


def _anchor_bound(snapshot: Snapshot, _data: bytes, _at: Head) -> bytes:
    return snapshot.standing.anchor_bound.rjust(_WORD, b"\0")


def _status_of(snapshot: Snapshot, data: bytes, at: Head) -> bytes:
    found = _entry_value(snapshot, data[12:32], data[32:64], int.from_bytes(data[64:96]), at)
    if found is None:
        raise NotIndexed("the index does not answer about a list that cannot be", hint=_HINT)
    return _word(found[0]) + _word(found[1])


def _entry_value(
    snapshot: Snapshot, identity: bytes, list_id: bytes, index: int, at: Head
) -> tuple[int, int] | None:
    """Value of an entry and block of the last change of its word; None: no such list or entry."""
    try:
        listed = ListId(list_id)
        word, shift = listed.position_of(index)
    except (InvalidStatusList, InvalidStatusEntry):
        return None
    stored = StatusWord(snapshot.word(identity, list_id, word, at.number))
    return stored.value_at(shift, bits=listed.bits), stored.changed_block


def _words_of(snapshot: Snapshot, data: bytes, at: Head) -> bytes:
    first, count = int.from_bytes(data[64:96]), int.from_bytes(data[96:128])
    if count > _MOST_WORDS:
        raise NotIndexed(f"the index does not read {count} words at once", hint=_HINT)
    words = snapshot.words(data[12:32], data[32:64], first, count, at.number)
    return _array(words)


def _record_of(snapshot: Snapshot, data: bytes, at: Head) -> bytes:
    record = StatusRecord(snapshot.record(data[12:32], data[32:64], at.number))
    fields = (record.value, record.changed_at, record.changed_block, record.previous_block)
    return b"".join(map(_word, fields))


def _records_of(snapshot: Snapshot, data: bytes, at: Head) -> bytes:
    identity, start = data[12:32], int.from_bytes(data[32:64])
    count = int.from_bytes(data[start : start + _WORD])
    keys = [data[start + _WORD * (i + 1) : start + _WORD * (i + 2)] for i in range(count)]
    return _array([snapshot.record(identity, key, at.number) for key in keys])


def _head_of(snapshot: Snapshot, data: bytes, at: Head) -> bytes:
    return _anchor_head(snapshot, data[12:32], data[32:64], at)


def _anchor_head(snapshot: Snapshot, identity: bytes, list_id: bytes, at: Head) -> bytes:
    log = snapshot.version(identity, list_id, at.number)
    if log is None:
        return bytes(_WORD)
    event = decode_status_log(log)
    assert isinstance(event, ListAnchored)  # noqa: S101 - the kind that was asked for
    return event.header.head


# -- the lens ------------------------------------------------------------------------------------


def _query(snapshot: Snapshot, data: bytes, at: Head) -> bytes:
    count = int.from_bytes(data[32:64])
    questions = [data[64 + 160 * i : 224 + 160 * i] for i in range(count)]
    # In the order of the contract's struct: chain id, number, time, hash of the parent.
    moment = (
        _word(snapshot.standing.chain_id) + _word(at.number) + _word(at.timestamp) + at.parent_hash
    )
    snapshot.states([question[76:96] for question in questions], at.number)
    answers = b"".join(_lens_answer(snapshot, question, at) for question in questions)
    return moment + _word(5 * _WORD) + _word(count) + answers


def _lens_answer(snapshot: Snapshot, question: bytes, at: Head) -> bytes:
    registry, kind = question[12:32], int.from_bytes(question[32:64])
    identity, id_ = question[76:96], question[96:128]
    _check_registry(snapshot, registry, kind)
    (state,) = snapshot.states([identity], at.number)
    if state.owner == ZERO_ADDRESS:
        return _UNANSWERED
    value = changed_block = changed_at = 0
    head = bytes(_WORD)
    if kind == _ENTRY:
        found = _entry_value(snapshot, identity, id_, int.from_bytes(question[128:160]), at)
        if found is None:
            return _UNANSWERED
        value, changed_block = found
    elif kind == _RECORD:
        record = StatusRecord(snapshot.record(identity, id_, at.number))
        value, changed_at = record.value, record.changed_at
        changed_block = record.changed_block
    else:
        head = _anchor_head(snapshot, identity, id_, at)
    is_found = changed_block != 0 or any(head)
    fields = (1, int(is_found), value, changed_block, changed_at)
    return b"".join(map(_word, fields)) + state.owner.rjust(_WORD, b"\0") + head


def _check_registry(snapshot: Snapshot, registry: bytes, kind: int) -> None:
    """Raises unless the question is about the contract that is followed, bound as it should be."""
    contracts, standing = snapshot.contracts, snapshot.standing
    expected, bound = (
        (contracts.anchor_registry, standing.anchor_bound)
        if kind == _ANCHOR
        else (contracts.status_registry, standing.status_bound)
    )
    if registry != expected or bound != contracts.did_registry:
        raise NotIndexed(
            f"the index does not follow the status contract 0x{registry.hex()}", hint=_HINT
        )


def _word(number: int) -> bytes:
    return number.to_bytes(_WORD)


def _array(numbers: Sequence[int]) -> bytes:
    return _word(_WORD) + _word(len(numbers)) + b"".join(map(_word, numbers))


_ZERO = ZERO_ADDRESS
_DID_CALLS: Mapping[bytes, Callable[[Snapshot, bytes, Head], bytes]] = {
    changed_call(_ZERO)[:4]: _changed,
    identity_owner_call(_ZERO)[:4]: _identity_owner,
}
_STATUS_CALLS: Mapping[bytes, Callable[[Snapshot, bytes, Head], bytes]] = {
    selector("didRegistry()"): _status_bound,
    selector("statusOf(address,bytes32,uint256)"): _status_of,
    selector("wordsOf(address,bytes32,uint256,uint256)"): _words_of,
    selector("recordOf(address,bytes32)"): _record_of,
    selector("recordsOf(address,bytes32[])"): _records_of,
}
_ANCHOR_CALLS: Mapping[bytes, Callable[[Snapshot, bytes, Head], bytes]] = {
    selector("didRegistry()"): _anchor_bound,
    selector("headOf(address,bytes32)"): _head_of,
}
_LENS_CALLS: Mapping[bytes, Callable[[Snapshot, bytes, Head], bytes]] = {
    selector("query((address,uint8,address,bytes32,uint256)[])"): _query,
}
_METHODS: Mapping[str, Callable[..., Answer]] = {
    "eth_chainId": _chain_id,
    "eth_blockNumber": _block_number,
    "eth_getBlockByNumber": _block_by_number,
    "eth_getBlockByHash": _block_by_hash,
    "eth_getLogs": _get_logs,
    "eth_call": _call,
}
