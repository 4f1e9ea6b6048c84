"""``credential issue`` and ``credential reissue``."""

from __future__ import annotations

import io
import secrets
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ethr_did.cli.changing import find_identity
from ethr_did.cli.credential.offices import (
    Kind,
    format_of,
    kind_options,
    open_issuer,
    read_template,
)
from ethr_did.cli.options import examples
from ethr_did.cli.output import print_json, say
from ethr_did.cli.sending import Sending, sending_options
from ethr_did.cli.status.stores import open_store
from ethr_did.cli.status.subjects import read_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import TypeVar

    from ethr_did.chain.networks import Network
    from ethr_did.core.did import EthrDID
    from ethr_did.credentials.anchoring import ExistenceProof
    from ethr_did.credentials.credential import CredentialFormat
    from ethr_did.credentials.deliveries import Delivery
    from ethr_did.credentials.issue_request import IssueRequest
    from ethr_did.credentials.issuing import CredentialIssuer, Issued, IssueProgress, Reissued
    from ethr_did.credentials.templates import Template
    from ethr_did.settings import Settings

    F = TypeVar("F", bound=Callable[..., Any])

__all__ = ["issue", "reissue"]

_FILE = click.Path(path_type=Path, dir_okay=False, allow_dash=True)


def _claims(*, required: bool) -> Callable[[F], F]:
    return click.option(
        "--claims",
        "claims_file",
        type=_FILE,
        required=required,
        help="JSON object with what it says; - is standard input.",
    )


_out = click.option(
    "--out",
    "out",
    type=click.Path(path_type=Path),
    help="A new file. Of a batch a file of lines, which is added to, or a folder.",
)


@click.command(
    epilog=examples(
        "ethr-did credential issue DID --template diploma --claims erika.json"
        " --holder-key erika.jwk",
        "ethr-did credential issue DID --template diploma --claims - --subject did:key:z…"
        " --format jwt --out erika.jwt",
        "ethr-did credential issue DID --template student-card --batch class.csv"
        " --out cards.jsonl --signing-key jwkfile:issuer.jwk --anchor",
    )
)
@click.argument("did")
@_claims(required=False)
@click.option(
    "--batch",
    "batch_file",
    type=_FILE,
    help="Many of them, as CSV or lines of JSON (docs/cli.md); - is standard input.",
)
@click.option(
    "--reference",
    metavar="TEXT",
    help="A label by which it is revoked or replaced; otherwise a random one. No personal data.",
)
@kind_options
@_out
@click.option(
    "--anchor",
    is_flag=True,
    help="Prove on chain, by a salted digest, that it exists now; --signer pays.",
)
@sending_options(plans=False, needs_signer=False)
def issue(
    did: str,
    claims_file: Path | None,
    batch_file: Path | None,
    reference: str | None,
    kind: Kind,
    out: Path | None,
    anchor: bool,
    sending: Sending,
) -> None:
    """Issue a credential, or a batch of them.

    Claims are checked against the template, the key against the DID document as it is now. Run again
    after an interruption, it goes on: nothing is issued twice under one reference.
    """
    if (claims_file is None) is (batch_file is None):
        raise click.UsageError("Say what it says: --claims, or --batch for many.")
    if kind.template_name is None:
        raise click.UsageError("Say what kind it is: --template.")
    if anchor and (out is None or sending.signer is None):
        raise click.UsageError(
            "--anchor is a transaction and gives a proof: say who sends it with --signer, and where "
            "to write with --out."
        )
    settings = sending.settings()
    parsed, network = find_identity(did, settings)
    template = read_template(kind.template_name)
    format_ = format_of(kind.format_name or "sd-jwt")
    if claims_file is None:
        assert batch_file is not None  # noqa: S101 - one of both is
        place = _check_batch(kind, reference, out)
        requests = _read_batch(batch_file, template, format_, kind)
        with open_issuer(settings, parsed, network, kind, sending) as issuer:
            _issue_batch(issuer, requests, place, settings, network, sending, anchor=anchor)
        return
    request = _request(claims_file, template, format_, kind, reference)
    with open_issuer(settings, parsed, network, kind, sending) as issuer:
        made = issuer.issue(request, now=int(time.time()))
        _hand_over(issuer, made, out, as_json=sending.as_json)
        proofs = _anchored(issuer, [made.reference], settings, network, sending) if anchor else {}
    if out is not None:
        _tell_one(made, out, proofs.get(made.reference), as_json=sending.as_json)
    say(f"Issued under the reference {made.reference}.")


def _request(
    claims_file: Path,
    template: Template,
    format_: CredentialFormat,
    kind: Kind,
    reference: str | None,
) -> IssueRequest:
    from ethr_did.credentials.issue_request import IssueRequest

    return IssueRequest(
        template=template,
        format=format_,
        claims=_read_claims(claims_file),
        reference=reference,
        subject=kind.subject,
        holder_key=kind.holder,
        bearer=kind.bearer,
        **kind.times(),
    )


def _read_claims(path: Path) -> Mapping[str, Any]:
    from ethr_did.core.strict_json import read_json
    from ethr_did.errors import InvalidFile, InvalidInput

    data = read_bytes(path)
    try:
        claims = read_json(data)
    except InvalidInput:
        claims = None  # the error would show the beginning of the claims
    if not isinstance(claims, dict):
        raise InvalidFile(f"{path} is no JSON object as it is read here")
    return claims


# -- one -----------------------------------------------------------------------------------------


def _hand_over(
    issuer: CredentialIssuer, made: Issued, out: Path | None, *, as_json: bool, **more: Any
) -> None:
    """Writes a credential where it was asked for; then what could make it again is deleted."""
    from ethr_did.credentials.deliveries import file_text, write_credential

    if out is not None:
        write_credential(out, made.raw)
    elif as_json:
        print_json({**_summary(made), "credential": made.raw, **more})
    else:
        click.echo(file_text(made.raw).decode(), nl=False)
    sys.stdout.flush()
    issuer.confirm(made.raw)


def _tell_one(made: Issued, out: Path, proof: ExistenceProof | None, *, as_json: bool) -> None:
    if proof is not None:
        _write_proof(_proof_path(out), proof)
        say(f"The proof of its existence is in {_proof_path(out)}; give both to the holder.")
    if as_json:
        members = {} if proof is None else {"existenceProof": proof.to_dict()}
        print_json({**_summary(made), "file": str(out), **members})


def _summary(made: Issued) -> dict[str, Any]:
    return {
        "reference": made.reference,
        "format": made.format.value,
        "digest": "0x" + made.digest.hex(),
        "status": None if made.entry is None else made.entry.to_dict(),
    }


def _proof_path(out: Path) -> Path:
    return out.with_name(f"{out.name}.proof.json")


def _write_proof(path: Path, proof: ExistenceProof) -> None:
    from ethr_did.credentials.deliveries import file_text, replace_with

    replace_with(path, file_text(proof.to_dict()))


def _anchored(
    issuer: CredentialIssuer,
    references: Sequence[str],
    settings: Settings,
    network: Network,
    sending: Sending,
) -> dict[str, ExistenceProof]:
    with sending.open(settings, network) as (_, sender):
        return issuer.anchor(references, sender, now=int(time.time()))


# -- many ----------------------------------------------------------------------------------------


def _check_batch(kind: Kind, reference: str | None, out: Path | None) -> Path:
    """Where a batch is written to."""
    if reference is not None or kind.subject is not None or kind.holder_key is not None:
        raise click.UsageError("In a batch each row names its reference, subject and holder key.")
    if kind.valid_from is not None or kind.valid_until is not None:
        raise click.UsageError("In a batch each row names its times; --valid-days is for all.")
    if out is None or str(out) == "-":
        raise click.UsageError("A batch needs a place that outlives a crash: --out.")
    return out


def _read_batch(
    path: Path, template: Template, format_: CredentialFormat, kind: Kind
) -> list[IssueRequest]:
    from ethr_did.credentials.batch_files import BatchReader

    reader = BatchReader(
        template=template, format=format_, bearer=kind.bearer, valid_days=kind.valid_days
    )
    name = "standard input" if str(path) == "-" else path.name
    return reader.read(io.BytesIO(read_bytes(path)), name, now=int(time.time()))


def _issue_batch(
    issuer: CredentialIssuer,
    requests: Sequence[IssueRequest],
    out: Path,
    settings: Settings,
    network: Network,
    sending: Sending,
    *,
    anchor: bool,
) -> None:
    with ExitStack() as stack:
        delivery = _open_delivery(stack, out, [str(one.reference) for one in requests])
        known = issuer.confirm(*delivery.held())
        if known:
            say(f"{known} of an earlier run are in {out} already.")
        report = issuer.issue_many(
            requests,
            clock=lambda: int(time.time()),
            deliver=delivery.deliver,
            on_progress=_tell_progress,
        )
    proofs: dict[str, ExistenceProof] = {}
    if anchor:
        proofs = _anchored(issuer, report.references, settings, network, sending)
        _write_proofs(out, proofs)
    if sending.as_json:
        print_json(
            {
                "issued": report.issued,
                "skipped": report.skipped,
                "out": str(out),
                "anchored": len(proofs),
            }
        )
        return
    click.echo(f"{report.issued} issued, {report.skipped} had been issued before: {out}")
    if report.skipped > known:
        say(
            "What was handed over before is not written again; lost? `ethr-did credential reissue`."
        )
    if proofs:
        say(f"Their proofs of existence are in {_proofs_path(out)}.")


def _open_delivery(stack: ExitStack, out: Path, references: Sequence[str]) -> Delivery:
    from ethr_did.credentials.deliveries import CredentialFolder, CredentialLines

    if _is_folder(out):
        return CredentialFolder(out, references)
    return stack.enter_context(CredentialLines(out))


def _is_folder(out: Path) -> bool:
    return out.is_dir() or not (out.suffix or out.exists())


def _tell_progress(progress: IssueProgress) -> None:
    if progress.done < progress.total:
        say(f"{progress.done} of {progress.total}")


def _proofs_path(out: Path) -> Path:
    return out if _is_folder(out) else out.with_suffix(".proofs.jsonl")


def _write_proofs(out: Path, proofs: Mapping[str, ExistenceProof]) -> None:
    from ethr_did.core.strict_json import write_json
    from ethr_did.credentials.deliveries import replace_with

    if _is_folder(out):
        for reference, proof in proofs.items():
            _write_proof(out / f"{reference}.proof.json", proof)
        return
    lines = [
        {"reference": reference, "existenceProof": proof.to_dict()}
        for reference, proof in proofs.items()
    ]
    replace_with(_proofs_path(out), b"".join(write_json(line) + b"\n" for line in lines))


# -- in the place of another ---------------------------------------------------------------------


@click.command(
    epilog=examples(
        "ethr-did credential reissue diploma-2026-0041 --claims erika.json"
        " --holder-key new-phone.jwk",
    )
)
@click.argument("reference")
@_claims(required=True)
@click.option(
    "--new-reference",
    metavar="TEXT",
    help="Of the new one; otherwise the old one with a number behind it.",
)
@kind_options
@_out
@sending_options(plans=False, needs_signer=False)
def reissue(
    reference: str,
    claims_file: Path,
    new_reference: str | None,
    kind: Kind,
    out: Path | None,
    sending: Sending,
) -> None:
    """Issue a credential in the place of another, and revoke that one.

    For a holder who lost it, or whose key is another now. The old one is revoked when the new one is
    written. Template and format are those of the old one, unless others are named.
    """
    from ethr_did.credentials.records import Records

    settings = sending.settings()
    with open_store(settings) as store:
        record = Records(store, random=secrets.token_bytes).find(reference)
    parsed, network = find_identity(record.issuer, settings)
    template = _template_of(kind, record.type)
    format_ = record.format if kind.format_name is None else format_of(kind.format_name)
    request = _request(claims_file, template, format_, kind, new_reference)
    on_chain = record.allocation is not None and record.allocation.list.form.value == "chain"
    with ExitStack() as stack:
        issuer = stack.enter_context(open_issuer(settings, parsed, network, kind, sending))
        sender = None
        if on_chain and record.revoked_at is None:
            _, sender = stack.enter_context(sending.open(settings, network))
        done = issuer.reissue(
            reference,
            request,
            sender,
            now=int(time.time()),
            deliver=lambda made: _hand_over(
                issuer, made, out, as_json=sending.as_json, replaces=reference
            ),
        )
    if sending.as_json and (out is not None or done.issued is None):
        members = {} if done.issued is None else _summary(done.issued)
        file = {} if out is None or done.issued is None else {"file": str(out)}
        print_json({"reference": done.reference, **members, **file, "replaces": reference})
    _tell_reissued(parsed, reference, done)


def _template_of(kind: Kind, type_: str) -> Template:
    """The template that is named, or the one of the old credential."""
    from ethr_did.credentials.templates import built_in_templates

    if kind.template_name is not None:
        return read_template(kind.template_name)
    for one in built_in_templates().values():
        if type_ in (one.vct, one.types[0]):
            return one
    raise click.UsageError(f"The template of {type_} is not known here: name it with --template.")


def _tell_reissued(did: EthrDID, reference: str, done: Reissued) -> None:
    if done.issued is None:
        say(f"{done.reference}, in the place of {reference}, was handed over already.")
        say(f"Nothing was written. Is it lost? ethr-did credential reissue {done.reference}")
    else:
        say(f"Issued under the reference {done.reference}, in the place of {reference}.")
    if done.revocation is None:
        say(f"{reference} was not revoked now: it is so already, or has no status.")
    elif done.revocation.to_publish:
        say(f"Verifiers see its revocation after: ethr-did status publish {did.text}")
    else:
        say(f"{reference} is revoked.")
