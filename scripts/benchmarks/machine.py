"""What was measured with: the machine and the versions."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from support.anvil import find_anvil
from support.peers import NODE_MODULES

if TYPE_CHECKING:
    from collections.abc import Sequence


def describe_machine(node: str, *, peers: Sequence[Path] = ()) -> dict[str, str]:
    """Names and versions, for people.

    Args:
        node: that was measured on.
        peers: folders of the npm packages that were measured besides.
    """
    said = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "system": f"{platform.system()} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "ethr-did": version("ethr-did"),
        "node": node,
        "load": f"{os.getloadavg()[0]:.1f} on average, this measuring included",
    }
    anvil = find_anvil(NODE_MODULES)
    if node == "anvil" and anvil is not None:
        said["node"] = _said([str(anvil), "--version"]).splitlines()[0].replace(" Version:", "")
    if peers:
        said["peers"] = ", ".join(_npm(folder) for folder in peers)
        said["node.js"] = _said(["node", "--version"])
    return said


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        return platform.processor() or "unknown processor"
    found = re.search(r"model name\s*:\s*(.+)", text)
    return found[1] if found else platform.machine()


def _npm(folder: Path) -> str:
    package = json.loads((folder / "package.json").read_text("utf-8"))
    return f"{package['name']} {package['version']}"


def _said(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
