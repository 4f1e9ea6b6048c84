"""The chain whose DIDs are served, and the servers: ours as ``ethr-did serve`` starts it, and npm's.

* DIDs with the same number of changes, one to a block, services and keys in turn, all valid.
* Then a month without changes, so that there are many moments to ask about, and now one empty
  block each second: a chain that lives.
* Servers are started for their turn and stopped after it. Ours reads from its index only.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import requests

from ethr_did import Network, Resolver
from support.anvil import Anvil, find_anvil
from support.peers import NODE_MODULES

from .load import BLOCK, Ask
from .node import AnvilNode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ethr_did.core.document import DIDDocument

ROOT = Path(__file__).parent
PEERS = [NODE_MODULES / "ethr-did-resolver", ROOT / "node_modules" / "express"]
NAME = "bench"
RESOLUTION = "application/did-resolution"
_MONTH = 30 * 86_400
_FINAL_AFTER = 100
"""Blocks, until anvil calls one final."""
_READY = 60.0
"""Seconds until a server must answer from its index."""
_CONFIGURATION = """
[service]
index = "only"
address_rate = {rate}
log_level = "warning"

[networks.{name}]
chain_id = {chain_id}
rpc_url = "{url}"
did_registry = "{registry}"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One that listens."""

    url: str
    process: int
    """Its id; what it has started counts as well."""

    @property
    def port(self) -> int:
        """Of its URL."""
        return int(self.url.rpartition(":")[2])

    def get(self, path: str, **headers: str) -> requests.Response:
        """The answer to one request."""
        return requests.get(self.url + path, headers=headers, timeout=60)

    def cpu_seconds(self) -> float:
        """What it has taken so far of all cores, with all its processes that are still there."""
        ticks = os.sysconf("SC_CLK_TCK")
        parents, spent = {}, {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text("utf-8").rpartition(")")[2].split()
            except OSError:
                continue  # it has just ended
            process = int(stat.parent.name)
            parents[process] = int(fields[1])
            spent[process] = (int(fields[11]) + int(fields[12])) / ticks
        found = {self.process}
        while more := {child for child, parent in parents.items() if parent in found} - found:
            found |= more
        return sum(spent.get(process, 0.0) for process in found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A chain with DIDs."""

    anvil: Anvil
    network: Network
    identities: Mapping[int, Sequence[str]]
    """Addresses by their number of changes."""
    moments: tuple[int, int]
    """Unix seconds between which nothing changed."""
    folder: Path
    """Of the configuration and the index."""

    def paths(self, changes: int) -> list[str]:
        """Where the DIDs with so many changes are asked for."""
        return [
            f"/1.0/identifiers/did:ethr:{NAME}:{address}" for address in self.identities[changes]
        ]

    def asks(self, server: Server, changes: int) -> list[Ask]:
        """Requests about the DIDs with so many changes, with their right answers.

        Raises:
            AssertionError: the server answers otherwise than a resolver that asks the node.
        """
        found = []
        with Resolver([self.network]) as resolver:
            for path in self.paths(changes):
                answer = server.get(path, Accept=RESOLUTION)
                document = resolver.resolve(path.rpartition("/")[2]).require_document()
                if answer.json()["didDocument"] != json.loads(json.dumps(document.to_dict())):
                    raise AssertionError(f"{path} is answered otherwise: {answer.text}")
                right = BLOCK.sub(b"", answer.content).decode()
                found.append(Ask(path=path, right=right))
        return found

    def entries(self, changes: int) -> int:
        """Verification methods and services of each of those documents."""
        document: DIDDocument
        with Resolver([self.network]) as resolver:
            did = self.paths(changes)[0].rpartition("/")[2]
            document = resolver.resolve(did).require_document()
        return len(document.verification_method) + len(document.service)


@contextmanager
def open_stage(identities: Mapping[int, int], folder: Path) -> Iterator[Stage]:
    """A chain for as long as the context lasts.

    Args:
        identities: how many there are, by their number of changes.
        folder: that is empty.
    """
    binary = find_anvil(NODE_MODULES)
    assert binary is not None  # noqa: S101 - looked for before
    begin = int(time.time()) - _MONTH
    with Anvil(binary, genesis_time=begin) as anvil:
        node = AnvilNode(anvil)
        written = {
            changes: [node.write_identity(changes) for _ in range(count)]
            for changes, count in identities.items()
        }
        quiet = anvil.timestamp + 1
        anvil.call("evm_setNextBlockTimestamp", int(time.time()))
        anvil.call("anvil_mine", hex(_FINAL_AFTER))
        network = Network(
            name=NAME, chain_id=node.chain_id, rpc_url=node.url, did_registry=node.registry
        )
        with _mining(anvil):
            yield Stage(
                anvil=anvil,
                network=network,
                identities=written,
                moments=(quiet, begin + _MONTH - 86_400),
                folder=folder,
            )


@contextmanager
def _mining(anvil: Anvil) -> Iterator[None]:
    """One empty block each second."""
    stop = threading.Event()

    def mine() -> None:
        while not stop.wait(1):
            anvil.call("evm_mine")

    thread = threading.Thread(target=mine, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@contextmanager
def ours(stage: Stage, *, workers: int, rate: str = "unlimited") -> Iterator[Server]:
    """Our service, ready to answer.

    Args:
        stage: that it serves.
        workers: processes that answer.
        rate: of each address.
    """
    file = stage.folder / f"{rate.partition('/')[0]}.toml"
    network = stage.network
    file.write_text(
        _CONFIGURATION.format(
            rate=json.dumps(rate),
            name=network.name,
            chain_id=network.chain_id,
            url=network.rpc_urls[0],
            registry=network.did_registry,
        ),
        "utf-8",
    )
    command = [str(Path(sys.executable).with_name("ethr-did")), "serve", "--config", str(file)]
    command += ["--port", "0", "--json", "--workers", str(workers)]
    environment = {**os.environ, "ETHR_DID_STATE_DIR": str(stage.folder)}
    with _running(command, environment) as process:
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        lines = iter(process.stdout.readline, "}\n")
        url = json.loads("".join(lines) + "}")["url"]
        server = Server(url=url, process=process.pid)
        _wait_for_answers(server, stage)
        yield server


def _wait_for_answers(server: Server, stage: Stage) -> None:
    """Nothing; the index has caught up with what was mined while nobody followed."""
    path = stage.paths(min(stage.identities))[0]
    deadline = time.monotonic() + _READY
    while True:
        answer = server.get(path)
        if answer.status_code == 200:  # noqa: PLR2004 - found
            return
        if time.monotonic() > deadline:
            raise AssertionError(f"the service does not answer: {answer.text}")
        time.sleep(0.2)


@contextmanager
def peer(stage: Stage) -> Iterator[Server]:
    """The resolver of npm behind Express."""
    question = {
        "registry": stage.network.did_registry,
        "chainId": stage.network.chain_id,
        "name": NAME,
        "rpcUrl": stage.network.rpc_urls[0],
        "modules": str(NODE_MODULES.parent),
    }
    command = ["node", str(ROOT / "peer_server.mjs"), json.dumps(question)]
    with _running(command, dict(os.environ)) as process:
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        yield Server(url=process.stdout.readline().strip(), process=process.pid)


@contextmanager
def _running(
    command: Sequence[str], environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def why_no_peer() -> str | None:
    """What is missing to run Express, or None."""
    if not (ROOT / "node_modules" / "express").exists():
        return "Express is not installed: npm ci --prefix scripts/benchmarks"
    return None
