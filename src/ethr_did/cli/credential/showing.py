"""``credential show`` and ``credential templates``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ethr_did.cli.credential.offices import read_template
from ethr_did.cli.options import examples, json_option
from ethr_did.cli.output import fields, print_json, say, table, to_json
from ethr_did.cli.status.subjects import read_bytes

if TYPE_CHECKING:
    from ethr_did.credentials.credential import Credential
    from ethr_did.credentials.reading import Readable

__all__ = ["show", "templates"]


@click.command(
    epilog=examples(
        "ethr-did credential show diploma.jwt",
        "ethr-did credential show card.sd-jwt --json",
    )
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@json_option
def show(file: Path, as_json: bool) -> None:
    """Show what a credential says, without verifying anything.

    Of an SD-JWT it names the claims that its holder may withhold. FILE holds a credential of any
    format; - is standard input.
    """
    from ethr_did.credentials.credential import Presentation
    from ethr_did.credentials.reading import read
    from ethr_did.errors import InvalidCredential

    found = read(read_bytes(file))
    if isinstance(found, Presentation):
        raise InvalidCredential(
            "this is a presentation", hint="`ethr-did presentation verify` looks into it."
        )
    shown = _shown(found)
    if as_json:
        print_json({"verified": False, **shown})
        return
    rows = [
        ("format", shown["format"]),
        ("type", ", ".join(shown["types"])),
        ("issuer", f"{shown['issuer']} (so it says)"),
        ("key", shown["verificationMethod"] or "not named"),
        ("subject", ", ".join(shown["subjects"]) or "not named"),
        ("holder", _holder(shown)),
        ("issued", shown["issuedAt"] or ""),
        ("valid from", shown["validFrom"] or ""),
        ("valid until", shown["validUntil"] or "no end is said"),
        ("status", _statuses(shown["status"])),
    ]
    fields([row for row in rows if row[1]])
    click.echo()
    click.echo(to_json(shown["claims"]))
    if shown["disclosable"]:
        say("\nIts holder may withhold:")
        for path in shown["disclosable"]:
            say(f"  {path}")
    say(
        "\nNOT VERIFIED: anybody could have written this. Next: "
        f"ethr-did verify {'-' if str(file) == '-' else file}"
    )


def _shown(found: Readable) -> dict[str, Any]:
    from ethr_did.core.resolution import format_time
    from ethr_did.credentials.claim_paths import path_text
    from ethr_did.credentials.sd_jwt_vc import SDJWTVC

    is_sd_jwt = isinstance(found, SDJWTVC)
    credential: Credential = found.credential if isinstance(found, SDJWTVC) else found  # type: ignore[assignment]  # no presentation: see above
    placed = found.processed.disclosed if isinstance(found, SDJWTVC) else ()
    times = {
        "issuedAt": credential.issued_at,
        "validFrom": credential.valid_from,
        "validUntil": credential.valid_until,
    }
    return {
        "format": credential.format.value,
        "types": list(credential.types),
        "issuer": credential.issuer,
        "verificationMethod": credential.proof.method_id,
        "algorithm": credential.proof.algorithm.value,
        "subjects": list(credential.subjects),
        "confirmation": credential.confirmation,
        **{name: None if one is None else format_time(one) for name, one in times.items()},
        "status": list(credential.status),
        "digest": "0x" + credential.digest.hex(),
        "disclosable": sorted(path_text(one.path) for one in placed) if is_sd_jwt else None,
        "claims": dict(credential.claims),
    }


def _holder(shown: dict[str, Any]) -> str:
    confirmation = shown["confirmation"] or {}
    if "kid" in confirmation:
        return str(confirmation["kid"])
    if "jwk" in confirmation:
        return "whoever has the key in cnf"
    return ", ".join(shown["subjects"]) or "anybody"


def _statuses(entries: list[Any]) -> str:
    from ethr_did.core.status_entry import entry_from_dict
    from ethr_did.errors import InvalidInput

    words = []
    for entry in entries:
        try:
            words.append(type(entry_from_dict(entry)).__name__)
        except InvalidInput:
            words.append("of an unknown kind")
    return ", ".join(words) or "none: nothing can revoke it but its expiry"


@click.command(
    epilog=examples(
        "ethr-did credential templates",
        "ethr-did credential templates diploma > my-diploma.json",
        "ethr-did credential templates diploma --schema",
    )
)
@click.argument("name", metavar="[NAME|FILE]", required=False)
@click.option(
    "--schema", "as_schema", is_flag=True, help="The JSON Schema of its VCs, to be published."
)
@json_option
def templates(name: str | None, as_schema: bool, as_json: bool) -> None:
    """List the templates, or print one as JSON.

    A template of your own is such a file: change it, and name it with --template.
    """
    from ethr_did.credentials.templates import built_in_templates

    if name is not None:
        template = read_template(name)
        print_json(template.credential_schema if as_schema else template.to_dict())
        return
    if as_schema:
        raise click.UsageError("--schema is of one template: name it.")
    known = built_in_templates().values()
    if as_json:
        print_json([one.to_dict() for one in known])
        return
    rows = [(one.name, one.title, one.types[0], one.valid_days or "") for one in known]
    table(rows, ("name", "what it is", "type", "days"))
