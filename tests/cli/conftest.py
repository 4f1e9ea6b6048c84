"""The command line against a real chain, served over HTTP."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ethr_did.chain.networks import Network
from ethr_did.chain.secret_files import write_new_file
from ethr_did.core.keys import parse_address, to_checksum_address
from ethr_did.settings import write_config
from support.command_line import DEAD, CommandLine
from support.status_chain import deploy_status
from support.writing import deploy, make_sender

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ethr_did.chain.local import LocalAccount, LocalChain, LocalServer


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files that all tests share: configuration and keys."""
    return tmp_path_factory.mktemp("cli")


@pytest.fixture(scope="session")
def registry(chain: LocalChain, folder: Path) -> str:
    """Address of the registry, deployed by somebody who appears nowhere else."""
    sender = make_sender(chain.provider, chain.accounts[-1].key, folder / "journal")
    return to_checksum_address(deploy(sender))


@pytest.fixture(scope="session")
def config(chain: LocalChain, server: LocalServer, registry: str, folder: Path) -> Path:
    """A configuration of good and bad networks; those of the same chain have the same contracts."""
    url, path = server.url, folder / "config.toml"
    nowhere = "0x" + "11" * 20
    dev = deploy_status(
        chain, did_registry=parse_address(registry), rpc_url=url, provider=None, account=-1
    )
    write_config(
        path,
        [
            dev,
            replace(dev, name="dead", rpc_url=DEAD),
            replace(dev, name="other", chain_id=5),
            Network(name="empty", chain_id=31337, rpc_url=url, did_registry=nowhere),
        ],
    )
    return path


@pytest.fixture(scope="session")
def signers(chain: LocalChain, folder: Path) -> dict[str, str]:
    """The name of the signer of each account, by address."""
    found: dict[str, str] = {}
    for number, account in enumerate(chain.accounts):
        path = folder / f"account-{number}.key"
        write_new_file(path, account.key.hex().encode())
        found[account.address] = f"keyfile:{path}"
    return found


@pytest.fixture
def ethr_did(
    config: Path, signers: dict[str, str], alice: LocalAccount, tmp_path: Path
) -> CommandLine:
    """The command line of alice."""
    return CommandLine(
        {
            "ETHR_DID_CONFIG": str(config),
            "ETHR_DID_STATE_DIR": str(tmp_path / "state"),
            "ETHR_DID_SIGNER": signers[alice.address],
        }
    )


@pytest.fixture
def did(alice: LocalAccount) -> str:
    """Alice's DID."""
    return f"did:ethr:dev:{alice.address}"


@pytest.fixture
def new_list(ethr_did: CommandLine, did: str) -> Callable[..., str]:
    """Makes a list of alice's, and gives its id."""

    def make(*options: str) -> str:
        made = ethr_did("status", "list", "new", did, *options)
        assert made.status == 0, made.err
        return made.out.strip()

    return make


@pytest.fixture
def lifecycle(new_list: Callable[..., str]) -> str:
    """A list of alice's in which credentials can be revoked and suspended."""
    return new_list("--purpose", "lifecycle")


@pytest.fixture
def entry(ethr_did: CommandLine, did: str, lifecycle: str, tmp_path: Path) -> Path:
    """A file with an entry of that list."""
    path = tmp_path / "entry.json"
    path.write_text(ethr_did("status", "allocate", did, "--list", lifecycle).out)
    return path


@pytest.fixture
def credential(entry: Path, did: str, tmp_path: Path) -> Path:
    """A file with a credential that has that entry."""
    path = tmp_path / "credential.json"
    status = json.loads(entry.read_text())
    path.write_text(
        json.dumps({"type": ["VerifiableCredential"], "issuer": did, "credentialStatus": status})
    )
    return path
