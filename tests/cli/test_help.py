"""What the command line says of itself."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from ethr_did.cli.main import _COMMANDS, _SUMMARIES, run
from support.help_texts import FROZEN, commands, file_of, help_text, parse

COMMANDS = commands()
LEAVES = [words for words, command in COMMANDS.items() if not isinstance(command, click.Group)]
HEAVY = ("web3", "eth_account", "rich", "pydantic", "requests", "eth_abi", "aiohttp", "eth")


@pytest.mark.parametrize("words", COMMANDS)
def test_the_help_is_what_was_frozen(words: str) -> None:
    """If it was meant to change: python tests/support/help_texts.py"""
    assert help_text(words) == file_of(words).read_text("utf-8")


def test_no_help_is_frozen_of_a_command_that_is_gone() -> None:
    assert {path.name for path in FROZEN.iterdir()} == {file_of(words).name for words in COMMANDS}


@pytest.mark.parametrize("words", LEAVES)
def test_each_command_has_examples_that_it_understands(
    words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ETHR_DID_SIGNER", "keyfile:x")
    _, _, after = help_text(words).partition("\n  Examples:\n")
    lines = [line.strip() for line in after.splitlines() if line.startswith("    ethr-did ")]
    assert lines
    assert all(line.startswith(f"ethr-did {words}") for line in lines)
    for line in lines:
        parse(line)


@pytest.mark.parametrize("words", LEAVES)
def test_each_command_that_prints_has_json(words: str) -> None:
    flags = {flag for param in COMMANDS[words].params for flag in param.opts}
    assert "--json" in flags


@pytest.mark.parametrize("name", _COMMANDS)
def test_the_list_of_commands_says_what_the_command_says(name: str) -> None:
    said = (COMMANDS[name].help or "").splitlines()[0]
    assert said == _SUMMARIES[name]
    assert list(_SUMMARIES) == list(_COMMANDS)


def test_help_imports_nothing_that_takes_time() -> None:
    script = (
        "import sys\n"
        "from ethr_did.cli.main import run\n"
        "run(['--help'])\n"
        f"found = sorted({{name.partition('.')[0] for name in sys.modules}} & {set(HEAVY)!r})\n"
        "sys.exit(' '.join(found) or 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def complete(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, line: str
) -> set[str]:
    """What the shell would offer for the last word of the line."""
    monkeypatch.setenv("_ETHR_DID_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
    with pytest.raises(SystemExit):
        run([])
    return {row.partition(",")[2] for row in capsys.readouterr().out.split()}


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("ethr-did ke", {"key", "keystore"}),
        ("ethr-did relay ", {"sign", "submit", "withdraw"}),
        ("ethr-did key add did:ethr:0x1 E", {"Ed25519"}),
        ("ethr-did key add --purpose s", {"sigAuth"}),
        ("ethr-did deploy se", {"sepolia"}),
        ("ethr-did transaction list --network rsk:", {"rsk:testnet"}),
        ("ethr-did relay sign --kind e", {"eip712", "erc1056"}),
    ],
)
def test_the_shell_completes(
    line: str,
    offered: set[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert complete(capsys, monkeypatch, line) == offered


def test_a_broken_configuration_does_not_break_completion(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ETHR_DID_CONFIG", "/nowhere.toml")
    assert complete(capsys, monkeypatch, "ethr-did deploy se") == set()
