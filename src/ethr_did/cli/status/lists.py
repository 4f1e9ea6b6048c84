"""``status list`` and ``status allocate``: lists are made and shown, entries handed out."""

from __future__ import annotations

import json
import secrets
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from ethr_did.cli.changing import find_identity
from ethr_did.cli.options import config_option, examples, json_option, load
from ethr_did.cli.output import fields, print_json, say, table, working
from ethr_did.cli.status.stores import has_store, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ethr_did.chain.networks import Network
    from ethr_did.core.status_entry import ContractId, StatusMessage
    from ethr_did.core.status_list import ListId
    from ethr_did.settings import Settings
    from ethr_did.status.reading import ListStatuses
    from ethr_did.status.store import StatusStore
    from ethr_did.status.stored import ListVersion, StoredList

__all__ = ["allocate", "contract_of", "list_group"]

_KINDS = ("on-chain", "w3c", "ietf")
_PURPOSES = ("revocation", "suspension", "refresh", "message", "lifecycle")


@click.group("list")
def list_group() -> None:
    """Make status lists, and show them.

    A list needs no transaction: its id holds its rules, and they never change. The database
    remembers which of its entries were handed out.
    """


@list_group.command(
    "new",
    epilog=examples(
        "ethr-did status list new DID",
        "ethr-did status list new DID --purpose lifecycle --bits 2 --capacity 1048576",
        "ethr-did status list new DID --kind w3c --url https://lists.example/1/current",
    ),
)
@click.argument("did")
@click.option(
    "--purpose",
    type=click.Choice(_PURPOSES),
    default="revocation",
    show_default=True,
    help="lifecycle: revoked, suspended and more in one entry.",
)
@click.option(
    "--bits",
    type=click.Choice(["1", "2", "4", "8"]),
    help="For each entry; otherwise 2 for lifecycle, 1 for the others.",
)
@click.option(
    "--capacity",
    type=click.IntRange(1),
    default=131_072,
    show_default=True,
    metavar="ENTRIES",
    help="A power of two.",
)
@click.option(
    "--terminal", is_flag=True, help="What is revoked stays revoked; off chain a promise."
)
@click.option("--owner-only", is_flag=True, help="Status keys have no right here.")
@click.option(
    "--kind",
    type=click.Choice(_KINDS),
    default="on-chain",
    show_default=True,
    help="Kept on chain, or as a document whose versions are anchored there.",
)
@click.option(
    "--url", default="", metavar="URL", help="Where a w3c or ietf list will be served; https."
)
@click.option(
    "--message",
    "messages",
    metavar="VALUE=TEXT",
    multiple=True,
    help="What a value of a w3c list means; otherwise a word each.",
)
@json_option
@config_option
def list_new(
    did: str,
    purpose: str,
    bits: str | None,
    capacity: int,
    terminal: bool,
    owner_only: bool,
    kind: str,
    url: str,
    messages: tuple[str, ...],
    as_json: bool,
    config_file: Path | None,
) -> None:
    """Make a list. Prints its id."""
    from ethr_did.core.status_list import Purpose
    from ethr_did.status.allocation import Allocator
    from ethr_did.status.stored import ListForm

    settings = load(config_file)
    parsed, network = find_identity(did, settings)
    form = {"on-chain": ListForm.CHAIN, "w3c": ListForm.BITSTRING, "ietf": ListForm.TOKEN}[kind]
    chosen = Purpose.parse(purpose)
    width = int(bits) if bits else (2 if chosen is Purpose.LIFECYCLE else 1)
    contract = contract_of(network, anchored=form is not ListForm.CHAIN)
    with open_store(settings) as store:
        made = Allocator(store, random=secrets.token_bytes).create_list(
            contract=contract,
            identity=parsed.address,
            purpose=chosen,
            now=int(time.time()),
            form=form,
            bits=width,
            capacity=capacity,
            terminal=terminal,
            owner_only=owner_only,
            url=url,
            messages=_messages(messages, chosen, width),
        )
    if as_json:
        print_json(made.to_dict())
        return
    click.echo(made.list_id.text)
    say(f"Entries for credentials: ethr-did status allocate {parsed.text}")


def _messages(texts: Sequence[str], purpose: Any, bits: int) -> list[StatusMessage]:
    """The messages of a list: those that were given, and a word for each other value."""
    from ethr_did.core.status_answer import StatusKind, kind_of
    from ethr_did.core.status_entry import StatusMessage

    if not texts:
        return []
    words: dict[int, str] = {}
    for value in range(1 << bits):
        kind = kind_of(value, purpose=purpose, bits=bits)
        words[value] = f"status {value}" if kind is StatusKind.OTHER else kind.value
    for text in texts:
        number, sign, message = text.partition("=")
        if not (sign and message and number.isascii() and number.isdigit()):
            raise click.BadParameter(f"{text!r} is not a message: write 3=lost")
        if int(number) not in words:
            raise click.BadParameter(f"a list of {bits} bits for each entry has no value {number}")
        words[int(number)] = message
    return [StatusMessage(value=value, message=message) for value, message in words.items()]


def contract_of(network: Network, *, anchored: bool) -> ContractId:
    """The registry that lists of a network belong to.

    Raises:
        InvalidConfiguration: it is not known.
    """
    from ethr_did.core.keys import parse_address
    from ethr_did.core.status_entry import ContractId
    from ethr_did.errors import InvalidConfiguration

    field = "anchor_registry" if anchored else "status_registry"
    address = getattr(network, field)
    if address is None:
        raise InvalidConfiguration(
            f"network {network.name} has no {field}",
            hint="Name its address in the configuration, or deploy one: `ethr-did deploy`.",
        )
    return ContractId(network.chain_id, parse_address(address))


# -- showing -------------------------------------------------------------------------------------


@list_group.command(
    "show",
    epilog=examples(
        "ethr-did status list show",
        "ethr-did status list show LIST_ID",
        "ethr-did status list show LIST_ID --issuer DID",
    ),
)
@click.argument("list_text", metavar="[LIST_ID]", required=False)
@click.option(
    "--issuer",
    metavar="DID",
    help="Whose list it is, or whose lists are shown; of a list in the database it is known.",
)
@json_option
@config_option
def list_show(
    list_text: str | None, issuer: str | None, as_json: bool, config_file: Path | None
) -> None:
    """Show the lists of the database, or one of them.

    Of one list it shows rules and statuses. Of a list on chain the statuses are counted on chain, of one kept off chain in the database. A
    list that is not in the database is read by its id alone; --issuer says whose it is.
    """
    settings = load(config_file)
    if list_text is None:
        _show_all(settings, issuer, as_json=as_json)
    else:
        _show_one(settings, list_text, issuer, as_json=as_json)


def _show_all(settings: Settings, issuer: str | None, *, as_json: bool) -> None:
    lists = _stored(settings, issuer)
    if as_json:
        print_json([one.to_dict() for one in lists])
        return
    if lists:
        headings = ("list", "issuer", "kind", "purpose", "bits", "used", "of", "note")
        table([_row(one) for one in lists], headings)
    count = "One list" if len(lists) == 1 else f"{len(lists) or 'No'} lists"
    say(f"{count} in the database.")


def _stored(settings: Settings, issuer: str | None) -> tuple[StoredList, ...]:
    """The lists of the database, or those of one issuer on its network."""
    if not has_store(settings):
        return ()
    with open_store(settings) as store:
        if issuer is None:
            return store.lists()
        parsed, network = find_identity(issuer, settings)
        found = store.lists(identity=parsed.address)
        return tuple(one for one in found if one.contract.chain_id == network.chain_id)


def _row(one: StoredList) -> tuple[object, ...]:
    from ethr_did.core.keys import to_checksum_address

    list_id = one.list_id
    notes = [*_rules_of(list_id), *(["closed"] if one.closed else []), one.url]
    return (
        list_id.text,
        to_checksum_address(one.identity),
        _kind(one),
        list_id.purpose.text,
        list_id.bits,
        one.position,
        list_id.capacity,
        ", ".join(filter(None, notes)),
    )


def _kind(one: StoredList) -> str:
    return "on chain" if one.form.value == "chain" else one.form.value


def _rules_of(list_id: ListId) -> Iterator[str]:
    from ethr_did.core.status_list import Flag

    if list_id.is_terminal:
        yield "terminal"
    if Flag.OWNER_ONLY in list_id.flags:
        yield "owner only"


def _show_one(settings: Settings, list_text: str, issuer: str | None, *, as_json: bool) -> None:
    from ethr_did.core.status_list import parse_list_id

    list_id = parse_list_id(list_text)
    known = next((one for one in _stored(settings, issuer) if one.list_id == list_id), None)
    shown = {**_rules(list_id), **({} if known is None else known.to_dict())}
    if not list_id.is_anchored:
        found = _read_list(settings, list_id, known, issuer)
        shown |= {} if found is None else _counts_on_chain(found)
    elif known is not None:
        with open_store(settings) as store:
            shown |= _counts_off_chain(store, known)
    if as_json:
        print_json(shown)
    else:
        _print_one(shown)
        if known is None and issuer is None:
            say("Not in the database: only what its id says. --issuer tells whose list to count.")


def _rules(list_id: ListId) -> dict[str, Any]:
    return {
        "listId": list_id.text,
        "statusPurpose": list_id.purpose.text,
        "statusSize": list_id.bits,
        "capacity": list_id.capacity,
        "flags": [flag.name.lower() for flag in list_id.flags if flag.name],
    }


def _read_list(
    settings: Settings, list_id: ListId, known: StoredList | None, issuer: str | None
) -> ListStatuses | None:
    """All statuses of a list on chain; None where nobody says whose list it is."""
    from ethr_did.core.did import EthrDID
    from ethr_did.core.keys import to_checksum_address
    from ethr_did.core.status_answer import FinalityPolicy
    from ethr_did.status.reading import StatusReader

    if issuer is None and known is not None:
        network = settings.table().find(hex(known.contract.chain_id))
        issuer = EthrDID.build(to_checksum_address(known.identity), network.name).text
    if issuer is None:
        return None
    # An issuer looks at what it has written, final or not.
    latest = FinalityPolicy.LATEST
    with (
        StatusReader(settings.table(), policy=latest, timeout=settings.timeout) as reader,
        working("Reading the list …"),
    ):
        return reader.read_list(list_id, issuer)


def _counts_on_chain(found: ListStatuses) -> dict[str, Any]:
    counts = Counter(found.statuses.values())
    return {
        "counts": {str(value): counts[value] for value in sorted(counts)},
        "readAt": found.read_at.to_dict(),
        "finality": found.finality.value,
        "issuerDeactivatedBlock": found.issuer_deactivated,
    }


def _counts_off_chain(store: StatusStore, known: StoredList) -> dict[str, Any]:
    values = Counter(store.values_of(known).values())
    values[0] = known.list_id.capacity - values.total()
    return {
        "counts": {str(value): values[value] for value in sorted(values)},
        "version": _version(store.latest_version(known)),
    }


def _version(version: ListVersion | None) -> dict[str, Any] | None:
    if version is None:
        return None
    return {
        "version": version.version,
        "contentDigest": "0x" + version.content_digest.hex(),
        "publishedAt": version.published_at,
        "validUntil": version.valid_until,
        "blockNumber": version.block_number,
    }


def _print_one(shown: dict[str, Any]) -> None:
    from ethr_did.core.resolution import format_time
    from ethr_did.core.status_list import parse_list_id

    list_id = parse_list_id(shown["listId"])
    rows: list[tuple[str, object]] = [
        ("list", list_id.text),
        ("issuer", shown.get("identity", "")),
        ("registry", shown.get("registry", "")),
        ("address", shown.get("url", "")),
        ("purpose", list_id.purpose.text),
        ("bits for each entry", list_id.bits),
        ("rules", ", ".join(_rules_of(list_id)) or "none"),
        ("entries", list_id.capacity),
        ("handed out", shown.get("position", "")),
    ]
    rows += [
        (_value_in_words(list_id, int(value)), count)
        for value, count in shown.get("counts", {}).items()
    ]
    if (at := shown.get("readAt")) is not None:
        when = format_time(at["blockTimestamp"])
        rows.append(("as of", f"block {at['blockNumber']}, {when}"))
    if "version" in shown:
        rows.append(("anchored", _version_in_words(shown["version"])))
    fields([row for row in rows if row[1] != ""])


def _value_in_words(list_id: ListId, value: int) -> str:
    from ethr_did.core.status_answer import StatusKind, kind_of

    kind = kind_of(value, purpose=list_id.purpose, bits=list_id.bits)
    return f"status {value}" if kind is StatusKind.OTHER else kind.value


def _version_in_words(version: dict[str, Any] | None) -> str:
    from ethr_did.core.resolution import format_time

    if version is None:
        return "no version yet: ethr-did status publish"
    return (
        f"version {version['version']} in block {version['blockNumber']}, "
        f"good until {format_time(version['validUntil'])}"
    )


# -- handing out ---------------------------------------------------------------------------------


@click.command(
    epilog=examples(
        "ethr-did status allocate DID",
        "ethr-did status allocate DID --list LIST_ID --reference diploma-2026-0041",
        "ethr-did status allocate DID --count 500 > entries.jsonl",
    )
)
@click.argument("did")
@click.option(
    "--list",
    "list_text",
    metavar="LIST_ID",
    help="The list; otherwise the only one of the issuer that has room.",
)
@click.option("--count", type=click.IntRange(1), metavar="NUMBER", help="How many; otherwise one.")
@click.option(
    "--reference",
    "references",
    metavar="TEXT",
    multiple=True,
    help="A label for a credential, no personal data; asking again gives the same entry.",
)
@click.option(
    "--roll-over", is_flag=True, help="When the list is full, go on in a new one of the same rules."
)
@json_option
@config_option
def allocate(
    did: str,
    list_text: str | None,
    count: int | None,
    references: tuple[str, ...],
    roll_over: bool,
    as_json: bool,
    config_file: Path | None,
) -> None:
    """Hand out entries for credentials, each of them once.

    For one credential it prints what goes into it: its credentialStatus, or for an ietf list its
    claim status. For several it prints a line of JSON each, with --json a list.
    """
    from ethr_did.status.allocation import Allocator

    if count is not None and references:
        raise click.UsageError("--count is for entries without --reference.")
    settings = load(config_file)
    parsed, network = find_identity(did, settings)
    with open_store(settings) as store:
        mine = [
            one
            for one in store.lists(identity=parsed.address)
            if one.contract.chain_id == network.chain_id
        ]
        made = Allocator(store, random=secrets.token_bytes).allocate(
            _chosen(mine, list_text, parsed.text),
            count or 1,
            now=int(time.time()),
            references=list(references) or None,
            roll_over=roll_over,
        )
    if count is None and len(made) == 1:
        print_json(made[0].entry.to_dict())
    elif as_json:
        print_json([one.to_dict() for one in made])
    else:
        for one in made:
            click.echo(json.dumps(one.to_dict()))


def _chosen(lists: Sequence[StoredList], list_text: str | None, did: str) -> StoredList:
    """The list to allocate from."""
    from ethr_did.core.status_list import parse_list_id
    from ethr_did.errors import NotFoundError

    if list_text is not None:
        list_id = parse_list_id(list_text)
        named = [one for one in lists if one.list_id == list_id]
        if not named:
            raise NotFoundError(
                f"the list {list_id.text} of {did} is not in the database",
                hint="`ethr-did status list show` names those that are. Is it the right database?",
            )
        return named[0]
    rooms = {one.series for one in lists if one.free} or {one.series for one in lists}
    heads = [one for one in lists if one.id in rooms]
    if not heads:
        raise NotFoundError(
            f"{did} has no status list in the database",
            hint=f"Make one: ethr-did status list new {did}",
        )
    if len(heads) > 1:
        names = "\n".join(f"  {one.list_id.text} ({one.list_id.purpose.text})" for one in heads)
        raise click.UsageError(f"{did} has {len(heads)} lists. Choose one with --list:\n{names}")
    return heads[0]
