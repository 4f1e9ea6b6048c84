"""The examples in docstrings run and say what they print."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import ethr_did

SKIPPED = ("ethr_did.cli", "ethr_did.service")
"""The edges are commands: their examples are in the documentation."""
MODULES = sorted(
    found.name
    for found in pkgutil.walk_packages(ethr_did.__path__, "ethr_did.")
    if not found.name.startswith(SKIPPED)
)
EXAMPLES = {
    "ethr_did.core.changes",
    "ethr_did.core.did",
    "ethr_did.core.document",
    "ethr_did.core.erc1056",
    "ethr_did.core.keys",
    "ethr_did.core.resolution",
    "ethr_did.errors",
    "ethr_did.resolver",
}
"""Modules that show examples for certain."""


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name: str) -> None:
    found = doctest.testmod(importlib.import_module(name))
    assert found.failed == 0
    assert found.attempted > 0 or name not in EXAMPLES
