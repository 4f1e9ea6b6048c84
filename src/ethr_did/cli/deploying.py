"""``deploy`` and ``deployments``: registries for operators."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ethr_did.cli.options import config_option, json_option, load
from ethr_did.cli.output import describe_wei, print_json, say, table
from ethr_did.cli.sending import Sending, confirm, sending_options, waiting_spinner

if TYPE_CHECKING:
    from ethr_did.chain.artifacts import Artifact
    from ethr_did.deployment import DeploymentPlan, Record, Verification

__all__ = ["deploy", "deployments"]

_DIFFERS = 8
_UNKNOWN = 4

_records_option = click.option(
    "--records",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("deployments"),
    show_default=True,
    help="Folder of the deployment records.",
)


@click.command(
    epilog=(
        "Examples:\n\n"
        "  ethr-did deploy sepolia --dry-run\n\n"
        "  ethr-did deploy sepolia --signer keystore:FILE --cap-cost 0.02"
    )
)
@click.argument("network")
@click.option(
    "--plain",
    is_flag=True,
    help="Let the sender create the contracts, without the proxy that gives equal addresses.",
)
@_records_option
@sending_options
def deploy(network: str, plain: bool, records: Path, sending: Sending) -> None:
    """Deploy the registries to a network: plan, confirm, send, compare, record.

    Safe to run twice: what is there already is compared and recorded, not deployed again.
    """
    from ethr_did import deployment

    settings = sending.settings()
    found = settings.table().find(network)
    folder = deployment.RecordFolder(records)
    artifacts = _artifacts()
    with found.chain(timeout=settings.timeout) as chain:
        sender = sending.sender(settings, found, chain)
        known = {record.contract_name: record.address for record in folder.read_all(found.name)}
        plan = deployment.plan(
            chain, artifacts, sender=sender.address, plain=plain, known=known, rules=sender.rules
        )
        if sending.dry_run or not sending.as_json:
            print_deployment_plan(plan, as_json=sending.as_json)
        if sending.dry_run:
            return
        if plan.waiting:
            plan.check()
            confirm(f"Deploy to {found.name} (chain {found.chain_id})?", sending)
        with waiting_spinner():
            made = deployment.deploy(plan, sender, network=found.name, folder=folder, tell=say)
    if sending.as_json:
        print_json({"plan": plan.to_dict(), "records": [record.to_dict() for record in made]})
        return
    registry = next(r for r in made if r.contract_name == artifacts[0].name)
    click.echo("For the configuration of everybody who uses it:\n")
    click.echo(deployment.network_lines(found.name, found.chain_id, registry))


def _artifacts() -> list[Artifact]:
    from ethr_did.chain.artifacts import ContractName, load

    return [load(ContractName.ETHEREUM_DID_REGISTRY)]


def print_deployment_plan(plan: DeploymentPlan, *, as_json: bool) -> None:
    """Nothing; prints what a deployment would do and cost."""
    from ethr_did.core.keys import to_checksum_address

    if as_json:
        print_json(plan.to_dict())
        return
    rows: list[tuple[object, ...]] = [
        (
            one.name,
            to_checksum_address(one.address),
            one.standing.value,
            one.gas or "",
            describe_wei(one.cost) if one.cost else "",
        )
        for one in plan.contracts
    ]
    if plan.needs_proxy:
        rows.insert(0, ("deployment proxy", "", "absent", "", describe_wei(plan.proxy_cost)))
    table(rows, ("contract", "address", "now", "gas", "cost"))
    say(
        f"Sender {to_checksum_address(plan.sender)} has {describe_wei(plan.balance)}; "
        f"{describe_wei(plan.cost)} expected, {describe_wei(plan.highest_cost)} at worst."
    )


@click.group()
def deployments() -> None:
    """List deployments and verify them against the chain."""


@deployments.command("list")
@_records_option
@json_option
def deployments_list(records: Path, as_json: bool) -> None:
    """List the recorded deployments of all networks."""
    from ethr_did.core.keys import to_checksum_address

    found = _all_records(records)
    if as_json:
        print_json([{"network": network, **record.to_dict()} for network, record in found])
        return
    rows = [
        (
            network,
            record.contract_name,
            to_checksum_address(record.address),
            "" if record.block_number is None else record.block_number,
            "CREATE2" if record.factory else "plain",
        )
        for network, record in found
    ]
    table(rows, ("network", "contract", "address", "block", "how"))


def _all_records(root: Path) -> list[tuple[str, Record]]:
    from ethr_did.deployment import RecordFolder

    folder = RecordFolder(root)
    return [(name, record) for name in folder.networks() for record in folder.read_all(name)]


@deployments.command(
    "verify", epilog="Example: ethr-did deployments verify sepolia --input-dir out"
)
@click.argument("network")
@_records_option
@click.option(
    "--input-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Also write here what explorers and Sourcify take to verify the source.",
)
@json_option
@config_option
def deployments_verify(
    network: str, records: Path, input_dir: Path | None, as_json: bool, config_file: Path | None
) -> int:
    """Compare chain, record and artifact; a check that could not be made is unknown, never ok."""
    from ethr_did import deployment

    settings = load(config_file)
    found = settings.table().find(network)
    folder = deployment.RecordFolder(records)
    recorded = folder.read_all(found.name)
    if not recorded:
        raise click.UsageError(f"Nothing is recorded for {found.name} in {records}.")
    artifacts = {artifact.name: artifact for artifact in _artifacts()}
    inputs = {record.source_hash: folder.read_input(record.source_hash) for record in recorded}
    with found.chain(timeout=settings.timeout) as chain:
        reports = deployment.verify(
            chain, recorded, expected_chain=found.chain_id, artifacts=artifacts, inputs=inputs
        )
    if input_dir is not None:
        for artifact in artifacts.values():
            written = deployment.write_verification_input(artifact, input_dir)
            say(f"Wrote {' and '.join(str(path) for path in written)}")
    if as_json:
        print_json([report.to_dict() for report in reports])
    else:
        _print_reports(reports)
    return _exit_code(reports)


def _print_reports(reports: tuple[Verification, ...]) -> None:
    rows = [
        (report.record.contract_name, check.name, check.outcome.value, check.detail)
        for report in reports
        for check in report.checks
    ]
    table(rows, ("contract", "check", "outcome", "detail"))


def _exit_code(reports: tuple[Verification, ...]) -> int:
    from ethr_did.deployment.verification import Outcome

    outcomes = {report.outcome for report in reports}
    if Outcome.FAILED in outcomes:
        return _DIFFERS
    return _UNKNOWN if Outcome.UNKNOWN in outcomes else 0
