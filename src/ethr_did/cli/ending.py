"""How a command ends that did not do what it was asked: told to whom, with which exit code.

Rules:
  * With ``--json`` stdout gets one JSON object, ``{"error": …}``; else people are told on stderr.
  * A fault of this program is told as one, with what is needed to report it and no secrets: URLs
    are masked, values of variables not shown.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
from typing import Any

import click

from ethr_did.cli.output import complain, print_json, say
from ethr_did.errors import EthrDIDError, outcome_of

__all__ = ["BROKEN_PIPE", "drop_stdout", "end"]

FAULT = 1
INTERRUPTED = 130
BROKEN_PIPE = 141

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def end(error: BaseException, *, as_json: bool) -> int:
    """The exit code of an error, after it was told."""
    match error:
        case EthrDIDError():
            found, status = error.to_dict(), outcome_of(error).exit_code
        case click.ClickException():
            code = getattr(error, "code", "usage")
            found, status = {"code": code, "message": error.format_message()}, error.exit_code
        case click.Abort() | KeyboardInterrupt():
            found, status = {"code": "interrupted", "message": "Interrupted."}, INTERRUPTED
        case OSError():
            found, status = _of_system(error), FAULT
        case _:
            found, status = _fault(error), FAULT
    # Where stdout itself failed, JSON has no way to anybody.
    if as_json and not (isinstance(error, OSError) and error.errno in _NO_ROOM):
        print_json({"error": found})
    elif isinstance(error, click.ClickException):
        error.show()
    elif status == INTERRUPTED:
        # Where Ctrl-C came at a prompt, the cursor still stands behind it.
        at_prompt = error.__cause__ is None and sys.stderr.isatty()
        say(("\n" if at_prompt else "") + found["message"])
    else:
        complain(found["message"], found.get("hint", ""))
    return status


def drop_stdout() -> None:
    """Nothing; what is still to be written goes nowhere, or Python would complain once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _of_system(error: OSError) -> dict[str, Any]:
    """What the operating system refused, where no module knew more about it."""
    reason = error.strerror or str(error) or type(error).__name__
    if error.filename is not None:
        return {"code": "system", "message": f"{os.fsdecode(error.filename)}: {reason}"}
    if error.errno in _NO_ROOM:
        drop_stdout()
        reason = f"the output cannot be written: {reason}"
    return {"code": "system", "message": reason}


def _fault(error: BaseException) -> dict[str, Any]:
    from ethr_did.chain.masking import mask_text

    say(mask_text("".join(traceback.format_exception(error))).rstrip())
    return {
        "code": "fault",
        "message": f"this is a fault of ethr-did: {type(error).__name__}",
        "hint": "Please report it, with the lines above it.",
    }
