"""``scripts/bench status --quick``: it runs, and its figures are of the right kind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.peers import why_no_peers

ROOT = Path(__file__).resolve().parent.parent
CAP = 16_777_216
CONTRACTS = ROOT / "scripts" / "benchmarks" / "node_modules" / ".package-lock.json"

pytestmark = pytest.mark.xdist_group("bench")


@pytest.fixture(scope="module")
def figures() -> dict[str, Any]:
    done = _bench("--quick", "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture
def on_a_node(figures: dict[str, Any]) -> dict[str, Any]:
    missing = why_no_peers()
    if missing and os.environ.get("CI"):
        pytest.fail(f"{missing}; under CI it must be measured")
    if missing:
        pytest.skip(missing)
    return figures


def _bench(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts" / "bench"), "status", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def test_planning_allocating_and_decoding_need_no_node(figures: dict[str, Any]) -> None:
    assert [row["lists"] for row in figures["planning"]] == [8, 80]
    assert [row["each_call"] for row in figures["allocation"]] == [1_000, 10, 1]
    assert [(row["format"], row["bits"]) for row in figures["decoding"]] == [
        ("w3c", 1),
        ("ietf", 1),
        ("ietf", 2),
    ]


def test_operations_cost_what_the_gas_page_says(on_a_node: dict[str, Any]) -> None:
    page = (ROOT / "docs" / "gas.md").read_text("utf-8")
    for row in on_a_node["operations"]:
        assert f"| {row['operation']} | {row['ours']:,} |" in page


def test_ours_cost_the_same_under_both_rules(on_a_node: dict[str, Any]) -> None:
    of_rules: dict[str, list[Any]] = {"osaka": [], "prague": []}
    for row in on_a_node["batches"]:
        of_rules[row["rules"]].append((row["count"], row["ours"]))
    assert of_rules["osaka"] == of_rules["prague"]


def test_no_transaction_is_above_the_cap(on_a_node: dict[str, Any]) -> None:
    for row in on_a_node["batches"]:
        for spent in (*row["ours"].values(), *row["peers"].values()):
            assert spent["gas"] <= spent["transactions"] * CAP


def test_any_number_of_statuses_is_one_round_trip(on_a_node: dict[str, Any]) -> None:
    ours = [row for row in on_a_node["reading"] if row["reader"] == "ours"]
    assert {row["statuses"] for row in ours} == {1, 100, 1_000, 131_072}
    assert {row["round_trips"] for row in ours} == {1}


@pytest.mark.skipif(not CONTRACTS.exists(), reason="npm ci --prefix scripts/benchmarks")
def test_peers_are_measured_in_the_same_run(on_a_node: dict[str, Any]) -> None:
    hundred = next(row for row in on_a_node["batches"] if row["count"] == 100)
    assert set(hundred["peers"]) == {"EAS", "ERC-5539", "EthrStatusRegistry2019"}
    cheapest = min(spent["each"] for spent in hundred["peers"].values())
    assert hundred["ours"]["used pages"]["each"] * 10 < cheapest
