"""A wallet for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.wallets import make_wallet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ethr_did.wallet.wallet import Wallet


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the wallet is."""
    return tmp_path / "home" / "wallet.json"


@pytest.fixture
def wallet(path: Path) -> Iterator[Wallet]:
    """An empty wallet, open."""
    with make_wallet(path) as made:
        yield made
