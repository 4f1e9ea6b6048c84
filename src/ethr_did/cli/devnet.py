"""``devnet``: the in-process chain as a node on loopback, ready to be used."""

from __future__ import annotations

import shlex
import shutil
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ethr_did.cli.options import examples, json_option
from ethr_did.cli.output import columns, print_json, say
from ethr_did.errors import InvalidFile, InvalidOption

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ethr_did.chain.local import LocalChain, LocalServer
    from ethr_did.deployment import Record

__all__ = ["devnet", "prepare"]

NAME = "dev"
_CHAIN_ID = 31337
_ACCOUNTS = 10
_CONTRACTS = (
    ("EthereumDIDRegistry", "didRegistry"),
    ("CredentialStatusRegistry", "statusRegistry"),
    ("StatusListAnchorRegistry", "anchorRegistry"),
    ("CredentialStatusLens", "statusLens"),
)


@click.command(
    epilog=examples("ethr-did devnet", "ethr-did devnet --state devnet.json.gz --port 0 --json")
)
@click.option(
    "--host",
    metavar="ADDRESS",
    default="127.0.0.1",
    show_default=True,
    help="To listen on; loopback only.",
)
@click.option(
    "--port",
    default=8545,
    show_default=True,
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="0 for any free one.",
)
@click.option(
    "--chain-id",
    metavar="NUMBER",
    type=click.IntRange(1),
    help=f"Of a new chain; otherwise {_CHAIN_ID}.",
)
@click.option(
    "--accounts",
    metavar="NUMBER",
    type=click.IntRange(1, 100),
    help=f"How many a new chain has; otherwise {_ACCOUNTS}.",
)
@click.option(
    "--state",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to start from if it exists, and to save the chain to at the end.",
)
@click.option(
    "--write-config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where the ready configuration goes; otherwise devnet/config.toml in the state folder.",
)
@json_option
def devnet(
    host: str,
    port: int,
    chain_id: int | None,
    accounts: int | None,
    state: Path | None,
    write_config: Path | None,
    as_json: bool,
) -> None:
    """Serve a local chain with all contracts deployed.

    It runs until Ctrl-C, and speaks JSON-RPC like any node: wallets, ethers, web3.py and other
    resolvers work with it. The accounts are the well-known ones of anvil and hardhat: never use
    them anywhere else. A new chain forgets what the journal holds of these accounts on older ones.
    """
    from ethr_did.settings import state_folder

    folder = state_folder()
    chain = _open_chain(state, chain_id, accounts)
    with _serve(chain, host, port) as server:
        is_new = chain.head.number == 0
        records = deploy_contracts(chain)
        if state is not None:
            _save(chain, state)  # what cannot be written is better known now
        if is_new:
            _forget(chain, folder / "journal")
        config = write_config or folder / "devnet" / "config.toml"
        ready = prepare(chain, server, records, folder / "devnet", config)
        if as_json:
            print_json(ready)
        else:
            _print_ready(ready)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            say("\nStopping.")
        finally:
            if state is not None:
                _save(chain, state)
                say(f"The chain is saved in {state}.")


def _open_chain(state: Path | None, chain_id: int | None, accounts: int | None) -> LocalChain:
    from ethr_did.chain.local import LocalChain

    if state is not None and state.exists():
        chain = LocalChain.load(state)
        given = (chain_id or chain.chain_id, accounts or len(chain.accounts))
        if given != (chain.chain_id, len(chain.accounts)):
            raise InvalidOption(
                f"{state} holds chain {chain.chain_id} with {len(chain.accounts)} accounts",
                hint="Leave --chain-id and --accounts away, or name another file.",
            )
        return chain
    return LocalChain(chain_id=chain_id or _CHAIN_ID, accounts=accounts or _ACCOUNTS)


def _forget(chain: LocalChain, journals: Path) -> None:
    """Nothing; the journal knows of no transactions that were sent on an older chain."""
    for account in chain.accounts:
        shutil.rmtree(journals / str(chain.chain_id) / account.address, ignore_errors=True)


def _serve(chain: LocalChain, host: str, port: int) -> LocalServer:
    from ethr_did.chain.local import serve

    try:
        return serve(chain, host=host, port=port)
    except OSError as cause:
        raise InvalidOption(
            f"cannot listen on {host}, port {port}: {cause.strerror or cause}",
            hint="Choose another with --port; 0 takes any free one.",
        ) from cause


def _save(chain: LocalChain, state: Path) -> None:
    try:
        chain.save(state)
    except OSError as cause:
        raise InvalidFile(
            f"the chain cannot be saved in {state}: {cause.strerror or cause}", path=str(state)
        ) from cause


def prepare(
    chain: LocalChain,
    server: LocalServer,
    records: Sequence[Record],
    folder: Path,
    config: Path,
) -> dict[str, Any]:
    """What a user needs to know of a devnet, after its files were written.

    Args:
        chain: the chain.
        server: the same chain over HTTP.
        records: of its contracts, the DID registry first.
        folder: where the key files of its accounts go.
        config: the configuration file to write.
    """
    from ethr_did.chain.networks import Network
    from ethr_did.chain.secret_files import write_new_file
    from ethr_did.core.keys import to_checksum_address
    from ethr_did.deployment import network_with
    from ethr_did.settings import write_config

    registry = to_checksum_address(records[0].address)
    bare = Network(name=NAME, chain_id=chain.chain_id, rpc_url=server.url, did_registry=registry)
    network = network_with(bare, records)
    write_config(config, [network])
    signers = []
    for number, account in enumerate(chain.accounts):
        path = folder.absolute() / f"account-{number}.key"
        path.unlink(missing_ok=True)
        write_new_file(path, account.key.hex().encode() + b"\n")
        signers.append({"address": account.address, "signer": f"keyfile:{path}"})
    return {
        "url": server.url,
        "chainId": chain.chain_id,
        "network": NAME,
        "didRegistry": network.did_registry,
        "statusRegistry": network.status_registry,
        "anchorRegistry": network.anchor_registry,
        "statusLens": network.status_lens,
        "config": str(config.absolute()),
        "accounts": signers,
    }


def deploy_contracts(chain: LocalChain) -> list[Record]:
    """The records of all contracts, deployed by the first account where they are not there yet."""
    from ethr_did.chain.artifacts import load
    from ethr_did.chain.journal import Journal
    from ethr_did.chain.local_signer import LocalSigner
    from ethr_did.chain.rpc import Chain
    from ethr_did.chain.transactions import Sender, Waiting
    from ethr_did.deployment import RecordFolder, deploy, deployable, plan

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
        artifacts = [load(name) for name in deployable()]
        planned = plan(door, artifacts, sender=signer.address)
        records = RecordFolder(fresh / "deployments")
        return deploy(planned, sender, network=NAME, folder=records)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _print_ready(ready: dict[str, Any]) -> None:
    accounts = ready["accounts"]
    did = f"did:ethr:{NAME}:{accounts[min(1, len(accounts) - 1)]['address']}"
    rows = [(account["address"], account["signer"]) for account in accounts]
    lines = [
        f"JSON-RPC on {ready['url']}, chain {ready['chainId']}",
        "",
        *columns([(name, ready[key]) for name, key in _CONTRACTS], ("contract", "address")),
        "",
        *columns(rows, ("account", "--signer")),
        "",
        "In another terminal:",
        "",
        f"  export ETHR_DID_CONFIG={shlex.quote(ready['config'])}",
        f"  export ETHR_DID_SIGNER={shlex.quote(rows[min(1, len(rows) - 1)][1])}",
        f"  ethr-did service add {did} Hub https://hub.example.com",
        f"  ethr-did resolve {did}",
        "",
        "Ctrl-C ends it.",
    ]
    click.echo("\n".join(lines))
