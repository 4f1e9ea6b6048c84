"""The vectors under tests/vectors as pytest parameters, named by their ids."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent.parent / "vectors"


def load_vectors(name: str, kind: str | None = None) -> list[dict[str, Any]]:
    """The vectors of a file, or those of one kind."""
    vectors: list[dict[str, Any]] = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))[
        "vectors"
    ]
    return [v for v in vectors if kind is None or v["kind"] == kind]


def vectors(name: str, kind: str | None = None) -> pytest.MarkDecorator:
    """The same for ``pytest.mark.parametrize("vector", …)``."""
    return pytest.mark.parametrize(
        "vector", [pytest.param(vector, id=vector["id"]) for vector in load_vectors(name, kind)]
    )
