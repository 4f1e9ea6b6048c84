"""``deploy`` and ``deployments``: contracts for operators."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ethr_did.chain.fees import format_wei
from ethr_did.cli.options import (
    complete_network,
    config_option,
    examples,
    json_option,
    load,
    network_argument,
)
from ethr_did.cli.output import print_json, say, table, working
from ethr_did.cli.sending import Sending, confirm, sending_options

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ethr_did.chain.artifacts import Artifact
    from ethr_did.chain.networks import Network
    from ethr_did.core.keys import Address
    from ethr_did.deployment import DeploymentPlan, Record, Verification
    from ethr_did.settings import Settings

__all__ = ["deploy", "deployments"]

_REGISTRY = "EthereumDIDRegistry"

_records_option = click.option(
    "--records",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("deployments"),
    show_default=True,
    help="Folder of the deployment records.",
)

_rpc_url_option = click.option(
    "--rpc-url", metavar="URL", help="Node to use; needed for a network that is not configured."
)


@click.command(
    epilog=examples(
        "ethr-did deploy sepolia --dry-run",
        "ethr-did deploy mychain --rpc-url http://127.0.0.1:8545",
        "ethr-did deploy sepolia --signer keystore:FILE --cap-cost 0.02",
        "ethr-did deploy sepolia --yes >> config.toml",
        "ethr-did deploy mychain --did-registry 0xdCa7EF03e98e0DC2B855bE647C39ABe984fcF21B",
    )
)
@network_argument
@click.option(
    "--plain",
    is_flag=True,
    help="Let the sender create the contracts, without the proxy that gives equal addresses.",
)
@click.option(
    "--did-registry",
    metavar="ADDRESS",
    help="DID registry that the status contracts serve; otherwise the configured one, or ours.",
)
@_rpc_url_option
@_records_option
@sending_options(asks=True)
def deploy(
    network: str,
    plain: bool,
    did_registry: str | None,
    rpc_url: str | None,
    records: Path,
    sending: Sending,
) -> None:
    """Deploy the contracts to a network.

    These are the DID registry, and for credential status two registries and a lens.

    Plans, asks, sends, compares the code on chain, and writes a record. Safe to run twice: what is
    there already is compared and recorded, not deployed again. Prints the lines that others need in
    their configuration.

    Where the identities of a network live in another DID registry than ours, ours is not deployed,
    and the status contracts serve that one.
    """
    from ethr_did import deployment
    from ethr_did.settings import network_lines

    settings = sending.settings()
    found = _network(settings, network, rpc_url)
    folder = deployment.RecordFolder(records)
    folder.check_chain_id(found.name, found.chain_id)
    known = {record.contract_name: record.address for record in folder.read_all(found.name)}
    found, existing = _served(found, did_registry, known, plain=plain)
    with sending.open(settings, found) as (chain, sender):
        plan = deployment.plan(
            chain,
            [one for one in _artifacts().values() if existing is None or one.name != _REGISTRY],
            sender=sender.address,
            plain=plain,
            known=known,
            rules=sender.rules,
            did_registry=existing,
        )
        if sending.dry_run and sending.as_json:
            print_json(plan.to_dict())
        else:
            _show_plan(plan, stderr=not sending.dry_run)
        if sending.dry_run:
            return
        plan.check()
        if plan.waiting:
            confirm(f"Deploy to {found.name} (chain {found.chain_id})?", sending)
        made = deployment.deploy(plan, sender, network=found.name, folder=folder, tell=say)
    if sending.as_json:
        print_json({"plan": plan.to_dict(), "records": [_to_dict(record) for record in made]})
        return
    say("For the configuration of everybody who uses it:\n")
    click.echo(network_lines(deployment.network_with(found, made)), nl=False)


def _served(
    network: Network, wanted: str | None, known: Mapping[str, Address], *, plain: bool
) -> tuple[Network, Address | None]:
    """The network with the registry that is wanted, and its address if it is not to be deployed.

    Args:
        network: as it is configured.
        wanted: what the user says, if anything.
        known: addresses of contracts by the records.
        plain: whether a registry of ours would have another address than the usual one.
    """
    from ethr_did.chain.networks import BUILT_IN
    from ethr_did.core.keys import parse_address, to_checksum_address

    registry = parse_address(wanted or network.did_registry)
    usual = registry == _our_registry() and not (plain and wanted)
    if usual or registry == known.get(_REGISTRY):
        return network, None
    address = to_checksum_address(registry)
    say(
        f"The identities of {network.name} are in {address}: the status contracts will serve that "
        f"registry, and {_REGISTRY} is not deployed."
    )
    if address == network.did_registry:
        return network, registry
    legacy = any(one.legacy_nonce for one in BUILT_IN if one.did_registry == address)
    return replace(network, did_registry=address, first_block=0, legacy_nonce=legacy), registry


def _network(settings: Settings, name: str, rpc_url: str | None) -> Network:
    """The network of that name; one that is not configured is as the node says it is."""
    table = settings.table()
    if rpc_url is None:
        return table.find(name)
    known = {network.name: network for network in table}
    if name in known:
        return replace(known[name], rpc_url=rpc_url, quorum=1)
    from ethr_did.chain.answer import quantity_of
    from ethr_did.chain.networks import Network
    from ethr_did.chain.request import chain_id
    from ethr_did.chain.rpc import Chain
    from ethr_did.core.keys import to_checksum_address

    with Chain([rpc_url], timeout=settings.timeout) as chain:
        number = quantity_of(chain.send([chain_id()])[0])
    address = to_checksum_address(_our_registry())
    return Network(name=name, chain_id=number, rpc_url=rpc_url, did_registry=address)


def _our_registry() -> Address:
    """Where the proxy puts our DID registry."""
    from ethr_did.deployment import create2_address, salt_of

    return create2_address(_artifacts()[_REGISTRY].init_code, salt_of(_REGISTRY))


def _artifacts() -> dict[str, Artifact]:
    """What is deployed, by name, in order; not bound yet."""
    from ethr_did.chain import artifacts
    from ethr_did.deployment import deployable

    return {name.value: artifacts.load(name) for name in deployable()}


def _show_plan(plan: DeploymentPlan, *, stderr: bool) -> None:
    """Nothing; shows what a deployment would do and cost."""
    from ethr_did.core.keys import to_checksum_address

    rows: list[tuple[object, ...]] = [
        (
            one.name,
            to_checksum_address(one.address),
            one.standing.value,
            f"{'about ' if one.awaits_registry else ''}{one.gas}" if one.gas else "",
            format_wei(one.cost) if one.cost else "",
        )
        for one in plan.contracts
    ]
    if plan.needs_proxy:
        rows.insert(0, ("deployment proxy", "", "absent", "", format_wei(plan.proxy_cost)))
    table(rows, ("contract", "address", "now", "gas", "cost"), stderr=stderr)
    if plan.did_registry is not None:
        say(
            f"The status contracts serve the DID registry {to_checksum_address(plan.did_registry)}."
        )
    say(
        f"Sender {to_checksum_address(plan.sender)} has {format_wei(plan.balance)}; "
        f"{format_wei(plan.cost)} expected, {format_wei(plan.highest_cost)} at worst."
    )


@click.group()
def deployments() -> None:
    """List deployments and verify them against the chain."""


@deployments.command("list", epilog=examples("ethr-did deployments list --records deployments"))
@_records_option
@json_option
def deployments_list(records: Path, as_json: bool) -> None:
    """List the recorded deployments of all networks."""
    from ethr_did.core.keys import to_checksum_address
    from ethr_did.deployment import RecordFolder

    folder = RecordFolder(records)
    found = [(name, record) for name in folder.networks() for record in folder.read_all(name)]
    if as_json:
        print_json([{"network": network, **_to_dict(record)} for network, record in found])
        return
    if not found:
        say(f"Nothing is recorded in {records}.")
        return
    rows = [
        (
            network,
            record.contract_name,
            to_checksum_address(record.address),
            "" if record.block_number is None else record.block_number,
            "CREATE2" if record.factory else "plain",
            "" if record.did_registry is None else to_checksum_address(record.did_registry),
        )
        for network, record in found
    ]
    table(rows, ("network", "contract", "address", "block", "how", "serves"))


def _to_dict(record: Record) -> dict[str, object]:
    out = record.to_dict()
    out.pop("abi")  # hundreds of lines, which are in the record and in the package
    return out


@deployments.command(
    "verify",
    epilog=examples(
        "ethr-did deployments verify", "ethr-did deployments verify sepolia --input-dir out"
    ),
)
@click.argument("networks", metavar="[NETWORK]...", nargs=-1, shell_complete=complete_network)
@_rpc_url_option
@_records_option
@click.option(
    "--input-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Also write here what explorers and Sourcify take to verify the source.",
)
@json_option
@config_option
def deployments_verify(
    networks: tuple[str, ...],
    rpc_url: str | None,
    records: Path,
    input_dir: Path | None,
    as_json: bool,
    config_file: Path | None,
) -> int:
    """Compare chain, record and artifact.

    On all networks with records, unless some are named. A check that could not be made is unknown, never ok. Exit code 8 where something differs, 4
    where something is unknown.
    """
    from ethr_did import deployment

    settings = load(config_file)
    folder = deployment.RecordFolder(records)
    reports: list[tuple[str, Verification]] = []
    for name in networks or folder.networks():
        found = _network(settings, name, rpc_url)
        with found.chain(timeout=settings.timeout) as chain, working(f"Comparing {found.name} …"):
            checked = deployment.verify_network(chain, folder, found.name)
        reports += [(found.name, report) for report in checked]
    if input_dir is not None:
        for artifact in _to_be_published([report.record for _, report in reports]):
            written = deployment.write_verification_input(artifact, input_dir)
            say(f"Wrote {' and '.join(str(path) for path in written)}")
    if as_json:
        print_json([{"network": name, **report.to_dict()} for name, report in reports])
    elif reports:
        _print_reports(reports)
    else:
        say(f"Nothing is recorded in {records}.")
    return _exit_code([report for _, report in reports])


def _to_be_published(records: Sequence[Record]) -> list[Artifact]:
    """The contracts of the records, each once for each DID registry; all contracts if none."""
    known = _artifacts()
    wanted = [(one.contract_name, one.did_registry) for one in records]
    found: dict[bytes, Artifact] = {}
    for name, registry in wanted or [(name, _our_registry()) for name in known]:
        artifact = known.get(name)
        if artifact is not None and artifact.takes_did_registry and registry is not None:
            artifact = artifact.bound(registry)
        if artifact is not None and artifact.is_complete:
            found[artifact.init_code_hash] = artifact
    return list(found.values())


def _print_reports(reports: Sequence[tuple[str, Verification]]) -> None:
    rows = [
        (name, report.record.contract_name, check.name, check.outcome.value, check.detail)
        for name, report in reports
        for check in report.checks
    ]
    table(rows, ("network", "contract", "check", "outcome", "detail"))


def _exit_code(reports: Sequence[Verification]) -> int:
    from ethr_did.deployment import Outcome
    from ethr_did.errors import OUTCOMES

    outcomes = {report.outcome for report in reports}
    if Outcome.FAILED in outcomes:
        return OUTCOMES["deployment_error"].exit_code
    return OUTCOMES["chain_error"].exit_code if Outcome.UNKNOWN in outcomes else 0
