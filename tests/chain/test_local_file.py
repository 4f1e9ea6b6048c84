"""The in-process chain saved and loaded."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
from eth_account import Account

from ethr_did.chain.local import LocalChain
from ethr_did.errors import InvalidFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ANYBODY = "0x" + "42" * 20


def send(chain: LocalChain, value: int) -> str:
    fields = {"from": chain.accounts[0].address, "to": ANYBODY, "value": hex(value)}
    request = {"jsonrpc": "2.0", "id": 1, "method": "eth_sendTransaction", "params": [fields]}
    response: Any = chain.handle(request)
    tx_hash: str = response["result"]
    return tx_hash


def ask(chain: LocalChain, method: str, *params: Any) -> Any:
    response: Any = chain.handle(
        {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
    )
    return response["result"]


@pytest.fixture
def lived() -> LocalChain:
    """A chain with some history, a patch, and a transaction that waits."""
    chain = LocalChain(chain_id=1234, accounts=2)
    for value in (1, 2, 3):
        send(chain, value)
    chain.patch(b"\x77" * 20, code=b"\x60\x01")
    chain.advance(5_000)
    chain.automine = False
    send(chain, 4)
    return chain


@pytest.fixture
def path(tmp_path: Path, lived: LocalChain) -> Path:
    target = tmp_path / "chain.json.gz"
    lived.save(target)
    return target


def test_a_loaded_chain_is_the_saved_one(lived: LocalChain, path: Path) -> None:
    loaded = LocalChain.load(path)

    assert loaded.chain_id == 1234
    assert loaded.accounts == lived.accounts
    assert loaded.ledger.blocks == lived.ledger.blocks
    assert loaded.pool == lived.pool
    assert loaded.automine is False
    assert ask(loaded, "eth_getCode", "0x" + "77" * 20) == "0x6001"
    assert ask(loaded, "eth_getBalance", ANYBODY, "0x2") == "0x3"
    assert loaded.next_timestamp >= lived.head.timestamp + 4_000


def test_a_loaded_chain_goes_on(path: Path) -> None:
    loaded = LocalChain.load(path)
    loaded.automine = True
    send(loaded, 5)

    assert ask(loaded, "eth_getBalance", ANYBODY) == "0xf"
    assert loaded.head.number == 5


def test_saving_twice_gives_the_same_bytes(lived: LocalChain, path: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    lived.save(again)

    assert again.read_bytes() == path.read_bytes()


def test_no_key_is_written(lived: LocalChain, path: Path) -> None:
    content = gzip.decompress(path.read_bytes())

    for account in lived.accounts:
        assert account.key.hex().encode() not in content


def test_nothing_is_left_beside_the_file(path: Path) -> None:
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_failed_save_leaves_the_old_file(lived: LocalChain, tmp_path: Path) -> None:
    folder = tmp_path / "occupied"
    folder.mkdir()
    (folder / "kept").write_text("here")

    with pytest.raises(OSError, match="occupied"):
        lived.save(folder)

    assert (folder / "kept").read_text() == "here"
    assert [each.name for each in tmp_path.iterdir()] == ["occupied"]


def rewritten(change: Callable[[dict[str, Any]], object]) -> Callable[[bytes], bytes]:
    def damage(content: bytes) -> bytes:
        decoded = json.loads(gzip.decompress(content))
        change(decoded)
        return gzip.compress(json.dumps(decoded).encode())

    return damage


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[: len(content) // 2],
        lambda content: content[:40] + bytes([content[40] ^ 1]) + content[41:],
        lambda _: b"",
        lambda _: b"not a chain",
        lambda _: gzip.compress(b"[]"),
        rewritten(lambda chain: chain.update(version=2)),
        rewritten(lambda chain: chain.update(blocks=[])),
        rewritten(lambda chain: chain.pop("nodes")),
        rewritten(lambda chain: chain["blocks"].pop(2)),
        rewritten(lambda chain: chain["blocks"][2]["transactions"].clear()),
        rewritten(lambda chain: chain["blocks"][2].update(header="c0")),
        rewritten(lambda chain: chain["nodes"].clear()),
        rewritten(lambda chain: chain["nodes"].append(5)),
    ],
)
def test_a_damaged_file_is_refused_and_left_alone(
    path: Path, damage: Callable[[bytes], bytes]
) -> None:
    damaged = damage(path.read_bytes())
    path.write_bytes(damaged)

    with pytest.raises(InvalidFile, match="cannot be read") as caught:
        LocalChain.load(path)

    assert str(path) in str(caught.value)
    assert "left as it is" in caught.value.hint
    assert path.read_bytes() == damaged


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match="there is no chain file"):
        LocalChain.load(tmp_path / "nowhere")


def test_a_loaded_chain_takes_signed_transactions(path: Path) -> None:
    chain = LocalChain.load(path)
    chain.automine = True
    fields = {"chainId": 1234, "nonce": 0, "to": ANYBODY, "value": 1, "gas": 21_000}
    fields |= {"maxFeePerGas": 10**10, "maxPriorityFeePerGas": 0}
    raw = Account.sign_transaction(fields, chain.accounts[1].key).raw_transaction

    tx_hash = ask(chain, "eth_sendRawTransaction", "0x" + bytes(raw).hex())

    assert ask(chain, "eth_getTransactionReceipt", tx_hash)["status"] == "0x1"
