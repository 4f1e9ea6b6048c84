from __future__ import annotations

from pathlib import Path

import pytest

from ethr_did.chain.artifacts import ContractName, load
from support.evm import signatures

ROOT = Path(__file__).parent.parent.parent
PAGES = {
    name: (ROOT / "docs" / page).read_text("utf-8")
    for name in ContractName
    for page in ["contracts.md" if "DIDRegistry" in name else "credential-status.md"]
}
SOURCES = ROOT / "contracts" / "src"


@pytest.mark.parametrize("name", list(ContractName))
def test_every_contract_and_its_functions_and_errors_are_described(name: ContractName) -> None:
    kinds = ("function", "error") if "DIDRegistry" in name else ("function", "error", "event")
    found = [text for kind in kinds for text in signatures(load(name).abi, kind)]
    entries = [text.partition("(")[0] for text in found]
    assert [entry for entry in [name.value, *entries] if f"`{entry}" not in PAGES[name]] == []


def test_interfaces_float_and_contracts_pin_the_compiler() -> None:
    for path in SOURCES.rglob("*.sol"):
        first, second = path.read_text("utf-8").splitlines()[:2]
        assert first == "// SPDX-License-Identifier: Apache-2.0"
        # What others import and inherit floats as well.
        floating = path.parent.name == "interfaces" or path.stem == "CredentialStatusConsumer"
        assert second == f"pragma solidity {'^0.8.24' if floating else '0.8.37'};"
