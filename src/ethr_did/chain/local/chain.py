"""The in-process chain.

Rules:

- One transaction, one block, while ``automine`` is on; else transactions wait for ``mine``.
- A block's time is the clock's, moved by ``advance`` and ``set_next_timestamp``, and always
  later than its parent's, as consensus demands.
- What was reverted is gone: its blocks and transactions are unknown afterwards.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from importlib import import_module
from threading import RLock
from typing import TYPE_CHECKING

from ethr_did.chain.local import file, rpc
from ethr_did.chain.local.account import LocalAccount, dev_accounts
from ethr_did.chain.local.admission import check_admissible
from ethr_did.chain.local.filters import Filters
from ethr_did.chain.local.ledger import Ledger
from ethr_did.chain.local.params import RpcError
from ethr_did.chain.local.pool import Pool
from ethr_did.chain.local.provider import AsyncLocalProvider, LocalProvider
from ethr_did.errors import InvalidOption, MissingExtra

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from os import PathLike

    from ethr_did.chain.local.block import Block
    from ethr_did.chain.local.evm import Evm

__all__ = ["LocalChain"]

_ETHER = 10**18
_BALANCE = 10_000 * _ETHER
"""What each development account starts with."""

_EMPTY_ROOT = bytes.fromhex("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421")
"""Of the empty trie."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mark:
    """Everything that a revert puts back."""

    head: Block
    pool: Pool
    offset: int
    next_timestamp: int | None
    automine: bool


class LocalChain:
    """A real EVM chain in this process.

    Example:
        >>> chain = LocalChain()
        >>> chain.handle({"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"})
        {'jsonrpc': '2.0', 'id': 1, 'result': '0x7a69'}
    """

    def __init__(
        self,
        *,
        chain_id: int = 31337,
        accounts: int = 10,
        genesis_time: int | None = None,
        automine: bool = True,
        alloc: Mapping[str | bytes, str | bytes] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Make a chain of one block.

        Args:
            chain_id: EIP-155.
            accounts: How many of the well-known development accounts hold 10,000 ether.
            genesis_time: Unix seconds; the clock's time if not given.
            automine: Whether every transaction gets its block at once.
            alloc: Runtime code by address, there from the start. Bytes or hex.
            clock: Unix seconds, read when a block is made.

        Raises:
            MissingExtra: py-evm is not installed.
        """
        self.lock = RLock()
        self.accounts: tuple[LocalAccount, ...] = dev_accounts(accounts)
        self.chain_id = chain_id
        self.clock = clock
        self.pool = Pool()
        self.filters = Filters()
        self._automine = automine
        self._offset = 0
        self._next_timestamp: int | None = None
        self._marks: dict[int, _Mark] = {}
        self._last_mark = 0
        self.evm: Evm = _load_evm(chain_id, None)
        root = self._genesis_state(alloc or {})
        born = int(clock()) if genesis_time is None else genesis_time
        self.ledger = Ledger(self.evm.genesis(timestamp=born, state_root=root))
        self.provider = LocalProvider(self)
        self.async_provider = AsyncLocalProvider(self)

    def __repr__(self) -> str:
        return f"LocalChain(chain_id={self.chain_id}, block_number={self.head.number})"

    def _genesis_state(self, alloc: Mapping[str | bytes, str | bytes]) -> bytes:
        root = _EMPTY_ROOT
        for account in self.accounts:
            root = self.evm.patch(root, account.address_bytes, balance=_BALANCE)
        for address, code in alloc.items():
            # EIP-161: a contract starts at nonce 1.
            root = self.evm.patch(root, _bytes(address), code=_bytes(code), nonce=1)
        return root

    # -- JSON-RPC ------------------------------------------------------------------------------

    def handle(self, request: object) -> object:
        """The answer to one JSON-RPC request or a batch; ``None`` if none is due.

        Args:
            request: Decoded JSON: an object, or a list of them.

        Spec: JSON-RPC 2.0, sections 4 to 6.
        """
        with self.lock:
            return rpc.handle(self, request)

    # -- blocks --------------------------------------------------------------------------------

    @property
    def head(self) -> Block:
        """The newest block."""
        return self.ledger.head

    @property
    def automine(self) -> bool:
        """Whether every transaction gets its block at once."""
        return self._automine

    @automine.setter
    def automine(self, on: bool) -> None:
        with self.lock:
            self._automine = on
            self._mine_ready()

    def mine(self, count: int = 1) -> None:
        """Make blocks, with the waiting transactions in the first that has room for them."""
        with self.lock:
            for _ in range(count):
                self._append(self.pending())

    def pending(self) -> Block:
        """The block that would be made now."""
        return self.evm.build(
            self.head,
            self.pool.ready(self.nonce),
            timestamp=self.next_timestamp,
            ancestors=self.ledger.ancestors(self.head.number + 1),
        )

    def _append(self, block: Block) -> None:
        if self._next_timestamp is not None:
            self._offset = self._next_timestamp - int(self.clock())
            self._next_timestamp = None
        self.ledger.append(block)
        self.pool = self.pool.pruned(self.nonce)

    def _mine_ready(self) -> None:
        while self._automine and self.pool.waiting:
            block = self.pending()
            if not block.transactions:  # gaps in the nonces, or below the base fee
                return
            self._append(block)

    # -- transactions --------------------------------------------------------------------------

    def nonce(self, address: bytes) -> int:
        """The next nonce of an address in the newest state."""
        return int(self.evm.account(self.head.state_root).get_nonce(address))

    def next_nonce(self, address: bytes) -> int:
        """The next nonce of an address, counting transactions that wait."""
        nonce = self.nonce(address)
        taken = {each.body.nonce for each in self.pool.waiting if each.sender == address}
        while nonce in taken:
            nonce += 1
        return nonce

    def submit(self, raw: bytes) -> bytes:
        """The hash of a signed transaction that has been taken.

        Raises:
            RpcError: Refused, in geth's words.
        """
        with self.lock:
            try:
                transaction = self.evm.decode(raw)
            except ValueError as cause:
                raise RpcError(str(cause)) from cause
            check_admissible(self, transaction)
            self.pool = self.pool.added(transaction)
            self._mine_ready()
            return transaction.hash

    # -- state by hand -------------------------------------------------------------------------

    def patch(
        self,
        address: bytes,
        *,
        balance: int | None = None,
        nonce: int | None = None,
        code: bytes | None = None,
        storage: Mapping[int, int] | None = None,
    ) -> None:
        """Change an account outside of any transaction, from the newest block on.

        The block keeps its hash; its ``stateRoot`` no longer describes the state.
        """
        with self.lock:
            root = self.evm.patch(
                self.head.state_root,
                address,
                balance=balance,
                nonce=nonce,
                code=code,
                storage=storage,
            )
            self.ledger.replace_head(replace(self.head, state_root=root))

    # -- snapshots -----------------------------------------------------------------------------

    def snapshot(self) -> int:
        """A mark to `revert` to."""
        with self.lock:
            self._last_mark += 1
            self._marks[self._last_mark] = _Mark(
                head=self.head,
                pool=self.pool,
                offset=self._offset,
                next_timestamp=self._next_timestamp,
                automine=self._automine,
            )
            return self._last_mark

    def revert(self, mark: int) -> None:
        """Put everything back to how it was at that mark: blocks, waiting transactions, time.

        The mark and all later ones are used up.

        Raises:
            InvalidOption: No such mark, or it was used already.
        """
        with self.lock:
            if mark not in self._marks:
                raise InvalidOption(
                    f"no snapshot {mark}", hint="Every snapshot can be reverted to once.", id=mark
                )
            kept = self._marks[mark]
            self._marks = {number: each for number, each in self._marks.items() if number < mark}
            self.ledger.truncate(kept.head)
            self.pool = kept.pool
            self._offset = kept.offset
            self._next_timestamp = kept.next_timestamp
            self._automine = kept.automine

    # -- time ----------------------------------------------------------------------------------

    @property
    def next_timestamp(self) -> int:
        """The time of the next block, if it were made now, in unix seconds."""
        if self._next_timestamp is not None:
            return self._next_timestamp
        return max(self.head.timestamp + 1, int(self.clock()) + self._offset)

    def set_next_timestamp(self, timestamp: int) -> None:
        """Give the next block exactly this time; later ones go on from there.

        Raises:
            InvalidOption: Not later than the newest block.
        """
        with self.lock:
            if timestamp <= self.head.timestamp:
                raise InvalidOption(
                    f"timestamp {timestamp} is not later than the newest block's, "
                    f"{self.head.timestamp}",
                    timestamp=timestamp,
                    head=self.head.timestamp,
                )
            self._next_timestamp = timestamp

    def advance(self, seconds: int) -> int:
        """Move the chain's clock forward; how far it is ahead of the real one by now."""
        with self.lock:
            if seconds < 0:
                raise InvalidOption(f"time goes forward only, not {seconds} s", seconds=seconds)
            self._offset += seconds
            if self._next_timestamp is not None:
                self._next_timestamp += seconds
            return self._offset

    # -- persistence ---------------------------------------------------------------------------

    def save(self, path: str | PathLike[str]) -> None:
        """Write the whole chain to a file, replacing it at once or not at all.

        Snapshots are not written, keys never.
        """
        with self.lock:
            file.write(
                path,
                file.Saved(
                    chain_id=self.chain_id,
                    accounts=len(self.accounts),
                    automine=self._automine,
                    offset=self._offset,
                    next_timestamp=self._next_timestamp,
                    blocks=self.ledger.blocks,
                    waiting=tuple(each.raw for each in self.pool.waiting),
                    nodes=self.evm.nodes,
                ),
            )

    @classmethod
    def load(
        cls, path: str | PathLike[str], *, clock: Callable[[], float] = time.time
    ) -> LocalChain:
        """The chain that `save` wrote.

        Raises:
            InvalidFile: Missing, damaged or of another kind. It is left as it is.
        """
        saved = file.read(path, _load_evm)
        chain = cls(chain_id=saved.chain_id, accounts=saved.accounts, genesis_time=0, clock=clock)
        chain.evm = _load_evm(saved.chain_id, saved.nodes)
        chain.ledger = Ledger(saved.blocks[0])
        for block in saved.blocks[1:]:
            chain.ledger.append(block)
        chain.pool = Pool(waiting=tuple(chain.evm.decode(raw) for raw in saved.waiting))
        chain._automine = saved.automine
        chain._offset = saved.offset
        chain._next_timestamp = saved.next_timestamp
        return chain


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else bytes.fromhex(value.removeprefix("0x"))


def _load_evm(chain_id: int, nodes: dict[bytes, bytes] | None) -> Evm:
    """A new EVM. py-evm takes a second to import and is optional, hence not at the top."""
    try:
        module = import_module("ethr_did.chain.local.evm")
    except ModuleNotFoundError as cause:
        raise MissingExtra(
            "the in-process chain needs: pip install 'ethr-did[local]'",
            hint="pip install 'ethr-did[local]'",
            extra="local",
        ) from cause
    evm: Evm = module.Evm(chain_id, nodes)
    return evm
