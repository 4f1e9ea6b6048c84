"""What block explorers and Sourcify take to compile the sources themselves.

Rules:
  * They get the very input the code was compiled from; the code ends in the hash of its metadata,
    so that only the exact sources match.
  * Constructor arguments are ABI-encoded hex without ``0x``. The contracts that take the DID
    registry's address differ in nothing else from one registry to another.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ethr_did.core.keys import to_checksum_address
from ethr_did.errors import DeploymentError

if TYPE_CHECKING:
    from pathlib import Path

    from ethr_did.chain.artifacts import Artifact

__all__ = ["verification_input", "write_verification_input"]


def verification_input(artifact: Artifact) -> dict[str, Any]:
    """The fields of a request to verify a contract, by Sourcify's names.

    Explorers of the Etherscan family take the same under other names, and the version with a
    ``v`` before it; see docs/deploying.md.

    Example:
        >>> from ethr_did.chain.artifacts import ContractName, load
        >>> verification_input(load(ContractName.ETHEREUM_DID_REGISTRY))["contractIdentifier"]
        'src/EthereumDIDRegistry.sol:EthereumDIDRegistry'

    Raises:
        DeploymentError: the artifact takes the DID registry's address and is not bound to one.
    """
    if not artifact.is_complete:
        raise DeploymentError(
            f"{artifact.name} is verified with its constructor arguments, and is not bound to any",
            contract=artifact.name,
        )
    return {
        "contractIdentifier": f"{artifact.source_name}:{artifact.name}",
        "compilerVersion": artifact.compiler,
        "constructorArguments": artifact.constructor_arguments.hex(),
        "stdJsonInput": artifact.standard_json_input,
    }


def write_verification_input(artifact: Artifact, folder: Path) -> tuple[Path, Path]:
    """The paths of two new files: the whole request, and the standard-JSON input alone.

    The request of a contract that is bound to a DID registry has the registry's address in its
    name: networks may differ in it.

    Raises:
        DeploymentError: they cannot be written.
    """
    whole = verification_input(artifact)
    registry = artifact.did_registry
    bound_to = "" if registry is None else f".{to_checksum_address(registry)}"
    request = folder / f"{artifact.name}{bound_to}.verification.json"
    alone = folder / f"{artifact.name}.standard-input.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, content in ((request, whole), (alone, whole["stdJsonInput"])):
            path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")
    except OSError as cause:
        raise DeploymentError(
            f"{folder} cannot be written: {cause.strerror or cause}", path=str(folder)
        ) from cause
    return request, alone
