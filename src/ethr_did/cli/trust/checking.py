"""``trust check`` and ``trust sign``: who is trusted by which source, and lists for others."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ethr_did.cli.changing import parse_validity
from ethr_did.cli.options import (
    ask_password,
    config_option,
    examples,
    json_option,
    load,
    open_resolver,
    signer_options,
)
from ethr_did.cli.output import print_json, say, table, working
from ethr_did.cli.trust.editing import (
    file_option,
    issuer_argument,
    open_file,
    parse_moment,
    type_option,
)
from ethr_did.cli.trust.sources import open_sources

if TYPE_CHECKING:
    from ethr_did.credentials.trust import (
        TrustPolicy,
        TrustQuestion,
        TrustState,
        TrustVerdict,
    )
    from ethr_did.errors import EthrDIDError
    from ethr_did.settings import Settings

__all__ = ["check", "sign"]

_NOT_TRUSTED = 10
_UNDETERMINED = 4


@click.command(
    epilog=examples(
        "ethr-did trust check ISSUER_DID --type DiplomaCredential",
        "ethr-did trust check ISSUER_DID --type DiplomaCredential --authority DID --authority DID",
        "ethr-did trust check ISSUER_DID --type LibraryCard --file own.json --signed list.jwt DID",
    )
)
@issuer_argument
@type_option("A type of the credential; all that it has, one after another.", required=True)
@click.option(
    "--file",
    "files",
    type=click.Path(path_type=Path, dir_okay=False),
    multiple=True,
    help="A trust list of your own; may be repeated.",
)
@click.option(
    "--signed",
    type=(click.Path(path_type=Path, dir_okay=False), str),
    metavar="FILE DID",
    multiple=True,
    help="A signed list, and whose it must be; may be repeated.",
)
@click.option(
    "--authority",
    "authorities",
    metavar="DID",
    multiple=True,
    help="An identity whose accreditations on chain count; may be repeated.",
)
@click.option("--at-time", metavar="TIME", help="Whether it was trusted at that time.")
@json_option
@config_option
def check(
    issuer: str,
    kinds: tuple[str, ...],
    files: tuple[Path, ...],
    signed: tuple[tuple[Path, str], ...],
    authorities: tuple[str, ...],
    at_time: str | None,
    as_json: bool,
    config_file: Path | None,
) -> int:
    """Say whether an issuer is trusted for a credential.

    Where no source is named, the list in the user's state folder is asked. Exit code 0 if a source
    trusts the issuer for all these types, 10 if none does, 4 if that could not be found out.
    """
    from ethr_did.credentials.trust import TrustPolicy, TrustQuestion, judge

    settings = load(config_file)
    sources = open_sources(files, signed, authorities, settings)
    if not sources:
        sources = (open_file(None, settings).read(),)
    policy = TrustPolicy(sources=sources, networks=settings.table())
    question = TrustQuestion(issuer=issuer, types=kinds)
    moment, now = parse_moment(at_time), int(time.time())
    with working("Asking …"):
        state = _find_out(policy, question, settings, now=now, at=moment)
    verdict = judge(policy, state, question, at=moment)
    if as_json:
        print_json({"issuer": issuer, "types": list(kinds), **verdict.to_dict()})
    else:
        _print(verdict)
    return _exit_code(verdict)


def _find_out(
    policy: TrustPolicy, question: TrustQuestion, settings: Settings, *, now: int, at: int | None
) -> TrustState:
    """What the sources have to be asked for."""
    from ethr_did.credentials.trust import TrustState
    from ethr_did.did_methods import DIDResolver
    from ethr_did.errors import EthrDIDError
    from ethr_did.fetching import Fetcher

    needs, state = policy.needs([question], now=now, at=at), TrustState(now=now)
    with open_resolver(settings) as ethr:
        resolver = DIDResolver(ethr=ethr, fetcher=Fetcher())
        for signed in needs.proofs:
            error: EthrDIDError | None = None
            try:
                document = resolver.resolve(signed.signer).require_document()
                signed.check_signature(document, now=now)
            except EthrDIDError as found:
                error = found
            state = state.with_proof(signed, error)
    for reading in needs.readings:
        try:
            with reading.network.chain(timeout=settings.timeout) as chain:
                state = state.with_reading(reading, chain.agree(reading.steps))
        except EthrDIDError as found:
            state = state.with_reading(reading, found)
    return state


def _print(verdict: TrustVerdict) -> None:
    rows = [(one.source, one.reason.value, one.message) for one in verdict.decisions]
    table(rows, ("source", "answer", "because"))
    say({0: "Trusted.", _NOT_TRUSTED: "Not trusted."}.get(_exit_code(verdict), "Not known."))


def _exit_code(verdict: TrustVerdict) -> int:
    from ethr_did.credentials.report import Outcome

    return {Outcome.PASSED: 0, Outcome.FAILED: _NOT_TRUSTED}.get(verdict.outcome, _UNDETERMINED)


@click.command(
    epilog=examples(
        "ethr-did trust sign --issuer did:ethr:sepolia:0xADDRESS --signer keystore:FILE > list.jwt",
        "ethr-did trust sign --issuer did:web:a.example --kid '#key-1' --signer jwkfile:key.jwk",
    )
)
@click.option("--issuer", metavar="DID", required=True, help="Whose list it is.")
@click.option(
    "--kid",
    metavar="DID_URL",
    help="The verification method; #controller of a did:ethr if it is left out.",
)
@click.option(
    "--validity",
    default="30d",
    show_default=True,
    metavar="TIME",
    help="How long it is good: seconds, or a number with m, h, d or y.",
)
@file_option
@signer_options()
@json_option
@config_option
def sign(
    issuer: str,
    kid: str | None,
    validity: str,
    file: Path | None,
    signer: str,
    password_file: Path | None,
    as_json: bool,
    config_file: Path | None,
) -> None:
    """Sign a trust list, so that others can take it from anywhere.

    Prints a token. Until it ends, others go on believing it although you have signed another: keep
    the time short. The signer may be jwkfile:PATH as well.
    """
    from ethr_did.core.resolution import format_time
    from ethr_did.credentials.signed_trust_lists import sign_trust_list
    from ethr_did.credentials.signing_keys import open_signing_key

    method = kid or _controller_of(issuer)
    now, seconds = int(time.time()), parse_validity(validity)
    trust_list = replace(open_file(file, load(config_file)).read(), issuer=issuer)
    key = open_signing_key(signer, ask_password=ask_password, password_file=password_file)
    token = sign_trust_list(
        trust_list,
        key,
        algorithm=key.public.algorithms[0],
        method_id=method,
        issued_at=now,
        expires_at=now + seconds,
    )
    if as_json:
        print_json(
            {"token": token, "issuer": issuer, "kid": method, "exp": format_time(now + seconds)}
        )
        return
    click.echo(token)
    say(f"Good until {format_time(now + seconds)}.")


def _controller_of(issuer: str) -> str:
    """The method of the owner's key of a did:ethr."""
    if not issuer.startswith("did:ethr:"):
        raise click.UsageError(
            "Name the verification method with --kid: only did:ethr has a usual one."
        )
    return f"{issuer}#controller"
