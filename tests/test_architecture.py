"""Who may import whom: the table of docs/architecture.md as data, and a walk over the imports."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import ethr_did

ROOT = Path(ethr_did.__file__).parent

LAYERS = (
    ("errors",),
    ("core",),
    ("chain",),
    ("registries",),
    ("fetching", "database", "garbage"),
    ("resolver", "identity", "deployment", "compilation", "index"),
    ("status",),
    ("did_methods",),
    ("credentials",),
    ("wallet",),
    ("settings",),
    ("service",),
    ("cli",),
)
"""From the bottom up. A part imports from the layers below its own, and from itself."""

PURE = {
    "__future__",
    "base64",
    "binascii",
    "coincurve",
    "collections",
    "dataclasses",
    "datetime",
    "difflib",
    "enum",
    "eth_abi",
    "eth_account",
    "eth_hash",
    "eth_keys",
    "eth_typing",
    "functools",
    "itertools",
    "json",
    "math",
    "re",
    "types",
    "typing",
    "urllib",
    "zlib",
}
"""What errors and core may import: no files, sockets, clocks, environment, chance or logs."""

FORBIDDEN_IN_CORE = ("web3", "requests", "aiohttp", "os", "time", "random", "secrets", "logging")

RANK = {part: rank for rank, layer in enumerate(LAYERS) for part in layer}
FILES = sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


def part_of(path: Path) -> str:
    """The part of the package that a file belongs to."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """Modules that a file imports anywhere, those for type checkers included."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            module = node.module or ""
            found |= (
                {f"{module}.{a.name}" for a in node.names} if module == "ethr_did" else {module}
            )
    return found


def parts_imported(path: Path) -> set[str]:
    """Parts of the package that a file imports from."""
    return {name.split(".")[1] for name in imports(path) if name.startswith("ethr_did.")}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_downward(path: Path) -> None:
    part = part_of(path)
    wrong = {
        other
        for other in parts_imported(path) & set(RANK)
        if other != part and RANK[other] >= RANK[part]
    }
    assert wrong == set()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_part_has_its_place(path: Path) -> None:
    assert part_of(path) in RANK


@pytest.mark.parametrize(
    "path",
    [path for path in FILES if part_of(path) in ("core", "errors")],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_core_does_nothing_but_compute(path: Path) -> None:
    foreign = {name.split(".")[0] for name in imports(path)} - {"ethr_did"}
    assert foreign & set(FORBIDDEN_IN_CORE) == set()
    assert foreign <= PURE


def test_registries_do_not_know_each_other() -> None:
    modules = [path for path in FILES if part_of(path) == "registries"]
    for path in modules:
        others = {f"ethr_did.registries.{other.stem}" for other in modules if other != path}
        assert imports(path) & others == set()


def test_network_sockets_are_opened_at_the_doors_only() -> None:
    doors = {"requests", "aiohttp", "http", "socket", "urllib3", "httpx"}
    opened = {part_of(path) for path in FILES if {n.split(".")[0] for n in imports(path)} & doors}
    # The service opens the one that it listens at.
    assert opened <= {"chain", "cli", "compilation", "fetching", "service"}
