"""Resolving, measured: ours beside npm's ethr-did-resolver, in one run, on one node.

* Both are warm processes and answer through the same proxy (see proxy.py), turn by turn.
* What is timed is the whole call, from a DID to a document as JSON.
* The peer's library answers equal calls within 250 ms from memory: between its turns is a pause.
"""

from __future__ import annotations

import gc
import json
import random
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ethr_did import EthrDID, Network, Resolver
from ethr_did.core.erc1056 import ATTRIBUTE_TOPIC, decode_log, identity_topic
from ethr_did.core.history import find_gap, fold, in_order
from ethr_did.core.keys import Address
from support.peers import INTEROP, NODE_MODULES, why_no_peers

from . import node as nodes
from .figures import figures
from .machine import describe_machine
from .proxy import Line, open_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Tell = Callable[[str], None]

COUNTS = (0, 1, 10, 100, 1_000)
"""Changes of the DIDs, one to a block."""
DELAYS = (0, 50)
"""Milliseconds that are added to each round trip."""
MANY = 1_000
"""DIDs resolved at once."""
FOLDED = 1_000
"""Events decoded and folded at once."""
PAUSE = 0.3
PEERS = [NODE_MODULES / "ethr-did-resolver", NODE_MODULES / "ethers"]


def measure(*, quick: bool, tell: Tell) -> dict[str, Any]:
    """All figures as JSON."""
    with ExitStack() as stack:
        node = stack.enter_context(nodes.open_node())
        counts = COUNTS[:-1] if quick else COUNTS
        tell(f"writing {sum(counts):,} changes to {node.label}")
        identities = {count: node.write_identity(count) for count in counts}
        line = stack.enter_context(open_line(node.url))
        missing = why_no_peers()
        if missing:
            tell(f"without the peer: {missing}")
        runs = Runs(node=node, line=line, identities=identities, quick=quick)
        resolutions = runs.measure(tell, with_peer=missing is None)
        return {
            "subject": "resolve",
            "resolutions": resolutions,
            "fold": [_measure_fold(kind, runs=10 if quick else 50) for kind in (*KINDS, "mix")],
            "many": _measure_many(node, line, quick=quick, tell=tell),
            "start": _measure_start(runs=5 if quick else 15),
            "machine": describe_machine(node.label, peers=[] if missing else PEERS),
        }


# -- one DID --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One side's answer to one DID."""

    milliseconds: float
    methods: int
    """Verification methods of the document: both sides must have found the same."""
    trips: int
    calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """The DIDs to be resolved, and the lines to the node."""

    node: nodes.Node
    line: Line
    identities: Mapping[int, str]
    quick: bool

    def networks(self) -> dict[str, str]:
        """Lines by the name of the network that stands for them in the DIDs."""
        timed = {f"rtt{delay}": self.line.url(delay) for delay in DELAYS}
        return {**timed, "untimed": self.line.url(DELAYS[-1], timed=False)}

    def measure(self, tell: Tell, *, with_peer: bool) -> list[dict[str, Any]]:
        """Ours and the peer's figures for each number of changes and each line."""
        rows = []
        with ExitStack() as stack:
            sides = {"ours": stack.enter_context(self.ours())}
            if with_peer:
                sides["peer"] = stack.enter_context(self.peer())
            for name in self.networks():
                for side in sides.values():
                    side(name, self.identities[0])  # warm: connections, imports, compilation
                for count, identity in self.identities.items():
                    if name == "untimed" and count == 0:
                        continue
                    tell(f"{count:,} changes, {name}")
                    rows.append(self._row(name, count, identity, sides))
        return rows

    def _row(
        self, name: str, count: int, identity: str, sides: Mapping[str, Callable[[str, str], Turn]]
    ) -> dict[str, Any]:
        planned = {side: self._planned(side, name, count) for side in sides}
        turns: dict[str, list[Turn]] = {side: [] for side in sides}
        for number in range(max(planned.values())):
            for side, resolve in sides.items():
                if number < planned[side]:
                    if side == "peer":
                        time.sleep(PAUSE)
                    turns[side].append(resolve(name, identity))
        found = {turn.methods for taken in turns.values() for turn in taken}
        if len(found) != 1:
            raise AssertionError(f"the documents differ: {found} verification methods")
        row: dict[str, Any] = {
            "changes": count,
            "rtt": DELAYS[-1] if name == "untimed" else int(name.removeprefix("rtt")),
            "block_times_in_logs": name != "untimed",
        }
        for side, taken in turns.items():
            row[side] = {
                "round_trips": taken[-1].trips,
                "calls": taken[-1].calls,
                "ms": figures([turn.milliseconds for turn in taken]),
            }
        if "peer" in row:
            row["times_faster"] = round(
                row["peer"]["ms"]["median"] / row["ours"]["ms"]["median"], 1
            )
        return row

    def _planned(self, side: str, name: str, count: int) -> int:
        """Runs: the peer needs a second for 60 changes, and a minute for 1,000 far away."""
        if side == "ours":
            return 7 if self.quick else 30
        if count < COUNTS[-2]:
            return 5 if self.quick else 20
        if count == COUNTS[-2]:
            return 1 if self.quick else 7
        return 3 if name == "rtt0" else 1

    @contextmanager
    def ours(self) -> Iterator[Callable[[str, str], Turn]]:
        """Resolves in this process."""
        networks = [
            Network(
                name=name,
                chain_id=self.node.chain_id,
                rpc_url=url,
                did_registry=self.node.registry,
            )
            for name, url in self.networks().items()
        ]
        with Resolver(networks) as resolver:

            def resolve(name: str, identity: str) -> Turn:
                did = f"did:ethr:{name}:{identity}"
                start = time.perf_counter()
                result = resolver.resolve(did)
                result.to_dict()
                elapsed = time.perf_counter() - start
                methods = result.require_document().verification_method
                return self._turn(name, elapsed * 1000, len(methods))

            yield resolve

    @contextmanager
    def peer(self) -> Iterator[Callable[[str, str], Turn]]:
        """Resolves in a process of node."""
        question = {
            "registry": self.node.registry,
            "chainId": self.node.chain_id,
            "networks": self.networks(),
        }
        command = ["node", str(INTEROP / "bench_resolver.mjs"), json.dumps(question)]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            stdin, stdout = process.stdin, process.stdout
            assert stdin is not None  # noqa: S101 - they are pipes
            assert stdout is not None  # noqa: S101

            def resolve(name: str, identity: str) -> Turn:
                stdin.write(f"did:ethr:{name}:{identity}\n")
                stdin.flush()
                said = json.loads(stdout.readline())
                if said.get("error"):
                    raise AssertionError(said["error"])
                return self._turn(name, said["ms"], said["methods"])

            try:
                yield resolve
            finally:
                stdin.close()

    def _turn(self, name: str, milliseconds: float, methods: int) -> Turn:
        trips, calls = self.line.counts()[self.networks()[name]]
        return Turn(milliseconds=milliseconds, methods=methods, trips=trips, calls=calls)


# -- decoding and folding -------------------------------------------------------------------------

KINDS = {
    "services": "did/svc/Hub",
    "Ed25519 keys": "did/pub/Ed25519/veriKey",
    "secp256k1 keys": "did/pub/Secp256k1/veriKey",
}
IDENTITY = Address(bytes.fromhex("7e5f4552091a69125d5dfcb7b8c2659029395bdf"))


def _measure_fold(kind: str, *, runs: int) -> dict[str, Any]:
    logs = [_log(number, kind) for number in range(1, FOLDED + 1)]
    random.Random(1).shuffle(logs)  # noqa: S311 - the same order in each run
    did = EthrDID.parse("did:ethr:0x" + IDENTITY.hex())

    def once() -> float:
        start = time.perf_counter()
        events = in_order([decode_log(log) for log in logs])
        if find_gap(events, FOLDED) is not None:
            raise AssertionError("the history is whole")
        fold(did, 1, events, now=2 * 10**9)
        return (time.perf_counter() - start) * 1000

    once()
    gc.collect()
    return {"events": FOLDED, "kind": kind, "ms": figures([once() for _ in range(runs)])}


def _log(number: int, kind: str) -> dict[str, Any]:
    """An entry of an eth_getLogs answer, as nodes write it."""
    if kind == "mix":
        kind = list(KINDS)[number % len(KINDS)]
    name, value = KINDS[kind].encode(), nodes.attribute(number, kind)
    words = [
        name.ljust(32, b"\0"),
        (128).to_bytes(32),
        (10**10).to_bytes(32),
        (number - 1).to_bytes(32),
        len(value).to_bytes(32),
    ]
    padded = value.ljust((len(value) + 31) // 32 * 32, b"\0")
    return {
        "address": "0x" + "aa" * 20,
        "topics": [ATTRIBUTE_TOPIC, identity_topic(IDENTITY)],
        "data": "0x" + (b"".join(words) + padded).hex(),
        "blockHash": f"0x{number:064x}",
        "blockNumber": hex(number),
        "blockTimestamp": hex(10**9 + number),
        "transactionHash": f"0x{number:064x}",
        "transactionIndex": "0x0",
        "logIndex": "0x0",
        "removed": False,
    }


# -- many DIDs, and starting up -------------------------------------------------------------------


def _measure_many(
    node: nodes.Node, line: Line, *, quick: bool, tell: Tell
) -> dict[str, Any] | None:
    tell(f"{MANY:,} DIDs at once")
    identities = node.write_many(MANY)
    if not identities:
        return None
    rows = []
    for delay in DELAYS:
        url = line.url(delay)
        network = Network(
            name="many", chain_id=node.chain_id, rpc_url=url, did_registry=node.registry
        )
        times = []
        with Resolver([network]) as resolver:
            resolver.resolve(f"did:ethr:many:{identities[0]}")
            for _ in range(3 if quick else 10):
                line.counts()
                start = time.perf_counter()
                results = resolver.resolve_many(f"did:ethr:many:{one}" for one in identities)
                times.append((time.perf_counter() - start) * 1000)
                trips, calls = line.counts()[url]
                for result in results:
                    result.require_document()
        rows.append({"rtt": delay, "round_trips": trips, "calls": calls, "ms": figures(times)})
    return {"dids": MANY, "changes_each": nodes.CHANGES_OF_MANY, "rows": rows}


def _measure_start(*, runs: int) -> list[dict[str, Any]]:
    """Whole processes, beside one that does nothing."""
    commands = {
        "python -c pass": ["-c", "pass"],
        "import ethr_did": ["-c", "import ethr_did"],
        "from ethr_did import Resolver": ["-c", "from ethr_did import Resolver"],
        "ethr-did --help": ["-c", "import ethr_did.cli.main as m; m.main()", "--help"],
    }
    rows = []
    for name, arguments in commands.items():
        times = []
        for _ in range(runs):
            start = time.perf_counter()
            done = subprocess.run([sys.executable, *arguments], capture_output=True, check=False)
            times.append((time.perf_counter() - start) * 1000)
        if done.returncode == 0:
            rows.append({"process": name, "ms": figures(times[1:])})  # the first reads from disk
    return rows
