"""How commands end: closed pipes, full disks, odd terminals, faults."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ethr_did.cli.main import run
from support.command_line import PROGRAM

if TYPE_CHECKING:
    from support.command_line import CommandLine

HUB = "https://hub.example.com"
FULL = Path("/dev/full")


def shell(ethr_did: CommandLine, line: str) -> subprocess.CompletedProcess[str]:
    """What bash does with the line, where ``$P`` is the program; out ends in its exit codes."""
    environment = {"PATH": "/usr/bin:/bin", "P": str(PROGRAM), **ethr_did.environment}
    return subprocess.run(
        ["bash", "-c", f'{line}; echo "${{PIPESTATUS[@]}}"'],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
    )


@pytest.mark.parametrize("command", ["networks", "networks --json", "--help", "key add --help"])
def test_a_reader_that_leaves_early_is_no_error(ethr_did: CommandLine, command: str) -> None:
    done = shell(ethr_did, f"$P {command} | true")
    assert done.stdout.split()[0] in {"0", "141"}
    assert "Traceback" not in done.stderr
    assert "Error" not in done.stderr


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("command", ["networks", "networks --json", "resolve did:x --json"])
def test_a_full_disk_is_told(ethr_did: CommandLine, command: str) -> None:
    done = shell(ethr_did, f"$P {command} > /dev/full")
    assert done.stdout == "1\n"
    assert done.stderr == "Error: the output cannot be written: No space left on device\n"


def test_closed_streams_do_not_hinder(ethr_did: CommandLine) -> None:
    assert shell(ethr_did, "$P networks >&-").stdout == "0\n"
    assert shell(ethr_did, "$P networks 2>&-").stdout.endswith("0\n")
    assert shell(ethr_did, "$P networks <&- >&- 2>&-").stdout == "0\n"


def test_a_narrow_terminal_breaks_no_hash(ethr_did: CommandLine, did: str) -> None:
    made = ethr_did("service", "add", did, "Hub", HUB, "--json").json
    narrow = ethr_did.typed("history", did, columns=60)
    assert made["txHash"] in narrow.out
    assert re.search(r"^what +did/svc/Hub = https://hub\.example\.com$", narrow.out, re.MULTILINE)
    wide = ethr_did.typed("history", did, columns=250)
    assert made["txHash"] in wide.out
    assert "┃" in wide.out


def test_colour_is_for_terminals_that_want_it(ethr_did: CommandLine, did: str) -> None:
    wrong = ("key", "add", did, "Ed25519", "0x12")
    assert "\x1b[1;31mError:" in ethr_did.typed(*wrong).out
    assert "\x1b[31m" not in ethr_did.typed(*wrong, NO_COLOR="1").out
    assert "\x1b" not in ethr_did.typed(*wrong, TERM="dumb").out
    assert "\x1b" not in ethr_did.piped(*wrong).err


def test_a_fault_of_the_program_is_told_as_one(ethr_did: CommandLine) -> None:
    script = (
        "import sys\n"
        "from ethr_did.cli import main\n"
        "main._COMMANDS['boom'] = 'no_such_module:boom'\n"
        "main.main(sys.argv[1:])\n"
    )
    for options in ([], ["--json"]):
        done = subprocess.run(
            [sys.executable, "-c", script, "boom", *options],
            capture_output=True,
            text=True,
            env=ethr_did.environment,
            check=False,
        )
        assert done.returncode == 1
        assert "Traceback" in done.stderr
        assert "this is a fault of ethr-did: ModuleNotFoundError" in done.stderr + done.stdout
    assert '"code": "fault"' in done.stdout


def test_usage_errors_are_json_where_that_is_wanted(ethr_did: CommandLine) -> None:
    for arguments in (["resolve", "--json"], ["nothing", "--json"], ["key", "add", "--json", "x"]):
        done = ethr_did(*arguments)
        assert (done.status, done.error["code"]) == (2, "usage")


def test_without_arguments_the_help_is_shown(ethr_did: CommandLine) -> None:
    for arguments in ([], ["key"], ["relay"]):
        done = ethr_did(*arguments)
        assert done.status == 2
        assert "Commands:" in done.out + done.err


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert re.fullmatch(r"ethr-did, version \d+\.\d+\.\d+\n", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "there is no configuration file"),
        ("x = [", "is not TOML"),
        ("[networks.x]\nchain_id = 0\n", "has "),
    ],
)
def test_a_wrong_configuration_ends_with_7(
    ethr_did: CommandLine, did: str, tmp_path: Path, content: str | None, words: str
) -> None:
    path = tmp_path / "wrong.toml"
    if content is not None:
        path.write_text(content)
    for done in (
        ethr_did("owner", "show", did, "--config", path),
        ethr_did("owner", "show", did, ETHR_DID_CONFIG=str(path)),
    ):
        assert (done.status, done.out) == (7, "")
        assert words in done.err
    assert ethr_did("networks", "--json", "--config", path).error["code"] == "invalid_configuration"
