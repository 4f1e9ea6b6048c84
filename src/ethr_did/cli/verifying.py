"""``verify``, ``credential verify`` and ``presentation verify``: everything that can be checked."""

from __future__ import annotations

import functools
import json
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ethr_did.cli.options import config_option, examples, json_option, load
from ethr_did.cli.output import console, fields, print_json, readable, say, table, working
from ethr_did.cli.status.checking import fetch_options, seen_file
from ethr_did.cli.status.subjects import read_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ethr_did.credentials.anchoring import ExistenceProof
    from ethr_did.credentials.policy import Policy
    from ethr_did.credentials.report import Check, CredentialReport, Report
    from ethr_did.credentials.trust import TrustPolicy, TrustSource
    from ethr_did.credentials.verification import Verifier
    from ethr_did.settings import Settings

    F = TypeVar("F", bound=Callable[..., Any])

__all__ = ["presentation", "verify", "verify_credential", "verify_presentation"]

_INVALID, _UNDETERMINED = 10, 4
_COLOURS = {"passed": "green", "failed": "bold red", "undetermined": "yellow", "skipped": "dim"}
_VALID_FOR_ANYBODY = (
    "Valid, if you trust the issuer: nobody was named whose credentials you accept."
)
_LONGEST = 100
"""Characters of a claim that are shown."""
_FILE = click.Path(path_type=Path, dir_okay=False)


def _policy_options(function: F) -> F:
    """Adds what a verifier may demand."""
    for option in reversed(
        (
            click.option("--nonce", metavar="TEXT", help="That a presentation must be made for."),
            click.option("--audience", metavar="TEXT", help="Who it must be made for: you."),
            click.option(
                "--unbound",
                is_flag=True,
                help="Do not compare nonce and audience. Whoever saw a presentation can repeat it.",
            ),
            click.option(
                "--holder",
                type=click.Choice(["bound", "presented", "anybody"]),
                default="bound",
                show_default=True,
                help="Who may show a credential; presented: nobody without a presentation.",
            ),
            click.option(
                "--trust",
                "trust_files",
                type=_FILE,
                multiple=True,
                help="A trust list of your own; may be repeated. Without any source, that of the "
                "state folder, if there is one.",
            ),
            click.option(
                "--signed-trust",
                "signed_lists",
                type=(_FILE, str),
                metavar="FILE DID",
                multiple=True,
                help="A signed trust list, and whose it must be; may be repeated.",
            ),
            click.option(
                "--authority",
                "authorities",
                metavar="DID",
                multiple=True,
                help="An identity whose accreditations on chain count; may be repeated.",
            ),
            click.option("--any-issuer", is_flag=True, help="Accept everybody's credentials."),
            click.option(
                "--require",
                "required",
                metavar="PATH",
                multiple=True,
                help="A claim that must be there, and not be false or null, as "
                "age_equal_or_over.18; may be repeated.",
            ),
            click.option(
                "--query", "query_file", type=_FILE, help="DCQL request that must be answered."
            ),
            click.option(
                "--max-age",
                metavar="TIME",
                help="Since it was issued: seconds, or with m, h, d, y.",
            ),
            click.option(
                "--finality",
                type=click.Choice(["strictest", "latest", "finalized"]),
                default="strictest",
                show_default=True,
                help="Which block counts for statuses.",
            ),
            click.option("--require-status", is_flag=True, help="Refuse one that has no status."),
            click.option(
                "--schema",
                "schema_files",
                type=_FILE,
                multiple=True,
                help="JSON Schema with the $id that credentials name; may be repeated.",
            ),
            click.option("--fetch-schemas", is_flag=True, help="Fetch schemas that are not here."),
            click.option("--require-schema", is_flag=True, help="Accept none without its schema."),
            click.option(
                "--existence",
                "proof_files",
                type=_FILE,
                multiple=True,
                help="Proof that it existed while its key was there; may be repeated.",
            ),
            click.option(
                "--universal-resolver",
                metavar="URL",
                help="Whom to ask about DIDs of other methods. It is believed, and learns them.",
            ),
        )
    ):
        function = option(function)
    return function


def _command(function: Callable[..., int]) -> Callable[..., int]:
    """A verifying command with all its options."""
    wrapped = click.argument("files", metavar="FILE...", nargs=-1, required=True)(
        _policy_options(fetch_options(json_option(config_option(function))))
    )
    return functools.wraps(function)(wrapped)


@click.command(
    epilog=examples(
        "ethr-did verify diploma.jwt",
        "ethr-did verify presentation.txt --nonce n-0S6_WzA2Mj --audience https://shop.example",
        "ethr-did verify diploma.jwt --authority DID --existence proof.json --json",
    )
)
@_command
def verify(files: tuple[str, ...], **options: Any) -> int:
    """Verify credentials and presentations, whatever their format.

    FILE holds a token or a JSON object; - is standard input. Every check that can be made is made.
    Exit code 0 if all are valid, 10 if one is not, 4 if that could not be found out.
    """
    return _run(files, options)


@click.command(
    "verify",
    epilog=examples(
        "ethr-did credential verify diploma.jwt",
        "ethr-did credential verify diploma.jwt --trust own.json --require credentialSubject.degree",
    ),
)
@_command
def verify_credential(files: tuple[str, ...], **options: Any) -> int:
    """Verify credentials that nobody presents, as for a register.

    FILE is as for `ethr-did verify`; a presentation is refused. Nothing shows that whoever gave
    you a credential is its holder.
    """
    return _run(files, options, kind="credential")


@click.group()
def presentation() -> None:
    """Verify what holders present."""


@presentation.command(
    "verify",
    epilog=examples(
        "ethr-did presentation verify shown.txt --nonce n-0S6_WzA2Mj --audience"
        " https://shop.example --require age_equal_or_over.18",
        "ethr-did presentation verify response.json --query request.json --nonce n-0S6_WzA2Mj"
        " --audience https://shop.example",
    ),
)
@_command
def verify_presentation(files: tuple[str, ...], **options: Any) -> int:
    """Verify presentations, and all credentials in them.

    FILE holds a presentation, or with --query the answer to it: a JSON object with the
    presentations for each part of the query. A credential that nobody presents is refused.
    """
    return _run(files, {**options, "holder": _presented(options["holder"])}, kind="presentation")


def _presented(rule: str) -> str:
    return "presented" if rule == "bound" else rule


# -- what is demanded ----------------------------------------------------------------------------


def _run(files: Sequence[str], options: Mapping[str, Any], kind: str | None = None) -> int:
    if files.count("-") > 1:
        raise click.UsageError("Standard input can be read only once.")
    settings = load(options["config_file"])
    policy = _policy(options, settings)
    proofs = [proof for file in options["proof_files"] for proof in _read_proofs(file)]
    subjects = [read_bytes(Path(file)) for file in files]
    with ExitStack() as stack:
        verifier = _open(stack, options, settings)
        with working("Verifying …"):
            reports = [_verified(verifier, data, policy, proofs, kind) for data in subjects]
    if options["as_json"]:
        found = [report.to_dict() for report in reports]
        print_json(found[0] if len(found) == 1 else found)
    else:
        for file, report in zip(files, reports, strict=True):
            _print("standard input" if file == "-" else file, report)
    return _exit_code(reports)


def _verified(
    verifier: Verifier,
    data: bytes,
    policy: Policy,
    proofs: Sequence[ExistenceProof],
    kind: str | None,
) -> Report:
    from ethr_did.credentials.credential import Presentation
    from ethr_did.credentials.reading import read
    from ethr_did.credentials.sd_jwt_vc import SDJWTVC
    from ethr_did.errors import InvalidCredential, InvalidInput

    if policy.query is not None and kind != "credential":
        return verifier.verify_response(data, policy, proofs=proofs)
    if kind == "credential":
        try:
            found = read(data)
        except InvalidInput:
            found = None  # the report says what is wrong with it
        if isinstance(found, Presentation) or (isinstance(found, SDJWTVC) and found.binding):
            raise InvalidCredential(
                "this is a presentation", hint="Use `ethr-did presentation verify`."
            )
    return verifier.verify(data, policy, proofs=proofs)


def _policy(options: Mapping[str, Any], settings: Settings) -> Policy:
    from ethr_did.core.status_answer import FinalityPolicy
    from ethr_did.credentials.claim_paths import parse_path
    from ethr_did.credentials.dcql import Query
    from ethr_did.credentials.policy import HolderRule, Policy

    query = options["query_file"]
    return Policy(
        trust=_trust(options, settings),
        nonce=options["nonce"],
        audience=options["audience"],
        unbound=options["unbound"],
        holder=HolderRule(options["holder"]),
        required=tuple(parse_path(text) for text in options["required"]),
        query=None if query is None else Query.parse(read_bytes(query)),
        max_age=_seconds(options["max_age"]),
        finality=FinalityPolicy(options["finality"]),
        require_status=options["require_status"],
        schemas=dict(map(_read_schema, options["schema_files"])),
        fetch_schemas=options["fetch_schemas"],
        require_schema=options["require_schema"],
    )


def _seconds(text: str | None) -> int | None:
    from ethr_did.cli.changing import parse_validity

    return None if text is None else parse_validity(text)


def _trust(options: Mapping[str, Any], settings: Settings) -> TrustPolicy | None:
    """The sources that are named; without any, the user's own list, if there is one."""
    from ethr_did.cli.trust.sources import default_list, open_sources
    from ethr_did.credentials.trust import TrustPolicy

    named = (options["trust_files"], options["signed_lists"], options["authorities"])
    if options["any_issuer"]:
        if any(named):
            raise click.UsageError("--any-issuer does not go with sources of trust.")
        return None
    sources: tuple[TrustSource, ...] = open_sources(*named, settings) if any(named) else ()
    own = None if sources else default_list(settings)
    if own is not None:
        sources = (own,)
    return TrustPolicy(sources=sources, networks=settings.table()) if sources else None


def _read_schema(path: Path) -> tuple[str, Mapping[str, Any]]:
    from ethr_did.core.strict_json import read_json
    from ethr_did.errors import InvalidFile

    content = read_json(read_bytes(path))
    if not isinstance(content, dict) or not isinstance(content.get("$id"), str):
        raise InvalidFile(
            f"{path} is no JSON Schema with an $id",
            hint="The $id is what credentials call the schema by.",
        )
    return content["$id"], content


def _read_proofs(path: Path) -> list[ExistenceProof]:
    from ethr_did.core.strict_json import read_json
    from ethr_did.credentials.anchoring import ExistenceProof

    found = read_json(read_bytes(path))
    return [
        ExistenceProof.from_dict(one) for one in (found if isinstance(found, list) else [found])
    ]


def _open(stack: ExitStack, options: Mapping[str, Any], settings: Settings) -> Verifier:
    from ethr_did.credentials.questions import Outside
    from ethr_did.credentials.verification import Verifier
    from ethr_did.fetching import Fetcher, FetchRules

    rules = FetchRules(allow_private=options["allow_private_fetch"], ca_file=options["ca_file"])
    outside = stack.enter_context(
        Outside.on(
            settings.table(),
            fetcher=Fetcher(rules),
            seen=seen_file(settings),
            universal_url=options["universal_resolver"],
            timeout=settings.timeout,
        )
    )
    return Verifier(outside)


# -- the report ----------------------------------------------------------------------------------


def _print(name: str, report: Report) -> None:
    for part in report.parts or (report,):
        if part.presentation is not None:
            fields(
                [
                    ("presentation", f"{name}, {part.presentation.value}"),
                    ("holder", part.holder or "a key"),
                ]
            )
            _print_checks(part.checks)
            click.echo()
        for one in part.credentials:
            _print_credential(name, one, is_good=report.verdict.value == "valid")
    if report.parts or (report.presentation is None and report.checks):
        _print_checks(report.checks)
    words = {
        "valid": _VALID_FOR_ANYBODY if _is_anybody_s(report) else "Valid.",
        "invalid": "NOT VALID. Do not accept it.",
        "undetermined": "Not known. Do not accept it; above is what was not found out.",
    }[report.verdict.value]
    say(f"{name}: {words}")


def _is_anybody_s(report: Report) -> bool:
    """Whether nobody asked whose credentials they are."""
    return any(
        check.name.value == "trust" and check.outcome.value == "skipped"
        for part in report.parts or (report,)
        for one in part.credentials
        for check in one.checks
    )


def _print_credential(name: str, one: CredentialReport, *, is_good: bool) -> None:
    from ethr_did.core.resolution import format_time

    rows: list[tuple[str, object]] = [
        ("credential", name if one.place == "credential" else f"{name}, {one.place}")
    ]
    if one.format is not None:
        rows += [
            ("format", one.format.value),
            ("type", _line(", ".join(one.types))),
            ("issuer", one.issuer),
        ]
        rows += [("subject", _line(subject)) for subject in one.subjects]
        rows += [
            (word, format_time(moment))
            for word, moment in (("valid from", one.valid_from), ("valid until", one.valid_until))
            if moment is not None
        ]
    fields(rows)
    _print_checks(one.checks)
    said = _said(one)
    if said:
        click.echo()
        table(said, ("claim", "value" if is_good else "value, not to be relied on"))
    click.echo()


def _said(one: CredentialReport) -> list[tuple[str, str]]:
    """What the credential says about its subject, each claim by its path."""
    from ethr_did.credentials.claim_paths import path_text

    return [(_line(path_text(path)), _line(_shortened(value))) for path, value in one.said()]


def _shortened(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _line(text: str) -> str:
    """The text in one line: what follows a line's end could be taken for a part of the report."""
    return text.replace("\n", "\\n")


def _print_checks(checks: Sequence[Check]) -> None:
    rows = [(check.name.value, check.outcome.value, _line(check.message)) for check in checks]
    if not sys.stdout.isatty():
        table(rows, ("check", "outcome", "because"))
        return
    from rich.table import Table
    from rich.text import Text

    out = Table(header_style="bold")
    for heading in ("check", "outcome", "because"):
        out.add_column(heading, overflow="fold")
    for name, outcome, message in rows:
        out.add_row(name, Text(outcome, _COLOURS[outcome]), Text(readable(message)))
    console().print(out)


def _exit_code(reports: Sequence[Report]) -> int:
    """That of the worst; a "no" is worse than not knowing."""
    verdicts = {report.verdict.value for report in reports}
    if "invalid" in verdicts:
        return _INVALID
    return _UNDETERMINED if "undetermined" in verdicts else 0
