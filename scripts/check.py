"""Runs every check: format, lint, types, tests, which also compare what is generated, coverage.

usage: scripts/test [--only STEP] [--list]

Before the checks, the npm packages that the compiler and the interop tests need are installed from
their lock files, where node is there. Without node those tests say that they skip; when the
environment has CI set, that is a failure.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable
NODE_PACKAGES = ("contracts", "tests/interop")
CODE = ("src", "tests", "scripts")
COMMANDS = ("bench", "compile_contracts", "gas_report", "soak_status")
"""Python scripts without an ending; to mypy each of them is the one main module."""
PYTEST = ("pytest", "-n", "auto", "--dist", "loadgroup")
CORE = "tests/core"
"""Tests that cover the core completely. They alone are measured: an EVM in Python takes twice as
long under the tracer."""

STEPS: dict[str, list[list[str]]] = {
    "format": [["ruff", "format", "--check", *CODE]],
    "lint": [["ruff", "check", *CODE]],
    "types": [["mypy", *CODE], *(["mypy", f"scripts/{name}"] for name in COMMANDS)],
    "tests of core": [[*PYTEST, "--cov", "--cov-report=", CORE]],
    "coverage of core": [
        [
            *("coverage", "report", "--include=*/ethr_did/core/*"),
            *("--show-missing", "--skip-covered", "--fail-under=100"),
        ]
    ],
    "other tests": [[*PYTEST, f"--ignore={CORE}"]],
}
"""Name of each check and its commands: modules to run."""


def main() -> int:
    """The exit status: 0 when every check passed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", choices=STEPS, action="append", help="run this check alone")
    parser.add_argument("--list", action="store_true", help="name the checks and stop")
    options = parser.parse_args()
    if options.list:
        print(*STEPS, sep="\n")
        return 0
    os.chdir(ROOT)
    install_node_packages()
    failed = [name for name in options.only or STEPS if not run(name)]
    if failed:
        print(f"\nFailed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def run(name: str) -> bool:
    """Whether a check passed; its output goes to the terminal."""
    started, passed = time.monotonic(), True
    for command in STEPS[name]:
        print(f"\n── {name}: {' '.join(command)}", flush=True)
        passed &= subprocess.run([PYTHON, "-m", *command], check=False).returncode == 0
    print(f"── {name}: {'passed' if passed else 'FAILED'} in {time.monotonic() - started:.1f} s")
    return passed


def install_node_packages() -> None:
    """Nothing; installs the pinned npm packages that are not there yet."""
    npm = shutil.which("npm")
    if npm is None:
        print("No npm: interop tests will be skipped, the compiler must be a native solc.")
        return
    for folder in (ROOT / name for name in NODE_PACKAGES):
        lock, installed = folder / "package-lock.json", folder / "node_modules/.installed-from"
        if not lock.exists() or (installed.exists() and installed.read_text() == lock.read_text()):
            continue
        print(f"── npm ci in {folder.relative_to(ROOT)}", flush=True)
        subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=folder, check=True)
        installed.write_text(lock.read_text())


if __name__ == "__main__":
    sys.exit(main())
