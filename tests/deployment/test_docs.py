"""docs/deploying.md states what is so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from eth_hash.auto import keccak

from ethr_did.core.keys import to_checksum_address
from ethr_did.deployment import PROXY, create2_address, salt_of
from ethr_did.deployment.factory import KEYLESS_SIGNER, PROXY_CODE
from ethr_did.deployment.records import Record
from ethr_did.deployment.verification import Outcome, verify_network

from .conftest import NETWORK, Operator

if TYPE_CHECKING:
    from collections.abc import Callable

    from ethr_did.chain.artifacts import Artifact

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def text() -> str:
    return (DOCS / "deploying.md").read_text("utf-8")


def test_the_address_of_the_registry_is_the_one_that_is_deployed(
    text: str, registry: Artifact
) -> None:
    address = to_checksum_address(create2_address(registry.init_code, salt_of(registry.name)))
    stated = re.findall(r"(?:\| address \| `|did_registry = \")(0x[0-9a-fA-F]{40})", text)
    assert stated == [address, address]


@pytest.mark.parametrize(
    ("row", "value"),
    [
        ("salt", lambda registry: "0x" + salt_of(registry.name).hex()),
        ("factory", lambda _: str(to_checksum_address(PROXY))),
        ("init code hash", lambda registry: "0x" + keccak(registry.init_code).hex()),
        ("runtime code hash", lambda registry: "0x" + registry.code_hash.hex()),
    ],
)
def test_what_makes_the_address_is_stated(
    text: str, registry: Artifact, row: str, value: Callable[[Artifact], str]
) -> None:
    assert f"| {row} | `{value(registry)}`" in text


def test_the_gas_is_what_the_plan_estimates(
    text: str, registry: Artifact, operator_on: Callable[..., Operator]
) -> None:
    operator = operator_on(alloc={PROXY: PROXY_CODE})
    for words, plain in (("through the proxy", False), ("`--plain`", True)):
        gas = operator.plan(registry, plain=plain).contracts[0].gas
        millions = round(gas / 10**6, 2)
        price = f"{millions / 10**3:.5f} ETH | {millions / 50:.4f} ETH"
        assert f"| the registry, {words} | {millions} million | {price} |" in text


def test_the_keyless_signer_is_named(text: str) -> None:
    assert f"`{to_checksum_address(KEYLESS_SIGNER)}`" in text


def test_every_field_of_a_record_is_explained(
    text: str, registry: Artifact, operator: Operator
) -> None:
    (record,) = operator.deploy(registry)
    assert isinstance(record, Record)
    assert [name for name in record.to_dict() if f"`{name}`" not in text] == []


def test_every_check_is_explained(text: str, registry: Artifact, operator: Operator) -> None:
    operator.deploy(registry)
    (report,) = verify_network(operator.chain, operator.folder, NETWORK)
    assert report.outcome is Outcome.OK
    assert [check.name for check in report.checks if f"| `{check.name}` |" not in text] == []
