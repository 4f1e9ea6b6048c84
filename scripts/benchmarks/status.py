"""Credential status, measured: the gas of changes, and the speed of all that is done besides.

* Gas is measured on anvil under two sets of rules, ours under both, the peers' under the newer.
* Without node, or without anvil, what needs no node is measured, and the rest is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from support.peers import why_no_peers

from . import status_allocation, status_costs, status_planning, status_reading
from .machine import describe_machine
from .status_peers import FOLDERS, why_no_contracts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Tell = Callable[[str], None]


def measure(*, quick: bool, tell: Tell) -> dict[str, Any]:
    """All figures as JSON."""
    no_node, no_contracts = why_no_peers(), why_no_contracts()
    for missing in filter(None, (no_node, no_contracts)):
        tell(f"without some peers: {missing}")
    peers: list[Path] = [] if no_node else [*status_planning.PEERS.values()]
    peers += [] if no_node or no_contracts else FOLDERS
    results: dict[str, Any] = {"subject": "status", "operations": [], "batches": []}
    results["reading"] = []
    if not no_node:
        for costs in _costs(quick=quick, with_peers=not no_contracts, tell=tell):
            results["operations"] += costs.operations
            results["batches"] += costs.batches
        results["reading"] = status_reading.measure_reading(
            quick=quick, with_peers=not no_contracts, tell=tell
        )
    tell("a million changes")
    changes = status_planning.CHANGES // (10 if quick else 1)
    results["planning"] = status_planning.measure_planning(runs=1 if quick else 7, changes=changes)
    tell("indexes handed out")
    results["allocation"] = status_allocation.measure_allocation(quick=quick)
    tell("lists of a million entries")
    results["decoding"] = status_planning.measure_decoding(
        runs=5 if quick else 30, with_peers=not no_node
    )
    results["machine"] = describe_machine("none" if no_node else "anvil", peers=peers)
    return results


def _costs(*, quick: bool, with_peers: bool, tell: Tell) -> list[status_costs.Costs]:
    newer, older = status_costs.RULES
    counts = status_costs.COUNTS[:-2] if quick else status_costs.COUNTS
    return [
        status_costs.measure_gas(newer, counts=counts, with_peers=with_peers, tell=tell),
        status_costs.measure_gas(older, counts=counts, with_peers=False, tell=tell),
    ]
