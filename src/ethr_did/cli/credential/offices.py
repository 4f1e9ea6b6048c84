"""What commands that issue share: the options, the issuer behind them, the list of statuses."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ethr_did.cli.options import ask_password, choices, open_resolver, with_options
from ethr_did.cli.status.stores import open_store
from ethr_did.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ethr_did.chain.networks import Network
    from ethr_did.cli.sending import Sending
    from ethr_did.core.did import EthrDID
    from ethr_did.credentials.credential import CredentialFormat
    from ethr_did.credentials.issuing import CredentialIssuer
    from ethr_did.credentials.keys import PublicKey
    from ethr_did.credentials.templates import Template
    from ethr_did.settings import Settings
    from ethr_did.status.store import StatusStore
    from ethr_did.status.stored import StoredList

    F = TypeVar("F", bound=Callable[..., Any])

__all__ = [
    "FORMATS",
    "Kind",
    "format_of",
    "kind_options",
    "open_issuer",
    "read_public_key",
    "read_template",
]

FORMATS = {
    "sd-jwt": "dc+sd-jwt",
    "jwt": "vc+jwt",
    "eip712": "EthereumEip712Signature2021",
    "data-integrity": "DataIntegrityProof",
}
"""What people call the formats."""

_FILE = click.Path(path_type=Path, dir_okay=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """The options about what is issued, and with which key."""

    template_name: str | None
    format_name: str | None
    subject: str | None
    holder_key: str | None
    bearer: bool
    valid_from: str | None
    valid_until: str | None
    valid_days: int | None
    list_text: str | None
    no_status: bool
    roll_over: bool
    signing_key: str | None
    method_id: str | None

    def __post_init__(self) -> None:
        """Raises ``click.UsageError`` for options that do not go together."""
        if self.valid_until is not None and self.valid_days is not None:
            raise click.UsageError("--valid-until and --valid-days say the same; give one of them.")
        if self.no_status and (self.list_text is not None or self.roll_over):
            raise click.UsageError("--no-status does not go with a status list.")

    @property
    def holder(self) -> PublicKey | None:
        """The holder's key; None if none is named."""
        return None if self.holder_key is None else read_public_key(self.holder_key)

    def times(self) -> dict[str, int | None]:
        """The fields of a request that are about its validity."""
        return {
            "valid_from": _seconds(self.valid_from, up=True),
            "valid_until": _seconds(self.valid_until, up=False),
            "valid_days": self.valid_days,
        }


def read_public_key(text: str) -> PublicKey:
    """The holder's key that was named; in a file, if it is neither a DID nor JSON.

    Raises:
        InvalidKey, InvalidDID, InvalidFile: it is none.
    """
    from ethr_did.cli.status.subjects import read_bytes
    from ethr_did.core.strict_json import read_json
    from ethr_did.credentials.holder_keys import read_holder_key

    if text.startswith("did:") or text.lstrip().startswith("{"):
        return read_holder_key(text)
    return read_holder_key(read_json(read_bytes(Path(text))))


def _seconds(text: str | None, *, up: bool) -> int | None:
    import math

    from ethr_did.core.date_time import parse_date_time

    if text is None:
        return None
    return math.ceil(parse_date_time(text)) if up else math.floor(parse_date_time(text))


_OPTIONS = (
    click.option(
        "--template",
        "template_name",
        metavar="NAME|FILE",
        help="What kind of credential: `ethr-did credential templates`, or a file of your own.",
        shell_complete=choices("identity", "age", "diploma", "student-card", "employment"),
    ),
    click.option(
        "--format",
        "format_name",
        type=click.Choice(list(FORMATS)),
        help="sd-jwt, unless said otherwise: its holder can show single claims.",
    ),
    click.option(
        "--subject",
        metavar="DID",
        help="Whom it is about and bound to; for an sd-jwt with #fragment: a key of that DID.",
    ),
    click.option(
        "--holder-key",
        metavar="KEY|FILE",
        help="The public key of the holder: did:key:z…, a JWK, or a file with one.",
    ),
    click.option("--bearer", is_flag=True, help="Anybody may show it: tickets, papers on things."),
    click.option("--valid-from", metavar="TIME", help="2026-01-31T00:00:00Z; otherwise now."),
    click.option("--valid-until", metavar="TIME", help="The last good second."),
    click.option(
        "--valid-days",
        type=click.IntRange(1),
        metavar="DAYS",
        help="From its beginning; otherwise as long as the template says.",
    ),
    click.option(
        "--status-list",
        "list_text",
        metavar="LIST_ID",
        help="Where its status is; otherwise the only list of the issuer that has room.",
    ),
    click.option("--no-status", is_flag=True, help="Nothing can revoke it but its expiry."),
    click.option("--roll-over", is_flag=True, help="When the list is full, go on in a new one."),
    click.option(
        "--signing-key",
        metavar="NAME",
        help="Key that signs: jwkfile:PATH, or as --signer; otherwise --signer itself.",
        shell_complete=choices("jwkfile:", "keystore:", "keyfile:", "remote:"),
    ),
    click.option(
        "--method",
        "method_id",
        metavar="ID",
        help="The verification method to sign for, where several have the key.",
    ),
)


def kind_options(function: F) -> F:
    """Adds the options of ``Kind`` and passes them to the command as ``kind``."""
    names = {one.name for one in fields(Kind)}

    def command(**options: Any) -> Any:
        mine = {name: options.pop(name) for name in names}
        return function(kind=Kind(**mine), **options)

    return with_options(function, _OPTIONS, command)


def read_template(name: str) -> Template:
    """The template of that name, or in that file.

    Raises:
        NotFoundError: there is neither.
        InvalidFile: the file is no template.
    """
    from ethr_did.credentials.templates import find_template, load_template

    path = Path(name)
    if path.suffix or path.exists():
        return load_template(path)
    return find_template(name)


def format_of(name: str) -> CredentialFormat:
    """The format that people call so."""
    from ethr_did.credentials.credential import CredentialFormat

    return CredentialFormat(FORMATS[name])


@contextmanager
def open_issuer(
    settings: Settings, did: EthrDID, network: Network, kind: Kind, sending: Sending
) -> Iterator[CredentialIssuer]:
    """The issuer behind the options.

    Raises:
        NotFoundError: there is no such list.
        EthrDIDError: key, database or network cannot be used.
    """
    from ethr_did.credentials.issuing import CredentialIssuer
    from ethr_did.credentials.signing_keys import open_signing_key
    from ethr_did.did_methods import DIDResolver

    name = kind.signing_key or sending.signer
    if name is None:
        raise click.UsageError("Say with which key: --signing-key, or --signer.")
    key = open_signing_key(name, ask_password=ask_password, password_file=sending.password_file)
    with (
        open_store(settings) as store,
        open_resolver(settings) as resolver,
        network.chain(timeout=settings.timeout) as chain,
    ):
        yield CredentialIssuer(
            did.text,
            key,
            DIDResolver(ethr=resolver),
            random=secrets.token_bytes,
            store=store,
            statuses=None if kind.no_status else _find_list(store, did, network, kind.list_text),
            roll_over=kind.roll_over,
            network=network,
            chain=chain,
            method_id=kind.method_id,
        )


def _find_list(
    store: StatusStore, did: EthrDID, network: Network, list_text: str | None
) -> StoredList:
    """The list that statuses are handed out from."""
    from ethr_did.core.status_list import parse_list_id

    mine = [
        one
        for one in store.lists(identity=did.address)
        if one.contract.chain_id == network.chain_id
    ]
    if list_text is not None:
        list_id = parse_list_id(list_text)
        named = [one for one in mine if one.list_id == list_id]
        if not named:
            raise NotFoundError(
                f"the list {list_id.text} of {did.text} is not in the database",
                hint="`ethr-did status list show` names those that are.",
                list_id=list_id.text,
            )
        return named[0]
    return _only_one([one for one in mine if _can_revoke(one)], did)


def _can_revoke(stored: StoredList) -> bool:
    from ethr_did.core.status_list import Purpose

    return stored.list_id.purpose in (Purpose.REVOCATION, Purpose.LIFECYCLE)


def _only_one(lists: Sequence[StoredList], did: EthrDID) -> StoredList:
    rooms = {one.series for one in lists if one.free} or {one.series for one in lists}
    heads = [one for one in lists if one.id in rooms]
    if not heads:
        raise NotFoundError(
            f"{did.text} has no status list in the database for revocations",
            hint=f"Make one: ethr-did status list new {did.text}. Or issue with --no-status: then "
            "nothing can revoke it.",
        )
    if len(heads) > 1:
        names = "\n".join(f"  {one.list_id.text} ({one.list_id.purpose.text})" for one in heads)
        raise click.UsageError(
            f"{did.text} has {len(heads)} lists. Choose one with --status-list:\n{names}"
        )
    return heads[0]
