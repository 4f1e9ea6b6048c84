"""What the documentation says is true: it is complete, its links lead somewhere, its examples run."""

from __future__ import annotations

import json
import re
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did import errors
from ethr_did.cli import main
from ethr_did.cli.ending import BROKEN_PIPE, FAULT, INTERRUPTED
from ethr_did.core.changes import _MEMBERS, change_from_dict, changes_from_list
from ethr_did.core.keys import parse_address, to_checksum_address
from ethr_did.core.status_entry import ContractId
from ethr_did.settings import load_settings
from ethr_did.status.change_files import ChangeFiles
from support.help_texts import commands, parse
from support.writing import deploy, make_sender

if TYPE_CHECKING:
    from ethr_did.chain.local import LocalAccount, LocalChain, LocalServer

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
README = (ROOT / "README.md").read_text("utf-8")
CLI = (ROOT / "docs" / "cli.md").read_text("utf-8")
ERRORS = (ROOT / "docs" / "errors.md").read_text("utf-8")
GUIDE = (ROOT / "docs" / "status-guide.md").read_text("utf-8")
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text("utf-8")


def blocks(text: str, language: str) -> list[str]:
    """The code blocks of that language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def table_rows(text: str) -> list[list[str]]:
    """The cells of all rows of all tables; headings too."""
    found = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in found]


# -- links ---------------------------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    """The names of the headings, as the usual viewers make them."""
    titles = re.findall(r"^#+ +(.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_lead_somewhere(page: Path) -> None:
    prose = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", prose):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


# -- the command line ----------------------------------------------------------------------------


@pytest.mark.parametrize("words", [words for words in commands() if words])
def test_the_page_names_every_command(words: str) -> None:
    group, _, name = words.partition(" ")
    first_cells = [row[0].replace("\\|", "|") for row in table_rows(CLI)]
    lines = [cell for cell in first_cells if re.match(rf"`{group}\b", cell)]
    assert lines, group
    cells = [set(re.split(r"[ |]", cell.strip("`"))) for cell in lines]
    assert any(set(name.split()) <= words for words in cells)


def test_the_page_explains_every_exit_code() -> None:
    listed = {int(row[0]) for row in table_rows(CLI) if row[0].isdigit()}
    used = {outcome.exit_code for outcome in errors.OUTCOMES.values()}
    assert listed == used | {0, FAULT, INTERRUPTED, BROKEN_PIPE}
    assert listed == {int(number) for number in re.findall(r"(?<=[;:] )\d+", main.__doc__ or "")}


def example_lines(text: str) -> list[str]:
    """The calls of the command line in a text's shell examples."""
    lines = [line.partition(" #")[0] for block in blocks(text, "sh") for line in block.splitlines()]
    return [line for line in lines if line.startswith("ethr-did ")]


@pytest.mark.parametrize("line", sorted({*example_lines(README), *example_lines(CLI)}))
def test_each_call_in_an_example_would_be_understood(
    line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ETHR_DID_SIGNER", "keyfile:x")
    parse(line)


def test_the_example_of_a_file_of_changes_is_one() -> None:
    (example,) = blocks(CLI, "csv")
    files = ChangeFiles(statuses=ContractId(1, parse_address("0x" + "11" * 20)))
    files.read(BytesIO(example.encode()), "docs/cli.md")
    assert files.finish().count == len(example.splitlines()) - 1


def test_every_change_of_a_batch_is_listed_with_its_members() -> None:
    listed: dict[str, set[str]] = {}
    for kinds, members, *_ in (row for row in table_rows(CLI) if row[0].startswith("`")):
        for kind in re.findall(r"`(\w+)`", kinds):
            listed.setdefault(kind, set(re.findall(r"`(\w+)`", members)))
    for kind, (required, optional) in _MEMBERS.items():
        assert required | optional <= listed[kind], kind


def test_the_example_of_a_batch_file_is_one() -> None:
    (example,) = blocks(CLI, "json")
    changes = changes_from_list(json.loads(example))
    assert len(changes) == len(json.loads(example))
    assert change_from_dict(json.loads(example)[0]) == changes[0]


# -- errors --------------------------------------------------------------------------------------


def test_every_error_is_listed_with_what_it_means() -> None:
    listed = {row[0].strip("`"): row for row in table_rows(ERRORS) if row[0].startswith("`")}
    classes = {
        kind.code: kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.EthrDIDError)
    }
    del classes["error"]  # the root, never raised itself
    assert set(listed) == set(classes) == set(errors.OUTCOMES) - {"error"}
    for code, kind in classes.items():
        outcome = errors.OUTCOMES[code]
        _, name, meaning, did_error, status, exit_code = listed[code]
        assert name == f"`{kind.__name__}`"
        assert meaning == " ".join((kind.__doc__ or "").split())
        assert (did_error, int(status)) == (outcome.did_error, outcome.http_status)
        assert int(exit_code) == outcome.exit_code


# -- configuration, Python -----------------------------------------------------------------------


def test_the_example_of_a_configuration_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "config.toml"
    monkeypatch.setenv("NODE_KEY", "secret")
    monkeypatch.setenv("DB_PASSWORD", "secret")
    for example in (*blocks(CONFIGURATION, "toml"), *blocks(README, "toml")):
        path.write_text(example.replace("0x…", "0x" + "12" * 20), "utf-8")
        assert load_settings(path).networks


def test_every_variable_of_the_environment_is_explained() -> None:
    sources = (ROOT / "src").rglob("*.py")
    read = {name for path in sources for name in re.findall(r"ETHR_DID_[A-Z_]+", path.read_text())}
    explained = {row[0].strip("`") for row in table_rows(CONFIGURATION)}
    assert {name for name in read if not name.endswith("_COMPLETE")} <= explained


def test_the_python_examples_of_the_readme_run(
    chain: LocalChain, server: LocalServer, alice: LocalAccount, tmp_path: Path
) -> None:
    registry = to_checksum_address(deploy(make_sender(chain.provider, alice.key, tmp_path)))
    resolving, verifying = blocks(README, "python")
    script = resolving.replace("http://127.0.0.1:8545", server.url).replace("0x…", registry)
    assert script != resolving
    names: dict[str, Any] = {"presentation": "nothing of the kind"}
    exec(compile(script, "README.md", "exec"), names)  # noqa: S102 - that is the point
    with names["resolver"]:
        assert names["result"].require_document().id.endswith("79C8")
    exec(compile(verifying, "README.md", "exec"), names)  # noqa: S102 - that is the point
    assert names["report"].verdict.value == "invalid"
