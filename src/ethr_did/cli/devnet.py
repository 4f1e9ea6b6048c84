"""``devnet``: the in-process chain as a node on loopback, ready to be used."""

from __future__ import annotations

import shutil
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ethr_did.cli.options import config_option, json_option, load
from ethr_did.cli.output import print_json, say, table

if TYPE_CHECKING:
    from ethr_did.chain.local import LocalChain, LocalServer
    from ethr_did.deployment import Record

__all__ = ["devnet", "prepare"]

NAME = "dev"
_ETHER = 10**18


@click.command(
    epilog=(
        "Examples:\n\n  ethr-did devnet\n\n  ethr-did devnet --state devnet.json --port 0 --json"
    )
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Loopback address.")
@click.option("--port", default=8545, show_default=True, help="0 for any free one.")
@click.option("--chain-id", default=31337, show_default=True)
@click.option(
    "--accounts", default=10, show_default=True, type=click.IntRange(1, 100), help="How many."
)
@click.option(
    "--state",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to start from, and to save the chain to at the end.",
)
@click.option(
    "--write-config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where the ready configuration goes; otherwise devnet/config.toml in the state folder.",
)
@json_option
@config_option
def devnet(
    host: str,
    port: int,
    chain_id: int,
    accounts: int,
    state: Path | None,
    write_config: Path | None,
    as_json: bool,
    config_file: Path | None,
) -> None:
    """Serve a local chain with the registries deployed, until Ctrl-C.

    It speaks JSON-RPC like any node: wallets, ethers, web3.py and other resolvers work with it.
    The accounts are the well-known ones of anvil and hardhat: never use them anywhere else.
    """
    from ethr_did.chain.local import LocalChain, serve

    folder = load(config_file).state_dir / "devnet"
    exists = state is not None and state.exists()
    chain = (
        LocalChain.load(state)
        if exists and state
        else LocalChain(chain_id=chain_id, accounts=accounts)
    )
    with serve(chain, host=host, port=port) as server:
        ready = prepare(chain, server, folder, write_config or folder / "config.toml")
        if as_json:
            print_json(ready)
        else:
            _print_ready(ready)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            say("Stopping.")
        finally:
            if state is not None:
                chain.save(state)
                say(f"The chain is saved in {state}.")


def prepare(
    chain: LocalChain, server: LocalServer, folder: Path, config: Path
) -> dict[str, object]:
    """What a user needs to know of a devnet, its registry deployed and its files written.

    Args:
        chain: the chain.
        server: the same chain over HTTP.
        folder: where the key files of its accounts go.
        config: the configuration file to write.
    """
    from ethr_did.chain.networks import Network
    from ethr_did.chain.secret_files import write_new_file
    from ethr_did.core.keys import to_checksum_address
    from ethr_did.settings import write_config

    record = deploy_registries(chain)
    registry = to_checksum_address(record.address)
    network = Network(
        name=NAME,
        chain_id=chain.chain_id,
        rpc_url=server.url,
        did_registry=registry,
        first_block=record.block_number or 0,
    )
    write_config(config, [network])
    signers = []
    for number, account in enumerate(chain.accounts):
        path = folder / f"account-{number}.key"
        path.unlink(missing_ok=True)
        write_new_file(path, account.key.hex().encode() + b"\n")
        signers.append({"address": account.address, "signer": f"keyfile:{path}"})
    return {
        "url": server.url,
        "chainId": chain.chain_id,
        "network": NAME,
        "didRegistry": registry,
        "config": str(config),
        "accounts": signers,
    }


def deploy_registries(chain: LocalChain) -> Record:
    """The record of the DID registry, deployed by the first account where it is not there yet."""
    from ethr_did.chain.artifacts import ContractName, load
    from ethr_did.chain.journal import Journal
    from ethr_did.chain.local_signer import LocalSigner
    from ethr_did.chain.rpc import Chain
    from ethr_did.chain.transactions import Sender, Waiting
    from ethr_did.deployment import RecordFolder, deploy, plan

    signer = LocalSigner.from_key(chain.accounts[0].key)
    door = Chain([chain.provider], chain_id=chain.chain_id)
    # Every devnet is a new chain: what a journal of an earlier one holds would only confuse.
    fresh = Path(tempfile.mkdtemp(prefix="ethr-did-devnet-"))
    try:
        sender = Sender(
            door,
            chain_id=chain.chain_id,
            signer=signer,
            journal=Journal(fresh, chain_id=chain.chain_id, sender=signer.address),
            waiting=Waiting(poll=0.01),
        )
        artifact = load(ContractName.ETHEREUM_DID_REGISTRY)
        planned = plan(door, [artifact], sender=signer.address)
        records = RecordFolder(fresh / "deployments")
        return deploy(planned, sender, network=NAME, folder=records)[0]
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _print_ready(ready: dict[str, object]) -> None:
    accounts = ready["accounts"]
    assert isinstance(accounts, list)  # noqa: S101 - made a few lines above
    click.echo(f"JSON-RPC on {ready['url']}, chain {ready['chainId']}")
    click.echo(f"EthereumDIDRegistry at {ready['didRegistry']}")
    table([(a["address"], "10000 ETH", a["signer"]) for a in accounts], ("account", "", "--signer"))
    click.echo("\nIn another terminal:\n")
    click.echo(f"  export ETHR_DID_CONFIG={ready['config']}")
    click.echo(f"  export ETHR_DID_SIGNER={accounts[1]['signer']}")
    click.echo(
        f"  ethr-did service add did:ethr:{NAME}:{accounts[1]['address']} Hub https://hub.example.com"
    )
    click.echo(f"  ethr-did resolve did:ethr:{NAME}:{accounts[1]['address']}")
    click.echo("\nCtrl-C ends it.")
