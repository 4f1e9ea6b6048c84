"""The command line as its users meet it: in this process, in one of its own, on a terminal."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import sysconfig
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

from click.testing import CliRunner

from ethr_did.cli.main import run

if TYPE_CHECKING:
    import signal
    from collections.abc import Mapping, Sequence

PROGRAM = Path(sysconfig.get_path("scripts")) / "ethr-did"
PATIENCE = 60.0
"""Seconds that a process may take before the test gives up."""

OURS = (
    "ETHR_DID_API_KEYS",
    "ETHR_DID_CONFIG",
    "ETHR_DID_DATABASE_URL",
    "ETHR_DID_REDIS_URL",
    "ETHR_DID_SERVE_HOST",
    "ETHR_DID_SERVE_PORT",
    "ETHR_DID_SERVE_WORKERS",
    "ETHR_DID_SIGNER",
    "ETHR_DID_STATUS_DATABASE_URL",
    "ETHR_DID_WALLET",
)
"""Variables that the developer may have set; tests see none of them."""

DEAD = "http://127.0.0.1:1/v3/0123456789abcdef0123456789abcdef"
"""Nobody listens there; the key in it must never be shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a command did."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Stdout, which must be one JSON value and nothing else."""
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, Any]:
        """The error on stdout."""
        assert list(self.json) == ["error"]
        error: dict[str, Any] = self.json["error"]
        return error


class CommandLine:
    """``ethr-did`` with an environment of its own.

    Args:
        environment: variables; those of the same name outside do not count.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = dict(environment)

    def __call__(self, *arguments: object, stdin: str | bytes = "", **variables: str) -> Outcome:
        """What the command did, in this process, its output piped."""
        environment: dict[str, str | None] = dict.fromkeys(OURS)
        environment |= {**self.environment, **variables}
        with CliRunner().isolation(input=stdin, env=environment) as (out, err, _):
            status = run([str(argument) for argument in arguments])
            sys.stdout.flush()
            sys.stderr.flush()
            return Outcome(status=status, out=out.getvalue().decode(), err=err.getvalue().decode())

    def spawn(self, *arguments: object, **variables: str) -> Process:
        """The command in a process of its own, running."""
        return Process([str(argument) for argument in arguments], self._environ(variables))

    def piped(self, *arguments: object, stdin: bytes = b"", **variables: str) -> Outcome:
        """What the command did, in a process of its own."""
        done = subprocess.run(
            [str(PROGRAM), *map(str, arguments)],
            input=stdin,
            capture_output=True,
            env=self._environ(variables),
            timeout=PATIENCE,
            check=False,
        )
        return Outcome(status=done.returncode, out=done.stdout.decode(), err=done.stderr.decode())

    def typed(
        self,
        *arguments: object,
        answers: Sequence[tuple[str, str]] = (),
        columns: int = 80,
        **variables: str,
    ) -> Outcome:
        """What the command did on a terminal; out holds all that it was sent.

        Args:
            arguments: of the command.
            answers: words that are waited for, and the keys that somebody types then.
            columns: width of the terminal.
            variables: of the environment.
        """
        variables |= {"COLUMNS": str(columns), "LINES": "40"}
        environment = {"TERM": "xterm-256color", **self._environ(variables)}
        command = [str(PROGRAM), *map(str, arguments)]
        screen, side = os.openpty()
        with subprocess.Popen(
            command,
            stdin=side,
            stdout=side,
            stderr=side,
            env=environment,
            close_fds=True,
            start_new_session=True,
        ) as process:
            os.close(side)
            shown = _read_until_closed(screen, answers)
            status = process.wait(PATIENCE)
        return Outcome(status=status, out=shown.replace("\r\n", "\n"), err="")

    def _environ(self, variables: Mapping[str, str]) -> dict[str, str]:
        # What the terminal of the developer says about colours and width stays outside.
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return {**kept, "LC_ALL": "C.UTF-8", **self.environment, **variables}


class Process:
    """A running command."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [str(PROGRAM), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            env=dict(environment),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    def read_json(self) -> Any:
        """The JSON that it prints and goes on after."""
        assert self._process.stdout is not None
        text = b""
        while True:
            text += _line(self._process.stdout)
            with contextlib.suppress(ValueError):
                return json.loads(text)

    def wait_for_output(self, words: str) -> None:
        """Returns when stdout has said them."""
        assert self._process.stdout is not None
        while words.encode() not in _line(self._process.stdout):
            pass

    def wait_for_words(self, words: str) -> None:
        """Returns when stderr has said them."""
        assert self._process.stderr is not None
        while words.encode() not in _line(self._process.stderr):
            pass

    def end(self, number: signal.Signals) -> Outcome:
        """What else it had to say, after that signal."""
        self._process.send_signal(number)
        return self.finish()

    def finish(self) -> Outcome:
        """What else it had to say until its end."""
        out, err = self._process.communicate(timeout=PATIENCE)
        return Outcome(status=self._process.returncode, out=out.decode(), err=err.decode())


def _line(stream: IO[bytes]) -> bytes:
    line = stream.readline()
    assert line, "the command ended"
    return line


def _read_until_closed(screen: int, answers: Sequence[tuple[str, str]]) -> str:
    shown, seen, waiting = b"", 0, list(answers)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if not select.select([screen], [], [], 1)[0]:
            continue
        try:
            data = os.read(screen, 65_536)
        except OSError:  # Linux says so when the other side is closed
            break
        if not data:
            break
        shown += data
        if waiting and (place := shown.find(waiting[0][0].encode(), seen)) >= 0:
            seen = place + 1
            os.write(screen, waiting.pop(0)[1].encode())
    os.close(screen)
    return shown.decode(errors="replace")
