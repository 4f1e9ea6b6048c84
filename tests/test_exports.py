"""``__all__``: sorted, complete, importable."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import ethr_did

ROOT = Path(ethr_did.__file__).parent
CORE = sorted(path.stem for path in (ROOT / "core").glob("*.py") if path.stem != "__init__")
MODULES = [f"ethr_did.core.{name}" for name in CORE]
MODULES += ["ethr_did", "ethr_did.errors", "ethr_did.resolver", "ethr_did.registries.did_registry"]
every_module = pytest.mark.parametrize("name", MODULES)


def sort_key(name: str) -> tuple[int, str]:
    """Constants, then classes, then the rest: as ruff's RUF022 sorts."""
    constant = name.isupper() and len(name) > 1
    return (0 if constant else 1 if name[0].isupper() else 2), name


@every_module
def test_exports_are_there(name: str) -> None:
    module = importlib.import_module(name)
    assert [word for word in module.__all__ if not hasattr(module, word)] == []


@every_module
def test_exports_are_named_once(name: str) -> None:
    exports = importlib.import_module(name).__all__
    assert len(set(exports)) == len(exports)


@every_module
def test_public_functions_and_classes_are_documented(name: str) -> None:
    module = importlib.import_module(name)
    found = [getattr(module, word) for word in module.__all__]
    assert [item for item in found if callable(item) and not item.__doc__] == []


def test_package_exports_are_sorted() -> None:
    assert ethr_did.__all__ == sorted(ethr_did.__all__, key=sort_key)


def test_package_lists_what_it_exports() -> None:
    assert dir(ethr_did) == sorted(ethr_did.__all__)


def test_package_has_no_other_names() -> None:
    with pytest.raises(AttributeError, match="module 'ethr_did' has no attribute 'nothing'"):
        _ = ethr_did.nothing


def test_type_checkers_see_what_is_exported() -> None:
    tree = ast.parse((ROOT / "__init__.py").read_text("utf-8"))
    (block,) = [
        node for node in tree.body if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node)
    ]
    names = [a.name for node in block.body if isinstance(node, ast.ImportFrom) for a in node.names]
    assert sorted(names) == sorted(ethr_did.__all__)


def test_importing_the_package_imports_nothing_heavy() -> None:
    program = "import sys, ethr_did; print(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True
    )
    assert (
        set(done.stdout.split()) & {"web3", "requests", "aiohttp", "eth_abi", "pydantic"} == set()
    )
