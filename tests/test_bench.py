"""``scripts/bench --quick``: it runs, and its figures are of the right kind."""

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
    return _bench("status")


@pytest.fixture(scope="module")
def of_the_index() -> dict[str, Any]:
    return _bench("index")


@pytest.fixture(scope="module")
def of_the_service() -> dict[str, Any]:
    _need_peers()
    return _bench("serve")


@pytest.fixture
def on_a_node(figures: dict[str, Any]) -> dict[str, Any]:
    _need_peers()
    return figures


def _need_peers() -> None:
    missing = why_no_peers()
    if missing and os.environ.get("CI"):
        pytest.fail(f"{missing}; under CI it must be measured")
    if missing:
        pytest.skip(missing)


def _bench(subject: str) -> dict[str, Any]:
    command = [sys.executable, str(ROOT / "scripts" / "bench"), subject, "--quick", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


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


def test_the_index_takes_in_every_event_of_each_chain(of_the_index: dict[str, Any]) -> None:
    followed = {(row["chain"], row["database"]) for row in of_the_index["following"]}
    assert ("recorded chain, 10 to a block", "SQLite") in followed
    assert ("recorded chain, 1 to a block", "SQLite") in followed
    assert all(row["per_second"] > 0 for row in of_the_index["following"])


def test_an_index_is_measured_and_read(of_the_index: dict[str, Any]) -> None:
    (row,) = of_the_index["growth"]
    assert row["identities"] * 10 == row["events"]
    assert 250 < row["bytes_each"] < 500
    assert row["ms"]["median"] <= row["ms"]["p95"] <= row["ms"]["p99"]


def test_the_service_is_loaded_with_each_kind_of_traffic(of_the_service: dict[str, Any]) -> None:
    loaded = {
        row["traffic"]
        for row in of_the_service["saturated"]
        if row["side"] == "ours, one worker" and row["per_second"] > 0
    }
    assert loaded == {"cached", "304", "uncached", "mixed"}
    assert {row["traffic"] for row in of_the_service["paced"]} == loaded


def test_overload_is_refused_and_never_answered_wrong(of_the_service: dict[str, Any]) -> None:
    for row in of_the_service["crowds"]:
        assert (row["wrong"], row["lost"]) == (0, 0)
        assert row["right"] > 0
    limited = next(row for row in of_the_service["crowds"] if "a minute" in row["name"])
    assert limited["refused"]["429"] > 0


@pytest.mark.skipif(not CONTRACTS.exists(), reason="npm ci --prefix scripts/benchmarks")
def test_the_service_answers_more_than_express(of_the_service: dict[str, Any]) -> None:
    rows = {
        (row["side"], row["traffic"], row["changes"]): row for row in of_the_service["saturated"]
    }
    theirs = rows["peer", "each", 10]["per_second"]
    assert rows["ours, one worker", "uncached", 10]["per_second"] > theirs
    assert rows["ours, one worker", "cached", 10]["per_second"] > 10 * theirs
