"""What docs/credentials.md shows is done as it stands there, by a shell and by Python."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.errors import CredentialNotValid
from support.command_line import PROGRAM

if TYPE_CHECKING:
    from support.command_line import CommandLine

GUIDE = (Path(__file__).parents[2] / "docs" / "credentials.md").read_text("utf-8")
ENDS_WITH_10 = "ethr-did verify shown.txt"
"""What is revoked is told by the exit code."""


def blocks(language: str) -> list[str]:
    """The code blocks of that language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


def test_the_examples_of_the_guide_run(
    ethr_did: CommandLine, did: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    script = "\n".join(
        f"{line} && exit 1 || [ $? = 10 ]" if line.startswith(ENDS_WITH_10) else line
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
    assert "shown.txt: Valid." in done.stderr
    assert "shown.txt: NOT VALID." in done.stderr
    assert (tmp_path / "lasting.sd-jwt.proof.json").exists()
    names: dict[str, Any] = {"did": did, "shown": (tmp_path / "shown.txt").read_text()}
    monkeypatch.setenv("ETHR_DID_CONFIG", ethr_did.environment["ETHR_DID_CONFIG"])
    (example,) = blocks("python")
    with pytest.raises(CredentialNotValid, match="revoked"):
        exec(compile(example, "credentials.md", "exec"), names)  # noqa: S102 - that is the point
    failed = [c.code for c in names["report"].all_checks if c.outcome == "failed"]
    assert failed == ["status_revoked"]


def test_what_the_shop_saw_has_neither_birthdate_nor_grade() -> None:
    asked = next(
        line for block in blocks("sh") for line in block.splitlines() if "--disclose" in line
    )
    assert "birthdate" not in asked
    assert "grade" not in asked
