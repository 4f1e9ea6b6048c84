"""anvil, run and spoken to."""

from __future__ import annotations

import contextlib
import re
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Any, Self

import requests

from ethr_did.core.keys import to_checksum_address

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

GENESIS = 1_600_000_000
"""Time of block 0. All expiry of a test is long past or far ahead, whenever it runs."""
GAS = 1_000_000
START = 30.0
"""Seconds until anvil must listen."""


def find_anvil(node_modules: Path) -> Path | None:
    """The binary that npm installed for this platform. Not its wrapper, which would be a process more."""
    return next(iter(sorted(node_modules.glob("@foundry-rs/anvil-*/bin/anvil*"))), None)


class Anvil:
    """A running anvil: every account may send, gas costs nothing, each transaction is a block.

    Args:
        binary: see ``find_anvil``.
        ipc: path of an IPC socket to open besides.
        genesis_time: Unix seconds of block 0.
        options: more of them, as on a command line.
    """

    def __init__(
        self,
        binary: Path,
        *,
        ipc: Path | None = None,
        genesis_time: int = GENESIS,
        options: Sequence[str] = (),
    ) -> None:
        command = [str(binary), "--port", "0", "--auto-impersonate", "--order", "fifo"]
        command += ["--base-fee", "0", "--timestamp", str(genesis_time)]
        command += ["--gas-limit", "1000000000", "--no-request-size-limit"]
        command += ["--ipc", str(ipc)] if ipc else []
        command += options
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._session = requests.Session()
        self.url = self._started()
        # Nobody reads what anvil has to say; an unread pipe would stop it.
        self._drain = threading.Thread(target=self._read_on, daemon=True)
        self._drain.start()

    def _started(self) -> str:
        assert self._process.stdout is not None
        watchdog = threading.Timer(START, self._process.kill)
        watchdog.start()
        try:
            said = []
            for line in self._process.stdout:
                said.append(line)
                if found := re.search(r"Listening on (127\.0\.0\.1:\d+)", line):
                    return f"http://{found[1]}"
        finally:
            watchdog.cancel()
        self.close()
        raise AssertionError("anvil did not start:\n" + "".join(said))

    def _read_on(self) -> None:
        assert self._process.stdout is not None
        with contextlib.suppress(ValueError):  # closed meanwhile
            for _ in self._process.stdout:
                pass

    def close(self) -> None:
        """Ends the process."""
        self._session.close()
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if hasattr(self, "_drain"):
            self._drain.join(timeout=5)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def call(self, method: str, *params: Any) -> Any:
        """The result of one JSON-RPC call."""
        return self.batch([(method, params)])[0]

    def batch(self, calls: Iterable[tuple[str, Sequence[Any]]]) -> list[Any]:
        """The results of some calls, made in one request."""
        body: Any = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)}
            for number, (method, params) in enumerate(calls)
        ]
        if not body:
            return []
        answer = self._session.post(self.url, json=body, timeout=120)
        results = []
        for reply in sorted(answer.json(), key=lambda reply: int(reply["id"])):
            assert "error" not in reply, reply["error"]
            results.append(reply["result"])
        return results

    @property
    def block_number(self) -> int:
        """Number of the newest block."""
        return int(self.call("eth_blockNumber"), 16)

    @property
    def timestamp(self) -> int:
        """Unix seconds of the newest block."""
        return int(self.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    def send(self, sender: str, to: str | None, data: bytes) -> dict[str, Any]:
        """The receipt of a transaction that must succeed."""
        tx_hash = self.call(*sending(sender, to, data, gas=8_000_000))
        receipt = self.receipt(tx_hash)
        assert receipt["status"] == "0x1", receipt
        return receipt

    def receipt(self, tx_hash: str) -> dict[str, Any]:
        """The receipt of a transaction; anvil mines a moment after it has said yes."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            receipt: dict[str, Any] | None = self.call("eth_getTransactionReceipt", tx_hash)
            if receipt is not None:
                return receipt
            time.sleep(0.002)
        raise AssertionError(f"{tx_hash} was not mined")

    def deploy(self, init_code: bytes) -> str:
        """The address of a new contract."""
        deployer = self.call("eth_accounts")[0]
        return to_checksum_address(
            bytes.fromhex(self.send(deployer, None, init_code)["contractAddress"][2:])
        )

    def mine(
        self, transactions: Iterable[tuple[str, str, bytes]], *, timestamp: int | None = None
    ) -> int:
        """The number of one new block with these transactions, each a sender, target and data."""
        self.call("evm_setAutomine", False)
        try:
            hashes = self.batch(
                (method, params)
                for method, *params in (sending(*each, gas=GAS) for each in transactions)
            )
            if timestamp is not None:
                self.call("evm_setNextBlockTimestamp", timestamp)
            self.call("evm_mine")
        finally:
            self.call("evm_setAutomine", True)
        receipts = self.batch(("eth_getTransactionReceipt", [each]) for each in hashes)
        number = self.block_number
        for receipt in receipts:
            assert receipt is not None
            assert receipt["status"] == "0x1", receipt
            assert int(receipt["blockNumber"], 16) == number
        return number


def sending(sender: str, to: str | None, data: bytes, *, gas: int) -> tuple[Any, ...]:
    """The call that sends a transaction from an account of the node."""
    fields = {"from": sender, "data": "0x" + data.hex(), "gas": hex(gas), "gasPrice": "0x0"}
    return "eth_sendTransaction", {**fields, "to": to} if to else fields
