"""A node that is not ours takes the proxy and the contract, at the same addresses."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from ethr_did.core.keys import to_checksum_address
from ethr_did.deployment import PROXY, Outcome, create2_address, salt_of, verify_network
from ethr_did.deployment.factory import PROXY_CODE
from support.anvil import Anvil, find_anvil
from support.peers import NODE_MODULES, why_no_peers

from .conftest import NETWORK, Operator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ethr_did.chain.artifacts import Artifact

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def anvil() -> Iterator[Anvil]:
    missing = why_no_peers()
    if missing and os.environ.get("CI"):
        pytest.fail(f"{missing}; under CI the interop tests must run")
    binary = find_anvil(NODE_MODULES)
    if missing or binary is None:
        pytest.skip(missing or "no anvil")
    with Anvil(binary) as running:
        # anvil is born with the proxy; here it must earn it.
        running.call("anvil_setCode", to_checksum_address(PROXY), "0x")
        running.call("anvil_setNonce", to_checksum_address(PROXY), "0x0")
        yield running


def test_anvil_takes_proxy_and_contract_and_agrees_with_the_record(
    anvil: Anvil, registry: Artifact, tmp_path: Path
) -> None:
    operator = Operator(node=anvil.url, chain_id=31337, home=tmp_path, patience=20.0)
    (record,) = operator.deploy(registry)
    assert anvil.call("eth_getCode", to_checksum_address(PROXY), "latest") == (
        "0x" + PROXY_CODE.hex()
    )
    assert record.address == create2_address(registry.init_code, salt_of(registry.name))
    (report,) = verify_network(operator.chain, operator.folder, NETWORK)
    assert report.outcome is Outcome.OK
    assert operator.deploy(registry) == [record]
