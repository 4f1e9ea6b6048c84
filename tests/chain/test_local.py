"""The in-process chain as its Python users see it: time, snapshots, mining, isolation."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from eth_account import Account

from ethr_did.chain.local import LocalChain
from ethr_did.errors import InvalidOption

if TYPE_CHECKING:
    from conftest import Rpc
    from ethr_did.chain.local import LocalAccount

ETHER = 10**18
NOBODY = "0x" + "42" * 20


def transfer(chain: LocalChain, sender: LocalAccount, **overrides: object) -> str:
    """A signed transfer of one wei, raw."""
    fields = {
        "chainId": chain.chain_id,
        "nonce": chain.next_nonce(sender.address_bytes),
        "to": NOBODY,
        "value": 1,
        "gas": 21_000,
        "maxFeePerGas": 10 * 10**9,
        "maxPriorityFeePerGas": 10**9,
    } | overrides
    return "0x" + bytes(Account.sign_transaction(fields, sender.key).raw_transaction).hex()


# -- accounts ----------------------------------------------------------------------------------


def test_accounts_are_those_of_the_well_known_mnemonic(alice: LocalAccount) -> None:
    assert alice.address == "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"


def test_every_account_starts_with_ten_thousand_ether(chain: LocalChain, rpc: Rpc) -> None:
    for account in LocalChain().accounts:
        assert int(rpc("eth_getBalance", account.address, "earliest"), 16) == 10_000 * ETHER
    assert len(chain.accounts) == 10


def test_a_key_is_not_shown(alice: LocalAccount, chain: LocalChain) -> None:
    shown = repr(alice) + str(alice) + repr(chain) + repr(chain.accounts)

    assert alice.key.hex() not in shown
    assert repr(alice.key) not in shown


# -- one transaction, one block ----------------------------------------------------------------


def test_a_transaction_gets_its_block_at_once(
    chain: LocalChain, rpc: Rpc, alice: LocalAccount
) -> None:
    before = chain.head.number

    rpc("eth_sendRawTransaction", transfer(chain, alice))

    assert chain.head.number == before + 1
    assert len(chain.head.transactions) == 1


def test_without_automine_transactions_wait_for_a_block(
    chain: LocalChain, rpc: Rpc, alice: LocalAccount
) -> None:
    before = chain.head.number
    chain.automine = False

    hashes = [rpc("eth_sendRawTransaction", transfer(chain, alice)) for _ in range(3)]

    assert chain.head.number == before
    assert rpc("eth_getTransactionReceipt", hashes[0]) is None
    assert rpc("eth_getTransactionByHash", hashes[0])["blockNumber"] is None
    chain.mine()
    assert chain.head.number == before + 1
    assert [each.succeeded for each in chain.head.transactions] == [True] * 3


def test_turning_automine_on_mines_what_waits(
    chain: LocalChain, rpc: Rpc, alice: LocalAccount
) -> None:
    chain.automine = False
    tx_hash = rpc("eth_sendRawTransaction", transfer(chain, alice))

    chain.automine = True

    assert rpc("eth_getTransactionReceipt", tx_hash)["status"] == "0x1"


def test_the_pending_nonce_counts_waiting_transactions(
    chain: LocalChain, rpc: Rpc, alice: LocalAccount
) -> None:
    chain.automine = False
    nonce = int(rpc("eth_getTransactionCount", alice.address, "latest"), 16)

    rpc("eth_sendRawTransaction", transfer(chain, alice))
    rpc("eth_sendRawTransaction", transfer(chain, alice))

    assert int(rpc("eth_getTransactionCount", alice.address, "latest"), 16) == nonce
    assert int(rpc("eth_getTransactionCount", alice.address, "pending"), 16) == nonce + 2


def test_a_nonce_ahead_waits_for_the_gap_to_close(
    chain: LocalChain, rpc: Rpc, alice: LocalAccount
) -> None:
    nonce = chain.next_nonce(alice.address_bytes)
    before = chain.head.number

    late = rpc("eth_sendRawTransaction", transfer(chain, alice, nonce=nonce + 1))
    assert chain.head.number == before
    rpc("eth_sendRawTransaction", transfer(chain, alice, nonce=nonce))

    assert rpc("eth_getTransactionReceipt", late)["transactionIndex"] == "0x1"


def test_a_replacement_needs_ten_percent_more(
    chain: LocalChain, rpc: Rpc, alice: LocalAccount
) -> None:
    chain.automine = False
    nonce = chain.next_nonce(alice.address_bytes)
    old = rpc("eth_sendRawTransaction", transfer(chain, alice, nonce=nonce))
    nearly = transfer(chain, alice, nonce=nonce, maxFeePerGas=11 * 10**9)
    enough = transfer(
        chain, alice, nonce=nonce, maxFeePerGas=11 * 10**9, maxPriorityFeePerGas=11 * 10**8
    )

    refusal = rpc.error("eth_sendRawTransaction", nearly)
    new = rpc("eth_sendRawTransaction", enough)
    chain.mine()

    assert refusal == {"code": -32000, "message": "replacement transaction underpriced"}
    assert rpc("eth_getTransactionByHash", old) is None
    assert rpc("eth_getTransactionReceipt", new)["status"] == "0x1"


def test_a_fee_below_the_base_fee_waits_until_the_base_fee_has_fallen(
    chain: LocalChain, rpc: Rpc, alice: LocalAccount
) -> None:
    chain.automine = False
    offer = chain.evm.next_base_fee(chain.head) // 2
    cheap = transfer(chain, alice, maxFeePerGas=offer, maxPriorityFeePerGas=0)
    tx_hash = rpc("eth_sendRawTransaction", cheap)

    chain.mine()
    assert rpc("eth_getTransactionReceipt", tx_hash) is None
    chain.mine(6)  # each empty block takes an eighth off

    assert int(rpc("eth_getTransactionReceipt", tx_hash)["effectiveGasPrice"], 16) <= offer


# -- time --------------------------------------------------------------------------------------


def test_time_follows_the_clock() -> None:
    now = 1_000_000.0
    chain = LocalChain(clock=lambda: now)
    now += 500
    chain.mine()

    assert chain.head.timestamp == 1_000_500


def test_time_always_rises_even_when_the_clock_stands_still() -> None:
    chain = LocalChain(clock=lambda: 1_000.0)
    chain.mine(3)

    assert [block.timestamp for block in chain.ledger.blocks] == [1_000, 1_001, 1_002, 1_003]


def test_the_next_timestamp_can_be_set_exactly() -> None:
    chain = LocalChain(genesis_time=1_000, clock=lambda: 1_000.0)
    chain.set_next_timestamp(5_000)
    chain.mine(2)

    assert [block.timestamp for block in chain.ledger.blocks] == [1_000, 5_000, 5_001]


def test_time_can_be_advanced() -> None:
    chain = LocalChain(clock=lambda: 1_000.0)
    chain.advance(86_400)
    chain.mine()

    assert chain.head.timestamp == 87_400


def test_time_does_not_go_back() -> None:
    chain = LocalChain(genesis_time=1_000, clock=lambda: 1_000.0)

    with pytest.raises(InvalidOption, match="not later"):
        chain.set_next_timestamp(1_000)
    with pytest.raises(InvalidOption, match="forward only"):
        chain.advance(-1)


# -- snapshots ---------------------------------------------------------------------------------


def test_a_revert_forgets_blocks_transactions_and_state(
    chain: LocalChain, rpc: Rpc, alice: LocalAccount
) -> None:
    head, mark = chain.head, chain.snapshot()
    tx_hash = rpc("eth_sendRawTransaction", transfer(chain, alice))
    dropped = "0x" + chain.head.hash.hex()

    chain.revert(mark)

    assert chain.head == head
    assert rpc("eth_getTransactionByHash", tx_hash) is None
    assert rpc("eth_getBlockByHash", dropped, False) is None
    assert rpc("eth_getBalance", NOBODY) == "0x0"


def test_a_revert_restores_waiting_transactions_time_and_automine(
    chain: LocalChain, rpc: Rpc, alice: LocalAccount
) -> None:
    chain.automine = False
    tx_hash = rpc("eth_sendRawTransaction", transfer(chain, alice))
    mark = chain.snapshot()
    chain.advance(10**6)
    chain.automine = True
    assert rpc("eth_getTransactionReceipt", tx_hash) is not None

    chain.revert(mark)

    assert chain.automine is False
    assert [each.hash.hex() for each in chain.pool.waiting] == [tx_hash[2:]]
    assert chain.next_timestamp < chain.head.timestamp + 10**5


def test_a_revert_takes_back_patches_of_the_state(chain: LocalChain, rpc: Rpc) -> None:
    mark = chain.snapshot()
    rpc("anvil_setCode", NOBODY, "0x6001")
    assert rpc("eth_getCode", NOBODY) == "0x6001"

    chain.revert(mark)

    assert rpc("eth_getCode", NOBODY) == "0x"


def test_a_snapshot_serves_once_and_takes_later_ones_along(chain: LocalChain) -> None:
    first, second = chain.snapshot(), chain.snapshot()

    chain.revert(first)

    for used in (first, second):
        with pytest.raises(InvalidOption, match="no snapshot"):
            chain.revert(used)


def test_hundreds_of_nested_snapshots_unwind(chain: LocalChain) -> None:
    marks = []
    for _ in range(300):
        marks.append((chain.snapshot(), chain.head.hash))
        chain.mine()

    for mark, head in reversed(marks):
        chain.revert(mark)
        assert chain.head.hash == head


@pytest.mark.parametrize("round_", range(2))
def test_nothing_of_one_test_is_left_to_the_next(
    chain: LocalChain, rpc: Rpc, alice: LocalAccount, round_: int
) -> None:
    assert rpc("eth_getBalance", NOBODY) == "0x0", f"round {round_}"

    rpc("eth_sendRawTransaction", transfer(chain, alice))


# -- genesis -----------------------------------------------------------------------------------


def test_code_can_be_there_from_the_start() -> None:
    chain = LocalChain(alloc={NOBODY: "0x5f5ff3", b"\x01" * 20: b"\x00"}, accounts=0)
    accounts = chain.evm.account(chain.ledger.blocks[0].state_root)

    assert accounts.get_code(bytes.fromhex(NOBODY[2:])) == bytes.fromhex("5f5ff3")
    assert accounts.get_code(b"\x01" * 20) == b"\x00"


def test_chains_of_the_same_making_have_the_same_hashes() -> None:
    one, other = (LocalChain(genesis_time=1, clock=lambda: 1.0) for _ in range(2))
    one.mine(2)
    other.mine(2)

    assert one.head.hash == other.head.hash


# -- the optional part -------------------------------------------------------------------------


def test_without_py_evm_the_package_imports_and_says_what_is_missing() -> None:
    code = (
        "import sys; sys.modules['eth'] = None\n"
        "from ethr_did.chain.local import LocalChain\n"
        "from ethr_did.errors import MissingExtra\n"
        "try: LocalChain()\n"
        "except MissingExtra as error: print(error)\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "the in-process chain needs: pip install 'ethr-did[local]'\n"


def test_py_evm_is_imported_only_when_a_chain_is_made() -> None:
    code = "import sys, ethr_did.chain.local; print(any(n.split('.')[0] == 'eth' for n in sys.modules))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"
