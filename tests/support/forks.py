"""A process that loads everything once, and forks others that may be killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

TESTS = Path(__file__).parent.parent


class Forks:
    """Talks with such a process: a line of JSON each way."""

    def __init__(self, script: str) -> None:
        """The process; it waits for its first line.

        Args:
            script: whose ``main`` it runs, a file beside this one.
        """
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).parent / script)],
            env={**os.environ, "PYTHONPATH": str(TESTS)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def ask(self, question: Any) -> Any:
        """The answer to a question, both as JSON."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())
