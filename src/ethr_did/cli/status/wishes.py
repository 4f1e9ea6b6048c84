"""Which statuses are to change, and to what: from options, credentials, files of changes."""

from __future__ import annotations

import io
import json
import re
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ethr_did.cli.options import with_options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import TypeVar

    from ethr_did.chain.networks import Network
    from ethr_did.core.did import EthrDID
    from ethr_did.core.status_wishes import RecordWish, Wish, WishSet
    from ethr_did.settings import Settings
    from ethr_did.status.change_files import ChangeFiles

    F = TypeVar("F", bound=Callable[..., Any])

__all__ = ["Targets", "parse_value", "read_wishes", "target_options"]

_NUMBER = re.compile(r"0|[1-9][0-9]{0,2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """Which statuses are meant, as the options say it."""

    entries: tuple[str, ...]
    list_text: str | None
    indexes: tuple[str, ...]
    keys: tuple[str, ...]
    digest: str | None
    files: tuple[str, ...]

    @property
    def is_given(self) -> bool:
        """Whether any is named."""
        return bool(self.entries or self.list_text or self.indexes or self.keys or self.files)

    def check(self) -> None:
        """Raises ``click.UsageError`` unless they go together and name something."""
        if self.indexes and self.list_text is None:
            raise click.UsageError("--index needs the list: --list LIST_ID.")
        if self.list_text is not None and not self.indexes:
            raise click.UsageError("--list needs the entries: --index NUMBER.")
        if not (self.entries or self.indexes or self.keys or self.files):
            raise click.UsageError("Name credentials, --list and --index, --key, or --file.")
        if [*self.entries, *self.files].count("-") > 1:
            raise click.UsageError("Standard input can be read once only.")

    def as_lines(self) -> bytes:
        """What the options name, as a file of changes would."""
        rows = [
            *({"listId": self.list_text, "index": index} for index in self.indexes),
            *({"key": key} for key in self.keys),
        ]
        return "\n".join(map(json.dumps, rows)).encode()


def target_options(function: F) -> F:
    """Adds the options of ``Targets`` and passes them to the command as ``targets``."""
    names = {one.name for one in fields(Targets)}

    def command(**options: Any) -> Any:
        mine = {name: options.pop(name) for name in names}
        return function(targets=Targets(**mine), **options)

    return with_options(function, _OPTIONS, command)


_OPTIONS = (
    click.argument("entries", metavar="[ENTRY]...", nargs=-1),
    click.option("--list", "list_text", metavar="LIST_ID", help="The list of the entries."),
    click.option(
        "--index", "indexes", metavar="NUMBER", multiple=True, help="An entry of that list."
    ),
    click.option("--key", "keys", metavar="HEX", multiple=True, help="The key of a record."),
    click.option(
        "--digest",
        metavar="HEX",
        help="32 bytes over what the credential says, for one with a record.",
    ),
    click.option(
        "--file",
        "files",
        metavar="FILE",
        multiple=True,
        help="Changes as CSV or lines of JSON (docs/cli.md); - is standard input.",
    ),
)


def parse_value(text: str) -> str | int:
    """A status as a number if it is one, else as a word."""
    return int(text) if _NUMBER.fullmatch(text) else text


def read_wishes(
    settings: Settings,
    did: EthrDID,
    network: Network,
    value: str | int | None,
    targets: Targets,
) -> WishSet:
    """What is wished, without fault. Nothing is asked of a node.

    Args:
        settings: in force.
        did: of the issuer.
        network: of the issuer.
        value: that everything is to get; None where each row says it.
        targets: what is to get it.

    Raises:
        InvalidFile: with all faults; nothing may be changed then.
    """
    from ethr_did.cli.status.lists import contract_of
    from ethr_did.core.status_list import parse_key
    from ethr_did.status.change_files import ChangeFiles
    from ethr_did.status.issuing import StatusIssuer

    targets.check()
    digest = None if targets.digest is None else parse_key(targets.digest)
    with network.chain(timeout=settings.timeout) as chain:
        issuer = StatusIssuer(network, did, chain=chain)

        def of_credential(
            claims: Mapping[str, Any], status: str | int
        ) -> Iterable[Wish | RecordWish]:
            return issuer.wishes_of(claims, status, digest=digest)

        files = ChangeFiles(
            statuses=issuer.registry,
            anchors=contract_of(network, anchored=True) if network.anchor_registry else None,
            status=value,
            of_credential=of_credential,
        )
        if lines := targets.as_lines():
            files.read(io.BytesIO(lines), "the options")
        for argument in (*targets.entries, *targets.files):
            _read(files, argument)
        return files.finish()


def _read(files: ChangeFiles, argument: str) -> None:
    if argument.lstrip().startswith(("{", "[")):
        files.read(io.BytesIO(argument.encode()), "the argument")
    elif argument == "-":
        files.read(sys.stdin.buffer, "standard input")
    else:
        files.read_path(Path(argument))
