"""``status set``, ``revoke``, ``suspend`` and ``reinstate``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ethr_did.chain.fees import format_wei
from ethr_did.cli.changing import find_identity
from ethr_did.cli.options import choices, examples
from ethr_did.cli.output import complain, fields, print_json, say, table
from ethr_did.cli.sending import Sending, confirm, sending_options
from ethr_did.cli.status.stores import open_store
from ethr_did.cli.status.wishes import Targets, parse_value, read_wishes, target_options

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from ethr_did.chain.networks import Network
    from ethr_did.core.did import EthrDID
    from ethr_did.core.status_list import ListId
    from ethr_did.core.status_wishes import WishSet
    from ethr_did.settings import Settings
    from ethr_did.status.plans import StatusPlan, StatusProgress, StatusReport
    from ethr_did.status.stored import StoredList

    F = TypeVar("F", bound=Callable[..., Any])

__all__ = ["reinstate", "revoke", "set_status", "suspend"]

_MANY = 100
"""Statuses from which on a person is asked, whatever they become."""

_did = click.argument("did")


def _options(function: F) -> F:
    """Adds what all of these commands take."""
    return target_options(sending_options(asks=True, needs_signer=False)(function))


@click.command(
    epilog=examples(
        "ethr-did status revoke DID credential.json",
        "ethr-did status revoke DID --list LIST_ID --index 94567",
        "ethr-did status revoke DID --file lost-cards.csv --dry-run",
    )
)
@_did
@_options
def revoke(did: str, targets: Targets, sending: Sending) -> int:
    """Revoke credentials. In a terminal list, and for a record, that is final.

    ENTRY is a file with a credential or a status entry; see `ethr-did status check`.
    """
    return _change(did, "revoked", targets, sending)


@click.command(epilog=examples("ethr-did status suspend DID credential.json"))
@_did
@_options
def suspend(did: str, targets: Targets, sending: Sending) -> int:
    """Suspend credentials, until they are reinstated.

    ENTRY is a file with a credential or a status entry; see `ethr-did status check`.
    """
    return _change(did, "suspended", targets, sending)


@click.command(epilog=examples("ethr-did status reinstate DID credential.json"))
@_did
@_options
def reinstate(did: str, targets: Targets, sending: Sending) -> int:
    """Make suspended or revoked credentials valid again.

    ENTRY is a file with a credential or a status entry; see `ethr-did status check`.
    """
    return _change(did, "valid", targets, sending)


@click.command(
    "set",
    epilog=examples(
        "ethr-did status set DID 3 credential.json",
        "ethr-did status set DID --file changes.csv",
        "jq … | ethr-did status set DID --file - --yes",
    ),
)
@_did
@click.argument(
    "value", required=False, shell_complete=choices("revoked", "suspended", "reinstated", "valid")
)
@_options
def set_status(did: str, value: str | None, targets: Targets, sending: Sending) -> int:
    """Give credentials any status.

    VALUE is revoked, suspended, valid, or a number. A file of changes may say it in each of its rows instead. ENTRY is a file with a credential or a
    status entry; see `ethr-did status check`.
    """
    if value is None and not targets.files:
        raise click.UsageError("Say which status: revoked, suspended, valid, or a number.")
    return _change(did, None if value is None else parse_value(value), targets, sending)


# -- the change ----------------------------------------------------------------------------------


def _change(did: str, value: str | int | None, targets: Targets, sending: Sending) -> int:
    settings = sending.settings()
    parsed, network = find_identity(did, settings)
    wished = read_wishes(settings, parsed, network, value, targets)
    lists = _stored_lists(settings, parsed, network, wished.anchored)
    if sending.dry_run:
        _show_plan(settings, parsed, network, wished, sending)
        return 0
    _ask(parsed, wished, sending)
    report, changed = _carry_out(settings, parsed, network, wished, lists, sending)
    if sending.as_json:
        members = {} if report is None else report.to_dict()
        off_chain = [{"listId": one.text, "changed": count} for one, count in changed.items()]
        print_json({**members, "offChain": off_chain})
    else:
        _print_report(report)
    for list_id, count in changed.items():
        say(f"{_count(count).capitalize()} of list {list_id.text} changed in the database.")
    if changed:
        say(f"Verifiers see them after: ethr-did status publish {parsed.text}")
    return 0 if report is None else _tell_conflicts(report)


def _stored_lists(
    settings: Settings, did: EthrDID, network: Network, anchored: WishSet
) -> dict[ListId, StoredList]:
    """The lists kept off chain that are to change.

    Raises:
        NotFoundError: one of them is not in the database.
    """
    from ethr_did.cli.status.lists import contract_of

    if not anchored.lists:
        return {}
    contract = contract_of(network, anchored=True)
    with open_store(settings) as store:
        return {one: store.find_list(contract, did.address, one) for one in anchored.lists}


def _ask(did: EthrDID, wished: WishSet, sending: Sending) -> None:
    """Asks before what is final, and before many changes."""
    final = _final_count(wished)
    if final:
        what = "This is final." if final == wished.count else f"For {final} this is final."
        confirm(f"Change {_count(wished.count)} of {did.text}? {what}", sending)
    elif wished.count >= _MANY:
        confirm(f"Change {_count(wished.count)} of {did.text}?", sending)


def _final_count(wished: WishSet) -> int:
    """Entries and records that are to become INVALID for good."""
    from ethr_did.core.status_list import INVALID

    records = sum(value == INVALID for value in wished.records.values())
    return records + sum(
        value == INVALID
        for list_id in wished.lists
        if list_id.is_terminal
        for _, value in wished.entries(list_id)
    )


def _carry_out(
    settings: Settings,
    did: EthrDID,
    network: Network,
    wished: WishSet,
    lists: dict[ListId, StoredList],
    sending: Sending,
) -> tuple[StatusReport | None, dict[ListId, int]]:
    """What was done on chain, and how many entries changed in each list kept off chain."""
    from ethr_did.status.issuing import StatusIssuer

    report: StatusReport | None = None
    on_chain = wished.on_chain
    if on_chain.count:
        with sending.open(settings, network) as (chain, sender):
            issuer = StatusIssuer(network, did, chain=chain)
            report = issuer.apply(on_chain, sender, on_progress=_tell)
    changed: dict[ListId, int] = {}
    if lists:
        with open_store(settings) as store:
            for list_id, stored in lists.items():
                changed[list_id] = store.set_values(stored, dict(wished.entries(list_id)))
    return report, changed


def _tell(progress: StatusProgress) -> None:
    """Tells a person how far it has come, where there is more to come."""
    if progress.stage == "again":
        say("Somebody else changed the same words; what is left is planned again.")
    elif progress.stage == "mined" and progress.done < progress.total:
        say(f"{progress.done} of {progress.total} changed")


def _tell_conflicts(report: StatusReport) -> int:
    from ethr_did.errors import StatusConflict, outcome_of

    try:
        report.check()
    except StatusConflict as conflict:
        complain(conflict.message, conflict.hint)
        return outcome_of(conflict).exit_code
    return 0


# -- printing ------------------------------------------------------------------------------------


def _show_plan(
    settings: Settings, did: EthrDID, network: Network, wished: WishSet, sending: Sending
) -> None:
    from ethr_did.status.issuing import StatusIssuer

    plan: StatusPlan | None = None
    if wished.on_chain.count:
        with sending.open(settings, network) as (chain, sender):
            plan = StatusIssuer(network, did, chain=chain).plan(wished.on_chain, sender)
    off_chain = {
        list_id: sum(1 for _ in wished.entries(list_id)) for list_id in wished.anchored.lists
    }
    if sending.as_json:
        members = {} if plan is None else plan.to_dict()
        named = [{"listId": one.text, "wished": count} for one, count in off_chain.items()]
        print_json({**members, "offChain": named})
        return
    if plan is not None:
        _print_plan(plan, wished)
    for list_id, count in off_chain.items():
        say(f"{_count(count).capitalize()} of {list_id.text} would change in the database.")
    say("Nothing was sent or changed.")


def _print_plan(plan: StatusPlan, wished: WishSet) -> None:
    words = sum(change.word_count for change in plan.changes)
    new = sum(len(change.new_words) for change in plan.changes)
    rows: list[tuple[str, object]] = [
        ("to change", plan.change_count),
        ("are so already", plan.unchanged),
        ("final", _final_count(wished.on_chain)),
        ("lists", len(wished.on_chain.lists)),
        ("words", f"{words}, {new} of them new" if new else words),
        ("records", len(wished.records)),
        ("transactions", len(plan.batches)),
        ("gas, at most", sum(batch.gas for batch in plan.batches)),
        ("expected cost", format_wei(plan.expected_cost)),
        ("highest cost", format_wei(plan.highest_cost)),
    ]
    fields(rows)
    for warning in plan.warnings:
        say(f"Note: {warning}")
    say(f"The sender has {format_wei(plan.quote.balance)}.")


def _print_report(report: StatusReport | None) -> None:
    if report is None:
        return
    fields(
        [
            ("changed", report.changed),
            ("were so already", report.unchanged),
            ("changed by others", len(report.conflicts)),
            ("transactions", len(report.receipts)),
            ("gas", report.gas_used),
            ("cost", format_wei(report.cost_wei)),
        ]
    )
    rows = [
        (receipt.block_number, receipt.gas_used, "0x" + receipt.tx_hash.hex())
        for receipt in report.receipts
    ]
    if rows:
        table(rows, ("block", "gas", "transaction"))


def _count(number: int) -> str:
    return "one status" if number == 1 else f"{number} statuses"
