"""The in-process chain as its JSON-RPC clients see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
from eth_abi.abi import encode
from eth_account import Account
from web3 import AsyncWeb3, Web3
from web3.types import TxParams, Wei

if TYPE_CHECKING:
    from conftest import Rpc
    from ethr_did.chain.local import LocalAccount, LocalChain

RECORDER = "0x" + "7e" * 20
"""With call data: stores the first word and logs the first two. Without: (word, number, time,
hash of the block before)."""
_RECORDER_CODE = (
    "0x36601c575f545f5243602052426040526001430340606052 60805ff35b5f355f556020355f355f5fa200"
)

ECHO = "0x" + "13" * 20
"""Reverts with its call data."""
_ECHO_CODE = "0x365f5f37365ffd"

RETURN_24_KB = "0x615dc05ff3"
"""Init code: returns 24,000 zero bytes."""

FEES = {"maxFeePerGas": 10 * 10**9, "maxPriorityFeePerGas": 10**9}
ANYBODY = "0x" + "42" * 20
UNKNOWN_HASH = "0x" + "99" * 32


@pytest.fixture(autouse=True)
def _contracts(rpc: Rpc) -> None:
    rpc("anvil_setCode", RECORDER, _RECORDER_CODE.replace(" ", ""))
    rpc("anvil_setCode", ECHO, _ECHO_CODE)


def word(number: int) -> str:
    return f"{number:064x}"


def words(result: str) -> list[int]:
    data = result[2:]
    return [int(data[at : at + 64], 16) for at in range(0, len(data), 64)]


def record(rpc: Rpc, sender: LocalAccount, first: int, second: int = 0) -> dict[str, Any]:
    """Has the recorder store and log; the receipt."""
    data = "0x" + word(first) + word(second)
    tx_hash = rpc("eth_sendTransaction", {"from": sender.address, "to": RECORDER, "data": data})
    receipt: dict[str, Any] = rpc("eth_getTransactionReceipt", tx_hash)
    return receipt


def signed(chain: LocalChain, sender: LocalAccount, **overrides: Any) -> str:
    fields = {
        "chainId": chain.chain_id,
        "nonce": chain.next_nonce(sender.address_bytes),
        "to": ANYBODY,
        "value": 1,
        "gas": 21_000,
    } | overrides
    if "gasPrice" not in fields:
        fields = FEES | fields
    return "0x" + bytes(Account.sign_transaction(fields, sender.key).raw_transaction).hex()


# -- JSON-RPC 2.0 ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "request_",
    [
        1,
        "eth_chainId",
        None,
        {},
        {"jsonrpc": "1.0", "id": 1, "method": "eth_chainId"},
        {"jsonrpc": "2.0", "id": 1, "method": 7},
        {"jsonrpc": "2.0", "id": {}, "method": "eth_chainId"},
        {"jsonrpc": "2.0", "id": True, "method": "eth_chainId"},
        [],
    ],
)
def test_what_is_no_request_is_answered_as_such(chain: LocalChain, request_: Any) -> None:
    response: Any = chain.handle(request_)

    assert response["error"]["code"] == -32600
    assert response["jsonrpc"] == "2.0"
    assert "id" in response


def test_an_unknown_method_is_not_found(rpc: Rpc) -> None:
    assert rpc.error("eth_fly") == {
        "code": -32601,
        "message": "the method eth_fly does not exist/is not available",
    }


@pytest.mark.parametrize(
    ("method", "params", "message"),
    [
        ("eth_getBalance", [], "missing value for required argument 0"),
        ("eth_getBalance", [None], "invalid argument 0: not data"),
        ("eth_getBalance", ["0x12"], "invalid argument 0: an address has 20 bytes, not 1"),
        ("eth_getBalance", [ANYBODY, "newest"], "invalid argument 1: not a quantity"),
        ("eth_getBalance", [ANYBODY, "0x01"], "invalid argument 1: not a quantity"),
        ("eth_getBalance", [ANYBODY, 1], "invalid argument 1: not a quantity"),
        ("eth_chainId", [1], "too many arguments, want at most 0"),
        ("eth_getBlockByNumber", ["0x0", "yes"], "invalid argument 1: not true or false"),
        ("eth_getLogs", [{"topics": ["0x1"]}], "invalid argument 0: not data"),
        ("eth_call", [{"data": "0x1", "to": ANYBODY}], "invalid argument 0: not data"),
        ("eth_sendRawTransaction", ["zz"], "invalid argument 0: not data"),
        ("eth_call", ["0x"], "invalid argument 0: not a transaction object"),
        ("eth_call", [{"gasPrice": "0x1", "maxFeePerGas": "0x1"}], "invalid argument 0: both"),
        (
            "eth_call",
            [{"maxPriorityFeePerGas": "0x2", "maxFeePerGas": "0x1"}],
            "invalid argument 0: maxFeePerGas (1) < maxPriorityFeePerGas (2)",
        ),
        ("eth_call", [{"data": "0x", "input": "0x00"}], 'invalid argument 0: both "data" and'),
        ("eth_call", [{"accessList": 1}], "invalid argument 0: not an access list"),
        ("eth_call", [{"value": hex(1 << 256)}], "invalid argument 0: hex number > 256 bits"),
        ("eth_getStorageAt", [ANYBODY, "0x"], "invalid argument 1: not a storage position"),
        ("eth_getLogs", ["0x"], "invalid argument 0: not a filter object"),
        ("eth_feeHistory", ["0x1", "latest", "x"], "invalid argument 2: not a list of percent"),
        ("eth_feeHistory", ["0x1", "latest", [2, 1]], "invalid argument 2: invalid reward"),
    ],
)
def test_wrong_parameters_are_named(rpc: Rpc, method: str, params: list[Any], message: str) -> None:
    error = rpc.error(method, *params)

    assert error["code"] == -32602
    assert error["message"].startswith(message)


def test_parameters_by_name_are_refused(chain: LocalChain) -> None:
    request = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": {"a": 1}}
    response: Any = chain.handle(request)

    assert response["error"] == {"code": -32602, "message": "non-array args"}


def test_a_batch_is_answered_in_order(chain: LocalChain) -> None:
    batch = [
        {"jsonrpc": "2.0", "id": number, "method": method}
        for number, method in enumerate(["eth_chainId", "eth_fly", "net_version"])
    ]
    batch.insert(1, {"jsonrpc": "2.0", "method": "eth_chainId"})
    responses: Any = chain.handle([*batch, 5])

    assert [each["id"] for each in responses] == [0, 1, 2, None]
    assert responses[0]["result"] == "0x7a69"
    assert responses[1]["error"]["code"] == -32601
    assert responses[2]["result"] == "31337"
    assert responses[3]["error"]["code"] == -32600


def test_a_notification_is_carried_out_and_not_answered(chain: LocalChain) -> None:
    before = chain.head.number

    assert chain.handle({"jsonrpc": "2.0", "method": "evm_mine"}) is None
    assert chain.handle([{"jsonrpc": "2.0", "method": "evm_mine"}]) is None
    assert chain.head.number == before + 2


def test_a_batch_may_be_too_large(chain: LocalChain) -> None:
    response: Any = chain.handle([{"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"}] * 1001)

    assert response["error"]["message"] == "batch too large"


def test_the_node_introduces_itself(rpc: Rpc, alice: LocalAccount) -> None:
    assert rpc("web3_clientVersion") == "ethr-did/local-chain"
    assert rpc("net_listening") is True
    assert rpc("eth_syncing") is False
    assert rpc("eth_accounts")[0] == alice.address.lower()


# -- blocks ------------------------------------------------------------------------------------


def test_a_block_is_found_by_number_hash_and_tag(chain: LocalChain, rpc: Rpc) -> None:
    chain.mine(2)
    head = rpc("eth_getBlockByNumber", "latest", False)

    assert rpc("eth_getBlockByHash", head["hash"], False) == head
    assert rpc("eth_getBlockByNumber", head["number"], False) == head
    assert rpc("eth_getBlockByNumber", "finalized") == rpc("eth_getBlockByNumber", "safe") == head
    assert rpc("eth_getBlockByNumber", "earliest", False)["number"] == "0x0"
    assert rpc("eth_getBlockByNumber", "pending", False)["parentHash"] == head["hash"]


def test_an_unknown_block_is_null(rpc: Rpc) -> None:
    assert rpc("eth_getBlockByNumber", "0xffff", False) is None
    assert rpc("eth_getBlockByHash", UNKNOWN_HASH, False) is None
    assert rpc("eth_getBlockReceipts", "0xffff") is None


def test_a_block_hash_is_the_hash_of_its_header(
    chain: LocalChain, alice: LocalAccount, rpc: Rpc
) -> None:
    record(rpc, alice, 1)

    assert (
        "0x" + bytes(Web3.keccak(chain.head.header_rlp)).hex()
        == rpc("eth_getBlockByNumber", "latest", False)["hash"]
    )


def test_a_block_shows_hashes_or_whole_transactions(
    chain: LocalChain, rpc: Rpc, alice: LocalAccount
) -> None:
    tx_hash = rpc("eth_sendRawTransaction", signed(chain, alice))

    assert rpc("eth_getBlockByNumber", "latest", False)["transactions"] == [tx_hash]
    assert rpc("eth_getBlockByNumber", "latest", True)["transactions"] == [
        rpc("eth_getTransactionByHash", tx_hash)
    ]


def test_the_receipts_of_a_block_are_those_of_its_transactions(
    chain: LocalChain, rpc: Rpc, alice: LocalAccount, bob: LocalAccount
) -> None:
    chain.automine = False
    hashes = [rpc("eth_sendRawTransaction", signed(chain, who)) for who in (alice, bob)]
    chain.mine()

    receipts = rpc("eth_getBlockReceipts", "latest")

    assert receipts == [rpc("eth_getTransactionReceipt", each) for each in hashes]
    assert [each["cumulativeGasUsed"] for each in receipts] == [hex(21_000), hex(42_000)]


# -- sending -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "type_"),
    [
        ({"gasPrice": 10**10}, "0x0"),
        ({"gasPrice": 10**10, "accessList": [], "type": 1}, "0x1"),
        (FEES, "0x2"),
    ],
)
def test_transactions_of_every_type_are_taken(
    chain: LocalChain, rpc: Rpc, alice: LocalAccount, fields: dict[str, Any], type_: str
) -> None:
    tx_hash = rpc("eth_sendRawTransaction", signed(chain, alice, **fields))

    assert rpc("eth_getTransactionByHash", tx_hash)["type"] == type_
    assert rpc("eth_getTransactionReceipt", tx_hash)["type"] == type_
    assert rpc("eth_getTransactionReceipt", tx_hash)["status"] == "0x1"


def test_an_account_can_be_given_code(
    chain: LocalChain, rpc: Rpc, alice: LocalAccount, bob: LocalAccount
) -> None:
    """EIP-7702."""
    wish = {"chainId": chain.chain_id, "address": RECORDER, "nonce": 0}
    authorization = Account.sign_authorization(wish, bob.key)
    raw = signed(
        chain,
        alice,
        to=bob.address,
        value=0,
        gas=200_000,
        authorizationList=[authorization],
        type=4,
    )

    tx_hash = rpc("eth_sendRawTransaction", raw)

    assert rpc("eth_getCode", bob.address) == "0xef0100" + RECORDER[2:]
    assert rpc("eth_getTransactionByHash", tx_hash)["authorizationList"][0]["address"] == RECORDER
    assert words(rpc("eth_call", {"to": bob.address}))[1] == chain.head.number


def test_a_signature_without_chain_id_is_taken(
    chain: LocalChain, rpc: Rpc, alice: LocalAccount
) -> None:
    """Keyless deployment of the CREATE2 factory depends on it."""
    nonce = chain.next_nonce(alice.address_bytes)
    fields: dict[str, Any] = {"nonce": nonce, "gasPrice": 10**10}
    fields |= {"to": ANYBODY, "value": 1, "gas": 21_000}
    raw = "0x" + bytes(Account.sign_transaction(fields, alice.key).raw_transaction).hex()

    tx_hash = rpc("eth_sendRawTransaction", raw)

    assert "chainId" not in rpc("eth_getTransactionByHash", tx_hash)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"chainId": 1}, "invalid chain id for signer: have 1 want 31337"),
        ({"gas": 20_999}, "intrinsic gas too low: gas 20999, minimum needed 21000"),
        ({"gas": 30_000_001}, "exceeds block gas limit"),
        ({"value": 10**24}, "insufficient funds for gas * price + value: balance"),
        (
            {"maxFeePerGas": 1, "maxPriorityFeePerGas": 1},
            "max fee per gas less than block base fee",
        ),
        ({"maxFeePerGas": 1}, "max priority fee per gas higher than max fee per gas"),
        ({"to": b"", "data": bytes(49_153), "gas": 10**7}, "max initcode size exceeded"),
    ],
)
def test_what_a_node_refuses_is_refused_in_its_words(
    chain: LocalChain, rpc: Rpc, mallory: LocalAccount, overrides: dict[str, Any], message: str
) -> None:
    before = chain.head

    error = rpc.error("eth_sendRawTransaction", signed(chain, mallory, **overrides))

    assert error["code"] == -32000
    assert error["message"].startswith(message)
    assert chain.head == before


def test_a_used_nonce_is_too_low(chain: LocalChain, rpc: Rpc, alice: LocalAccount) -> None:
    raw = signed(chain, alice)
    rpc("eth_sendRawTransaction", raw)

    nonce = chain.next_nonce(alice.address_bytes)
    assert rpc.error("eth_sendRawTransaction", raw)["message"] == (
        f"nonce too low: next nonce {nonce}, tx nonce {nonce - 1}"
    )


def test_a_waiting_transaction_is_already_known(
    chain: LocalChain, rpc: Rpc, alice: LocalAccount
) -> None:
    chain.automine = False
    raw = signed(chain, alice)
    rpc("eth_sendRawTransaction", raw)

    assert rpc.error("eth_sendRawTransaction", raw)["message"] == "already known"


@pytest.mark.parametrize(
    "raw", ["0x", "0x02", "0xc0", "0x03" + "00" * 40, "0x7fc0", "0x02" + "ff" * 99]
)
def test_bytes_that_are_no_transaction_are_refused(rpc: Rpc, raw: str) -> None:
    assert rpc.error("eth_sendRawTransaction", raw)["code"] == -32000


@pytest.mark.parametrize(("fee", "type_"), [("maxFeePerGas", "0x2"), ("gasPrice", "0x1")])
def test_an_access_list_is_carried_along(
    rpc: Rpc, alice: LocalAccount, fee: str, type_: str
) -> None:
    access = [{"address": RECORDER, "storageKeys": ["0x" + word(0)]}]
    call = {"from": alice.address, "to": RECORDER, fee: hex(10**10), "accessList": access}

    sent = rpc("eth_getTransactionByHash", rpc("eth_sendTransaction", call))

    assert (sent["accessList"], sent["type"]) == (access, type_)


def test_a_gas_price_makes_a_legacy_transaction(rpc: Rpc, alice: LocalAccount) -> None:
    tx_hash = rpc(
        "eth_sendTransaction",
        {"from": alice.address, "to": ANYBODY, "gasPrice": rpc("eth_gasPrice"), "nonce": "0x0"},
    )

    assert rpc("eth_getTransactionByHash", tx_hash)["type"] == "0x0"


def test_only_unlocked_accounts_send(rpc: Rpc) -> None:
    assert rpc.error("eth_sendTransaction", {"from": ANYBODY, "to": ANYBODY, "gas": "0x5208"}) == {
        "code": -32000,
        "message": "unknown account",
    }


def test_a_transaction_can_be_signed_without_being_sent(
    chain: LocalChain, rpc: Rpc, alice: LocalAccount
) -> None:
    before = chain.head
    answer = rpc("eth_signTransaction", {"from": alice.address, "to": ANYBODY, "value": "0x1"})

    assert chain.head == before
    assert rpc("eth_sendRawTransaction", answer["raw"]) == answer["tx"]["hash"]


def test_a_creation_names_its_contract(rpc: Rpc, alice: LocalAccount) -> None:
    tx_hash = rpc("eth_sendTransaction", {"from": alice.address, "data": RETURN_24_KB})
    receipt = rpc("eth_getTransactionReceipt", tx_hash)

    assert receipt["to"] is None
    assert rpc("eth_getCode", receipt["contractAddress"]) == "0x" + "00" * 24_000


# -- reverts -----------------------------------------------------------------------------------

ERROR_STRING = "08c379a0" + encode(["string"], ["bad_actor"]).hex()


@pytest.mark.parametrize("method", ["eth_call", "eth_estimateGas", "eth_sendTransaction"])
def test_a_revert_has_code_3_the_reason_and_the_data(
    rpc: Rpc, alice: LocalAccount, method: str
) -> None:
    error = rpc.error(method, {"from": alice.address, "to": ECHO, "data": "0x" + ERROR_STRING})

    assert error == {
        "code": 3,
        "message": "execution reverted: bad_actor",
        "data": "0x" + ERROR_STRING,
    }


@pytest.mark.parametrize("data", ["0x", "0x12345678", "0x08c379a0", "0x08c379a0" + "ff" * 64])
def test_a_revert_without_a_string_is_just_its_data(rpc: Rpc, data: str) -> None:
    assert rpc.error("eth_call", {"to": ECHO, "data": data}) == {
        "code": 3,
        "message": "execution reverted",
        "data": data,
    }


def test_a_failure_that_is_no_revert_has_no_data(rpc: Rpc) -> None:
    rpc("anvil_setCode", ANYBODY, "0xfe")

    assert rpc.error("eth_call", {"to": ANYBODY}) == {"code": -32000, "message": "invalid opcode"}


def test_a_signed_transaction_that_reverts_is_mined(
    chain: LocalChain, rpc: Rpc, alice: LocalAccount
) -> None:
    tx_hash = rpc("eth_sendRawTransaction", signed(chain, alice, to=ECHO, value=0, gas=50_000))

    assert rpc("eth_getTransactionReceipt", tx_hash)["status"] == "0x0"


# -- calls -------------------------------------------------------------------------------------


def test_a_call_reads_the_state_of_its_block(rpc: Rpc, alice: LocalAccount) -> None:
    numbers = [record(rpc, alice, value)["blockNumber"] for value in (11, 22, 33)]

    assert [words(rpc("eth_call", {"to": RECORDER}, number))[0] for number in numbers] == [
        11,
        22,
        33,
    ]
    assert words(rpc("eth_call", {"to": RECORDER}, "latest"))[0] == 33
    assert rpc("eth_getStorageAt", RECORDER, "0x0", numbers[0]) == "0x" + word(11)


def test_a_call_sees_the_number_time_and_ancestors_of_its_block(
    chain: LocalChain, rpc: Rpc
) -> None:
    chain.mine(5)
    for block in chain.ledger.blocks[-3:]:
        _, number, timestamp, parent = words(rpc("eth_call", {"to": RECORDER}, hex(block.number)))
        assert number == block.number
        assert timestamp == block.timestamp
        assert parent == int.from_bytes(block.header.parent_hash, "big")


def test_a_pending_call_sees_the_next_block_and_what_waits(
    chain: LocalChain, rpc: Rpc, alice: LocalAccount
) -> None:
    chain.automine = False
    record_data = "0x" + word(77) + word(0)
    rpc("eth_sendTransaction", {"from": alice.address, "to": RECORDER, "data": record_data})

    value, number, *_ = words(rpc("eth_call", {"to": RECORDER}, "pending"))

    assert (value, number) == (77, chain.head.number + 1)
    assert words(rpc("eth_call", {"to": RECORDER}, "latest"))[0] != 77


def test_a_block_can_be_named_by_an_object(rpc: Rpc, alice: LocalAccount) -> None:
    """EIP-1898."""
    receipt = record(rpc, alice, 5)
    record(rpc, alice, 6)

    for ref in (
        {"blockHash": receipt["blockHash"]},
        {"blockHash": receipt["blockHash"], "requireCanonical": True},
        {"blockNumber": receipt["blockNumber"]},
    ):
        assert words(rpc("eth_call", {"to": RECORDER}, ref))[0] == 5
    assert rpc.error("eth_call", {"to": RECORDER}, {})["code"] == -32602


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        ("0xffffff", "header not found"),
        ({"blockNumber": "0xffffff"}, "header not found"),
        ({"blockHash": UNKNOWN_HASH}, "header for hash not found"),
    ],
)
@pytest.mark.parametrize("method", ["eth_call", "eth_getBalance", "eth_getCode"])
def test_an_unknown_block_has_no_state(rpc: Rpc, method: str, ref: Any, message: str) -> None:
    target = {"to": RECORDER} if method == "eth_call" else RECORDER

    assert rpc.error(method, target, ref) == {"code": -32000, "message": message}


def test_init_code_can_be_called_for_its_answer(rpc: Rpc) -> None:
    init_code = RETURN_24_KB + "00" * 30_000

    assert rpc("eth_call", {"data": init_code}) == "0x" + "00" * 24_000
    assert rpc("eth_call", {"to": None, "input": init_code}, "earliest") == "0x" + "00" * 24_000


def test_a_call_changes_nothing(chain: LocalChain, rpc: Rpc) -> None:
    before = chain.head

    rpc("eth_call", {"to": RECORDER, "data": "0x" + word(1) * 2})

    assert chain.head == before
    assert rpc("eth_getStorageAt", RECORDER, "0x0") == "0x" + word(0)


def test_a_call_that_pays_needs_the_means(rpc: Rpc) -> None:
    error = rpc.error("eth_call", {"from": "0x" + "11" * 20, "to": ANYBODY, "value": "0x1"})

    assert error["message"].startswith("insufficient funds for gas * price + value")


# -- gas ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        {"to": ANYBODY, "value": "0x1"},
        {"to": RECORDER, "data": "0x" + word(9) + word(8)},
        {"to": ANYBODY, "data": "0x" + "ff" * 2_000},
        {"data": RETURN_24_KB},
    ],
)
def test_an_estimate_suffices_and_is_close(rpc: Rpc, alice: LocalAccount, call: Any) -> None:
    call = {"from": alice.address} | call
    gas = rpc("eth_estimateGas", call)

    receipt = rpc("eth_getTransactionReceipt", rpc("eth_sendTransaction", call | {"gas": gas}))

    assert receipt["status"] == "0x1"
    assert int(gas, 16) <= 1.1 * int(receipt["gasUsed"], 16)


def test_an_estimate_allows_for_what_storing_wants_to_see_left(
    rpc: Rpc, alice: LocalAccount
) -> None:
    """EIP-2200: writing what is there already costs 100 gas, but not with less than 2300 left."""
    record(rpc, alice, 9, 8)
    call = {"from": alice.address, "to": RECORDER, "data": "0x" + word(9) + word(8)}
    gas = rpc("eth_estimateGas", call)

    receipt = rpc("eth_getTransactionReceipt", rpc("eth_sendTransaction", call | {"gas": gas}))

    assert receipt["status"] == "0x1"
    assert int(gas, 16) <= 1.1 * int(receipt["gasUsed"], 16)


def test_an_estimate_is_for_the_next_block(
    chain: LocalChain, rpc: Rpc, alice: LocalAccount
) -> None:
    """Code that stores block.number finds it there already in the newest block."""
    rpc("anvil_setCode", ANYBODY, "0x435f5500")
    call = {"from": alice.address, "to": ANYBODY}
    for _ in range(2):
        gas = rpc("eth_estimateGas", call)
        tx_hash = rpc("eth_sendTransaction", call | {"gas": gas})
        assert rpc("eth_getTransactionReceipt", tx_hash)["status"] == "0x1"

    assert int(rpc("eth_estimateGas", call, "latest"), 16) < int(gas, 16)
    assert words(rpc("eth_getStorageAt", ANYBODY, "0x0")) == [chain.head.number]


def test_an_estimate_within_too_little_gas_says_so(rpc: Rpc) -> None:
    call = {"to": RECORDER, "data": "0x" + word(9) + word(8), "gas": hex(30_000)}

    assert rpc.error("eth_estimateGas", call)["message"] == "gas required exceeds allowance (30000)"


def test_fee_history_has_one_base_fee_more_than_blocks(
    chain: LocalChain, rpc: Rpc, alice: LocalAccount
) -> None:
    chain.mine(3)
    rpc("eth_sendRawTransaction", signed(chain, alice))
    history = rpc("eth_feeHistory", "0x4", "latest", [0, 50, 100])

    assert history["oldestBlock"] == hex(chain.head.number - 3)
    assert len(history["baseFeePerGas"]) == 5
    assert history["baseFeePerGas"][-1] == hex(chain.evm.next_base_fee(chain.head))
    assert history["reward"] == [["0x0"] * 3] * 3 + [[hex(10**9)] * 3]
    assert [ratio > 0 for ratio in history["gasUsedRatio"]] == [False] * 3 + [True]


# -- logs --------------------------------------------------------------------------------------


def logged(rpc: Rpc, **query: Any) -> list[tuple[int, int]]:
    """The two topics of each log found."""
    found = rpc("eth_getLogs", {"fromBlock": "earliest", "address": RECORDER} | query)
    return [(int(log["topics"][0], 16), int(log["topics"][1], 16)) for log in found]


@pytest.fixture
def receipts(rpc: Rpc, alice: LocalAccount) -> list[dict[str, Any]]:
    return [record(rpc, alice, first, second) for first, second in ((1, 7), (2, 7), (1, 8))]


@pytest.mark.usefixtures("receipts")
def test_logs_are_filtered_by_topic_position(rpc: Rpc) -> None:
    one, two, seven = ("0x" + word(number) for number in (1, 2, 7))

    assert logged(rpc) == [(1, 7), (2, 7), (1, 8)]
    assert logged(rpc, topics=[]) == [(1, 7), (2, 7), (1, 8)]
    assert logged(rpc, topics=[one]) == [(1, 7), (1, 8)]
    assert logged(rpc, topics=[None, seven]) == [(1, 7), (2, 7)]
    assert logged(rpc, topics=[[one, two], seven]) == [(1, 7), (2, 7)]
    assert logged(rpc, topics=[None, None, None]) == []
    assert logged(rpc, topics=[seven]) == []


@pytest.mark.usefixtures("receipts")
def test_logs_are_filtered_by_address(rpc: Rpc) -> None:
    assert len(logged(rpc, address=[RECORDER.upper().replace("X", "x"), ECHO])) == 3
    assert logged(rpc, address=ECHO) == []
    assert len(logged(rpc, address=[])) == 3


def test_logs_are_filtered_by_block(rpc: Rpc, receipts: list[dict[str, Any]]) -> None:
    first, second, third = (each["blockNumber"] for each in receipts)

    assert logged(rpc, fromBlock=second) == [(2, 7), (1, 8)]
    assert logged(rpc, toBlock=second) == [(1, 7), (2, 7)]
    assert logged(rpc, fromBlock=first, toBlock=first) == [(1, 7)]
    assert logged(rpc, fromBlock=third, toBlock="0xffffff") == [(1, 8)]
    by_hash = {"blockHash": receipts[1]["blockHash"]}
    assert len(rpc("eth_getLogs", by_hash)) == 1


def test_a_log_tells_its_place_and_time(rpc: Rpc, receipts: list[dict[str, Any]]) -> None:
    (log,) = rpc("eth_getLogs", {"blockHash": receipts[0]["blockHash"]})

    assert log == receipts[0]["logs"][0]
    assert log["blockTimestamp"] == rpc("eth_getBlockByHash", log["blockHash"])["timestamp"]
    assert log["logIndex"] == "0x0"
    assert log["removed"] is False


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"fromBlock": "0x2", "toBlock": "0x1"}, -32602),
        ({"fromBlock": "0x1", "blockHash": UNKNOWN_HASH}, -32602),
        ({"blockHash": UNKNOWN_HASH}, -32000),
        ({"topics": [None] * 5}, -32602),
    ],
)
def test_impossible_log_queries_are_refused(rpc: Rpc, query: dict[str, Any], code: int) -> None:
    assert rpc.error("eth_getLogs", query)["code"] == code


def test_a_filter_reports_each_log_once(rpc: Rpc, alice: LocalAccount) -> None:
    logs = rpc("eth_newFilter", {"address": RECORDER})
    blocks = rpc("eth_newBlockFilter")
    receipt = record(rpc, alice, 4)

    assert rpc("eth_getFilterChanges", logs) == receipt["logs"]
    assert rpc("eth_getFilterChanges", logs) == []
    assert rpc("eth_getFilterChanges", blocks) == [receipt["blockHash"]]
    assert rpc("eth_getFilterLogs", logs) == receipt["logs"]
    assert rpc("eth_uninstallFilter", logs) is True
    assert rpc.error("eth_getFilterChanges", logs)["message"] == "filter not found"


# -- development -------------------------------------------------------------------------------


def test_snapshots_by_json_rpc(chain: LocalChain, rpc: Rpc) -> None:
    before, mark = chain.head, rpc("evm_snapshot")
    rpc("evm_mine")

    assert rpc("evm_revert", mark) is True
    assert chain.head == before
    assert rpc("evm_revert", mark) is False


def test_time_by_json_rpc(chain: LocalChain, rpc: Rpc) -> None:
    soon = chain.head.timestamp + 100
    rpc("evm_setNextBlockTimestamp", soon)
    rpc("evm_mine")
    assert chain.head.timestamp == soon
    rpc("evm_increaseTime", "0x1000")
    rpc("anvil_mine", 2)

    assert chain.head.timestamp >= soon + 0x1000
    assert rpc.error("evm_setNextBlockTimestamp", soon)["code"] == -32602


def test_state_by_json_rpc(rpc: Rpc) -> None:
    rpc("anvil_setBalance", ANYBODY, "0x10")
    rpc("hardhat_setNonce", ANYBODY, "0x5")
    rpc("anvil_setStorageAt", RECORDER, "0x0", "0x" + word(99))

    assert rpc("eth_getBalance", ANYBODY) == "0x10"
    assert rpc("eth_getTransactionCount", ANYBODY) == "0x5"
    assert words(rpc("eth_call", {"to": RECORDER}))[0] == 99


# -- web3 --------------------------------------------------------------------------------------


def test_web3_works_on_the_provider(chain: LocalChain, alice: LocalAccount) -> None:
    web3 = Web3(chain.provider)

    payment: TxParams = {"from": alice.address, "to": ANYBODY, "value": Wei(3)}
    tx_hash = web3.eth.send_transaction(payment)

    assert web3.is_connected()
    assert web3.eth.wait_for_transaction_receipt(tx_hash)["status"] == 1
    assert web3.eth.get_balance(Web3.to_checksum_address(ANYBODY)) == 3


def test_web3_batches_on_the_provider(chain: LocalChain) -> None:
    web3 = Web3(chain.provider)
    with web3.batch_requests() as batch:
        batch.add(web3.eth.get_block("latest"))
        batch.add(web3.eth.get_block("earliest"))
        answers = cast("list[Any]", batch.execute())

    assert [each["number"] for each in answers] == [chain.head.number, 0]


async def test_async_web3_sees_the_same_chain(chain: LocalChain, alice: LocalAccount) -> None:
    web3: AsyncWeb3[Any] = AsyncWeb3(chain.async_provider)

    payment: TxParams = {"from": alice.address, "to": ANYBODY, "value": Wei(3)}
    await web3.eth.send_transaction(payment)

    assert await web3.is_connected()
    assert await web3.eth.block_number == chain.head.number


async def test_async_web3_batches_on_the_provider(chain: LocalChain) -> None:
    web3: AsyncWeb3[Any] = AsyncWeb3(chain.async_provider)
    async with web3.batch_requests() as batch:
        batch.add(web3.eth.get_block("latest"))
        batch.add(web3.eth.get_block("earliest"))
        answers = cast("list[Any]", await batch.async_execute())

    assert [each["number"] for each in answers] == [chain.head.number, 0]
