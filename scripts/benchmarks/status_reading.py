"""Statuses read per second, ours beside the peers' contracts through web3.py, on one node.

* All go through the proxy that counts and adds distance, see proxy.py.
* What is timed is the whole call, from entries or keys to their statuses; one in three is revoked.
* The peers' contracts tell one status at a time. What helps is JSON-RPC's own batch.
"""

from __future__ import annotations

import random
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from web3 import HTTPProvider, Web3

from ethr_did import Network
from ethr_did.core.keys import to_checksum_address
from ethr_did.core.status_answer import StatusKind
from ethr_did.core.status_entry import ContractId, ListEntry
from ethr_did.core.status_list import INVALID, Flag, ListId, Purpose
from ethr_did.core.status_wishes import Wish, gather
from ethr_did.status.reading import StatusQuestion, StatusReader

from .figures import figures
from .proxy import open_line
from .status_chain import CHAIN_ID, ISSUER, open_chain
from .status_costs import carry_out
from .status_peers import deploy_peers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .proxy import Line
    from .status_chain import StatusChain
    from .status_peers import Peer

    Tell = Callable[[str], None]

DELAYS = (0, 50)
"""Milliseconds that are added to each round trip."""
BATCHES = (100, 1_000)
REVOKED = 3
"""One of so many."""
LEAST_RUNS, MOST_RUNS = 3, 30
_FINAL_AFTER = 100
"""Blocks, until anvil calls one final."""
_LIST = ListId.build(
    purpose=Purpose.REVOCATION, bits=1, capacity=2**17, random=b"\x11" * 27, flags=Flag.TERMINAL
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A way to read statuses."""

    reader: str
    how: str
    statuses: int
    """Read by each call."""
    revoked: int
    """Of them; the call must find as many."""
    read: Callable[[], int]
    """One call."""


def measure_reading(*, quick: bool, with_peers: bool, tell: Tell) -> list[dict[str, Any]]:
    """One row for each way to read and each distance."""
    with ExitStack() as stack:
        chain = stack.enter_context(open_chain("osaka"))
        line = stack.enter_context(open_line(chain.url))
        peers = deploy_peers(chain) if with_peers else []
        entries = _write(chain, peers)
        seconds = 0.3 if quick else 3.0
        rows = []
        for delay in DELAYS[:1] if quick else DELAYS:
            url = line.url(delay)
            reader = stack.enter_context(StatusReader([_network(chain, url)]))
            ways = [*_our_ways(reader, entries)]
            batches = BATCHES[:1] if quick else BATCHES
            ways += [way for peer in peers for way in _ways_of_peer(peer, url, batches)]
            for way in ways:
                tell(f"reading, {way.reader}, {way.how}, RTT {delay} ms")
                rows.append({"rtt": delay, **_measure(way, line, url, seconds)})
        return rows


def _measure(way: Way, line: Line, url: str, seconds: float) -> dict[str, Any]:
    way.read()  # warm: connections, imports
    times: list[float] = []
    while len(times) < LEAST_RUNS or (len(times) < MOST_RUNS and sum(times) < seconds * 1000):
        line.counts()
        start = time.perf_counter()
        found = way.read()
        times.append((time.perf_counter() - start) * 1000)
        if found != way.revoked:
            raise AssertionError(f"{way.reader} found {found} revoked instead of {way.revoked}")
    trips, calls = line.counts()[url]
    taken = figures(times)
    return {
        "reader": way.reader,
        "how": way.how,
        "statuses": way.statuses,
        "round_trips": trips,
        "calls": calls,
        "ms": taken,
        "per_second": round(way.statuses / taken["median"] * 1000),
    }


def _write(chain: StatusChain, peers: Sequence[Peer]) -> list[ListEntry]:
    """Entries at random in a list; every third one is revoked, and the same of the peers' keys."""
    dice = random.Random(2021)  # noqa: S311 - the same entries in each run
    indexes = dice.sample(range(_LIST.capacity), max(BATCHES))
    revoked = indexes[::REVOKED]
    carry_out(chain, gather(Wish(list_id=_LIST, index=at, value=INVALID) for at in revoked))
    for peer in peers:
        chain.spend(peer.address, [peer.revoke(key) for key in _keys()[::REVOKED]])
    chain.anvil.call("anvil_mine", hex(_FINAL_AFTER))
    registry = ContractId(CHAIN_ID, chain.statuses)
    return [ListEntry(registry=registry, list_id=_LIST, index=index) for index in indexes]


def _network(chain: StatusChain, url: str) -> Network:
    return Network(
        name="bench",
        chain_id=CHAIN_ID,
        rpc_url=url,
        did_registry=to_checksum_address(chain.did_registry),
        status_registry=to_checksum_address(chain.statuses),
        anchor_registry=to_checksum_address(chain.anchors),
        status_lens=to_checksum_address(chain.lens),
    )


def _revoked(count: int) -> int:
    return len(range(0, count, REVOKED))


# -- ours -----------------------------------------------------------------------------------------


def _our_ways(reader: StatusReader, entries: Sequence[ListEntry]) -> Iterator[Way]:
    issuer = f"did:ethr:bench:{to_checksum_address(ISSUER)}"
    questions = [StatusQuestion(entry=entry, issuer=issuer) for entry in entries]

    def some(count: int) -> int:
        found = [status.kind for status in reader.read_statuses(questions[:count])]
        if set(found) - {StatusKind.VALID, StatusKind.REVOKED}:
            raise AssertionError(f"not all statuses are known: {set(found)}")
        return found.count(StatusKind.REVOKED)

    def whole() -> int:
        return int.from_bytes(reader.read_list(_LIST, issuer).statuses.data).bit_count()

    for count in (1, *BATCHES):
        how = "one by one" if count == 1 else "in one call"
        yield Way(
            reader="ours",
            how=how,
            statuses=count,
            revoked=_revoked(count),
            read=lambda count=count: some(count),  # type: ignore[misc]
        )
    yield Way(
        reader="ours",
        how="whole list",
        statuses=_LIST.capacity,
        revoked=_revoked(len(entries)),
        read=whole,
    )


# -- the peers' -----------------------------------------------------------------------------------


def _keys() -> list[bytes]:
    dice = random.Random(1902)  # noqa: S311 - the same keys in each run
    return [dice.randbytes(32) for _ in range(max(BATCHES))]


def _ways_of_peer(peer: Peer, url: str, batches: Sequence[int]) -> Iterator[Way]:
    # Without the cache web3.py asks for the chain id before and after each call.
    web3 = Web3(HTTPProvider(url, cache_allowed_requests=True))
    contract = web3.eth.contract(Web3.to_checksum_address(peer.address), abi=peer.view.abi)
    function = contract.functions[peer.view.name]
    asked = [function(*peer.view.arguments(key)) for key in _keys()]

    def one() -> int:
        return int(asked[0].call() != 0)

    def batch(count: int) -> int:
        with web3.batch_requests() as requests:
            for call in asked[:count]:
                requests.add(call)
            found: list[Any] = requests.execute()
        return sum(value != 0 for value in found)

    yield Way(reader=peer.name, how="one by one", statuses=1, revoked=1, read=one)
    for count in batches:
        yield Way(
            reader=peer.name,
            how="JSON-RPC batch",
            statuses=count,
            revoked=_revoked(count),
            read=lambda count=count: batch(count),  # type: ignore[misc]
        )
