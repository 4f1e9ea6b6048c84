"""``status relay``: one signs a change of statuses, somebody else submits it and pays."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ethr_did.chain.fees import format_wei
from ethr_did.cli.changing import find_identity, parse_validity, read_json
from ethr_did.cli.creating import open_signer_named
from ethr_did.cli.options import (
    choices,
    config_option,
    examples,
    json_option,
    load,
    network_option,
    signer_options,
)
from ethr_did.cli.output import fields, print_json, say
from ethr_did.cli.relaying import check_new_file, write_new_json
from ethr_did.cli.sending import Sending, print_receipts, sending_options
from ethr_did.cli.status.publishing import list_files
from ethr_did.cli.status.stores import open_store
from ethr_did.cli.status.wishes import Targets, parse_value, read_wishes, target_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ethr_did.chain.networks import Network
    from ethr_did.chain.receipts import Receipt
    from ethr_did.chain.signer import Signer
    from ethr_did.core.did import EthrDID
    from ethr_did.core.keys import Address
    from ethr_did.core.signed_status import SignedChange
    from ethr_did.core.status_message import StatusRelayMessage
    from ethr_did.settings import Settings
    from ethr_did.status.relaying import StatusSubmission

__all__ = ["relay"]


@click.group()
def relay() -> None:
    """Sign changes of statuses here, let someone else submit and pay.

    A message is a JSON file. Whoever has it can submit it until its deadline, and can change
    nothing in it. It cannot be withdrawn: it is good for an hour unless said otherwise.
    """


@relay.command(
    "sign",
    epilog=examples(
        "ethr-did status relay sign DID --status revoked credential.json --out message.json",
        "ethr-did status relay sign DID --file changes.csv --lifetime 2h",
        "ethr-did status relay sign DID --publish LIST_ID",
    ),
)
@click.argument("did")
@target_options
@click.option(
    "--status",
    "value",
    metavar="STATUS",
    help="What they are to become: revoked, suspended, valid, or a number.",
    shell_complete=choices("revoked", "suspended", "reinstated", "valid"),
)
@click.option(
    "--publish",
    "published",
    metavar="LIST_ID",
    multiple=True,
    help="Instead: the next version of a w3c or ietf list.",
)
@click.option(
    "--lists-out",
    type=click.Path(path_type=Path, file_okay=False),
    help="With --publish: as --out of `ethr-did status publish`.",
)
@click.option(
    "--lifetime",
    metavar="TIME",
    help="How long it may be submitted: seconds, or a number with m or h; otherwise 1h, at most 24h.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write; otherwise stdout.",
)
@signer_options()
@json_option
@config_option
def relay_sign(
    did: str,
    targets: Targets,
    value: str | None,
    published: tuple[str, ...],
    lists_out: Path | None,
    lifetime: str | None,
    out: Path | None,
    signer: str,
    password_file: Path | None,
    as_json: bool,
    config_file: Path | None,
) -> None:
    """Sign a change of statuses; no gas is needed.

    ENTRY is as for `ethr-did status revoke`. What does not fit into one transaction becomes a list
    of messages; they may be submitted in any order.
    """
    _ = as_json  # messages are JSON in any case
    seconds = None if lifetime is None else parse_validity(lifetime)
    if out is not None:
        check_new_file(out)
    settings = load(config_file)
    parsed, network = find_identity(did, settings)
    holder = open_signer_named(signer, password_file)
    if published:
        if targets.is_given or value is not None:
            raise click.UsageError("--publish stands alone: the database says what is in the list.")
        messages = _publications(settings, parsed, network, holder, published, lists_out, seconds)
    else:
        messages = _changes(settings, parsed, network, holder, targets, value, seconds)
    if not messages:
        say("Everything is so already; nothing was signed.")
    data = [message.to_dict() for message in messages]
    shown = data[0] if len(data) == 1 else data
    if out is None:
        print_json(shown)
        return
    write_new_json(out, shown)
    if as_json:
        print_json(shown)
    say(f"{_count(messages)} in {out}. Submit with: ethr-did status relay submit {out}")


def _changes(
    settings: Settings,
    did: EthrDID,
    network: Network,
    holder: Signer,
    targets: Targets,
    value: str | None,
    lifetime: int | None,
) -> Sequence[StatusRelayMessage]:
    from ethr_did.status.issuing import StatusIssuer

    if value is None and not targets.files:
        raise click.UsageError("Say what they are to become: --status revoked.")
    wished = read_wishes(
        settings, did, network, None if value is None else parse_value(value), targets
    )
    with network.chain(timeout=settings.timeout) as chain:
        issuer = StatusIssuer(network, did, chain=chain)
        return issuer.sign(wished, holder, lifetime=lifetime)


def _publications(
    settings: Settings,
    did: EthrDID,
    network: Network,
    holder: Signer,
    published: Sequence[str],
    lists_out: Path | None,
    lifetime: int | None,
) -> Sequence[StatusRelayMessage]:
    from ethr_did.core.status_list import parse_list_id
    from ethr_did.status.publishing import Publisher

    wanted = [parse_list_id(text) for text in published]
    with open_store(settings) as store, network.chain(timeout=settings.timeout) as chain:
        publisher = Publisher(network, did, store, list_files(settings, lists_out), chain=chain)
        messages = publisher.sign_relay(holder, wanted, lifetime=lifetime)
    if messages:
        say(
            "The new version becomes the current one when it was submitted, and "
            f"`ethr-did status publish {did.text}` was run."
        )
    return messages


@relay.command(
    "submit",
    epilog=examples(
        "ethr-did status relay submit message.json --dry-run",
        "ethr-did status relay submit message.json",
    ),
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@network_option("Name or hex chain id; otherwise by the chain id in the message.")
@sending_options()
def relay_submit(file: Path, network: str | None, sending: Sending) -> None:
    """Submit what an issuer signed, and pay for it. Everything in it is checked first."""
    from ethr_did.core.status_message import StatusRelayMessage
    from ethr_did.errors import InvalidFile

    data = read_json(file)
    messages = [
        StatusRelayMessage.from_dict(item) for item in (data if isinstance(data, list) else [data])
    ]
    if not messages:
        raise InvalidFile(f"there is no message in {file}", path=str(file))
    settings = sending.settings()
    plans: list[StatusSubmission] = []
    receipts: list[Receipt] = []
    for message in messages:
        found = settings.table().find(network or hex(message.chain_id))
        _submit(settings, found, message, sending, plans, receipts)
    if sending.dry_run:
        _print_plans(plans, as_json=sending.as_json, is_list=isinstance(data, list))
    else:
        print_receipts(receipts, as_json=sending.as_json, is_list=isinstance(data, list))


def _submit(
    settings: Settings,
    network: Network,
    message: StatusRelayMessage,
    sending: Sending,
    plans: list[StatusSubmission],
    receipts: list[Receipt],
) -> None:
    """Nothing; adds the plan or the receipt of a message."""
    from ethr_did.core.did import EthrDID
    from ethr_did.core.keys import to_checksum_address
    from ethr_did.status.issuing import StatusIssuer

    did = EthrDID.build(to_checksum_address(_identity_of(message.change)), network.name)
    with sending.open(settings, network) as (chain, sender):
        issuer = StatusIssuer(network, did, chain=chain)
        if sending.dry_run:
            plans.append(issuer.plan_submit(message, sender))
        else:
            receipts.append(issuer.submit(message, sender))


def _identity_of(change: SignedChange) -> Address:
    """Whose statuses a message changes; of several identities the first, which is then refused."""
    from ethr_did.core.signed_status import Publish, SetKeys, SetStatus

    match change:
        case SetStatus():
            return change.identity
        case SetKeys():
            return change.update.identity
        case Publish():
            return change.publication.identity
        case _:
            return change.lists[0].identity


def _print_plans(plans: Sequence[StatusSubmission], *, as_json: bool, is_list: bool) -> None:
    from ethr_did.core.resolution import format_time

    if as_json:
        out: list[dict[str, Any]] = [plan.to_dict() for plan in plans]
        print_json(out if is_list else out[0])
        return
    for plan in plans:
        (item,) = plan.quote.items
        fields(
            [
                ("what", plan.intent.purpose),
                ("until", format_time(plan.message.deadline)),
                ("gas", item.estimated_gas),
                ("expected cost", format_wei(plan.quote.expected_cost)),
                ("highest cost", format_wei(plan.quote.highest_cost)),
            ]
        )
    say(f"The sender has {format_wei(plans[0].quote.balance)}. Nothing was sent.")


def _count(messages: Sequence[StatusRelayMessage]) -> str:
    return "The message is" if len(messages) == 1 else f"{len(messages)} messages are"
