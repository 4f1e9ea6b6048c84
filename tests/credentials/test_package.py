"""What ``ethr_did.credentials`` offers."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ethr_did import credentials


@pytest.mark.parametrize("name", credentials.__all__)
def test_each_name_is_there_and_documented(name: str) -> None:
    assert getattr(credentials, name).__doc__


def test_names_are_listed_once_and_have_a_home() -> None:
    homes = [name for names in credentials._HOMES.values() for name in names]
    assert sorted(homes) == sorted(credentials.__all__) == dir(credentials)


def test_there_are_no_other_names() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = credentials.nothing


def test_importing_the_package_imports_nothing_heavy() -> None:
    program = "import sys, ethr_did.credentials; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True
    )
    heavy = {"joserfc", "cryptography", "jsonschema", "web3", "eth_account", "sqlalchemy"}
    assert set(done.stdout.split()) & heavy == set()
