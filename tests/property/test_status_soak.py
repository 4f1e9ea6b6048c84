"""Issuers at work for a while; for longer: ``scripts/soak_status``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.status_soak import Soak

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("seed", [1, 2])
def test_chain_database_and_model_agree_whatever_is_killed(tmp_path: Path, seed: int) -> None:
    with Soak(tmp_path, seed=seed) as soak:
        soak.run(20)
        soak.check()
