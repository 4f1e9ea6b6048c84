from __future__ import annotations

from pathlib import Path

import pytest

from ethr_did.chain.artifacts import ContractName, load

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "contracts.md").read_text("utf-8")
SOURCES = ROOT / "contracts" / "src"


@pytest.mark.parametrize("name", list(ContractName))
def test_every_contract_and_its_functions_and_errors_are_described(name: ContractName) -> None:
    entries = [entry["name"] for entry in load(name).abi if entry["type"] in {"function", "error"}]
    assert [entry for entry in [name.value, *entries] if f"`{entry}" not in PAGE] == []


def test_interfaces_float_and_contracts_pin_the_compiler() -> None:
    for path in SOURCES.rglob("*.sol"):
        first, second = path.read_text("utf-8").splitlines()[:2]
        assert first == "// SPDX-License-Identifier: Apache-2.0"
        floating = path.parent.name == "interfaces"
        assert second == f"pragma solidity {'^0.8.24' if floating else '0.8.37'};"
