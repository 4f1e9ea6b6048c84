"""docs/deploying.md states what is so."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from eth_hash.auto import keccak

from ethr_did.chain.networks import ADDRESS_FIELDS
from ethr_did.core.keys import to_checksum_address
from ethr_did.deployment import PROXY, create2_address, salt_of
from ethr_did.deployment.factory import KEYLESS_SIGNER, PROXY_CODE
from ethr_did.deployment.verification import Outcome, verify_network

from .conftest import NETWORK, Operator

if TYPE_CHECKING:
    from collections.abc import Callable

    from ethr_did.chain.artifacts import Artifact

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def text() -> str:
    return (DOCS / "deploying.md").read_text("utf-8")


@pytest.fixture(scope="module")
def bound(everything: list[Artifact]) -> list[Artifact]:
    """All contracts, for our DID registry at its address."""
    first, *others = everything
    registry = create2_address(first.init_code, salt_of(first.name))
    return [first, *(one.bound(registry) if one.takes_did_registry else one for one in others)]


def test_each_contract_is_stated_with_what_its_address_follows_from(
    text: str, bound: list[Artifact]
) -> None:
    for one in bound:
        salt = salt_of(one.name)
        stated = _section(text, f"### `{one.name}`")
        assert dict(
            re.findall(r"^\| ([a-z ]+) \| `(0x[0-9a-fA-F]+)` \|$", stated, re.MULTILINE)
        ) == {
            "address": to_checksum_address(create2_address(one.init_code, salt)),
            "salt": "0x" + salt.hex(),
            "init code hash": "0x" + keccak(one.init_code).hex(),
            "runtime code hash": "0x" + one.code_hash.hex(),
        }
    assert f"the deterministic-deployment proxy, `{to_checksum_address(PROXY)}`" in text
    assert text.count("### `") == len(bound)


def test_the_configuration_that_is_shown_names_these_addresses(
    text: str, bound: list[Artifact]
) -> None:
    (shown,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    network = tomllib.loads(shown)["networks"]["mychain"]
    assert [network[field] for field in ADDRESS_FIELDS] == [
        to_checksum_address(create2_address(one.init_code, salt_of(one.name))) for one in bound
    ]


def test_the_gas_is_what_the_node_estimates(
    text: str, everything: list[Artifact], operator_on: Callable[..., Operator]
) -> None:
    for words, plain in (("through the proxy", False), ("`--plain`", True)):
        operator = operator_on(alloc={PROXY: PROXY_CODE})
        (first,) = operator.plan(everything[0], plain=plain).contracts
        operator.deploy(everything[0], plain=plain)
        for one in (first, *operator.plan(*everything, plain=plain).contracts[1:]):
            assert not one.awaits_registry
            millions = round(one.gas / 10**6, 2)
            price = f"{millions / 10**3:.5f} ETH | {millions / 50:.4f} ETH"
            assert f"| `{one.name}`, {words} | {millions:.2f} million | {price} |" in text


def _section(text: str, heading: str) -> str:
    return text.partition(f"\n{heading}\n")[2].partition("\n#")[0]


def test_the_keyless_signer_is_named(text: str) -> None:
    assert f"`{to_checksum_address(KEYLESS_SIGNER)}`" in text


def test_every_field_of_a_record_is_explained(
    text: str, everything: list[Artifact], operator: Operator
) -> None:
    records = operator.deploy(*everything)
    names = {name for record in records for name in record.to_dict()}
    assert "constructorArguments" in names
    assert [name for name in names if f"`{name}`" not in text] == []


def test_every_check_is_explained(
    text: str, everything: list[Artifact], operator: Operator
) -> None:
    operator.deploy(*everything)
    reports = verify_network(operator.chain, operator.folder, NETWORK)
    assert {report.outcome for report in reports} == {Outcome.OK}
    names = {check.name for report in reports for check in report.checks}
    assert [name for name in names if f"| `{name}` |" not in text] == []
