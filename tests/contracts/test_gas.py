from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
COLUMNS = 4


def rows() -> dict[str, list[int | None]]:
    found: dict[str, list[int | None]] = {}
    for line in (ROOT / "docs" / "gas.md").read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == COLUMNS and cells[1][0].isdigit():
            numbers = [cell.replace(",", "") for cell in cells[1:]]
            found[cells[0]] = [int(number) if number.isdigit() else None for number in numbers]
    return found


def test_the_page_says_what_the_calls_cost() -> None:
    script = ROOT / "scripts" / "gas_report"
    result = subprocess.run(
        [sys.executable, str(script), "--check"], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")


def test_no_erc_1056_call_costs_more_than_the_published_bytecode_s() -> None:
    compared = {label: numbers for label, numbers in rows().items() if numbers[2] is not None}
    assert len(compared) == 15
    dearer = [
        label
        for label, (_, anvil, peer) in compared.items()
        if label != "deploy" and anvil is not None and peer is not None and anvil > peer
    ]
    assert dearer == []


def test_what_costs_more_than_its_ceiling_fails_the_check() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "status_gas.py"))
    limits = {row.label: row.bound or row.ceiling for row in script["ROWS"] if row.ceiling}
    assert script["overruns"](limits, "on anvil") == []
    dear = script["overruns"]({label: limit + 1 for label, limit in limits.items()}, "on anvil")
    assert [line.partition(": ")[0] for line in dear] == list(limits)
    assert dear[0].endswith("1,780,001 gas on anvil, and 1,780,000 are allowed")


def test_only_ceilings_that_the_decision_names_are_missed() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "status_gas.py"))
    folder = ROOT / "docs" / "decisions"
    decision = (folder / "0004-credential-status-contracts.md").read_text("utf-8")
    _, _, missed = decision.partition("**What is missed.**")
    rows = [row for row in script["ROWS"] if row.bound]
    assert len(rows) == 2
    for row in rows:
        assert f"| {row.label} | {row.ceiling:,} |" in missed.replace("`", "")
        assert row.ceiling < row.bound < row.ceiling * 1.12
