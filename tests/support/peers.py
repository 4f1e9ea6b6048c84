"""npm's resolver, writer and registry, and the node they are met on."""

from __future__ import annotations

import json
import select
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ethr_did import Network, Resolver
from support.anvil import find_anvil

if TYPE_CHECKING:
    from collections.abc import Callable

    RunPeer = Callable[..., Any]

INTEROP = Path(__file__).parent.parent / "interop"
NODE_MODULES = INTEROP / "node_modules"


def why_no_peers() -> str | None:
    """What is missing to run the npm peers, or None."""
    if shutil.which("node") is None:
        return "node is not installed"
    if not (NODE_MODULES / ".package-lock.json").exists():
        return "the npm peers are not installed: npm ci --prefix tests/interop"
    if find_anvil(NODE_MODULES) is None:
        return "npm has no anvil for this platform"
    return None


def run_peer(script: str, question: Any, *, timeout: float = 120.0) -> Any:
    """What a script of tests/interop answers, JSON in and JSON out."""
    done = subprocess.run(
        ["node", str(INTEROP / script)],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    if done.returncode != 0:
        raise AssertionError(f"{script} failed:\n{done.stderr or done.stdout}")
    return json.loads(done.stdout)


class PeerRefusal(Exception):
    """What a peer said no with."""


class Peer:
    """A script of tests/interop that answers one question after the other, in one process."""

    def __init__(self, script: str, *, timeout: float = 60.0) -> None:
        self._script = script
        self._timeout = timeout
        self._process = subprocess.Popen(
            ["node", str(INTEROP / script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def ask(self, task: str, **question: Any) -> Any:
        """The result of a task.

        Raises:
            PeerRefusal: the peer's own error.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps({"do": task, **question}) + "\n")
        is_ready = select.select([stdout], [], [], self._timeout)[0]
        line = stdout.readline() if is_ready else ""
        assert line, f"{self._script} gave no answer to {task}"
        answer = json.loads(line)
        if "error" in answer:
            raise PeerRefusal(answer["error"])
        return answer["result"]


def peer_artifact() -> dict[str, Any]:
    """The registry of npm's ethr-did-registry: ABI and bytecode."""
    package = NODE_MODULES / "ethr-did-registry" / "artifacts" / "contracts"
    path = package / "EthereumDIDRegistry.sol" / "EthereumDIDRegistry.json"
    artifact: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return artifact


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """One registry on one node, seen by both sides."""

    url: str
    registry: str
    chain_id: int = 31337
    name: str = "dev"

    @property
    def network(self) -> Network:
        return Network(
            name=self.name, chain_id=self.chain_id, did_registry=self.registry, rpc_url=self.url
        )

    @property
    def question(self) -> dict[str, Any]:
        """What every script of the peers wants to know."""
        return {
            "url": self.url,
            "registry": self.registry,
            "chainId": self.chain_id,
            "name": self.name,
        }

    def did(self, identifier: str) -> str:
        return f"did:ethr:{self.name}:{identifier}"

    def ours(self, *dids: str, accept: str | None = None) -> list[dict[str, Any]]:
        """What we resolve them to."""
        with Resolver([self.network]) as resolver:
            return [resolver.resolve(did, accept=accept).to_dict() for did in dids]

    def theirs(self, *dids: str, accept: str | None = None) -> list[dict[str, Any]]:
        """What npm's ethr-did-resolver resolves them to."""
        question = {**self.question, "dids": dids, "accept": accept}
        results: list[dict[str, Any]] = run_peer("resolve.mjs", question)
        return results
