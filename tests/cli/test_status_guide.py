"""What docs/status-guide.md shows is done as it stands there: each line as a shell would, and Python.

The commands run in this process, as in other tests: what each hands on to the next is in files.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

    from support.command_line import CommandLine

GUIDE = (Path(__file__).parents[2] / "docs" / "status-guide.md").read_text("utf-8")
ENDS_WITH_10 = ("status check",)
"""What is revoked is told by the exit code."""
LINE = re.compile(r"(?:(?P<name>[A-Z]+)=\$\()?ethr-did (?P<words>[^>)]+?)\)?(?: > (?P<file>\S+))?")
"""All that the guide uses of a shell."""


def blocks(language: str) -> list[str]:
    """The code blocks of that language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


def do(ethr_did: CommandLine, line: str, variables: dict[str, str]) -> str:
    """What a line says to people; its output is in a variable or a file, if it says so."""
    match = LINE.fullmatch(line)
    assert match is not None, line
    done = ethr_did(*shlex.split(Template(match["words"]).substitute(variables)))
    good = (0, 10) if any(words in line for words in ENDS_WITH_10) else (0,)
    assert (done.status in good, "Traceback" in done.err) == (True, False), f"{line}\n{done.err}"
    if match["name"]:
        variables[match["name"]] = done.out.strip()
    if match["file"]:
        Path(match["file"]).write_text(done.out)
    return done.err


def test_the_examples_of_the_guide_run(
    ethr_did: CommandLine, did: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    subprocess.run(["bash", "-nc", "\n".join(lines)], check=True)
    monkeypatch.chdir(tmp_path)
    variables = {"DID": did, **ethr_did.environment}
    said = [do(ethr_did, line, variables) for line in lines]
    assert any("The list is good." in words for words in said)
    entry = json.loads(Path("entry.json").read_text())
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
