"""The two scripts do what their documentation says, as an operator would run them."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ethr_did.core.keys import to_checksum_address
from ethr_did.deployment import create2_address, salt_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ethr_did.chain.artifacts import Artifact
    from ethr_did.chain.local import LocalAccount, LocalServer

    Run = Callable[..., subprocess.CompletedProcess[str]]

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(server: LocalServer, tmp_path: Path) -> Run:
    """Runs a script against the chain, at home in a folder of the test."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ETHR_DID_")},
        "ETHR_DID_STATE_DIR": str(tmp_path / "state"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "HOME": str(tmp_path),
    }

    def script(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        records = ("--records", str(tmp_path / "deployments"))
        return subprocess.run(
            [
                ROOT / "scripts" / name,
                *arguments,
                "--rpc-url",
                server.url,
                *records,
            ],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return script


@pytest.fixture
def signer(alice: LocalAccount, tmp_path: Path) -> str:
    path = tmp_path / "key"
    path.touch(mode=0o600)
    path.write_text(alice.key.hex())
    return f"keyfile:{path}"


def test_what_deploy_has_deployed_verify_finds_and_a_damaged_record_fails(
    run: Run, signer: str, registry: Artifact, tmp_path: Path
) -> None:
    done = run("deploy", "dev", "--signer", signer, "--yes")
    assert done.returncode == 0, done.stderr
    address = to_checksum_address(create2_address(registry.init_code, salt_of(registry.name)))
    assert f'did_registry = "{address}"' in done.stdout
    assert done.stdout.startswith("[networks.dev]\nchain_id = 31337\n")

    found = run("verify_deployments")
    assert found.returncode == 0, found.stdout + found.stderr
    assert {line.split()[3] for line in found.stdout.splitlines()[1:]} == {"ok"}

    path = tmp_path / "deployments" / "dev" / f"{registry.name}.json"
    record = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**record, "codeHash": "0x" + "00" * 32}), "utf-8")
    assert run("verify_deployments", "dev").returncode == 8


def test_a_dry_run_shows_the_plan_and_sends_nothing(run: Run, signer: str, tmp_path: Path) -> None:
    done = run("deploy", "dev", "--signer", signer, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "deployment proxy  " in done.stdout
    assert not (tmp_path / "deployments").exists()


def test_a_node_of_another_chain_than_the_configured_one_is_refused(run: Run, signer: str) -> None:
    done = run("deploy", "sepolia", "--signer", signer, "--yes")
    assert done.returncode == 4
    assert "11155111" in done.stderr
