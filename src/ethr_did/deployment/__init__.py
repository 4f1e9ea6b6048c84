"""Deploys the contracts of this package, records where they are, and verifies the records.

``plan`` says what would be done and what it costs, ``deploy`` does it, ``verify`` compares chain,
record and artifact afterwards. With the deterministic-deployment proxy a contract has the same
address on every chain, and the address proves the code.

Example:
    >>> from ethr_did.chain.artifacts import ContractName, load
    >>> from ethr_did.core.keys import to_checksum_address
    >>> registry = load(ContractName.ETHEREUM_DID_REGISTRY)
    >>> len(create2_address(registry.init_code, salt_of(registry.name)))
    20
"""

from __future__ import annotations

from ethr_did.deployment.explorers import verification_input, write_verification_input
from ethr_did.deployment.factory import PROXY, create2_address, salt_of
from ethr_did.deployment.operation import deploy
from ethr_did.deployment.plans import DeploymentPlan, PlannedContract, Standing, deployable, plan
from ethr_did.deployment.records import Record, RecordFolder, network_with
from ethr_did.deployment.verification import Check, Outcome, Verification, verify, verify_network

__all__ = [
    "PROXY",
    "Check",
    "DeploymentPlan",
    "Outcome",
    "PlannedContract",
    "Record",
    "RecordFolder",
    "Standing",
    "Verification",
    "create2_address",
    "deploy",
    "deployable",
    "network_with",
    "plan",
    "salt_of",
    "verification_input",
    "verify",
    "verify_network",
    "write_verification_input",
]
