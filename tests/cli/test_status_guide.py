"""What docs/status-guide.md shows is done as it stands there, by a shell and by Python."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support.command_line import PROGRAM

if TYPE_CHECKING:
    import pytest

    from support.command_line import CommandLine

GUIDE = (Path(__file__).parents[2] / "docs" / "status-guide.md").read_text("utf-8")
ENDS_WITH_10 = ("status check",)
"""What is revoked is told by the exit code."""


def blocks(language: str) -> list[str]:
    """The code blocks of that language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


def test_the_examples_of_the_guide_run(
    ethr_did: CommandLine, did: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    script = "\n".join(
        f"{line} || [ $? = 10 ]" if any(words in line for words in ENDS_WITH_10) else line
        for line in lines
    )
    done = subprocess.run(
        ["bash", "-euc", script],
        cwd=tmp_path,
        env={"PATH": f"{PROGRAM.parent}:{os.environ['PATH']}", "DID": did, **ethr_did.environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    assert "The list is good." in done.stderr
    entry = json.loads((tmp_path / "entry.json").read_text())
    names: dict[str, Any] = {
        "entry": entry,
        "issuer": did,
        "credential": {"issuer": did, "credentialStatus": entry},
    }
    monkeypatch.setenv("ETHR_DID_CONFIG", ethr_did.environment["ETHR_DID_CONFIG"])
    (example,) = blocks("python")
    exec(compile(example, "status-guide.md", "exec"), names)  # noqa: S102 - that is the point
    assert names["status"].kind.value == "revoked"
    assert names["before"].is_valid
